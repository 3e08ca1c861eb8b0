//! JSON Web Signatures for client assertions: RSASSA-PSS with SHA-256, called `PS256` in RFC 7518.
//!
//! This module only signs. Invariant: a key never appears in `Debug` or in an error.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PSS_SHA256};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use secrecy::SecretString;
use serde_json::{Value, json};

/// The supported RSA key sizes, in bits.
pub(super) const KEY_SIZES: &str = "2048 to 4096";

/// The reason PEM text contains no usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    /// There is no complete PEM block with an unencrypted private key.
    Missing,
    /// The key is not RSA, is damaged, or has a size outside [`KEY_SIZES`].
    Unsuitable,
}

/// An RSA private key. Cheap to clone.
#[derive(Clone)]
pub(super) struct SigningKey(Arc<KeyPair>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads the first private key in PEM text: PKCS#8 (`PRIVATE KEY`) or PKCS#1
    /// (`RSA PRIVATE KEY`). Blocks of other kinds are skipped.
    pub(super) fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let key = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::Missing)? {
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(KeyError::Unsuitable),
        };
        key.map(|key| Self(Arc::new(key))).map_err(|_| KeyError::Unsuitable)
    }

    /// Returns the claims as a signed token in compact form. The token's header identifies the
    /// certificate by `thumbprint`, the certificate's SHA-256 digest in base64url. Returns `None`
    /// if the key cannot sign.
    pub(super) fn sign(&self, thumbprint: &str, claims: &Value) -> Option<SecretString> {
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
        let mut token =
            [header, claims.clone()].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PSS_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature).ok()?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Some(token.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_testing::Identity;
    use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use rstest::rstest;
    use secrecy::ExposeSecret as _;

    #[rstest]
    #[case::pkcs8(Identity::APP)]
    #[case::pkcs1(Identity::OTHER)]
    fn a_signature_verifies_with_the_public_key(#[case] identity: Identity) {
        let key = SigningKey::from_pem(&identity.pem()).unwrap();
        let claims = json!({"iss": "me", "exp": 1_800_000_000});
        let token = key.sign("a-thumbprint", &claims).unwrap();
        let (signed, signature) = token.expose_secret().rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.0.public().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let parts: Vec<Value> = signed
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(parts, [json!({"alg": "PS256", "typ": "JWT", "x5t#S256": "a-thumbprint"}), claims],);
    }

    #[rstest]
    #[case::empty("", KeyError::Missing)]
    #[case::certificate_only(Identity::APP.certificate, KeyError::Missing)]
    #[case::encrypted(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n",
        KeyError::Missing
    )]
    #[case::cut(&Identity::APP.key[..900], KeyError::Missing)]
    #[case::not_base64("-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----\n", KeyError::Missing)]
    #[case::not_der("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", KeyError::Unsuitable)]
    #[case::elliptic(
        "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n",
        KeyError::Unsuitable
    )]
    fn an_unusable_key_is_refused(#[case] pem: &str, #[case] error: KeyError) {
        assert_eq!(SigningKey::from_pem(pem).unwrap_err(), error);
    }

    #[test]
    fn an_elliptic_curve_key_in_pkcs8_is_refused() {
        let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(SigningKey::from_pem(&pem).unwrap_err(), KeyError::Unsuitable);
    }

    #[test]
    fn debug_shows_no_key() {
        let key = SigningKey::from_pem(Identity::APP.key).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey");
    }
}
