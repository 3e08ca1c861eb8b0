//! A journal of recent requests. It contains what Microsoft Support asks for, and no secrets.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use reqwest::{
    Url,
    header::{self, HeaderMap},
};
use tokio::time::Instant;

use super::{TransportRequest, scope};
use alertdeck_model::{RawText, SafeText};

/// The maximum number of requests in the journal.
pub const JOURNAL_LENGTH: usize = 200;

/// One attempt to send a request. `Display` writes it on one line that is safe to show.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When sending started, according to the local clock.
    pub started: SystemTime,
    /// The delay before sending.
    pub waited: Duration,
    /// The time from sending until the last byte arrived or the attempt failed.
    pub took: Duration,
    /// The HTTP method.
    pub method: String,
    /// The requested address.
    pub target: Target,
    /// The outcome; `None` while there is no response yet.
    pub outcome: Option<AttemptOutcome>,
    /// The size of the response's body after decompression, in bytes.
    pub bytes: usize,
    /// The GUID that was sent as `client-request-id`.
    pub client_request_id: String,
    /// The service's own id for the request.
    pub request_id: Option<SafeText>,
}

/// The outcome of an attempt to send a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The service answered with this status.
    Answered(u16),
    /// There was no response. The payload is the reason, in one line that is safe to show.
    Failed(String),
    /// The request was cancelled before it was answered, because its answer was no longer needed.
    Cancelled,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{} ", self.method, self.target.host, self.target.path.line())?;
        match &self.outcome {
            Some(AttemptOutcome::Answered(status)) => write!(f, "HTTP {status}")?,
            Some(AttemptOutcome::Failed(line)) => write!(f, "failed: {line};")?,
            Some(AttemptOutcome::Cancelled) => f.write_str("cancelled,")?,
            None => f.write_str("not answered yet,")?,
        }
        let (took, waited) = (self.took.as_millis(), self.waited.as_millis());
        write!(f, " in {took} ms after {waited} ms, {} bytes", self.bytes)?;
        write!(f, ", client-request-id {}", self.client_request_id)?;
        match &self.request_id {
            Some(id) => write!(f, ", request-id {}", id.line()),
            None => Ok(()),
        }
    }
}

/// A request's address. `Debug` omits the query, which may contain tokens and names.
#[derive(Clone)]
pub struct Target {
    /// The host, with the port unless it is the default.
    pub host: String,
    /// The path.
    pub path: SafeText,
    url: Url,
    /// Headers needed to repeat the request; none of them is secret.
    headers: Vec<(&'static str, String)>,
    has_body: bool,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}{})", self.host, self.path.line())
    }
}

impl Target {
    /// Returns the path and query, decoded and without paging tokens, for the user's own screen.
    /// The log contains no queries at all.
    pub fn decoded(&self) -> SafeText {
        let options = self.url.query_pairs().map(|(name, value)| {
            let value = if name.to_ascii_lowercase().ends_with("token") { "…".into() } else { value };
            format!("{name}={value}")
        });
        let options: Vec<_> = options.collect();
        let mark = if options.is_empty() { "" } else { "?" };
        SafeText::new(&format!("{}{mark}{}", self.url.path(), options.join("&")))
    }

    pub(super) fn new(url: &Url, headers: &HeaderMap, has_body: bool) -> Self {
        let shown = [header::CONTENT_TYPE.as_str(), "prefer"];
        let header = |name: &'static str| Some((name, headers.get(name)?.to_str().ok()?.to_owned()));
        Self {
            host: scope::host(url),
            path: SafeText::new(url.path()),
            url: url.clone(),
            headers: shown.into_iter().filter_map(header).collect(),
            has_body,
        }
    }
}

impl Entry {
    /// Formats the request as a curl command, as [`TransportRequest::curl`] does.
    pub fn curl(&self) -> RawText {
        self.target.curl(&self.method)
    }
}

impl TransportRequest {
    /// Formats the request as a curl command for a POSIX shell.
    ///
    /// The command takes the token from the variable `TOKEN` and any body from standard input,
    /// since both may be secret.
    pub fn curl(&self) -> RawText {
        Target::new(&self.url, &self.headers, self.body.is_some()).curl(self.method.as_str())
    }
}

impl Target {
    /// Returns whether the body is a form. Forms go to the sign-in service and carry no token.
    fn is_form(&self) -> bool {
        let form = "application/x-www-form-urlencoded";
        self.headers.iter().any(|(name, value)| *name == header::CONTENT_TYPE.as_str() && value == form)
    }

    fn curl(&self, method: &str) -> RawText {
        let mut line = format!("curl --request {method}");
        let mut add = |option: &str, value: &str| {
            // A quote is written as a closing quote, an escaped quote and an opening quote.
            // Writing to a string cannot fail.
            let _ = write!(line, " --{option} '{}'", value.replace('\'', r"'\''"));
        };
        add("url", self.url.as_str());
        add("header", "Accept: application/json");
        for (name, value) in &self.headers {
            add("header", &format!("{name}: {value}"));
        }
        if self.has_body {
            add("data-binary", "@-");
        }
        if !self.is_form() {
            line += " --header \"Authorization: Bearer $TOKEN\"";
        }
        RawText(line)
    }
}

/// The most recent requests, at most [`JOURNAL_LENGTH`]. Cheap to clone; clones share the entries.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    /// The number of the oldest entry.
    first: usize,
}

impl Journal {
    /// Records a request that is about to be sent.
    pub(super) fn begin(&self, entry: Entry) -> Pending {
        let mut ring = self.ring();
        if ring.entries.len() == JOURNAL_LENGTH {
            ring.entries.pop_front();
            ring.first += 1;
        }
        ring.entries.push_back(entry);
        let number = ring.first + ring.entries.len() - 1;
        Pending { journal: self.clone(), number, began: Instant::now() }
    }

