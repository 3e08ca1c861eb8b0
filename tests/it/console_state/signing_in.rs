//! Signing in over the list: what is shown, what keys do, what stays.

use std::time::Duration;

use alertdeck::{
    app::{
        App, Effect, FailureKind, Identity, Input, Key, LoadEvent, Message, Overlay, Phase, Settings,
        SignInEvent, SignInWay, Stage,
    },
    ui::{Depth, Theme, ThemeKind},
};
use alertdeck_model::{SafeText, Timestamp};
use rstest::rstest;

use super::harness::{Harness, alert, batch, lines, settings, theme, with};

const WHY: &str = "The sign-in has ended: the service asks for a new one.";
const URL: &str = "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/authorize?response_type=code\
                   &client_id=14d82eec-204b-4c2f-b7e8-296a70dab67e&redirect_uri=http%3A%2F%2Flocalhost%3A52011\
                   &scope=SecurityAlert.Read.All%20offline_access&state=c2FtcGxlLXN0YXRl\
                   &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

pub(crate) fn somebody(account: &str) -> Identity {
    Identity { account: Some(account.into()), ..ana() }
}

pub(crate) fn ana() -> Identity {
    Identity {
        account: Some("ana@contoso.com".into()),
        tenant: Some("contoso.example".into()),
        permissions: vec!["SecurityAlert.Read.All".into(), "User.Read".into()],
        reads: Some(true),
        expires: Timestamp::parse("2026-11-20T13:03:11Z"),
    }
}

fn event(console: &mut Harness, event: SignInEvent) {
    console.send(Message::SignIn(event));
}

/// The load under way needs somebody to sign in, and the sign-in takes keys.
pub(crate) fn needed(console: &mut Harness) {
    event(console, SignInEvent::Needed { why: WHY.into() });
    console.pass(Duration::from_millis(300));
}

pub(crate) fn address(console: &mut Harness, opened: Result<(), String>) {
    let until = console.now.mono + Duration::from_secs(300);
    event(console, SignInEvent::Address { url: URL.into(), opened, until });
}

pub(crate) fn code(console: &mut Harness) {
    let until = console.now.mono + Duration::from_secs(900);
    event(
        console,
        SignInEvent::Code {
            code: "FJK4XQ9ZT".into(),
            address: "https://login.microsoft.com/device".into(),
            until,
        },
    );
}

pub(crate) fn failed(console: &mut Harness, may_retry: bool) {
    let line = "Your organisation does not allow the sign-in by device code (AADSTS50199): use a browser.";
    event(console, SignInEvent::Failed { line: line.into(), may_retry });
}

pub(crate) fn done(console: &mut Harness) {
    event(console, SignInEvent::Done(ana()));
}

fn is_open(app: &App) -> bool {
    matches!(app.ui.overlay(), Some(Overlay::SignInPrompt(_)))
}

fn press(console: &mut Harness, key: char) {
    console.send(Message::Input(Input::Key(Key::char(key))));
}

#[test]
fn a_first_start_asks_to_sign_in_and_goes_on_with_the_same_load() {
    let mut console = Harness::open("status:new");
    assert_eq!(console.fetches().len(), 1);
    needed(&mut console);
    let screen = console.screen();
    for text in [WHY, "Enter  with a browser", "d      by a code", "Esc    later", "signed out"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.keys("Enter");
    assert_eq!(console.asked, [Effect::SignIn(SignInWay::Browser)]);
    address(&mut console, Ok(()));
    done(&mut console);
    assert!(console.app.ui.overlay().is_none());
    assert_eq!(console.notice(), "signed in as ana@contoso.com");
    assert_eq!(console.fetches(), [], "the load goes on by itself");
    console.arrive(&[alert(1)]);
    console.done();
    assert_eq!((&console.app.load.phase, console.rows()), (&Phase::Complete, vec!["a1"]));
    assert!(!console.screen().contains("signed out"), "{}", console.screen());
}

#[test]
fn the_browser_flow_shows_the_whole_address_and_counts_down() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("Enter");
    assert!(console.screen().contains("Starting a browser"), "{}", console.screen());
    console.asked.clear();
    address(&mut console, Ok(()));
    let screen = console.screen();
    assert!(screen.contains("A browser was opened"), "{screen}");
    assert!(screen.contains("time left  05:00"), "{screen}");
    // The address is wrapped, not cut.
    let inside: String = screen.lines().filter_map(|line| line.split('│').nth(1)).map(str::trim).collect();
    assert!(inside.contains(URL), "{inside}");
    console.pass(Duration::from_secs(61));
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
    console.pass(Duration::from_secs(600));
    assert!(console.screen().contains("time left  00:00"), "{}", console.screen());
    address(&mut console, Err("there is no display here".into()));
    assert!(
        console.screen().contains("No browser was opened: there is no display here."),
        "{}",
        console.screen()
    );
    console.keys("d");
    assert_eq!(console.asked, [Effect::SignIn(SignInWay::DeviceCode)], "the other way needs no browser here");
}

