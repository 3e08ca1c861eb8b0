//! Sessions: renewal, and waiting for the user.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use alertdeck_graph::auth::{AuthError, Session, Tokens, Vault};
use alertdeck_simulator::{Grant as Kind, SignIn, SignInControl};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::{
    fake::{Answer, FakeServer, token},
    harness::{Harness, SOON, application, current, http, needed, session, shown, user},
};

#[tokio::test]
async fn fifty_tasks_share_one_renewal() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let first = Tokens::session(session.clone()).current().await.unwrap();
    let tokens = Tokens::session(session);
    let renewed = join_all((0..50).map(|_| tokens.renewed(&first, None))).await;
    let renewed: Vec<_> = renewed.into_iter().map(|token| shown(&token.unwrap().unwrap())).collect();
    assert!(renewed.iter().all(|token| *token == renewed[0] && *token != shown(&first)));
    assert_eq!(harness.requests(Kind::Refresh), 1);
}

#[tokio::test]
async fn fifty_tasks_share_one_failed_renewal() {
    let fake = FakeServer::start(|_, _| Answer::json(400, r#"{"error":"invalid_client"}"#)).await;
    let vault = Vault::memory();
    let harness = Harness::new();
    harness.signed_in(&vault).await;
    let session = session(&http(), application(&fake.base()), &vault);
    let outcomes = join_all((0..50).map(|_| current(&session))).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(AuthError::Refused(_)))));
    assert_eq!(fake.requests().len(), 1);
    // A later task tries again.
    assert!(current(&session).await.is_err());
    assert_eq!(fake.requests().len(), 2);
}

/// Defines a clock that a test can set forward by a number of seconds.
macro_rules! clock {
    ($ahead:ident, $clock:ident) => {
        static $ahead: AtomicU64 = AtomicU64::new(0);
        fn $clock() -> SystemTime {
            SystemTime::now() + Duration::from_secs($ahead.load(Ordering::SeqCst))
        }
    };
}

/// Returns a session that uses this clock and whose credentials are in the vault.
async fn clocked(fake: &FakeServer, harness: &Harness, clock: fn() -> SystemTime) -> Session {
    let vault = Vault::memory();
    harness.signed_in(&vault).await;
    Session::with_clock(http(), application(&fake.base()), user(&vault), clock)
}

#[tokio::test]
async fn a_token_is_renewed_before_its_expiry() {
    clock!(AHEAD, clock);
    let fake = FakeServer::start(|number, _| token(number, 3600)).await;
    let harness = Harness::new();
    let session = clocked(&fake, &harness, clock).await;
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    AHEAD.store(3600 - 160, Ordering::SeqCst);
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    AHEAD.store(3600 - 140, Ordering::SeqCst);
    assert_eq!(current(&session).await.unwrap(), "Bearer at-1");
    assert_eq!(current(&session).await.unwrap(), "Bearer at-1");
    let sent: Vec<_> = fake.requests().into_iter().map(|request| request.body).collect();
    assert!(sent.len() == 2 && sent[1].contains("refresh_token=rt-0"), "{sent:?}");
}

#[tokio::test]
async fn an_empty_refresh_token_does_not_replace_a_good_one() {
    clock!(AHEAD, clock);
    let fake = FakeServer::start(|number, _| match number {
        1 => Answer::json(
            200,
            r#"{"token_type":"Bearer","expires_in":3600,"access_token":"at-1","refresh_token":""}"#,
        ),
        _ => token(number, 3600),
    })
    .await;
    let harness = Harness::new();
    let session = clocked(&fake, &harness, clock).await;
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    for (ahead, token) in [(3500, "Bearer at-1"), (7050, "Bearer at-2")] {
        AHEAD.store(ahead, Ordering::SeqCst);
        assert_eq!(current(&session).await.unwrap(), token);
    }
    assert!(fake.requests()[2].body.contains("refresh_token=rt-0"), "{}", fake.requests()[2].body);
}

