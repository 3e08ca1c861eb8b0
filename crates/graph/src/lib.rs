//! Microsoft Graph's alerts API: which addresses to ask, how pages follow each other, what
//! refusals mean.
//!
//! It decodes no alert and holds none: pages leave it as received. Invariants: a token goes to
//! the endpoint's scope and nowhere else, checked by `http` for each request alike; a 401 costs
//! one new token and the same request again, a second one the user's sign-in, a third ends it; a list is at its end only
//! where the service says so by leaving out the link to the next page.

pub mod auth;
mod cloud;
mod error;
pub mod http;
mod loader;
mod pages;
pub mod permission;
mod request;

use std::pin::pin;

use crate::{
    auth::{AuthError, Claims, Token, Tokens},
    http::{Credential, Http, OnEvent, Reply, Request, StatusCode, Url},
};
use alertdeck_model::{AlertId, RawAlert, RawText, split_reply};

pub use crate::http::{Event, Wait};
pub use cloud::{Api, ApiError, Cloud, CloudError, Endpoint};
pub use error::{Error, Kind};
pub use loader::{Coverage, Load, LoadEvent};
pub use pages::{Page, Pages};
pub use request::ListRequest;

use error::Asked;

/// What is done about a token that was refused.
#[derive(Clone, Copy)]
enum After {
    Renewal,
    SignIn,
}

/// Asks one endpoint with one identity. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    endpoint: Endpoint,
    tokens: Tokens,
}

impl Client {
    /// Brings transport, endpoint and identity together; nothing is sent yet.
    pub fn new(http: Http, endpoint: Endpoint, tokens: Tokens) -> Self {
        Self { http, endpoint, tokens }
    }

    /// Returns the endpoint that is asked.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns where tokens come from.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Returns the transport.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Prepares a list; its first page is asked for by [`Pages::next`].
    pub fn pages(&self, request: &ListRequest) -> Pages {
        Pages::new(self.clone(), request)
    }

    /// Asks for one alert.
    ///
    /// [`Kind::NotFound`] means that there is none of this id, or none that this identity may
    /// see.
    pub async fn get(&self, id: &AlertId, on_event: OnEvent<'_>) -> Result<RawAlert, Error> {
        let url = request::alert(&self.endpoint, id).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("no alert can have the id \"{}\"", id.text().line()))
        })?;
        let reply = self.ask(url, Asked::Alert, on_event).await?;
        let page = split_reply(reply.json()?).map_err(|error| Error::unreadable(&reply, &error))?;
        page.alerts
            .into_iter()
            .next()
            .ok_or_else(|| Error::new(Kind::Protocol, "the service's answer holds no alert"))
    }

    /// Writes the request for one alert as a command, without the token; `None` where no address
    /// can hold the id.
    pub fn curl(&self, id: &AlertId) -> Option<RawText> {
        request::alert(&self.endpoint, id).map(|url| request::get(url).curl())
    }

    /// Writes the request for a list's first page as a command, without the token.
    pub fn curl_of_list(&self, list: &ListRequest) -> RawText {
        request::get(list.url(&self.endpoint)).curl()
    }

    /// Sends a request; returns good answers only.
    ///
    /// After a 401 it is sent once more with a new token, and then once more when the user has
    /// signed in anew, where somebody can be asked; a further 401 ends it.
    async fn ask(&self, url: Url, asked: Asked, on_event: OnEvent<'_>) -> Result<Reply, Error> {
        let request = request::get(url);
        let mut token = self.telling(self.tokens.current(), on_event).await?;
        let mut reply = self.send(&request, &token, on_event).await?;
        for after in [After::Renewal, After::SignIn] {
            // Policies demand claims by a 403 too (API.md 8).
            let demanded = Claims::challenged(&reply.headers);
            let refused = match reply.status {
                StatusCode::UNAUTHORIZED => true,
                StatusCode::FORBIDDEN => demanded.is_some(),
                _ => false,
            };
            if !refused {
                break;
            }
            let other = match after {
                After::Renewal => {
                    self.telling(self.tokens.renewed(&token, demanded.as_ref()), on_event).await?
                }
                After::SignIn => match self.tokens.asked_for(&token, demanded.as_ref()).await {
                    // The service's own reason says more than that nobody signed in.
                    Err(AuthError::SignInNeeded(_)) => None,
                    other => other?,
                },
            };
            let Some(other) = other else { break };
            token = other;
            reply = self.send(&request, &token, on_event).await?;
        }
        if reply.status.is_success() {
            return Ok(reply);
        }
        let error = Error::refused(&reply, asked);
        Err(if error.kind == Kind::Permission { error.judged_by(token.claims().as_ref()) } else { error })
    }

    /// Waits for a token, and tells of what the sign-in service lets us wait for meanwhile.
    async fn telling<T>(
        &self,
        token: impl Future<Output = Result<T, AuthError>>,
        on_event: OnEvent<'_>,
    ) -> Result<T, AuthError> {
        let Some(mut waits) = self.tokens.waits() else { return token.await };
        let mut token = pin!(token);
        loop {
            tokio::select! {
                biased;
                got = &mut token => return got,
                // The sender lives as long as the tokens.
                Ok(()) = waits.changed() => {
                    if let Some(event) = waits.borrow_and_update().clone() {
                        on_event(event);
                    }
                }
            }
        }
    }

    async fn send(&self, request: &Request, token: &Token, on_event: OnEvent<'_>) -> Result<Reply, Error> {
        let credential =
            Credential { scope: self.endpoint.scope(), authorization: Some(token.authorization()?) };
        Ok(self.http.send(request, &credential, on_event).await?)
    }
}
