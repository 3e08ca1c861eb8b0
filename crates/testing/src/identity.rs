//! Fixed RSA identities for testing certificate sign-in. Generating RSA keys takes seconds, and
//! ring cannot generate them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A 2048-bit RSA key with a self-signed certificate.
///
/// Source: generated for this project; see `tests/data/README.md`.
#[derive(Clone, Copy)]
pub struct Identity {
    /// The private key as PEM.
    pub key: &'static str,
    /// The certificate as PEM.
    pub certificate: &'static str,
}

impl Identity {
    /// An application's identity, whose key is in PKCS#8 format.
    pub const APP: Self = Self {
        key: include_str!("../../../tests/data/identities/app.key.pem"),
        certificate: include_str!("../../../tests/data/identities/app.cert.pem"),
    };

    /// Another identity, whose key is in PKCS#1 format.
    pub const OTHER: Self = Self {
        key: include_str!("../../../tests/data/identities/other.key.pem"),
        certificate: include_str!("../../../tests/data/identities/other.cert.pem"),
    };

    /// Returns the certificate and the key in one string, as in a certificate file.
    pub fn pem(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }

    /// Returns the certificate as DER.
    pub fn certificate_der(&self) -> Vec<u8> {
        der(self.certificate)
    }

    /// Returns the private key as DER, in the format indicated by the PEM text.
    pub fn key_der(&self) -> Vec<u8> {
        der(self.key)
    }
}

#[expect(clippy::expect_used, reason = "the data is part of the repository")]
fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).expect("PEM holds base64")
}
