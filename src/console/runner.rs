//! Carries out what the state asks for: fetches, reading alerts, the browser, exports.

use std::{convert::Infallible, time::SystemTime};

use tokio::{
    sync::{mpsc::Sender, oneshot},
    task::{AbortHandle, JoinSet, spawn_blocking},
};

use super::{Clock, export, reporter::FetchReporter, sign_in::SignIn};
use crate::{
    app::{Body, Bookmark, Effect, Export, Fetch, Message, NotWritten, Purpose, RequestLine, Scope, Written},
    report::Report,
};
use alertdeck_graph as graph;
use alertdeck_graph::{auth::SECRET_VARIABLES, http::Entry};
use alertdeck_model::{RawAlert, RawText, SafeText, Timestamp};
use alertdeck_platform as platform;

/// Where alerts come from.
#[derive(Debug)]
pub enum Source {
    /// A service.
    Service(graph::Client),
    /// Alerts that were read before.
    Held(Vec<RawAlert>),
}

/// How an export ended.
pub(super) struct ExportEnd {
    pub(super) number: u64,
    /// The file, as the export named it.
    pub(super) path: String,
    pub(super) outcome: Result<Written, NotWritten>,
}

/// The tasks that work for the state.
pub(super) struct Runner {
    source: Source,
    messages: Sender<Message>,
    /// The list, or a look of live mode.
    fetch: Option<AbortHandle>,
    /// What loads behind the list, until this is dropped: it tells then what it has received.
    behind: Option<oneshot::Sender<Infallible>>,
    /// Files that are being written; they outlive the profile that their alerts are of.
    pub(super) exports: JoinSet<ExportEnd>,
    /// The sign-in of the service; `None` for files.
    sign_in: Option<SignIn>,
    /// The profile that the state asked for; the loop goes over to it.
    pub(super) switch_to: Option<String>,
    /// Whether the state asked to be suspended; the loop does that itself.
    pub(super) suspend: bool,
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Runner {
    /// Must be called within a runtime.
    pub(super) fn new(source: Source, messages: Sender<Message>, clock: Clock) -> Self {
        let sign_in = match &source {
            Source::Service(client) => Some(SignIn::new(client.tokens(), messages.clone(), clock)),
            Source::Held(_) => None,
        };
        let exports = JoinSet::new();
        Self {
            source,
            messages,
            fetch: None,
            behind: None,
            exports,
            sign_in,
            switch_to: None,
            suspend: false,
        }
    }

    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Fetch(fetch) => {
                if let Some(sign_in) = &self.sign_in {
                    sign_in.ask_again();
                }
                self.fetch(fetch);
            }
            Effect::Cancel => self.cancel(),
            Effect::Read(row, raw) => {
                let messages = self.messages.clone();
                tokio::spawn(async move {
                    if let Ok(body) = spawn_blocking(move || Body::read(&raw)).await {
                        let _ = messages.send(Message::Read(row, Box::new(body))).await;
                    }
                });
            }
            Effect::CopyTicket(raw, portal_host) => {
                let messages = self.messages.clone();
                tokio::spawn(async move {
                    let write = move || Report::read(&raw, &portal_host).markdown();
                    if let Ok(ticket) = spawn_blocking(write).await {
                        let _ = messages.send(Message::Ticket(ticket)).await;
                    }
                });
            }
            Effect::Open(url) => {
                let messages = self.messages.clone();
                tokio::spawn(async move {
                    let link = url.clone();
                    let opened =
                        spawn_blocking(move || platform::open_in_browser(link.as_str(), &SECRET_VARIABLES))
                            .await;
                    let outcome = opened.unwrap_or_else(|_| Err("the browser could not be started".into()));
                    let _ = messages.send(Message::Opened(url, outcome)).await;
                });
            }
            Effect::Suspend => self.suspend = true,
            Effect::SignIn(way) => {
                if let Some(sign_in) = &mut self.sign_in {
                    sign_in.begin(way);
                }
            }
            Effect::CancelSignIn => {
                if let Some(sign_in) = &mut self.sign_in {
                    sign_in.cancel();
                }
            }
            Effect::SignOut => {
                if let Some(sign_in) = &mut self.sign_in {
                    sign_in.sign_out();
                }
            }
            Effect::SwitchProfile(name) => self.switch_to = Some(name),
            Effect::ListRequests => {
                let Source::Service(client) = &self.source else { return };
                let lines = client.http().journal().entries().iter().map(request_line).collect();
                let messages = self.messages.clone();
                tokio::spawn(async move {
                    let _ = messages.send(Message::Requests(lines)).await;
                });
            }
            Effect::Export(export) => self.export(export),
            Effect::Copy(_)
            | Effect::CopyCurl(_)
            | Effect::WakeAt(_)
            | Effect::More
            | Effect::Mouse(_)
            | Effect::Redraw
            | Effect::Quit => {}
        }
    }

    /// Writes the request that would fetch a scope as a command; `None` for files.
    pub(super) fn curl(&self, scope: Scope) -> Option<RawText> {
        let Source::Service(client) = &self.source else { return None };
        let list = |filter| {
            let query = graph::ListQuery { filter, ..Default::default() };
            client.curl(&graph::Request::list(&query))
        };
        match scope {
            Scope::All => list(None),
            Scope::Filter(filter) => list(Some(filter)),
            Scope::One(id) => client.curl(&graph::Request::alert(&id)),
        }
    }

    fn export(&mut self, export: Export) {
        self.exports.spawn(async move {
            let (number, path) = (export.number, export.path.clone());
            let outcome = spawn_blocking(move || export::write(&export)).await;
            let failed = || NotWritten::Refused(format!("{path:?} cannot be written: the writer has failed"));
            let outcome = outcome.unwrap_or_else(|_| Err(failed()));
            ExportEnd { number, path, outcome }
        });
    }

    /// Waits for a file that is being written to be there or not; `None` where none is. May be
    /// dropped: nothing is lost.
    pub(super) async fn next_export(&mut self) -> Option<ExportEnd> {
        while let Some(ended) = self.exports.join_next().await {
            if let Ok(ended) = ended {
                return Some(ended);
            }
        }
        None
    }

    /// Waits for the files that are being written; returns why some were not, since nobody can be
    /// told any more.
    pub(super) async fn finish(&mut self) -> Option<String> {
        let mut untold = Vec::new();
        while let Some(ExportEnd { path, outcome, .. }) = self.next_export().await {
            untold.extend(outcome.err().map(|why| why.line(&path)));
        }
        (!untold.is_empty()).then(|| untold.join("; "))
    }

    fn cancel(&mut self) {
        if let Some(task) = self.fetch.take() {
            task.abort();
        }
        self.behind = None;
    }

    fn fetch(&mut self, fetch: Fetch) {
        let stopped = match fetch.purpose {
            Purpose::List => {
                self.cancel();
                None
            }
            Purpose::Poll => {
                if let Some(task) = self.fetch.take() {
                    task.abort();
                }
                None
            }
            Purpose::Backfill => {
                let (sender, stopped) = oneshot::channel();
                self.behind = Some(sender);
                Some(stopped)
            }
        };
        // A sign-in tells by itself whose token it is; of one from elsewhere the token says it.
        let tokens = match &self.source {
            Source::Service(client) => Some(client.tokens()).filter(|tokens| tokens.as_session().is_none()),
            Source::Held(_) => None,
        };
        let reporter = FetchReporter {
            generation: fetch.generation,
            messages: self.messages.clone(),
            tokens: tokens.cloned(),
        };
        let task = match &self.source {
            Source::Service(client) => {
                let client = client.clone();
                tokio::spawn(async move {
                    // `None` says that nobody listens any more.
                    let filter = match fetch.scope {
                        Scope::All => None,
                        Scope::Filter(filter) => Some(filter),
                        Scope::One(id) => return reporter.look_up(&client, &id).await.unwrap_or_default(),
                    };
                    let load = match fetch.purpose {
                        Purpose::List | Purpose::Poll => graph::Load::start(client, filter),
                        Purpose::Backfill => {
                            graph::Load::start_backfill(client, filter, fetch.from.map(|Bookmark(at)| at))
                        }
                    };
                    reporter.follow(load, stopped).await.unwrap_or_default();
                })
            }
            Source::Held(alerts) => {
                let alerts = alerts.clone();
                tokio::spawn(async move {
                    let _ = reporter.hand_over(alerts).await;
                })
            }
        };
        if fetch.purpose != Purpose::Backfill {
            self.fetch = Some(task.abort_handle());
        }
    }
}

