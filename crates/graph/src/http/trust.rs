//! Decides which servers to trust: those whose certificates this machine's store accepts, including
//! certificates from CAs that its administrators have added. There is no option to skip the check.
//!
//! The error for an untrusted certificate names its issuer, which distinguishes a proxy that
//! inspects traffic from an attack.

mod issuer;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

use alertdeck_model::{SafeText, Timestamp};

/// The protocols to offer (ALPN), best first. The HTTP library uses the given configuration
/// unchanged, so without these it would never speak HTTP/2.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Creates a TLS configuration that uses this machine's certificate store and prefers HTTP/2 over
/// HTTP/1.1.
pub(super) fn config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let machine = Machine { provider: Arc::clone(&provider), verifier: OnceLock::new() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(machine))
        .with_no_client_auth();
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}

/// Creates the TLS configuration that trusts only the certificate authorities in this PEM text.
pub(super) fn only(authorities: &str) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(authority.map_err(|_| Error::General("the certificates cannot be read".into()))?)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}

/// The platform's verifier. It is created on first use, so that a machine without a certificate
/// store can still use a service on loopback.
#[derive(Debug)]
struct Machine {
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Result<Verifier, Error>>,
}

impl Machine {
    fn verifier(&self) -> Result<&Verifier, Error> {
        let made = self.verifier.get_or_init(|| Verifier::new(Arc::clone(&self.provider)));
        made.as_ref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for Machine {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = self.verifier()?;
        match verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(error)) => {
                let untrusted = Untrusted::read(&error, end_entity, intermediates);
                Err(CertificateError::Other(OtherError(Arc::new(untrusted))).into())
            }
            other => other,
        }
    }

    // Signature checks do not depend on the platform.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The reason a server's certificate is not trusted, and its issuers. `Display` is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untrusted {
    reason: String,
    /// The issuer, followed by the issuer at the top of the chain if that one is different.
    issuers: Vec<String>,
}

/// The maximum number of characters to keep from a name in a certificate.
const LONGEST_NAME: usize = 100;

impl Untrusted {
    fn read(error: &CertificateError, end_entity: &[u8], intermediates: &[CertificateDer<'_>]) -> Self {
        let mut issuers = Vec::new();
        for der in std::iter::once(end_entity).chain(intermediates.iter().map(AsRef::as_ref)) {
            let Some(issuer) = issuer::issuer(der).map(|name| short(&name)) else { break };
            if !issuers.contains(&issuer) {
                issuers.push(issuer);
            }
        }
        // The issuers in between are not informative.
        if issuers.len() > 2 {
            issuers.drain(1..issuers.len() - 1);
        }
        Self { reason: reason(error), issuers }
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match self.issuers.as_slice() {
            [] => f.write_str(" (it names no issuer)"),
            [issuer, others @ ..] => {
                write!(f, " (issued by {issuer}")?;
                others.iter().try_for_each(|other| write!(f, ", under {other}"))?;
                f.write_str(")")
            }
        }
    }
}

impl std::error::Error for Untrusted {}

fn reason(error: &CertificateError) -> String {
    let day = |at: &UnixTime| {
        let at = Timestamp::from_seconds(i64::try_from(at.as_secs()).unwrap_or(i64::MAX));
        at.to_second().chars().take(10).collect::<String>()
    };
    match error {
        CertificateError::UnknownIssuer => "the certificate's issuer is unknown to this machine".to_owned(),
        CertificateError::Expired => "the certificate has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the certificate expired on {}", day(not_after))
        }
        CertificateError::NotValidYet => "the certificate is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("the certificate is not valid before {}", day(not_before))
        }
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        CertificateError::NotValidForName => "the certificate is for another host".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<_> = presented.iter().take(3).map(|name| presented_name(name)).collect();
            match names.as_slice() {
                [] => "the certificate names no host".to_owned(),
                names => format!("the certificate is for {}, not for this host", names.join(", ")),
            }
        }
        other => format!("the certificate is not valid: {}", short(&other.to_string())),
    }
}

/// Unwraps a name that the TLS library formats as `DnsName("host")` or `IpAddress(...)`.
fn presented_name(name: &str) -> String {
    let inner = name.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
    short(inner.unwrap_or(name))
}

fn short(text: &str) -> String {
    SafeText::new(&text.trim().chars().take(LONGEST_NAME).collect::<String>()).line()
}
