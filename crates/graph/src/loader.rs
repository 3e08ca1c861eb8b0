//! Loads an entire list: first the newest alerts, then all of them.
//!
//! The first request is usually small, so that rows appear early. A long list is then read in
//! several windows at once. A shorter list is read again from its start, in pages of the largest
//! size that the service honours, because the page size of a list cannot change midway. The first
//! alerts therefore arrive twice; the receiver merges alerts by ID anyway.
//!
//! [`plan`] decides what to request; this module sends the requests and reports what arrives.

mod memory;
mod plan;
mod waits;
mod windows;

use std::{
    collections::{HashMap, HashSet},
    hash::RandomState,
};

use alertdeck_odata::Expr;
use tokio::{
    sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender},
    task::{JoinError, JoinHandle, JoinSet},
    time::Instant,
};

use crate::{
    answer::Page,
    client::Client,
    error::{Error, Kind},
    event::{ClientEvent, WaitCause},
    http::Priority,
    pages::{Pages, short_of_count, too_large},
    request::ListQuery,
};
use memory::Memory;
use plan::{Effect, End, Event, FIRST, LARGEST, Plan, Stream};
use waits::Waits;
use windows::{Bounds, PageFacts, Times};

pub use memory::Room;

/// The capacity of the channel, in events. The memory used by pages is limited separately.
const CHANNEL: usize = 16;

/// An event from a load. The last one is [`Done`](Self::Done) or [`Failed`](Self::Failed).
#[derive(Debug)]
pub enum LoadEvent {
    /// A page arrived. It counts towards the load's memory limit until the [`Room`] is dropped, so
    /// the [`Room`] should be kept as long as the page's alerts.
    Page(Page, Room),
    /// An event from the requests in progress. A wait is reported only when the entire load is
    /// waiting.
    Client(ClientEvent),
    /// The list was read to its end.
    Done(Coverage),
    /// The list was not read to its end. The pages that arrived remain valid.
    Failed(Error, Coverage),
}

/// The result of reading a list: how much arrived, and whether the list is complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The number of pages that arrived.
    pub pages: u32,
    /// The number of distinct alerts that arrived.
    pub alerts: u64,
    /// The number of matches, as counted by the service.
    pub total: Option<u64>,
    /// The reason the list is incomplete, in one line; `None` if it is complete.
    pub incomplete: Option<String>,
}

impl Coverage {
    /// Returns whether every alert in the list arrived.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_none()
    }
}

/// A list that is being loaded. Dropping it cancels all its requests immediately.
#[derive(Debug)]
pub struct Load {
    events: Receiver<LoadEvent>,
    task: JoinHandle<()>,
}

