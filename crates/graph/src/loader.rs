//! Loads an entire list: first the newest alerts, then all of them.
//!
//! The first request is small, so that rows appear early. Then the list is read again from its
//! start in pages of the largest size that the service honours, because the page size of a list
//! cannot change midway. The first alerts therefore arrive twice; the receiver merges alerts by ID
//! anyway.

use std::pin::pin;

use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::JoinHandle,
};

use crate::{
    answer::Page, client::Client, error::Error, event::ClientEvent, pages::Pages, request::ListQuery,
};

/// The capacity of the channel, in events. It is small because one page can take up 32 MB.
const CHANNEL: usize = 4;
/// The page size of the first request.
const FIRST: u32 = 50;
/// The largest page size that the service honours (docs/graph-api.md, "Paging").
const LARGEST: u32 = 1000;

/// An event from a load. The last one is [`Done`](Self::Done) or [`Failed`](Self::Failed).
#[derive(Debug)]
pub enum LoadEvent {
    /// A page arrived.
    Page(Page),
    /// An event from the request in progress.
    Client(ClientEvent),
    /// The list was read to its end.
    Done(Coverage),
    /// The list was not read to its end. The pages that arrived remain valid.
    Failed(Error, Coverage),
}

/// How much of a list was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The number of pages that arrived.
    pub pages: u32,
    /// The number of alerts in the longest chain of pages, including repeated ones.
    pub alerts: u64,
    /// The number of matches, as counted by the service.
    pub total: Option<u64>,
    /// Why the list is incomplete, in one line; `None` if it is complete.
    pub incomplete: Option<String>,
}

impl Coverage {
    /// Returns whether every alert in the list arrived.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_none()
    }
}

/// A list that is being loaded. Dropping it cancels the load immediately.
#[derive(Debug)]
pub struct Load {
    events: Receiver<LoadEvent>,
    task: JoinHandle<()>,
}

impl Load {
    /// Starts loading the alerts selected by `filter` (the text of `$filter`), or all alerts.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(client: Client, filter: Option<String>) -> Self {
        Self::spawn(client, filter, LoadMode::FirstRows)
    }

    /// Starts a backfill of the same list, either from its start or from the [`Page::bookmark`]
    /// that an earlier load reached. A backfill fetches no page twice.
    ///
    /// Must be called within a tokio runtime.
    pub fn start_backfill(client: Client, filter: Option<String>, from: Option<String>) -> Self {
        Self::spawn(client, filter, LoadMode::Steady { from })
    }

    fn spawn(client: Client, filter: Option<String>, mode: LoadMode) -> Self {
        let (sender, events) = mpsc::channel(CHANNEL);
        let loader = Loader { client, filter, mode, events: sender, coverage: Coverage::default() };
        Self { events, task: tokio::spawn(loader.run()) }
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

/// Why a load ends early.
enum Stop {
    /// The receiver is gone.
    Gone,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// How a list is read.
enum LoadMode {
    /// The newest alerts first, with a count.
    FirstRows,
    /// In large pages only.
    Steady { from: Option<String> },
}

struct Loader {
    client: Client,
    filter: Option<String>,
    mode: LoadMode,
    events: Sender<LoadEvent>,
    coverage: Coverage,
}

impl Loader {
    async fn run(mut self) {
        let last = match self.load().await {
            Ok(()) => LoadEvent::Done(self.coverage),
            Err(Stop::Failed(error)) => {
                let incomplete = Some(format!("stopped after page {}: {error}", self.coverage.pages));
                LoadEvent::Failed(error, Coverage { incomplete, ..self.coverage })
            }
            Err(Stop::Gone) => return,
        };
        match &last {
            LoadEvent::Failed(error, _) => tracing::warn!("list incomplete: {error}"),
            LoadEvent::Done(coverage) => {
                tracing::info!("list read: {} alerts in {} pages", coverage.alerts, coverage.pages);
            }
            _ => {}
        }
        // The receiver may be gone by now.
        let _ = self.events.send(last).await;
    }

    async fn load(&mut self) -> Result<(), Stop> {
        let pages = match &self.mode {
            // Only the first request asks for a count; counting again would make needless work for
            // the service.
            LoadMode::FirstRows => {
                let first = self.pages(FIRST, true);
                if self.chain(first, Some(1)).await? {
                    return Ok(());
                }
                self.pages(LARGEST, false).with_count(self.coverage.total)
            }
            LoadMode::Steady { from: None } => self.pages(LARGEST, false),
            LoadMode::Steady { from: Some(bookmark) } => Pages::resume(self.client.clone(), bookmark),
        };
        self.chain(pages, None).await?;
        Ok(())
    }

    /// Prepares to read the list from its start.
    fn pages(&self, top: u32, count: bool) -> Pages {
        self.client.pages(&ListQuery { filter: self.filter.clone(), top: Some(top), count })
    }

    /// Reads pages, up to `most` of them if given. Returns whether the list has ended.
    async fn chain(&mut self, mut pages: Pages, most: Option<u32>) -> Result<bool, Stop> {
        let (mut read, mut alerts) = (0, 0);
        while let Some(page) = self.page(&mut pages).await? {
            let page = page?;
            let last = page.raw.next.is_none();
            read += 1;
            alerts += page.raw.alerts.len() as u64;
            self.coverage.pages += 1;
            self.coverage.alerts = self.coverage.alerts.max(alerts);
            self.coverage.total = self.coverage.total.or(page.raw.count);
            if let Some(warning) = &page.partial {
                self.coverage.incomplete =
                    Some(format!("the service sent partial results: {}", warning.line()));
            }
            self.send(LoadEvent::Page(page)).await?;
            if most == Some(read) {
                return Ok(last);
            }
        }
        Ok(true)
    }

    /// Waits for a page, meanwhile passing on events in order.
    async fn page(&self, pages: &mut Pages) -> Result<Option<Result<Page, Error>>, Stop> {
        // A request's limits allow a few dozen events at most.
        let (sender, mut happened) = mpsc::unbounded_channel();
        let mut report = move |event| {
            // The receiver outlives the request.
            let _ = sender.send(event);
        };
        let mut request = pin!(pages.next(&mut report));
        let page = loop {
            tokio::select! {
                biased;
                Some(event) = happened.recv() => self.send(LoadEvent::Client(event)).await?,
                page = &mut request => break page,
            }
        };
        while let Ok(event) = happened.try_recv() {
            self.send(LoadEvent::Client(event)).await?;
        }
        Ok(page)
    }

    async fn send(&self, event: LoadEvent) -> Result<(), Stop> {
        self.events.send(event).await.map_err(|_| Stop::Gone)
    }
}
