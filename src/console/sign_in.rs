//! Carries out the sign-in that the state asks for, and tells it what becomes of it.

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

/// Watches the sign-in of one source, and signs in on demand. Dropping it ends both.
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
        self.leave();
    }
}

impl SignIn {
    /// Begins to watch where tokens come from. Must be called within a runtime.
    pub(super) fn new(tokens: &Tokens, messages: Sender<Message>, clock: Clock) -> Self {
        let session = tokens.as_session().filter(|session| session.vault().is_some()).cloned();
        let watch = match tokens.as_session().cloned() {
            // From now on somebody can be asked, whoever runs first.
            Some(session) => {
                let (needed, changes) = (session.attend(), session.changes());
                Some(tokio::spawn(keep_told(session, needed, changes, messages.clone())).abort_handle())
            }
            None => None,
        };
        Self { session, messages, clock, watch, flow: None }
    }

    /// Lets the user be asked again: they want something fetched.
    pub(super) fn ask_again(&self) {
        if let Some(session) = &self.session {
            session.ask_again();
        }
    }

    /// Signs in one way; a flow under way is left.
    pub(super) fn begin(&mut self, way: SignInWay) {
        self.leave();
        let Some(session) = self.session.clone() else { return };
        let reporter = FetchReporter { messages: self.messages.clone(), clock: self.clock };
        let flow = tokio::spawn(async move {
            let granted = match way {
                SignInWay::Browser => in_browser(&session, &reporter).await,
                SignInWay::DeviceCode => by_code(&session, &reporter).await,
            };
            match granted {
                Ok(grant) => reporter.signed_in(&session, grant).await,
                Err(error) => reporter.failed(&error).await,
            }
        });
        self.flow = Some(flow.abort_handle());
    }

    /// Leaves the flow under way; who waits for it is told that nobody signs in.
    pub(super) fn cancel(&mut self) {
        self.leave();
        if let Some(session) = &self.session {
            session.decline();
        }
    }

    fn leave(&mut self) {
        if let Some(flow) = self.flow.take() {
            flow.abort();
        }
    }

    /// Throws the sign-in away.
    pub(super) fn sign_out(&mut self) {
        self.cancel();
        let Some(session) = self.session.clone() else { return };
        let messages = self.messages.clone();
        tokio::spawn(async move {
            // Here it is forgotten whatever the vault says.
            let removed = session.sign_out().await;
            let _ = messages.send(Message::SignIn(SignInEvent::SignedOut)).await;
            if let Err(error) = removed
                && !matches!(error, VaultError::NoKeyring(_))
            {
                let line = format!("the sign-in that was kept could not be removed: {error}");
                let _ = messages.send(Message::Warning(line)).await;
            }
        });
    }
}

/// Tells the state when the user is needed, and who is signed in whenever there is a new token.
async fn keep_told(
    session: Session,
    mut needed: watch::Receiver<Option<Needed>>,
    mut changes: watch::Receiver<u64>,
    messages: Sender<Message>,
) {
    let (mut told, mut ask) = (None, true);
    loop {
        let said = session.claims().filter(|said| Some(said) != told.as_ref());
        let identity = said.map(|said| {
            told = Some(said.clone());
            Message::Identity(identity(said))
        });
        let why = needed.borrow_and_update().as_ref().map(|needed| needed.why.clone());
        let needs = why.filter(|_| ask).map(|why| Message::SignIn(SignInEvent::Needed { why }));
        let notice = session.notice().map(Message::Warning);
        for message in [identity, needs, notice].into_iter().flatten() {
            // Where the state is gone, nobody is left to tell.
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

/// What a token says, as the state shows it.
pub(super) fn identity(said: TokenClaims) -> Identity {
    let allowed = Allowed::by(said.permissions.iter().map(String::as_str));
    let safe = |text: String| SafeText::new(&text);
    let ticks = |at: std::time::SystemTime| {
        let since = at.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
        Some(Timestamp::from_seconds(i64::try_from(since.as_secs()).ok()?))
    };
    Identity {
        account: said.account.or(said.name).map(safe),
        tenant: said.tenant.map(safe),
        permissions: said.permissions.into_iter().map(safe).collect(),
        reads: allowed.map(|allowed| allowed.read),
        expires: said.expires.and_then(ticks),
    }
}

struct FetchReporter {
    messages: Sender<Message>,
    clock: Clock,
}

impl FetchReporter {
    /// Where the state is gone, nobody is left to tell.
    async fn report(&self, event: SignInEvent) {
        let _ = self.messages.send(Message::SignIn(event)).await;
    }

    fn until(&self, left: Duration) -> Duration {
        // Whatever number a service tells: no sum overflows.
        self.clock.now().mono.saturating_add(left)
    }

    async fn signed_in(&self, session: &Session, grant: Grant) {
        // The state hears of it before anything that the new token brings, a refusal above all: that
        // came after the sign-in and is none to begin the list anew for.
        let place = self.messages.reserve().await;
        let kept = session.accept(grant);
        if let Ok(place) = place {
            place.send(Message::SignIn(SignInEvent::Done(identity(session.claims().unwrap_or_default()))));
        }
        if let Err(error) = kept.await {
            let line = format!("signed in for this run only, the sign-in was not kept: {error}");
            let _ = self.messages.send(Message::Warning(line)).await;
        }
    }

    async fn failed(&self, error: &AuthError) {
        let may_retry = !matches!(error, AuthError::Setup(_));
        tracing::warn!("no sign-in: {error}");
        let mut line = error.to_string();
        if matches!(error, AuthError::Refused(refusal) if refusal.is_policy()) {
            line += "; the browser on a managed device may do";
        }
        self.report(SignInEvent::Failed { line, may_retry }).await;
    }
}

async fn in_browser(session: &Session, reporter: &FetchReporter) -> Result<Grant, AuthError> {
    let needed = session.needed();
    // Whoever has to sign in again is known; whoever wants to may want to as somebody else.
    let account = session.account().filter(|_| needed.is_some()).and_then(|account| account.upn);
    let claims = needed.and_then(|needed| needed.claims);
    let waiting = BrowserSignIn::begin(session.application(), claims.as_ref(), account.as_deref()).await?;
    let address = waiting.address().to_string();
    let link = address.clone();
    let until = reporter.until(DEADLINE);
    // The answer may come before the opener has ended, so both go on side by side.
    let opening = async {
        let opened = spawn_blocking(move || platform::open_in_browser(&link, &SECRET_VARIABLES)).await;
        let opened = opened.unwrap_or_else(|_| Err("the browser could not be started".into()));
        reporter.report(SignInEvent::Address { url: SafeText::new(&address), opened, until }).await;
        std::future::pending().await
    };
    tokio::select! {
        biased;
        granted = waiting.finish(session.http()) => granted,
        never = opening => never,
    }
}

async fn by_code(session: &Session, reporter: &FetchReporter) -> Result<Grant, AuthError> {
    let needed = session.needed().and_then(|needed| needed.claims);
    let waiting = DeviceSignIn::begin(session.application(), session.http(), needed.as_ref()).await?;
    let event = SignInEvent::Code {
        code: SafeText::new(&waiting.code()),
        address: SafeText::new(&waiting.address()),
        until: reporter.until(waiting.life()),
    };
    reporter.report(event).await;
    waiting.finish().await
}