impl Load {
    /// Starts loading the alerts selected by `filter`, or all alerts.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(client: Client, filter: Option<Expr>) -> Self {
        Self::spawn(client, filter, None, FIRST, Plan::new(FIRST))
    }

    /// Starts loading the alerts selected by `filter`, or all alerts, for a receiver that uses them
    /// only when the list is complete. The small first request, which only makes rows appear early,
    /// is omitted.
    ///
    /// Must be called within a tokio runtime.
    pub fn start_whole(client: Client, filter: Option<Expr>) -> Self {
        Self::spawn(client, filter, None, LARGEST, Plan::new(LARGEST))
    }

    /// Starts a backfill of the alerts selected by `filter`, or of all alerts, either from the
    /// start of the list or from the [`Page::bookmark`] that an earlier load reached. A backfill
    /// reads a single chain of pages and fetches no page twice. It can therefore be continued
    /// later, and it leaves more of the request budget to other tasks.
    ///
    /// Must be called within a tokio runtime.
    pub fn start_backfill(client: Client, filter: Option<Expr>, from: Option<String>) -> Self {
        Self::spawn(client, filter, from, LARGEST, Plan::steady())
    }

    fn spawn(
        client: Client,
        filter: Option<Expr>,
        from: Option<String>,
        first_page: u32,
        (plan, first): (Plan, Effect),
    ) -> Self {
        let (sender, events) = mpsc::channel(CHANNEL);
        let (reports, happened) = mpsc::unbounded_channel();
        let loader = Loader {
            client,
            filter,
            from,
            first_page,
            plan,
            chains: HashMap::new(),
            running: JoinSet::new(),
            requested: HashSet::new(),
            top: Some(LARGEST),
            memory: Memory::new(),
            waits: Waits::default(),
            reports,
            happened,
            received: Received::default(),
            events: sender,
        };
        Self { events, task: tokio::spawn(loader.run(first)) }
    }

    /// Stops the load. Events that have already arrived can still be received; then [`Load::next`]
    /// returns `None`, without [`LoadEvent::Done`] or [`LoadEvent::Failed`].
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Waits for the next event; `None` after the last one.
    pub async fn next(&mut self) -> Option<LoadEvent> {
        self.events.recv().await
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The error for a load whose receiver has been dropped.
struct Gone;

/// The outcome of a page request. `page` is `None` if the list had already ended.
struct Fetched {
    stream: Stream,
    pages: Pages,
    page: Option<Result<Page, Error>>,
    room: Room,
}

struct Loader {
    client: Client,
    filter: Option<Expr>,
    /// The bookmark to start from; `None` to start at the first page.
    from: Option<String>,
    /// The size of the first page.
    first_page: u32,
    plan: Plan,
    /// The chains without a page request in progress.
    chains: HashMap<Stream, Pages>,
    /// The page requests in progress. They run on all threads, since decompressing pages takes
    /// time.
    running: JoinSet<Fetched>,
    requested: HashSet<Stream>,
    /// The size of large pages; `None` if the service chooses.
    top: Option<u32>,
    memory: Memory,
    waits: Waits,
    reports: UnboundedSender<(Stream, ClientEvent)>,
    happened: UnboundedReceiver<(Stream, ClientEvent)>,
    received: Received,
    events: Sender<LoadEvent>,
}

/// Everything that has arrived so far, across all chains.
#[derive(Default)]
struct Received {
    /// The most recent error from a chain.
    failure: Option<Error>,
    fingerprint: RandomState,
    /// Fingerprints of the alert IDs.
    known: HashSet<u64>,
    /// The total size of the alerts, in bytes.
    bytes: u64,
    coverage: Coverage,
}

impl Received {
    /// Adds a page.
    fn add(&mut self, page: &Page, pages: &Pages) {
        self.known.extend(pages.heads().iter().map(|head| head.id));
        self.bytes += page.raw.alerts.iter().map(|alert| alert.0.len() as u64).sum::<u64>();
        self.coverage.pages += 1;
        self.coverage.alerts = self.known.len() as u64;
        self.coverage.total = self.coverage.total.or(page.raw.count);
        if let Some(warning) = &page.partial {
            self.coverage.incomplete = Some(format!("the service sent partial results: {}", warning.line()));
        }
    }
}

impl Loader {
    async fn run(mut self, first: Effect) {
        let Ok(end) = self.follow(first).await else { return };
        let failure = self.received.failure.take();
        let mut coverage = self.received.coverage;
        let Coverage { pages, alerts, total, .. } = coverage;
        let (incomplete, error) = match (end, failure) {
            (End::Failed, Some(error)) => (Some(format!("stopped after page {pages}: {error}")), Some(error)),
            (End::WithoutUndated, Some(error)) => {
                let what = "alerts without a creation time could not be listed";
                (Some(format!("{what}: {error}")), None)
            }
            _ => {
                let short = || total.and_then(|total| short_of_count(total, alerts));
                (coverage.incomplete.take().or_else(short), None)
            }
        };
        let coverage = Coverage { incomplete, ..coverage };
        let last = match error {
            Some(error) => {
                tracing::warn!("list incomplete: {error}");
                LoadEvent::Failed(error, coverage)
            }
            None => {
                tracing::info!("list read: {alerts} alerts in {pages} pages");
                LoadEvent::Done(coverage)
            }
        };
        // The receiver may have been dropped by now.
        let _ = self.events.send(last).await;
    }

    /// Follows the plan until it ends.
    async fn follow(&mut self, first: Effect) -> Result<End, Gone> {
        let mut end = self.carry_out(vec![first]).await?;
        loop {
            if let Some(end) = end {
                return Ok(end);
            }
            end = tokio::select! {
                biased;
                // A request's events come before its page.
                Some((stream, event)) = self.happened.recv() => self.heard(stream, event).await?,
                Some(fetched) = self.running.join_next() => self.arrived(fetched).await?,
            };
        }
    }

    /// Carries out the effects and returns the payload of [`Effect::End`], if present.
    async fn carry_out(&mut self, effects: Vec<Effect>) -> Result<Option<End>, Gone> {
        for effect in effects {
            match effect {
                Effect::Open(stream, bounds) => {
                    let pages = self.open(stream, bounds);
                    self.fetch(stream, pages);
                }
                Effect::Next(stream) => {
                    if let Some(pages) = self.chains.remove(&stream) {
                        self.fetch(stream, pages);
                    }
                }
                Effect::StartOver => {
                    tracing::info!("reading the list in one chain of pages");
                    // Dropping the tasks cancels their requests.
                    self.running = JoinSet::new();
                    self.requested.clear();
                    self.chains.clear();
                    self.received.coverage.incomplete = None;
                    let resumed = self.waits.clear();
                    self.report(resumed).await?;
                }
                Effect::End(end) => return Ok(Some(end)),
            }
        }
        Ok(None)
    }

    /// Prepares to read a chain from its start.
    fn open(&mut self, stream: Stream, bounds: Option<Bounds>) -> Pages {
        let filter = match bounds {
            Some(bounds) => Some(bounds.within(self.filter.as_ref())),
            None => self.filter.clone(),
        };
        let filter = filter.map(|filter| filter.to_string());
        let pages = match (stream, self.from.take()) {
            // Counting costs the service work, so request a count only where the plan needs one.
            (Stream::First, _) => {
                self.client.pages(&ListQuery { filter, top: Some(self.first_page), count: true })
            }
            (Stream::Whole, Some(bookmark)) => Pages::resume(self.client.clone(), &bookmark),
            (Stream::Whole, None) => {
                let query = ListQuery { filter, top: self.top, count: false };
                self.client.pages(&query).with_count(self.received.coverage.total)
            }
            (Stream::Window(_), _) => self.client.pages(&ListQuery { filter, top: self.top, count: true }),
        };
        // The first rows are what the user is waiting for.
        let is_urgent = stream == Stream::First && self.first_page == FIRST;
        let priority = if is_urgent { Priority::User } else { Priority::Bulk };
        pages.with_priority(priority).with_fingerprint(self.received.fingerprint.clone())
    }

    /// Requests the next page of a chain.
    fn fetch(&mut self, stream: Stream, mut pages: Pages) {
        let (memory, reports) = (self.memory.clone(), self.reports.clone());
        self.requested.insert(stream);
        self.running.spawn(async move {
            let mut room = memory.reserve().await;
            let mut report = move |event| {
                // The loader outlives its requests.
                let _ = reports.send((stream, event));
            };
            let page = pages.next(&mut report).await;
            let alerts = page.iter().flatten().flat_map(|page| &page.raw.alerts);
            memory.settle(&mut room, alerts.map(|alert| alert.0.len() as u64).sum());
            Fetched { stream, pages, page, room }
        });
    }

    /// Handles an event from a request.
    async fn heard(&mut self, stream: Stream, event: ClientEvent) -> Result<Option<End>, Gone> {
        // The request may have been cancelled.
        if !self.requested.contains(&stream) {
            return Ok(None);
        }
        let is_throttled = matches!(event, ClientEvent::Waiting { cause: WaitCause::Throttled, .. });
        let report = self.waits.on((stream, event), self.requested.len(), Instant::now());
        self.report(report).await?;
        let effects = if is_throttled { self.plan.on(Event::Throttled) } else { Vec::new() };
        self.carry_out(effects).await
    }

    /// Handles the outcome of a request. The next pages are requested before this page is handed
    /// over, so that the service does not sit idle.
    async fn arrived(&mut self, fetched: Result<Fetched, JoinError>) -> Result<Option<End>, Gone> {
        let Ok(Fetched { stream, pages, page, room }) = fetched else {
            self.received.failure = Some(Error::new(Kind::Protocol, "reading a page was cancelled"));
            return Ok(Some(End::Failed));
        };
        self.requested.remove(&stream);
        let report = self.waits.ended(stream, self.requested.len(), Instant::now());
        self.report(report).await?;
        let Some(page) = page else { return Ok(None) };
        let mut page = match page {
            Ok(page) => page,
            Err(error) => {
                let effects = self.plan.on(Event::Failed(stream, error.kind));
                self.received.failure = Some(error);
                return self.carry_out(effects).await;
            }
        };
        let is_last = page.raw.next.is_none();
        self.received.add(&page, &pages);
        let facts = PageFacts {
            alerts: page.raw.alerts.len() as u64,
            times: Times::of(pages.heads().iter().map(|head| head.created)),
            count: page.raw.count,
            is_last,
            known: self.received.known.len() as u64,
        };
        let Received { known, bytes, .. } = &self.received;
        let too_large = too_large(self.client.http().limits(), known.len(), *bytes);
        let event = match too_large.filter(|_| !is_last) {
            Some(error) => {
                self.received.failure = Some(error);
                Event::Failed(stream, Kind::TooLarge)
            }
            None => Event::Page(stream, facts),
        };
        if stream != Stream::First || self.first_page == LARGEST {
            self.top = pages.top();
        }
        if let Stream::Window(_) = stream {
            // The receiver would mistake a window's count for the list's.
            page.raw.count = None;
        }
        self.chains.insert(stream, pages);
        let effects = self.plan.on(event);
        let end = self.carry_out(effects).await?;
        self.send(LoadEvent::Page(page, room)).await?;
        Ok(end)
    }

    async fn report(&self, event: Option<ClientEvent>) -> Result<(), Gone> {
        match event {
            Some(event) => self.send(LoadEvent::Client(event)).await,
            None => Ok(()),
        }
    }

    async fn send(&self, event: LoadEvent) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }
}
