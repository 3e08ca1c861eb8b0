//! Alerts from several tenants in one list.

use std::time::Duration;

use alertdeck::app::{
    Effect, Failure, FailureKind, FeedEvent, JobKind, LoadEvent, Message, Phase, RequestLine, Scope,
};
use alertdeck_graph::http::AttemptOutcome;
use alertdeck_store::FeedId;
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    harness::{Harness, Settings, alert, batch, profile, scope, settings, with},
    requests::request,
    signing_in::identity,
};

const CONTOSO: FeedId = FeedId::new(0);
const FABRIKAM: FeedId = FeedId::new(1);
const BOTH: [FeedId; 2] = [CONTOSO, FABRIKAM];

fn tenants(filter: &str) -> [Settings; 2] {
    let profiles = vec![
        profile("contoso", "contoso.example", "browser"),
        profile("fabrikam", "fabrikam.example", "browser"),
        profile("lab", "lab.example", "browser"),
    ];
    let tenant = |name: &str, me: &str, host: &str| Settings {
        tenant: format!("{name}.example"),
        profile: name.to_owned(),
        me: Some(me.to_owned()),
        portal_host: host.to_owned(),
        profiles: profiles.clone(),
        ..settings(filter)
    };
    [
        tenant("contoso", "ana@contoso.example", "security.microsoft.com"),
        tenant("fabrikam", "bo@fabrikam.example", "security.microsoft.us"),
    ]
}

/// Opens a console with two tenants whose lists are still loading.
fn open(filter: &str) -> Harness {
    Harness::with_feeds(&tenants(filter), (120, 35))
}

/// Opens a console with complete lists from two tenants. One alert has the same id in both.
fn loaded() -> Harness {
    let mut console = open("");
    console.complete(CONTOSO, &[alert(1), alert(3)]);
    console.complete(FABRIKAM, &[owned(alert(2), "carl@fabrikam.example"), alert(3)]);
    console.effects.clear();
    console
}

fn owned(alert: Value, owner: &str) -> Value {
    with(alert, json!({"assignedTo": owner}))
}

fn header(console: &Harness) -> String {
    console.screen().lines().next().unwrap().to_owned()
}

/// Returns the ids of the rows with the numbers of their feeds.
fn rows(console: &Harness) -> Vec<(&'static str, u16)> {
    let rows = console.app.view.from(0);
    rows.map(|row| (console.id(row), console.app.store.feed(row).index())).collect()
}

/// Opens the requested profile, as the event loop does.
fn open_profile(console: &mut Harness) {
    let Some(Effect::OpenProfile { feed, name, adds }) = console.effects.pop() else { panic!() };
    let [first, _] = tenants("");
    let settings = Settings { tenant: format!("{name}.example"), profile: name, ..first };
    console.open_as(feed, settings, adds);
}

fn run_filter(console: &mut Harness, filter: &str) {
    console.keys("/ Ctrl-u");
    console.type_text(filter);
    console.keys("Enter");
}

fn fail(console: &mut Harness, feed: FeedId, kind: FailureKind, line: &str) {
    let job = console.list_of(feed);
    console.load_of(job, LoadEvent::Failed(Failure { kind, line: line.to_owned() }));
}

#[test]
fn alerts_of_two_tenants_are_one_queue() {
    let console = loaded();
    assert_eq!(rows(&console), [("a3", 0), ("a3", 1), ("a2", 1), ("a1", 0)]);
    let screen = console.screen();
    let header = header(&console);
    for part in ["contoso, fabrikam", "4 matches", "4 of 4 loaded", "complete"] {
        assert!(header.contains(part), "{part}: {header}");
    }
    let line = |id: &str| screen.lines().find(|line| line.contains(id)).unwrap().to_owned();
    assert!(screen.contains("TENANT"), "{screen}");
    assert!(line("Alert 2").contains("fabrikam") && line("Alert 1").contains("contoso"), "{screen}");
    assert!(!Harness::with_alerts(&[alert(1)]).screen().contains("TENANT"));
}

