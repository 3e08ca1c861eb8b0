//! A session's state, which its tasks share behind a lock.

use std::time::SystemTime;

use secrecy::SecretString;

use crate::auth::{Account, AuthError, Claims, Token};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) current: Option<CurrentToken>,
    /// The refresh token, once it has been loaded or granted.
    pub(super) refresh: Option<SecretString>,
    /// The refresh token that the vault contained at the last load. If the vault contains a
    /// different one, another instance of the program has saved it, and it is newer than ours.
    pub(super) seen: Option<SecretString>,
    pub(super) account: Option<Account>,
    /// The latest token's sequence number.
    pub(super) number: u64,
    /// The sequence number of the token from the user's latest sign-in.
    pub(super) user_number: u64,
    /// The number of times the user has signed in or out. The result of a refresh from an earlier
    /// epoch is discarded.
    pub(super) epoch: u64,
    /// The number of finished refreshes, including failed ones.
    pub(super) renewals: u64,
    /// The error from the last refresh, if it failed.
    pub(super) failure: Option<AuthError>,
    /// True if a user can be asked to sign in.
    pub(super) attended: bool,
    /// True if the user has declined to sign in.
    pub(super) declined: bool,
    /// The number of times the user has declined.
    pub(super) declines: u64,
    /// True if the service rejects refreshed tokens, so the user must sign in again.
    pub(super) only_user: bool,
    /// The time at which to try again after a failed refresh.
    pub(super) retry_at: Option<SystemTime>,
    /// A message for the user, set when credentials could not be saved or read.
    pub(super) notice: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct CurrentToken {
    pub(super) token: Token,
    /// The claims that the service required when the token was requested.
    pub(super) claims: Option<Claims>,
    pub(super) renew_at: SystemTime,
    pub(super) expires: SystemTime,
}

impl State {
    /// Returns the current token if it has not expired at `now`.
    pub(super) fn valid(&self, now: SystemTime) -> Option<&CurrentToken> {
        self.current.as_ref().filter(|current| now < current.expires)
    }

    /// Removes the credentials; returns whether there were any.
    pub(super) fn sign_out(&mut self) -> bool {
        self.epoch += 1;
        (self.seen, self.account, self.failure, self.retry_at) = (None, None, None, None);
        self.current.take().is_some() | self.refresh.take().is_some()
    }
}
