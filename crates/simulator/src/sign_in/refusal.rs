//! Errors from the sign-in service, as the token endpoint returns them (docs/graph-api.md, "Sign-in
//! errors").

use axum::http::StatusCode;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;

use super::Moment;
use crate::{reply::Reply, world::guid};
use alertdeck_model::Timestamp;

/// An error from the sign-in service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInError {
    /// The value of `error`, which clients branch on.
    pub error: String,
    /// The number after `AADSTS`.
    pub number: u32,
    /// The message after the number.
    pub message: String,
}

impl SignInError {
    /// Creates an error with the message for its number.
    pub fn new(error: impl Into<String>, number: u32) -> Self {
        Self { error: error.into(), number, message: message(number).to_owned() }
    }

    /// Replaces the message. The new one is sent verbatim.
    #[must_use]
    pub fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Returns `error_description` without the IDs.
    pub(super) fn line(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.message)
    }

    pub(super) fn reply(&self, base: &str, now: Moment) -> Reply {
        let status = match &*self.error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut rng = StdRng::from_os_rng();
        let (trace, correlation) = (guid(&mut rng), guid(&mut rng));
        let seconds = i64::try_from(now.unix).unwrap_or_default();
        let timestamp = Timestamp::from_seconds(seconds).to_second().replace('T', " ");
        let body = json!({
            "error": self.error,
            "error_description": format!(
                "{} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}", self.line()
            ),
            "error_codes": [self.number],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{base}/error?code={}", self.number),
        });
        Reply { status, ..Reply::plain_json(body.to_string()) }
    }
}

/// Returns the message for an error number (docs/graph-api.md, "Sign-in errors").
fn message(number: u32) -> &'static str {
    match number {
        50011 => "The redirect address is not registered for the application.",
        50020 => "The account is from another tenant.",
        50034 => "The account does not exist in the tenant.",
        50053 => "The account is locked.",
        50055 => "The password has expired.",
        50057 => "The account is disabled.",
        50058 => "A silent request was sent, but no user is signed in.",
        50072 | 50074 | 50076 | 50078 | 50079 => "Multifactor authentication is required.",
        50097 => "Device authentication is required.",
        50105 => "The user is not assigned to the application.",
        50126 => "The user name or the password is wrong.",
        50131 | 53003 | 530_032 => "Access was blocked by Conditional Access policies.",
        50158 => "An external challenge was not met.",
        50173 => "The grant was revoked; sign in again.",
        50194 => "The application belongs to one tenant.",
        50196 => "The client repeats the same request too often.",
        53000 => "The device is not compliant.",
        53001 => "The device is not joined.",
        54005 => "The code was redeemed before.",
        65001 => "Nobody has consented to the application yet.",
        65004 => "The user declined to consent.",
        70000 => "The grant is not valid.",
        70003 => "The grant type is not supported.",
        70008 | 700_082 => "The grant has expired.",
        70011 => "The scope is not valid.",
        70016 => "The user has not yet signed in with the code.",
        70018 => "The code is unknown.",
        70019 => "The code has expired.",
        70043 => "The refresh token has expired because of the sign-in frequency policy.",
        90094 | 90095 => "An administrator has to consent.",
        501_481 => "The code verifier does not match the code challenge.",
        700_016 => "The application was not found in the tenant.",
        700_025 => "The application is public and may not send a secret or an assertion.",
        700_027 => "The client assertion was refused.",
        7_000_215 => "The client secret is wrong.",
        7_000_218 => "The request must contain 'client_assertion' or 'client_secret'.",
        7_000_222 => "The client secret has expired.",
        9_001_023 => "The grant needs a specific tenant.",
        9_002_313 => "The request is malformed.",
        _ => "The request was refused.",
    }
}
