//! One identity's access token, kept in memory and refreshed before it expires.
//!
//! A single request refreshes the token for all of the program's tasks, and only one instance of
//! the program refreshes at a time. If the user has to sign in, tasks that need a token wait until
//! the user has signed in or declined; a list then continues from the page at which it was
//! interrupted. If no user can be asked, the tasks get [`AuthError::SignInNeeded`]. Signing in or
//! out overrides any refresh in progress. The `renewal` module refreshes tokens, and the `state`
//! module holds the state that tasks share.

mod renewal;
mod state;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::sync::{OwnedMutexGuard, watch};

use super::{
    Account, Application, AuthError, Claims, Proof, Token, TokenClaims,
    grant::{Grant, Waits},
    vault::{Key, Vault, VaultError},
};
use crate::{event::ClientEvent, http::Http};
use state::{CurrentToken, State};

/// How long before its expiry a token is refreshed, capped at a fifth of the token's lifetime. This
/// exceeds the time a page may take to arrive.
const EARLY: Duration = Duration::from_secs(150);
/// The wait between a failed refresh and the next one, while the current token is still valid.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// A sign-in that the user must complete before a token is available.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The reason, in one line that is safe to show.
    pub why: String,
    /// The claims that the service requires in the next token.
    pub claims: Option<Claims>,
}

/// The source of an identity's tokens.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A user, whose refresh token is in a vault.
    User {
        /// The vault with the refresh token.
        vault: Vault,
        /// The key under which the vault holds the refresh token.
        key: Key,
    },
    /// An application, which can sign in at any time.
    Application(Proof),
}

/// An identity's session with an authority. Cheap to clone; clones share the token.
#[derive(Clone, Debug)]
pub struct Session {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: Http,
    application: Application,
    identity: Identity,
    state: Mutex<State>,
    /// Locked during a refresh. Other tasks wait for the lock and then find the new token.
    renewal_lock: Arc<tokio::sync::Mutex<()>>,
    /// A counter that changes with each new token and each time the user declines.
    changes: watch::Sender<u64>,
    /// The sign-in that the user is being asked to complete.
    needed: watch::Sender<Option<Needed>>,
    /// The number of sign-ins being saved to the vault.
    saving: watch::Sender<usize>,
    /// Reports when requests to the sign-in service are throttled or retried.
    waits: Waits,
    clock: fn() -> SystemTime,
}

impl Session {
    /// Creates a session. Nothing is sent or loaded yet.
    pub fn new(http: Http, application: Application, identity: Identity) -> Self {
        Self::with_clock(http, application, identity, SystemTime::now)
    }

