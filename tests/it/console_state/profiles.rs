//! The profiles overlay, and switching between profiles.

use std::time::Duration;

use alertdeck::app::{
    Body, Effect, Identity, JobEvent, JobKind, LoadEvent, Message, Overlay, SignInWay, TimeFormat,
};
use alertdeck_store::FeedId;
use rstest::rstest;

use super::{
    harness::{Harness, Settings, alert, batch, profile, settings},
    signing_in,
};

fn lab() -> Settings {
    Settings { tenant: "fabrikam.example".into(), profile: "lab".into(), ..settings("") }
}

#[test]
fn profiles_are_listed_with_the_signed_in_account() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("P");
    let screen = console.screen();
    for text in ["PROFILE", "* contoso", "lab", "fabrikam.example", "device code", "signed in     unknown"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.identity(signing_in::ana());
    let screen = console.screen();
    for text in ["ana@contoso.com", "contoso.example", "read alerts   yes", "User.Read", "13:03:11Z (in 1h)"]
    {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

#[rstest]
#[case(Some(true), "yes")]
#[case(Some(false), "no: SecurityAlert.Read.All is missing")]
#[case(None, "unknown (not in the token)")]
fn permission_to_read_alerts_is_shown(#[case] reads: Option<bool>, #[case] expected: &str) {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.identity(Identity { reads, ..signing_in::ana() });
    console.keys("P");
    let screen = console.screen();
    let line = screen.split('│').find_map(|part| part.trim().strip_prefix("read alerts")).unwrap();
    assert_eq!(line.trim(), expected, "{screen}");
}

#[test]
fn enter_switches_unless_the_profile_is_in_use() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("P Enter");
    assert_eq!((console.effects.as_slice(), console.notice()), (&[][..], "already using contoso"));
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Profiles(alertdeck::app::Profiles { at: 0 }))));
    console.keys("j Enter");
    let open = Effect::OpenProfile { feed: FeedId::new(1), name: "lab".into(), adds: false };
    assert_eq!(console.effects, [open]);
    assert!(console.app.ui.overlay().is_none());
    console.send(Message::ProfileRefused { name: "lab".into(), line: "its tenant is missing".into() });
    assert_eq!(console.notice(), "lab: its tenant is missing");
    assert_eq!(console.rows(), ["a1"]);
}

#[test]
fn alerts_of_the_former_profile_are_not_shown() {
    let mut console = Harness::open("status:new");
    console.lazy = true;
    console.arrive(&[alert(1), alert(2)]);
    let (old, read) = (console.fetch, console.running_read());
    let former = console.app.store.stored(console.row("a1"));
    console.switch(lab());
    assert!(console.fetches().len() == 2 && console.fetch > old);
    console.load_of(old, LoadEvent::Batch(batch(&[alert(3)])));
    console.load_of(old, LoadEvent::Done);
    console.lazy = false;
    console.settle();
    assert_eq!((console.app.store.len(), console.rows().len()), (0, 0));
    console.arrive(&[alert(9)]);
    // A worker has read an alert for the former profile, and the result arrives late.
    console.lazy = true;
    let body = Box::new(Body::read(&former.read()));
    console.send(Message::Job(read, JobEvent::Read(console.row("a9"), former, body)));
    assert_eq!(console.app.current_detail().unwrap().body.alert.as_ref().unwrap().id.raw(), "a9");
    console.lazy = false;
    console.done();
    assert_eq!((console.rows(), console.app.filter.committed.as_str()), (vec!["a9"], "status:new"));
    assert!(console.screen().contains("fabrikam.example"), "{}", console.screen());
}

#[rstest]
#[case(60, "a-tenant-with-a-long-na…")]
#[case(80, "a-tenant-with-a-long-name.onmicrosof…")]
#[case(120, "a-tenant-with-a-long-name.onmicrosoft.com")]
fn long_tenant_name_is_cut_in_favour_of_completeness(#[case] width: u16, #[case] name: &str) {
    let tenant = "a-tenant-with-a-long-name.onmicrosoft.com".into();
    let mut console = Harness::with(Settings { tenant, ..settings("") }, (width, 20));
    console.arrive(&[alert(1), alert(2)]);
    console.done();
    let screen = console.screen();
    let header = screen.lines().next().unwrap();
    for part in [name, "READ-ONLY", "2 matches", "complete"] {
        assert!(header.contains(part), "{part}: {header}");
    }
}

