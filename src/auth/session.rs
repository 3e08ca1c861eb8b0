//! One identity over time: its access token in memory, renewed ahead of its end, by one request
//! however many tasks want it, and by one running copy at a time.
//!
//! Where the user has to act, whoever waits for a token goes on waiting until the user has signed
//! in or has said no; so a list goes on with the page at which it was held up. Without anybody to
//! ask, it is an error ([`AuthError::SignInNeeded`]).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use oauth2::{RefreshToken, basic::BasicErrorResponse};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{OwnedMutexGuard, watch};

use super::{
    Account, Application, AuthError, Claims, Proof, Refusal, Said, Token,
    grant::{Grant, Wire, oauth, scopes},
    vault::{Key, Stored, Vault, VaultError},
};
use crate::http::{Http, Repeat};

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
    clock: fn() -> SystemTime,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// The token that renews the access token, once it was loaded or granted.
    refresh: Option<SecretString>,
    account: Option<Account>,
    number: u64,
    /// How often it was signed out: what was asked for before is of no use after.
    departures: u64,
    /// Whether somebody is there to be asked.
    attended: bool,
    /// The user does not want to sign in now.
    declined: bool,
    /// When a renewal that failed is tried again.
    paused: Option<SystemTime>,
    /// What a caller should tell the user: a sign-in that could not be kept or read.
    notice: Option<String>,
}

#[derive(Clone, Debug)]
struct Held {
    token: Token,
    renew_at: SystemTime,
    expires: SystemTime,
}

impl Session {
    /// Prepares an identity; nothing is sent or loaded yet.
    pub fn new(http: Http, application: Application, identity: Identity) -> Self {
        Self::with_clock(http, application, identity, SystemTime::now)
    }

