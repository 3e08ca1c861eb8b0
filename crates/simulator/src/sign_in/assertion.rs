//! Client assertions: an application that proves its certificate's key (API.md 8).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use super::{SignInControl, SignInError};

/// Bytes that are no certificate in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate in DER")]
pub struct UnreadableCertificate;

/// A certificate that an application is registered with.
pub(super) struct Certificate {
    /// SHA-256 over the certificate, in base64url: what `x5t#S256` names it by.
    thumbprint: String,
    key: DecodingKey,
}

impl Certificate {
    pub(super) fn read(der: &[u8]) -> Result<Self, UnreadableCertificate> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| UnreadableCertificate)?;
        if !rest.is_empty() {
            return Err(UnreadableCertificate);
        }
        Ok(Self {
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(der)),
            // Of an RSA key the bits are PKCS#1; any other key verifies no assertion.
            key: DecodingKey::from_rsa_der(&certificate.public_key().subject_public_key.data),
        })
    }
}

impl SignInControl {
    /// Checks an assertion for real: who signed it with which key, for whom, for how long.
    pub(super) fn check_assertion(
        &mut self,
        assertion: &str,
        tenant: &str,
        client: &str,
    ) -> Result<(), SignInError> {
        let refuse = |why: &str| {
            let words = format!("The client assertion was refused: {why}.");
            SignInError::new("invalid_client", 700_027).saying(words)
        };
        let header = jsonwebtoken::decode_header(assertion).map_err(|_| refuse("it is no JWT"))?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256) {
            return Err(refuse("it is signed by neither RS256 nor PS256"));
        }
        let thumbprint = header.x5t_s256.ok_or_else(|| refuse("it names no certificate by x5t#S256"))?;
        let certificate = self.certificates.iter().find(|certificate| certificate.thumbprint == thumbprint);
        let certificate = certificate.ok_or_else(|| refuse("its certificate is not registered"))?;
        let mut validation = Validation::new(header.alg);
        let local = self.base.replace("127.0.0.1", "localhost");
        let endpoint = |base: &str| format!("{base}/{tenant}/oauth2/v2.0/token");
        validation.set_audience(&[endpoint(&self.base), endpoint(&local)]);
        validation.set_issuer(&[client]);
        validation.sub = Some(client.to_owned());
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.validate_nbf = true;
        let claims = jsonwebtoken::decode::<Map<String, Value>>(assertion, &certificate.key, &validation)
            .map_err(|error| refuse(reason(error.kind())))?
            .claims;
        let id = claims.get("jti").and_then(Value::as_str).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| refuse("it has no id (jti)"))?;
        if !self.assertions.insert(id.to_owned()) {
            return Err(refuse("it was used before"));
        }
        Ok(())
    }
}

fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidSignature => "its signature is not the certificate's",
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidAudience => "it is for another audience",
        ErrorKind::InvalidIssuer | ErrorKind::InvalidSubject => "it is not by the application itself",
        ErrorKind::MissingRequiredClaim(_) => "it leaves out aud, exp, iss or sub",
        _ => "it cannot be read",
    }
}