#[test]
fn failure_of_one_tenant_is_named_and_the_other_stays_complete() {
    let mut console = open("");
    console.complete(CONTOSO, &[alert(1)]);
    assert!(header(&console).contains("loading"), "{}", header(&console));
    fail(&mut console, FABRIKAM, FailureKind::Permission, "no permission");
    assert_eq!(rows(&console), [("a1", 0)]);
    assert!(header(&console).contains("fabrikam: incomplete"), "{}", header(&console));
    assert!(console.screen().contains("fabrikam: press ! to retry: no permission"), "{}", console.screen());
    let reason = console.app.incomplete_reason().unwrap();
    assert_eq!(reason, "incomplete list: fabrikam: 0 loaded: no permission");
    console.effects.clear();
    console.keys("!");
    assert_eq!(console.fetches_by_feed(), [(FABRIKAM, Scope::All)]);
}

#[test]
fn empty_list_tells_about_each_tenant() {
    let mut console = open("");
    console.complete(CONTOSO, &[]);
    fail(&mut console, FABRIKAM, FailureKind::Permission, "no permission");
    let screen = console.screen();
    assert!(screen.contains("fabrikam: no permission") && !screen.contains("No alerts"), "{screen}");
}

#[test]
fn only_the_tenants_that_a_filter_asks_for_are_asked() {
    let mut console = loaded();
    run_filter(&mut console, "tenant:fabrikam status:new");
    assert_eq!(console.fetches_by_feed(), [], "a complete list of all alerts covers it");
    assert_eq!(rows(&console), [("a3", 1), ("a2", 1)]);
    assert!(header(&console).contains("complete"), "{}", header(&console));
    let mut console = open("tenant:fabrikam status:new");
    assert_eq!(console.fetches_by_feed(), [(FABRIKAM, scope("status eq 'new'"))]);
    assert_eq!(console.app.feeds.get(CONTOSO).unwrap().list.phase(), &Phase::Complete);
    console.complete(FABRIKAM, &[alert(2)]);
    assert!(header(&console).contains("1 of 1 loaded"), "{}", header(&console));
    run_filter(&mut console, "-tenant:fabrikam");
    assert_eq!(console.fetches_by_feed(), [(CONTOSO, Scope::All)]);
}

#[test]
fn me_is_the_user_of_each_tenant() {
    let mut console = open("assigned:me");
    let expected = [
        (CONTOSO, scope("assignedTo eq 'ana@contoso.example'")),
        (FABRIKAM, scope("assignedTo eq 'bo@fabrikam.example'")),
    ];
    assert_eq!(console.fetches_by_feed(), expected);
    let alerts = [owned(alert(1), "ana@contoso.example"), owned(alert(2), "bo@fabrikam.example"), alert(3)];
    console.complete(CONTOSO, &alerts);
    console.complete(FABRIKAM, &alerts);
    assert_eq!(rows(&console), [("a2", 1), ("a1", 0)]);
}

#[test]
fn spellings_known_from_one_tenant_are_not_sent_to_the_other() {
    let mut console = loaded();
    run_filter(&mut console, "assigned:CARL@fabrikam.example severity:low");
    console.keys("r");
    let sent = |(feed, fetched): &(FeedId, Scope)| {
        let Scope::Filter(filter) = fetched else { panic!("{fetched:?}") };
        (*feed, filter.to_string().contains("carl@"))
    };
    let fetches = console.fetches_by_feed();
    assert_eq!(fetches.iter().map(sent).collect::<Vec<_>>(), [(CONTOSO, false), (FABRIKAM, true)]);
}

#[rstest]
#[case::owner("f", "assigned", "tenant=fabrikam assigned:carl@fabrikam.example")]
#[case::another_owner("F", "assigned", "-(tenant=fabrikam assigned:carl@fabrikam.example)")]
#[case::id("f", "id", "tenant=fabrikam id:a2")]
#[case::incident("f", "incident", "tenant=fabrikam incident:77")]
fn values_of_an_alert_are_asked_of_its_tenant_only(
    #[case] key: &str,
    #[case] column: &str,
    #[case] filter: &str,
) {
    let mut console = loaded();
    console.keys(&format!("j j {key}"));
    console.pick(column);
    assert_eq!(console.app.filter.committed, filter);
    console.keys("r");
    let asked = |(feed, scope): (FeedId, Scope)| (feed == CONTOSO).then(|| format!("{scope:?}"));
    let contoso: Vec<_> = console.fetches_by_feed().into_iter().filter_map(asked).collect();
    assert!(contoso.iter().all(|asked| !asked.contains("carl") && !asked.contains("a2")), "{contoso:?}");
}

