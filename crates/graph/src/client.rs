//! Sends requests to one endpoint under one identity, and handles tokens, token refreshes and
//! responses.

mod receive;
mod write;

use std::pin::pin;

use alertdeck_model::{AlertId, RawAlert, RawText};

use crate::{
    auth::{AuthError, Claims, Token, Tokens},
    cloud::Endpoint,
    error::{Error, Kind, foreign},
    event::{ClientEvent, OnEvent},
    http::{Credential, Fault, Http, Reply, StatusCode, TransportRequest, Url},
    options::RefusedOptions,
    request::{Parts, Request},
    resource::Resource,
};
use receive::Exchange;

pub use receive::Answer;

/// How to replace a rejected token.
#[derive(Clone, Copy)]
enum After {
    Renewal,
    SignIn,
}

/// Sends requests to one endpoint under one identity. Cheap to clone; clones share the record of
/// rejected options.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    endpoint: Endpoint,
    tokens: Tokens,
    refused: RefusedOptions,
}

/// A request that did not succeed.
struct Failure {
    error: Error,
    /// True if the service may have carried out the request anyway.
    is_unclear: bool,
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        Self { error: error.into(), is_unclear: false }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { is_unclear: !fault.was_not_sent(), error: fault.into() }
    }
}

impl Client {
    /// Creates a client from a transport, an endpoint and an identity; nothing is sent yet.
    pub fn new(http: Http, endpoint: Endpoint, tokens: Tokens) -> Self {
        Self { http, endpoint, tokens, refused: RefusedOptions::default() }
    }

    /// Returns the endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the source of tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Returns the transport.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Sends a request and reads the response.
    ///
    /// The request is repeated as its [`Idempotence`](crate::Idempotence) allows. After a 401, it
    /// is sent again with a refreshed token, and again after a new sign-in if the user can be
    /// asked; another 401 is an error. Events are reported to `on_event` as they occur.
    ///
    /// For a change, an error means that the change was definitely not made; every other case is an
    /// [`Outcome`](crate::Outcome). Dropping the future cancels the request; if a change has
    /// already been sent, its outcome remains unknown.
    pub async fn send<T: Answer>(&self, request: &Request<T>, on_event: OnEvent<'_>) -> Result<T, Error> {
        T::receive(Exchange { client: self, parts: request.parts(), on_event }).await
    }

    /// Fetches one alert.
    ///
    /// Fails with [`Kind::NotFound`] if there is no alert with this id, or if this identity may not
    /// see it.
    pub async fn get(&self, id: &AlertId, on_event: OnEvent<'_>) -> Result<RawAlert, Error> {
        self.send(&Request::alert(id), on_event).await
    }

    /// Returns the list options that the service has rejected.
    pub(crate) fn refused(&self) -> &RefusedOptions {
        &self.refused
    }

    /// Formats a request as a curl command, without the token and the body. Returns `None` if its
    /// ID cannot be part of an address.
    pub fn curl<T>(&self, request: &Request<T>) -> Option<RawText> {
        request.parts().transport(&self.endpoint).map(|request| request.curl())
    }

    /// Returns the address of a request; `None` if its ID cannot be part of an address.
    pub(crate) fn url<T>(&self, request: &Request<T>) -> Option<Url> {
        request.parts().transport(&self.endpoint).map(|request| request.url)
    }

    /// Sends a request and retries it with another token if that may help. Only a response with a
    /// success status counts as success.
    async fn exchange(&self, parts: &Parts, on_event: OnEvent<'_>) -> Result<Reply, Failure> {
        let Some(request) = parts.transport(&self.endpoint) else {
            return Err(Failure { error: without_address(&parts.resource), is_unclear: false });
        };
        let mut token = self.reporting_waits(self.tokens.current(), on_event).await?;
        let mut reply = self.send_with(&request, &token, on_event).await?;
        for after in [After::Renewal, After::SignIn] {
            // Policies can also require claims with a 403 (docs/graph-api.md, "Claims challenges").
            let demanded = Claims::challenged(&reply.headers);
            let is_rejected = match reply.status {
                // Another token does not help if something other than Graph answered.
                StatusCode::UNAUTHORIZED => foreign(&reply).is_none(),
                StatusCode::FORBIDDEN => demanded.is_some(),
                _ => false,
            };
            if !is_rejected {
                break;
            }
            let other = match after {
                After::Renewal => {
                    on_event(ClientEvent::RenewingToken);
                    self.reporting_waits(self.tokens.renewed(&token, demanded.as_ref()), on_event).await?
                }
                After::SignIn => match self.tokens.asked_for(&token, demanded.as_ref()).await {
                    // The service's own reason is more helpful than "nobody signed in".
                    Err(AuthError::SignInNeeded(_)) => None,
                    other => other?,
                },
            };
            let Some(other) = other else { break };
            token = other;
            reply = self.send_with(&request, &token, on_event).await?;
        }
        if reply.status.is_success() {
            return Ok(reply);
        }
        let asked = parts.asked();
        let mut error = Error::refused(&reply, asked);
        if error.kind == Kind::Permission {
            error = error.explained_by(token.claims().as_ref(), asked);
        }
        let failed = reply.status.is_server_error() || reply.status == StatusCode::REQUEST_TIMEOUT;
        Err(Failure { error, is_unclear: failed && !reply.is_refusal() })
    }

    /// Awaits a token, reporting each delay in the sign-in requests as it occurs.
    async fn reporting_waits<T>(
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

    async fn send_with(
        &self,
        request: &TransportRequest,
        token: &Token,
        on_event: OnEvent<'_>,
    ) -> Result<Reply, Failure> {
        let credential =
            Credential { scope: self.endpoint.scope(), authorization: Some(token.authorization()?) };
        Ok(self.http.send(request, &credential, on_event).await?)
    }
}

/// Creates the error for an ID that cannot appear in a URL.
fn without_address(resource: &Resource) -> Error {
    let what = match resource {
        Resource::Alert(id) | Resource::Comments(id) => {
            format!("no alert can have the ID \"{}\"", id.text().line())
        }
        Resource::Incident(id) | Resource::IncidentAlerts(id) => {
            format!("no incident can have the ID \"{}\"", alertdeck_model::SafeText::new(id).line())
        }
        _ => "the resource has no address".to_owned(),
    };
    Error::new(Kind::NotFound, what)
}
