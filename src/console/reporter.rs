//! Reports the progress of a fetch to the state: pages, batches that are decoded outside the event
//! loop, waits, and the outcome.

use std::{
    convert::Infallible,
    future::{pending, ready},
    pin::pin,
    sync::Arc,
};

use futures_util::{FutureExt as _, StreamExt as _, future::Either, stream};
use tokio::{
    sync::{
        mpsc::{self, Sender},
        oneshot,
    },
    task::spawn_blocking,
};

use super::{saved::SavedAlerts, sign_in::identity};
use crate::{
    app::{Bookmark, Failure, FailureKind, FeedEvent, JobEvent, JobId, LoadEvent, Message},
    files::workers,
};
use alertdeck_graph as graph;
use alertdeck_graph::auth::Tokens;
use alertdeck_model::{AlertId, RawAlert, SafeText};
use alertdeck_store::Batch;

/// The number of alerts per batch. The loop handles a batch in about a millisecond.
pub(super) const BATCH: usize = 128;

/// Reports one fetch to the state. Its methods return `None` if the receiver is gone.
pub(super) struct FetchReporter {
    pub(super) job: JobId,
    pub(super) messages: Sender<Message>,
    /// The token source, if tokens do not come from a session.
    pub(super) tokens: Option<Tokens>,
    /// Whether the alerts are cached.
    pub(super) caches: bool,
}

impl FetchReporter {
    async fn report(&self, event: LoadEvent) -> Option<()> {
        self.messages.send(Message::Job(self.job, JobEvent::Fetch(event))).await.ok()
    }

    /// Reports the identity of a token that the service has accepted, if the token can be decoded.
    async fn report_identity(&self) -> Option<()> {
        if let Some(tokens) = &self.tokens
            && let Some(claims) = tokens.claims().await
        {
            let event = FeedEvent::Identity(identity(claims));
            self.messages.send(Message::Feed(self.job.feed, event)).await.ok()?;
        }
        Some(())
    }

    /// Reports saved alerts.
    pub(super) async fn report_saved(&self, alerts: &SavedAlerts) -> Option<()> {
        self.report(LoadEvent::Page { total: None, partial: None, server_time: None }).await?;
        let mut parts = pin!(alerts.read());
        while let Some((batches, progress)) = parts.next().await {
            for batch in batches {
                self.report(LoadEvent::Batch(batch)).await?;
            }
            self.report(LoadEvent::FilesRead(progress)).await?;
        }
        if let Some(unread) = alerts.summary() {
            let partial = Some(SafeText::new(&unread));
            self.report(LoadEvent::Page { total: None, partial, server_time: None }).await?;
        }
        self.report(LoadEvent::Done).await
    }

    /// Reports a list with one alert or none.
    async fn report_alert(&self, alert: Option<RawAlert>) -> Option<()> {
        let total = Some(u64::from(alert.is_some()));
        self.report(LoadEvent::Page { total, partial: None, server_time: None }).await?;
        if let Some(alert) = alert {
            self.report(LoadEvent::Batch(decode(&[alert], self.caches))).await?;
        }
        self.report(LoadEvent::Done).await
    }

    /// Fetches one alert. If it does not exist, reports an empty list rather than a failure.
    pub(super) async fn look_up(&self, client: &graph::Client, id: &AlertId) -> Option<()> {
        let (sender, mut happened) = mpsc::unbounded_channel();
        let mut report = move |event| {
            // The receiver outlives the request, so sending cannot fail.
            let _ = sender.send(event);
        };
        let mut request = pin!(client.get(id, &mut report));
        let found = loop {
            tokio::select! {
                biased;
                Some(event) = happened.recv() => self.report(LoadEvent::Client(event)).await?,
                found = &mut request => break found,
            }
        };
        match found {
            Ok(raw) => self.report_alert(Some(raw)).await,
            Err(error) if error.kind == graph::Kind::NotFound => self.report_alert(None).await,
            Err(error) => {
                let failure = Failure { kind: kind(error.kind), line: error.to_string() };
                self.report(LoadEvent::Failed(failure)).await
            }
        }
    }

    /// Reports the events from a load. Once stopped, the load ends after reporting what it has
    /// received so far.
    pub(super) async fn follow(
        &self,
        load: graph::Load,
        stopped: Option<oneshot::Receiver<Infallible>>,
    ) -> Option<()> {
        let source = Source { load, stopped, is_stopping: false, has_ended: false };
        let items = stream::unfold(source, async |mut source| Some((source.next().await?, source)));
        // Decode consecutive pages concurrently, so that no core is idle while the last alerts of a
        // page are decoded.
        let caches = self.caches;
        let items = items.flat_map(stream::iter).map(|item| item.decode(caches));
        let mut events = pin!(items.buffered(2 * workers()));
        let mut is_identified = false;
        while let Some(event) = events.next().await {
            let event = event?;
            if matches!(event, LoadEvent::Page { .. }) && !std::mem::replace(&mut is_identified, true) {
                self.report_identity().await?;
            }
            self.report(event).await?;
        }
        Some(())
    }
}

/// Decodes alerts, and serialises them if they are cached.
fn decode(alerts: &[RawAlert], caches: bool) -> Batch {
    let batch = Batch::decode(alerts);
    if caches { batch.with_encoded() } else { batch }
}

/// A load that is being followed.
struct Source {
    load: graph::Load,
    stopped: Option<oneshot::Receiver<Infallible>>,
    is_stopping: bool,
    has_ended: bool,
}