#[test]
fn the_device_flow_warns_and_shows_the_code_apart() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("d");
    assert_eq!(console.asked.pop(), Some(Effect::SignIn(SignInWay::DeviceCode)));
    assert!(console.screen().contains("Asking for a code"), "{}", console.screen());
    code(&mut console);
    let screen = console.screen();
    for text in
        ["only if you have just asked", "https://login.microsoft.com/device", "F J K 4 X Q 9 Z T", "15:00"]
    {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.keys("y");
    assert_eq!((console.copies(), console.notice()), (vec!["FJK4XQ9ZT".to_owned()], "code copied"));
}

#[test]
fn what_a_service_says_in_the_device_flow_is_neutral() {
    let hostile = SafeText::new("A\u{1b}[2J\u{202e}B");
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("d");
    let until = console.now.mono + Duration::from_secs(9);
    event(&mut console, SignInEvent::Code { code: hostile.clone(), address: hostile, until });
    let screen = console.screen();
    assert_eq!(screen.matches("A␛[2J⟨202E⟩B").count(), 2, "{screen}");
    assert!(!screen.contains(['\u{1b}', '\u{202e}']));
    console.keys("y");
    assert!(!console.copies()[0].contains('\u{1b}'));
}

#[rstest]
#[case::asked("")]
#[case::begun("Enter")]
fn esc_leaves_the_list_and_says_how_to_come_back(#[case] keys: &str) {
    let mut console = Harness::holding(&[alert(1), alert(2)]);
    console.keys("j r");
    console.fetches();
    needed(&mut console);
    console.keys(keys);
    console.asked.clear();
    console.keys("Esc");
    assert_eq!(console.asked, [Effect::CancelSignIn]);
    console.fail(FailureKind::SignIn);
    assert_eq!(console.asked, [Effect::CancelSignIn], "nothing is tried by itself");
    assert_eq!((console.rows(), console.selected()), (vec!["a2", "a1"], Some("a1")));
    let screen = console.screen();
    assert!(screen.contains("· signed out"), "{screen}");
    assert!(screen.contains("signed out: press P to sign in"), "{screen}");
    // All that is here works on.
    console.keys("k Enter Tab / t i t l e : 2 Enter");
    assert_eq!((console.rows(), console.app.ui.overlay().is_none()), (vec!["a2"], true));
}

#[test]
fn signing_in_later_fetches_what_was_not_read() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("Esc");
    console.fail(FailureKind::SignIn);
    console.asked.clear();
    console.keys("P s");
    assert_eq!(console.asked, [Effect::SignIn(SignInWay::Browser)]);
    done(&mut console);
    assert_eq!((console.fetches().len(), &console.app.load.phase), (1, &Phase::Loading));
}

#[rstest]
#[case("!")]
#[case("r")]
fn trying_again_by_hand_asks_again(#[case] key: &str) {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("Esc");
    console.fail(FailureKind::SignIn);
    console.asked.clear();
    console.keys(key);
    assert_eq!(console.fetches().len(), 1);
    needed(&mut console);
    assert!(is_open(&console.app));
}

