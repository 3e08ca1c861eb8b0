//! One identity over time: its access token in memory, renewed ahead of its end, by one request
//! however many tasks want it, and by one running copy at a time.
//!
//! Where the user has to act, whoever waits for a token goes on waiting until the user has signed
//! in or has said no; so a list goes on with the page at which it was held up. Without anybody to
//! ask, it is an error ([`AuthError::SignInNeeded`]). What the user does, signing in or out, wins
//! over whatever is under way. How a token is renewed is in `renewal`.

mod renewal;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use secrecy::SecretString;
use tokio::sync::{OwnedMutexGuard, watch};

use super::{
    Account, Application, AuthError, Claims, Proof, Token, TokenClaims,
    grant::{Grant, Waits},
    vault::{Key, Vault, VaultError},
};
use crate::{event::ClientEvent, http::Http};

/// How long before its end a token is replaced: longer than a page may take to arrive. Of a
/// short life it is a fifth.
const EARLY: Duration = Duration::from_secs(150);
/// How long a renewal that failed is not tried again while the token at hand still holds.
const PAUSE: Duration = Duration::from_secs(30);

/// What the user has to do before there is a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Why, in one line that is safe to show.
    pub why: String,
    /// What the service demands of the next token.
    pub claims: Option<Claims>,
}

/// How an identity comes by its tokens.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A user, whose refresh token is kept in a vault.
    User {
        /// Where it is kept.
        vault: Vault,
        /// As what.
        key: Key,
    },
    /// An application, which can prove itself at any time.
    Application(Proof),
}

/// An identity at an authority. Cheap to clone; clones share the token.
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
    /// Held while a token is being got: the others wait and find it.
    getting: Arc<tokio::sync::Mutex<()>>,
    /// Speaks when there is a new token, and when the user has said no.
    changes: watch::Sender<u64>,
    /// What the user has to do; `None` while there is nothing.
    needed: watch::Sender<Option<Needed>>,
    /// Speaks when the sign-in service lets us wait.
    waits: Waits,
    clock: fn() -> SystemTime,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// The token that renews the access token, once it was loaded or granted.
    refresh: Option<SecretString>,
    /// The refresh token that the vault held when we last looked: one that differs is another
    /// copy's, and newer than ours.
    seen: Option<SecretString>,
    account: Option<Account>,
    number: u64,
    /// The number of the token that the user's last sign-in has brought.
    users: u64,
    /// Counts what the user does: a renewal that was begun before counts for nothing.
    epoch: u64,
    /// Renewals that have ended, well or not.
    renewals: u64,
    /// How the last one failed.
    failure: Option<AuthError>,
    /// Whether somebody is there to be asked.
    attended: bool,
    /// The user does not want to sign in now.
    declined: bool,
    /// How often the user has said so.
    declines: u64,
    /// The service refuses what renewals bring: only the user can help.
    only_user: bool,
    /// When a renewal that failed is tried again.
    paused: Option<SystemTime>,
    /// What a caller should tell the user: a sign-in that could not be kept or read.
    notice: Option<String>,
}

#[derive(Clone, Debug)]
struct Held {
    token: Token,
    /// What was demanded of it when it was asked for.
    claims: Option<Claims>,
    renew_at: SystemTime,
    expires: SystemTime,
}

impl Session {
    /// Prepares an identity; nothing is sent or loaded yet.
    pub fn new(http: Http, application: Application, identity: Identity) -> Self {
        Self::with_clock(http, application, identity, SystemTime::now)
    }

    /// Prepares an identity that goes by a clock of the caller's, which may jump.
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
            getting: Arc::default(),
            changes: watch::Sender::new(0),
            needed: watch::Sender::new(None),
            waits: watch::Sender::new(None),
            clock,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the application that signs in, and where.
    pub fn application(&self) -> &Application {
        &self.inner.application
    }

    /// Returns the client for the authority.
    pub fn http(&self) -> &Http {
        &self.inner.http
    }

    /// Returns where the sign-in is kept; `None` for an application.
    pub fn vault(&self) -> Option<&Vault> {
        match &self.inner.identity {
            Identity::User { vault, .. } => Some(vault),
            Identity::Application(_) => None,
        }
    }

    /// Returns as what the sign-in is kept; `None` for an application.
    pub fn key(&self) -> Option<&Key> {
        match &self.inner.identity {
            Identity::User { key, .. } => Some(key),
            Identity::Application(_) => None,
        }
    }

    /// Returns what speaks whenever there is a new token, and when the user has said no.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Returns what speaks when the sign-in service lets us wait, and when the wait is over.
    pub(super) fn waits(&self) -> watch::Receiver<Option<ClientEvent>> {
        self.inner.waits.subscribe()
    }

    /// Returns what the user has to do, if there is something.
    pub fn needed(&self) -> Option<Needed> {
        self.inner.needed.borrow().clone()
    }

