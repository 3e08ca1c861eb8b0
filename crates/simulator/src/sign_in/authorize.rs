//! The authorize endpoint: sends authorization codes to a loopback address, by a redirect or a
//! form.

use std::time::Instant;

use axum::http::{StatusCode, header};
use serde_json::{Map, Value};
use url::Url;

use super::{
    Authorization, Moment, SignInControl, SignInError,
    form::{Form, RequestedScopes},
    page, random_secret,
};
use crate::reply::Reply;

/// The length of a SHA-256 digest in base64url without padding (RFC 7636, 4.2).
const CHALLENGE_LENGTH: usize = 43;

/// The response mode in which the browser posts the result.
const FORM_POST: &str = "form_post";

/// An authorization code.
pub(super) struct Code {
    pub(super) client: String,
    /// The redirect URI as sent. The token request must repeat it.
    pub(super) redirect: String,
    pub(super) challenge: String,
    pub(super) scopes: RequestedScopes,
    pub(super) claims: Map<String, Value>,
    pub(super) nonce: Option<String>,
    pub(super) expires: Instant,
    pub(super) used: bool,
}

impl SignInControl {
    pub(super) fn authorize(&mut self, tenant: &str, query: &str, now: Moment) -> Reply {
        let form = Form::read(query.as_bytes());
        // Do not redirect before the redirect URI has been validated.
        let (client, redirect) = match self.requester(tenant, &form) {
            Ok(known) => known,
            Err(error) => return page::error(StatusCode::BAD_REQUEST, "Sign-in failed", &error.line()),
        };
        let answer = Answer::new(&form, redirect);
        let code = match self.check(&form, client, now) {
            Ok(code) => code,
            Err(error) => return answer.refuse(&error.error, &error.line()),
        };
        match self.outcomes.pop_front().unwrap_or(Authorization::Agree) {
            Authorization::Agree => answer.agree(self.issue_code(code)),
            Authorization::ForeignState => {
                Answer { state: Some("a-state-that-nobody-sent".into()), ..answer }
                    .agree(self.issue_code(code))
            }
            Authorization::Refuse { error, description } => answer.refuse(&error, &description),
            Authorization::Ignore => page::notice("Sign in", "Nobody is at the keyboard."),
        }
    }

    /// Returns the client ID and the redirect URI, which must be a loopback address but may have
    /// any port (docs/graph-api.md, "Authorization code").
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
                let message = format!("The redirect address '{address}' is not registered.");
                Err(SignInError::new("invalid_request", 50011).with_message(message))
            }
        }
    }

    fn check(&self, form: &Form, client: String, now: Moment) -> Result<Code, SignInError> {
        if form.need("response_type")? != "code" {
            let error = SignInError::new("unsupported_response_type", 70005);
            return Err(error.with_message("The response type is not supported for this application."));
        }
        if form.get("response_mode").is_some_and(|mode| !matches!(mode, "query" | FORM_POST)) {
            let error = SignInError::new("invalid_request", 9_002_313);
            return Err(error.with_message("The response mode must be 'query' or 'form_post' here."));
        }
        let challenge = form.need("code_challenge")?;
        if form.need("code_challenge_method")? != "S256" {
            let error = SignInError::new("invalid_request", 9_002_313);
            return Err(error.with_message("The code challenge method must be 'S256'."));
        }
        if challenge.len() != CHALLENGE_LENGTH {
            let error = SignInError::new("invalid_request", 9_002_313);
            return Err(error.with_message("The code challenge is not a SHA-256 in base64url."));
        }
        let scopes = RequestedScopes::read(form.need("scope")?, &self.base)?;
        scopes.check_consent(&self.rules).map_err(|error| SignInError {
            // The token endpoint uses another error, because the user can consent only here.
            error: "consent_required".into(),
            ..error
        })?;
        Ok(Code {
            client,
            redirect: form.need("redirect_uri")?.to_owned(),
            challenge: challenge.to_owned(),
            scopes,
            claims: form.claims()?,
            nonce: form.get("nonce").map(str::to_owned),
            expires: now.at + self.rules.code_life,
            used: false,
        })
    }

    fn issue_code(&mut self, code: Code) -> String {
        let text = random_secret();
        self.codes.insert(text.clone(), code);
        text
    }
}

/// How the browser returns the result to the client.
struct Answer {
    redirect: Url,
    state: Option<String>,
    /// True if the browser posts a form instead of following a redirect (OAuth 2.0 Form Post
    /// Response Mode, 2).
    form_post: bool,
}

impl Answer {
    fn new(form: &Form, redirect: Url) -> Self {
        let form_post = form.get("response_mode") == Some(FORM_POST);
        Self { redirect, state: form.get("state").map(str::to_owned), form_post }
    }

    fn agree(self, code: String) -> Reply {
        self.send(vec![("code", code)])
    }

    fn refuse(self, error: &str, description: &str) -> Reply {
        self.send(vec![("error", error.to_owned()), ("error_description", description.to_owned())])
    }

    /// Sends the browser to the client. `Url` has added the path `/` to an address without one, as
    /// Entra does.
    fn send(mut self, mut pairs: Vec<(&'static str, String)>) -> Reply {
        pairs.extend(self.state.map(|state| ("state", state)));
        if self.form_post {
            return page::form_post(self.redirect.as_str(), &pairs);
        }
        self.redirect.query_pairs_mut().extend_pairs(pairs);
        let mut reply = Reply::new(StatusCode::FOUND, "text/html; charset=utf-8", "");
        reply.headers.push((header::LOCATION, self.redirect.into()));
        reply
    }
}
