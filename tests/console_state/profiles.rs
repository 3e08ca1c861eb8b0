//! Profiles: what is shown of them, and switching from one to another.

use std::time::Duration;

use alertdeck::app::{Body, Effect, Identity, LoadEvent, Message, Overlay, Settings, SignInWay, TimeFormat};
use rstest::rstest;

use super::{
    desk::{Desk, alert, batch, profile, settings},
    signing_in,
};

fn lab() -> Settings {
    Settings { tenant: "fabrikam.example".into(), profile: "lab".into(), ..settings("") }
}

#[test]
fn the_profiles_are_listed_with_who_is_signed_in() {
    let mut desk = Desk::holding(&[alert(1)]);
    desk.keys("P");
    let screen = desk.screen();
    for text in ["PROFILE", "* contoso", "lab", "fabrikam.example", "device code", "not known yet"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    desk.send(Message::Identity(signing_in::ana()));
    let screen = desk.screen();
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
    let mut desk = Desk::holding(&[alert(1)]);
    desk.send(Message::Identity(Identity { reads, ..signing_in::ana() }));
    desk.keys("P");
    let screen = desk.screen();
    let line = screen.split('│').find_map(|part| part.trim().strip_prefix("read alerts")).unwrap();
    assert_eq!(line.trim(), expected, "{screen}");
}

#[test]
fn enter_switches_and_the_one_in_use_does_nothing() {
    let mut desk = Desk::holding(&[alert(1)]);
    desk.keys("P Enter");
    assert_eq!((desk.asked.as_slice(), desk.notice()), (&[][..], "contoso is in use"));
    assert!(matches!(desk.app.overlay, Some(Overlay::Profiles(0))));
    desk.keys("j Enter");
    assert_eq!(desk.asked, [Effect::SwitchProfile("lab".into())]);
    assert!(desk.app.overlay.is_none());
    desk.send(Message::ProfileRefused { name: "lab".into(), line: "its tenant is missing".into() });
    assert_eq!(desk.notice(), "lab: its tenant is missing");
    assert_eq!(desk.rows(), ["a1"]);
}

#[test]
fn nothing_of_the_former_profile_is_shown_under_the_new_one() {
    let mut desk = Desk::open("status:new");
    desk.lazy = true;
    desk.arrive(&[alert(1), alert(2)]);
    let old = desk.generation();
    desk.send(Message::Switched(Box::new(lab())));
    assert!(desk.fetches().len() == 2 && desk.generation() > old);
    desk.send(Message::Load(old, LoadEvent::Batch(batch(&[alert(3)]))));
    desk.send(Message::Load(old, LoadEvent::Done));
    desk.lazy = false;
    desk.rest();
    assert_eq!((desk.app.store.len(), desk.rows().len()), (0, 0));
    desk.arrive(&[alert(9)]);
    // A body that a worker has read for the former profile comes late.
    let former = alertdeck::model::RawAlert(alert(1).to_string().into());
    desk.lazy = true;
    desk.send(Message::Read(desk.row("a9"), Box::new(Body::read(&former))));
    assert_eq!(desk.app.current_detail().unwrap().body.alert.as_ref().unwrap().id.raw(), "a9");
    desk.lazy = false;
    desk.done();
    assert_eq!((desk.rows(), desk.app.filter.committed.as_str()), (vec!["a9"], "status:new"));
    assert!(desk.screen().contains("fabrikam.example"), "{}", desk.screen());
}

#[rstest]
#[case(60, "a-tenant-with-a-lo…")]
#[case(80, "a-tenant-with-a-long-name.onmicrosoft.…")]
#[case(120, "a-tenant-with-a-long-name.onmicrosoft.com")]
fn a_long_name_gives_way_to_how_complete_the_list_is(#[case] width: u16, #[case] name: &str) {
    let tenant = "a-tenant-with-a-long-name.onmicrosoft.com".into();
    let mut desk = Desk::with(Settings { tenant, ..settings("") }, (width, 20));
    desk.arrive(&[alert(1), alert(2)]);
    desk.done();
    let screen = desk.screen();
    let header = screen.lines().next().unwrap();
    for part in [name, "READ-ONLY", "2 match", "2 loaded", "complete"] {
        assert!(header.contains(part), "{part}: {header}");
    }
}

#[test]
fn how_the_screen_is_arranged_survives_a_switch() {
    let mut desk = Desk::holding(&[alert(1)]);
    desk.keys("z T S L");
    desk.done();
    let order = desk.app.view.order();
    desk.send(Message::Switched(Box::new(lab())));
    let app = &desk.app;
    assert_eq!((app.zoom, app.clock.format, app.view.order()), (true, TimeFormat::Utc, order));
    assert!(app.load.live && !app.sign_in.out && app.sign_in.identity.is_none());
    desk.done();
    desk.fetches();
    desk.pass(Duration::from_secs(15));
    assert_eq!(desk.fetches().len(), 1, "live goes on there");
}

#[test]
fn the_keys_sign_in_and_out() {
    let mut desk = Desk::holding(&[alert(1)]);
    for (keys, effect) in [
        ("P s", Effect::SignIn(SignInWay::Browser)),
        ("P d", Effect::SignIn(SignInWay::DeviceCode)),
        ("P x", Effect::SignOut),
    ] {
        desk.keys(keys);
        assert_eq!(desk.asked.pop(), Some(effect), "{keys}");
        desk.keys("Esc");
        desk.asked.clear();
    }
    assert!(!desk.screen().contains("signed out"), "who was signed in still is: {}", desk.screen());
}

#[test]
fn without_a_sign_in_of_its_own_the_profile_says_where_its_token_comes_from() {
    let profiles = vec![profile("ci", "contoso", "client secret")];
    let settings = Settings { signs_in: false, profiles, profile: "ci".into(), ..settings("") };
    let mut desk = Desk::with(settings, (120, 35));
    desk.asked.clear();
    desk.keys("P");
    assert!(desk.screen().contains("comes from elsewhere (client secret)"), "{}", desk.screen());
    for key in ["s", "d", "x"] {
        desk.keys(key);
        assert_eq!(desk.asked, [], "{key}");
        assert!(desk.notice().contains("from elsewhere"), "{}", desk.notice());
    }
}

#[test]
fn without_a_configuration_it_says_how_to_add_profiles() {
    let settings = Settings { profiles: Vec::new(), profile: String::new(), ..settings("") };
    let mut desk = Desk::with(settings, (80, 24));
    desk.keys("P j Enter");
    let screen = desk.screen();
    for text in ["contoso · global v1.0", "alertdeck config path"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

#[test]
fn saved_alerts_are_nobodys() {
    let settings = Settings { service: false, profiles: Vec::new(), profile: String::new(), ..settings("") };
    let mut desk = Desk::with(settings, (120, 35));
    desk.asked.clear();
    desk.keys("P");
    assert!(desk.screen().contains("nobody: these alerts come from files"), "{}", desk.screen());
    desk.keys("s x Esc R");
    assert_eq!(desk.asked, []);
    assert!(desk.screen().contains("no request is made"), "{}", desk.screen());
}

#[test]
fn the_profile_stands_in_a_wide_header_where_it_says_more_than_the_tenant() {
    let mut desk = Desk::with(lab(), (200, 50));
    let header = |desk: &Desk| desk.screen().lines().next().unwrap().to_owned();
    assert!(header(&desk).contains("fabrikam.example · lab · global"), "{}", header(&desk));
    desk.resize(60, 15);
    assert!(header(&desk).starts_with("fabrikam.example "), "{}", header(&desk));
    let desk = Desk::with(settings(""), (200, 50));
    assert_eq!(header(&desk).matches("contoso").count(), 1, "{}", header(&desk));
}

#[test]
fn keys_meant_for_another_profile_do_nothing_to_the_one_in_use() {
    let mut desk = Desk::holding(&[alert(1)]);
    for key in ["s", "d", "x"] {
        desk.keys(&format!("P j {key}"));
        assert_eq!((desk.asked.as_slice(), desk.notice()), (&[][..], "switch to this profile first: Enter"));
        desk.keys("Esc");
    }
}

#[test]
fn an_alert_that_was_being_read_does_not_keep_the_next_from_being_shown() {
    let mut desk = Desk::open("");
    desk.lazy = true;
    desk.arrive(&[alert(1)]);
    desk.send(Message::Work(10));
    desk.lose_reading();
    desk.send(Message::Switched(Box::new(lab())));
    desk.lazy = false;
    desk.arrive(&[alert(9)]);
    desk.done();
    assert_eq!(desk.app.current_detail().unwrap().body.alert.as_ref().unwrap().id.raw(), "a9");
}
