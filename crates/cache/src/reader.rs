//! Reads the batches of a cache, the newest alerts first.

use rusqlite::Connection;

use alertdeck_store::Batch;

use super::{CacheError, database};

/// Reads the batches that a cache had when it was opened. Each takes a few milliseconds, so this is for
/// worker threads.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    /// The batches to read, in descending order.
    left: Vec<i64>,
    damaged: Vec<i64>,
}

impl Reader {
    pub(crate) fn new(connection: Connection) -> Result<Self, CacheError> {
        // Until it ends, the transaction sees the file as it is now, whatever other processes remove.
        connection.execute_batch("BEGIN")?;
        let mut list = connection.prepare("SELECT id FROM batch ORDER BY newest, id")?;
        let left = list.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        drop(list);
        Ok(Self { connection, left, damaged: Vec::new() })
    }

    /// Returns the next batch, or `None` at the end. Skips batches that are damaged.
    ///
    /// # Errors
    ///
    /// Fails if the file itself is damaged or cannot be read. Nothing more can be read then.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, CacheError> {
        while let Some(id) = self.left.pop() {
            match database::read(&self.connection, id)?.map(|batch| batch.decode()) {
                Some(Ok(batch)) => return Ok(Some(batch)),
                Some(Err(_)) | None => self.damaged.push(id),
            }
        }
        Ok(None)
    }

    /// Returns the batches that were skipped, for [`Writer::discard`](super::Writer::discard).
    pub fn damaged(&self) -> &[i64] {
        &self.damaged
    }
}
