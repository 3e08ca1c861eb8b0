//! Masks a request's secrets in its response, so that a server or proxy that echoes a request
//! cannot put its secrets into messages, the journal or the log.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// The replacement for a secret.
const MASK: &str = "[secret]";
/// The minimum length of a secret to replace, in bytes. Shorter values may occur by chance.
const MIN_SECRET: usize = 6;
/// The form fields that contain secrets (RFC 6749, 2.3.1, 4.1.3 and 6; RFC 7521, 4.2; RFC 7636,
/// 4.5; RFC 8628, 3.4).
const SECRET_FIELDS: [&str; 6] =
    ["client_secret", "client_assertion", "code", "code_verifier", "device_code", "refresh_token"];

/// The secrets in one request.
pub(super) struct Secrets {
    /// The secrets in headers. No response needs to contain them.
    headers: Vec<SecretString>,
    /// The secrets in the form. A successful response may repeat one, such as a refresh token that
    /// remains valid.
    form: Vec<SecretString>,
}

impl Secrets {
    pub(super) fn of(headers: &HeaderMap, form: Option<&SecretString>) -> Self {
        let sensitive = headers.values().filter(|value| value.is_sensitive());
        let header = |value: &HeaderValue| {
            // A scheme such as `Bearer` precedes the secret.
            let secret = value.to_str().ok()?.rsplit(' ').next()?;
            (secret.len() >= MIN_SECRET).then(|| SecretString::from(secret))
        };
        let mut fields: Vec<SecretString> = Vec::new();
        for part in form.map(|form| form.expose_secret().split('&')).into_iter().flatten() {
            let Some((_, raw)) = part.split_once('=').filter(|(name, _)| SECRET_FIELDS.contains(name)) else {
                continue;
            };
            // A server may quote a value as it was sent, or decoded.
            for (_, value) in url::form_urlencoded::parse(part.as_bytes()) {
                fields.push(value.into_owned().into());
            }
            fields.push(raw.to_owned().into());
        }
        fields.retain(|field| field.expose_secret().len() >= MIN_SECRET);
        Self { headers: sensitive.filter_map(header).collect(), form: fields }
    }

    /// Masks a response's headers.
    pub(super) fn mask_headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            let Ok(text) = value.to_str() else { continue };
            if let Some(masked) = masked(text, self.all())
                && let Ok(masked) = HeaderValue::from_str(&masked)
            {
                *value = masked;
            }
        }
    }

    /// Masks a response's body.
    pub(super) fn mask_body(&self, body: Bytes, is_success: bool) -> Bytes {
        if is_success {
            return replaced(&body, self.headers.iter()).map_or(body, Bytes::from);
        }
        // JSON may spell a secret with escapes.
        if let Ok(mut value) = serde_json::from_slice::<Value>(&body) {
            return if self.mask_value(&mut value) { Bytes::from(value.to_string()) } else { body };
        }
        replaced(&body, self.all()).map_or(body, Bytes::from)
    }

    /// Masks the strings in a value. Returns whether the value has changed.
    fn mask_value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match masked(text, self.all()) {
                Some(masked) => {
                    *text = masked;
                    true
                }
                None => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |any, item| any | self.mask_value(item)),
            Value::Object(members) => {
                members.values_mut().fold(false, |any, member| any | self.mask_value(member))
            }
            _ => false,
        }
    }

    fn all(&self) -> impl Iterator<Item = &SecretString> {
        self.headers.iter().chain(&self.form)
    }
}

/// Returns the text with the secrets masked, or `None` if it contains no secrets.
fn masked<'a>(text: &str, secrets: impl Iterator<Item = &'a SecretString>) -> Option<String> {
    let mut masked: Option<String> = None;
    for secret in secrets.map(SecretString::expose_secret) {
        let text = masked.as_deref().unwrap_or(text);
        if text.contains(secret) {
            masked = Some(text.replace(secret, MASK));
        }
    }
    masked
}

/// Returns the bytes with the secrets masked, or `None` if they contain no secrets.
fn replaced<'a>(body: &[u8], secrets: impl Iterator<Item = &'a SecretString>) -> Option<Vec<u8>> {
    let mut replaced: Option<Vec<u8>> = None;
    for secret in secrets.map(|secret| secret.expose_secret().as_bytes()) {
        let body = replaced.as_deref().unwrap_or(body);
        let finder = memchr::memmem::Finder::new(secret);
        let mut rest = body;
        let mut masked = Vec::new();
        while let Some(at) = finder.find(rest) {
            masked.extend_from_slice(&rest[..at]);
            masked.extend_from_slice(MASK.as_bytes());
            rest = &rest[at + secret.len()..];
        }
        if !masked.is_empty() {
            masked.extend_from_slice(rest);
            replaced = Some(masked);
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn secrets() -> Secrets {
        let mut authorization = HeaderValue::from_static("Bearer token-123456");
        authorization.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (reqwest::header::AUTHORIZATION, authorization),
            (reqwest::header::ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let form = "client_id=0123456789&client_secret=a%2Fb~cdef&scope=openid";
        Secrets::of(&headers, Some(&form.into()))
    }

    #[rstest]
    #[case::token(
        r#"{"error":{"message":"got Bearer token-123456, no"}}"#,
        r#"{"error":{"message":"got Bearer [secret], no"}}"#
    )]
    #[case::decoded(r#"{"e":["a/b~cdef"]}"#, r#"{"e":["[secret]"]}"#)]
    #[case::escaped(r#"{"e":"a\/b~\u0063def"}"#, r#"{"e":"[secret]"}"#)]
    #[case::as_sent("<p>client_secret=a%2Fb~cdef</p>", "<p>client_secret=[secret]</p>")]
    #[case::twice("token-123456 token-123456", "[secret] [secret]")]
    #[case::public(r#"{"e":"no application 0123456789"}"#, r#"{"e":"no application 0123456789"}"#)]
    fn secrets_in_an_error_are_masked(#[case] body: &'static str, #[case] masked: &str) {
        assert_eq!(secrets().mask_body(Bytes::from_static(body.as_bytes()), false), masked);
    }

    #[test]
    fn a_successful_reply_loses_only_the_token() {
        let body = Bytes::from_static(b"{\"refresh_token\":\"a/b~cdef\",\"x\": \"token-123456\"}");
        let masked = secrets().mask_body(body, true);
        assert_eq!(masked, "{\"refresh_token\":\"a/b~cdef\",\"x\": \"[secret]\"}");
        let same = Bytes::from_static(b"{ \"value\" : [ ] }");
        assert_eq!(secrets().mask_body(same.clone(), true).as_ptr(), same.as_ptr(), "not copied");
    }

    #[test]
    fn headers_are_masked() {
        let mut headers = HeaderMap::from_iter([(
            reqwest::header::WARNING,
            HeaderValue::from_static("199 - \"sent token-123456\""),
        )]);
        secrets().mask_headers(&mut headers);
        assert_eq!(headers[reqwest::header::WARNING], "199 - \"sent [secret]\"");
    }
}
