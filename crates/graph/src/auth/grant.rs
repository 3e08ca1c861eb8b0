//! Token requests: the `oauth2` crate builds and parses them, and our own HTTP client sends them.

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

/// The lifetime assumed for a token if the authority does not state one.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);
/// The maximum lifetime of a token. Longer lifetimes are capped.
const MAX_LIFE: Duration = Duration::from_secs(86_400 * 7);

/// The tokens from a sign-in or a refresh.
#[derive(Clone, Debug)]
pub struct Grant {
    pub(super) access: SecretString,
    /// The access token's lifetime, counted from when it was received.
    pub(super) life: Duration,
    pub(super) refresh: Option<SecretString>,
    /// The user who signed in, according to the authority.
    pub account: Option<Account>,
}

/// Fields that Entra adds to a token response.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Extra {
    /// Describes the user; present if the `openid` scope was requested.
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

/// Creates the OAuth client for an application. Sends nothing.
pub(super) fn oauth(application: &Application) -> OAuth {
    let endpoint = |name| application.authority.endpoint(name);
    oauth2::Client::new(ClientId::new(application.client_id.clone()))
        // Confidential clients send their secret in the body (docs/graph-api.md, "Sign-in").
        .set_auth_type(oauth2::AuthType::RequestBody)
        .set_auth_uri(AuthUrl::from_url(endpoint("authorize")))
        .set_token_uri(TokenUrl::from_url(endpoint("token")))
        .set_device_authorization_url(DeviceAuthorizationUrl::from_url(endpoint("devicecode")))
}

/// Returns the OAuth scopes to request when a user signs in: those for the Graph permissions, a
/// refresh token, and the user's identity.
pub(super) fn scopes(application: &Application) -> impl Iterator<Item = Scope> + use<> {
    [application.scope.clone(), "offline_access".into(), "openid".into(), "profile".into()]
        .into_iter()
        .map(Scope::new)
}

/// Sends the `oauth2` crate's requests with our HTTP client.
pub(super) struct OAuthHttp {
    pub(super) http: Http,
    pub(super) application: Application,
    pub(super) repeat: Repeat,
    waits: Option<Waits>,
}

/// A channel that reports when requests to the sign-in service are throttled or retried. It holds
/// `None` before the first report.
pub(super) type Waits = watch::Sender<Option<ClientEvent>>;

impl OAuthHttp {
    pub(super) fn new(http: &Http, application: &Application, repeat: Repeat) -> Self {
        Self { http: http.clone(), application: application.clone(), repeat, waits: None }
    }

    /// Reports waits to this channel.
    pub(super) fn reporting(self, waits: &Waits) -> Self {
        Self { waits: Some(waits.clone()), ..self }
    }

    /// Sends a request. Responses that are not OAuth (an HTML page from a proxy, a server error
    /// without a body) become errors here; refusals are returned for the `oauth2` crate to parse.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, AuthError> {
        let (parts, body) = request.into_parts();
        let invalid = |what: &str| AuthError::Unreadable(what.to_owned());
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| invalid("its address is not valid"))?;
        let form = String::from_utf8(body).map_err(|_| invalid("the request is not text"))?;
        let form = SecretString::from(form);
        let credential = Credential { scope: self.application.authority.scope(), authorization: None };
        let request = TransportRequest::post_form(url, form, self.repeat);
        let mut report = |event| {
            if let Some(waits) = &self.waits {
                waits.send_replace(Some(event));
            }
        };
        let reply = self.http.send(&request, &credential, &mut report).await?;
        let status = reply.status.as_u16();
        let is_refusal = || serde_json::from_slice::<BasicErrorResponse>(&reply.body).is_ok();
        // The body comes from a gateway, so ignore it.
        if (reply.status.is_server_error() || status == 429) && !is_refusal() {
            return Err(AuthError::Unavailable(status));
        }
        if reply.status.is_redirection() {
            return Err(invalid(&format!("it is a redirect (HTTP {status}), which is not followed")));
        }
        let body = reply.json()?;
        if !reply.status.is_success() && !is_refusal() {
            return Err(invalid(&format!("HTTP {status} without a reason")));
        }
        let mut response = HttpResponse::new(body.to_vec());
        *response.status_mut() = reply.status;
        Ok(response)
    }
}

/// A future, boxed because the compiler cannot prove that the crate's nested closures are `Send`.
pub(super) type Sending<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, AuthError>> + Send + 'a>>;

impl<'a> AsyncHttpClient<'a> for OAuthHttp {
    type Error = AuthError;
    type Future = Sending<'a>;

    fn call(&'a self, request: HttpRequest) -> Sending<'a> {
        Box::pin(self.send(request))
    }
}

impl Grant {
    /// Reads the response to a token request.
    pub(super) fn read<E>(outcome: Result<Reply, RequestTokenError<AuthError, E>>) -> Result<Self, AuthError>
    where
        E: oauth2::ErrorResponse + Refused + 'static,
    {
        let reply = outcome.map_err(failed)?;
        let access = checked(reply.access_token().secret())
            .ok_or_else(|| AuthError::Unreadable("its access token is malformed".into()))?;
        let life = reply.expires_in().unwrap_or(DEFAULT_LIFE).min(MAX_LIFE);
        let read = |token: &str| TokenClaims::read(token).filter(|claims| claims.account.is_some());
        let claims = reply.extra_fields().id_token.as_deref().and_then(read);
        let account = claims.or_else(|| read(access.expose_secret())).map(|claims| Account {
            upn: claims.account,
            name: claims.name,
            tenant_id: claims.tenant,
            object_id: claims.object,
        });
        Ok(Self {
            access,
            life,
            // An empty refresh token must not replace a good one.
            refresh: reply
                .refresh_token()
                .map(|token| token.secret().as_str())
                .filter(|token| !token.trim().is_empty())
                .map(Into::into),
            account,
        })
    }
}

/// An error response, as parsed by the `oauth2` crate.
pub(super) trait Refused {
    fn refusal(&self) -> Refusal;
}

impl<T: oauth2::ErrorResponseType + AsRef<str>> Refused for oauth2::StandardErrorResponse<T> {
    fn refusal(&self) -> Refusal {
        Refusal::new(self.error().as_ref(), self.error_description().map(String::as_str))
    }
}

/// Converts an error from the `oauth2` crate.
pub(super) fn failed<E>(error: RequestTokenError<AuthError, E>) -> AuthError
where
    E: oauth2::ErrorResponse + Refused + 'static,
{
    match error {
        RequestTokenError::ServerResponse(error) => AuthError::Refused(Box::new(error.refusal())),
        RequestTokenError::Request(error) => error,
        // The malformed text itself may contain a token.
        RequestTokenError::Parse(error, _) => {
            let at = error.inner();
            // Property names are untrusted too.
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