    /// Creates a session with a custom clock, which may jump.
    pub fn with_clock(
        http: Http,
        application: Application,
        identity: Identity,
        clock: fn() -> SystemTime,
    ) -> Self {
        let inner = Inner {
            http,
            application,
            identity,
            state: Mutex::default(),
            renewal_lock: Arc::default(),
            changes: watch::Sender::new(0),
            needed: watch::Sender::new(None),
            saving: watch::Sender::new(0),
            waits: watch::Sender::new(None),
            clock,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the application and its authority.
    pub fn application(&self) -> &Application {
        &self.inner.application
    }

    /// Returns the HTTP client for the authority.
    pub fn http(&self) -> &Http {
        &self.inner.http
    }

    /// Returns the vault that holds the user's credentials; `None` for an application.
    pub fn vault(&self) -> Option<&Vault> {
        match &self.inner.identity {
            Identity::User { vault, .. } => Some(vault),
            Identity::Application(_) => None,
        }
    }

    /// Returns the vault key for the user's credentials; `None` for an application.
    pub fn key(&self) -> Option<&Key> {
        match &self.inner.identity {
            Identity::User { key, .. } => Some(key),
            Identity::Application(_) => None,
        }
    }

    /// Returns a channel that changes with each new token and each time the user declines.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Returns a channel that reports when requests to the sign-in service are throttled or
    /// retried.
    pub(super) fn waits(&self) -> watch::Receiver<Option<ClientEvent>> {
        self.inner.waits.subscribe()
    }

    /// Returns the sign-in that the user is being asked to complete, if any.
    pub fn needed(&self) -> Option<Needed> {
        self.inner.needed.borrow().clone()
    }

    /// Returns the claims in the current token, supplemented with the account that signed in;
    /// `None` if there is no token.
    pub fn claims(&self) -> Option<TokenClaims> {
        let state = self.state();
        let current = state.current.as_ref()?;
        let mut claims = current.token.claims().unwrap_or_default();
        claims.expires = claims.expires.or(Some(current.expires));
        if let Some(account) = &state.account {
            claims.account = account.upn.clone().or(claims.account);
            claims.name = account.name.clone().or(claims.name);
            claims.tenant = account.tenant_id.clone().or(claims.tenant);
        }
        Some(claims)
    }

    /// Returns the account that is signed in, if the authority has identified it.
    pub fn account(&self) -> Option<Account> {
        self.state().account.clone()
    }

    /// Returns the account that is signed in or, failing that, the one stored in the vault. Sends
    /// no request.
    pub async fn recall(&self) -> Option<Account> {
        if let Some(account) = self.account() {
            return Some(account);
        }
        let Identity::User { vault, key } = &self.inner.identity else { return None };
        let epoch = self.state().epoch;
        let loaded = vault.load(key).await.ok()?;
        let mut state = self.state_since(epoch)?;
        // Unreadable credentials are reported only once, so the notice must not be lost.
        state.notice = loaded.notice.or(state.notice.take());
        if state.account.is_none() {
            state.account = loaded.stored.and_then(|stored| stored.account);
        }
        state.account.clone()
    }

    /// Takes the pending notice to show to the user, if any.
    pub fn notice(&self) -> Option<String> {
        self.state().notice.take()
    }

    /// Declares that, from now on, a user can be asked to sign in. Returns a channel that holds the
    /// sign-in to complete, if any; respond with [`Session::accept`] or [`Session::decline`].
    pub fn attend(&self) -> watch::Receiver<Option<Needed>> {
        self.state().attended = true;
        self.inner.needed.subscribe()
    }

    /// Starts using the tokens from a user's sign-in; tasks waiting for a token continue.
    ///
    /// The tokens take effect immediately. A background task saves them to the vault, whether or
    /// not the returned future is awaited. If saving fails, the sign-in lasts until the program
    /// ends, and the future returns the error. Must be called within a tokio runtime.
    pub fn accept(&self, grant: Grant) -> impl Future<Output = Result<(), VaultError>> + Send + use<> {
        let epoch = {
            let mut state = self.state();
            state.epoch += 1;
            // Nothing belonging to the previous user may remain.
            (state.refresh, state.account) = (None, None);
            self.use_grant(&mut state, &grant, None);
            state.user_number = state.number;
            (state.declined, state.only_user, state.failure) = (false, false, None);
            self.inner.needed.send_replace(None);
            state.epoch
        };
        tracing::info!("signed in at {}", self.inner.application.authority.host());
        self.changed();
        let session = self.clone();
        self.inner.saving.send_modify(|saving| *saving += 1);
        // The task completes even if the caller drops the future.
        let saved = tokio::spawn(async move {
            let saved = session.save_granted(grant.refresh, epoch).await;
            session.inner.saving.send_modify(|saving| *saving -= 1);
            saved
        });
        async move { saved.await.unwrap_or(Err(VaultError::Ending)) }
    }

    /// Waits until every sign-in has been saved, so that the program can end.
    pub async fn saved(&self) {
        // The session owns the sender, so the channel cannot be closed.
        let _ = self.inner.saving.subscribe().wait_for(|saving| *saving == 0).await;
    }

    /// Declines the sign-in; tasks waiting for a token get an error.
    pub fn decline(&self) {
        {
            let mut state = self.state();
            state.declines += 1;
            (state.declined, state.only_user) = (true, false);
            // Done here rather than by the waiting tasks, since there may no longer be any.
            self.inner.needed.send_replace(None);
        }
        self.changed();
    }

    /// Allows the user to be asked again after [`Session::decline`].
    pub fn ask_again(&self) {
        self.state().declined = false;
    }

    /// Removes the credentials from the session and the vault; returns whether there were any.
    pub async fn sign_out(&self) -> Result<bool, VaultError> {
        let (signed_in, epoch) = {
            let mut state = self.state();
            (state.sign_out(), state.epoch)
        };
        tracing::info!("signed out at {}", self.inner.application.authority.host());
        let Identity::User { vault, key } = &self.inner.identity else { return Ok(signed_in) };
        let removed = vault.forget(key).await;
        // A refresh may have started before the vault was emptied, so clear the state again. A new
        // sign-in is kept.
        if let Some(mut state) = self.state_since(epoch) {
            state.sign_out();
        }
        Ok(removed? | signed_in)
    }

    /// Returns the current token, first refreshing it or waiting for the user if necessary.
    pub(super) async fn current(&self) -> Result<Token, AuthError> {
        loop {
            if let Some(token) = self.fresh() {
                return Ok(token);
            }
            let (number, renewals) = self.progress();
            let lock = Arc::clone(&self.inner.renewal_lock);
            let guard = match self.valid() {
                // One task refreshes early; the others continue with the valid token.
                Some(token) => match lock.try_lock_owned() {
                    Ok(guard) => guard,
                    Err(_) => return Ok(token),
                },
                None => lock.lock_owned().await,
            };
            let outcome = match self.fresh() {
                Some(token) => return Ok(token),
                None => self.renew_once(guard, renewals, None).await,
            };
            match outcome {
                Ok(token) => return Ok(token),
                Err(error) => match (self.valid_after_failure(), error) {
                    (Some(token), _) => return Ok(token),
                    (None, AuthError::SignInNeeded(needed)) => {
                        self.wait_for_user(needed, |state| state.number != number).await?;
                    }
                    (None, error) => return Err(error),
                },
            }
        }
    }

    /// Returns a replacement for a token that the service rejected.
    ///
    /// If another task has already obtained a token with the `demanded` claims, returns that one.
    pub(super) async fn renewed(
        &self,
        refused: &Token,
        demanded: Option<&Claims>,
    ) -> Result<Token, AuthError> {
        let (number, renewals) = self.progress();
        let guard = Arc::clone(&self.inner.renewal_lock).lock_owned().await;
        let outcome = match self.other_than(refused, demanded) {
            Some(token) => return Ok(token),
            None => self.renew_once(guard, renewals, demanded).await,
        };
        match outcome {
            Err(AuthError::SignInNeeded(needed)) => {
                let needed = Needed { claims: demanded.cloned().or(needed.claims), ..needed };
                self.wait_for_user(needed.clone(), |state| state.number != number).await?;
                self.other_than(refused, None).ok_or(AuthError::SignInNeeded(needed))
            }
            other => other,
        }
    }

    /// Asks the user to sign in again because the service has also rejected a refreshed token.
    /// Returns the new token.
    pub(super) async fn asked_for(
        &self,
        refused: &Token,
        demanded: Option<&Claims>,
    ) -> Result<Token, AuthError> {
        let why = match demanded {
            Some(_) => "the service requires you to sign in again",
            None => "the service refused the token and a renewed one",
        };
        let needed = Needed { why: why.into(), claims: demanded.cloned() };
        if matches!(self.inner.identity, Identity::Application(_)) {
            return Err(AuthError::SignInNeeded(needed));
        }
        self.state().only_user = true;
        // A refresh by another task does not count: the service rejects refreshed tokens.
        let number = refused.number;
        self.wait_for_user(needed.clone(), |state| state.user_number > number).await?;
        self.other_than(refused, None).ok_or(AuthError::SignInNeeded(needed))
    }

    /// Waits until the user has signed in. Fails if no user can be asked, or if the user declines.
    async fn wait_for_user(
        &self,
        needed: Needed,
        done: impl Fn(&State) -> bool + Send,
    ) -> Result<(), AuthError> {
        let mut changes = self.inner.changes.subscribe();
        let declines = {
            let state = self.state();
            if done(&state) {
                return Ok(());
            }
            if !state.attended || state.declined {
                return Err(AuthError::SignInNeeded(needed));
            }
            // Sent while the lock is held, so that the user cannot decline before `declines` is
            // read.
            self.inner.needed.send_if_modified(|waiting| {
                let new = waiting.as_ref() != Some(&needed);
                *waiting = Some(needed.clone());
                new
            });
            state.declines
        };
        loop {
            {
                let state = self.state();
                if done(&state) {
                    return Ok(());
                }
                if state.declines != declines {
                    return Err(AuthError::SignInNeeded(needed));
                }
            }
            if changes.changed().await.is_err() {
                return Err(AuthError::SignInNeeded(needed));
            }
        }
    }

    /// Refreshes the token, or returns the error from a refresh that failed while the caller was
    /// waiting for the lock. `renewals` is the number of refreshes that had finished when
    /// the caller started waiting.
    ///
    /// The refresh completes even if the caller is dropped, because its response may be the only
    /// one that contains the next refresh token.
    async fn renew_once(
        &self,
        guard: OwnedMutexGuard<()>,
        renewals: u64,
        demanded: Option<&Claims>,
    ) -> Result<Token, AuthError> {
        {
            let state = self.state();
            if let Some(failure) = state.failure.clone().filter(|_| state.renewals != renewals) {
                return Err(failure);
            }
        }
        let (session, demanded) = (self.clone(), demanded.cloned());
        let task = tokio::spawn(async move {
            let outcome = session.renew(demanded.as_ref()).await;
            drop(guard);
            outcome
        });
        task.await.unwrap_or_else(|_| Err(AuthError::Setup("the program is shutting down".into())))
    }

    /// Returns the current token if it has not expired.
    fn valid(&self) -> Option<Token> {
        self.state().valid((self.inner.clock)()).map(|current| current.token.clone())
    }

    /// Returns the current token if it does not need to be refreshed yet.
    fn fresh(&self) -> Option<Token> {
        let state = self.state();
        let now = (self.inner.clock)();
        let current = state.valid(now)?;
        let may_wait = now < current.renew_at || state.retry_at.is_some_and(|at| now < at);
        may_wait.then(|| current.token.clone())
    }

    /// Returns the current token if it is still valid after a failed refresh, and postpones the
    /// next refresh.
    fn valid_after_failure(&self) -> Option<Token> {
        let token = self.valid()?;
        self.state().retry_at = Some((self.inner.clock)() + RETRY_AFTER);
        Some(token)
    }

    /// Returns the current token if it is not `refused` and was requested with the `demanded`
    /// claims, if any.
    fn other_than(&self, refused: &Token, demanded: Option<&Claims>) -> Option<Token> {
        let state = self.state();
        let current = state.current.as_ref()?;
        let meets = demanded.is_none() || current.claims.as_ref() == demanded;
        (current.token.number != refused.number && meets).then(|| current.token.clone())
    }

    /// Returns the number of the current token and the number of finished refreshes.
    fn progress(&self) -> (u64, u64) {
        let state = self.state();
        (state.number, state.renewals)
    }

    fn changed(&self) {
        self.inner.changes.send_modify(|times| *times += 1);
    }

    /// Makes the access token in `grant` the current one.
    fn use_grant(&self, state: &mut State, grant: &Grant, claims: Option<Claims>) -> Token {
        let now = (self.inner.clock)();
        let early = EARLY.min(grant.life / 5);
        state.number += 1;
        let token = Token { value: grant.access.clone(), number: state.number };
        state.current = Some(CurrentToken {
            token: token.clone(),
            claims,
            renew_at: now + grant.life.saturating_sub(early),
            expires: now + grant.life,
        });
        state.refresh = grant.refresh.clone().or(state.refresh.take());
        state.account = grant.account.clone().or(state.account.take());
        state.retry_at = None;
        token
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No holder of the lock can panic in the middle of a change.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state, unless the user has signed in or out since `epoch`.
    fn state_since(&self, epoch: u64) -> Option<MutexGuard<'_, State>> {
        let state = self.state();
        (state.epoch == epoch).then_some(state)
    }
}
