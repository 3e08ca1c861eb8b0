//! Stored credentials, shared between runs and between running instances of the program.

use std::{fs, path::Path, time::Duration};

use alertdeck_graph::auth::{AuthError, Session, Tokens, Vault};
use alertdeck_simulator::{Grant as Kind, SignIn, SignInControl};
use rstest::rstest;
use secrecy::ExposeSecret as _;

use super::{
    fake::{FakeServer, token},
    harness::{Harness, application, current, file, http, key, session},
};

fn strict() -> Harness {
    Harness::with(SignIn { strict_rotation: true, ..SignIn::default() })
}

#[tokio::test]
async fn a_sign_in_persists_to_the_next_run() {
    let (harness, state) = (Harness::new(), tempfile::tempdir().unwrap());
    harness.signed_in(&Vault::file(state.path())).await;
    let next = harness.session(&Vault::file(state.path()));
    let account = next.recall().await.unwrap();
    assert_eq!(account.upn.as_deref(), Some(alertdeck_simulator::SIGNED_IN));
    assert_eq!(harness.requests(Kind::Refresh), 0, "recalling sends a request");
    assert!(current(&next).await.is_ok());
    assert_eq!(next.account(), Some(account));
}

/// Renews the token `times` times.
async fn renew(session: &Session, times: usize) -> Result<(), AuthError> {
    let tokens = Tokens::session(session.clone());
    for _ in 0..times {
        let token = tokens.current().await?;
        tokens.renewed(&token, None).await?;
    }
    Ok(())
}

#[test]
fn two_copies_renew_at_once_and_stay_signed_in() {
    const TIMES: usize = 15;
    let (harness, state) = (strict(), tempfile::tempdir().unwrap());
    let block_on = |future: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
    };
    block_on(Box::pin(async {
        harness.signed_in(&Vault::file(state.path())).await;
    }));
    // Each instance has its own runtime, HTTP client and vault, as separate processes would.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                block_on(Box::pin(async {
                    let session = session(&http(), harness.application(), &Vault::file(state.path()));
                    renew(&session, TIMES).await.unwrap();
                }));
            });
        }
    });
    // Each instance makes one more, for its first token.
    assert_eq!(harness.requests(Kind::Refresh) as usize, 2 * (TIMES + 1), "a refresh token was used twice");
}

#[tokio::test]
async fn two_sessions_in_one_runtime_stay_signed_in() {
    let (harness, state) = (strict(), tempfile::tempdir().unwrap());
    harness.signed_in(&Vault::file(state.path())).await;
    let copies = [0, 1].map(|_| harness.session(&Vault::file(state.path())));
    let (one, other) = tokio::join!(renew(&copies[0], 10), renew(&copies[1], 10));
    assert_eq!((one, other), (Ok(()), Ok(())));
}

#[tokio::test]
async fn a_refresh_token_that_another_copy_has_used_is_reloaded() {
    let (harness, state) = (strict(), tempfile::tempdir().unwrap());
    let vault = Vault::file(state.path());
    let ours = harness.signed_in(&vault).await;
    let theirs = harness.session(&vault);
    renew(&theirs, 2).await.unwrap();
    renew(&ours, 1).await.unwrap();
    renew(&theirs, 1).await.unwrap();
}

#[tokio::test]
async fn signing_out_in_one_copy_applies_to_all() {
    let (harness, state) = (Harness::new(), tempfile::tempdir().unwrap());
    let vault = Vault::file(state.path());
    let ours = harness.signed_in(&vault).await;
    let theirs = harness.session(&vault);
    assert!(theirs.sign_out().await.unwrap());
    let error = renew(&ours, 1).await.unwrap_err();
    assert!(matches!(error, AuthError::SignInNeeded(_)), "{error}");
    assert!(vault.load(&key()).await.unwrap().stored.is_none(), "the sign-in is restored");
    assert_eq!(harness.requests(Kind::Refresh), 0);
}

