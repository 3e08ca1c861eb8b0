//! Sign-in by a code that the user enters in a browser, on this machine or another.

use std::time::Duration;

use oauth2::{AsyncHttpClient, HttpRequest, StandardDeviceAuthorizationResponse, basic::BasicErrorResponse};
use tokio::{sync::mpsc, time::sleep};

use super::{
    Application, AuthError, Claims,
    grant::{Grant, Sending, Wire, failed, oauth, scopes},
};
use crate::http::{Http, Repeat};
use alertdeck_model::SafeText;

/// The least time between two polls, whatever the authority says: it is not to be flooded.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that failures of the network lead to.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A code that waits to be entered. Dropping it ends the sign-in.
pub struct DeviceSignIn {
    application: Application,
    http: Http,
    claims: String,
    answer: StandardDeviceAuthorizationResponse,
}

impl DeviceSignIn {
    /// Asks for a code.
    pub async fn begin(
        application: &Application,
        http: &Http,
        demanded: Option<&Claims>,
    ) -> Result<Self, AuthError> {
        let claims = Claims::parameter(demanded);
        let client = oauth(application);
        let call = Wire::new(http, application, Repeat::Freely);
        let asked = client
            .exchange_device_code()
            .add_scopes(scopes(application))
            .add_extra_param("claims", claims.clone())
            .request_async(&call);
        let answer = asked.await.map_err(failed::<BasicErrorResponse>)?;
        Ok(Self { application: application.clone(), http: http.clone(), claims, answer })
    }

    /// Returns the code to enter, safe to show.
    pub fn code(&self) -> String {
        SafeText::new(self.answer.user_code().secret()).line()
    }

    /// Returns the address to enter it at, safe to show.
    pub fn address(&self) -> String {
        SafeText::new(self.answer.verification_uri().as_str()).line()
    }

    /// Returns how long the code is good for.
    pub fn life(&self) -> Duration {
        self.answer.expires_in()
    }

    /// Waits until the code was entered, asking no more often than the authority says.
    ///
    /// It ends with a refusal where the user declined, a policy forbids this way, or the code
    /// has expired: [`super::Refusal::is_policy`] tells one from the other.
    pub async fn finish(self) -> Result<Grant, AuthError> {
        self.finish_with(sleep).await
    }

    /// Does what [`DeviceSignIn::finish`] does, with a way of the caller's to let the time between
    /// two polls pass.
    pub async fn finish_with<S>(self, sleep: impl Fn(Duration) -> S + Send) -> Result<Grant, AuthError>
    where
        S: Future<Output = ()> + Send,
    {
        let client = oauth(&self.application);
        let (report, mut reports) = mpsc::unbounded_channel();
        let call = Poll { wire: Wire::new(&self.http, &self.application, Repeat::IfRefused), report };
        let asked = client
            .exchange_device_access_token(&self.answer)
            .add_extra_param("claims", self.claims.clone())
            .set_max_backoff_interval(LONGEST_PAUSE)
            .request_async(&call, |pause| sleep(pause.max(LEAST_PAUSE)), None);
        tokio::select! {
            outcome = asked => Grant::read(outcome),
            Some(error) = reports.recv() => Err(error),
        }
    }
}

/// Sends polls. The crate takes every error of the transport for a passing one. Some are not: an
/// untrusted server would be asked in vain until the code expires.
struct Poll {
    wire: Wire,
    report: mpsc::UnboundedSender<AuthError>,
}

impl<'a> AsyncHttpClient<'a> for Poll {
    type Error = AuthError;
    type Future = Sending<'a>;

    fn call(&'a self, request: HttpRequest) -> Sending<'a> {
        Box::pin(async move {
            let outcome = self.wire.send(request).await;
            if let Err(error) = &outcome
                && !passes(error)
            {
                // The receiver lives as long as the future that polls.
                let _ = self.report.send(error.clone());
            }
            outcome
        })
    }
}

/// Tells whether asking again may help.
fn passes(error: &AuthError) -> bool {
    match error {
        AuthError::Transport(fault) => fault.is_passing(),
        AuthError::Unavailable(_) => true,
        _ => false,
    }
}