#[test]
fn nothing_asks_again_by_itself_once_the_user_has_said_later() {
    let mut console = Harness::holding(&[alert(1)]);
    console.keys("L");
    console.done();
    console.fetches();
    console.pass(Duration::from_secs(15));
    assert_eq!(console.fetches().len(), 1);
    needed(&mut console);
    console.keys("Esc");
    console.fail(FailureKind::SignIn);
    console.asked.clear();
    console.pass(Duration::from_secs(900));
    assert_eq!(console.fetches(), [], "no look of live mode");
    console.keys("/");
    console.type_text("severity:high");
    console.keys("Enter");
    assert_eq!(console.fetches(), [], "a complete list answers it");
    done(&mut console);
    assert_eq!(console.fetches().len(), 1, "live goes on");
}

#[test]
fn a_filter_is_not_fetched_by_nobody_and_is_once_somebody_is_there() {
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
    assert_eq!(console.fetches(), [alertdeck::app::Scope::Filter("severity eq 'high'".into())]);
}

#[test]
fn tries_that_are_planned_end_while_nobody_is_signed_in() {
    let mut console = Harness::open("");
    console.fail(FailureKind::Offline);
    event(&mut console, SignInEvent::SignedOut);
    console.asked.clear();
    console.pass(Duration::from_secs(900));
    assert_eq!(console.fetches(), []);
    done(&mut console);
    assert_eq!(console.fetches().len(), 1, "it is made up for");
}

#[test]
fn what_comes_up_by_itself_takes_no_key_at_first() {
    let mut console = Harness::holding(&[alert(1), alert(2)]);
    event(&mut console, SignInEvent::Needed { why: WHY.into() });
    assert!(is_open(&console.app));
    // A filter that is typed without looking holds a `d`, and ends with Enter.
    for _ in 0..10 {
        console.pass(Duration::from_millis(299));
        console.keys("Enter d y Esc q");
        assert!(is_open(&console.app) && console.asked.is_empty(), "{:?}", console.asked);
    }
    console.pass(Duration::from_millis(300));
    console.keys("Enter");
    assert_eq!(console.asked, [Effect::SignIn(SignInWay::Browser)]);
}

#[test]
fn a_filter_being_typed_is_not_disturbed() {
    let mut console = Harness::holding(&[alert(1), alert(2)]);
    console.keys("/");
    console.type_text("ti");
    event(&mut console, SignInEvent::Needed { why: WHY.into() });
    console.pass(Duration::from_secs(1));
    console.type_text("tle:d");
    assert_eq!((console.app.filter.text(), is_open(&console.app)), ("title:d", false));
    let screen = console.screen();
    assert!(screen.contains(&format!("Enter or Esc, then sign in: {WHY}")), "{screen}");
    assert!(screen.contains("signed out"), "{screen}");
    console.keys("Enter");
    assert!(is_open(&console.app), "it comes up once the bar is closed");
    console.keys("Enter");
    assert!(!console.asked.contains(&Effect::SignIn(SignInWay::Browser)), "a second Enter starts nothing");
    assert_eq!(console.app.filter.committed, "title:d");
}

#[test]
fn what_is_open_stays_open_until_the_user_closes_it() {
    let mut console = Harness::holding(&[alert(1)]);
    console.keys("y");
    event(&mut console, SignInEvent::Needed { why: WHY.into() });
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Menu(_))));
    assert!(console.screen().contains(&format!("Esc, then sign in: {WHY}")), "{}", console.screen());
    console.keys("Esc");
    assert!(is_open(&console.app));
}

#[test]
fn a_session_that_ends_keeps_list_cursor_and_draft() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1), alert(2), alert(3)]);
    console.keys("j /");
    console.type_text("title:al");
    event(&mut console, SignInEvent::Needed { why: WHY.into() });
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
    assert!(console.app.ui.overlay().is_none(), "it is over before it came up");
}

#[test]
fn who_is_at_it_is_not_thrown_back() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("Enter");
    address(&mut console, Ok(()));
    event(&mut console, SignInEvent::Needed { why: "another load".into() });
    assert!(matches!(console.app.sign_in.stage, Some(Stage::Address { .. })));
}

