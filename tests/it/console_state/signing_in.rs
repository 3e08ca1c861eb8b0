//! The sign-in prompt over the list: what is shown, what keys do, and what stays unchanged.

use std::time::Duration;

use alertdeck::{
    app::{
        App, Effect, FailureKind, FeedEvent, Identity, Input, Key, Message, Overlay, Phase, SignInEvent,
        SignInWay, Stage,
    },
    ui::{Depth, Theme, ThemeKind},
};
use alertdeck_model::{SafeText, Timestamp};
use rstest::rstest;

use super::harness::{Harness, Settings, alert, lines, scope, settings, theme};

const WHY: &str = "The session has expired; sign in again.";
const URL: &str = "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/authorize?response_type=code\
                   &client_id=14d82eec-204b-4c2f-b7e8-296a70dab67e&redirect_uri=http%3A%2F%2Flocalhost%3A52011\
                   &scope=SecurityAlert.Read.All%20offline_access&state=c2FtcGxlLXN0YXRl\
                   &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

pub(crate) fn identity(account: &str) -> Identity {
    Identity { account: Some(account.into()), ..ana() }
}

pub(crate) fn ana() -> Identity {
    Identity {
        account: Some("ana@contoso.com".into()),
        tenant: Some("contoso.example".into()),
        permissions: vec!["SecurityAlert.Read.All".into(), "User.Read".into()],
        reads: Some(true),
        writes: Some(true),
        expires: Timestamp::parse("2026-11-20T13:03:11Z"),
    }
}

/// Triggers the need for a sign-in and waits until the prompt accepts keys.
pub(crate) fn needed(console: &mut Harness) {
    console.feed_event(FeedEvent::SignInNeeded { why: WHY.into() });
    console.advance(Duration::from_millis(300));
}

pub(crate) fn address(console: &mut Harness, opened: Result<(), String>) {
    let until = console.now.mono + Duration::from_secs(300);
    console.sign_in_event(SignInEvent::Address { url: URL.into(), opened, until });
}

pub(crate) fn code(console: &mut Harness) {
    let until = console.now.mono + Duration::from_secs(900);
    console.sign_in_event(SignInEvent::Code {
        code: "FJK4XQ9ZT".into(),
        address: "https://login.microsoft.com/device".into(),
        until,
    });
}

pub(crate) fn failed(console: &mut Harness, may_retry: bool) {
    let line =
        "Your organization does not allow device code sign-in (AADSTS50199). Sign in with a browser instead.";
    console.sign_in_event(SignInEvent::Failed { line: line.into(), may_retry });
}

pub(crate) fn done(console: &mut Harness) {
    console.feed_event(FeedEvent::SignedIn(ana()));
}

fn is_open(app: &App) -> bool {
    matches!(app.ui.overlay(), Some(Overlay::SignInPrompt(_)))
}

fn press(console: &mut Harness, key: char) {
    console.send(Message::Input(Input::Key(Key::char(key))));
}

