//! Saved alerts as a source for the console. Files are read in the background, in chunks.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{Stream, StreamExt as _, stream};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::reporter::BATCH;
use crate::files::{Files, Part, Paths, Progress, Saved, workers};
use alertdeck_model::Messages;
use alertdeck_store::Batch;

/// The number of parts that are read ahead of decoding.
const AHEAD: usize = 2;

/// Saved alerts that can be read several times, with the errors and notes from the most recent
/// read.
#[derive(Clone, Debug, Default)]
pub struct SavedAlerts {
    paths: Paths,
    /// Files that have already been opened to find out whether they contain alerts.
    opened: Arc<Mutex<Option<Files>>>,
    /// The results of the most recent read, without the alerts.
    outcome: Arc<Mutex<Saved>>,
}

impl SavedAlerts {
    /// Prepares to read files, folders and standard input (`-`).
    pub fn new(paths: &[PathBuf]) -> Self {
        Self { paths: Paths::new(paths), ..Self::default() }
    }

    /// Reads up to the first alert. Blocks.
    ///
    /// # Errors
    ///
    /// Returns the errors, one line each, if there are errors and none of the files contains an
    /// alert.
    pub fn read_ahead(&self) -> Result<(), Vec<String>> {
        let mut files = self.paths.open();
        let outcome = files.read_ahead();
        *lock(&self.opened) = Some(files);
        outcome
    }

    /// Returns the errors so far, sanitised for display.
    pub fn errors(&self) -> Messages {
        lock(&self.outcome).errors()
    }

    /// Returns a one-line summary of what could not be read, based on the first error and sanitised
    /// for display. If there is only one file, its name is omitted.
    pub(super) fn summary(&self) -> Option<String> {
        let errors = self.errors();
        let first = errors.lines().into_iter().next()?;
        let only = self.paths.only_file().map(|name| format!("{name}: ")).unwrap_or_default();
        let first = first.strip_prefix(&only).unwrap_or(&first).to_owned();
        Some(match errors.len() - 1 {
            0 => first,
            more => format!("{first} (and {more} more)"),
        })
    }

    /// Returns notes for the user about the alerts, sanitised for display.
    pub fn notes(&self) -> Messages {
        lock(&self.outcome).notes.clone()
    }

    /// Starts reading from the beginning. Returns each part's alerts in batches, and the progress.
    /// Must be called within a runtime.
    pub(super) fn read(&self) -> impl Stream<Item = (Vec<Batch>, Progress)> + use<> {
        let mut files = lock(&self.opened).take().unwrap_or_else(|| self.paths.open());
        if self.paths.are_rereadable() {
            // The errors from reading a pipe are kept instead, since it cannot be read again.
            *lock(&self.outcome) = Saved::default();
        }
        let (sender, receiver) = mpsc::channel(AHEAD);
        spawn_blocking(move || {
            while let Some(part) = files.next_part() {
                // The receiver is gone if the console no longer wants the alerts.
                if sender.blocking_send(part).is_err() {
                    return;
                }
            }
        });
        let parts = stream::unfold(receiver, |mut receiver| async move {
            let part = receiver.recv().await?;
            Some((part, receiver))
        });
        let outcome = self.outcome.clone();
        let decoded = parts.map(|part| spawn_blocking(move || decode(part))).buffered(workers());
        decoded.map(move |part| {
            let (batches, saved, progress) = part.unwrap_or_default();
            lock(&outcome).extend(saved);
            (batches, progress)
        })
    }
}

/// Decodes a part's alerts.
fn decode(part: Part) -> (Vec<Batch>, Saved, Progress) {
    let progress = part.progress;
    let mut saved = part.read();
    let alerts = std::mem::take(&mut saved.alerts);
    (alerts.chunks(BATCH).map(Batch::decode).collect(), saved, progress)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn saved_alerts_can_be_read_again_with_their_errors() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.json"), r#"[{"id":"a"}]"#).unwrap();
        std::fs::write(folder.path().join("b.json"), "<html>").unwrap();
        let saved = SavedAlerts::new(&[folder.path().to_owned()]);
        saved.read_ahead().unwrap();
        for _ in 0..2 {
            let parts: Vec<_> = saved.read().collect().await;
            let counts: Vec<usize> =
                parts.iter().map(|(batches, _)| batches.iter().map(Batch::len).sum()).collect();
            assert_eq!(counts, [1, 0]);
            assert_eq!(saved.errors().len(), 1);
        }
    }
}
