//! How a session comes by a new token without the user, and keeps what it needs for the next one.
//!
//! Each answer may replace the refresh token, so that one copy at a time renews, and what the
//! vault holds is compared with what it held: where it has changed, another copy was here.

use oauth2::{RefreshToken, basic::BasicErrorResponse};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Identity, Inner, Needed, Session};
use crate::{
    auth::{
        AuthError, Claims, Refusal, Token,
        grant::{Grant, Wire, oauth, scopes},
        vault::{Key, Stored, Vault, VaultError},
    },
    http::Repeat,
};

/// A renewal under way: where the refresh token is kept, and what it was begun for.
struct Renewal<'a> {
    vault: &'a Vault,
    key: &'a Key,
    demanded: Option<&'a Claims>,
    /// As it was at the beginning.
    epoch: u64,
    /// Whether other copies are held off.
    alone: bool,
}

impl Session {
    /// Gets a token without the user.
    pub(super) async fn renew(&self, demanded: Option<&Claims>) -> Result<Token, AuthError> {
        let Inner { http, application, identity, .. } = &*self.inner;
        let epoch = self.state().epoch;
        let outcome = match identity {
            Identity::Application(proof) => {
                let wire = Wire::new(http, application, Repeat::Freely).telling(&self.inner.waits);
                proof.sign_in(wire, demanded).await
            }
            Identity::User { vault, key } => match self.nothing_kept(vault, key).await {
                // Nothing to renew needs no lock, whose file would stay behind.
                Some(trouble) => Err(not_signed_in(trouble, demanded)),
                None => {
                    // Where the lock cannot be had, the worst is a refresh token that the other
                    // copy has used up; it is read again then.
                    let guard = vault.lock(key).await;
                    let renewal = Renewal { vault, key, demanded, epoch, alone: guard.is_ok() };
                    self.refresh(&renewal).await
                }
            },
        };
        let token = {
            let mut state = self.state();
            state.renewals += 1;
            state.failure = None;
            if state.epoch != epoch {
                let held = state.held.as_ref().map(|held| held.token.clone());
                return held.ok_or_else(|| not_signed_in(None, demanded));
            }
            let grant = outcome.inspect_err(|error| state.failure = Some(error.clone()))?;
            if !state.only_user {
                self.inner.needed.send_if_modified(|needed| needed.take().is_some());
            }
            self.hold(&mut state, &grant, demanded.cloned())
        };
        tracing::info!("a new access token for {}", application.authority.host());
        self.changed();
        Ok(token)
    }

    /// Looks for a sign-in, here or kept before; where there is none, returns why the vault has none
    /// to give, if it says so. A keyring that hangs is asked once.
    async fn nothing_kept(&self, vault: &Vault, key: &Key) -> Option<Option<String>> {
        if self.state().refresh.is_some() {
            return None;
        }
        let loaded = match vault.load(key).await {
            Ok(loaded) => loaded,
            Err(error) => return Some(Some(trouble(&error))),
        };
        let nothing = loaded.stored.is_none();
        let mut state = self.state();
        state.notice = loaded.notice.or(state.notice.take());
        nothing.then_some(None)
    }

