//! Sign-in by device code.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use alertdeck_graph::{
    auth::{AuthError, DeviceSignIn},
    http::Cause,
};
use alertdeck_simulator::{Grant as Kind, SignIn, SignInControl, SignInError};
use rstest::rstest;

use super::{
    fake::{Answer, FakeServer, token},
    harness::{Harness, application, http},
};

/// Returns a tenant with no minimum poll interval.
fn quick() -> Harness {
    Harness::with(SignIn { device_interval: Duration::ZERO, ..SignIn::default() })
}

async fn begin(harness: &Harness) -> DeviceSignIn {
    DeviceSignIn::begin(&harness.application(), &harness.http, None).await.unwrap()
}

/// Records pauses in seconds instead of waiting.
#[derive(Clone, Default)]
struct Pauses(Arc<Mutex<Vec<u64>>>);

impl Pauses {
    fn pass(&self) -> impl Fn(Duration) -> std::future::Ready<()> + Send + use<> {
        let pauses = Arc::clone(&self.0);
        move |pause| {
            pauses.lock().unwrap().push(pause.as_secs());
            std::future::ready(())
        }
    }

    fn seconds(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn polling_continues_until_the_code_is_entered() {
    let harness = quick();
    harness.simulator.sign_in(|control| control.rules.approves_at_poll = Some(4));
    let waiting = begin(&harness).await;
    assert_eq!(harness.simulator.sign_in(|control| control.pending_devices()), [waiting.code()]);
    assert_eq!(waiting.address(), format!("{}/device", harness.simulator.base_url()));
    assert_eq!(waiting.life(), Duration::from_secs(900));
    let pauses = Pauses::default();
    let grant = waiting.finish_with(pauses.pass()).await.unwrap();
    assert!(grant.account.is_some());
    assert_eq!(pauses.seconds(), [1, 1, 1], "the minimum interval applies");
    assert_eq!(harness.requests(Kind::Device), 4);
}

#[tokio::test]
async fn slow_down_responses_lengthen_the_interval() {
    let harness = quick();
    harness.refuse(Kind::Device, "authorization_pending", 70016);
    harness.refuse(Kind::Device, "slow_down", 70016);
    harness.refuse(Kind::Device, "slow_down", 70016);
    harness.refuse(Kind::Device, "authorization_pending", 70016);
    harness.simulator.sign_in(|control| {
        control.rules.approves_at_poll = Some(1);
        control.rules.device_interval = Duration::from_secs(2);
    });
    let pauses = Pauses::default();
    begin(&harness).await.finish_with(pauses.pass()).await.unwrap();
    assert_eq!(pauses.seconds(), [2, 7, 12, 12]);
}

#[rstest]
#[case::declined(|control: &mut SignInControl| assert!(control.decline_device(None)), "authorization_declined", "consent was declined", false)]
#[case::expired(|control: &mut SignInControl| control.expire_devices(), "expired_token", "the code has expired: start over", false)]
#[case::unknown(|control: &mut SignInControl| control.refuse_next(None, SignInError::new("bad_verification_code", 70018)), "bad_verification_code", "the code was not recognised", false)]
#[case::blocked(|control: &mut SignInControl| control.rules.device_blocked = true, "invalid_grant", "blocked by a Conditional Access policy", true)]
#[case::no_public_clients(|control: &mut SignInControl| control.rules.public_clients = false, "invalid_client", "the application registration does not allow public client flows", false)]
#[tokio::test]
async fn each_outcome_has_its_own_message(
    #[case] act: fn(&mut SignInControl),
    #[case] error: &str,
    #[case] words: &str,
    #[case] policy: bool,
) {
    let harness = quick();
    let waiting = begin(&harness).await;
    harness.simulator.sign_in(act);
    let AuthError::Refused(refusal) = waiting.finish_with(Pauses::default().pass()).await.unwrap_err() else {
        panic!("no refusal");
    };
    assert_eq!((&*refusal.error, refusal.is_policy()), (error, policy));
    assert!(refusal.to_string().starts_with(words), "{refusal}");
    assert_eq!(harness.requests(Kind::Device), 1);
}

const CODE: &str = r#"{"user_code":"AB\u001b[2J","device_code":"canary","verification_uri":"https://login.example/device","expires_in":900,"interval":1}"#;
const PENDING: &str = r#"{"error":"authorization_pending"}"#;

async fn against(
    script: impl Fn(usize) -> Answer + Send + 'static,
) -> (Result<(), AuthError>, usize, Vec<u64>) {
    let fake = FakeServer::start(move |number, _| match number {
        0 => Answer::json(200, CODE),
        _ => script(number),
    })
    .await;
    let waiting = DeviceSignIn::begin(&application(&fake.base()), &http(), None).await.unwrap();
    assert_eq!(waiting.code(), "AB␛[2J");
    let pauses = Pauses::default();
    let outcome = waiting.finish_with(pauses.pass()).await.map(drop);
    (outcome, fake.requests().len() - 1, pauses.seconds())
}

#[tokio::test]
async fn transient_errors_do_not_end_polling() {
    let (outcome, polls, pauses) = against(|number| match number {
        1 | 5 => Answer::json(400, PENDING),
        2 => Answer::Close,
        3 => Answer::Send(502, Vec::new(), "<html>".into()),
        4 => Answer::Send(503, Vec::new(), String::new()),
        _ => token(number, 3600),
    })
    .await;
    assert_eq!((outcome, polls), (Ok(()), 6));
    assert_eq!(pauses, [1, 2, 4, 8, 8]);
}

#[rstest]
#[case(200)]
#[case(403)]
#[tokio::test]
async fn a_response_of_a_proxy_ends_polling_at_once(#[case] status: u16) {
    let (outcome, polls, _) = against(move |_| {
        Answer::Send(status, vec![("content-type", "text/html".into())], "<html>canary</html>".into())
    })
    .await;
    let Err(AuthError::Transport(fault)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((fault.cause, polls), (Cause::Html, 1));
}

#[rstest]
#[case::no_oauth(404, r#"{"message":"canary"}"#, "HTTP 404 without a reason")]
#[case::no_token(200, r#"{"token_type":"Bearer","canary":1}"#, "access_token")]
#[case::odd_token(
    200,
    r#"{"token_type":"Bearer","access_token":"canary canary"}"#,
    "its access token is malformed"
)]
#[tokio::test]
async fn a_malformed_response_ends_polling_at_once(
    #[case] status: u16,
    #[case] body: &'static str,
    #[case] words: &str,
) {
    let (outcome, polls, _) = against(move |_| Answer::json(status, body)).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, AuthError::Unreadable(_)) && polls == 1, "{error:?} after {polls}");
    let line = error.to_string();
    assert!(!line.contains("canary"), "{line}");
    assert!(line.contains(words) || words == "access_token" && line.contains("line 1"), "{line}");
}
