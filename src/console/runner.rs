//! Runs the effects that the state requests: fetches, reading alerts, the browser, exports.

use std::{convert::Infallible, time::SystemTime};

use tokio::{
    sync::{mpsc::Sender, oneshot},
    task::{AbortHandle, JoinSet, spawn_blocking},
};

use super::{Clock, export, reporter::FetchReporter, saved::SavedAlerts, sign_in::SignIn};
use crate::{
    app::{Body, Bookmark, Effect, Export, Fetch, Message, NotWritten, Purpose, RequestLine, Scope, Written},
    report::Report,
};
use alertdeck_graph as graph;
use alertdeck_graph::{auth::SECRET_VARIABLES, http::Entry};
use alertdeck_model::{RawText, SafeText, Timestamp};
use alertdeck_platform as platform;

/// The source of the alerts.
#[derive(Debug)]
pub enum Source {
    /// A service.
    Service(graph::Client),
    /// Saved alerts.
    Saved(SavedAlerts),
}

/// The outcome of an export.
pub(super) struct ExportEnd {
    pub(super) number: u64,
    /// The path as the user entered it.
    pub(super) path: String,
    pub(super) outcome: Result<Written, NotWritten>,
}

/// Runs effects as tasks.
pub(super) struct Runner {
    source: Source,
    messages: Sender<Message>,
    /// The task that fetches the list, or polls.
    fetch: Option<AbortHandle>,
    /// Stops the backfill when dropped. The backfill then reports what it has received.
    backfill: Option<oneshot::Sender<Infallible>>,
    /// The running exports. They continue after a switch of profile.
    pub(super) exports: JoinSet<ExportEnd>,
    /// The sign-in to the service; `None` for files.
    sign_in: Option<SignIn>,
    /// The profile to switch to; the loop does that.
    pub(super) switch_to: Option<String>,
    /// Whether to suspend the program; the loop does that.
    pub(super) suspend: bool,
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Runner {
    /// Creates a runner. Must be called within a runtime.
    pub(super) fn new(source: Source, messages: Sender<Message>, clock: Clock) -> Self {
        let sign_in = match &source {
            Source::Service(client) => Some(SignIn::new(client.tokens(), messages.clone(), clock)),
            Source::Saved(_) => None,
        };
        let exports = JoinSet::new();
        Self {
            source,
            messages,
            fetch: None,
            backfill: None,
            exports,
            sign_in,
            switch_to: None,
            suspend: false,
        }
    }

    /// Runs an effect. Ignores those that the loop runs.
    pub(super) fn run_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Fetch(fetch) => {
                if let Some(sign_in) = &self.sign_in {
                    sign_in.ask_again();
                }
                self.fetch(fetch);
            }
            Effect::Cancel => self.cancel(),
            Effect::Read(row, alert) => {
                let messages = self.messages.clone();
                tokio::spawn(async move {
                    let stored = alert.clone();
                    if let Ok(body) = spawn_blocking(move || Body::read(&alert.read())).await {
                        let _ = messages.send(Message::Read(row, stored, Box::new(body))).await;
                    }
                });
            }
            Effect::CopyTicket(alert, portal_host) => {
                let messages = self.messages.clone();
                tokio::spawn(async move {
                    let write = move || Report::read(&alert.read(), &portal_host).markdown();
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

    /// Returns the curl command that fetches a scope; `None` for files.
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
            let failed = || NotWritten::Refused(format!("{path:?} cannot be written: internal error"));
            let outcome = outcome.unwrap_or_else(|_| Err(failed()));
            ExportEnd { number, path, outcome }
        });
    }

    /// Waits for an export to end. Returns `None` if none is running. Cancel-safe.
    pub(super) async fn next_export(&mut self) -> Option<ExportEnd> {
        while let Some(ended) = self.exports.join_next().await {
            if let Ok(ended) = ended {
                return Some(ended);
            }
        }
        None
    }

    /// Waits for the running exports to end. Returns the errors in one line, if there are any.
    pub(super) async fn finish(&mut self) -> Option<String> {
        let mut errors = Vec::new();
        while let Some(ExportEnd { path, outcome, .. }) = self.next_export().await {
            errors.extend(outcome.err().map(|error| error.line(&path)));
        }
        (!errors.is_empty()).then(|| errors.join("; "))
    }

    fn cancel(&mut self) {
        if let Some(task) = self.fetch.take() {
            task.abort();
        }
        self.backfill = None;
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
                self.backfill = Some(sender);
                Some(stopped)
            }
        };
        // A session reports its identity by itself; that of other tokens is reported with the fetch.
        let tokens = match &self.source {
            Source::Service(client) => Some(client.tokens()).filter(|tokens| tokens.as_session().is_none()),
            Source::Saved(_) => None,
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
                    // `None` means that the receiver is gone.
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
            Source::Saved(alerts) => {
                let alerts = alerts.clone();
                tokio::spawn(async move { reporter.report_saved(&alerts).await.unwrap_or_default() })
            }
        };
        if fetch.purpose != Purpose::Backfill {
            self.fetch = Some(task.abort_handle());
        }
    }
}

/// Converts a journal entry for display.
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
    use alertdeck_model::RawAlert;
    use alertdeck_store::StoredAlert;
    use std::{path::Path, time::Instant};
    use tokio::sync::mpsc;

    fn export(number: u64, path: &Path) -> Effect {
        Effect::Export(Export {
            number,
            alerts: StoredAlert::compress(&[RawAlert("{\"id\":\"a\"}".into())]),
            format: Format::Lines,
            path: path.to_str().unwrap().to_owned(),
            overwrite: false,
            portal_host: "security.microsoft.com".into(),
        })
    }

    /// Returns a runner whose message receiver is gone.
    fn runner() -> Runner {
        let (sender, _) = mpsc::channel(1);
        Runner::new(Source::Saved(SavedAlerts::default()), sender, Clock(Instant::now()))
    }

    #[tokio::test]
    async fn the_outcome_of_an_export_does_not_use_the_message_channel() {
        let folder = tempfile::tempdir().unwrap();
        let mut runner = runner();
        assert!(runner.next_export().await.is_none());
        runner.run_effect(export(7, &folder.path().join("a")));
        let ended = runner.next_export().await.unwrap();
        assert_eq!((ended.number, ended.outcome.map(|written| written.alerts)), (7, Ok(1)));
    }

    #[tokio::test]
    async fn finish_names_every_failed_export() {
        let folder = tempfile::tempdir().unwrap();
        let mut runner = runner();
        std::fs::write(folder.path().join("existing"), "").unwrap();
        for (number, name) in ["existing", "good", "no/such"].into_iter().enumerate() {
            runner.run_effect(export(number as u64, &folder.path().join(name)));
        }
        let errors = runner.finish().await.unwrap();
        assert!(errors.contains("existing already exists") && errors.contains("no/such"), "{errors}");
        assert!(!errors.contains("good") && folder.path().join("good").exists(), "{errors}");
        assert_eq!(runner.finish().await, None);
    }
}
