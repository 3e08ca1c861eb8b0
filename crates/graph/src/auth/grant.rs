//! Requests to the token endpoint, spoken by the `oauth2` crate over our own HTTP client, and what
//! comes back.

use std::{fmt, pin::Pin, time::Duration};

use oauth2::{
    AsyncHttpClient, AuthUrl, ClientId, DeviceAuthorizationUrl, EndpointNotSet, EndpointSet,
    ExtraTokenFields, HttpRequest, HttpResponse, RequestTokenError, Scope, StandardTokenResponse,
    TokenResponse as _, TokenUrl,
    basic::{
        BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Account, Application, AuthError, Refusal, checked, claims::TokenClaims};
use crate::{
    event::ClientEvent,
    http::{Credential, Fault, Http, Repeat, TransportRequest, Url},
};
use alertdeck_model::SafeText;

/// How long a token is taken to last where the authority does not say.
const LIFE: Duration = Duration::from_secs(300);
/// The longest life that is believed.
const LONGEST_LIFE: Duration = Duration::from_secs(86_400 * 7);

/// What a sign-in or a refresh has brought.
#[derive(Clone, Debug)]
pub struct Grant {
    pub(super) access: SecretString,
    /// How long the access token is good for, from now.
    pub(super) life: Duration,
    pub(super) refresh: Option<SecretString>,
    /// Who signed in, as the authority says it to us.
    pub account: Option<Account>,
}

/// What Entra adds to a token reply.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Extra {
    /// Who signed in; sent where `openid` was asked for.
    id_token: Option<String>,
}

impl ExtraTokenFields for Extra {}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extra")
    }
}

pub(super) type Reply = StandardTokenResponse<Extra, BasicTokenType>;

pub(super) type OAuth = oauth2::Client<
    BasicErrorResponse,
    Reply,
    BasicTokenIntrospectionResponse,
    oauth2::StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Prepares the client of an application; it sends nothing by itself.
pub(super) fn oauth(application: &Application) -> OAuth {
    let endpoint = |name| application.authority.endpoint(name);
    oauth2::Client::new(ClientId::new(application.client_id.clone()))
        // Public clients have no secret; the others' stands in the body, as the documents of the
        // flows show it (API.md 8).
        .set_auth_type(oauth2::AuthType::RequestBody)
        .set_auth_uri(AuthUrl::from_url(endpoint("authorize")))
        .set_token_uri(TokenUrl::from_url(endpoint("token")))
        .set_device_authorization_url(DeviceAuthorizationUrl::from_url(endpoint("devicecode")))
}

/// The scopes to ask for when a user signs in: what Graph is asked for, a token that renews it,
/// and who it is.
pub(super) fn scopes(application: &Application) -> impl Iterator<Item = Scope> + use<> {
    [application.scope.clone(), "offline_access".into(), "openid".into(), "profile".into()]
        .into_iter()
        .map(Scope::new)
}

/// Sends what the `oauth2` crate has prepared.
pub(super) struct Wire {
    pub(super) http: Http,
    pub(super) application: Application,
    pub(super) repeat: Repeat,
    waits: Option<Waits>,
}

/// Where waits of the sign-in service are told; `None` before the first.
pub(super) type Waits = watch::Sender<Option<ClientEvent>>;

impl Wire {
    pub(super) fn new(http: &Http, application: &Application, repeat: Repeat) -> Self {
        Self { http: http.clone(), application: application.clone(), repeat, waits: None }
    }

    /// Tells of waits to whoever watches.
    pub(super) fn telling(self, waits: &Waits) -> Self {
        Self { waits: Some(waits.clone()), ..self }
    }

