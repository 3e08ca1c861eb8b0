//! An account's SQLite file: opens it, creates its schema, and reads and writes its rows.

use std::{path::Path, time::Duration};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior,
    config::DbConfig,
    params,
    types::{FromSql, ToSql},
};

use alertdeck_model::Timestamp;
use alertdeck_store::EncodedBatch;

use super::{Account, CacheError, Coverage, State};

/// The schema version.
const TABLES: i32 = 1;
/// The `application_id` that marks a file as alertdeck's: `ADCK` in ASCII.
const APPLICATION: i32 = 0x4144_434b;
/// The maximum time to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(20);

/// Each row of `batch` is one batch; `newest` is the creation time of its newest alert. Deleted
/// content is overwritten (`secure_delete`), and free pages are returned to the file system
/// (`auto_vacuum`).
const SCHEMA: &str = "
    CREATE TABLE state (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY, newest INTEGER NOT NULL, count INTEGER NOT NULL,
        states BLOB NOT NULL, data BLOB NOT NULL
    ) STRICT;
    CREATE INDEX batch_newest ON batch (newest, count);
";

impl From<rusqlite::Error> for CacheError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            // SQLite reports an exceeded file size limit or disk quota as an I/O error.
            Some(ErrorCode::SystemIoFailure) if is_out_of_space(&error) => Self::Full,
            // The statements are known to be correct, so an unknown error means that the tables are
            // damaged. An error without a code means that a value has an unexpected type.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) | None => {
                Self::Damaged
            }
            Some(_) => Self::Other(error.to_string()),
        }
    }
}

/// Returns whether SQLite failed to write or grow a file, rather than to read it.
fn is_out_of_space(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code.is_some_and(|code| {
        [rusqlite::ffi::SQLITE_IOERR_WRITE, rusqlite::ffi::SQLITE_IOERR_SHMSIZE].contains(&code)
    })
}

/// Returns the file format version, which combines the schema version and the batch encoding
/// version.
pub(crate) fn version() -> i32 {
    (TABLES << 8) | i32::from(EncodedBatch::FORMAT)
}

/// Opens an account's file, and creates the tables if the file is empty. Fails with
/// [`CacheError::Damaged`] if the file is not a cache for this version and account.
pub(crate) fn open(path: &Path, account: &Account) -> Result<Connection, CacheError> {
    let mut connection = connect(path)?;
    if pragma::<i32>(&connection, "user_version")? == 0 {
        create(&mut connection, account)?;
    }
    if !is_ours(&connection)? || get::<String>(&connection, "account")? != Some(account.key()) {
        return Err(CacheError::Damaged);
    }
    Ok(connection)
}

/// Opens a file without checking its content.
pub(crate) fn connect(path: &Path) -> Result<Connection, CacheError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // The content is untrusted, so no triggers or views in it may run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // These have an effect only before the first table is created.
    connection.pragma_update(None, "page_size", 16 * 1024)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 16 << 20, |row| row.get::<_, i64>(0))?;
    // A power failure may lose the last transactions; a crash of the process loses nothing.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

fn create(connection: &mut Connection, account: &Account) -> Result<(), CacheError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have created the tables first.
    if pragma::<i32>(&transaction, "user_version")? == 0 {
        // The file may contain another program's tables.
        if transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))? > 0 {
            return Err(CacheError::Damaged);
        }
        transaction.execute_batch(SCHEMA)?;
        set(&transaction, "account", account.key())?;
        set(&transaction, "name", &account.name)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", version())?;
    }
    Ok(transaction.commit()?)
}

/// Returns whether the file is an alertdeck cache in the current file format.
pub(crate) fn is_ours(connection: &Connection) -> Result<bool, CacheError> {
    Ok(pragma::<i32>(connection, "application_id")? == APPLICATION
        && pragma::<i32>(connection, "user_version")? == version())
}

pub(crate) fn pragma<T: FromSql>(connection: &Connection, name: &str) -> Result<T, CacheError> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}

/// Returns a value from the `state` table.
pub(crate) fn get<T: FromSql>(connection: &Connection, name: &str) -> Result<Option<T>, CacheError> {
    let found = connection
        .query_row("SELECT value FROM state WHERE name = ?1", [name], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

/// Sets a value in the `state` table.
pub(crate) fn set(connection: &Connection, name: &str, value: impl ToSql) -> Result<(), CacheError> {
    connection.execute("INSERT OR REPLACE INTO state VALUES (?1, ?2)", params![name, value])?;
    Ok(())
}

fn time(connection: &Connection, name: &str) -> Result<Option<Timestamp>, CacheError> {
    Ok(get::<i64>(connection, name)?.map(Timestamp::from_ticks))
}

/// Returns the time before which alerts may have been removed.
pub(crate) fn floor(connection: &Connection) -> Result<Option<Timestamp>, CacheError> {
    time(connection, "floor")
}

/// Sets the coverage of the alerts; `None` means that nothing is covered.
pub(crate) fn set_coverage(connection: &Connection, coverage: Option<Coverage>) -> Result<(), CacheError> {
    let ticks = |at: Option<Timestamp>| at.map(Timestamp::ticks);
    set(connection, "since", ticks(coverage.and_then(|coverage| coverage.since)))?;
    set(connection, "watermark", ticks(coverage.map(|coverage| coverage.watermark)))
}

/// Returns a summary of the file's content.
pub(crate) fn state(connection: &Connection) -> Result<State, CacheError> {
    let alerts: i64 =
        connection.query_row("SELECT coalesce(sum(count), 0) FROM batch", [], |row| row.get(0))?;
    // Another process may have removed old alerts after this coverage was written.
    let since = time(connection, "since")?.max(floor(connection)?);
    let coverage = time(connection, "watermark")?.map(|watermark| Coverage { since, watermark });
    Ok(State {
        alerts: u64::try_from(alerts).unwrap_or_default(),
        saved_at: time(connection, "saved_at")?,
        coverage,
    })
}

/// Adds a batch.
pub(crate) fn insert(connection: &Connection, batch: &EncodedBatch) -> Result<(), CacheError> {
    let newest = batch.alerts.iter().filter_map(|alert| alert.created).max().unwrap_or(i64::MIN);
    let states =
        postcard::to_allocvec(&batch.alerts).map_err(|error| CacheError::Other(error.to_string()))?;
    connection.execute(
        "INSERT INTO batch (newest, count, states, data) VALUES (?1, ?2, ?3, ?4)",
        params![newest, batch.alerts.len() as i64, states, batch.data],
    )?;
    Ok(())
}

/// Removes a batch.
pub(crate) fn remove(connection: &Connection, batch: i64) -> Result<(), CacheError> {
    connection.execute("DELETE FROM batch WHERE id = ?1", [batch])?;
    Ok(())
}

/// Reads a batch without its alert states. Returns `None` if the batch does not exist.
pub(crate) fn read(connection: &Connection, batch: i64) -> Result<Option<EncodedBatch>, CacheError> {
    let data = connection.query_row("SELECT data FROM batch WHERE id = ?1", [batch], |row| row.get(0));
    Ok(data.optional()?.map(|data| EncodedBatch { data, alerts: Vec::new() }))
}
