//! Profiles: what is shown of them, and switching from one to another.

use std::time::Duration;

use alertdeck::app::{Body, Effect, Identity, LoadEvent, Message, Overlay, Settings, SignInWay, TimeFormat};
use rstest::rstest;

use super::{
    harness::{Harness, alert, batch, profile, settings},
    signing_in,
};

fn lab() -> Settings {
    Settings { tenant: "fabrikam.example".into(), profile: "lab".into(), ..settings("") }
}

#[test]
fn the_profiles_are_listed_with_who_is_signed_in() {
    let mut console = Harness::holding(&[alert(1)]);
    console.keys("P");
    let screen = console.screen();
    for text in ["PROFILE", "* contoso", "lab", "fabrikam.example", "device code", "not known yet"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.send(Message::Identity(signing_in::ana()));
    let screen = console.screen();
    for text in ["ana@contoso.com", "contoso.example", "read alerts   yes", "User.Read", "13:03:11Z (in 1h)"]
    {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

#[rstest]
#[case(Some(true), "yes")]
#[case(Some(false), "no: SecurityAlert.Read.All is missing")]
#[case(None, "the token does not say")]
fn what_the_sign_in_allows_is_said(#[case] reads: Option<bool>, #[case] expected: &str) {
    let mut console = Harness::holding(&[alert(1)]);
    console.send(Message::Identity(Identity { reads, ..signing_in::ana() }));
    console.keys("P");
    let screen = console.screen();
    let line = screen.split('│').find_map(|part| part.trim().strip_prefix("read alerts")).unwrap();
    assert_eq!(line.trim(), expected, "{screen}");
}

#[test]
fn enter_switches_and_the_one_in_use_does_nothing() {
    let mut console = Harness::holding(&[alert(1)]);
    console.keys("P Enter");
    assert_eq!((console.asked.as_slice(), console.notice()), (&[][..], "contoso is in use"));
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Profiles(alertdeck::app::Profiles { at: 0 }))));
    console.keys("j Enter");
    assert_eq!(console.asked, [Effect::SwitchProfile("lab".into())]);
    assert!(console.app.ui.overlay().is_none());
    console.send(Message::ProfileRefused { name: "lab".into(), line: "its tenant is missing".into() });
    assert_eq!(console.notice(), "lab: its tenant is missing");
    assert_eq!(console.rows(), ["a1"]);
}

#[test]
fn nothing_of_the_former_profile_is_shown_under_the_new_one() {
    let mut console = Harness::open("status:new");
    console.lazy = true;
    console.arrive(&[alert(1), alert(2)]);
    let old = console.generation();
    console.send(Message::Switched(Box::new(lab())));
    assert!(console.fetches().len() == 2 && console.generation() > old);
    console.send(Message::Load(old, LoadEvent::Batch(batch(&[alert(3)]))));
    console.send(Message::Load(old, LoadEvent::Done));
    console.lazy = false;
    console.rest();
    assert_eq!((console.app.store.len(), console.rows().len()), (0, 0));
    console.arrive(&[alert(9)]);
    // A body that a worker has read for the former profile comes late.
    let former = alertdeck_model::RawAlert(alert(1).to_string().into());
    console.lazy = true;
    console.send(Message::Read(console.row("a9"), Box::new(Body::read(&former))));
    assert_eq!(console.app.current_detail().unwrap().body.alert.as_ref().unwrap().id.raw(), "a9");
    console.lazy = false;
    console.done();
    assert_eq!((console.rows(), console.app.filter.committed.as_str()), (vec!["a9"], "status:new"));
    assert!(console.screen().contains("fabrikam.example"), "{}", console.screen());
}

#[rstest]
#[case(60, "a-tenant-with-a-lo…")]
#[case(80, "a-tenant-with-a-long-name.onmicrosoft.…")]
#[case(120, "a-tenant-with-a-long-name.onmicrosoft.com")]
fn a_long_name_gives_way_to_how_complete_the_list_is(#[case] width: u16, #[case] name: &str) {
    let tenant = "a-tenant-with-a-long-name.onmicrosoft.com".into();
    let mut console = Harness::with(Settings { tenant, ..settings("") }, (width, 20));
    console.arrive(&[alert(1), alert(2)]);
    console.done();
    let screen = console.screen();
    let header = screen.lines().next().unwrap();
    for part in [name, "READ-ONLY", "2 match", "2 loaded", "complete"] {
        assert!(header.contains(part), "{part}: {header}");
    }
}

