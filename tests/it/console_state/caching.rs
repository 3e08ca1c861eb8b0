//! The cache, as seen by the state: what waits for it, what is fetched after it, and what is written.

use std::time::Duration;

use alertdeck::app::{
    BackfillState, CacheEvent, CacheWrite, Effect, Extent, Failure, FailureKind, FeedEvent, Identity,
    JobEvent, JobId, JobKind, LoadEvent, Message, Phase, Scope,
};
use alertdeck_cache::{Coverage, Retention, State};
use alertdeck_model::{RawAlert, Timestamp};
use alertdeck_store::Batch;
use serde_json::{Value, json};

use super::harness::{Harness, Settings, alert, scope, settings, with};

const RECENT: &str = "created>=2026-11-18";

fn cached(filter: &str) -> Settings {
    Settings { cache: Some(Retention::default()), ..settings(filter) }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Returns the state of a cache that was brought up to date ten minutes before the console is opened.
pub(super) fn state(coverage: Option<Coverage>) -> State {
    let saved_at = Some(at("2026-11-20T11:50:00Z"));
    State { alerts: 2, saved_at, coverage }
}

fn covered() -> Coverage {
    Coverage { since: Some(at("2026-10-21T00:00:00Z")), watermark: at("2026-11-20T11:49:00Z") }
}

pub(super) fn encoded(alerts: &[Value]) -> Batch {
    let raw: Vec<_> = alerts.iter().map(|alert| RawAlert(alert.to_string().into())).collect();
    Batch::decode(&raw).with_encoded()
}

fn header(console: &Harness) -> String {
    console.screen().lines().next().unwrap_or_default().to_owned()
}

fn set_filter(console: &mut Harness, filter: &str) {
    console.keys("/ Ctrl-u");
    console.type_text(filter);
    console.keys("Enter");
}

fn page_at(console: &mut Harness, total: u64, server_time: &str) {
    let server_time = Some(at(server_time));
    console.load(LoadEvent::Page { total: Some(total), partial: None, server_time });
}

/// Removes the job that opens the cache from the effects.
pub(super) fn cache_job(console: &mut Harness) -> Option<JobId> {
    let is_it = |effect: &Effect| matches!(effect, Effect::Start(_, JobKind::ReadCache));
    let at = console.effects.iter().position(is_it)?;
    match console.effects.remove(at) {
        Effect::Start(job, _) => Some(job),
        _ => None,
    }
}

pub(super) fn cache(console: &mut Harness, job: JobId, event: CacheEvent) {
    console.send(Message::Job(job, JobEvent::Cache(event)));
}

pub(super) fn opened(state: State) -> CacheEvent {
    CacheEvent::Opened { account: Some("ana@contoso.com".into()), state }
}

/// Removes what was written since the last call: the IDs of alerts, and the last coverage.
fn written(console: &mut Harness) -> (Vec<String>, Option<Coverage>) {
    let (mut ids, mut covered) = (Vec::new(), None);
    console.effects.retain(|effect| {
        let Effect::WriteCache(_, write) = effect else { return true };
        match write {
            CacheWrite::Alerts { batch, only, .. } => {
                let batch = batch.decode().unwrap();
                let all: Vec<_> = (0..batch.len() as u32).collect();
                for at in only.as_deref().unwrap_or(&all) {
                    let json = batch.json(*at as usize).unwrap();
                    ids.push(json.decode().unwrap().id.raw().to_owned());
                }
            }
            CacheWrite::Coverage { coverage, .. } => covered = Some(*coverage),
        }
        false
    });
    (ids, covered)
}

/// Opens a console with two cached alerts, all of which have been read.
fn with_cache(filter: &str, coverage: Option<Coverage>) -> Harness {
    let mut console = Harness::with(cached(filter), (120, 35));
    let job = cache_job(&mut console).unwrap();
    cache(&mut console, job, opened(state(coverage)));
    cache(&mut console, job, CacheEvent::Batch(encoded(&[alert(2), alert(1)])));
    cache(&mut console, job, CacheEvent::Done { is_whole: true });
    console
}

#[test]
fn cached_alerts_are_shown_at_once_then_only_changes_are_fetched() {
    let mut console = Harness::with(cached(RECENT), (120, 35));
    let job = cache_job(&mut console).unwrap();
    assert_eq!(console.fetches(), []);
    cache(&mut console, job, opened(state(Some(covered()))));
    cache(&mut console, job, CacheEvent::Batch(encoded(&[alert(2), alert(1)])));
    assert_eq!(console.rows(), ["a2", "a1"]);
    assert!(header(&console).contains("from cache, 10m ago"), "{}", header(&console));
    assert_eq!(console.fetches(), []);
    cache(&mut console, job, CacheEvent::Done { is_whole: true });
    // An hour before the watermark.
    let changes = scope("lastUpdateDateTime ge 2026-11-20T10:49:00Z");
    assert_eq!(console.fetches(), [changes]);
    page_at(&mut console, 1, "2026-11-20T12:00:00Z");
    assert!(header(&console).contains("from cache, 10m ago"), "{}", header(&console));
    console.load(LoadEvent::Batch(encoded(&[alert(1), alert(700)])));
    console.load(LoadEvent::Done);
    assert_eq!(console.rows(), ["a700", "a2", "a1"]);
    assert!(
        header(&console).contains("complete") && header(&console).contains("1 new"),
        "{}",
        header(&console)
    );
    // Nothing is left to load, and only what was not cached is written.
    assert_eq!(
        (console.feed().backfill.state(), console.feed().extent()),
        (BackfillState::Complete, Extent::Recent)
    );
    assert!(console.backfills.is_empty());
    let watermark = at("2026-11-20T12:00:00Z");
    let coverage = Coverage { watermark, ..covered() };
    assert_eq!(written(&mut console), (vec!["a700".into()], Some(coverage)));
}

#[test]
fn a_list_that_the_cache_does_not_cover_is_fetched_while_it_is_read() {
    for (filter, coverage) in [("severity:high", Some(covered())), (RECENT, None)] {
        let mut console = Harness::with(cached(filter), (120, 35));
        let job = cache_job(&mut console).unwrap();
        cache(&mut console, job, opened(state(coverage)));
        assert_eq!(console.fetches().len(), 1, "{filter}");
        cache(&mut console, job, CacheEvent::Batch(encoded(&[alert(2), alert(1)])));
        cache(&mut console, job, CacheEvent::Done { is_whole: true });
        assert_eq!(console.fetches(), [], "{filter}");
        assert_eq!(written(&mut console), (Vec::new(), None), "{filter}");
    }
}

#[test]
fn a_list_that_is_not_cached_marks_what_is_newer_than_the_last_visit() {
    let mut console = with_cache("", Some(Coverage { watermark: at("2026-11-20T00:05:00Z"), ..covered() }));
    let updated = json!({"lastUpdateDateTime": "2026-11-20T00:06:00Z"});
    let load = |console: &mut Harness| {
        let alerts = [alert(4), alert(5), with(alert(3), updated.clone()), alert(6), alert(7)];
        page_at(console, 5, "2026-11-20T12:00:00Z");
        console.load(LoadEvent::Batch(encoded(&alerts)));
        console.load(LoadEvent::Done);
    };
    let ids = |console: &Harness, rows: &alertdeck_store::RowSet| -> Vec<String> {
        rows.iter().map(|row| console.app.store.facts(row).id().raw().to_owned()).collect()
    };
    load(&mut console);
    assert_eq!(ids(&console, &console.app.list.new), ["a6", "a7"]);
    assert_eq!(ids(&console, &console.app.list.changed), ["a3"]);
    // Alerts that were seen stay seen.
    console.keys(", r");
    load(&mut console);
    assert!(console.app.list.new.is_empty() && console.app.list.changed.is_empty());
}

#[test]
fn without_an_earlier_run_the_first_list_marks_nothing() {
    let console = Harness::with_alerts(&[alert(1)]);
    assert!(console.app.list.new.is_empty());
}

#[test]
fn a_cache_of_everything_covers_every_list() {
    let mut console = with_cache("severity:medium", Some(Coverage { since: None, ..covered() }));
    assert_eq!(console.fetches(), [scope("lastUpdateDateTime ge 2026-11-20T10:49:00Z")]);
    page_at(&mut console, 0, "2026-11-20T12:00:00Z");
    console.load(LoadEvent::Done);
    assert_eq!((console.rows().len(), console.feed().extent()), (2, Extent::All));
    let coverage = Coverage { since: None, watermark: at("2026-11-20T12:00:00Z") };
    assert_eq!(written(&mut console), (Vec::new(), Some(coverage)));
}

#[test]
fn a_backfill_fetches_only_what_has_changed_since_the_cache() {
    let mut console = with_cache("severity:medium", Some(covered()));
    assert_eq!(console.fetches().len(), 1);
    page_at(&mut console, 1, "2026-11-20T12:00:00Z");
    console.load(LoadEvent::Batch(encoded(&[alert(2)])));
    console.load(LoadEvent::Done);
    let backfill = console.backfills.pop().unwrap();
    assert_eq!(backfill.scope, scope("lastUpdateDateTime ge 2026-11-20T10:49:00Z"));
    assert_eq!(written(&mut console), (Vec::new(), None), "not complete yet");
    console.backfills.push(backfill);
    console.backfill_event(LoadEvent::Done);
    let (alerts, coverage) = written(&mut console);
    assert_eq!(
        (alerts.len(), coverage.map(|coverage| coverage.watermark)),
        (0, Some(at("2026-11-20T12:00:00Z")))
    );
}

#[test]
fn a_damaged_cache_covers_nothing() {
    let mut console = Harness::with(cached(RECENT), (120, 35));
    let job = cache_job(&mut console).unwrap();
    cache(&mut console, job, opened(state(Some(covered()))));
    cache(&mut console, job, CacheEvent::Done { is_whole: false });
    assert!(
        matches!(console.fetches().as_slice(), [Scope::Filter(filter)] if filter.to_string().starts_with("createdDateTime"))
    );
}

#[test]
fn without_a_cache_the_list_is_fetched_and_nothing_written() {
    let mut console = Harness::with(cached(RECENT), (120, 35));
    let job = cache_job(&mut console).unwrap();
    cache(&mut console, job, CacheEvent::None);
    assert_eq!(console.fetches().len(), 1);
    console.load(LoadEvent::Batch(encoded(&[alert(1)])));
    console.load(LoadEvent::Done);
    assert_eq!(written(&mut console), (Vec::new(), None));
    // Neither does anything happen without the setting.
    assert_eq!(cache_job(&mut Harness::open(RECENT)), None);
}

#[test]
fn an_offline_service_leaves_the_cached_alerts_with_their_time() {
    let mut console = with_cache(RECENT, Some(covered()));
    let failure = Failure { kind: FailureKind::Offline, line: "no route".into() };
    console.load(LoadEvent::Failed(failure));
    assert_eq!(console.rows(), ["a2", "a1"]);
    assert!(header(&console).contains("offline as of 11:50Z"), "{}", header(&console));
    console.fetches();
    // The retry also fetches changes only.
    console.advance(Duration::from_secs(20));
    assert_eq!(console.fetches(), [scope("lastUpdateDateTime ge 2026-11-20T10:49:00Z")]);
}

#[test]
fn changed_alerts_of_a_batch_are_written_and_unchanged_ones_not() {
    let mut console = with_cache(RECENT, Some(covered()));
    let changed = with(alert(1), json!({"lastUpdateDateTime": "2026-11-20T11:59:00Z", "status": "resolved"}));
    console.load(LoadEvent::Batch(encoded(&[alert(2), changed])));
    assert_eq!(written(&mut console).0, ["a1"]);
}

#[test]
fn a_filter_that_is_typed_meanwhile_waits_too() {
    let mut console = Harness::with(cached(RECENT), (120, 35));
    let job = cache_job(&mut console).unwrap();
    cache(&mut console, job, opened(state(Some(covered()))));
    set_filter(&mut console, "created>=2026-11-19");
    assert_eq!(console.fetches(), []);
    set_filter(&mut console, "severity:high");
    assert_eq!(console.fetches(), [scope("severity eq 'high'")]);
    cache(&mut console, job, CacheEvent::Done { is_whole: true });
    assert_eq!(console.fetches(), []);
}

#[test]
fn signing_out_ends_writing_for_this_run() {
    let mut console = with_cache(RECENT, Some(covered()));
    console.feed_event(FeedEvent::SignedOut);
    console.feed_event(FeedEvent::SignedIn(Identity {
        account: Some("ana@contoso.com".into()),
        ..Identity::default()
    }));
    assert_eq!(cache_job(&mut console), None);
    assert!(matches!(console.feed().list.phase(), Phase::Loading));
    page_at(&mut console, 1, "2026-11-20T12:00:00Z");
    console.load(LoadEvent::Batch(encoded(&[alert(9)])));
    console.load(LoadEvent::Done);
    assert_eq!(written(&mut console), (Vec::new(), None));
}

#[test]
fn another_account_gets_its_own_cache_and_none_of_the_alerts() {
    let mut console = with_cache(RECENT, Some(covered()));
    console.fetches();
    console.identity(Identity { account: Some("bo@contoso.com".into()), ..Identity::default() });
    assert!(console.rows().is_empty());
    let job = cache_job(&mut console).unwrap();
    assert_eq!(console.fetches(), []);
    cache(&mut console, job, opened(State::default()));
    assert_eq!(console.fetches().len(), 1);
    console.load(LoadEvent::Batch(encoded(&[alert(5)])));
    assert_eq!(written(&mut console).0, ["a5"]);
}

#[test]
fn a_first_sign_in_opens_the_cache_and_what_arrives_before_is_written() {
    let mut console = Harness::with(cached(RECENT), (120, 35));
    let job = cache_job(&mut console).unwrap();
    cache(&mut console, job, CacheEvent::None);
    console.feed_event(FeedEvent::SignInNeeded { why: "no stored sign-in".into() });
    console.feed_event(FeedEvent::SignedIn(Identity {
        account: Some("ana@contoso.com".into()),
        ..Identity::default()
    }));
    let job = cache_job(&mut console).unwrap();
    console.load(LoadEvent::Batch(encoded(&[alert(5)])));
    assert_eq!(written(&mut console).0, [] as [&str; 0]);
    cache(&mut console, job, opened(State::default()));
    assert_eq!(written(&mut console).0, ["a5"]);
}
