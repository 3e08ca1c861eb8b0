//! Loads a whole list: its newest alerts at once, then all of it.
//!
//! The first request is small so that rows appear early; then the list is read from its start
//! again in pages of the largest size that is honoured, because a page size cannot be changed
//! on the way. So the first alerts arrive twice: the receiver merges by id, as it has to anyway.

use std::{pin::pin, time::Duration};

use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::JoinHandle,
};

use super::{Client, Error, Event, ListRequest, Page, Pages, Wait};

/// Events that may wait for their receiver; a page can be 32 MB.
const CHANNEL: usize = 4;
/// `$top` of the request that brings the first rows.
const FIRST: u32 = 50;
/// The largest `$top` that is honoured (QUIRKS.md).
const LARGEST: u32 = 1000;

/// What happens while a list is loaded. The last one is `Done` or `Failed`.
#[derive(Debug)]
pub enum LoadEvent {
    /// Alerts arrived.
    Page(Page),
    /// The next request is held back.
    Waiting {
        /// How long, from now.
        delay: Duration,
        /// What for.
        why: Wait,
    },
    /// The wait is over.
    Resumed,
    /// The list was read to its end.
    Done(Coverage),
    /// The list was not read to its end; what arrived stays good.
    Failed(Error, Coverage),
}

impl From<Event> for LoadEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Waiting { delay, why } => Self::Waiting { delay, why },
            Event::Resumed => Self::Resumed,
        }
    }
}

/// How much of a list was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Pages that arrived.
    pub pages: u32,
    /// Alerts in the longest run of pages, repeated ones included.
    pub alerts: u64,
    /// How many alerts match by the service's own count.
    pub total: Option<u64>,
    /// Why the list is incomplete, in one line; `None` where it is complete.
    pub incomplete: Option<String>,
}

impl Coverage {
    /// Tells whether every alert of the list arrived.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_none()
    }
}

/// A list that is being loaded; dropping it cancels the load at once.
#[derive(Debug)]
pub struct Load {
    events: Receiver<LoadEvent>,
    task: JoinHandle<()>,
}

impl Load {
    /// Begins to load the alerts that `filter` (the text of `$filter`) selects, or all.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(client: Client, filter: Option<String>) -> Self {
        Self::spawn(client, filter, LoadMode::FirstRows)
    }

    /// Begins to load the same without haste, no page of it twice: from its start, or from the
    /// [`Page::bookmark`] that an earlier load has reached.
    ///
    /// Must be called within a tokio runtime.
    pub fn start_backfill(client: Client, filter: Option<String>, from: Option<String>) -> Self {
        Self::spawn(client, filter, LoadMode::Steady { from })
    }

    fn spawn(client: Client, filter: Option<String>, way: LoadMode) -> Self {
        let (sender, events) = mpsc::channel(CHANNEL);
        let loader = Loader { client, filter, way, events: sender, coverage: Coverage::default() };
        Self { events, task: tokio::spawn(loader.run()) }
    }

    /// Asks for nothing more. What has arrived can still be taken; then comes `None`, without an
    /// end.
    pub fn give_up(&self) {
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
    /// The receiver is gone: nobody is left to tell.
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
    /// Its newest alerts at once, and counted.
    FirstRows,
    /// In large pages only.
    Steady { from: Option<String> },
}

struct Loader {
    client: Client,
    filter: Option<String>,
    way: LoadMode,
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
            LoadEvent::Failed(error, _) => tracing::warn!("a list is incomplete: {error}"),
            LoadEvent::Done(coverage) => {
                tracing::info!("a list was read: {} alerts in {} pages", coverage.alerts, coverage.pages);
            }
            _ => {}
        }
        // Where the receiver is gone by now, nobody is left to tell.
        let _ = self.events.send(last).await;
    }

    async fn load(&mut self) -> Result<(), Stop> {
        let pages = match &self.way {
            // The count of the first request serves the load; asking again costs the service work.
            LoadMode::FirstRows => {
                let first = self.pages(FIRST, true);
                if self.chain(first, Some(1)).await? {
                    return Ok(());
                }
                self.pages(LARGEST, false)
            }
            LoadMode::Steady { from: None } => self.pages(LARGEST, false),
            LoadMode::Steady { from: Some(bookmark) } => Pages::resume(self.client.clone(), bookmark),
        };
        self.chain(pages, None).await?;
        Ok(())
    }

    /// The list from its start.
    fn pages(&self, top: u32, count: bool) -> Pages {
        self.client.pages(&ListRequest { filter: self.filter.clone(), top: Some(top), count })
    }

    /// Reads pages, at most so many; tells whether that was all of them.
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

    /// Waits for a page, passing on what happens meanwhile in its order.
    async fn page(&self, pages: &mut Pages) -> Result<Option<Result<Page, Error>>, Stop> {
        // Bounded by the limits of one request: it has a few dozen events at most.
        let (sender, mut happened) = mpsc::unbounded_channel();
        let mut report = move |event| {
            // The receiver outlives the request.
            let _ = sender.send(event);
        };
        let mut request = pin!(pages.next(&mut report));
        let page = loop {
            tokio::select! {
                biased;
                Some(event) = happened.recv() => self.send(LoadEvent::from(event)).await?,
                page = &mut request => break page,
            }
        };
        while let Ok(event) = happened.try_recv() {
            self.send(event.into()).await?;
        }
        Ok(page)
    }

    async fn send(&self, event: LoadEvent) -> Result<(), Stop> {
        self.events.send(event).await.map_err(|_| Stop::Gone)
    }
}
