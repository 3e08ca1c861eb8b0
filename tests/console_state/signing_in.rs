//! Signing in over the list: what is shown, what keys do, what stays.

use std::time::Duration;

use alertdeck::{
    app::{
        App, Effect, FailureKind, Identity, Input, Key, LoadEvent, Message, Overlay, Phase, Settings,
        SignInEvent, SignInWay, Stage,
    },
    model::{SafeText, Timestamp},
    ui::{Depth, Theme, ThemeKind},
};
use rstest::rstest;

use super::desk::{Desk, alert, batch, lines, settings, theme, with};

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

fn event(desk: &mut Desk, event: SignInEvent) {
    desk.send(Message::SignIn(event));
}

/// The load under way needs somebody to sign in, and the sign-in takes keys.
pub(crate) fn needed(desk: &mut Desk) {
    event(desk, SignInEvent::Needed { why: WHY.into() });
    desk.pass(Duration::from_millis(300));
}

pub(crate) fn address(desk: &mut Desk, opened: Result<(), String>) {
    let until = desk.now.mono + Duration::from_secs(300);
    event(desk, SignInEvent::Address { url: URL.into(), opened, until });
}

pub(crate) fn code(desk: &mut Desk) {
    let until = desk.now.mono + Duration::from_secs(900);
    event(
        desk,
        SignInEvent::Code {
            code: "FJK4XQ9ZT".into(),
            address: "https://login.microsoft.com/device".into(),
            until,
        },
    );
}

pub(crate) fn failed(desk: &mut Desk, may_retry: bool) {
    let line = "Your organisation does not allow the sign-in by device code (AADSTS50199): use a browser.";
    event(desk, SignInEvent::Failed { line: line.into(), may_retry });
}

pub(crate) fn done(desk: &mut Desk) {
    event(desk, SignInEvent::Done(ana()));
}

fn is_open(app: &App) -> bool {
    matches!(app.overlay, Some(Overlay::SignIn))
}

fn press(desk: &mut Desk, key: char) {
    desk.send(Message::Input(Input::Key(Key::char(key))));
}