    /// Returns the recent requests, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.ring().entries.iter().cloned().collect()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that has no response yet. Dropping it records that the request was cancelled.
pub(super) struct Pending {
    journal: Journal,
    number: usize,
    began: Instant,
}

impl Pending {
    /// Records how the request ended and returns its entry.
    pub(super) fn end(self, end: impl FnOnce(&mut Entry)) -> Option<Entry> {
        self.change(end)
    }

    /// Changes the entry if it is still in the ring and has no outcome yet.
    fn change(&self, change: impl FnOnce(&mut Entry)) -> Option<Entry> {
        let mut ring = self.journal.ring();
        let at = self.number.checked_sub(ring.first)?;
        let entry = ring.entries.get_mut(at).filter(|entry| entry.outcome.is_none())?;
        entry.took = self.began.elapsed();
        change(entry);
        Some(entry.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let left = self.change(|entry| entry.outcome = Some(AttemptOutcome::Cancelled));
        if let Some(entry) = left {
            tracing::info!("{entry}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(url: &str, has_body: bool) -> Entry {
        let headers = HeaderMap::from_iter([
            (header::AUTHORIZATION, "Bearer canary".parse().unwrap()),
            (header::HeaderName::from_static("prefer"), "include-unknown-enum-members".parse().unwrap()),
        ]);
        Entry {
            started: SystemTime::UNIX_EPOCH,
            waited: Duration::from_secs(7),
            took: Duration::from_millis(12),
            method: "GET".into(),
            target: Target::new(&Url::parse(url).unwrap(), &headers, has_body),
            outcome: Some(AttemptOutcome::Answered(200)),
            bytes: 5,
            client_request_id: "ours".into(),
            request_id: Some("theirs\n\u{1b}[2J".into()),
        }
    }

    #[test]
    fn a_line_holds_ids_and_times_but_no_query() {
        let line = entry("https://graph.example/v1.0/a%0Ab?$filter=canary", false).to_string();
        assert_eq!(
            line,
            "GET graph.example/v1.0/a%0Ab HTTP 200 in 12 ms after 7000 ms, 5 bytes, \
             client-request-id ours, request-id theirs⏎␛[2J"
        );
        let debug = format!("{:?}", entry("https://graph.example/?canary", false));
        assert!(!debug.contains("canary"), "{debug}");
    }

    #[test]
    fn a_curl_command_holds_no_token() {
        let curl = entry("https://graph.example/v1.0/o'b?$top=2&$filter=a%20eq%20%27b%27", false).curl();
        assert_eq!(
            curl.0,
            r#"curl --request GET --url 'https://graph.example/v1.0/o'\''b?$top=2&$filter=a%20eq%20%27b%27' --header 'Accept: application/json' --header 'prefer: include-unknown-enum-members' --header "Authorization: Bearer $TOKEN""#
        );
        let change = entry("https://graph.example/v1.0/a", true).curl();
        assert!(
            change.0.ends_with(r#"--data-binary '@-' --header "Authorization: Bearer $TOKEN""#),
            "{}",
            change.0
        );
        let url = Url::parse("https://login.example/token").unwrap();
        let form = TransportRequest::post_form(url, "canary".into(), super::super::Repeat::Freely).curl();
        assert!(form.0.ends_with("--data-binary '@-'"), "{}", form.0);
    }

    #[test]
    fn a_shown_query_is_decoded_and_has_no_tokens() {
        let url = "https://graph.example/v1.0/a?$filter=status%20eq%20%27new%27&$skiptoken=canary&$top=50%1B";
        let shown = entry(url, false).target.decoded();
        assert_eq!(shown.line(), "/v1.0/a?$filter=status eq 'new'&$skiptoken=…&$top=50␛");
        assert_eq!(entry("https://graph.example/v1.0/a", false).target.decoded().line(), "/v1.0/a");
    }

    #[test]
    fn an_entry_exists_from_the_start_and_records_the_outcome() {
        let journal = Journal::default();
        let sent = || Entry { outcome: None, ..entry("https://graph.example/", false) };
        let outcomes =
            |journal: &Journal| journal.entries().into_iter().map(|entry| entry.outcome).collect::<Vec<_>>();
        let first = journal.begin(sent());
        let second = journal.begin(sent());
        assert_eq!(outcomes(&journal), [None, None]);
        assert!(second.end(|entry| entry.outcome = Some(AttemptOutcome::Answered(200))).is_some());
        drop(first);
        let cancelled = Some(AttemptOutcome::Cancelled);
        assert_eq!(outcomes(&journal), [cancelled, Some(AttemptOutcome::Answered(200))]);
        assert!(journal.entries()[0].to_string().contains(" cancelled, in "), "{}", journal.entries()[0]);
        let slow = journal.begin(sent());
        for _ in 0..JOURNAL_LENGTH {
            drop(journal.begin(sent()));
        }
        let answered = Some(AttemptOutcome::Answered(204));
        assert!(
            slow.end(|entry| entry.outcome.clone_from(&answered)).is_none(),
            "the entry has left the ring"
        );
        assert!(outcomes(&journal).iter().all(|outcome| *outcome != answered));
    }

    #[test]
    fn the_oldest_entries_are_dropped() {
        let journal = Journal::default();
        for bytes in 0..JOURNAL_LENGTH + 3 {
            drop(journal.begin(Entry { bytes, ..entry("https://graph.example/", false) }));
        }
        let entries = journal.entries();
        assert_eq!((entries.len(), entries[0].bytes), (JOURNAL_LENGTH, 3));
    }
}
