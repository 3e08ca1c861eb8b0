//! Runs the sign-in that the state requests, and reports its progress.

use std::time::Duration;

use tokio::{
    sync::{mpsc::Sender, watch},
    task::{AbortHandle, spawn_blocking},
};

use super::Clock;
use crate::app::{Identity, Message, SignInEvent, SignInWay};
use alertdeck_graph::{
    auth::{
        AuthError, BrowserSignIn, DEADLINE, DeviceSignIn, Grant, Needed, SECRET_VARIABLES, Session,
        TokenClaims, Tokens, VaultError,
    },
    permission::Allowed,
};
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_platform as platform;

/// Watches the session of one service, and signs in on demand. Dropping it stops both.
pub(super) struct SignIn {
    session: Option<Session>,
    messages: Sender<Message>,
    clock: Clock,
    watch: Option<AbortHandle>,
    flow: Option<AbortHandle>,
}

impl Drop for SignIn {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
        self.abort_flow();
    }
}

impl SignIn {
    /// Starts to watch the session. Must be called within a runtime.
    pub(super) fn new(tokens: &Tokens, messages: Sender<Message>, clock: Clock) -> Self {
        let session = tokens.as_session().filter(|session| session.vault().is_some()).cloned();
        let watch = match tokens.as_session().cloned() {
            // `attend` is called here, not in the task: from now on the session can ask the user.
            Some(session) => {
                let (needed, changes) = (session.attend(), session.changes());
                let report = report_changes(session, needed, changes, messages.clone());
                Some(tokio::spawn(report).abort_handle())
            }
            None => None,
        };
        Self { session, messages, clock, watch, flow: None }
    }

    /// Allows the session to ask the user again, since the user started a fetch.
    pub(super) fn ask_again(&self) {
        if let Some(session) = &self.session {
            session.ask_again();
        }
    }

    /// Starts a sign-in. Aborts the one in progress.
    pub(super) fn begin(&mut self, way: SignInWay) {
        self.abort_flow();
        let Some(session) = self.session.clone() else { return };
        let reporter = SignInReporter { messages: self.messages.clone(), clock: self.clock };
        let flow = tokio::spawn(async move {
            let granted = match way {
                SignInWay::Browser => sign_in_with_browser(&session, &reporter).await,
                SignInWay::DeviceCode => sign_in_with_code(&session, &reporter).await,
            };
            match granted {
                Ok(grant) => reporter.signed_in(&session, grant).await,
                Err(error) => reporter.failed(&error).await,
            }
        });
        self.flow = Some(flow.abort_handle());
    }

    /// Aborts the sign-in in progress. Requests that wait for it fail.
    pub(super) fn cancel(&mut self) {
        self.abort_flow();
        if let Some(session) = &self.session {
            session.decline();
        }
    }

    fn abort_flow(&mut self) {
        if let Some(flow) = self.flow.take() {
            flow.abort();
        }
    }

    /// Signs out and removes the stored sign-in.
    pub(super) fn sign_out(&mut self) {
        self.cancel();
        let Some(session) = self.session.clone() else { return };
        let messages = self.messages.clone();
        tokio::spawn(async move {
            // The session is cleared even if the vault fails.
            let removed = session.sign_out().await;
            let _ = messages.send(Message::SignIn(SignInEvent::SignedOut)).await;
            if let Err(error) = removed
                && !matches!(error, VaultError::NoKeyring(_))
            {
                let line = format!("the stored sign-in could not be removed: {error}");
                let _ = messages.send(Message::Warning(line)).await;
            }
        });
    }
}

/// Reports to the state when the user must sign in, and the identity of each new token.
async fn report_changes(
    session: Session,
    mut needed: watch::Receiver<Option<Needed>>,
    mut changes: watch::Receiver<u64>,
    messages: Sender<Message>,
) {
    let (mut reported, mut ask) = (None, true);
    loop {
        let claims = session.claims().filter(|claims| Some(claims) != reported.as_ref());
        let identity = claims.map(|claims| {
            reported = Some(claims.clone());
            Message::Identity(identity(claims))
        });
        let why = needed.borrow_and_update().as_ref().map(|needed| needed.why.clone());
        let needs = why.filter(|_| ask).map(|why| Message::SignIn(SignInEvent::Needed { why }));
        let notice = session.notice().map(Message::Warning);
        for message in [identity, needs, notice].into_iter().flatten() {
            // The receiver is gone once the console ends or switches profiles.
            if messages.send(message).await.is_err() {
                return;
            }
        }
        ask = tokio::select! {
            Ok(()) = needed.changed() => true,
            Ok(()) = changes.changed() => false,
            else => return,
        };
    }
}