#[test]
fn layout_sort_and_live_polling_survive_a_switch() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("z T S L");
    console.done();
    let order = console.app.view.sort();
    console.switch(lab());
    let app = &console.app;
    assert_eq!((app.ui.zoom, app.clock.format, app.view.sort()), (true, TimeFormat::Utc, order));
    assert!(
        app.feeds.are_polled() && !app.feed().sign_in.signed_out && app.feed().sign_in.identity.is_none()
    );
    console.done();
    console.fetches();
    console.advance(Duration::from_secs(15));
    assert_eq!(console.fetches().len(), 1, "live polling continues");
}

#[test]
fn keys_sign_in_and_out() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    for keys in ["P s", "P d", "P x"] {
        console.keys(keys);
        let effect = console.effects.pop().unwrap();
        assert!(
            match (keys, &effect) {
                ("P s", Effect::Start(_, kind)) => *kind == JobKind::SignIn(SignInWay::Browser),
                ("P d", Effect::Start(_, kind)) => *kind == JobKind::SignIn(SignInWay::DeviceCode),
                (_, effect) => *effect == Effect::SignOut(console.feed().id),
            },
            "{keys}: {effect:?}"
        );
        console.keys("Esc");
        console.effects.clear();
    }
    assert!(!console.screen().contains("signed out"), "cancelling keeps the sign-in: {}", console.screen());
}

#[test]
fn profile_without_sign_in_names_the_source_of_its_token() {
    let profiles = vec![profile("ci", "contoso", "client secret")];
    let settings = Settings { signs_in: false, profiles, profile: "ci".into(), ..settings("") };
    let mut console = Harness::with(settings, (120, 35));
    console.effects.clear();
    console.keys("P");
    assert!(console.screen().contains("external (client secret)"), "{}", console.screen());
    for key in ["s", "d", "x"] {
        console.keys(key);
        assert_eq!(console.effects, [], "{key}");
        assert!(console.notice().contains("no interactive sign-in"), "{}", console.notice());
    }
}

#[test]
fn without_profiles_the_overlay_names_the_config_file() {
    let settings = Settings { profiles: Vec::new(), profile: String::new(), ..settings("") };
    let mut console = Harness::with(settings, (80, 24));
    console.keys("P j Enter");
    let screen = console.screen();
    for text in ["contoso · global v1.0", "alertdeck config path"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
}

#[test]
fn saved_alerts_have_no_account() {
    let settings = Settings { service: false, profiles: Vec::new(), profile: String::new(), ..settings("") };
    let mut console = Harness::with(settings, (120, 35));
    console.effects.clear();
    console.keys("P");
    assert!(console.screen().contains("not signed in (saved alerts)"), "{}", console.screen());
    console.keys("s x Esc R");
    assert_eq!(console.effects, []);
    assert!(console.screen().contains("no requests are made"), "{}", console.screen());
}

#[test]
fn wide_header_shows_a_profile_with_its_own_name() {
    let mut console = Harness::with(lab(), (200, 50));
    let header = |console: &Harness| console.screen().lines().next().unwrap().to_owned();
    assert!(header(&console).contains("fabrikam.example · lab · global"), "{}", header(&console));
    console.resize(60, 15);
    assert!(header(&console).starts_with("fabrikam.example "), "{}", header(&console));
    let console = Harness::with(settings(""), (200, 50));
    assert_eq!(header(&console).matches("contoso").count(), 1, "{}", header(&console));
}

#[test]
fn sign_in_keys_apply_to_the_profile_in_use_only() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    for key in ["s", "d", "x"] {
        console.keys(&format!("P j {key}"));
        assert_eq!(
            (console.effects.as_slice(), console.notice()),
            (&[][..], "use this profile first (Enter or Space)")
        );
        console.keys("Esc");
    }
}

#[test]
fn dropped_read_does_not_block_the_next_alert() {
    let mut console = Harness::open("");
    console.lazy = true;
    console.arrive(&[alert(1)]);
    console.send(Message::Work(10));
    console.running_read();
    console.switch(lab());
    console.lazy = false;
    console.arrive(&[alert(9)]);
    console.done();
    assert_eq!(console.app.current_detail().unwrap().body.alert.as_ref().unwrap().id.raw(), "a9");
}
