//! Refreshes the access token without involving the user, and stores the refresh token.
//!
//! Each response may replace the refresh token. Therefore only one instance of the program
//! refreshes at a time. If the refresh token in the vault differs from the last one seen, another
//! instance has saved it.

use oauth2::{RefreshToken, basic::BasicErrorResponse};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Identity, Inner, Needed, Session};
use crate::{
    auth::{
        AuthError, Claims, Refusal, Token,
        grant::{Grant, OAuthHttp, oauth, scopes},
        vault::{Key, Stored, Vault, VaultError},
    },
    http::Repeat,
};

/// A token refresh in progress.
struct Renewal<'a> {
    vault: &'a Vault,
    key: &'a Key,
    demanded: Option<&'a Claims>,
    /// The session's epoch when the refresh started.
    epoch: u64,
    /// True if the vault is locked against other instances.
    locked: bool,
}

impl Session {
    /// Fetches a new token without involving the user.
    pub(super) async fn renew(&self, demanded: Option<&Claims>) -> Result<Token, AuthError> {
        let Inner { http, application, identity, .. } = &*self.inner;
        let epoch = self.state().epoch;
        let outcome = match identity {
            Identity::Application(proof) => {
                let http = OAuthHttp::new(http, application, Repeat::Freely).reporting(&self.inner.waits);
                proof.sign_in(http, demanded).await
            }
            Identity::User { vault, key } => match self.check_signed_in(vault, key).await {
                // This check does not take the lock, since that would leave a lock file behind.
                Err(reason) => Err(not_signed_in(reason, demanded)),
                Ok(()) => {
                    // Without the lock, at worst another instance uses up the refresh token. The
                    // token that it has saved is then loaded.
                    let guard = vault.lock(key).await;
                    let renewal = Renewal { vault, key, demanded, epoch, locked: guard.is_ok() };
                    self.refresh(&renewal).await
                }
            },
        };
        let token = {
            let mut state = self.state();
            state.renewals += 1;
            state.failure = None;
            if state.epoch != epoch {
                let current = state.current.as_ref().map(|current| current.token.clone());
                return current.ok_or_else(|| not_signed_in(None, demanded));
            }
            let grant = outcome.inspect_err(|error| state.failure = Some(error.clone()))?;
            if !state.only_user {
                self.inner.needed.send_if_modified(|needed| needed.take().is_some());
            }
            self.use_grant(&mut state, &grant, demanded.cloned())
        };
        tracing::info!("new access token from {}", application.authority.host());
        self.changed();
        Ok(token)
    }

    /// Fails if there is no refresh token in memory or in the vault. The error is the vault's
    /// message, or `None` if the vault did not fail. A keyring that hangs is queried only once.
    async fn check_signed_in(&self, vault: &Vault, key: &Key) -> Result<(), Option<String>> {
        if self.state().refresh.is_some() {
            return Ok(());
        }
        let loaded = vault.load(key).await.map_err(|error| Some(vault_failure(&error)))?;
        let mut state = self.state();
        state.notice = loaded.notice.or(state.notice.take());
        if loaded.stored.is_some() { Ok(()) } else { Err(None) }
    }

