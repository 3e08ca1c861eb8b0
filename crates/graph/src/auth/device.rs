//! Device code flow: the user enters a code in a browser, on this machine or another (RFC 8628).

use std::time::Duration;

use oauth2::{AsyncHttpClient, HttpRequest, StandardDeviceAuthorizationResponse, basic::BasicErrorResponse};
use tokio::{sync::mpsc, time::sleep};

use super::{
    Application, AuthError, Claims,
    grant::{Grant, OAuthHttp, Sending, failed, oauth, scopes},
};
use crate::http::{Http, Repeat};
use alertdeck_model::SafeText;

/// The minimum time between polls, so that no response from the authority can cause a flood of
/// requests.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// The maximum time between polls after network errors.
const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// A sign-in whose code the user has yet to enter. Dropping it cancels the sign-in.
pub struct DeviceSignIn {
    application: Application,
    http: Http,
    claims: String,
    response: StandardDeviceAuthorizationResponse,
}

impl DeviceSignIn {
    /// Requests a code.
    pub async fn begin(
        application: &Application,
        http: &Http,
        demanded: Option<&Claims>,
    ) -> Result<Self, AuthError> {
        let claims = Claims::parameter(demanded);
        let client = oauth(application);
        let transport = OAuthHttp::new(http, application, Repeat::Freely);
        let request = client
            .exchange_device_code()
            .add_scopes(scopes(application))
            .add_extra_param("claims", claims.clone())
            .request_async(&transport);
        let response = request.await.map_err(failed::<BasicErrorResponse>)?;
        Ok(Self { application: application.clone(), http: http.clone(), claims, response })
    }

    /// Returns the code to enter, in a form that is safe to show.
    pub fn code(&self) -> String {
        SafeText::new(self.response.user_code().secret()).line()
    }

    /// Returns the address at which to enter the code, in a form that is safe to show.
    pub fn address(&self) -> String {
        SafeText::new(self.response.verification_uri().as_str()).line()
    }

    /// Returns the code's lifetime.
    pub fn life(&self) -> Duration {
        self.response.expires_in()
    }

    /// Waits until the user has entered the code. Polls no more often than the authority allows.
    ///
    /// Fails with a refusal if the user declined, a policy forbids this flow (see
    /// [`super::Refusal::is_policy`]), or the code has expired.
    pub async fn finish(self) -> Result<Grant, AuthError> {
        self.finish_with(sleep).await
    }

    /// Like [`DeviceSignIn::finish`], but waits between polls with `sleep`.
    pub async fn finish_with<S>(self, sleep: impl Fn(Duration) -> S + Send) -> Result<Grant, AuthError>
    where
        S: Future<Output = ()> + Send,
    {
        let client = oauth(&self.application);
        let (errors, mut permanent) = mpsc::unbounded_channel();
        let http = OAuthHttp::new(&self.http, &self.application, Repeat::IfRefused);
        let transport = Poll { http, errors };
        let request = client
            .exchange_device_access_token(&self.response)
            .add_extra_param("claims", self.claims.clone())
            .set_max_backoff_interval(MAX_BACKOFF)
            .request_async(&transport, |pause| sleep(pause.max(MIN_INTERVAL)), None);
        tokio::select! {
            outcome = request => Grant::read(outcome),
            Some(error) = permanent.recv() => Err(error),
        }
    }
}

/// Sends the polling requests. The `oauth2` crate retries after every transport error until the
/// code expires, so permanent errors, such as an untrusted server, are reported separately.
struct Poll {
    http: OAuthHttp,
    errors: mpsc::UnboundedSender<AuthError>,
}

impl<'a> AsyncHttpClient<'a> for Poll {
    type Error = AuthError;
    type Future = Sending<'a>;

    fn call(&'a self, request: HttpRequest) -> Sending<'a> {
        Box::pin(async move {
            let outcome = self.http.send(request).await;
            if let Err(error) = &outcome
                && !is_transient(error)
            {
                // The receiver lives as long as the polling future.
                let _ = self.errors.send(error.clone());
            }
            outcome
        })
    }
}

/// Returns whether a retry may succeed.
fn is_transient(error: &AuthError) -> bool {
    match error {
        AuthError::Transport(fault) => fault.is_transient(),
        AuthError::Unavailable(_) => true,
        _ => false,
    }
}
