//! Opens, reads, writes and removes the cache for a feed's account.
//!
//! A feed's cache depends on its account, which is identified by the stored sign-in, the token or
//! the application. Without such an identity, there is no cache, so that an account is never shown
//! another account's alerts.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{sync::mpsc::Sender, task::spawn_blocking};

use crate::app::{CacheEvent, CacheWrite, FeedEvent, JobEvent, JobId, Message};
use alertdeck_cache::{Account, CacheError, Folder, Opened, Retention, Writer};
use alertdeck_graph as graph;
use alertdeck_model::Timestamp;
use alertdeck_store::FeedId;

/// How long the program waits for the cache to be written before it exits.
const MAX_SAVING: std::time::Duration = std::time::Duration::from_secs(5);

/// The cache for a feed's account.
#[derive(Clone, Debug)]
pub(super) struct FeedCache {
    pub(super) feed: FeedId,
    pub(super) folder: Folder,
    pub(super) retention: Retention,
    pub(super) client: graph::Client,
    pub(super) messages: Sender<Message>,
    /// The writer of the open cache, if any.
    pub(super) writer: Arc<Mutex<Option<Writer>>>,
}

impl FeedCache {
    /// Opens the cache and reports its alerts. Stops reporting if the receiver is gone.
    pub(super) async fn read(self, job: JobId, now: Timestamp) {
        let messages = self.messages.clone();
        let account = cached_account(&self.client).await;
        let read = spawn_blocking(move || account.is_some_and(|account| self.read_files(account, job, now)));
        if !read.await.unwrap_or_default() {
            let _ = messages.send(Message::Job(job, JobEvent::Cache(CacheEvent::None))).await;
        }
    }

    /// Opens and reads an account's cache. Returns `false` if the cache cannot be used.
    fn read_files(&self, account: Account, job: JobId, now: Timestamp) -> bool {
        // Returns `false` if the receiver is gone, which means that the console has exited.
        let report = |event| self.messages.blocking_send(Message::Job(job, JobEvent::Cache(event))).is_ok();
        let cache = self.clone();
        let on_failure = Box::new(move |error: CacheError| cache.warn(&error));
        let Opened { state, mut reader, writer, notice } =
            match self.folder.open(&account, self.retention, on_failure) {
                Ok(opened) => opened,
                Err(error) => {
                    self.warn(&error);
                    return false;
                }
            };
        if let Some(notice) = notice {
            self.notify(notice);
        }
        self.set_writer(Some(writer));
        let name = Some(account.name).filter(|name| !name.is_empty());
        let mut received = report(CacheEvent::Opened { account: name, state });
        let mut failure = None;
        while received {
            match reader.next_batch() {
                Ok(Some(batch)) => received = report(CacheEvent::Batch(batch)),
                Ok(None) => break,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let damaged = reader.damaged().to_vec();
        drop(reader);
        let is_whole = failure.is_none() && damaged.is_empty();
        self.with_writer(|writer| match failure {
            Some(error) => writer.give_up(error),
            None => {
                if !damaged.is_empty() {
                    writer.discard(damaged);
                }
                writer.maintain(now);
            }
        });
        report(CacheEvent::Done { is_whole });
        true
    }

    /// Writes in the background. Does nothing if no cache is open.
    pub(super) fn write(&self, write: CacheWrite) {
        self.with_writer(|writer| match write {
            CacheWrite::Alerts { batch, only, at } => writer.add(batch, only, at),
            CacheWrite::Coverage { coverage, at } => writer.save(Some(coverage), at),
        });
    }

    /// Removes the signed-in account's cache. Any error is returned as one line.
    pub(super) async fn clear(self) -> Result<(), String> {
        let account = cached_account(&self.client).await;
        let clear = move || {
            if let Some(writer) = self.set_writer(None) {
                writer.clear()?;
            }
            account.map_or(Ok(false), |account| self.folder.clear(&account))
        };
        match spawn_blocking(clear).await {
            Ok(Err(error)) => Err(format!("the cache could not be removed: {error}")),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    /// Waits until everything is written, for at most [`MAX_SAVING`], before the program exits.
    pub(super) async fn finish(self) {
        let flush = move || {
            if let Some(writer) = self.set_writer(None) {
                writer.close(MAX_SAVING);
            }
        };
        let _ = spawn_blocking(flush).await;
    }

    fn warn(&self, error: &CacheError) {
        let then = match error {
            CacheError::Damaged => "it was set aside, and the next run starts a new one",
            _ => "nothing more is cached in this run",
        };
        self.notify(format!("{error}; {then}"));
    }

    /// Notifies the user. May block, so it must not be called on the event loop's thread.
    fn notify(&self, line: String) {
        tracing::warn!("cache: {line}");
        let _ = self.messages.blocking_send(Message::Feed(self.feed, FeedEvent::Warning(line)));
    }

    fn set_writer(&self, writer: Option<Writer>) -> Option<Writer> {
        std::mem::replace(&mut *self.writer.lock().unwrap_or_else(PoisonError::into_inner), writer)
    }

    fn with_writer(&self, act: impl FnOnce(&Writer)) {
        if let Some(writer) = &*self.writer.lock().unwrap_or_else(PoisonError::into_inner) {
            act(writer);
        }
    }
}

/// Returns the account whose alerts a client fetches, if it can be identified without a sign-in.
/// May run the token command.
pub async fn cached_account(client: &graph::Client) -> Option<Account> {
    let service = client.endpoint().scope().base().to_string();
    let tokens = client.tokens();
    let account = |tenant, user, name: Option<String>| {
        Some(Account { service, tenant, user, name: name.unwrap_or_default() })
    };
    match tokens.as_session() {
        Some(session) if session.vault().is_some() => {
            let stored = session.recall().await?;
            account(stored.tenant_id?, stored.object_id?, stored.upn)
        }
        // An application has the same identity in every run, even if it cannot sign in now.
        Some(session) => {
            let application = session.application();
            let tenant = application.authority.scope().base().to_string();
            account(tenant, application.client_id.clone(), None)
        }
        None => {
            tokens.current().await.ok()?;
            let claims = tokens.claims().await?;
            account(claims.tenant?, claims.object?, claims.account)
        }
    }
}