#[test]
fn how_the_screen_is_arranged_survives_a_switch() {
    let mut console = Harness::holding(&[alert(1)]);
    console.keys("z T S L");
    console.done();
    let order = console.app.view.sort();
    console.send(Message::Switched(Box::new(lab())));
    let app = &console.app;
    assert_eq!((app.ui.zoom, app.clock.format, app.view.sort()), (true, TimeFormat::Utc, order));
    assert!(app.load.poll.live && !app.sign_in.out && app.sign_in.identity.is_none());
    console.done();
    console.fetches();
    console.pass(Duration::from_secs(15));
    assert_eq!(console.fetches().len(), 1, "live goes on there");
}

#[test]
fn the_keys_sign_in_and_out() {
    let mut console = Harness::holding(&[alert(1)]);
    for (keys, effect) in [
        ("P s", Effect::SignIn(SignInWay::Browser)),
        ("P d", Effect::SignIn(SignInWay::DeviceCode)),
        ("P x", Effect::SignOut),
    ] {
        console.keys(keys);
        assert_eq!(console.asked.pop(), Some(effect), "{keys}");
        console.keys("Esc");
        console.asked.clear();
    }
    assert!(!console.screen().contains("signed out"), "who was signed in still is: {}", console.screen());
}

#[test]
fn without_a_sign_in_of_its_own_the_profile_says_where_its_token_comes_from() {
    let profiles = vec![profile("ci", "contoso", "client secret")];
    let settings = Settings { signs_in: false, profiles, profile: "ci".into(), ..settings("") };
    let mut console = Harness::with(settings, (120, 35));
    console.asked.clear();
    console.keys("P");
    assert!(console.screen().contains("comes from elsewhere (client secret)"), "{}", console.screen());
    for key in ["s", "d", "x"] {
        console.keys(key);
        assert_eq!(console.asked, [], "{key}");
        assert!(console.notice().contains("from elsewhere"), "{}", console.notice());
    }
}

#[test]
fn without_a_configuration_it_says_how_to_add_profiles() {
    let settings = Settings { profiles: Vec::new(), profile: String::new(), ..settings("") };
    let mut console = Harness::with(settings, (80, 24));
    console.keys("P j Enter");
    let screen = console.screen();
    for text in ["contoso · global v1.0", "alertdeck config path"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

#[test]
fn saved_alerts_are_nobodys() {
    let settings = Settings { service: false, profiles: Vec::new(), profile: String::new(), ..settings("") };
    let mut console = Harness::with(settings, (120, 35));
    console.asked.clear();
    console.keys("P");
    assert!(console.screen().contains("nobody: these alerts come from files"), "{}", console.screen());
    console.keys("s x Esc R");
    assert_eq!(console.asked, []);
    assert!(console.screen().contains("no request is made"), "{}", console.screen());
}

#[test]
fn the_profile_stands_in_a_wide_header_where_it_says_more_than_the_tenant() {
    let mut console = Harness::with(lab(), (200, 50));
    let header = |console: &Harness| console.screen().lines().next().unwrap().to_owned();
    assert!(header(&console).contains("fabrikam.example · lab · global"), "{}", header(&console));
    console.resize(60, 15);
    assert!(header(&console).starts_with("fabrikam.example "), "{}", header(&console));
    let console = Harness::with(settings(""), (200, 50));
    assert_eq!(header(&console).matches("contoso").count(), 1, "{}", header(&console));
}

#[test]
fn keys_meant_for_another_profile_do_nothing_to_the_one_in_use() {
    let mut console = Harness::holding(&[alert(1)]);
    for key in ["s", "d", "x"] {
        console.keys(&format!("P j {key}"));
        assert_eq!(
            (console.asked.as_slice(), console.notice()),
            (&[][..], "switch to this profile first: Enter")
        );
        console.keys("Esc");
    }
}

#[test]
fn an_alert_that_was_being_read_does_not_keep_the_next_from_being_shown() {
    let mut console = Harness::open("");
    console.lazy = true;
    console.arrive(&[alert(1)]);
    console.send(Message::Work(10));
    console.lose_reading();
    console.send(Message::Switched(Box::new(lab())));
    console.lazy = false;
    console.arrive(&[alert(9)]);
    console.done();
    assert_eq!(console.app.current_detail().unwrap().body.alert.as_ref().unwrap().id.raw(), "a9");
}
