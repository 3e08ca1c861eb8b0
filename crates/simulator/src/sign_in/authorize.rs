//! The authorize endpoint: from a person's consent to a code on a loopback redirect.

use std::time::Instant;

use axum::http::{StatusCode, header};
use serde_json::{Map, Value};
use url::Url;

use super::{
    Authorization, Moment, SignInControl, SignInError,
    form::{Form, Wanted},
    page, unguessable,
};
use crate::reply::Reply;

/// The length of a SHA-256 in base64url without padding (RFC 7636, 4.2).
const CHALLENGE_LENGTH: usize = 43;

/// A code that was handed out.
pub(super) struct Code {
    pub(super) client: String,
    /// As it was sent: the redemption has to repeat it.
    pub(super) redirect: String,
    pub(super) challenge: String,
    pub(super) wanted: Wanted,
    pub(super) claims: Map<String, Value>,
    pub(super) nonce: Option<String>,
    pub(super) expires: Instant,
    pub(super) used: bool,
}

impl SignInControl {
    pub(super) fn authorize(&mut self, tenant: &str, query: &str, now: Moment) -> Reply {
        let form = Form::read(query.as_bytes());
        // Until the redirect address is known to be good, nobody is sent anywhere.
        let (client, redirect) = match self.requester(tenant, &form) {
            Ok(known) => known,
            Err(error) => return page::error(StatusCode::BAD_REQUEST, "Sign-in failed", &error.line()),
        };
        let state = form.get("state");
        let code = match self.check(&form, client, now) {
            Ok(code) => code,
            Err(error) => return send_back(redirect, &refused(&error.error, &error.line()), state),
        };
        match self.outcomes.pop_front().unwrap_or(Authorization::Agree) {
            Authorization::Agree => send_back(redirect, &self.agreed(code), state),
            Authorization::ForeignState => {
                send_back(redirect, &self.agreed(code), Some("a-state-that-nobody-sent"))
            }
            Authorization::Refuse { error, description } => {
                send_back(redirect, &refused(&error, &description), state)
            }
            Authorization::Ignore => page::notice("Sign in", "Nobody is at the keyboard."),
        }
    }

    /// Reads who asks, and where the answer goes: a loopback address of any port (API.md 8).
    fn requester(&self, tenant: &str, form: &Form) -> Result<(String, Url), SignInError> {
        Self::check_tenant(tenant)?;
        let client = form.need("client_id")?;
        self.check_client(client)?;
        let address = form.need("redirect_uri")?;
        let redirect = Url::parse(address).ok().filter(|url| {
            url.scheme() == "http"
                && matches!(url.host_str(), Some("localhost" | "127.0.0.1"))
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        });
        match redirect {
            Some(redirect) => Ok((client.to_owned(), redirect)),
            None => {
                let words = format!("The redirect address '{address}' is not registered.");
                Err(SignInError::new("invalid_request", 50011).saying(words))
            }
        }
    }

    fn check(&self, form: &Form, client: String, now: Moment) -> Result<Code, SignInError> {
        if form.need("response_type")? != "code" {
            let error = SignInError::new("unsupported_response_type", 70005);
            return Err(error.saying("The response type is not supported for this application."));
        }
        if form.get("response_mode").is_some_and(|mode| mode != "query") {
            let error = SignInError::new("invalid_request", 9_002_313);
            return Err(error.saying("The response mode must be 'query' here."));
        }
        let challenge = form.need("code_challenge")?;
        if form.need("code_challenge_method")? != "S256" {
            let error = SignInError::new("invalid_request", 9_002_313);
            return Err(error.saying("The code challenge method must be 'S256'."));
        }
        if challenge.len() != CHALLENGE_LENGTH {
            let error = SignInError::new("invalid_request", 9_002_313);
            return Err(error.saying("The code challenge is not a SHA-256 in base64url."));
        }
        let wanted = Wanted::read(form.need("scope")?, &self.base)?;
        wanted.check_consent(&self.rules).map_err(|error| SignInError {
            // The person is there to be asked: the error is another one than at the token endpoint.
            error: "consent_required".into(),
            ..error
        })?;
        Ok(Code {
            client,
            redirect: form.need("redirect_uri")?.to_owned(),
            challenge: challenge.to_owned(),
            wanted,
            claims: form.claims()?,
            nonce: form.get("nonce").map(str::to_owned),
            expires: now.at + self.rules.code_life,
            used: false,
        })
    }

    fn agreed(&mut self, code: Code) -> Vec<(&'static str, String)> {
        let text = unguessable();
        self.codes.insert(text.clone(), code);
        vec![("code", text)]
    }
}

fn refused(error: &str, description: &str) -> Vec<(&'static str, String)> {
    vec![("error", error.to_owned()), ("error_description", description.to_owned())]
}

/// Sends the browser to the client. A redirect address without a path gets `/` (API.md 8), which
/// `Url` has seen to.
fn send_back(mut redirect: Url, answer: &[(&'static str, String)], state: Option<&str>) -> Reply {
    redirect.query_pairs_mut().extend_pairs(answer).extend_pairs(state.map(|state| ("state", state)));
    let mut reply = Reply::new(StatusCode::FOUND, "text/html; charset=utf-8", "");
    reply.headers.push((header::LOCATION, redirect.into()));
    reply
}