#[tokio::test]
async fn a_failed_early_renewal_is_retried_later() {
    clock!(AHEAD, clock);
    let fake = FakeServer::start(|number, _| match number {
        1 => Answer::json(400, r#"{"error":"invalid_client"}"#),
        _ => token(number, 3600),
    })
    .await;
    let harness = Harness::new();
    let session = clocked(&fake, &harness, clock).await;
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    AHEAD.store(3500, Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    }
    assert_eq!(fake.requests().len(), 2, "the renewal is retried at once");
    AHEAD.store(3540, Ordering::SeqCst);
    assert_eq!(current(&session).await.unwrap(), "Bearer at-2");
}

#[tokio::test]
async fn other_tasks_continue_during_an_early_renewal() {
    clock!(AHEAD, clock);
    let fake =
        FakeServer::start(|number, _| if number == 1 { Answer::Hang } else { token(number, 3600) }).await;
    let harness = Harness::new();
    let session = clocked(&fake, &harness, clock).await;
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    AHEAD.store(3500, Ordering::SeqCst);
    let renewing = tokio::spawn({
        let session = session.clone();
        async move { current(&session).await }
    });
    fake.reached(2).await;
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    assert!(!renewing.is_finished());
    assert_eq!(renewing.await.unwrap().unwrap(), "Bearer at-2", "a silent request is repeated");
}

#[tokio::test]
async fn a_renewal_completes_after_its_caller_is_dropped() {
    let harness = Harness::with(SignIn { strict_rotation: true, ..SignIn::default() });
    let vault = Vault::memory();
    let session = harness.signed_in(&vault).await;
    let tokens = Tokens::session(session.clone());
    let first = tokens.current().await.unwrap();
    let mut changes = session.changes();
    changes.mark_unchanged();
    {
        let mut renewing = Box::pin(tokens.renewed(&first, None));
        // The first poll starts the renewal.
        assert!(timeout(Duration::ZERO, &mut renewing).await.is_err());
    }
    timeout(SOON, changes.changed()).await.unwrap().unwrap();
    assert_ne!(current(&session).await.unwrap(), shown(&first));
    // The new refresh token was stored: the next renewal works, although each token is valid only
    // once.
    let second = tokens.current().await.unwrap();
    assert!(tokens.renewed(&second, None).await.unwrap().is_some());
    assert_eq!(harness.requests(Kind::Refresh), 2);
}

#[tokio::test]
async fn a_revoked_sign_in_asks_the_user() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let tokens = Tokens::session(session.clone());
    let first = tokens.current().await.unwrap();
    harness.simulator.sign_in(SignInControl::revoke_refresh_tokens);
    // No user can be asked yet.
    let error = tokens.renewed(&first, None).await.unwrap_err();
    let AuthError::SignInNeeded(why) = &error else { panic!("{error:?}") };
    assert!(why.why.starts_with("the session has expired; sign in again [AADSTS50173"), "{}", why.why);

    let mut watched = session.attend();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let (tokens, first) = (tokens.clone(), first.clone());
            tokio::spawn(
                async move { tokens.renewed(&first, None).await.map(|token| shown(&token.unwrap())) },
            )
        })
        .collect();
    assert!(needed(&mut watched).await.claims.is_none());
    assert!(waiting.iter().all(|task| !task.is_finished()));
    session.accept(harness.grant().await).await.unwrap();
    let now = current(&session).await.unwrap();
    for task in waiting {
        assert_eq!(timeout(SOON, task).await.unwrap().unwrap().unwrap(), now);
    }
    assert_eq!(session.needed(), None);
}