    /// Returns what the token at hand says of itself, and who signed in; `None` without a token.
    pub fn claims(&self) -> Option<TokenClaims> {
        let state = self.state();
        let mut said = state.held.as_ref()?.token.claims().unwrap_or_default();
        said.expires = said.expires.or(state.held.as_ref().map(|held| held.expires));
        if let Some(account) = &state.account {
            said.account = account.upn.clone().or(said.account);
            said.name = account.name.clone().or(said.name);
            said.tenant = account.tenant_id.clone().or(said.tenant);
        }
        Some(said)
    }

    /// Returns who is signed in, as far as the authority has said.
    pub fn account(&self) -> Option<Account> {
        self.state().account.clone()
    }

    /// Returns who has signed in before, as the vault knows it; nothing is asked for it.
    pub async fn recall(&self) -> Option<Account> {
        if let Some(account) = self.account() {
            return Some(account);
        }
        let Identity::User { vault, key } = &self.inner.identity else { return None };
        let epoch = self.state().epoch;
        let loaded = vault.load(key).await.ok()?;
        let mut state = self.state_of(epoch)?;
        // What cannot be read is met once, so it is told by whoever meets it.
        state.notice = loaded.notice.or(state.notice.take());
        if state.account.is_none() {
            state.account = loaded.stored.and_then(|stored| stored.account);
        }
        state.account.clone()
    }

    /// Takes what the user should be told, once.
    pub fn notice(&self) -> Option<String> {
        self.state().notice.take()
    }

    /// Says that somebody can be asked from now on: watch what is returned, and answer with
    /// [`Session::accept`] or [`Session::decline`].
    pub fn attend(&self) -> watch::Receiver<Option<Needed>> {
        self.state().attended = true;
        self.inner.needed.subscribe()
    }

    /// Takes what the user's sign-in has brought; who waits for a token goes on.
    ///
    /// It is taken at once, and kept in the vault by and by, whether or not that is waited for.
    /// Where it cannot be kept, it is good for this run only, and why is returned. Must be called
    /// within a runtime.
    pub fn accept(&self, grant: Grant) -> impl Future<Output = Result<(), VaultError>> + Send + use<> {
        let epoch = {
            let mut state = self.state();
            state.epoch += 1;
            // Whoever signed in before takes everything along.
            (state.refresh, state.account) = (None, None);
            self.hold(&mut state, &grant, None);
            state.users = state.number;
            (state.declined, state.only_user, state.failure) = (false, false, None);
            self.inner.needed.send_replace(None);
            state.epoch
        };
        tracing::info!("signed in at {}", self.inner.application.authority.host());
        self.changed();
        let session = self.clone();
        // To the end, also where the caller goes away: half a sign-in is none.
        let kept = tokio::spawn(async move { session.keep_granted(grant.refresh, epoch).await });
        async move { kept.await.unwrap_or(Err(VaultError::Ending)) }
    }

    /// Says that the user does not sign in now; who waits for a token gets an error.
    pub fn decline(&self) {
        {
            let mut state = self.state();
            state.declines += 1;
            (state.declined, state.only_user) = (true, false);
            // Not left to those who wait: there may be none any more.
            self.inner.needed.send_replace(None);
        }
        self.changed();
    }

    /// Says that the user is to be asked again, after having said no.
    pub fn ask_again(&self) {
        self.state().declined = false;
    }

    /// Forgets the sign-in, here and in the vault; tells whether there was one.
    pub async fn sign_out(&self) -> Result<bool, VaultError> {
        let (held, epoch) = {
            let mut state = self.state();
            (state.sign_out(), state.epoch)
        };
        tracing::info!("signed out at {}", self.inner.application.authority.host());
        let Identity::User { vault, key } = &self.inner.identity else { return Ok(held) };
        let removed = vault.forget(key).await;
        // A renewal may have begun before the vault was empty; a sign-in of the user stays.
        if let Some(mut state) = self.state_of(epoch) {
            state.sign_out();
        }
        Ok(removed? | held)
    }

    /// Returns the token to use now.
    pub(super) async fn current(&self) -> Result<Token, AuthError> {
        loop {
            if let Some(token) = self.fresh() {
                return Ok(token);
            }
            let (number, renewals) = self.progress();
            let getting = Arc::clone(&self.inner.getting);
            let getting = match self.holding() {
                // One task renews ahead of the end; the others go on with what holds.
                Some(token) => match getting.try_lock_owned() {
                    Ok(getting) => getting,
                    Err(_) => return Ok(token),
                },
                None => getting.lock_owned().await,
            };
            let outcome = match self.fresh() {
                Some(token) => return Ok(token),
                None => self.obtain(getting, renewals, None).await,
            };
            match outcome {
                Ok(token) => return Ok(token),
                Err(error) => match (self.still_good(), error) {
                    (Some(token), _) => return Ok(token),
                    (None, AuthError::SignInNeeded(needed)) => {
                        self.wait_for_user(needed, |state| state.number != number).await?;
                    }
                    (None, error) => return Err(error),
                },
            }
        }
    }