/// Converts the claims of a token for display.
pub(super) fn identity(claims: TokenClaims) -> Identity {
    let allowed = Allowed::by(claims.permissions.iter().map(String::as_str));
    let safe = |text: String| SafeText::new(&text);
    let timestamp = |at: std::time::SystemTime| {
        let since = at.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
        Some(Timestamp::from_seconds(i64::try_from(since.as_secs()).ok()?))
    };
    Identity {
        account: claims.account.or(claims.name).map(safe),
        tenant: claims.tenant.map(safe),
        permissions: claims.permissions.into_iter().map(safe).collect(),
        reads: allowed.map(|allowed| allowed.read),
        expires: claims.expires.and_then(timestamp),
    }
}

/// Reports the progress of a sign-in to the state.
struct SignInReporter {
    messages: Sender<Message>,
    clock: Clock,
}

impl SignInReporter {
    /// Sends an event. Ignores that the receiver may be gone.
    async fn report(&self, event: SignInEvent) {
        let _ = self.messages.send(Message::SignIn(event)).await;
    }

    fn until(&self, left: Duration) -> Duration {
        // Saturating, since the service sends the number.
        self.clock.now().mono.saturating_add(left)
    }

    async fn signed_in(&self, session: &Session, grant: Grant) {
        // `Done` must arrive before any reply to a request with the new token. Otherwise, the state
        // would take a refusal of the new token for one of the old token, and reload the list.
        let permit = self.messages.reserve().await;
        let stored = session.accept(grant);
        if let Ok(permit) = permit {
            permit.send(Message::SignIn(SignInEvent::Done(identity(session.claims().unwrap_or_default()))));
        }
        if let Err(error) = stored.await {
            let line = format!("signed in for this run only; the sign-in could not be stored: {error}");
            let _ = self.messages.send(Message::Warning(line)).await;
        }
    }

    async fn failed(&self, error: &AuthError) {
        let may_retry = !matches!(error, AuthError::Setup(_));
        tracing::warn!("sign-in failed: {error}");
        let mut line = error.to_string();
        if matches!(error, AuthError::Refused(refusal) if refusal.is_policy()) {
            line += "; the browser on a managed device may work";
        }
        self.report(SignInEvent::Failed { line, may_retry }).await;
    }
}

async fn sign_in_with_browser(session: &Session, reporter: &SignInReporter) -> Result<Grant, AuthError> {
    let needed = session.needed();
    // Suggest the account if the session requires a new sign-in. A user who starts a sign-in may want
    // another account.
    let account = session.account().filter(|_| needed.is_some()).and_then(|account| account.upn);
    let claims = needed.and_then(|needed| needed.claims);
    let sign_in = BrowserSignIn::begin(session.application(), claims.as_ref(), account.as_deref()).await?;
    let address = sign_in.address().to_string();
    let link = address.clone();
    let until = reporter.until(DEADLINE);
    // The reply may arrive before the opener exits, so both run at the same time.
    let opening = async {
        let opened = spawn_blocking(move || platform::open_in_browser(&link, &SECRET_VARIABLES)).await;
        let opened = opened.unwrap_or_else(|_| Err("the browser could not be started".into()));
        reporter.report(SignInEvent::Address { url: SafeText::new(&address), opened, until }).await;
        std::future::pending().await
    };
    tokio::select! {
        biased;
        granted = sign_in.finish(session.http()) => granted,
        never = opening => never,
    }
}

async fn sign_in_with_code(session: &Session, reporter: &SignInReporter) -> Result<Grant, AuthError> {
    let needed = session.needed().and_then(|needed| needed.claims);
    let sign_in = DeviceSignIn::begin(session.application(), session.http(), needed.as_ref()).await?;
    let event = SignInEvent::Code {
        code: SafeText::new(&sign_in.code()),
        address: SafeText::new(&sign_in.address()),
        until: reporter.until(sign_in.life()),
    };
    reporter.report(event).await;
    sign_in.finish().await
}