#[test]
fn first_start_asks_to_sign_in_and_continues_the_fetch() {
    let mut console = Harness::open("status:new");
    assert_eq!(console.fetches().len(), 1);
    needed(&mut console);
    let screen = console.screen();
    for text in [
        WHY,
        "Enter  sign in with a browser",
        "d      sign in with a device code",
        "Esc    not now",
        "signed out",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.keys("Enter");
    assert_eq!(console.sign_ins(), [SignInWay::Browser]);
    address(&mut console, Ok(()));
    done(&mut console);
    assert!(console.app.ui.overlay().is_none());
    assert_eq!(console.notice(), "signed in as ana@contoso.com");
    assert_eq!(console.fetches(), [], "the fetch continues by itself");
    console.arrive(&[alert(1)]);
    console.done();
    assert_eq!((console.phase(), console.rows()), (&Phase::Complete, vec!["a1"]));
    assert!(!console.screen().contains("signed out"), "{}", console.screen());
}

#[test]
fn browser_flow_shows_the_full_address_and_counts_down() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("Enter");
    assert!(console.screen().contains("Starting a browser"), "{}", console.screen());
    console.effects.clear();
    address(&mut console, Ok(()));
    let screen = console.screen();
    assert!(screen.contains("Sign in using the browser window that just opened"), "{screen}");
    assert!(screen.contains("time left  05:00"), "{screen}");
    // The address is wrapped, not truncated.
    let inside: String = screen.lines().filter_map(|line| line.split('│').nth(1)).map(str::trim).collect();
    assert!(inside.contains(URL), "{inside}");
    console.advance(Duration::from_secs(61));
    assert!(console.screen().contains("time left  03:59"), "{}", console.screen());
    console.keys("y");
    assert_eq!((console.copies(), console.notice()), (vec![URL.to_owned()], "address copied"));
    let size = console.app.ui.size;
    console.resize(30, 12);
    assert!(
        console.screen().contains("time left  03:59") && console.screen().contains("… y copies the"),
        "{}",
        console.screen()
    );
    console.resize(size.0, size.1);
    console.advance(Duration::from_secs(600));
    assert!(console.screen().contains("time left  00:00"), "{}", console.screen());
    address(&mut console, Err("there is no display here".into()));
    assert!(
        console.screen().contains("No browser could be opened: there is no display here."),
        "{}",
        console.screen()
    );
    console.keys("d");
    assert_eq!(console.sign_ins(), [SignInWay::DeviceCode], "the other method needs no browser here");
}

#[test]
fn device_flow_warns_and_shows_a_spaced_code() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("d");
    assert_eq!(console.sign_ins(), [SignInWay::DeviceCode]);
    assert!(console.screen().contains("Requesting a code"), "{}", console.screen());
    code(&mut console);
    let screen = console.screen();
    for text in [
        "only if you started this sign-in",
        "https://login.microsoft.com/device",
        "F J K 4 X Q 9 Z T",
        "15:00",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.keys("y");
    assert_eq!((console.copies(), console.notice()), (vec!["FJK4XQ9ZT".to_owned()], "code copied"));
}

#[test]
fn texts_of_the_device_flow_are_sanitised() {
    let hostile = SafeText::new("A\u{1b}[2J\u{202e}B");
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("d");
    let until = console.now.mono + Duration::from_secs(9);
    console.sign_in_event(SignInEvent::Code { code: hostile.clone(), address: hostile, until });
    let screen = console.screen();
    assert_eq!(screen.matches("A␛[2J⟨202E⟩B").count(), 2, "{screen}");
    assert!(!screen.contains(['\u{1b}', '\u{202e}']));
    console.keys("y");
    assert!(!console.copies()[0].contains('\u{1b}'));
}

#[rstest]
#[case::asked("")]
#[case::begun("Enter")]
fn esc_keeps_the_list_and_names_the_key_to_sign_in(#[case] keys: &str) {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.keys("j r");
    console.fetches();
    needed(&mut console);
    console.keys(keys);
    console.effects.clear();
    console.keys("Esc");
    assert_eq!(console.cancelled().len(), usize::from(!keys.is_empty()));
    assert_eq!(console.effects, [Effect::DeclineSignIn(console.feed().id)]);
    console.fail(FailureKind::SignIn);
    assert_eq!(
        console.effects,
        [Effect::DeclineSignIn(console.feed().id)],
        "nothing is retried automatically"
    );
    assert_eq!((console.rows(), console.selected()), (vec!["a2", "a1"], Some("a1")));
    let screen = console.screen();
    assert!(screen.contains("· signed out"), "{screen}");
    assert!(screen.contains("signed out: press P to sign in"), "{screen}");
    // Loaded alerts remain usable.
    console.keys("k Enter Tab / t i t l e : 2 Enter");
    assert_eq!((console.rows(), console.app.ui.overlay().is_none()), (vec!["a2"], true));
}

#[test]
fn later_sign_in_fetches_the_list() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("Esc");
    console.fail(FailureKind::SignIn);
    console.effects.clear();
    console.keys("P s");
    assert_eq!(console.sign_ins(), [SignInWay::Browser]);
    done(&mut console);
    assert_eq!((console.fetches().len(), console.phase()), (1, &Phase::Loading));
}

