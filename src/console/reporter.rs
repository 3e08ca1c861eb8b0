//! Tells the state what a fetch brings: pages in batches that are decoded away from the loop, waits,
//! and how it ended. It knows nothing of which fetches there are.

use std::{convert::Infallible, future::pending, pin::pin};

use tokio::{
    sync::{
        mpsc::{self, Sender},
        oneshot,
    },
    task::spawn_blocking,
};

use super::sign_in::identity;
use crate::app::{Bookmark, Failure, FailureKind, Generation, LoadEvent, Message};
use alertdeck_graph as graph;
use alertdeck_graph::auth::Tokens;
use alertdeck_model::{AlertId, RawAlert};
use alertdeck_store::Batch;

/// Alerts decoded and absorbed at a time: about a millisecond of the loop.
const BATCH: usize = 128;

/// Tells the state of one fetch; `None` from its methods means that nobody listens any more.
pub(super) struct FetchReporter {
    pub(super) generation: Generation,
    pub(super) messages: Sender<Message>,
    /// Where the token comes from, if from elsewhere.
    pub(super) tokens: Option<Tokens>,
}

impl FetchReporter {
    async fn report(&self, event: LoadEvent) -> Option<()> {
        self.messages.send(Message::Load(self.generation, event)).await.ok()
    }

    /// Tells whose token the service has taken, as far as it says so.
    async fn introduce(&self) -> Option<()> {
        if let Some(tokens) = &self.tokens
            && let Some(said) = tokens.claims().await
        {
            self.messages.send(Message::Identity(identity(said))).await.ok()?;
        }
        Some(())
    }

    async fn batches(&self, alerts: &[RawAlert]) -> Option<()> {
        for some in alerts.chunks(BATCH) {
            let some = some.to_vec();
            let batch =
                spawn_blocking(move || Batch::decode(&some, &alertdeck_query::FieldPostings)).await.ok()?;
            self.report(LoadEvent::Batch(batch)).await?;
        }
        Some(())
    }

    pub(super) async fn hand_over(&self, alerts: Vec<RawAlert>) -> Option<()> {
        let total = u64::try_from(alerts.len()).ok();
        self.report(LoadEvent::Page { total, partial: None, server_time: None }).await?;
        self.batches(&alerts).await?;
        self.report(LoadEvent::Done).await
    }

    /// Fetches one alert; that there is none is an empty list, not a failure.
    pub(super) async fn look_up(&self, client: &graph::Client, id: &AlertId) -> Option<()> {
        let (sender, mut happened) = mpsc::unbounded_channel();
        let mut report = move |event| {
            // The receiver outlives the request.
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
            Ok(raw) => self.hand_over(vec![raw]).await,
            Err(error) if error.kind == graph::Kind::NotFound => self.hand_over(Vec::new()).await,
            Err(error) => {
                let failure = Failure { kind: kind(error.kind), line: error.to_string() };
                self.report(LoadEvent::Failed(failure)).await
            }
        }
    }

    /// Tells what a load brings. Once it is stopped, that is what it has received by then.
    pub(super) async fn follow(
        &self,
        mut load: graph::Load,
        stopped: Option<oneshot::Receiver<Infallible>>,
    ) -> Option<()> {
        let (mut introduced, mut stopping) = (false, false);
        let mut stopped = pin!(async {
            match stopped {
                Some(stopped) => drop(stopped.await),
                None => pending().await,
            }
        });
        loop {
            let event = tokio::select! {
                biased;
                () = &mut stopped, if !stopping => {
                    stopping = true;
                    load.stop();
                    continue;
                }
                event = load.next() => event,
            };
            let Some(event) = event else { return Some(()) };
            match event {
                graph::LoadEvent::Page(page) => {
                    if !std::mem::replace(&mut introduced, true) {
                        self.introduce().await?;
                    }
                    let (total, partial, server_time) = (page.raw.count, page.partial, page.date);
                    self.report(LoadEvent::Page { total, partial, server_time }).await?;
                    self.batches(&page.raw.alerts).await?;
                    if let Some(bookmark) = page.bookmark {
                        self.report(LoadEvent::Reached(Bookmark(bookmark))).await?;
                    }
                }
                graph::LoadEvent::Client(event) => self.report(LoadEvent::Client(event)).await?,
                graph::LoadEvent::Done(coverage) => {
                    let event = match coverage.incomplete {
                        None => LoadEvent::Done,
                        Some(line) => LoadEvent::Failed(Failure { kind: FailureKind::Other, line }),
                    };
                    self.report(event).await?;
                }
                graph::LoadEvent::Failed(error, coverage) => {
                    let line = match coverage.incomplete {
                        Some(line) if coverage.pages > 0 => line,
                        _ => error.to_string(),
                    };
                    self.report(LoadEvent::Failed(Failure { kind: kind(error.kind), line })).await?;
                }
            }
        }
    }
}

fn kind(kind: graph::Kind) -> FailureKind {
    match kind {
        graph::Kind::Filter => FailureKind::Filter,
        graph::Kind::SignIn => FailureKind::SignIn,
        graph::Kind::Permission => FailureKind::Permission,
        graph::Kind::Throttled | graph::Kind::Unavailable => FailureKind::Busy,
        graph::Kind::Offline => FailureKind::Offline,
        graph::Kind::NotFound | graph::Kind::Protocol | graph::Kind::ForeignLink | graph::Kind::Loop => {
            FailureKind::Other
        }
    }
}