    pub(super) fn with_clock(
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

    /// Returns what speaks whenever there is a new token.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Returns what the user has to do, if there is something.
    pub fn needed(&self) -> Option<Needed> {
        self.inner.needed.borrow().clone()
    }

    /// Returns what the token at hand says of itself, and who signed in; `None` without a token.
    pub fn says(&self) -> Option<Said> {
        let state = self.state();
        let mut said = state.held.as_ref()?.token.says().unwrap_or_default();
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
        // What is wrong with the vault is told when a token is wanted.
        let account = vault.load(key).await.ok()?.stored?.account;
        self.state().account.clone_from(&account);
        account
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
    /// It is kept in the vault; where that fails, it is good for this run only, and why is
    /// returned.
    pub async fn accept(&self, grant: Grant) -> Result<(), VaultError> {
        self.take(&grant);
        self.store(grant).await
    }

    /// Takes what the user's sign-in has brought, for this run: [`Session::accept`] without the
    /// vault, which may make one wait.
    pub fn take(&self, grant: &Grant) {
        {
            let mut state = self.state();
            self.hold(&mut state, grant);
            (state.declined, state.paused) = (false, None);
        }
        self.inner.needed.send_replace(None);
        self.changed();
    }

    /// Keeps in the vault what was taken.
    pub async fn store(&self, grant: Grant) -> Result<(), VaultError> {
        let Grant { refresh, account, .. } = grant;
        let stored = refresh.map(|refresh_token| Stored { refresh_token, account });
        let (Identity::User { vault, key }, Some(stored)) = (&self.inner.identity, stored) else {
            return Ok(());
        };
        let _guard = vault.lock(key).await?;
        vault.save(key, &stored).await
    }

    /// Says that the user does not sign in now; who waits for a token gets an error.
    pub fn decline(&self) {
        self.state().declined = true;
        self.changed();
    }

    /// Says that the user is to be asked again, after having said no.
    pub fn ask_again(&self) {
        self.state().declined = false;
    }

    /// Forgets the sign-in, here and in the vault; tells whether there was one.
    pub async fn sign_out(&self) -> Result<bool, VaultError> {
        let held = self.clear();
        let Identity::User { vault, key } = &self.inner.identity else { return Ok(held) };
        let kept = vault.forget(key).await;
        // A renewal that was under way has read the vault meanwhile.
        self.clear();
        Ok(kept? | held)
    }

    /// Forgets the sign-in here; tells whether there was one.
    fn clear(&self) -> bool {
        let mut state = self.state();
        state.departures += 1;
        state.account = None;
        state.held.take().is_some() | state.refresh.take().is_some()
    }

    /// Returns the token to use now.
    pub(super) async fn current(&self) -> Result<Token, AuthError> {
        loop {
            if let Some(token) = self.fresh() {
                return Ok(token);
            }
            let getting = self.getting().await;
            if let Some(token) = self.fresh() {
                return Ok(token);
            }
            match self.get(None, getting).await {
                Ok(token) => return Ok(token),
                Err(AuthError::SignInNeeded(needed)) => self.wait_for_user(needed).await?,
                Err(error) => return self.still_good().ok_or(error),
            }
        }
    }

    /// Returns a token to use instead of one that was refused.
    ///
    /// Where someone else has got a new one meanwhile, that one is returned, unless the service
    /// demands something of it.
    pub(super) async fn renewed(
        &self,
        refused: &Token,
        demanded: Option<&Claims>,
    ) -> Result<Token, AuthError> {
        let getting = self.getting().await;
        let outcome = match self.other_than(refused) {
            Some(token) => Ok(token),
            None => self.get(demanded, getting).await,
        };
        match outcome {
            Err(AuthError::SignInNeeded(needed)) => self.after_user(refused, needed).await,
            other => other,
        }
    }

    /// Returns a token for which the user has signed in anew: what was renewed was refused too.
    pub(super) async fn asked_for(
        &self,
        refused: &Token,
        demanded: Option<&Claims>,
    ) -> Result<Token, AuthError> {
        if let Some(token) = self.other_than(refused) {
            return Ok(token);
        }
        let why = match demanded {
            Some(_) => "the service asks you to sign in again",
            None => "the service refuses the token, and refused a new one too",
        };
        let needed = Needed { why: why.into(), claims: demanded.cloned() };
        if matches!(self.inner.identity, Identity::Application(_)) {
            return Err(AuthError::SignInNeeded(needed));
        }
        self.after_user(refused, needed).await
    }

    async fn after_user(&self, refused: &Token, needed: Needed) -> Result<Token, AuthError> {
        self.wait_for_user(needed.clone()).await?;
        self.other_than(refused).ok_or(AuthError::SignInNeeded(needed))
    }

    /// Waits until the user has signed in; an error where nobody can be asked, or the user says no.
    async fn wait_for_user(&self, needed: Needed) -> Result<(), AuthError> {
        let mut changes = self.inner.changes.subscribe();
        let number = {
            let state = self.state();
            if !state.attended || state.declined {
                return Err(AuthError::SignInNeeded(needed));
            }
            state.number
        };
        self.inner.needed.send_if_modified(|waiting| {
            let new = waiting.as_ref() != Some(&needed);
            *waiting = Some(needed.clone());
            new
        });
        loop {
            {
                let state = self.state();
                if state.number != number {
                    return Ok(());
                }
                if state.declined {
                    self.inner.needed.send_replace(None);
                    return Err(AuthError::SignInNeeded(needed));
                }
            }
            if changes.changed().await.is_err() {
                return Err(AuthError::SignInNeeded(needed));
            }
        }
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
        let mut state = self.state();
        let now = (self.inner.clock)();
        let token = state.held.as_ref().filter(|held| now < held.expires).map(|held| held.token.clone())?;
        state.paused = Some(now + PAUSE);
        Some(token)
    }

    fn other_than(&self, refused: &Token) -> Option<Token> {
        let state = self.state();
        let held = state.held.as_ref()?;
        (held.token.number != refused.number).then(|| held.token.clone())
    }

    async fn getting(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.inner.getting).lock_owned().await
    }

    /// Gets a token without the user, in a task of its own: whoever wants it may be dropped
    /// half-way, as a load is when the filter changes. The answer must not be lost then: it may
    /// hold the only refresh token that still works.
    async fn get(&self, demanded: Option<&Claims>, getting: OwnedMutexGuard<()>) -> Result<Token, AuthError> {
        let (session, demanded) = (self.clone(), demanded.cloned());
        let task = tokio::spawn(async move {
            let outcome = session.get_now(demanded.as_ref()).await;
            drop(getting);
            outcome
        });
        // It neither panics nor is it aborted while the runtime lives.
        task.await.unwrap_or_else(|_| Err(AuthError::Setup("the program is ending".into())))
    }

    async fn get_now(&self, demanded: Option<&Claims>) -> Result<Token, AuthError> {
        let Inner { http, application, identity, .. } = &*self.inner;
        let departures = self.state().departures;
        let grant = match identity {
            Identity::Application(proof) => proof.sign_in(application, http, demanded).await?,
            Identity::User { vault, key } => self.refresh(vault, key, demanded).await?,
        };
        tracing::info!("a new access token for {}", application.authority.host());
        let token = {
            let mut state = self.state();
            if state.departures != departures {
                let why = "you have signed out".to_owned();
                return Err(AuthError::SignInNeeded(Needed { why, claims: demanded.cloned() }));
            }
            self.hold(&mut state, &grant)
        };
        self.changed();
        Ok(token)
    }

    /// Renews the token by what the vault or an earlier answer holds, as the only one of all
    /// running copies: each answer may replace the refresh token.
    async fn refresh(&self, vault: &Vault, key: &Key, demanded: Option<&Claims>) -> Result<Grant, AuthError> {
        // Where the lock cannot be had, the worst is a refresh token that the other copy has
        // used up; it is read again below.
        let _guard = vault.lock(key).await.ok();
        let (mut refresh, trouble) = self.newest(vault, key).await;
        loop {
            let Some(token) = refresh else {
                let why = trouble.map_or_else(
                    || "you are not signed in".to_owned(),
                    |trouble| format!("you are not signed in, as far as can be told: {trouble}"),
                );
                return Err(AuthError::SignInNeeded(Needed { why, claims: demanded.cloned() }));
            };
            match self.redeem(&token, demanded).await {
                Ok(grant) => {
                    self.keep(vault, key, &grant, &token).await;
                    return Ok(grant);
                }
                Err(AuthError::Refused(refusal)) if refusal.wants_user() => {
                    let (kept, _) = self.newest(vault, key).await;
                    if kept.as_ref().is_some_and(|kept| kept.expose_secret() != token.expose_secret()) {
                        refresh = kept;
                        continue;
                    }
                    self.drop_refresh(vault, key, &refusal).await;
                    let needed = Needed { why: refusal.to_string(), claims: demanded.cloned() };
                    return Err(AuthError::SignInNeeded(needed));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The refresh token in the vault, which another copy may have replaced; else the one at hand.
    /// With it, why the vault has none to give.
    async fn newest(&self, vault: &Vault, key: &Key) -> (Option<SecretString>, Option<String>) {
        match vault.load(key).await {
            Ok(loaded) => {
                let mut state = self.state();
                state.notice = loaded.notice.or(state.notice.take());
                if let Some(stored) = loaded.stored {
                    state.account = stored.account.or(state.account.take());
                    state.refresh = Some(stored.refresh_token);
                }
                (state.refresh.clone(), None)
            }
            Err(error) => (self.state().refresh.clone(), Some(error.to_string())),
        }
    }

    async fn redeem(&self, token: &SecretString, demanded: Option<&Claims>) -> Result<Grant, AuthError> {
        let Inner { http, application, .. } = &*self.inner;
        let client = oauth(application);
        let token = RefreshToken::new(token.expose_secret().to_owned());
        // The former token goes on working (API.md 8), so an answer that was lost costs nothing.
        let call = Wire::new(http, application, Repeat::Freely);
        let asked = client
            .exchange_refresh_token(&token)
            .add_scopes(scopes(application))
            .add_extra_param("claims", Claims::parameter(demanded));
        Grant::read::<BasicErrorResponse>(asked.request_async(&call).await)
    }

    async fn keep(&self, vault: &Vault, key: &Key, grant: &Grant, former: &SecretString) {
        let Some(new) = grant.refresh.as_ref().filter(|new| new.expose_secret() != former.expose_secret())
        else {
            return;
        };
        let account = grant.account.clone().or_else(|| self.account());
        let stored = Stored { refresh_token: new.clone(), account };
        if let Err(error) = vault.save(key, &stored).await {
            self.state().notice = Some(format!("the renewed sign-in could not be kept: {error}"));
        }
    }

    async fn drop_refresh(&self, vault: &Vault, key: &Key, refusal: &Refusal) {
        tracing::warn!("the sign-in has ended: {refusal}");
        self.state().refresh = None;
        // A policy may be met later with the same token; one that has ended is of no use.
        if refusal.error == "invalid_grant" && !refusal.is_policy() {
            // It is under our lock, so it is emptied rather than removed with its lock.
            if let Err(error) = vault.clear(key).await {
                tracing::warn!("the ended sign-in could not be removed: {error}");
            }
        }
    }

    fn changed(&self) {
        self.inner.changes.send_modify(|times| *times += 1);
    }

    fn hold(&self, state: &mut State, grant: &Grant) -> Token {
        let now = (self.inner.clock)();
        let left = grant.expires.duration_since(now).unwrap_or_default();
        state.number += 1;
        let token = Token { value: grant.access.clone(), number: state.number };
        state.held = Some(Held {
            token: token.clone(),
            renew_at: grant.expires.checked_sub(EARLY.min(left / 5)).unwrap_or(now),
            expires: grant.expires,
        });
        state.refresh = grant.refresh.clone().or(state.refresh.take());
        state.account = grant.account.clone().or(state.account.take());
        token
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No holder can panic half-way through a change.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