#[tokio::test]
async fn signing_out_removes_everything() {
    let (harness, state) = (Harness::new(), tempfile::tempdir().unwrap());
    let state = state.path().join("alertdeck");
    let session = harness.signed_in(&Vault::file(&state)).await;
    assert!(file(&state).exists());
    assert!(session.sign_out().await.unwrap());
    assert!(!state.exists());
    assert_eq!((session.claims(), session.account(), session.recall().await), (None, None, None));
    assert!(!session.sign_out().await.unwrap(), "there is no sign-in");
}

#[rstest]
#[case::truncated(|path: &Path| {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}, "is damaged")]
#[case::newer(|path: &Path| fs::write(path, r#"{"version":2,"secrets":[]}"#).unwrap(), "was written by a newer alertdeck")]
#[tokio::test]
async fn an_unreadable_sign_in_is_reported_once_and_replaced(
    #[values(true, false)] recalled: bool,
    #[case] spoil: fn(&Path),
    #[case] words: &str,
) {
    let (harness, state) = (Harness::new(), tempfile::tempdir().unwrap());
    let vault = Vault::file(state.path());
    harness.signed_in(&vault).await;
    spoil(&file(state.path()));
    let next = harness.session(&vault);
    if recalled {
        assert_eq!(next.recall().await, None);
    }
    for _ in 0..2 {
        assert!(matches!(current(&next).await, Err(AuthError::SignInNeeded(_))));
    }
    let notice = next.notice().unwrap();
    assert!(notice.contains(words) && notice.ends_with("sign in again"), "{notice}");
    assert_eq!(next.notice(), None);
    next.accept(harness.grant().await).await.unwrap();
    assert!(current(&harness.session(&vault)).await.is_ok());
}

/// A vault whose folder is read-only, so that its credentials can be read but not replaced.
#[cfg(unix)]
struct ReadOnly(std::path::PathBuf);

#[cfg(unix)]
impl ReadOnly {
    /// Returns `None` if permissions have no effect, as for root.
    fn new(state: &Path) -> Option<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = state.join("secrets");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
        let vault = Self(folder);
        fs::write(vault.0.join("probe"), "").is_err().then_some(vault)
    }
}

#[cfg(unix)]
impl Drop for ReadOnly {
    fn drop(&mut self) {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700));
        let _ = fs::remove_file(self.0.join("probe"));
    }
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_saved_lasts_for_this_run() {
    let (harness, state) = (Harness::new(), tempfile::tempdir().unwrap());
    let state = state.path().join("a file");
    fs::write(&state, "").unwrap();
    let vault = Vault::file(&state);
    let session = harness.session(&vault);
    let error = session.accept(harness.grant().await).await.unwrap_err().to_string();
    assert!(!error.is_empty() && !error.contains('\n'), "{error}");
    assert!(session.account().is_some());
    renew(&session, 3).await.unwrap();
    let notice = session.notice().unwrap();
    assert!(notice.starts_with("the renewed sign-in could not be saved: "), "{notice}");
}