    /// Answers that are no OAuth answer (a proxy's page, a server error without words) end here;
    /// refusals go back to the crate, which reads them.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, AuthError> {
        let (parts, body) = request.into_parts();
        let odd = |what: &str| AuthError::Unreadable(what.to_owned());
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| odd("its own address cannot be read"))?;
        let form = SecretString::from(String::from_utf8(body).map_err(|_| odd("the request is no text"))?);
        let credential = Credential { scope: self.application.authority.scope(), authorization: None };
        let request = TransportRequest::post_form(url, form, self.repeat);
        let mut tell = |event| {
            if let Some(waits) = &self.waits {
                waits.send_replace(Some(event));
            }
        };
        let reply = self.http.send(&request, &credential, &mut tell).await?;
        let status = reply.status.as_u16();
        let is_refusal = || serde_json::from_slice::<BasicErrorResponse>(&reply.body).is_ok();
        // Whatever a gateway writes beside it: the status says all.
        if (reply.status.is_server_error() || status == 429) && !is_refusal() {
            return Err(AuthError::Unavailable(status));
        }
        if reply.status.is_redirection() {
            return Err(odd(&format!("it is a redirect (HTTP {status}), which is not followed")));
        }
        let body = reply.json()?;
        if !reply.status.is_success() && !is_refusal() {
            return Err(odd(&format!("HTTP {status} without a reason")));
        }
        let mut response = HttpResponse::new(body.to_vec());
        *response.status_mut() = reply.status;
        Ok(response)
    }
}

/// A future with its type hidden: that of the crate's closures is too deep for the compiler to
/// see that it may move between threads.
pub(super) type Sending<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, AuthError>> + Send + 'a>>;

impl<'a> AsyncHttpClient<'a> for Wire {
    type Error = AuthError;
    type Future = Sending<'a>;

    fn call(&'a self, request: HttpRequest) -> Sending<'a> {
        Box::pin(self.send(request))
    }
}

impl Grant {
    /// Takes the answer to a request for a token.
    pub(super) fn read<E>(outcome: Result<Reply, RequestTokenError<AuthError, E>>) -> Result<Self, AuthError>
    where
        E: oauth2::ErrorResponse + Refused + 'static,
    {
        let reply = outcome.map_err(failed)?;
        let access = checked(reply.access_token().secret())
            .ok_or_else(|| AuthError::Unreadable("it granted something that is no access token".into()))?;
        let life = reply.expires_in().unwrap_or(LIFE).min(LONGEST_LIFE);
        let said = |token: &str| TokenClaims::read(token).filter(|said| said.account.is_some());
        let account = reply.extra_fields().id_token.as_deref().and_then(said);
        let account = account.or_else(|| said(access.expose_secret())).map(|said| Account {
            upn: said.account,
            name: said.name,
            tenant_id: said.tenant,
            object_id: said.object,
        });
        Ok(Self {
            access,
            life,
            refresh: reply.refresh_token().map(|token| token.secret().clone().into()),
            account,
        })
    }
}

/// What the error types of the crate have in common.
pub(super) trait Refused {
    fn refusal(&self) -> Refusal;
}

impl<T: oauth2::ErrorResponseType + AsRef<str>> Refused for oauth2::StandardErrorResponse<T> {
    fn refusal(&self) -> Refusal {
        Refusal::new(self.error().as_ref(), self.error_description().map(String::as_str))
    }
}

/// Says what went wrong with a request of the crate.
pub(super) fn failed<E>(error: RequestTokenError<AuthError, E>) -> AuthError
where
    E: oauth2::ErrorResponse + Refused + 'static,
{
    match error {
        RequestTokenError::ServerResponse(error) => AuthError::Refused(Box::new(error.refusal())),
        RequestTokenError::Request(error) => error,
        // The text that could not be read may hold a token.
        RequestTokenError::Parse(error, _) => {
            let at = error.inner();
            // Names of members are foreign text too.
            let path = SafeText::new(&error.path().to_string().chars().take(60).collect::<String>());
            AuthError::Unreadable(format!("`{}` at line {}, column {}", path.line(), at.line(), at.column()))
        }
        RequestTokenError::Other(_) => AuthError::Unreadable("it is empty".into()),
    }
}

impl From<Fault> for AuthError {
    fn from(fault: Fault) -> Self {
        Self::Transport(fault)
    }
}