/// A request as the state shows it.
fn request_line(entry: &Entry) -> RequestLine {
    let since = entry.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let ticks = i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX);
    RequestLine {
        started: Timestamp::from_ticks(ticks),
        waited: entry.waited,
        took: match &entry.outcome {
            Some(_) => entry.took,
            None => entry.started.elapsed().unwrap_or_default(),
        },
        method: entry.method.clone(),
        host: SafeText::new(&entry.target.host),
        path: entry.target.decoded(),
        outcome: entry.outcome.clone(),
        bytes: entry.bytes,
        client_request_id: entry.client_request_id.clone(),
        request_id: entry.request_id.clone(),
        curl: entry.curl(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Format;
    use std::{path::Path, time::Instant};
    use tokio::sync::mpsc;

    fn export(number: u64, path: &Path) -> Effect {
        Effect::Export(Export {
            number,
            alerts: vec![RawAlert("{\"id\":\"a\"}".into())],
            format: Format::Lines,
            path: path.to_str().unwrap().to_owned(),
            overwrite: false,
            portal_host: "security.microsoft.com".into(),
        })
    }

    /// A runner whose messages nobody reads any more.
    fn runner() -> Runner {
        let (sender, _) = mpsc::channel(1);
        Runner::new(Source::Held(Vec::new()), sender, Clock(Instant::now()))
    }

    #[tokio::test]
    async fn the_end_of_an_export_needs_no_channel() {
        let folder = tempfile::tempdir().unwrap();
        let mut runner = runner();
        assert!(runner.next_export().await.is_none());
        runner.carry_out(export(7, &folder.path().join("a")));
        let ended = runner.next_export().await.unwrap();
        assert_eq!((ended.number, ended.outcome.map(|written| written.alerts)), (7, Ok(1)));
    }

    #[tokio::test]
    async fn at_the_end_every_file_that_was_not_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut runner = runner();
        std::fs::write(folder.path().join("held"), "").unwrap();
        for (number, name) in ["held", "good", "no/such"].into_iter().enumerate() {
            runner.carry_out(export(number as u64, &folder.path().join(name)));
        }
        let untold = runner.finish().await.unwrap();
        assert!(untold.contains("held exists") && untold.contains("no/such"), "{untold}");
        assert!(!untold.contains("good") && folder.path().join("good").exists(), "{untold}");
        assert_eq!(runner.finish().await, None);
    }
}