#[test]
fn refused_feature_is_avoided_in_its_tenant_only() {
    let mut console = open("-status:new");
    console.fetches_by_feed();
    fail(&mut console, FABRIKAM, FailureKind::Filter, "bad filter");
    assert_eq!(console.fetches_by_feed(), [(FABRIKAM, Scope::All)]);
    assert!(console.notice().starts_with("fabrikam: the service refused `ne`"), "{}", console.notice());
    console.keys("r");
    let expected = [(CONTOSO, scope("status ne 'new'")), (FABRIKAM, Scope::All)];
    assert_eq!(console.fetches_by_feed(), expected);
}

#[test]
fn space_adds_and_removes_profiles() {
    let mut console = loaded();
    console.keys("P");
    assert_eq!(console.screen().matches("│ * ").count(), 2, "{}", console.screen());
    console.keys("Space");
    assert_eq!(rows(&console), [("a3", 1), ("a2", 1)]);
    assert_eq!(console.notice(), "contoso: removed from the list");
    console.keys("j Space");
    assert_eq!(console.notice(), "fabrikam is the only profile in the list; add another one first");
    assert_eq!(rows(&console).len(), 2);
    console.effects.clear();
    console.keys("k Space");
    // Its alerts are still in memory and are read again.
    assert_eq!(rows(&console).len(), 4);
    assert_eq!(console.fetches_by_feed(), [(CONTOSO, Scope::All)]);
    console.effects.clear();
    console.keys("j j Space");
    open_profile(&mut console);
    assert_eq!(console.notice(), "lab: added to the list");
    assert_eq!(console.app.feeds.len(), 3);
    let lab = FeedId::new(2);
    assert_eq!(console.fetches_by_feed(), [(lab, Scope::All)]);
    console.complete(lab, &[alert(4)]);
    assert_eq!(rows(&console)[0], ("a4", 2));
    console.keys("Enter");
    assert_eq!(rows(&console), [("a4", 2)], "Enter shows only the profile");
}

#[test]
fn switched_off_tenant_is_neither_fetched_nor_polled() {
    let mut console = open("");
    console.keys("L");
    console.complete(FABRIKAM, &[alert(2)]);
    let job = console.list_of(CONTOSO);
    console.effects.clear();
    console.keys("P Space");
    assert!(console.cancelled().contains(&job));
    // An alert that was still on its way is kept but hidden.
    console.load_of(job, LoadEvent::Batch(batch(&[alert(9)])));
    assert_eq!(rows(&console), [("a2", 1)]);
    console.effects.clear();
    console.advance(Duration::from_secs(60));
    assert!(console.fetches_by_feed().iter().all(|(feed, _)| *feed == FABRIKAM));
    console.keys("Space");
    assert_eq!(rows(&console), [("a9", 0), ("a2", 1)]);
}

#[test]
fn hidden_alerts_are_neither_marked_nor_counted() {
    let mut console = loaded();
    console.keys("*");
    assert_eq!(console.app.marks_shown(), 4);
    console.keys("P Space Space Esc");
    assert_eq!((console.app.marks_shown(), console.app.marks_hidden()), (2, 0));
}

#[test]
fn sign_in_of_one_tenant_is_asked_for_by_name() {
    let mut console = loaded();
    let needed = FeedEvent::SignInNeeded { why: "it has ended".into() };
    console.send(Message::Feed(FABRIKAM, needed));
    console.advance(Duration::from_millis(300));
    assert!(console.screen().contains("Sign in to fabrikam.example"), "{}", console.screen());
    console.keys("Esc");
    assert!(header(&console).contains("fabrikam: signed out"), "{}", header(&console));
    assert_eq!(rows(&console).len(), 4);
    console.effects.clear();
    run_filter(&mut console, "severity:high");
    console.keys("r");
    let fetched = console.fetches_by_feed();
    assert!(fetched.contains(&(CONTOSO, scope("severity eq 'high'"))), "{fetched:?}");
    console.send(Message::Feed(FABRIKAM, FeedEvent::SignedIn(identity("bo@fabrikam.example"))));
    assert_eq!(console.notice(), "fabrikam: signed in as bo@fabrikam.example");
}

