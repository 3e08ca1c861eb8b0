//! JSON Web Signatures in compact form (RFC 7515): reads and verifies client assertions, and signs
//! the tenant's own tokens with a symmetric key.
//!
//! This module shares no code with the client that the simulator tests, so that a mistake in either
//! of them does not go unnoticed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use ring::hmac;
use serde_json::{Map, Value};
use webpki::{
    EndEntityCert,
    ring::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY},
};

/// A token that has been read but not verified.
pub(super) struct Jws<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// The header and the claims as they were sent, which are the signed bytes.
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Reads a token made up of three parts, the first two of which are JSON objects.
    pub(super) fn read(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// Returns a header parameter that is a string.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// Returns the verification algorithm named by the header's `alg`; `None` for any algorithm
    /// other than RS256 and PS256.
    pub(super) fn algorithm(&self) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        match self.header("alg")? {
            "RS256" => Some(RSA_PKCS1_2048_8192_SHA256),
            "PS256" => Some(RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
            _ => None,
        }
    }

    /// Returns the claims if the signature was made with the key of `certificate`.
    pub(super) fn verify(
        &self,
        algorithm: &dyn SignatureVerificationAlgorithm,
        certificate: &CertificateDer<'_>,
    ) -> Option<&Map<String, Value>> {
        let certificate = EndEntityCert::try_from(certificate).ok()?;
        certificate.verify_signature(algorithm, self.signed.as_bytes(), &self.signature).ok()?;
        Some(&self.claims)
    }
}

/// Returns the claims as a token that is signed with HMAC-SHA-256.
pub(super) fn sign_hs256(key: &[u8], claims: &Value) -> String {
    let mut token = [r#"{"typ":"JWT","alg":"HS256"}"#, &claims.to_string()]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(tag, &mut token);
    token
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[test]
    fn a_token_is_signed_with_its_key() {
        let token = sign_hs256(b"key", &json!({"aud": "here"}));
        let jws = Jws::read(&token).unwrap();
        assert_eq!((jws.header("alg"), &jws.claims["aud"]), (Some("HS256"), &json!("here")));
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        hmac::verify(&key, jws.signed.as_bytes(), &jws.signature).unwrap();
        assert!(jws.algorithm().is_none());
    }

    #[test]
    fn the_example_of_rfc_7515_is_reproduced_by_hmac() {
        // The example in RFC 7515, appendix A.1. Its JSON has line breaks, and signing its exact
        // bytes yields its signature.
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0\
             dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let token = format!("{signed}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let jws = Jws::read(&token).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &URL_SAFE_NO_PAD.decode(key).unwrap());
        hmac::verify(&key, jws.signed.as_bytes(), &jws.signature).unwrap();
        assert_eq!(jws.claims["iss"], "joe");
    }

    #[rstest]
    #[case("")]
    #[case("e30.e30")]
    #[case("e30.e30.e30.e30")]
    #[case("e30.W10.")]
    #[case("e30.e30=.")]
    #[case("e30.?.")]
    fn a_malformed_token_is_not_read(#[case] token: &str) {
        assert!(Jws::read(token).is_none());
    }
}