    /// Refreshes the access token with the refresh token from the vault or from an earlier
    /// response.
    async fn refresh(&self, renewal: &Renewal<'_>) -> Result<Grant, AuthError> {
        let (mut refresh, reason) = self.newest(renewal).await;
        loop {
            let Some(token) = refresh else { return Err(not_signed_in(reason, renewal.demanded)) };
            match self.redeem(&token, renewal.demanded).await {
                Ok(grant) => {
                    self.save_renewed(renewal, &grant, &token).await;
                    return Ok(grant);
                }
                Err(AuthError::Refused(refusal)) if refusal.wants_user() => {
                    let (newest, _) = self.newest(renewal).await;
                    if newest.as_ref().is_some_and(|newest| !same(newest, &token)) {
                        refresh = newest;
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

    /// Returns the newest refresh token. This is the one in the vault if another instance has
    /// replaced it, and otherwise the one in memory, which is newer than the vault's if saving it
    /// failed. The second value is the vault's error, if any.
    async fn newest(&self, renewal: &Renewal<'_>) -> (Option<SecretString>, Option<String>) {
        let loaded = renewal.vault.load(renewal.key).await;
        let Some(mut state) = self.state_since(renewal.epoch) else { return (None, None) };
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return (state.refresh.clone(), Some(vault_failure(&error))),
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
            // Signing out in another instance applies to all instances.
            None if was.is_some() && readable => state.refresh = None,
            _ => {}
        }
        (state.refresh.clone(), None)
    }

    async fn redeem(&self, token: &SecretString, demanded: Option<&Claims>) -> Result<Grant, AuthError> {
        let Inner { http, application, .. } = &*self.inner;
        let client = oauth(application);
        let token = RefreshToken::new(token.expose_secret().to_owned());
        // The old token remains valid (docs/graph-api.md, "Refresh tokens"), so repeating the
        // request does no harm.
        let transport = OAuthHttp::new(http, application, Repeat::Freely).reporting(&self.inner.waits);
        let request = client
            .exchange_refresh_token(&token)
            .add_scopes(scopes(application))
            .add_extra_param("claims", Claims::parameter(demanded));
        Grant::read::<BasicErrorResponse>(request.request_async(&transport).await)
    }

    /// Saves the refresh token from `grant` if it differs from the `former` one.
    async fn save_renewed(&self, renewal: &Renewal<'_>, grant: &Grant, former: &SecretString) {
        let Some(new) = grant.refresh.as_ref().filter(|new| !same(new, former)) else { return };
        let Some(account) = self.state_since(renewal.epoch).map(|state| state.account.clone()) else {
            return;
        };
        let stored = Stored { refresh_token: new.clone(), account: grant.account.clone().or(account) };
        let saved = renewal.vault.save(renewal.key, &stored).await;
        let Some(mut state) = self.state_since(renewal.epoch) else { return };
        match saved {
            Ok(()) => state.seen = Some(stored.refresh_token),
            Err(error) => {
                state.notice = Some(format!("the renewed sign-in could not be saved: {error}"));
            }
        }
    }

    /// Removes a refresh token that is no longer valid. A token that was rejected because of a
    /// policy or a claims challenge may work again later, so it is kept.
    async fn drop_refresh(&self, renewal: &Renewal<'_>, refusal: &Refusal) {
        tracing::warn!("renewal refused: {refusal}");
        if refusal.error != "invalid_grant" || refusal.is_policy() {
            return;
        }
        match self.state_since(renewal.epoch) {
            Some(mut state) => state.refresh = None,
            None => return,
        }
        // Without the lock, another instance may be saving the next token right now.
        if renewal.locked {
            // Not `forget`, which takes the lock itself.
            match renewal.vault.clear(renewal.key).await {
                Ok(()) => {
                    if let Some(mut state) = self.state_since(renewal.epoch) {
                        state.seen = None;
                    }
                }
                Err(error) => tracing::warn!("the ended sign-in could not be removed: {error}"),
            }
        }
    }

    /// Saves the refresh token from a user's sign-in, unless the user has signed in or out since
    /// then.
    pub(super) async fn save_granted(
        &self,
        refresh: Option<SecretString>,
        epoch: u64,
    ) -> Result<(), VaultError> {
        let Identity::User { vault, key } = &self.inner.identity else { return Ok(()) };
        let saved = self.replace(vault, key, refresh.as_ref(), epoch).await;
        let seen = match &saved {
            Ok(()) => refresh,
            // The token in the vault is older than the one in memory.
            Err(_) => vault.load(key).await.ok().and_then(|loaded| Some(loaded.stored?.refresh_token)),
        };
        if let Some(mut state) = self.state_since(epoch) {
            state.seen = seen;
        }
        saved
    }

    /// Replaces the credentials in the vault.
    async fn replace(
        &self,
        vault: &Vault,
        key: &Key,
        refresh: Option<&SecretString>,
        epoch: u64,
    ) -> Result<(), VaultError> {
        let _guard = match vault.lock(key).await {
            Err(error @ VaultError::File(_)) => return Err(error),
            // Another instance has held the lock for too long; it does not matter which one saves
            // last.
            other => other.ok(),
        };
        let Some(account) = self.state_since(epoch).map(|state| state.account.clone()) else { return Ok(()) };
        match refresh {
            Some(refresh) => vault.save(key, &Stored { refresh_token: refresh.clone(), account }).await,
            // The previous user's refresh token must not remain.
            None => vault.clear(key).await,
        }
    }
}

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// Describes a vault error and says what to do next.
fn vault_failure(error: &VaultError) -> String {
    match error {
        VaultError::NoKeyring(why) => {
            tracing::info!("no keyring: {why}");
            "no keyring is available, so you stay signed in only until you quit; --plaintext-secrets stores the sign-in in a file"
                .into()
        }
        error => error.to_string(),
    }
}

fn not_signed_in(reason: Option<String>, demanded: Option<&Claims>) -> AuthError {
    let why = reason.map_or_else(|| "not signed in".to_owned(), |reason| format!("not signed in: {reason}"));
    AuthError::SignInNeeded(Needed { why, claims: demanded.cloned() })
}