#[test]
fn another_account_drops_the_alerts_of_its_tenant_only() {
    let mut console = loaded();
    for account in ["bo@fabrikam.example", "eve@fabrikam.example"] {
        console.send(Message::Feed(FABRIKAM, FeedEvent::Identity(identity(account))));
    }
    assert_eq!(rows(&console), [("a3", 0), ("a1", 0)]);
    assert_eq!(console.fetches_by_feed(), [(FABRIKAM, Scope::All)]);
    console.complete(FABRIKAM, &[alert(5)]);
    assert_eq!(rows(&console), [("a5", 1), ("a3", 0), ("a1", 0)]);
}

#[test]
fn links_copies_and_exports_follow_the_tenant_of_the_alert() {
    let mut console = loaded();
    // The link's host is the portal of only the first tenant's cloud.
    console.keys("o");
    assert!(matches!(console.effects.pop(), Some(Effect::Open(_))), "{}", console.notice());
    console.keys("j o");
    assert!(!console.effects.iter().any(|effect| matches!(effect, Effect::Open(_))));
    console.effects.clear();
    console.keys("y u");
    assert!(
        matches!(console.effects.as_slice(), [Effect::CopyCurl(FABRIKAM, Scope::One(_))]),
        "{:?}",
        console.effects
    );
    console.effects.clear();
    console.keys("y m");
    let [Effect::Start(job, JobKind::Ticket { portal_host, .. })] = console.effects.as_slice() else {
        panic!("{:?}", console.effects)
    };
    assert_eq!((job.feed, portal_host.as_str()), (FABRIKAM, "security.microsoft.us"));
    console.keys("E Enter");
    let (_, export) = console.exports().remove(0);
    assert_eq!(export.alerts.iter().map(|(feed, _)| feed.index()).collect::<Vec<_>>(), [0, 1, 1, 0]);
    let hosts: Vec<_> = export.tenants.iter().map(|tenant| tenant.portal_host.as_str()).collect();
    assert_eq!(hosts, ["security.microsoft.com", "security.microsoft.us"]);
}

#[test]
fn values_of_the_tenant_column_filter_and_sort() {
    let mut console = loaded();
    console.keys("f");
    console.pick("tenant");
    assert_eq!((console.app.filter.committed.as_str(), rows(&console).len()), ("tenant=contoso", 2));
    console.keys("Backspace s m");
    assert_eq!(rows(&console), [("a3", 0), ("a1", 0), ("a3", 1), ("a2", 1)]);
}

#[test]
fn requests_name_their_tenant() {
    let mut console = loaded();
    console.keys("R");
    let of = |feed, number| RequestLine { feed, ..request(number, AttemptOutcome::Answered(200)) };
    console.send(Message::Requests(vec![of(CONTOSO, 1), of(CONTOSO, 2)]));
    assert!(!console.screen().contains("TENANT       TIME"), "{}", console.screen());
    console.send(Message::Requests(vec![of(CONTOSO, 1), of(FABRIKAM, 2)]));
    let screen = console.screen();
    assert!(screen.contains("TENANT       TIME") && screen.contains("fabrikam     11:58"), "{screen}");
}

#[test]
fn jobs_name_their_tenant() {
    let mut console = open("");
    console.keys("X");
    let screen = console.screen();
    for feed in BOTH {
        let name = console.app.feeds.get(feed).unwrap().name();
        assert!(screen.contains(&format!("{name}: 0 alerts")), "{name}: {screen}");
    }
}

#[test]
fn another_plan_per_tenant_is_shown_with_its_name() {
    let mut console = loaded();
    run_filter(&mut console, "assigned:me");
    let screen = console.screen();
    assert!(screen.contains("$filter for contoso assignedTo eq 'ana@contoso.example'"), "{screen}");
    run_filter(&mut console, "severity:high");
    assert!(console.screen().contains("$filter severity eq 'high'"), "{}", console.screen());
}

