//! A session over time: renewals, and waiting for the user.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use alertdeck_graph::auth::{AuthError, Session, Tokens, Vault};
use alertdeck_simulator::{Grant as Kind, SignIn, SignInControl};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::{
    fake::{Answer, Fake, token},
    harness::{Harness, SOON, application, current, http, needed, session, shown, user},
};

#[tokio::test]
async fn fifty_tasks_get_one_token() {
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
async fn fifty_tasks_fail_by_one_request() {
    let fake = Fake::start(|_, _| Answer::json(400, r#"{"error":"invalid_client"}"#)).await;
    let vault = Vault::memory();
    let harness = Harness::new();
    harness.signed_in(&vault).await;
    let session = session(&http(), application(&fake.base()), &vault);
    let outcomes = join_all((0..50).map(|_| current(&session))).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(AuthError::Refused(_)))));
    assert_eq!(fake.asked().len(), 1);
    // A later one tries for itself.
    assert!(current(&session).await.is_err());
    assert_eq!(fake.asked().len(), 2);
}

/// A clock that a test sets forward: seconds beside the real one.
macro_rules! clock {
    ($ahead:ident, $clock:ident) => {
        static $ahead: AtomicU64 = AtomicU64::new(0);
        fn $clock() -> SystemTime {
            SystemTime::now() + Duration::from_secs($ahead.load(Ordering::SeqCst))
        }
    };
}

/// A session by a clock, signed in against a server that gives tokens of an hour.
async fn clocked(fake: &Fake, harness: &Harness, clock: fn() -> SystemTime) -> Session {
    let vault = Vault::memory();
    harness.signed_in(&vault).await;
    Session::with_clock(http(), application(&fake.base()), user(&vault), clock)
}

#[tokio::test]
async fn a_token_is_replaced_ahead_of_its_end() {
    clock!(AHEAD, clock);
    let fake = Fake::start(|number, _| token(number, 3600)).await;
    let harness = Harness::new();
    let session = clocked(&fake, &harness, clock).await;
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    AHEAD.store(3600 - 160, Ordering::SeqCst);
    assert_eq!(current(&session).await.unwrap(), "Bearer at-0");
    AHEAD.store(3600 - 140, Ordering::SeqCst);
    assert_eq!(current(&session).await.unwrap(), "Bearer at-1");
    assert_eq!(current(&session).await.unwrap(), "Bearer at-1");
    let sent: Vec<_> = fake.asked().into_iter().map(|asked| asked.body).collect();
    assert!(sent.len() == 2 && sent[1].contains("refresh_token=rt-0"), "{sent:?}");
}

#[tokio::test]
async fn a_renewal_that_fails_ahead_costs_nothing_and_is_tried_again_later() {
    clock!(AHEAD, clock);
    let fake = Fake::start(|number, _| match number {
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
    assert_eq!(fake.asked().len(), 2, "it is not tried each time");
    AHEAD.store(3540, Ordering::SeqCst);
    assert_eq!(current(&session).await.unwrap(), "Bearer at-2");
}

#[tokio::test]
async fn while_one_task_renews_ahead_the_others_go_on() {
    clock!(AHEAD, clock);
    let fake = Fake::start(|number, _| if number == 1 { Answer::Hang } else { token(number, 3600) }).await;
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
    assert_eq!(renewing.await.unwrap().unwrap(), "Bearer at-2", "silence is given up and asked again");
}

#[tokio::test]
async fn a_renewal_whose_caller_has_gone_is_not_lost() {
    let harness = Harness::with(SignIn { strict_rotation: true, ..SignIn::default() });
    let vault = Vault::memory();
    let session = harness.signed_in(&vault).await;
    let tokens = Tokens::session(session.clone());
    let first = tokens.current().await.unwrap();
    let mut changes = session.changes();
    changes.mark_unchanged();
    {
        let mut renewing = Box::pin(tokens.renewed(&first, None));
        // Once polled, the renewal is under way.
        assert!(timeout(Duration::ZERO, &mut renewing).await.is_err());
    }
    timeout(SOON, changes.changed()).await.unwrap().unwrap();
    assert_ne!(current(&session).await.unwrap(), shown(&first));
    // What was granted was kept: the next one works although each is good once.
    let second = tokens.current().await.unwrap();
    assert!(tokens.renewed(&second, None).await.unwrap().is_some());
    assert_eq!(harness.requests(Kind::Refresh), 2);
}

#[tokio::test]
async fn a_revoked_sign_in_asks_whoever_is_there() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let tokens = Tokens::session(session.clone());
    let first = tokens.current().await.unwrap();
    harness.simulator.sign_in(SignInControl::revoke_refresh_tokens);
    // Nobody is there.
    let error = tokens.renewed(&first, None).await.unwrap_err();
    let AuthError::SignInNeeded(why) = &error else { panic!("{error:?}") };
    assert!(why.why.starts_with("the sign-in has ended: sign in again [AADSTS50173"), "{}", why.why);

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
async fn a_no_of_the_user_ends_every_wait_until_asked_again() {
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
    // At once, as someone does who presses Esc and then reloads.
    session.ask_again();
    for task in waiting {
        let outcome = timeout(SOON, task).await.unwrap().unwrap();
        assert!(matches!(outcome, Err(AuthError::SignInNeeded(_))), "{outcome:?}");
    }
    session.decline();
    assert!(matches!(current(&session).await, Err(AuthError::SignInNeeded(_))), "nobody is asked");
    assert_eq!(session.needed(), None);
    session.ask_again();
    let waiting = wait();
    needed(&mut watched).await;
    session.accept(harness.grant().await).await.unwrap();
    assert!(timeout(SOON, waiting).await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn the_user_is_asked_anew_where_nobody_waited_when_they_said_no() {
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

/// A session whose renewal is held up at the authority until it is let go.
async fn held_up(vault: &Vault) -> (Fake, Session, std::sync::mpsc::Sender<()>) {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let fake = Fake::start(move |number, _| {
        // A whole worker waits here; the tests that use it have some to spare.
        let _ = wait.recv();
        token(number, 3600)
    })
    .await;
    let session = session(&http(), application(&fake.base()), vault);
    (fake, session, go)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_sign_in_while_a_renewal_is_under_way_wins() {
    let (harness, vault) = (Harness::new(), Vault::memory());
    harness.signed_in(&vault).await;
    let (fake, session, go) = held_up(&vault).await;
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
async fn signing_out_while_a_renewal_is_under_way_signs_out() {
    let (harness, vault) = (Harness::new(), Vault::memory());
    harness.signed_in(&vault).await;
    let (fake, session, go) = held_up(&vault).await;
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
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn a_token_that_still_holds_is_used_although_the_sign_in_has_ended() {
    clock!(AHEAD, clock);
    let fake = Fake::start(|number, _| match number {
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
    assert_eq!(session.needed(), None, "nobody is asked before there is need");
    AHEAD.store(3600, Ordering::SeqCst);
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { current(&session).await }
    });
    needed(&mut watched).await;
    session.decline();
    assert!(waiting.await.unwrap().is_err());
}
