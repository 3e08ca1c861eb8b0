//! The certificates for an https service.
//!
//! A new certificate authority issues one certificate for the loopback addresses. The authority's
//! private key is then dropped, so a client that trusts the authority trusts nothing but this run
//! of the service.

use std::sync::Arc;

use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{ServerConfig, crypto::ring};
use tokio_rustls::TlsAcceptor;

/// The names that the certificate is valid for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The number of days for which the certificates are valid after they are issued. Their validity
/// starts on the day before. Some clients reject server certificates that are valid for years.
const LIFE: i64 = 90;

/// The error for a certificate that cannot be issued or used.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("cannot issue a certificate: {0}")]
    Issue(#[from] rcgen::Error),
    #[error("cannot use the certificate: {0}")]
    Use(#[from] rustls::Error),
}

/// The service's TLS identity.
pub(super) struct Identity {
    /// The authority's certificate, as PEM.
    pub(super) authority: String,
    pub(super) acceptor: TlsAcceptor,
}

impl Identity {
    pub(super) fn new() -> Result<Self, TlsError> {
        let mut params = valid(CertificateParams::default());
        params.distinguished_name.push(DnType::CommonName, "alertdeck simulated tenant");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        // Python's `ssl` rejects an authority without these usages, and certificates that do not
        // identify their authority's key (RFC 5280, 4.2.1.1 and 4.2.1.3).
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

        let mut params = valid(CertificateParams::new(NAMES.map(str::to_owned))?);
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        let chain = vec![certificate.der().clone()];
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key.into())?;
        config.alpn_protocols = [&b"h2"[..], b"http/1.1"].map(<[u8]>::to_vec).to_vec();
        Ok(Self { authority: issuer.pem(), acceptor: Arc::new(config).into() })
    }
}

/// Sets the first and last day of a certificate's validity.
fn valid(mut params: CertificateParams) -> CertificateParams {
    let today = TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let first = today.saturating_sub(1.day());
    let last = today.saturating_add(LIFE.days());
    let day = |date: Date| rcgen::date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8);
    (params.not_before, params.not_after) = (day(first), day(last));
    params
}
