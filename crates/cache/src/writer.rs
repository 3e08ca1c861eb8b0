//! Writes to a cache on a separate thread, so that callers do not wait for the disk.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior};

use alertdeck_model::Timestamp;
use alertdeck_store::EncodedBatch;

use super::{CacheError, Coverage, Retention, database, folder, maintenance, maintenance::select};

/// A callback that receives the reason when writing has to stop.
pub type OnFailure = Box<dyn FnOnce(CacheError) + Send>;

/// The maximum number of requests to handle in one transaction.
const GROUP: usize = 64;

enum Request {
    Add(Arc<EncodedBatch>, Option<Vec<u32>>, Timestamp),
    Save(Option<Coverage>, Timestamp),
    Discard(Vec<i64>),
    Maintain(Timestamp),
    Flush(Sender<()>),
    Close(Sender<()>),
    GiveUp(CacheError),
    Clear(Sender<Result<(), CacheError>>),
}

/// Writes to a cache in the background. Requests are carried out in order. Unless stated otherwise,
/// methods return without waiting.
///
/// After the first failure, nothing more is written. Dropping the writer does not cancel earlier
/// requests: they are still carried out in the background.
#[derive(Debug)]
pub struct Writer {
    requests: Sender<Request>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        path: PathBuf,
        retention: Retention,
        on_failure: OnFailure,
    ) -> Result<Self, CacheError> {
        let (requests, received) = channel();
        let file = File { connection: Some(connection), path, retention, on_failure: Some(on_failure) };
        let thread = thread::Builder::new().name("cache".into()).spawn(move || file.serve(&received));
        thread.map_err(|error| CacheError::Other(error.to_string()))?;
        Ok(Self { requests })
    }

    fn request(&self, request: Request) {
        // The thread runs until the writer is dropped, so sending cannot fail.
        let _ = self.requests.send(request);
    }

    /// Adds alerts: the whole batch, or only those at the given positions. `at` is the current
    /// time.
    pub fn add(&self, batch: Arc<EncodedBatch>, only: Option<Vec<u32>>, at: Timestamp) {
        self.request(Request::Add(batch, only, at));
    }

    /// Records the coverage of the alerts added so far; `None` means that nothing is covered. `at`
    /// is the current time.
    pub fn save(&self, coverage: Option<Coverage>, at: Timestamp) {
        self.request(Request::Save(coverage, at));
    }

    /// Removes damaged batches ([`Reader::damaged`](super::Reader::damaged)). Afterwards, no alerts
    /// count as covered.
    pub fn discard(&self, batches: Vec<i64>) {
        self.request(Request::Discard(batches));
    }

    /// Removes superseded states and alerts that exceed the [`Retention`] limits, joins small
    /// batches, and checks the file if the last check was more than a day ago.
    pub fn maintain(&self, now: Timestamp) {
        self.request(Request::Maintain(now));
    }

    /// Stops all writing, because reading has failed. A damaged file is set aside.
    pub fn give_up(&self, error: CacheError) {
        self.request(Request::GiveUp(error));
    }

    /// Waits at most `limit` for all earlier requests to be carried out.
    pub fn flush(&self, limit: Duration) {
        let (done, wait) = channel();
        self.request(Request::Flush(done));
        let _ = wait.recv_timeout(limit);
    }

    /// Carries out all earlier requests and closes the file. Waits at most `limit` for this to
    /// finish. A file that was not closed takes longer to open.
    pub fn close(self, limit: Duration) {
        let (done, wait) = channel();
        self.request(Request::Close(done));
        let _ = wait.recv_timeout(limit);
    }

    /// Removes the cache, and waits until it has been removed. Nothing is written afterwards.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be removed.
    pub fn clear(&self) -> Result<(), CacheError> {
        let (done, wait) = channel();
        self.request(Request::Clear(done));
        wait.recv().unwrap_or(Ok(()))
    }
}

/// The writing thread's state.
struct File {
    /// `None` after a failure, and once the cache has been closed or removed.
    connection: Option<Connection>,
    path: PathBuf,
    retention: Retention,
    on_failure: Option<OnFailure>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
    }
}

impl File {
    fn serve(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let group: Vec<_> = std::iter::once(first).chain(requests.try_iter().take(GROUP - 1)).collect();
            let mut replies = Vec::new();
            if let Err(error) = self.write(group, &mut replies) {
                self.fail(error);
            }
            for reply in replies {
                let _ = reply.send(());
            }
        }
    }

    /// Carries out requests, in a single transaction if possible.
    fn write(&mut self, group: Vec<Request>, replies: &mut Vec<Sender<()>>) -> Result<(), CacheError> {
        let mut written = Vec::new();
        let mut outcome = Ok(());
        for request in group {
            match request {
                Request::Flush(reply) => replies.push(reply),
                Request::Close(reply) => {
                    outcome = outcome.and_then(|()| self.commit(std::mem::take(&mut written)));
                    self.connection = None;
                    replies.push(reply);
                }
                Request::Clear(reply) => {
                    written.clear();
                    self.connection = None;
                    let _ = reply.send(folder::remove_files(&self.path));
                }
                Request::GiveUp(error) => outcome = outcome.and(Err(error)),
                Request::Maintain(now) => {
                    outcome = outcome.and_then(|()| self.commit(std::mem::take(&mut written)));
                    outcome = outcome.and_then(|()| match &mut self.connection {
                        Some(connection) => maintenance::run(connection, &self.path, self.retention, now),
                        None => Ok(()),
                    });
                }
                other => written.push(other),
            }
        }
        outcome.and_then(|()| self.commit(written))
    }

    fn commit(&mut self, requests: Vec<Request>) -> Result<(), CacheError> {
        let Some(connection) = self.connection.as_mut().filter(|_| !requests.is_empty()) else {
            return Ok(());
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for request in requests {
            match request {
                Request::Add(batch, only, at) => {
                    let selected = only.and_then(|only| select([(&batch.decode().ok()?, &only[..])]));
                    database::insert(&transaction, selected.as_ref().unwrap_or(&batch))?;
                    database::set(&transaction, "saved_at", at.ticks())?;
                }
                Request::Save(coverage, at) => {
                    database::set_coverage(&transaction, coverage)?;
                    database::set(&transaction, "saved_at", at.ticks())?;
                }
                Request::Discard(batches) => {
                    database::set_coverage(&transaction, None)?;
                    for batch in batches {
                        database::remove(&transaction, batch)?;
                    }
                }
                Request::Maintain(_)
                | Request::Flush(_)
                | Request::Close(_)
                | Request::GiveUp(_)
                | Request::Clear(_) => {}
            }
        }
        Ok(transaction.commit()?)
    }

    /// Stops all writing and reports the error.
    fn fail(&mut self, error: CacheError) {
        self.connection = None;
        if error == CacheError::Damaged {
            let _ = set_aside_if_exists(&self.path);
        }
        if let Some(on_failure) = self.on_failure.take() {
            on_failure(error);
        }
    }
}

fn set_aside_if_exists(path: &Path) -> Result<(), CacheError> {
    if path.exists() { folder::set_aside(path) } else { Ok(()) }
}