#[tokio::test]
async fn declining_ends_all_waits_until_the_user_may_be_asked_again() {
    let harness = Harness::new();
    let session = harness.session(&Vault::memory());
    let mut watched = session.attend();
    let wait = || {
        let session = session.clone();
        tokio::spawn(async move { current(&session).await })
    };
    let waiting = [wait(), wait(), wait()];
    needed(&mut watched).await;
    session.decline();
    // Immediately, as with Esc followed by a reload.
    session.ask_again();
    for task in waiting {
        let outcome = timeout(SOON, task).await.unwrap().unwrap();
        assert!(matches!(outcome, Err(AuthError::SignInNeeded(_))), "{outcome:?}");
    }
    session.decline();
    assert!(matches!(current(&session).await, Err(AuthError::SignInNeeded(_))), "the user is asked");
    assert_eq!(session.needed(), None);
    session.ask_again();
    let waiting = wait();
    needed(&mut watched).await;
    session.accept(harness.grant().await).await.unwrap();
    assert!(timeout(SOON, waiting).await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn the_user_is_asked_again_after_declining_without_waiting_tasks() {
    let harness = Harness::new();
    let session = harness.session(&Vault::memory());
    let mut watched = session.attend();
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { current(&session).await }
    });
    needed(&mut watched).await;
    waiting.abort();
    assert!(waiting.await.is_err());
    session.decline();
    assert_eq!(session.needed(), None);
    watched.borrow_and_update();
    session.ask_again();
    let session = session.clone();
    let _again = tokio::spawn(async move { current(&session).await });
    timeout(SOON, watched.changed()).await.unwrap().unwrap();
    assert!(watched.borrow().is_some());
}

/// Returns a session whose renewal blocks at the authority until the sender is used.
async fn blocked(vault: &Vault) -> (FakeServer, Session, std::sync::mpsc::Sender<()>) {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let fake = FakeServer::start(move |number, _| {
        // Blocks a worker thread; the tests that use this have several.
        let _ = wait.recv();
        token(number, 3600)
    })
    .await;
    let session = session(&http(), application(&fake.base()), vault);
    (fake, session, go)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_sign_in_overrides_a_renewal_in_progress() {
    let (harness, vault) = (Harness::new(), Vault::memory());
    harness.signed_in(&vault).await;
    let (fake, session, go) = blocked(&vault).await;
    let renewing = tokio::spawn({
        let session = session.clone();
        async move { current(&session).await }
    });
    fake.reached(1).await;
    harness.simulator.sign_in(|control| control.rules.user = "dana@contoso.com".into());
    session.accept(harness.grant().await).await.unwrap();
    let mine = current(&session).await.unwrap();
    go.send(()).unwrap();
    assert_eq!(renewing.await.unwrap().unwrap(), mine);
    assert_eq!(current(&session).await.unwrap(), mine);
    let kept = vault.load(&super::harness::key()).await.unwrap().stored.unwrap();
    assert_eq!(kept.account.unwrap().upn.as_deref(), Some("dana@contoso.com"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn signing_out_overrides_a_renewal_in_progress() {
    let (harness, vault) = (Harness::new(), Vault::memory());
    harness.signed_in(&vault).await;
    let (fake, session, go) = blocked(&vault).await;
    let renewing = tokio::spawn({
        let session = session.clone();
        async move { current(&session).await }
    });
    fake.reached(1).await;
    assert!(session.sign_out().await.unwrap());
    go.send(()).unwrap();
    assert!(matches!(renewing.await.unwrap(), Err(AuthError::SignInNeeded(_))));
    assert_eq!((session.claims(), session.account()), (None, None));
    assert!(vault.load(&super::harness::key()).await.unwrap().stored.is_none());
    assert!(matches!(current(&session).await, Err(AuthError::SignInNeeded(_))));
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_valid_token_is_used_after_the_sign_in_has_ended() {
    clock!(AHEAD, clock);
    let fake = FakeServer::start(|number, _| match number {
        0 => token(number, 3600),
        _ => Answer::json(400, r#"{"error":"invalid_grant"}"#),
    })
    .await;
    let harness = Harness::new();
    let session = clocked(&fake, &harness, clock).await;
    let mut watched = session.attend();
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    AHEAD.store(3500, Ordering::SeqCst);
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    assert_eq!(session.needed(), None, "the user is asked too early");
    AHEAD.store(3600, Ordering::SeqCst);
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { current(&session).await }
    });
    needed(&mut watched).await;
    session.decline();
    assert!(waiting.await.unwrap().is_err());
}