#[test]
fn many_tenants_are_counted_in_the_header() {
    let feeds: Vec<_> =
        (0..6).map(|number| Settings { profile: format!("tenant{number}"), ..settings("") }).collect();
    let console = Harness::with_feeds(&feeds, (120, 35));
    assert!(header(&console).contains("6 tenants"), "{}", header(&console));
    let console = Harness::with_feeds(&feeds[..3], (50, 15));
    assert!(header(&console).starts_with("3 tenants READ-ONLY"), "{}", header(&console));
}

/// Returns an alert about a device with these properties.
fn about(number: u32, device: Value) -> Value {
    let device = with(device, json!({"@odata.type": "#microsoft.graph.security.deviceEvidence"}));
    with(alert(number), json!({"evidence": [device]}))
}

/// Returns the filter and the rows of a pivot on an alert's device, after checking that the count
/// on the screen and the filter by itself give the same result.
fn pivot(console: &mut Harness, at: usize) -> (String, Vec<(&'static str, u16)>) {
    console.keys("g");
    for _ in 0..at {
        console.keys("j");
    }
    console.keys("p");
    let screen = console.screen();
    let menu: Vec<_> = screen.lines().filter(|line| line.contains("d  device")).collect();
    console.pick("device");
    let found = (console.app.filter.committed.clone(), rows(console));
    let (count, s) = (found.1.len(), if found.1.len() == 1 { "" } else { "s" });
    assert!(menu[0].contains(&format!("{count} alert{s} · 1 device")), "{found:?}: {}", menu[0]);
    console.keys("Backspace");
    run_filter(console, &found.0);
    assert_eq!(rows(console), found.1);
    console.keys("Backspace");
    found
}

#[test]
fn devices_are_known_by_their_id_and_else_by_name_within_their_tenant() {
    let mut console = open("");
    let names = ["SRV-1", "srv-1.contoso.com", "srv-1", "old-name"];
    let same = (1..=4).zip(names).map(|(number, name)| {
        about(
            number,
            json!({"deviceDnsName": name, "mdeDeviceId": if number % 2 == 0 { "AB1" } else { "ab1" }}),
        )
    });
    // One name with two IDs, and the same name without an ID.
    let other = about(5, json!({"deviceDnsName": "srv-1", "mdeDeviceId": "cd2"}));
    let by_name = about(6, json!({"hostName": "SRV-1"}));
    console.complete(CONTOSO, &same.chain([other, by_name.clone()]).collect::<Vec<_>>());
    let entra = about(7, json!({"deviceDnsName": "SRV-1", "azureAdDeviceId": "ef3"}));
    console.complete(FABRIKAM, &[by_name, entra]);
    let order = ["a7", "a6", "a6", "a5", "a4", "a3", "a2", "a1"];
    assert_eq!(rows(&console).iter().map(|(id, _)| *id).collect::<Vec<_>>(), order);

    let one = pivot(&mut console, 4);
    assert_eq!(one, ("deviceid:ab1".into(), vec![("a4", 0), ("a3", 0), ("a2", 0), ("a1", 0)]));
    assert_eq!(pivot(&mut console, 3), ("deviceid:cd2".into(), vec![("a5", 0)]));
    assert_eq!(pivot(&mut console, 0), ("deviceid:ef3".into(), vec![("a7", 1)]));
    assert_eq!(pivot(&mut console, 1), ("tenant=contoso deviceid:srv-1".into(), vec![("a6", 0)]));
    assert_eq!(pivot(&mut console, 2), ("tenant=fabrikam deviceid:srv-1".into(), vec![("a6", 1)]));
}

#[test]
fn one_device_with_two_ids_is_shown_once() {
    let device = |values| with(values, json!({"@odata.type": "#microsoft.graph.security.deviceEvidence"}));
    let evidence = [
        device(json!({"deviceDnsName": "srv-1.contoso.com", "mdeDeviceId": "m1"})),
        device(json!({"hostName": "SRV-1"})),
        device(json!({"deviceDnsName": "srv-1", "azureAdDeviceId": "e1"})),
        device(json!({"deviceDnsName": "renamed", "mdeDeviceId": "M1"})),
        device(json!({"deviceDnsName": "srv-1", "mdeDeviceId": "m2"})),
    ];
    let console = Harness::with_alerts(&[with(alert(1), json!({"evidence": evidence}))]);
    assert!(console.screen().contains("srv-1 +1"), "{}", console.screen());
}