#[test]
fn a_flow_that_was_left_changes_nothing_any_more() {
    let mut console = Harness::holding(&[alert(1)]);
    needed(&mut console);
    console.keys("Enter Esc");
    address(&mut console, Ok(()));
    code(&mut console);
    failed(&mut console, true);
    assert!(console.app.ui.overlay().is_none() && console.app.sign_in.stage.is_none());
}

#[test]
fn a_failure_says_what_can_be_done_next() {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys("d");
    code(&mut console);
    failed(&mut console, true);
    let screen = console.screen();
    for text in ["Sign-in failed", "does not allow the sign-in by device code", "Enter  with a browser"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.asked.clear();
    console.keys("Enter");
    assert_eq!(console.asked, [Effect::SignIn(SignInWay::Browser)]);
    failed(&mut console, false);
    console.asked.clear();
    console.keys("Enter d y");
    assert_eq!(console.asked, [], "nothing but another configuration helps");
    assert!(!console.screen().contains("with a browser on"), "{}", console.screen());
    console.keys("Esc");
    assert_eq!(console.asked, [Effect::CancelSignIn]);
}

#[test]
fn a_token_from_elsewhere_is_renewed_there() {
    let mut console = Harness::with(Settings { signs_in: false, ..settings("") }, (120, 35));
    console.asked.clear();
    needed(&mut console);
    let screen = console.screen();
    assert!(screen.contains("comes from elsewhere (browser): renew it there"), "{screen}");
    assert!(!screen.contains("with a browser on"), "{screen}");
    console.keys("Enter d");
    assert_eq!(console.asked, []);
    console.keys("Esc");
    assert_eq!(console.asked, [Effect::CancelSignIn]);
}

#[test]
fn signing_out_keeps_the_rows_and_breaks_the_load_off() {
    let mut console = Harness::open("");
    console.send(Message::Identity(ana()));
    console.arrive(&[alert(1)]);
    console.asked.clear();
    console.keys("P x");
    assert_eq!(console.asked, [Effect::SignOut]);
    event(&mut console, SignInEvent::SignedOut);
    assert_eq!((console.asked.pop(), console.notice()), (Some(Effect::Cancel), "signed out"));
    assert!(console.app.sign_in.identity.is_none());
    console.keys("Esc");
    assert_eq!(console.rows(), ["a1"]);
    assert!(console.screen().contains("signed out: press P"), "{}", console.screen());
}

#[test]
fn a_page_shows_that_somebody_is_signed_in_again() {
    let mut console = Harness::holding(&[alert(1)]);
    needed(&mut console);
    console.keys("Esc");
    console.keys("r");
    assert!(console.screen().contains("signed out"), "{}", console.screen());
    console.load(LoadEvent::Page { total: None, partial: None, server_time: None });
    assert!(!console.screen().contains("signed out"), "{}", console.screen());
}

#[test]
fn who_is_known_to_be_signed_in_is_not_signed_out() {
    let mut console = Harness::holding(&[alert(1)]);
    needed(&mut console);
    console.send(Message::Identity(ana()));
    assert!(
        console.screen().contains("signed out"),
        "the service asks for a new sign-in: {}",
        console.screen()
    );
    console.keys("Esc");
    console.send(Message::Identity(ana()));
    assert!(!console.screen().contains("signed out"), "{}", console.screen());
}

#[test]
fn me_is_who_has_signed_in_unless_it_was_told() {
    for (told, expected) in [(None, "ana@contoso.com"), (Some("ben@contoso.com"), "ben@contoso.com")] {
        let mut console = Harness::with(Settings { me: told.map(str::to_owned), ..settings("") }, (120, 35));
        needed(&mut console);
        done(&mut console);
        assert_eq!(console.app.settings.me.as_deref(), Some(expected));
        console.fetches();
        console.keys("/");
        console.type_text("assigned:me");
        console.keys("Enter");
        let asked = alertdeck::app::Scope::Filter(format!("assignedTo eq '{expected}'"));
        assert_eq!(console.fetches(), [asked]);
    }
}

#[test]
fn a_filter_that_speaks_of_me_is_asked_once_it_is_known_who_that_is() {
    let mut console = Harness::with(Settings { me: None, ..settings("assigned:me") }, (120, 35));
    console.fetches();
    needed(&mut console);
    done(&mut console);
    assert_eq!(console.fetches(), [alertdeck::app::Scope::Filter("assignedTo eq 'ana@contoso.com'".into())]);
    console.arrive(&[alert(1), with(alert(2), serde_json::json!({"assignedTo": "ana@contoso.com"}))]);
    assert_eq!(console.rows(), ["a2"]);
}

#[test]
fn a_load_that_waits_long_for_the_sign_in_goes_on_all_the_same() {
    // The filter asks for another instant by then; that is no reason to begin again.
    let mut console = Harness::with(Settings { me: None, ..settings("age<7d") }, (120, 35));
    console.fetches();
    needed(&mut console);
    console.pass(Duration::from_secs(200));
    done(&mut console);
    assert_eq!(console.fetches(), []);
}

#[test]
fn another_account_does_not_see_what_the_first_has_loaded() {
    let mut console = Harness::holding(&[alert(1)]);
    console.send(Message::Identity(ana()));
    let old = console.generation();
    needed(&mut console);
    console.keys("Enter");
    event(&mut console, SignInEvent::Done(somebody("ben@contoso.com")));
    assert_eq!(console.fetches().len(), 1);
    console.send(Message::Load(old, LoadEvent::Batch(batch(&[alert(2)]))));
    assert_eq!((console.rows().len(), console.app.store.len()), (0, 0));
    let mut same = Harness::holding(&[alert(1)]);
    same.send(Message::Identity(somebody("Ana@Contoso.com")));
    needed(&mut same);
    done(&mut same);
    assert_eq!(same.rows(), ["a1"], "a name's case makes no other account");
}

#[test]
fn the_account_stands_in_a_wide_header_and_moves_nothing() {
    let mut console = Harness::with(settings(""), (200, 50));
    let counts = |console: &Harness| console.screen().lines().next().unwrap().find("match");
    let before = counts(&console);
    console.send(Message::Identity(ana()));
    assert!(
        console.screen().lines().next().unwrap().ends_with("ana@contoso.com  12:00Z"),
        "{}",
        console.screen()
    );
    assert_eq!(counts(&console), before);
    console.resize(80, 24);
    assert!(!console.screen().lines().next().unwrap().contains("ana@"), "{}", console.screen());
}

#[test]
fn in_mono_words_say_what_colours_say() {
    let mut console = Harness::holding(&[alert(1)]);
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
fn the_shell_is_within_reach_while_somebody_signs_in() {
    let mut console = Harness::holding(&[alert(1)]);
    needed(&mut console);
    console.keys("Ctrl-z Ctrl-l");
    assert_eq!(console.asked, [Effect::Suspend, Effect::Redraw]);
    assert!(is_open(&console.app));
}

#[test]
fn letters_of_the_list_do_nothing_under_the_sign_in() {
    let mut console = Harness::holding(&[alert(1), alert(2)]);
    needed(&mut console);
    for key in "joOrLzmTJ/!sxk".chars() {
        press(&mut console, key);
    }
    console.paste("title:x");
    assert!(is_open(&console.app) && console.asked.is_empty(), "{:?}", console.asked);
    assert_eq!((console.selected(), console.app.filter.text()), (Some("a2"), ""));
}

#[rstest]
#[case("P")]
#[case("R")]
fn other_profiles_and_the_requests_can_be_seen_from_the_sign_in_which_comes_back(#[case] key: &str) {
    let mut console = Harness::open("");
    needed(&mut console);
    console.keys(key);
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Profiles(_) | Overlay::Requests(_))));
    console.keys("Esc");
    assert!(is_open(&console.app));
    console.asked.clear();
    console.pass(Duration::from_millis(300));
    console.keys("d");
    assert_eq!(console.asked, [Effect::SignIn(SignInWay::DeviceCode)]);
}