/// An item to report. Items are reported in the order in which the load produces them.
enum Item {
    Event(LoadEvent),
    /// Alerts from the preceding page, which must be decoded before they are reported. The room is
    /// the memory reserved for the page.
    Alerts(Vec<RawAlert>, Arc<graph::Room>),
}

impl Item {
    /// Starts decoding alerts on another thread.
    fn decode(self, caches: bool) -> impl Future<Output = Option<LoadEvent>> {
        match self {
            Self::Event(event) => Either::Left(ready(Some(event))),
            Self::Alerts(alerts, room) => {
                let decode = move || {
                    let batch = decode(&alerts, caches);
                    drop((alerts, room));
                    LoadEvent::Batch(batch)
                };
                Either::Right(spawn_blocking(decode).map(Result::ok))
            }
        }
    }
}

impl Source {
    /// Waits for the next event and returns what to report about it; `None` at the end.
    async fn next(&mut self) -> Option<Vec<Item>> {
        if self.has_ended {
            return None;
        }
        let event = loop {
            let stopped = async {
                match &mut self.stopped {
                    Some(stopped) => drop(stopped.await),
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stopped => {
                    self.stopped = None;
                    self.is_stopping = true;
                    self.load.stop();
                }
                event = self.load.next() => break event,
            }
        };
        let Some(event) = event else {
            self.has_ended = true;
            // Only a stopped load ends without a final event.
            return self.is_stopping.then(|| vec![Item::Event(LoadEvent::Stopped)]);
        };
        Some(match event {
            graph::LoadEvent::Page(page, room) => items_of(page, room),
            graph::LoadEvent::Client(event) => vec![Item::Event(LoadEvent::Client(event))],
            graph::LoadEvent::Done(coverage) => vec![Item::Event(match coverage.incomplete {
                None => LoadEvent::Done,
                Some(line) => LoadEvent::Failed(Failure { kind: FailureKind::Other, line }),
            })],
            graph::LoadEvent::Failed(error, coverage) => {
                let line = match coverage.incomplete {
                    Some(line) if coverage.pages > 0 => line,
                    _ => error.to_string(),
                };
                vec![Item::Event(LoadEvent::Failed(Failure { kind: kind(error.kind), line }))]
            }
        })
    }
}

/// Returns the items to report for a page.
fn items_of(page: graph::Page, room: graph::Room) -> Vec<Item> {
    let room = Arc::new(room);
    let (total, partial, server_time) = (page.raw.count, page.partial, page.date);
    let mut items = vec![Item::Event(LoadEvent::Page { total, partial, server_time })];
    let chunks = page.raw.alerts.chunks(BATCH);
    items.extend(chunks.map(|chunk| Item::Alerts(chunk.to_vec(), Arc::clone(&room))));
    let reached = page.bookmark.map(|at| Item::Event(LoadEvent::Reached(Bookmark(at))));
    items.extend(reached);
    items
}

fn kind(kind: graph::Kind) -> FailureKind {
    match kind {
        graph::Kind::Filter => FailureKind::Filter,
        graph::Kind::SignIn => FailureKind::SignIn,
        graph::Kind::Permission => FailureKind::Permission,
        graph::Kind::Throttled | graph::Kind::Unavailable => FailureKind::Busy,
        graph::Kind::Offline => FailureKind::Offline,
        graph::Kind::NotFound
        | graph::Kind::Protocol
        | graph::Kind::ForeignLink
        | graph::Kind::Loop
        | graph::Kind::TooLarge => FailureKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_store::FeedId;

    /// Reads a folder with these files, or the file itself if there is only one. Returns the
    /// reasons reported for partial results, and the last event.
    async fn partial_of(files: &[(&str, &str)]) -> (Vec<String>, LoadEvent) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let path = match files {
            [(only, _)] => folder.path().join(only),
            _ => folder.path().to_owned(),
        };
        let (messages, mut received) = mpsc::channel(100);
        let job = JobId { feed: FeedId::default(), number: 1 };
        let reporter = FetchReporter { job, messages, tokens: None, caches: false };
        reporter.report_saved(&SavedAlerts::new(&[path])).await.unwrap();
        drop(reporter);
        let (mut partial, mut last) = (Vec::new(), None);
        while let Some(Message::Job(_, JobEvent::Fetch(event))) = received.recv().await {
            if let LoadEvent::Page { partial: Some(why), .. } = &event {
                partial.push(why.line());
            }
            last = Some(event);
        }
        (partial, last.unwrap())
    }

    #[tokio::test]
    async fn files_with_unreadable_parts_are_reported_as_partial() {
        let good = ("a.json", r#"[{"id":"a","title":"a"}]"#);
        let (partial, last) = partial_of(&[good]).await;
        assert!(partial.is_empty() && matches!(last, LoadEvent::Done));
        let (partial, last) = partial_of(&[good, ("b.json", "<html>"), ("c.json", "<html>")]).await;
        assert!(partial.len() == 1 && partial[0].contains("b.json"), "{partial:?}");
        assert!(partial[0].ends_with("(and 1 more)"), "{partial:?}");
        assert!(matches!(last, LoadEvent::Done));
    }

    #[tokio::test]
    async fn a_file_whose_list_continues_is_partial_and_not_named_again() {
        let page = r#"{"@odata.count":70,"@odata.nextLink":"https://x.example/2","value":[{"id":"a"}]}"#;
        let (partial, last) = partial_of(&[("1.json", page)]).await;
        assert_eq!(partial, ["the list of 70 alerts continues; save the pages of its @odata.nextLink too"]);
        assert!(matches!(last, LoadEvent::Done));
    }
}