/// Replaces the lock file with a link, which is never followed, so that locking fails.
#[cfg(unix)]
fn break_lock(state: &Path) {
    let lock = file(state).with_extension("lock");
    fs::remove_file(&lock).unwrap();
    std::os::unix::fs::symlink("elsewhere", &lock).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn without_the_lock_an_ended_sign_in_is_not_removed() {
    let (harness, state) = (Harness::new(), tempfile::tempdir().unwrap());
    let vault = Vault::file(state.path());
    let session = harness.signed_in(&vault).await;
    break_lock(state.path());
    harness.simulator.sign_in(SignInControl::revoke_refresh_tokens);
    for _ in 0..2 {
        assert!(matches!(renew(&session, 1).await, Err(AuthError::SignInNeeded(_))));
    }
    assert!(file(state.path()).exists());
    assert_eq!(harness.requests(Kind::Refresh), 1, "an ended refresh token is sent again");
}

#[cfg(unix)]
#[tokio::test]
async fn an_older_sign_in_in_the_vault_is_not_used() {
    let (harness, state) = (strict(), tempfile::tempdir().unwrap());
    let vault = Vault::file(state.path());
    harness.signed_in(&vault).await;
    // Saving fails, but loading works.
    break_lock(state.path());
    harness.simulator.sign_in(|control| control.rules.user = "dana@contoso.com".into());
    let session = harness.session(&vault);
    let error = session.accept(harness.grant().await).await.unwrap_err().to_string();
    assert!(error.contains("link"), "{error}");
    let older = vault.load(&key()).await.unwrap().stored.unwrap().refresh_token;
    renew(&session, 1).await.unwrap();
    let log = harness.simulator.log();
    let sent = log.iter().rfind(|exchange| exchange.body.starts_with(b"grant_type=refresh_token")).unwrap();
    assert!(!String::from_utf8_lossy(&sent.body).contains(older.expose_secret()));
    assert_eq!(session.account().unwrap().upn.as_deref(), Some("dana@contoso.com"));
}

#[cfg(unix)]
#[tokio::test]
async fn renewals_that_cannot_be_saved_continue_from_the_newest() {
    let (harness, state) = (strict(), tempfile::tempdir().unwrap());
    let vault = Vault::file(state.path());
    harness.signed_in(&vault).await;
    let Some(_read_only) = ReadOnly::new(state.path()) else { return };
    harness.simulator.sign_in(|control| control.rules.user = "dana@contoso.com".into());
    let session = harness.session(&vault);
    assert!(session.accept(harness.grant().await).await.is_err());
    renew(&session, 3).await.unwrap();
    assert_eq!(session.account().unwrap().upn.as_deref(), Some("dana@contoso.com"));
}

#[tokio::test]
async fn a_grant_without_a_refresh_token_removes_the_former_users() {
    let harness = Harness::new();
    let vault = Vault::memory();
    harness.signed_in(&vault).await;
    let fake = FakeServer::start(|_, _| {
        super::fake::Answer::json(200, r#"{"token_type":"Bearer","expires_in":3600,"access_token":"opaque"}"#)
    })
    .await;
    let waiting =
        alertdeck_graph::auth::BrowserSignIn::begin(&application(&fake.base()), None, None).await.unwrap();
    let query: std::collections::HashMap<_, _> = waiting.address().query_pairs().into_owned().collect();
    let back = format!("{}?code=x&state={}", query["redirect_uri"], query["state"]);
    let (grant, _) = tokio::join!(waiting.finish(&harness.http), super::harness::visit(&back));
    let session = harness.session(&vault);
    session.recall().await.unwrap();
    session.accept(grant.unwrap()).await.unwrap();
    assert_eq!(session.account(), None);
    let error = renew(&session, 1).await.unwrap_err();
    assert!(matches!(error, AuthError::SignInNeeded(_)), "{error}");
    assert_eq!(harness.requests(Kind::Refresh), 0);
}

#[tokio::test]
async fn a_renewal_waits_for_the_lock_of_another_copy() {
    let (harness, state) = (Harness::new(), tempfile::tempdir().unwrap());
    let vault = Vault::file(state.path());
    harness.signed_in(&vault).await;
    let fake = FakeServer::start(|number, _| token(number, 3600)).await;
    let session = session(&http(), application(&fake.base()), &vault);
    let guard = vault.lock(&key()).await.unwrap();
    let mut renewing = Box::pin(current(&session));
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut renewing).await.is_err());
    assert_eq!(fake.requests().len(), 0);
    drop(guard);
    assert_eq!(renewing.await.unwrap(), "Bearer at-0");
}

#[tokio::test]
async fn a_program_that_waits_for_the_vault_loses_no_sign_in() {
    let harness = Harness::new();
    let state = tempfile::tempdir().unwrap();
    let vault = Vault::file(state.path());
    let session = harness.session(&vault);
    session.saved().await;
    drop(session.accept(harness.grant().await));
    session.saved().await;
    assert!(vault.load(&key()).await.unwrap().stored.is_some());
}
