//! Reads a cache's batches, starting with the newest alerts.

use rusqlite::Connection;

use alertdeck_store::Batch;

use super::{CacheError, database};

/// Reads the batches that a cache contained when it was opened. Reading a batch takes a few
/// milliseconds, so use a worker thread.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    /// The IDs of the batches left to read; the next one is last.
    left: Vec<i64>,
    damaged: Vec<i64>,
}

impl Reader {
    pub(crate) fn new(connection: Connection) -> Result<Self, CacheError> {
        // The transaction reads from a snapshot of the file, so other processes can remove batches
        // without affecting it.
        connection.execute_batch("BEGIN")?;
        let mut list = connection.prepare("SELECT id FROM batch ORDER BY newest, id")?;
        let left = list.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        drop(list);
        Ok(Self { connection, left, damaged: Vec::new() })
    }

    /// Returns the next batch, or `None` at the end. Skips damaged batches.
    ///
    /// # Errors
    ///
    /// Fails if the file itself is damaged or cannot be read. After that, nothing more can be read.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, CacheError> {
        while let Some(id) = self.left.pop() {
            match database::read(&self.connection, id)?.map(|batch| batch.decode()) {
                Some(Ok(batch)) => return Ok(Some(batch)),
                Some(Err(_)) | None => self.damaged.push(id),
            }
        }
        Ok(None)
    }

    /// Returns the IDs of the batches that were skipped, to pass to
    /// [`Writer::discard`](super::Writer::discard).
    pub fn damaged(&self) -> &[i64] {
        &self.damaged
    }
}