    /// Returns a token to use instead of one that was refused.
    ///
    /// Where someone else has got a new one meanwhile, that one is returned, if it was asked for
    /// with what the service demands.
    pub(super) async fn renewed(
        &self,
        refused: &Token,
        demanded: Option<&Claims>,
    ) -> Result<Token, AuthError> {
        let (number, renewals) = self.progress();
        let getting = Arc::clone(&self.inner.getting).lock_owned().await;
        let outcome = match self.other_than(refused, demanded) {
            Some(token) => return Ok(token),
            None => self.obtain(getting, renewals, demanded).await,
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

    /// Returns a token for which the user has signed in anew: what was renewed was refused too.
    pub(super) async fn asked_for(
        &self,
        refused: &Token,
        demanded: Option<&Claims>,
    ) -> Result<Token, AuthError> {
        let why = match demanded {
            Some(_) => "the service asks you to sign in again",
            None => "the service refuses the token, and refused a new one too",
        };
        let needed = Needed { why: why.into(), claims: demanded.cloned() };
        if matches!(self.inner.identity, Identity::Application(_)) {
            return Err(AuthError::SignInNeeded(needed));
        }
        self.state().only_user = true;
        // What another task has got by a renewal since is no better.
        let number = refused.number;
        self.wait_for_user(needed.clone(), |state| state.users > number).await?;
        self.other_than(refused, None).ok_or(AuthError::SignInNeeded(needed))
    }

    /// Waits until the user has signed in; an error where nobody can be asked, or the user says no.
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
            // Under the lock, so that no answer of the user's comes in between.
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

    /// Gets a token as the one who may, unless someone else has just failed to.
    ///
    /// It is got to the end, also where the caller goes away: an answer that is lost may be the
    /// only one that holds the next refresh token.
    async fn obtain(
        &self,
        getting: OwnedMutexGuard<()>,
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
            drop(getting);
            outcome
        });
        task.await.unwrap_or_else(|_| Err(AuthError::Setup("the program is ending".into())))
    }

    /// The token at hand, if it has not ended.
    fn holding(&self) -> Option<Token> {
        let now = (self.inner.clock)();
        self.state().held.as_ref().filter(|held| now < held.expires).map(|held| held.token.clone())
    }

    /// The token at hand, if it need not be renewed yet.
    fn fresh(&self) -> Option<Token> {
        let state = self.state();
        let now = (self.inner.clock)();
        let held = state.held.as_ref().filter(|held| now < held.expires)?;
        let may_wait = now < held.renew_at || state.paused.is_some_and(|until| now < until);
        may_wait.then(|| held.token.clone())
    }

    /// The token at hand where a renewal has failed: it may still hold for a while.
    fn still_good(&self) -> Option<Token> {
        let token = self.holding()?;
        self.state().paused = Some((self.inner.clock)() + PAUSE);
        Some(token)
    }

    fn other_than(&self, refused: &Token, demanded: Option<&Claims>) -> Option<Token> {
        let state = self.state();
        let held = state.held.as_ref()?;
        let meets = demanded.is_none() || held.claims.as_ref() == demanded;
        (held.token.number != refused.number && meets).then(|| held.token.clone())
    }

    /// The number of the token at hand, and how many renewals there were.
    fn progress(&self) -> (u64, u64) {
        let state = self.state();
        (state.number, state.renewals)
    }

    fn changed(&self) {
        self.inner.changes.send_modify(|times| *times += 1);
    }

    fn hold(&self, state: &mut State, grant: &Grant, claims: Option<Claims>) -> Token {
        let now = (self.inner.clock)();
        let early = EARLY.min(grant.life / 5);
        state.number += 1;
        let token = Token { value: grant.access.clone(), number: state.number };
        state.held = Some(Held {
            token: token.clone(),
            claims,
            renew_at: now + grant.life.saturating_sub(early),
            expires: now + grant.life,
        });
        state.refresh = grant.refresh.clone().or(state.refresh.take());
        state.account = grant.account.clone().or(state.account.take());
        state.paused = None;
        token
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No holder can panic half-way through a change.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless the user has signed in or out since.
    fn state_of(&self, epoch: u64) -> Option<MutexGuard<'_, State>> {
        let state = self.state();
        (state.epoch == epoch).then_some(state)
    }
}

impl State {
    /// Forgets the sign-in; tells whether there was one.
    fn sign_out(&mut self) -> bool {
        self.epoch += 1;
        (self.seen, self.account, self.failure, self.paused) = (None, None, None, None);
        self.held.take().is_some() | self.refresh.take().is_some()
    }
}
