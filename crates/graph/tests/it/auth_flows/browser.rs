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
    fake::{Answer, FakeServer, token},
    harness::{CLIENT, Harness, SOON, application, visit},
};

fn query(address: &Url) -> HashMap<String, String> {
    address.query_pairs().into_owned().collect()
}

fn port(waiting: &BrowserSignIn) -> u16 {
    Url::parse(&query(waiting.address())["redirect_uri"]).unwrap().port().unwrap()
}

/// Sends raw bytes to the port and returns the response.
async fn send_raw(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_sign_in_yields_a_token_and_an_account() {
    let harness = Harness::new();
    let session = harness.session(&Vault::memory());
    let grant = harness.grant().await;
    assert_eq!(grant.account.as_ref().unwrap().upn.as_deref(), Some(alertdeck_simulator::SIGNED_IN));
    session.accept(grant).await.unwrap();
    assert!(session.claims().unwrap().permissions.contains(&"SecurityAlert.ReadWrite.All".into()));
    assert_eq!((harness.requests(Kind::Code), harness.requests(Kind::Refresh)), (1, 0));
}

#[tokio::test]
async fn each_sign_in_has_its_own_secrets_and_port() {
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
async fn invalid_requests_to_the_port_have_no_effect() {
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
        let answer = send_raw(port, &request).await;
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
async fn idle_connections_do_not_lock_the_browser_out() {
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
async fn the_port_listens_on_127_0_0_1_only() {
    let harness = Harness::new();
    let waiting = harness.begin(None).await;
    let port = port(&waiting);
    // The rest of 127.0.0.0/8 is loopback too.
    #[cfg(target_os = "linux")]
    assert!(TcpStream::connect(("127.0.0.2", port)).await.is_err());
    assert!(TcpStream::connect(("::1", port)).await.is_err());
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_ok());
}

#[tokio::test]
async fn the_port_is_closed_at_the_deadline() {
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
async fn the_port_is_closed_when_the_sign_in_is_dropped() {
    let harness = Harness::new();
    let waiting = harness.begin(None).await;
    let port = port(&waiting);
    let http = harness.http.clone();
    let finish = tokio::spawn(async move { waiting.finish(&http).await });
    assert!(
        send_raw(port, &format!("GET /x HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")).await.contains("404")
    );
    finish.abort();
    assert!(finish.await.unwrap_err().is_cancelled());
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn an_untrusted_description_is_sanitised_in_page_and_error() {
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
#[case::verifier("invalid_grant", 501_481, "the response does not belong to this sign-in")]
#[tokio::test]
async fn a_refused_code_is_explained(#[case] error: &str, #[case] number: u32, #[case] words: &str) {
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
async fn missing_consent_is_explained() {
    let harness = Harness::with(SignIn { scopes: Vec::new(), ..SignIn::default() });
    harness.simulator.sign_in(|control| {
        let error = SignInError::new("consent_required", 65001);
        control.next_authorization(Authorization::Refuse {
            error: error.error,
            description: format!("AADSTS65001: {} Trace ID: 1", error.message),
        });
    });
    let waiting = harness.begin(None).await;
    let address = waiting.address().to_string();
    let (outcome, _) = tokio::join!(waiting.finish(&harness.http), visit(&address));
    let line = outcome.unwrap_err().to_string();
    assert!(line.starts_with("an administrator has not consented") && line.contains("AADSTS65001"), "{line}");
}

#[rstest]
#[case::code("code=x&code=y&state=STATE")]
#[case::code_and_empty("code=x&code=&state=STATE")]
#[case::state("code=x&state=STATE&state=STATE")]
#[case::other_state("code=x&state=STATE&state=other")]
#[tokio::test]
async fn a_redirect_with_a_repeated_parameter_is_ignored(#[case] query: &str) {
    let harness = Harness::new();
    let waiting = harness.begin(None).await;
    let address = waiting.address().clone();
    let known: std::collections::HashMap<_, _> = address.query_pairs().into_owned().collect();
    let forged = format!("{}?{}", known["redirect_uri"], query.replace("STATE", &known["state"]));
    let both = async {
        let (status, page) = visit(&forged).await;
        assert!(status == 400 && page.contains("Not this sign-in"), "{page}");
        visit(address.as_str()).await
    };
    let (outcome, (status, _)) = tokio::join!(waiting.finish(&harness.http), both);
    assert!(outcome.is_ok() && status == 200);
    assert_eq!(harness.requests(Kind::Code), 1);
}

#[tokio::test]
async fn a_redirect_with_another_state_is_ignored() {
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

/// Finishes a sign-in whose browser returns with the code `canary`.
async fn finish_with_code(
    waiting: BrowserSignIn,
    http: &alertdeck_graph::http::Http,
) -> (Result<(), AuthError>, String) {
    let query = query(waiting.address());
    let back = format!("{}?code=canary&state={}", query["redirect_uri"], query["state"]);
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
async fn a_code_is_resent_only_if_it_was_not_used(
    #[case] status: u16,
    #[case] headers: &'static [(&'static str, &'static str)],
    #[case] requests: usize,
    #[case] good: bool,
) {
    let fake = FakeServer::start(move |number, _| match number {
        0 => {
            let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
            Answer::Send(status, headers.collect(), "<html>canary</html>".into())
        }
        _ => token(number, 3600),
    })
    .await;
    let http = super::harness::http();
    let waiting = BrowserSignIn::begin(&application(&fake.base()), None, None).await.unwrap();
    let (outcome, page) = finish_with_code(waiting, &http).await;
    assert_eq!((outcome.is_ok(), fake.requests().len()), (good, requests));
    if let Err(error) = outcome {
        assert_eq!(error, AuthError::Unavailable(status));
        assert!(page.contains("Not signed in") && !page.contains("canary"), "{page}");
    }
}

#[tokio::test]
async fn a_code_is_not_resent_after_a_lost_response() {
    let fake = FakeServer::start(|_, _| Answer::Close).await;
    let waiting = BrowserSignIn::begin(&application(&fake.base()), None, None).await.unwrap();
    let (outcome, _) = finish_with_code(waiting, &super::harness::http()).await;
    assert!(matches!(outcome, Err(AuthError::Transport(_))), "{outcome:?}");
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_known_account_is_suggested_on_the_page() {
    let application = application("http://127.0.0.1:9");
    for (account, name, value) in
        [(None, "prompt", "select_account"), (Some("ana+x@contoso.com"), "login_hint", "ana+x@contoso.com")]
    {
        let waiting = BrowserSignIn::begin(&application, None, account).await.unwrap();
        let hints: Vec<_> = waiting
            .address()
            .query_pairs()
            .filter(|(key, _)| key == "prompt" || key == "login_hint")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        assert_eq!(hints, [(name.to_owned(), value.to_owned())]);
    }
}
