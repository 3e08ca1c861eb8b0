//! Sign-in with a browser.

use std::{collections::HashMap, time::Duration};

use alertdeck_graph::{
    auth::{AuthError, BrowserSignIn, Vault},
    http::Url,
};
use alertdeck_simulator::{Authorization, Grant as Kind, SignIn, SignInError};
use rstest::rstest;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{
    fake::{Answer, Fake, token},
    harness::{CLIENT, Harness, SOON, application, visit},
};

fn query(address: &Url) -> HashMap<String, String> {
    address.query_pairs().into_owned().collect()
}

fn port(waiting: &BrowserSignIn) -> u16 {
    Url::parse(&query(waiting.address())["redirect_uri"]).unwrap().port().unwrap()
}

/// Sends bytes to the port and returns what comes back.
async fn knock(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_person_signs_in_and_is_named() {
    let harness = Harness::new();
    let session = harness.session(&Vault::memory());
    let grant = harness.grant().await;
    assert_eq!(grant.account.as_ref().unwrap().upn.as_deref(), Some(alertdeck_simulator::SIGNED_IN));
    session.accept(grant).await.unwrap();
    assert!(session.claims().unwrap().permissions.contains(&"SecurityAlert.ReadWrite.All".into()));
    assert_eq!((harness.requests(Kind::Code), harness.requests(Kind::Refresh)), (1, 0));
}

#[tokio::test]
async fn every_sign_in_has_secrets_and_a_port_of_its_own() {
    let harness = Harness::new();
    let (one, other) = (harness.begin(None).await, harness.begin(None).await);
    let (first, second) = (query(one.address()), query(other.address()));
    for name in ["state", "code_challenge", "redirect_uri"] {
        assert_ne!(first[name], second[name], "{name}");
    }
    assert!(first["state"].len() >= 16 && first["code_challenge"].len() == 43);
    assert_eq!((&*first["code_challenge_method"], &*first["response_type"]), ("S256", "code"));
    assert_eq!(&*first["client_id"], CLIENT);
    assert!(first["scope"].contains("/.default offline_access openid profile"), "{}", first["scope"]);
}

#[tokio::test]
async fn strange_visitors_change_nothing() {
    let harness = Harness::new();
    let waiting = harness.begin(None).await;
    let (address, port) = (waiting.address().to_string(), port(&waiting));
    let state = query(waiting.address())["state"].clone();
    let finish = tokio::spawn({
        let http = harness.http.clone();
        async move { waiting.finish(&http).await }
    });
    for (request, status) in [
        (format!("GET /favicon.ico HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"), 404),
        (format!("GET /?code=x&state={state} HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 421),
        (format!("GET /?code=x&state={state} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 421),
        (format!("GET /?code=x&state={state} HTTP/1.0\r\n\r\n"), 421),
        (
            format!(
                "POST /?code=x&state={state} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 0\r\n\r\n"
            ),
            404,
        ),
        (format!("GET /?code=x&state=guess HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"), 400),
        (format!("GET /?code=x HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"), 400),
        (format!("GET /?error=access_denied HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"), 400),
        (format!("GET /?state={state} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"), 400),
        ("\u{1b}[2J\r\n\r\n".into(), 400),
    ] {
        let answer = knock(port, &request).await;
        assert!(answer.split(' ').nth(1) == Some(&status.to_string()), "{request}: {answer}");
        assert!(!answer.contains(&state), "{answer}");
    }
    let mut half = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    half.write_all(b"GET /?code=x HTTP/1.1\r\nHost: loc").await.unwrap();
    assert_eq!(harness.requests(Kind::Code), 0);
    assert_eq!(visit(&address).await.0, 200);
    assert!(finish.await.unwrap().is_ok());
    assert_eq!(harness.requests(Kind::Code), 1);
}

#[tokio::test]
async fn silent_connections_do_not_keep_the_browser_out() {
    let harness = Harness::new();
    let waiting = harness.begin(None).await;
    let (address, port) = (waiting.address().to_string(), port(&waiting));
    let http = harness.http.clone();
    let finish = tokio::spawn(async move { waiting.finish(&http).await });
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let (status, page) = timeout(SOON, visit(&address)).await.unwrap();
    assert!(status == 200 && page.contains("Signed in"), "{page}");
    assert!(finish.await.unwrap().is_ok());
}

#[tokio::test]
async fn the_port_is_for_this_machine_alone() {
    let harness = Harness::new();
    let waiting = harness.begin(None).await;
    let port = port(&waiting);
    // Everything else of 127.0.0.0/8 is loopback too, and is not listened at.
    #[cfg(target_os = "linux")]
    assert!(TcpStream::connect(("127.0.0.2", port)).await.is_err());
    assert!(TcpStream::connect(("::1", port)).await.is_err());
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_ok());
}

#[tokio::test]
async fn the_port_is_free_after_the_deadline() {
    let harness = Harness::new();
    let waiting = harness.begin(None).await;
    let port = port(&waiting);
    let _silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let deadline = Duration::from_millis(50);
    let error = waiting.finish_within(&harness.http, deadline).await.unwrap_err();
    assert_eq!(error, AuthError::TooLate(deadline));
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn the_port_is_free_when_the_sign_in_is_dropped() {
    let harness = Harness::new();
    let waiting = harness.begin(None).await;
    let port = port(&waiting);
    let http = harness.http.clone();
    let finish = tokio::spawn(async move { waiting.finish(&http).await });
    assert!(knock(port, &format!("GET /x HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")).await.contains("404"));
    finish.abort();
    assert!(finish.await.unwrap_err().is_cancelled());
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn foreign_words_are_neutral_in_page_and_error() {
    let harness = Harness::new();
    harness.simulator.sign_in(|control| {
        control.next_authorization(Authorization::Refuse {
            error: "access_denied".into(),
            description: "<script>\u{1b}[2J\nx".into(),
        });
    });
    let waiting = harness.begin(None).await;
    let address = waiting.address().to_string();
    let (outcome, (_, page)) = tokio::join!(waiting.finish(&harness.http), visit(&address));
    let line = outcome.unwrap_err().to_string();
    assert_eq!(line, "the sign-in was declined [access_denied: <script>␛[2J⏎x]");
    assert!(!page.contains("<script>") && !page.contains('\u{1b}'), "{page}");
    assert!(page.contains("&lt;script&gt;␛[2J⏎x"), "{page}");
    assert_eq!(harness.requests(Kind::Code), 0);
}

#[rstest]
#[case::used("invalid_grant", 54005, "the code was used before: sign in again")]
#[case::consent("invalid_grant", 65001, "an administrator has not consented")]
#[case::redirect("invalid_request", 50011, "lacks the redirect address http://localhost")]
#[case::public("invalid_client", 7_000_218, "does not allow public client flows")]
#[case::verifier("invalid_grant", 501_481, "the answer does not belong to this sign-in")]
#[tokio::test]
async fn a_refused_code_says_why(#[case] error: &str, #[case] number: u32, #[case] words: &str) {
    let harness = Harness::new();
    harness.refuse(Kind::Code, error, number);
    let waiting = harness.begin(None).await;
    let address = waiting.address().to_string();
    let (outcome, (_, page)) = tokio::join!(waiting.finish(&harness.http), visit(&address));
    let line = outcome.unwrap_err().to_string();
    assert!(line.starts_with(words) || line.contains(words), "{line}");
    assert!(page.contains("Not signed in") && page.contains(&format!("AADSTS{number}")), "{page}");
    assert_eq!(harness.requests(Kind::Code), 1);
}

#[tokio::test]
async fn consent_that_is_missing_comes_back_from_the_page() {
    let harness = Harness::with(SignIn { scopes: Vec::new(), ..SignIn::default() });
    harness.simulator.sign_in(|control| {
        let error = SignInError::new("consent_required", 65001);
        control.next_authorization(Authorization::Refuse {
            error: error.error,
            description: format!("AADSTS65001: {} Trace ID: 1", error.words),
        });
    });
    let waiting = harness.begin(None).await;
    let address = waiting.address().to_string();
    let (outcome, _) = tokio::join!(waiting.finish(&harness.http), visit(&address));
    let line = outcome.unwrap_err().to_string();
    assert!(line.starts_with("an administrator has not consented") && line.contains("AADSTS65001"), "{line}");
}

#[tokio::test]
async fn an_answer_with_a_foreign_state_is_waited_out() {
    let harness = Harness::new();
    harness.simulator.sign_in(|control| control.next_authorization(Authorization::ForeignState));
    let waiting = harness.begin(None).await;
    let address = waiting.address().to_string();
    let twice = async {
        let (status, page) = visit(&address).await;
        assert!(status == 400 && page.contains("Not this sign-in"), "{page}");
        visit(&address).await
    };
    let (outcome, (status, _)) = tokio::join!(waiting.finish(&harness.http), twice);
    assert!(outcome.is_ok() && status == 200);
    assert_eq!(harness.requests(Kind::Code), 1);
}

/// Plays the browser that comes back with a code.
async fn come_back(
    waiting: BrowserSignIn,
    http: &alertdeck_graph::http::Http,
) -> (Result<(), AuthError>, String) {
    let asked = query(waiting.address());
    let back = format!("{}?code=canary&state={}", asked["redirect_uri"], asked["state"]);
    let (outcome, (_, page)) = tokio::join!(waiting.finish(http), visit(&back));
    (outcome.map(drop), page)
}

#[rstest]
#[case::failed(500, &[], 1, false)]
#[case::gateway(502, &[], 1, false)]
#[case::busy_without_a_time(503, &[], 1, false)]
#[case::busy(503, &[("retry-after", "0")], 2, true)]
#[case::throttled(429, &[("retry-after", "0")], 2, true)]
#[tokio::test]
async fn a_code_is_sent_again_only_where_it_was_not_used(
    #[case] status: u16,
    #[case] headers: &'static [(&'static str, &'static str)],
    #[case] requests: usize,
    #[case] good: bool,
) {
    let fake = Fake::start(move |number, _| match number {
        0 => {
            let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
            Answer::Send(status, headers.collect(), "<html>canary</html>".into())
        }
        _ => token(number, 3600),
    })
    .await;
    let http = super::harness::http();
    let waiting = BrowserSignIn::begin(&application(&fake.base()), None, None).await.unwrap();
    let (outcome, page) = come_back(waiting, &http).await;
    assert_eq!((outcome.is_ok(), fake.asked().len()), (good, requests));
    if let Err(error) = outcome {
        assert_eq!(error, AuthError::Unavailable(status));
        assert!(page.contains("Not signed in") && !page.contains("canary"), "{page}");
    }
}

#[tokio::test]
async fn a_code_whose_answer_was_lost_is_not_sent_again() {
    let fake = Fake::start(|_, _| Answer::Close).await;
    let waiting = BrowserSignIn::begin(&application(&fake.base()), None, None).await.unwrap();
    let (outcome, _) = come_back(waiting, &super::harness::http()).await;
    assert!(matches!(outcome, Err(AuthError::Transport(_))), "{outcome:?}");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn the_page_is_made_out_for_whoever_is_known() {
    let application = application("http://127.0.0.1:9");
    for (account, name, value) in
        [(None, "prompt", "select_account"), (Some("ana+x@contoso.com"), "login_hint", "ana+x@contoso.com")]
    {
        let waiting = BrowserSignIn::begin(&application, None, account).await.unwrap();
        let whose: Vec<_> = waiting
            .address()
            .query_pairs()
            .filter(|(key, _)| key == "prompt" || key == "login_hint")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        assert_eq!(whose, [(name.to_owned(), value.to_owned())]);
    }
}
