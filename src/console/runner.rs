//! Runs the effects that the state requests: jobs, and actions on the services and the browser.
//!
//! Each job is a task, stored under its id. The runner knows how to start and cancel each kind of
//! job, but not how the state uses its events.

use std::{collections::HashMap, convert::Infallible, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{
        mpsc::{Receiver, Sender},
        oneshot,
    },
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

use super::{
    Clock,
    cache::FeedCache,
    export,
    reporter::FetchReporter,
    requests::request_line,
    saved::SavedAlerts,
    sign_in::{SessionWatch, SignInReporter},
    writes,
};
use crate::{
    app::{
        Body, Bookmark, CacheEvent, Effect, Export, FeedSettings, JobEvent, JobId, JobKind, Message,
        NotWritten, Scope, ViewChange, WriteEvent, Writes,
    },
    config::change_views,
    journal::{Journal, JournalError},
    report::Report,
    triage::latest,
    writer::Writer,
};
use alertdeck_cache::Folder;
use alertdeck_graph as graph;
use alertdeck_graph::{auth::SECRET_VARIABLES, http::Priority};
use alertdeck_model::{AlertId, RawText};
use alertdeck_odata as odata;
use alertdeck_platform as platform;
use alertdeck_store::FeedId;

/// An action's changes take priority over all other requests if it includes at most this many
/// alerts.
const USER_WRITES: usize = 5;

/// How long the program waits for credentials to be saved before it exits.
const MAX_SAVING: Duration = Duration::from_secs(5);

/// The source of a feed's alerts.
#[derive(Debug)]
pub enum Source {
    /// A service.
    Service(graph::Client),
    /// Saved alerts.
    Saved(SavedAlerts),
}

/// The connection of an active feed: its source, the session with its service, and its cache.
struct Connection {
    source: Source,
    session: Option<SessionWatch>,
    cache: Option<FeedCache>,
    /// The profile and the tenant to record in the journal.
    profile: String,
    tenant: String,
}

/// A running job.
struct Task {
    /// Ends the job early when dropped; `None` if its task is aborted instead.
    stop: Option<oneshot::Sender<Infallible>>,
    /// Whether the program waits for the job before it exits.
    outlives: bool,
    /// Whether the job is asked to stop when the program exits.
    stops_at_exit: bool,
    /// The task. If the console ended before a failure could be reported, the task returns the
    /// failure as one line.
    handle: JoinHandle<Option<String>>,
}

impl Task {
    fn cancel(&mut self) {
        match self.stop.take() {
            Some(stop) => drop(stop),
            // A job that has been asked to stop ends on its own.
            None if self.outlives => {}
            None => self.handle.abort(),
        }
    }
}

/// Runs effects as tasks.
pub(super) struct Runner {
    connections: HashMap<FeedId, Connection>,
    tasks: HashMap<JobId, Task>,
    messages: Sender<Message>,
    clock: Clock,
    /// The cache folder, or `None` if caching is disabled.
    cache: Option<Folder>,
    /// The journal of changes, if there is a folder for it.
    journal: Option<Journal>,
    /// The file for saved views, if a config file is used.
    views: Option<PathBuf>,
    /// A profile to open, as given in [`Effect::OpenProfile`]; handled by the loop.
    pub(super) to_open: Option<(FeedId, String, bool)>,
    /// Text to edit in an external editor; handled by the loop.
    pub(super) to_edit: Option<String>,
    /// Whether to suspend the program; handled by the loop.
    pub(super) suspend: bool,
}

impl Runner {
    /// Creates a runner without feeds.
    pub(super) fn new(
        messages: Sender<Message>,
        clock: Clock,
        cache: Option<Folder>,
        journal: Option<Journal>,
        views: Option<PathBuf>,
    ) -> Self {
        Self {
            connections: HashMap::new(),
            tasks: HashMap::new(),
            messages,
            clock,
            cache,
            journal,
            views,
            to_open: None,
            to_edit: None,
            suspend: false,
        }
    }

    /// Changes the saved views in their file.
    fn change_views(&self, change: ViewChange) {
        let (path, messages) = (self.views.clone(), self.messages.clone());
        spawn_blocking(move || {
            let no_file = || Err("no config file in use: --config or ALERTDECK_CONFIG is empty".to_owned());
            let result = path.map_or_else(no_file, |path| change_views(&path, &change));
            let _ = messages.blocking_send(Message::ViewsChanged(change, result));
        });
    }

    /// Connects a feed. Must be called within a runtime.
    pub(super) fn connect(&mut self, feed: FeedId, source: Source, settings: &FeedSettings) {
        let session = match &source {
            Source::Service(client) => Some(SessionWatch::new(feed, client.tokens(), self.messages.clone())),
            Source::Saved(_) => None,
        };
        let cache = match (&source, self.cache.clone(), settings.cache) {
            (Source::Service(client), Some(folder), Some(retention)) => Some(FeedCache {
                feed,
                folder,
                retention,
                client: client.clone(),
                messages: self.messages.clone(),
                writer: Arc::default(),
            }),
            _ => None,
        };
        let (profile, tenant) = (settings.profile.clone(), settings.tenant.clone());
        self.connections.insert(feed, Connection { source, session, cache, profile, tenant });
    }

    /// Runs an effect. Ignores effects that the loop handles.
    pub(super) fn run_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Start(id, kind) => self.start(id, kind),
            Effect::Cancel(id) => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.cancel();
                }
            }
            Effect::DeclineSignIn(feed) => {
                if let Some(session) = self.session(feed).and_then(SessionWatch::session) {
                    session.decline();
                }
            }
            Effect::SignOut(feed) => {
                let Some(connection) = self.connections.get(&feed) else { return };
                if let Some(session) = &connection.session {
                    session.sign_out(connection.cache.clone());
                }
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
            Effect::WriteCache(feed, write) => {
                let connection = self.connections.get(&feed);
                if let Some(cache) = connection.and_then(|connection| connection.cache.as_ref()) {
                    cache.write(write);
                }
            }
            Effect::ChangeViews(change) => self.change_views(change),
            Effect::Suspend => self.suspend = true,
            Effect::EditText(text) => self.to_edit = Some(text),
            Effect::OpenProfile { feed, name, adds } => self.to_open = Some((feed, name, adds)),
            Effect::ListRequests => {
                let of = |(feed, connection): (&FeedId, &Connection)| {
                    let entries = connection.client()?.http().journal().entries();
                    let lines: Vec<_> = entries.iter().map(|entry| request_line(*feed, entry)).collect();
                    Some(lines)
                };
                let mut lines: Vec<_> = self.connections.iter().filter_map(of).flatten().collect();
                lines.sort_by_key(|line| line.started);
                let messages = self.messages.clone();
                tokio::spawn(async move {
                    let _ = messages.send(Message::Requests(lines)).await;
                });
            }
            Effect::Copy(_)
            | Effect::CopyCurl(..)
            | Effect::Notify(_)
            | Effect::WakeAt(_)
            | Effect::More
            | Effect::Mouse(_)
            | Effect::Redraw
            | Effect::Quit => {}
        }
    }

    /// Returns the curl command that fetches a scope from a feed; `None` for files.
    pub(super) fn curl(&self, feed: FeedId, scope: Scope) -> Option<RawText> {
        let client = self.connections.get(&feed)?.client()?;
        match scope {
            Scope::One(id) => client.curl(&graph::Request::alert(&id)),
            // The filter may have just changed to one that excludes this feed.
            Scope::Nothing => None,
            Scope::All | Scope::Filter(_) => {
                let filter = expression(scope).map(|filter| filter.to_string());
                let query = graph::ListQuery { filter, ..Default::default() };
                client.curl(&graph::Request::list(&query))
            }
        }
    }

    /// Waits for the jobs that outlive the console. Returns their failures in one line, if any.
    /// `messages` receives the messages that the loop has not handled.
    pub(super) async fn finish(&mut self, mut messages: Receiver<Message>) -> Option<String> {
        // Do not send any more changes.
        for task in self.tasks.values_mut().filter(|task| task.stops_at_exit) {
            task.stop = None;
        }
        let sessions = self.connections.values().filter_map(|connection| connection.session.as_ref());
        for session in sessions.filter_map(SessionWatch::session) {
            // If the credentials are not saved, the user has to sign in again in the next run.
            let _ = timeout(MAX_SAVING, session.saved()).await;
        }
        // Tasks return any failure that they can no longer send.
        messages.close();
        let caches = self.connections.drain().filter_map(|(_, connection)| connection.cache);
        for cache in caches.collect::<Vec<_>>() {
            cache.finish().await;
        }
        let mut errors = Vec::new();
        for task in self.tasks.values().filter(|task| !task.outlives) {
            task.handle.abort();
        }
        while let Some(message) = messages.recv().await {
            if let Message::Job(_, JobEvent::Exported { path, outcome: Err(error) }) = message {
                errors.push(error.line(&path));
            } else if let Message::Job(_, JobEvent::Write(WriteEvent::Ended { result, .. })) = message
                && !result.is_success()
            {
                errors.push(result.line());
            }
        }
        let mut tasks: Vec<_> = self.tasks.drain().filter(|(_, task)| task.outlives).collect();
        tasks.sort_unstable_by_key(|(id, _)| *id);
        for (_, task) in tasks {
            errors.extend(task.handle.await.ok().flatten());
        }
        (!errors.is_empty()).then(|| errors.join("; "))
    }

    fn session(&self, feed: FeedId) -> Option<&SessionWatch> {
        self.connections.get(&feed)?.session.as_ref()
    }

    fn start(&mut self, id: JobId, kind: JobKind) {
        match kind {
            JobKind::List(scope) => self.fetch(id, |client| match scope {
                Scope::One(id) => Fetch::Alert(id),
                scope => Fetch::List(graph::Load::start(client, expression(scope))),
            }),
            JobKind::Poll(scope) => {
                self.fetch(id, |client| Fetch::List(graph::Load::start(client, expression(scope))));
            }
            JobKind::Backfill { scope, from } => self.fetch(id, |client| {
                let from = from.map(|Bookmark(at)| at);
                Fetch::Backfill(graph::Load::start_backfill(client, expression(scope), from))
            }),
            JobKind::CompareOwners(known) => self.compare_owners(id, known),
            JobKind::Read(row, alert) => {
                let read = move || {
                    let body = Box::new(Body::read(&alert.read()));
                    JobEvent::Read(row, alert, body)
                };
                self.work(id, read);
            }
            JobKind::Ticket { alert, portal_host } => {
                self.work(id, move || JobEvent::Ticket(Report::read(&alert.read(), &portal_host).markdown()));
            }
            JobKind::ReadCache => {
                let connection = self.connections.get(&id.feed);
                let Some(cache) = connection.and_then(|connection| connection.cache.clone()) else {
                    let messages = self.messages.clone();
                    return self.spawn(id, None, async move {
                        let _ = messages.send(Message::Job(id, JobEvent::Cache(CacheEvent::None))).await;
                    });
                };
                self.spawn(id, None, cache.read(id, self.clock.now().wall));
            }
            JobKind::Export(export) => self.export(id, export),
            JobKind::Write(writes) => self.write(id, writes),
            JobKind::WriteNote(note) => {
                let journal = self.journal.clone();
                self.work(id, move || {
                    let noted =
                        journal.ok_or(JournalError::NoFolder).and_then(|journal| journal.append(&note));
                    JobEvent::Noted(noted.map_err(|error| error.to_string()))
                });
            }
            JobKind::ReadJournal => {
                let journal = self.journal.clone();
                self.work(id, move || {
                    let read = journal.ok_or(JournalError::NoFolder).and_then(|journal| journal.read());
                    JobEvent::Journal(
                        read.map(|read| latest(read.entries)).map_err(|error| error.to_string()),
                    )
                });
            }
            JobKind::SignIn(way) => {
                let Some(session) = self.session(id.feed).and_then(SessionWatch::session) else { return };
                let (messages, clock) = (self.messages.clone(), self.clock);
                let sign_in = SignInReporter { job: id, messages, clock }.sign_in(session.clone(), way);
                self.spawn(id, None, sign_in);
            }
        }
    }

    /// Starts a fetch, or reports saved alerts.
    fn fetch(&mut self, id: JobId, begin: impl FnOnce(graph::Client) -> Fetch) {
        let Some(Connection { source, session, cache, .. }) = self.connections.get(&id.feed) else { return };
        if let Some(session) = session.as_ref().and_then(SessionWatch::session) {
            // The user has started a fetch, so the session may prompt again.
            session.ask_again();
        }
        let messages = self.messages.clone();
        match source {
            Source::Service(client) => {
                let client = client.clone();
                // A session reports its identity itself. The identity of any other token is
                // reported with the fetch.
                let tokens = Some(client.tokens()).filter(|tokens| tokens.as_session().is_none()).cloned();
                let reporter = FetchReporter { job: id, messages, tokens, caches: cache.is_some() };
                match begin(client.clone()) {
                    Fetch::Alert(alert) => self.spawn(id, None, async move {
                        // `None` means that the receiver is gone.
                        let _ = reporter.look_up(&client, &alert).await;
                    }),
                    Fetch::List(load) => self.spawn(id, None, async move {
                        let _ = reporter.follow(load, None).await;
                    }),
                    Fetch::Backfill(load) => {
                        let (stop, stopped) = oneshot::channel();
                        self.spawn(id, Some(stop), async move {
                            let _ = reporter.follow(load, Some(stopped)).await;
                        });
                    }
                }
            }
            Source::Saved(alerts) => {
                let alerts = alerts.clone();
                let reporter = FetchReporter { job: id, messages, tokens: None, caches: false };
                self.spawn(id, None, async move { reporter.report_saved(&alerts).await.unwrap_or_default() });
            }
        }
    }

    /// Asks a service how it compares owners. Waits are not reported, since the list fetch that is
    /// running reports its own.
    fn compare_owners(&mut self, id: JobId, known: Option<String>) {
        let client = self.connections.get(&id.feed).and_then(Connection::client);
        let Some(client) = client.cloned() else { return };
        let messages = self.messages.clone();
        self.spawn(id, None, async move {
            let compared = client.compare_owners(known.as_deref(), &mut |_| {}).await;
            let event = JobEvent::OwnersCompared(compared.map_err(|error| error.to_string()));
            let _ = messages.send(Message::Job(id, event)).await;
        });
    }

    /// Starts work on a worker thread. The result is the job's only event.
    fn work(&mut self, id: JobId, work: impl FnOnce() -> JobEvent + Send + 'static) {
        let messages = self.messages.clone();
        self.spawn(id, None, async move {
            if let Ok(event) = spawn_blocking(work).await {
                let _ = messages.send(Message::Job(id, event)).await;
            }
        });
    }

    fn export(&mut self, id: JobId, export: Export) {
        let messages = self.messages.clone();
        let (stop, stopped) = oneshot::channel();
        let write = async move {
            let path = export.path.clone();
            let outcome = spawn_blocking(move || export::write(&export, stopped)).await;
            let failed = || NotWritten::Refused(format!("{path:?} cannot be written: internal error"));
            let outcome = outcome.unwrap_or_else(|_| Err(failed()));
            let line = outcome.as_ref().err().map(|error| error.line(&path));
            let event = JobEvent::Exported { path, outcome };
            messages.send(Message::Job(id, event)).await.err().and(line)
        };
        self.add(
            id,
            Task { stop: Some(stop), outlives: true, stops_at_exit: false, handle: tokio::spawn(write) },
        );
    }

    /// Sends changes. Before the program exits, it waits for the results of changes already sent.
    fn write(&mut self, id: JobId, writes: Writes) {
        let connection = self.connections.get(&id.feed);
        let client = connection.and_then(Connection::client).cloned();
        let (Some(connection), Some(client)) = (connection, client) else {
            let (messages, action) = (self.messages.clone(), writes.action.id);
            return self.spawn(id, None, async move {
                let _ = messages.send(Message::Job(id, WriteEvent::Done { action }.into())).await;
            });
        };
        if let Some(session) = connection.session.as_ref().and_then(SessionWatch::session) {
            // The user has confirmed changes, so the session may prompt again.
            session.ask_again();
        }
        let caches = connection.cache.is_some();
        let many = writes.tasks.len() > USER_WRITES;
        let writer = match self.journal.clone() {
            Some(journal) => Ok(Writer {
                client,
                journal,
                profile: connection.profile.clone(),
                tenant: connection.tenant.clone(),
                account: writes.account.clone(),
                stop: Arc::default(),
                priority: if many { Priority::Bulk } else { Priority::User },
            }),
            None => Err(JournalError::NoFolder.to_string()),
        };
        let (stop, stopped) = oneshot::channel();
        let job = writes::write(id, writer, writes, caches, self.messages.clone(), stopped);
        self.add(
            id,
            Task { stop: Some(stop), outlives: true, stops_at_exit: true, handle: tokio::spawn(job) },
        );
    }

    fn spawn(
        &mut self,
        id: JobId,
        stop: Option<oneshot::Sender<Infallible>>,
        job: impl Future<Output = ()> + Send + 'static,
    ) {
        let job = async move {
            job.await;
            None
        };
        self.add(id, Task { stop, outlives: false, stops_at_exit: false, handle: tokio::spawn(job) });
    }

    fn add(&mut self, id: JobId, task: Task) {
        self.tasks.retain(|_, task| !task.handle.is_finished());
        self.tasks.insert(id, task);
    }
}

impl Connection {
    fn client(&self) -> Option<&graph::Client> {
        match &self.source {
            Source::Service(client) => Some(client),
            Source::Saved(_) => None,
        }
    }
}

/// A fetch from a service.
enum Fetch {
    Alert(AlertId),
    List(graph::Load),
    /// A list that can be stopped between pages.
    Backfill(graph::Load),
}

/// Returns the filter expression of a scope; `None` if the scope has none.
fn expression(scope: Scope) -> Option<odata::Expr> {
    match scope {
        Scope::Filter(filter) => Some(filter),
        Scope::All | Scope::Nothing | Scope::One(_) => None,
    }
}

#[cfg(test)]
mod tests;
