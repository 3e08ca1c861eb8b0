//! Watches a service's session, runs its sign-ins, and reports both to the state.

use std::time::Duration;

use tokio::{
    sync::{mpsc::Sender, watch},
    task::{AbortHandle, spawn_blocking},
};

use super::{Clock, cache::FeedCache};
use crate::app::{FeedEvent, Identity, JobEvent, JobId, Message, SignInEvent, SignInWay};
use alertdeck_graph::{
    auth::{
        AuthError, BrowserSignIn, DEADLINE, DeviceSignIn, Grant, Needed, SECRET_VARIABLES, Session,
        TokenClaims, Tokens, VaultError,
    },
    permission::Allowed,
};
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_platform as platform;
use alertdeck_store::FeedId;

/// Watches a single service's session. Dropping this stops the watch.
pub(super) struct SessionWatch {
    /// The session, if a user can sign in interactively.
    session: Option<Session>,
    feed: FeedId,
    messages: Sender<Message>,
    task: Option<AbortHandle>,
}

impl Drop for SessionWatch {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl SessionWatch {
    /// Starts watching a feed's session. Must be called within a runtime.
    pub(super) fn new(feed: FeedId, tokens: &Tokens, messages: Sender<Message>) -> Self {
        let session = tokens.as_session().filter(|session| session.vault().is_some()).cloned();
        let task = tokens.as_session().cloned().map(|session| {
            // `attend` is called here rather than in the task, so that the session can prompt the
            // user from now on.
            let (needed, changes) = (session.attend(), session.changes());
            let report = report_changes(feed, session, needed, changes, messages.clone());
            tokio::spawn(report).abort_handle()
        });
        Self { session, feed, messages, task }
    }

    /// Returns the session, if a user can sign in interactively.
    pub(super) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Signs out and removes the stored credentials and the cache. Requests that are waiting for a
    /// sign-in fail.
    pub(super) fn sign_out(&self, cache: Option<FeedCache>) {
        let Some(session) = self.session.clone() else { return };
        session.decline();
        let (feed, messages) = (self.feed, self.messages.clone());
        tokio::spawn(async move {
            // Clear the cache first, since the account is no longer known after the sign-out.
            let cleared = match cache {
                Some(cache) => cache.clear().await,
                None => Ok(()),
            };
            if let Err(line) = cleared {
                let _ = messages.send(Message::Feed(feed, FeedEvent::Warning(line))).await;
            }
            // The session is cleared even if the vault fails.
            let removed = session.sign_out().await;
            let _ = messages.send(Message::Feed(feed, FeedEvent::SignedOut)).await;
            if let Err(error) = removed
                && !matches!(error, VaultError::NoKeyring(_))
            {
                let line = format!("the stored sign-in could not be removed: {error}");
                let _ = messages.send(Message::Feed(feed, FeedEvent::Warning(line))).await;
            }
        });
    }
}

/// Reports to the state when the user must sign in, and reports the identity of each new token.
async fn report_changes(
    feed: FeedId,
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
            FeedEvent::Identity(identity(claims))
        });
        let why = needed.borrow_and_update().as_ref().map(|needed| needed.why.clone());
        let needs = why.filter(|_| ask).map(|why| FeedEvent::SignInNeeded { why });
        let notice = session.notice().map(FeedEvent::Warning);
        for event in [identity, needs, notice].into_iter().flatten() {
            // The receiver is gone once the console has exited.
            if messages.send(Message::Feed(feed, event)).await.is_err() {
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

/// Converts a token's claims for display.
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
        writes: allowed.map(|allowed| allowed.write),
        expires: claims.expires.and_then(timestamp),
    }
}

/// Runs one sign-in and reports it to the state.
pub(super) struct SignInReporter {
    pub(super) job: JobId,
    pub(super) messages: Sender<Message>,
    pub(super) clock: Clock,
}

impl SignInReporter {
    /// Signs in and stores the credentials.
    pub(super) async fn sign_in(self, session: Session, way: SignInWay) {
        let granted = match way {
            SignInWay::Browser => sign_in_with_browser(&session, &self).await,
            SignInWay::DeviceCode => sign_in_with_code(&session, &self).await,
        };
        match granted {
            Ok(grant) => self.signed_in(&session, grant).await,
            Err(error) => self.failed(&error).await,
        }
    }

    /// Sends an event. Does nothing if the receiver is gone.
    async fn report(&self, event: SignInEvent) {
        let _ = self.messages.send(Message::Job(self.job, JobEvent::SignIn(event))).await;
    }

    fn until(&self, left: Duration) -> Duration {
        // Saturating, since the duration comes from the service.
        self.clock.now().mono.saturating_add(left)
    }

    async fn signed_in(&self, session: &Session, grant: Grant) {
        // `SignedIn` must arrive before any response to a request with the new token. Otherwise,
        // the state would assume that a rejected new token was the old one, and reload the list.
        let permit = self.messages.reserve().await;
        let stored = session.accept(grant);
        let feed = self.job.feed;
        if let Ok(permit) = permit {
            let event = FeedEvent::SignedIn(identity(session.claims().unwrap_or_default()));
            permit.send(Message::Feed(feed, event));
        }
        if let Err(error) = stored.await {
            let line = format!("signed in for this run only; the sign-in could not be stored: {error}");
            let _ = self.messages.send(Message::Feed(feed, FeedEvent::Warning(line))).await;
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
    // Suggest the account only if the session requires a new sign-in. A user who starts a sign-in
    // may want to use another account.
    let account = session.account().filter(|_| needed.is_some()).and_then(|account| account.upn);
    let claims = needed.and_then(|needed| needed.claims);
    let sign_in = BrowserSignIn::begin(session.application(), claims.as_ref(), account.as_deref()).await?;
    let address = sign_in.address().to_string();
    let link = address.clone();
    let until = reporter.until(DEADLINE);
    // The reply may arrive before the command that opens the browser exits, so wait for both at
    // once.
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
