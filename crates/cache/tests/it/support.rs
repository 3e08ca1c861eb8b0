//! A cache in a temporary folder, and alerts to put into it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use alertdeck_cache::{Account, CacheError, Coverage, Folder, Opened, Reader, Retention};
use alertdeck_model::{RawAlert, Timestamp};
use alertdeck_store::{Batch, EncodedBatch, FeedId, Store};

/// The time limit for each wait.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The reason of the failure that a cache reported.
pub(crate) type Failure = Arc<Mutex<Option<CacheError>>>;

pub(crate) fn account(user: &str) -> Account {
    Account {
        service: "https://graph.example/v1.0/".into(),
        tenant: "11111111-2222-3333-4444-555555555555".into(),
        user: user.into(),
        name: format!("{user}@contoso.example"),
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The time of the tests.
pub(crate) fn now() -> Timestamp {
    at("2026-11-20T12:00:00Z")
}

pub(crate) fn covered() -> Coverage {
    Coverage { since: Some(at("2026-10-21T00:00:00Z")), watermark: at("2026-11-20T11:59:00Z") }
}

pub(crate) fn open_with(
    folder: &Path,
    user: &str,
    retention: Retention,
) -> Result<(Opened, Failure), CacheError> {
    let failure = Failure::default();
    let reported = failure.clone();
    let on_failure = Box::new(move |error| *reported.lock().unwrap() = Some(error));
    Folder::new(folder.join("cache"))
        .open(&account(user), retention, on_failure)
        .map(|opened| (opened, failure))
}

pub(crate) fn open(folder: &Path) -> Opened {
    open_with(folder, "ana", Retention::default()).unwrap().0
}

/// Returns the JSON of an alert. The number is part of its ID and its time of creation, in minutes after
/// the start of November.
pub(crate) fn alert(number: usize, title: &str) -> String {
    let (day, hour, minute) = (number / 1_440 % 28 + 1, number / 60 % 24, number % 60);
    let time = format!("2026-11-{day:02}T{hour:02}:{minute:02}:00Z");
    serde_json::json!({
        "id": format!("alert-{number}"),
        "title": title,
        "createdDateTime": time,
        "lastUpdateDateTime": time,
        "evidence": [{
            "@odata.type": "#microsoft.graph.security.deviceEvidence",
            "deviceDnsName": format!("srv-{number}.contoso.example"),
        }],
    })
    .to_string()
}

/// Returns the alert in a state that was updated this many seconds later.
pub(crate) fn updated(number: usize, title: &str, later: u32) -> String {
    let alert = alert(number, title);
    let from = alert.find("lastUpdateDateTime").unwrap();
    let (start, end) = alert.split_at(from);
    start.to_owned() + &end.replacen(":00Z", &format!(":{later:02}Z"), 1)
}

pub(crate) fn batch(alerts: &[String]) -> Batch {
    let raw: Vec<_> = alerts.iter().map(|alert| RawAlert(alert.clone().into())).collect();
    Batch::decode(&raw)
}

pub(crate) fn encoded(alerts: &[String]) -> Arc<EncodedBatch> {
    Arc::new(batch(alerts).encode().unwrap())
}

/// Returns a batch of new alerts with these numbers.
pub(crate) fn numbered(numbers: std::ops::Range<usize>) -> Arc<EncodedBatch> {
    encoded(&numbers.map(|number| alert(number, "first")).collect::<Vec<_>>())
}

/// Reads everything: the JSON of each alert by ID.
pub(crate) fn read(mut reader: Reader) -> BTreeMap<String, String> {
    let mut store = Store::default();
    while let Some(batch) = reader.next_batch().unwrap() {
        store.absorb(FeedId::default(), batch);
    }
    assert!(reader.damaged().is_empty(), "{:?}", reader.damaged());
    contents(&store)
}

pub(crate) fn contents(store: &Store) -> BTreeMap<String, String> {
    let text = |row| String::from_utf8(store.stored(row).read().0.to_vec()).unwrap();
    store.rows().iter().map(|row| (store.facts(row).id().raw().to_owned(), text(row))).collect()
}

pub(crate) fn expected(alerts: impl IntoIterator<Item = String>) -> BTreeMap<String, String> {
    let id = |alert: &str| alert.split('"').nth(3).unwrap().to_owned();
    alerts.into_iter().map(|alert| (id(&alert), alert)).collect()
}

/// Returns the only file of the cache with this extension.
pub(crate) fn file(folder: &Path, extension: &str) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder.join("cache")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    assert!(found.len() < 2, "{found:?}");
    found.pop()
}

/// Makes sure that everything is in the database file and not in its log.
pub(crate) fn checkpoint(folder: &Path) {
    let database = rusqlite::Connection::open(file(folder, "db").unwrap()).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).unwrap();
}