#[rstest]
#[case("!")]
#[case("r")]
fn manual_retry_asks_to_sign_in_again(#[case] key: &str) {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("Esc");
    console.fail(FailureKind::SignIn);
    console.effects.clear();
    console.keys(key);
    assert_eq!(console.fetches().len(), 1);
    needed(&mut console);
    assert!(is_open(&console.app));
}

#[test]
fn nothing_asks_again_after_the_user_declined() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("L");
    console.done();
    console.fetches();
    console.advance(Duration::from_secs(15));
    assert_eq!(console.fetches().len(), 1);
    needed(&mut console);
    console.keys("Esc");
    console.fail(FailureKind::SignIn);
    console.effects.clear();
    console.advance(Duration::from_secs(900));
    assert_eq!(console.fetches(), [], "no live poll");
    console.keys("/");
    console.type_text("severity:high");
    console.keys("Enter");
    assert_eq!(console.fetches(), [], "a complete list covers it");
    done(&mut console);
    assert_eq!(console.fetches().len(), 1, "live polling continues");
}

#[test]
fn filter_run_while_signed_out_is_fetched_after_the_sign_in() {
    let mut console = Harness::open("status:new");
    needed(&mut console);
    console.keys("Esc");
    console.fail(FailureKind::SignIn);
    console.fetches();
    console.keys("/ Ctrl-u");
    console.type_text("severity:high");
    console.keys("Enter");
    assert_eq!((console.fetches(), console.app.ui.overlay().is_none()), (vec![], true));
    assert!(console.screen().contains("signed out: press P"), "{}", console.screen());
    done(&mut console);
    assert_eq!(console.fetches(), [scope("severity eq 'high'")]);
}

#[test]
fn scheduled_retries_stop_after_a_sign_out() {
    let mut console = Harness::open("");
    console.fail(FailureKind::Offline);
    console.feed_event(FeedEvent::SignedOut);
    console.effects.clear();
    console.advance(Duration::from_secs(900));
    assert_eq!(console.fetches(), []);
    done(&mut console);
    assert_eq!(console.fetches().len(), 1, "the fetch is made after the sign-in");
}

#[test]
fn prompt_that_opens_by_itself_ignores_keys_at_first() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.feed_event(FeedEvent::SignInNeeded { why: WHY.into() });
    assert!(is_open(&console.app));
    // A filter typed without looking may contain a `d`, and ends with Enter.
    for _ in 0..10 {
        console.advance(Duration::from_millis(299));
        console.keys("Enter d y Esc q");
        assert!(is_open(&console.app) && console.effects.is_empty(), "{:?}", console.effects);
    }
    console.advance(Duration::from_millis(300));
    console.keys("Enter");
    assert_eq!(console.sign_ins(), [SignInWay::Browser]);
}

#[test]
fn prompt_waits_while_a_filter_is_typed() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.keys("/");
    console.type_text("ti");
    console.feed_event(FeedEvent::SignInNeeded { why: WHY.into() });
    console.advance(Duration::from_secs(1));
    console.type_text("tle:d");
    assert_eq!((console.app.filter.text(), is_open(&console.app)), ("title:d", false));
    let screen = console.screen();
    assert!(screen.contains(&format!("press Enter or Esc to sign in: {WHY}")), "{screen}");
    assert!(screen.contains("signed out"), "{screen}");
    console.keys("Enter");
    assert!(is_open(&console.app), "it opens when the bar is closed");
    console.keys("Enter");
    assert_eq!(console.sign_ins(), [], "a second Enter is ignored");
    assert_eq!(console.app.filter.committed, "title:d");
}

#[test]
fn prompt_waits_while_an_overlay_is_open() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("y");
    console.feed_event(FeedEvent::SignInNeeded { why: WHY.into() });
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Menu(_))));
    assert!(console.screen().contains(&format!("press Esc to sign in: {WHY}")), "{}", console.screen());
    console.keys("Esc");
    assert!(is_open(&console.app));
}

