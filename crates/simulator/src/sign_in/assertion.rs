//! Client assertions: an application proves that it holds its certificate's private key
//! (docs/graph-api.md, "Client credentials").

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pki_types::CertificateDer;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use webpki::EndEntityCert;

use super::{SignInControl, SignInError, jws::Jws};

/// The maximum deviation of the client's clock, in seconds.
const LEEWAY: u64 = 60;

/// The error for bytes that are not a DER certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate in DER")]
pub struct UnreadableCertificate;

/// A certificate that is registered for client assertions.
pub(super) struct Certificate {
    /// The certificate's SHA-256 digest in base64url, the value of `x5t#S256`.
    thumbprint: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    pub(super) fn read(der: &[u8]) -> Result<Self, UnreadableCertificate> {
        let der = CertificateDer::from(der.to_vec());
        EndEntityCert::try_from(&der).map_err(|_| UnreadableCertificate)?;
        Ok(Self { thumbprint: URL_SAFE_NO_PAD.encode(digest(&SHA256, &der)), der })
    }
}

impl SignInControl {
    /// Verifies an assertion: its signature, issuer, audience, validity period and single use.
    pub(super) fn check_assertion(
        &mut self,
        assertion: &str,
        tenant: &str,
        client: &str,
        now: u64,
    ) -> Result<(), SignInError> {
        let refuse = |why: &str| {
            let message = format!("The client assertion was refused: {why}.");
            SignInError::new("invalid_client", 700_027).with_message(message)
        };
        let jws = Jws::read(assertion).ok_or_else(|| refuse("it is not a JWT"))?;
        let algorithm = jws.algorithm().ok_or_else(|| refuse("it is signed with neither RS256 nor PS256"))?;
        let thumbprint = jws.header("x5t#S256");
        let thumbprint = thumbprint.ok_or_else(|| refuse("it names no certificate by x5t#S256"))?;
        let certificate = self.certificates.iter().find(|certificate| certificate.thumbprint == thumbprint);
        let certificate = certificate.ok_or_else(|| refuse("its certificate is not registered"))?;
        let claims = jws.verify(algorithm, &certificate.der);
        let claims = claims.ok_or_else(|| refuse("its signature does not match the certificate"))?;
        let local = self.base.replace("127.0.0.1", "localhost");
        let audiences = [&self.base, &local].map(|base| format!("{base}/{tenant}/oauth2/v2.0/token"));
        check_claims(claims, &audiences, client, now).map_err(refuse)?;
        let id = claims.get("jti").and_then(Value::as_str).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| refuse("it has no id (jti)"))?;
        if !self.assertions.insert(id.to_owned()) {
            return Err(refuse("it was used before"));
        }
        Ok(())
    }
}

/// Checks the issuer, audience and time claims; `now` is in Unix seconds.
fn check_claims(
    claims: &Map<String, Value>,
    audiences: &[String],
    client: &str,
    now: u64,
) -> Result<(), &'static str> {
    const MISSING: &str = "it leaves out aud, exp, iss or sub";
    let text = |name: &str| claims.get(name).and_then(Value::as_str).ok_or(MISSING);
    let (audience, issuer, subject) = (text("aud")?, text("iss")?, text("sub")?);
    let expires = claims.get("exp").and_then(Value::as_u64).ok_or(MISSING)?;
    let starts = match claims.get("nbf") {
        None => 0,
        Some(starts) => starts.as_u64().ok_or("its nbf is not a time")?,
    };
    if expires.saturating_add(LEEWAY) < now {
        Err("it has expired")
    } else if starts > now.saturating_add(LEEWAY) {
        Err("it is not valid yet")
    } else if !audiences.iter().any(|expected| expected == audience) {
        Err("it is for another audience")
    } else if issuer != client || subject != client {
        Err("it was not issued by the application itself")
    } else {
        Ok(())
    }
}