#[test]
fn a_first_start_asks_to_sign_in_and_goes_on_with_the_same_load() {
    let mut desk = Desk::open("status:new");
    assert_eq!(desk.fetches().len(), 1);
    needed(&mut desk);
    let screen = desk.screen();
    for text in [WHY, "Enter  with a browser", "d      by a code", "Esc    later", "signed out"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    desk.keys("Enter");
    assert_eq!(desk.asked, [Effect::SignIn(SignInWay::Browser)]);
    address(&mut desk, Ok(()));
    done(&mut desk);
    assert!(desk.app.overlay.is_none());
    assert_eq!(desk.notice(), "signed in as ana@contoso.com");
    assert_eq!(desk.fetches(), [], "the load goes on by itself");
    desk.arrive(&[alert(1)]);
    desk.done();
    assert_eq!((&desk.app.load.phase, desk.rows()), (&Phase::Complete, vec!["a1"]));
    assert!(!desk.screen().contains("signed out"), "{}", desk.screen());
}

#[test]
fn the_browser_flow_shows_the_whole_address_and_counts_down() {
    let mut desk = Desk::open("");
    needed(&mut desk);
    desk.keys("Enter");
    assert!(desk.screen().contains("Starting a browser"), "{}", desk.screen());
    desk.asked.clear();
    address(&mut desk, Ok(()));
    let screen = desk.screen();
    assert!(screen.contains("A browser was opened"), "{screen}");
    assert!(screen.contains("time left  05:00"), "{screen}");
    // The address is wrapped, not cut.
    let inside: String = screen.lines().filter_map(|line| line.split('│').nth(1)).map(str::trim).collect();
    assert!(inside.contains(URL), "{inside}");
    desk.pass(Duration::from_secs(61));
    assert!(desk.screen().contains("time left  03:59"), "{}", desk.screen());
    desk.keys("y");
    assert_eq!((desk.copies(), desk.notice()), (vec![URL.to_owned()], "address copied"));
    let size = desk.app.size;
    desk.resize(30, 12);
    assert!(
        desk.screen().contains("time left  03:59") && desk.screen().contains("… y copies the"),
        "{}",
        desk.screen()
    );
    desk.resize(size.0, size.1);
    desk.pass(Duration::from_secs(600));
    assert!(desk.screen().contains("time left  00:00"), "{}", desk.screen());
    address(&mut desk, Err("there is no display here".into()));
    assert!(desk.screen().contains("No browser was opened: there is no display here."), "{}", desk.screen());
    desk.keys("d");
    assert_eq!(desk.asked, [Effect::SignIn(SignInWay::DeviceCode)], "the other way needs no browser here");
}

#[test]
fn the_device_flow_warns_and_shows_the_code_apart() {
    let mut desk = Desk::open("");
    needed(&mut desk);
    desk.keys("d");
    assert_eq!(desk.asked.pop(), Some(Effect::SignIn(SignInWay::DeviceCode)));
    assert!(desk.screen().contains("Asking for a code"), "{}", desk.screen());
    code(&mut desk);
    let screen = desk.screen();
    for text in
        ["only if you have just asked", "https://login.microsoft.com/device", "F J K 4 X Q 9 Z T", "15:00"]
    {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    desk.keys("y");
    assert_eq!((desk.copies(), desk.notice()), (vec!["FJK4XQ9ZT".to_owned()], "code copied"));
}

#[test]
fn what_a_service_says_in_the_device_flow_is_neutral() {
    let hostile = SafeText::new("A\u{1b}[2J\u{202e}B");
    let mut desk = Desk::open("");
    needed(&mut desk);
    desk.keys("d");
    let until = desk.now.mono + Duration::from_secs(9);
    event(&mut desk, SignInEvent::Code { code: hostile.clone(), address: hostile, until });
    let screen = desk.screen();
    assert_eq!(screen.matches("A␛[2J⟨202E⟩B").count(), 2, "{screen}");
    assert!(!screen.contains(['\u{1b}', '\u{202e}']));
    desk.keys("y");
    assert!(!desk.copies()[0].contains('\u{1b}'));
}

#[rstest]
#[case::asked("")]
#[case::begun("Enter")]
fn esc_leaves_the_list_and_says_how_to_come_back(#[case] keys: &str) {
    let mut desk = Desk::holding(&[alert(1), alert(2)]);
    desk.keys("j r");
    desk.fetches();
    needed(&mut desk);
    desk.keys(keys);
    desk.asked.clear();
    desk.keys("Esc");
    assert_eq!(desk.asked, [Effect::CancelSignIn]);
    desk.fail(FailureKind::SignIn);
    assert_eq!(desk.asked, [Effect::CancelSignIn], "nothing is tried by itself");
    assert_eq!((desk.rows(), desk.selected()), (vec!["a2", "a1"], Some("a1")));
    let screen = desk.screen();
    assert!(screen.contains("· signed out"), "{screen}");
    assert!(screen.contains("signed out: press P to sign in"), "{screen}");
    // All that is here works on.
    desk.keys("k Enter Tab / t i t l e : 2 Enter");
    assert_eq!((desk.rows(), desk.app.overlay.is_none()), (vec!["a2"], true));
}

#[test]
fn signing_in_later_fetches_what_was_not_read() {
    let mut desk = Desk::open("");
    needed(&mut desk);
    desk.keys("Esc");
    desk.fail(FailureKind::SignIn);
    desk.asked.clear();
    desk.keys("P s");
    assert_eq!(desk.asked, [Effect::SignIn(SignInWay::Browser)]);
    done(&mut desk);
    assert_eq!((desk.fetches().len(), &desk.app.load.phase), (1, &Phase::Loading));
}

#[rstest]
#[case("!")]
#[case("r")]
fn trying_again_by_hand_asks_again(#[case] key: &str) {
    let mut desk = Desk::open("");
    needed(&mut desk);
    desk.keys("Esc");
    desk.fail(FailureKind::SignIn);
    desk.asked.clear();
    desk.keys(key);
    assert_eq!(desk.fetches().len(), 1);
    needed(&mut desk);
    assert!(is_open(&desk.app));
}

#[test]
fn nothing_asks_again_by_itself_once_the_user_has_said_later() {
    let mut desk = Desk::holding(&[alert(1)]);
    desk.keys("L");
    desk.done();
    desk.fetches();
    desk.pass(Duration::from_secs(15));
    assert_eq!(desk.fetches().len(), 1);
    needed(&mut desk);
    desk.keys("Esc");
    desk.fail(FailureKind::SignIn);
    desk.asked.clear();
    desk.pass(Duration::from_secs(900));
    assert_eq!(desk.fetches(), [], "no look of live mode");
    desk.keys("/");
    desk.type_text("severity:high");
    desk.keys("Enter");
    assert_eq!(desk.fetches(), [], "a complete list answers it");
    done(&mut desk);
    assert_eq!(desk.fetches().len(), 1, "live goes on");
}

#[test]
fn a_filter_is_not_fetched_by_nobody_and_is_once_somebody_is_there() {
    let mut desk = Desk::open("status:new");
    needed(&mut desk);
    desk.keys("Esc");
    desk.fail(FailureKind::SignIn);
    desk.fetches();
    desk.keys("/ Ctrl-u");
    desk.type_text("severity:high");
    desk.keys("Enter");
    assert_eq!((desk.fetches(), desk.app.overlay.is_none()), (vec![], true));
    assert!(desk.screen().contains("signed out: press P"), "{}", desk.screen());
    done(&mut desk);
    assert_eq!(desk.fetches(), [alertdeck::app::Scope::Filter("severity eq 'high'".into())]);
}

#[test]
fn tries_that_are_planned_end_while_nobody_is_signed_in() {
    let mut desk = Desk::open("");
    desk.fail(FailureKind::Offline);
    event(&mut desk, SignInEvent::SignedOut);
    desk.asked.clear();
    desk.pass(Duration::from_secs(900));
    assert_eq!(desk.fetches(), []);
    done(&mut desk);
    assert_eq!(desk.fetches().len(), 1, "it is made up for");
}

#[test]
fn what_comes_up_by_itself_takes_no_key_at_first() {
    let mut desk = Desk::holding(&[alert(1), alert(2)]);
    event(&mut desk, SignInEvent::Needed { why: WHY.into() });
    assert!(is_open(&desk.app));
    // A filter that is typed without looking holds a `d`, and ends with Enter.
    for _ in 0..10 {
        desk.pass(Duration::from_millis(299));
        desk.keys("Enter d y Esc q");
        assert!(is_open(&desk.app) && desk.asked.is_empty(), "{:?}", desk.asked);
    }
    desk.pass(Duration::from_millis(300));
    desk.keys("Enter");
    assert_eq!(desk.asked, [Effect::SignIn(SignInWay::Browser)]);
}

#[test]
fn a_filter_being_typed_is_not_disturbed() {
    let mut desk = Desk::holding(&[alert(1), alert(2)]);
    desk.keys("/");
    desk.type_text("ti");
    event(&mut desk, SignInEvent::Needed { why: WHY.into() });
    desk.pass(Duration::from_secs(1));
    desk.type_text("tle:d");
    assert_eq!((desk.app.filter.text(), is_open(&desk.app)), ("title:d", false));
    let screen = desk.screen();
    assert!(screen.contains(&format!("Enter or Esc, then sign in: {WHY}")), "{screen}");
    assert!(screen.contains("signed out"), "{screen}");
    desk.keys("Enter");
    assert!(is_open(&desk.app), "it comes up once the bar is closed");
    desk.keys("Enter");
    assert!(!desk.asked.contains(&Effect::SignIn(SignInWay::Browser)), "a second Enter starts nothing");
    assert_eq!(desk.app.filter.committed, "title:d");
}

#[test]
fn what_is_open_stays_open_until_the_user_closes_it() {
    let mut desk = Desk::holding(&[alert(1)]);
    desk.keys("y");
    event(&mut desk, SignInEvent::Needed { why: WHY.into() });
    assert!(matches!(desk.app.overlay, Some(Overlay::Menu(_))));
    assert!(desk.screen().contains(&format!("Esc, then sign in: {WHY}")), "{}", desk.screen());
    desk.keys("Esc");
    assert!(is_open(&desk.app));
}

#[test]
fn a_session_that_ends_keeps_list_cursor_and_draft() {
    let mut desk = Desk::open("");
    desk.arrive(&[alert(1), alert(2), alert(3)]);
    desk.keys("j /");
    desk.type_text("title:al");
    event(&mut desk, SignInEvent::Needed { why: WHY.into() });
    assert_eq!((desk.app.filter.text(), desk.selected(), desk.rows().len()), ("title:al", Some("a2"), 3));
    done(&mut desk);
    assert_eq!((desk.app.filter.text(), desk.selected(), desk.rows().len()), ("title:al", Some("a2"), 3));
    assert!(desk.app.overlay.is_none() && desk.app.filter.editor.is_some());
    desk.keys("Esc");
    assert!(desk.app.overlay.is_none(), "it is over before it came up");
}

#[test]
fn who_is_at_it_is_not_thrown_back() {
    let mut desk = Desk::open("");
    needed(&mut desk);
    desk.keys("Enter");
    address(&mut desk, Ok(()));
    event(&mut desk, SignInEvent::Needed { why: "another load".into() });
    assert!(matches!(desk.app.sign_in.stage, Some(Stage::Address { .. })));
}

#[test]
fn a_flow_that_was_left_changes_nothing_any_more() {
    let mut desk = Desk::holding(&[alert(1)]);
    needed(&mut desk);
    desk.keys("Enter Esc");
    address(&mut desk, Ok(()));
    code(&mut desk);
    failed(&mut desk, true);
    assert!(desk.app.overlay.is_none() && desk.app.sign_in.stage.is_none());
}

#[test]
fn a_failure_says_what_can_be_done_next() {
    let mut desk = Desk::open("");
    needed(&mut desk);
    desk.keys("d");
    code(&mut desk);
    failed(&mut desk, true);
    let screen = desk.screen();
    for text in ["Sign-in failed", "does not allow the sign-in by device code", "Enter  with a browser"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    desk.asked.clear();
    desk.keys("Enter");
    assert_eq!(desk.asked, [Effect::SignIn(SignInWay::Browser)]);
    failed(&mut desk, false);
    desk.asked.clear();
    desk.keys("Enter d y");
    assert_eq!(desk.asked, [], "nothing but another configuration helps");
    assert!(!desk.screen().contains("with a browser on"), "{}", desk.screen());
    desk.keys("Esc");
    assert_eq!(desk.asked, [Effect::CancelSignIn]);
}

#[test]
fn a_token_from_elsewhere_is_renewed_there() {
    let mut desk = Desk::with(Settings { signs_in: false, ..settings("") }, (120, 35));
    desk.asked.clear();
    needed(&mut desk);
    let screen = desk.screen();
    assert!(screen.contains("comes from elsewhere (browser): renew it there"), "{screen}");
    assert!(!screen.contains("with a browser on"), "{screen}");
    desk.keys("Enter d");
    assert_eq!(desk.asked, []);
    desk.keys("Esc");
    assert_eq!(desk.asked, [Effect::CancelSignIn]);
}

#[test]
fn signing_out_keeps_the_rows_and_breaks_the_load_off() {
    let mut desk = Desk::open("");
    desk.send(Message::Identity(ana()));
    desk.arrive(&[alert(1)]);
    desk.asked.clear();
    desk.keys("P x");
    assert_eq!(desk.asked, [Effect::SignOut]);
    event(&mut desk, SignInEvent::SignedOut);
    assert_eq!((desk.asked.pop(), desk.notice()), (Some(Effect::Cancel), "signed out"));
    assert!(desk.app.sign_in.identity.is_none());
    desk.keys("Esc");
    assert_eq!(desk.rows(), ["a1"]);
    assert!(desk.screen().contains("signed out: press P"), "{}", desk.screen());
}

#[test]
fn a_page_shows_that_somebody_is_signed_in_again() {
    let mut desk = Desk::holding(&[alert(1)]);
    needed(&mut desk);
    desk.keys("Esc");
    desk.keys("r");
    assert!(desk.screen().contains("signed out"), "{}", desk.screen());
    desk.load(LoadEvent::Page { total: None, partial: None, server_time: None });
    assert!(!desk.screen().contains("signed out"), "{}", desk.screen());
}

#[test]
fn who_is_known_to_be_signed_in_is_not_signed_out() {
    let mut desk = Desk::holding(&[alert(1)]);
    needed(&mut desk);
    desk.send(Message::Identity(ana()));
    assert!(desk.screen().contains("signed out"), "the service asks for a new sign-in: {}", desk.screen());
    desk.keys("Esc");
    desk.send(Message::Identity(ana()));
    assert!(!desk.screen().contains("signed out"), "{}", desk.screen());
}

#[test]
fn me_is_who_has_signed_in_unless_it_was_told() {
    for (told, expected) in [(None, "ana@contoso.com"), (Some("ben@contoso.com"), "ben@contoso.com")] {
        let mut desk = Desk::with(Settings { me: told.map(str::to_owned), ..settings("") }, (120, 35));
        needed(&mut desk);
        done(&mut desk);
        assert_eq!(desk.app.settings.me.as_deref(), Some(expected));
        desk.fetches();
        desk.keys("/");
        desk.type_text("assigned:me");
        desk.keys("Enter");
        let asked = alertdeck::app::Scope::Filter(format!("assignedTo eq '{expected}'"));
        assert_eq!(desk.fetches(), [asked]);
    }
}

#[test]
fn a_filter_that_speaks_of_me_is_asked_once_it_is_known_who_that_is() {
    let mut desk = Desk::with(Settings { me: None, ..settings("assigned:me") }, (120, 35));
    desk.fetches();
    needed(&mut desk);
    done(&mut desk);
    assert_eq!(desk.fetches(), [alertdeck::app::Scope::Filter("assignedTo eq 'ana@contoso.com'".into())]);
    desk.arrive(&[alert(1), with(alert(2), serde_json::json!({"assignedTo": "ana@contoso.com"}))]);
    assert_eq!(desk.rows(), ["a2"]);
}

#[test]
fn a_load_that_waits_long_for_the_sign_in_goes_on_all_the_same() {
    // The filter asks for another instant by then; that is no reason to begin again.
    let mut desk = Desk::with(Settings { me: None, ..settings("age<7d") }, (120, 35));
    desk.fetches();
    needed(&mut desk);
    desk.pass(Duration::from_secs(200));
    done(&mut desk);
    assert_eq!(desk.fetches(), []);
}

#[test]
fn another_account_does_not_see_what_the_first_has_loaded() {
    let mut desk = Desk::holding(&[alert(1)]);
    desk.send(Message::Identity(ana()));
    let old = desk.generation();
    needed(&mut desk);
    desk.keys("Enter");
    event(&mut desk, SignInEvent::Done(somebody("ben@contoso.com")));
    assert_eq!(desk.fetches().len(), 1);
    desk.send(Message::Load(old, LoadEvent::Batch(batch(&[alert(2)]))));
    assert_eq!((desk.rows().len(), desk.app.store.len()), (0, 0));
    let mut same = Desk::holding(&[alert(1)]);
    same.send(Message::Identity(somebody("Ana@Contoso.com")));
    needed(&mut same);
    done(&mut same);
    assert_eq!(same.rows(), ["a1"], "a name's case makes no other account");
}

#[test]
fn the_account_stands_in_a_wide_header_and_moves_nothing() {
    let mut desk = Desk::with(settings(""), (200, 50));
    let counts = |desk: &Desk| desk.screen().lines().next().unwrap().find("match");
    let before = counts(&desk);
    desk.send(Message::Identity(ana()));
    assert!(desk.screen().lines().next().unwrap().ends_with("ana@contoso.com  12:00Z"), "{}", desk.screen());
    assert_eq!(counts(&desk), before);
    desk.resize(80, 24);
    assert!(!desk.screen().lines().next().unwrap().contains("ana@"), "{}", desk.screen());
}

#[test]
fn in_mono_words_say_what_colours_say() {
    let mut desk = Desk::holding(&[alert(1)]);
    needed(&mut desk);
    desk.keys("d");
    failed(&mut desk, true);
    let buffer = desk.draw(&Theme::new(ThemeKind::Mono, Depth::True, false));
    let reset = ratatui::style::Color::Reset;
    assert!(buffer.content.iter().all(|cell| cell.fg == reset && cell.bg == reset));
    assert_eq!(lines(&buffer), lines(&desk.draw(&theme())));
    assert!(lines(&buffer).join("\n").contains("Sign-in failed"));
}

#[test]
fn the_shell_is_within_reach_while_somebody_signs_in() {
    let mut desk = Desk::holding(&[alert(1)]);
    needed(&mut desk);
    desk.keys("Ctrl-z Ctrl-l");
    assert_eq!(desk.asked, [Effect::Suspend, Effect::Redraw]);
    assert!(is_open(&desk.app));
}

#[test]
fn letters_of_the_list_do_nothing_under_the_sign_in() {
    let mut desk = Desk::holding(&[alert(1), alert(2)]);
    needed(&mut desk);
    for key in "joOrLzmTJ/!sxk".chars() {
        press(&mut desk, key);
    }
    desk.paste("title:x");
    assert!(is_open(&desk.app) && desk.asked.is_empty(), "{:?}", desk.asked);
    assert_eq!((desk.selected(), desk.app.filter.text()), (Some("a2"), ""));
}

#[rstest]
#[case("P")]
#[case("R")]
fn other_profiles_and_the_requests_can_be_seen_from_the_sign_in_which_comes_back(#[case] key: &str) {
    let mut desk = Desk::open("");
    needed(&mut desk);
    desk.keys(key);
    assert!(matches!(desk.app.overlay, Some(Overlay::Profiles(_) | Overlay::Requests(_))));
    desk.keys("Esc");
    assert!(is_open(&desk.app));
    desk.asked.clear();
    desk.pass(Duration::from_millis(300));
    desk.keys("d");
    assert_eq!(desk.asked, [Effect::SignIn(SignInWay::DeviceCode)]);
}
