//! Microsoft Graph's alerts API: which addresses to ask, how pages follow each other, what
//! refusals mean.
//!
//! It decodes no alert and holds none: pages leave it as received. Invariants: a token goes to
//! the endpoint's scope and nowhere else, checked by `http` for each request alike; a 401 costs
//! one new token and the same request again, a second one ends it; a list is at its end only
//! where the service says so by leaving out the link to the next page.

mod cloud;
mod error;
mod loader;
mod pages;
mod request;

use crate::{
    auth::{Token, Tokens},
    http::{Credential, Http, OnEvent, Reply, Request, StatusCode, Url},
    model::{AlertId, RawAlert, split_reply},
};

pub use crate::http::{Event, Wait};
pub use cloud::{Api, ApiError, Cloud, CloudError, Endpoint};
pub use error::{Error, Kind};
pub use loader::{Coverage, Load, LoadEvent};
pub use pages::{Page, Pages};
pub use request::ListRequest;

use error::Asked;

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

    /// Sends a request, once more with a new token after a 401; returns good answers only.
    async fn ask(&self, url: Url, asked: Asked, on_event: OnEvent<'_>) -> Result<Reply, Error> {
        let request = request::get(url);
        let token = self.tokens.current().await?;
        let mut reply = self.send(&request, &token, on_event).await?;
        if reply.status == StatusCode::UNAUTHORIZED
            && let Some(token) = self.tokens.renewed(&token).await?
        {
            reply = self.send(&request, &token, on_event).await?;
        }
        if reply.status.is_success() { Ok(reply) } else { Err(Error::refused(&reply, asked)) }
    }

    async fn send(&self, request: &Request, token: &Token, on_event: OnEvent<'_>) -> Result<Reply, Error> {
        let credential =
            Credential { scope: self.endpoint.scope(), authorization: Some(token.authorization()?) };
        Ok(self.http.send(request, &credential, on_event).await?)
    }
}