    /// Renews the token by what the vault or an earlier answer holds.
    async fn refresh(&self, renewal: &Renewal<'_>) -> Result<Grant, AuthError> {
        let (mut refresh, trouble) = self.newest(renewal).await;
        loop {
            let Some(token) = refresh else { return Err(not_signed_in(trouble, renewal.demanded)) };
            match self.redeem(&token, renewal.demanded).await {
                Ok(grant) => {
                    self.keep(renewal, &grant, &token).await;
                    return Ok(grant);
                }
                Err(AuthError::Refused(refusal)) if refusal.wants_user() => {
                    let (kept, _) = self.newest(renewal).await;
                    if kept.as_ref().is_some_and(|kept| !same(kept, &token)) {
                        refresh = kept;
                        continue;
                    }
                    self.drop_refresh(renewal, &refusal).await;
                    let claims = renewal.demanded.cloned();
                    return Err(AuthError::SignInNeeded(Needed { why: refusal.to_string(), claims }));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The refresh token in the vault, where another copy has replaced it; else the one at hand,
    /// which may be newer than what could be kept. With it, why the vault has none to give.
    async fn newest(&self, renewal: &Renewal<'_>) -> (Option<SecretString>, Option<String>) {
        let loaded = renewal.vault.load(renewal.key).await;
        let Some(mut state) = self.state_of(renewal.epoch) else { return (None, None) };
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return (state.refresh.clone(), Some(trouble(&error))),
        };
        let readable = loaded.notice.is_none();
        state.notice = loaded.notice.or(state.notice.take());
        let was = state.seen.take();
        state.seen = loaded.stored.as_ref().map(|stored| stored.refresh_token.clone());
        match loaded.stored {
            Some(stored) if was.as_ref().is_none_or(|was| !same(was, &stored.refresh_token)) => {
                state.account = stored.account.or(state.account.take());
                state.refresh = Some(stored.refresh_token);
            }
            // Another copy has signed out, which is meant for all.
            None if was.is_some() && readable => state.refresh = None,
            _ => {}
        }
        (state.refresh.clone(), None)
    }

    async fn redeem(&self, token: &SecretString, demanded: Option<&Claims>) -> Result<Grant, AuthError> {
        let Inner { http, application, .. } = &*self.inner;
        let client = oauth(application);
        let token = RefreshToken::new(token.expose_secret().to_owned());
        // The former token goes on working (API.md 8), so an answer that was lost costs nothing.
        let call = Wire::new(http, application, Repeat::Freely).telling(&self.inner.waits);
        let asked = client
            .exchange_refresh_token(&token)
            .add_scopes(scopes(application))
            .add_extra_param("claims", Claims::parameter(demanded));
        Grant::read::<BasicErrorResponse>(asked.request_async(&call).await)
    }

    async fn keep(&self, renewal: &Renewal<'_>, grant: &Grant, former: &SecretString) {
        let Some(new) = grant.refresh.as_ref().filter(|new| !same(new, former)) else { return };
        let Some(account) = self.state_of(renewal.epoch).map(|state| state.account.clone()) else { return };
        let stored = Stored { refresh_token: new.clone(), account: grant.account.clone().or(account) };
        let saved = renewal.vault.save(renewal.key, &stored).await;
        let Some(mut state) = self.state_of(renewal.epoch) else { return };
        match saved {
            Ok(()) => state.seen = Some(stored.refresh_token),
            Err(error) => {
                state.notice = Some(format!("the renewed sign-in could not be kept: {error}"));
            }
        }
    }

    /// Lets go of a refresh token that has ended; one that a policy refuses, or that does not
    /// suffice for what is demanded, may be good again.
    async fn drop_refresh(&self, renewal: &Renewal<'_>, refusal: &Refusal) {
        tracing::warn!("no renewal: {refusal}");
        if refusal.error != "invalid_grant" || refusal.is_policy() {
            return;
        }
        match self.state_of(renewal.epoch) {
            Some(mut state) => state.refresh = None,
            None => return,
        }
        // Without the lock, another copy may just be saving the next one.
        if renewal.alone {
            // It is under our lock, so it is emptied rather than removed with its lock.
            match renewal.vault.clear(renewal.key).await {
                Ok(()) => {
                    if let Some(mut state) = self.state_of(renewal.epoch) {
                        state.seen = None;
                    }
                }
                Err(error) => tracing::warn!("the ended sign-in could not be removed: {error}"),
            }
        }
    }

    /// Keeps what the user's sign-in has brought, unless the user has done something else since.
    pub(super) async fn keep_granted(
        &self,
        refresh: Option<SecretString>,
        epoch: u64,
    ) -> Result<(), VaultError> {
        let Identity::User { vault, key } = &self.inner.identity else { return Ok(()) };
        let kept = self.put(vault, key, refresh.as_ref(), epoch).await;
        let seen = match &kept {
            Ok(()) => refresh,
            // What lies in the vault is older than what is at hand.
            Err(_) => vault.load(key).await.ok().and_then(|loaded| Some(loaded.stored?.refresh_token)),
        };
        if let Some(mut state) = self.state_of(epoch) {
            state.seen = seen;
        }
        kept
    }

    async fn put(
        &self,
        vault: &Vault,
        key: &Key,
        refresh: Option<&SecretString>,
        epoch: u64,
    ) -> Result<(), VaultError> {
        let _guard = match vault.lock(key).await {
            Err(error @ VaultError::File(_)) => return Err(error),
            // Another copy takes its time; what it saves next is as good as what is saved here.
            other => other.ok(),
        };
        let Some(account) = self.state_of(epoch).map(|state| state.account.clone()) else { return Ok(()) };
        match refresh {
            Some(refresh) => vault.save(key, &Stored { refresh_token: refresh.clone(), account }).await,
            // Nothing may be left that renews the token of whoever signed in before.
            None => vault.clear(key).await,
        }
    }
}

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// Why a vault has nothing to give, and what to do.
fn trouble(error: &VaultError) -> String {
    match error {
        VaultError::NoKeyring(why) => {
            tracing::info!("no keyring: {why}");
            "there is no keyring here, so a sign-in lasts for one run; --plaintext-secrets keeps it in a file"
                .into()
        }
        error => error.to_string(),
    }
}

fn not_signed_in(trouble: Option<String>, demanded: Option<&Claims>) -> AuthError {
    let why = trouble.map_or_else(
        || "you are not signed in".to_owned(),
        |trouble| format!("you are not signed in; {trouble}"),
    );
    AuthError::SignInNeeded(Needed { why, claims: demanded.cloned() })
}