#[test]
fn expired_session_keeps_list_cursor_and_typed_text() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1), alert(2), alert(3)]);
    console.keys("j /");
    console.type_text("title:al");
    console.feed_event(FeedEvent::SignInNeeded { why: WHY.into() });
    assert_eq!(
        (console.app.filter.text(), console.selected(), console.rows().len()),
        ("title:al", Some("a2"), 3)
    );
    done(&mut console);
    assert_eq!(
        (console.app.filter.text(), console.selected(), console.rows().len()),
        ("title:al", Some("a2"), 3)
    );
    assert!(console.app.ui.overlay().is_none() && console.app.filter.editor.is_some());
    console.keys("Esc");
    assert!(console.app.ui.overlay().is_none(), "it is done before the prompt opened");
}

#[test]
fn running_sign_in_is_not_restarted() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("Enter");
    address(&mut console, Ok(()));
    console.feed_event(FeedEvent::SignInNeeded { why: "another load".into() });
    assert!(matches!(console.feed().sign_in.stage, Some(Stage::Address { .. })));
}

#[test]
fn events_of_a_cancelled_flow_are_ignored() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    needed(&mut console);
    console.keys("Enter Esc");
    address(&mut console, Ok(()));
    code(&mut console);
    failed(&mut console, true);
    assert!(console.app.ui.overlay().is_none() && console.feed().sign_in.stage.is_none());
}

#[test]
fn failure_offers_what_can_be_done_next() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("d");
    code(&mut console);
    failed(&mut console, true);
    let screen = console.screen();
    for text in ["Sign-in failed", "does not allow device code sign-in", "Enter  sign in with a browser"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.effects.clear();
    console.keys("Enter");
    assert_eq!(console.sign_ins(), [SignInWay::Browser]);
    failed(&mut console, false);
    console.effects.clear();
    console.keys("Enter d y");
    assert_eq!(console.effects, [], "another try cannot succeed");
    assert!(!console.screen().contains("with a browser on"), "{}", console.screen());
    console.keys("Esc");
    assert_eq!(console.effects, [Effect::DeclineSignIn(console.feed().id)]);
}

#[test]
fn external_token_must_be_renewed_elsewhere() {
    let mut console = Harness::with(Settings { signs_in: false, ..settings("") }, (120, 35));
    console.effects.clear();
    needed(&mut console);
    let screen = console.screen();
    assert!(screen.contains("external token (browser). Renew it"), "{screen}");
    assert!(!screen.contains("with a browser on"), "{screen}");
    console.keys("Enter d");
    assert_eq!(console.effects, []);
    console.keys("Esc");
    assert_eq!(console.effects, [Effect::DeclineSignIn(console.feed().id)]);
}

#[test]
fn mono_shows_the_same_text_without_colours() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    needed(&mut console);
    console.keys("d");
    failed(&mut console, true);
    let buffer = console.draw(&Theme::new(ThemeKind::Mono, Depth::True, false));
    let reset = ratatui::style::Color::Reset;
    assert!(buffer.content.iter().all(|cell| cell.fg == reset && cell.bg == reset));
    assert_eq!(lines(&buffer), lines(&console.draw(&theme())));
    assert!(lines(&buffer).join("\n").contains("Sign-in failed"));
}

#[test]
fn suspend_and_redraw_work_during_the_sign_in() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    needed(&mut console);
    console.keys("Ctrl-z Ctrl-l");
    assert_eq!(console.effects, [Effect::Suspend, Effect::Redraw]);
    assert!(is_open(&console.app));
}

#[test]
fn list_keys_do_nothing_under_the_prompt() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    needed(&mut console);
    for key in "joOrLzmTJ/!sxk".chars() {
        press(&mut console, key);
    }
    console.paste("title:x");
    assert!(is_open(&console.app) && console.effects.is_empty(), "{:?}", console.effects);
    assert_eq!((console.selected(), console.app.filter.text()), (Some("a2"), ""));
}

#[rstest]
#[case("P")]
#[case("R")]
fn profiles_and_requests_open_over_the_prompt(#[case] key: &str) {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys(key);
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Profiles(_) | Overlay::Requests(_))));
    console.keys("Esc");
    assert!(is_open(&console.app));
    console.effects.clear();
    console.advance(Duration::from_millis(300));
    console.keys("d");
    assert_eq!(console.sign_ins(), [SignInWay::DeviceCode]);
}
