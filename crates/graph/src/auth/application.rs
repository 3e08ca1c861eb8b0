//! Sign-in as an application: with a secret, or with a certificate whose key signs an assertion.

use std::{
    fmt,
    path::Path,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2::{ClientSecret, Scope};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{
    AuthError, Claims,
    grant::{Grant, OAuthHttp, oauth},
    jws::{KEY_SIZES, KeyError, SigningKey},
};

/// The environment variable that may hold an application's secret. It is removed from the
/// environment of child processes.
pub const SECRET_VARIABLE: &str = "ALERTDECK_CLIENT_SECRET";
/// An assertion's lifetime. It can be short because an assertion is used immediately.
const ASSERTION_LIFE: Duration = Duration::from_secs(300);
/// The type of the assertion (RFC 7523, 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The maximum number of bytes to read from a secret or certificate file; the rest is ignored.
const MAX_FILE: u64 = 64 << 10;

/// An application's credential.
#[derive(Clone)]
pub enum Proof {
    /// A client secret.
    Secret(SecretString),
    /// A private key whose certificate is registered with the authority.
    Certificate(Certificate),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Proof::Secret",
            Self::Certificate(_) => "Proof::Certificate",
        })
    }
}

/// A certificate with its private key.
#[derive(Clone)]
pub struct Certificate {
    key: SigningKey,
    /// The SHA-256 digest of the certificate in base64url, as in `x5t#S256`.
    thumbprint: String,
}

impl Proof {
    /// Creates a proof from a secret. Surrounding whitespace is removed, since text files usually
    /// end with a line break.
    pub fn secret(text: &str) -> Result<Self, AuthError> {
        let text = text.trim_matches(['\r', '\n', ' ', '\t']);
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(AuthError::Setup("the client secret is empty or spans several lines".into()));
        }
        Ok(Self::Secret(text.to_owned().into()))
    }

    /// Reads a secret from a file.
    pub fn secret_file(path: &Path) -> Result<Self, AuthError> {
        Self::secret(read(path, "client secret")?.expose_secret())
    }

    /// Reads a certificate and its RSA private key from a PEM file.
    pub fn certificate_file(path: &Path) -> Result<Self, AuthError> {
        Self::certificate(read(path, "certificate")?.expose_secret())
    }

    /// Creates a proof from a certificate and its RSA private key, both in PEM.
    pub fn certificate(pem: &str) -> Result<Self, AuthError> {
        let wrong = |what: &str| AuthError::Setup(format!("the certificate file {what}"));
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| wrong("contains no certificate (-----BEGIN CERTIFICATE-----)"))?;
        let key = SigningKey::from_pem(pem).map_err(|error| match error {
            KeyError::Missing => {
                wrong("contains no private key (-----BEGIN PRIVATE KEY-----) without a passphrase")
            }
            KeyError::Unsuitable => {
                wrong(&format!("contains an unsuitable private key: use an RSA key of {KEY_SIZES} bits"))
            }
        })?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate));
        Ok(Self::Certificate(Certificate { key, thumbprint }))
    }

    /// Signs in and returns a token.
    pub(super) async fn sign_in(
        &self,
        http: OAuthHttp,
        demanded: Option<&Claims>,
    ) -> Result<Grant, AuthError> {
        let application = &http.application;
        let mut client = oauth(application);
        if let Self::Secret(secret) = self {
            client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        }
        let mut request = client
            .exchange_client_credentials()
            .add_scope(Scope::new(application.scope.clone()))
            .add_extra_param("claims", Claims::parameter(demanded));
        if let Self::Certificate(certificate) = self {
            let audience = application.authority.endpoint("token");
            let assertion =
                certificate.assertion(&application.client_id, audience.as_str(), SystemTime::now())?;
            request = request
                .add_extra_param("client_assertion_type", ASSERTION_TYPE)
                .add_extra_param("client_assertion", assertion.expose_secret().to_owned());
        }
        Grant::read(request.request_async(&http).await)
    }
}

impl Certificate {
    /// Returns a signed assertion, which proves that a request comes from the application
    /// (docs/graph-api.md, "Client credentials").
    fn assertion(&self, client_id: &str, audience: &str, now: SystemTime) -> Result<SecretString, AuthError> {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": format!("{:032x}", rand::random::<u128>()),
            // The authority's clock may be slow.
            "nbf": since.saturating_sub(60),
            "exp": since + ASSERTION_LIFE.as_secs(),
        });
        let signed = self.key.sign(&self.thumbprint, &claims);
        signed.ok_or_else(|| AuthError::Setup("the private key cannot sign".into()))
    }
}

fn read(path: &Path, what: &str) -> Result<SecretString, AuthError> {
    use std::io::Read as _;
    let shown = alertdeck_model::SafeText::new(&path.to_string_lossy()).line();
    let failed = |why: String| AuthError::Setup(format!("the {what} file {shown} {why}"));
    let file = std::fs::File::open(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let mut text = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut text).map_err(|error| failed(format!("cannot be read: {error}")))?;
    String::from_utf8(text).map(SecretString::from).map_err(|_| failed("is not text".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("s3cret\n", Some("s3cret"))]
    #[case("\r\n a b \r\n", Some("a b"))]
    #[case("\n", None)]
    #[case("a\nb", None)]
    fn a_secret_is_one_line(#[case] text: &str, #[case] expected: Option<&str>) {
        let secret = Proof::secret(text).ok().map(|proof| match proof {
            Proof::Secret(secret) => secret.expose_secret().to_owned(),
            Proof::Certificate(_) => unreachable!(),
        });
        assert_eq!(secret.as_deref(), expected);
    }

    #[rstest]
    #[case("", "contains no certificate")]
    #[case("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "contains no private key")]
    #[case(
        "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
        "use an RSA key of 2048 to 4096 bits"
    )]
    fn a_file_without_certificate_or_usable_key_is_refused(#[case] pem: &str, #[case] words: &str) {
        let error = Proof::certificate(pem).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn an_error_names_the_missing_file() {
        let error = Proof::secret_file(Path::new("/no/such\u{1b}[2J")).unwrap_err().to_string();
        assert!(error.starts_with("the client secret file /no/such␛[2J cannot be read"), "{error}");
    }
}
