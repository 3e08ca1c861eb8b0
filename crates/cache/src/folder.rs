//! The cache folder: opens, lists and removes the caches of all accounts.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use alertdeck_platform as platform;

use super::{
    Account, CacheError, Coverage, Opened, Retention, State, database,
    reader::Reader,
    writer::{OnFailure, Writer},
};
use alertdeck_model::{SafeText, Timestamp};

/// The extensions of an account's files: SQLite's own files, the maintenance lock, and a damaged
/// file that was set aside.
const EXTENSIONS: [&str; 5] = [DATABASE, "db-wal", "db-shm", "lock", DAMAGED];
const DATABASE: &str = "db";
const DAMAGED: &str = "damaged";

/// The cache folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// A description of an account's cache, to show to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The account name; `None` if the file cannot be read or is in another version's format.
    pub account: Option<String>,
    /// The service's root address.
    pub service: Option<String>,
    /// The tenant ID.
    pub tenant: Option<String>,
    /// The number of stored alert states; an alert may have several.
    pub alerts: u64,
    /// The total size of the account's files, in bytes.
    pub bytes: u64,
    /// When the cache was last updated.
    pub saved_at: Option<Timestamp>,
    /// The coverage of the cached alerts, if known.
    pub coverage: Option<Coverage>,
    /// The path of the database file.
    pub path: PathBuf,
}

impl Folder {
    /// Creates a handle to a folder, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Opens an account's cache, and creates it if it does not exist. A damaged file is set aside.
    /// If writing has to stop later, `on_failure` is called with the reason.
    ///
    /// # Errors
    ///
    /// Fails if the folder or the file cannot be created or opened, for example because the disk is
    /// full. The account then has no cache for this run.
    pub fn open(
        &self,
        account: &Account,
        retention: Retention,
        on_failure: OnFailure,
    ) -> Result<Opened, CacheError> {
        platform::private_folder(&self.0)?;
        let path = self.database(account);
        self.remove_older(account);
        let ((connection, state, reader), notice) = match open_file(&path, account) {
            Err(CacheError::Damaged) => {
                set_aside(&path)?;
                let kept = path.with_extension(DAMAGED);
                let notice = format!("the cache was damaged and was set aside as {}", safe(&kept));
                (open_file(&path, account)?, Some(notice))
            }
            opened => (opened?, None),
        };
        let writer = Writer::start(connection, path, retention, on_failure)?;
        Ok(Opened { state, reader, writer, notice })
    }

    /// Removes an account's cache files, whatever their version. Returns whether there were any.
    ///
    /// A process that has the cache open continues without it.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be read or a file cannot be removed.
    pub fn clear(&self, account: &Account) -> Result<bool, CacheError> {
        let name = account.file_name();
        self.remove_where(|file| file.starts_with(&name))
    }

    /// Removes all caches. Returns whether there were any.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be read or a file cannot be removed.
    pub fn clear_all(&self) -> Result<bool, CacheError> {
        self.remove_where(|_| true)
    }

    /// Returns a description of each cache.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be read.
    pub fn stat(&self) -> Result<Vec<Stat>, CacheError> {
        let mut stats = Vec::new();
        for name in self.files()?.into_iter().filter(|name| extension_of(name) == Some(DATABASE)) {
            let path = self.0.join(&name);
            let size =
                |extension: &str| fs::metadata(path.with_extension(extension)).map_or(0, |data| data.len());
            let bytes = EXTENSIONS.into_iter().map(size).sum();
            let (account, service, tenant) = (None, None, None);
            let unknown =
                Stat { account, service, tenant, alerts: 0, bytes, saved_at: None, coverage: None, path };
            stats.push(describe(unknown.clone()).unwrap_or(unknown));
        }
        Ok(stats)
    }

    fn database(&self, account: &Account) -> PathBuf {
        self.0.join(format!("{}-{}.{DATABASE}", account.file_name(), database::version()))
    }

    /// Removes the account's files from older versions, because nothing else would remove them.
    /// Files from newer versions are kept for newer programs.
    fn remove_older(&self, account: &Account) {
        let prefix = account.file_name() + "-";
        let is_older = |file: &str| {
            let version = file.strip_prefix(&prefix).and_then(|rest| rest.split('.').next());
            version
                .and_then(|text| text.parse().ok())
                .is_some_and(|version: i32| version < database::version())
        };
        // The cache works even if old files remain.
        let _ = self.remove_where(is_older);
    }

    fn remove_where(&self, is_meant: impl Fn(&str) -> bool) -> Result<bool, CacheError> {
        let mut removed = false;
        for name in self.files()?.into_iter().filter(|name| is_meant(name)) {
            removed |= platform::remove(&self.0.join(name))?;
        }
        Ok(removed)
    }

    /// Returns the sorted names of all accounts' files. Ignores any other files in the folder.
    fn files(&self) -> Result<Vec<String>, CacheError> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| CacheError::Other(error.to_string()))?,
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| is_of_cache(name)).collect();
        names.sort_unstable();
        Ok(names)
    }
}

fn extension_of(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, extension)| extension)
}

/// Returns a path as text that is safe to show.
fn safe(path: &Path) -> String {
    SafeText::new(&path.to_string_lossy()).line()
}

/// Returns whether a file name has the form of a cache file's name: 32 hexadecimal digits, `-`, the
/// version, and one of the [`EXTENSIONS`].
fn is_of_cache(name: &str) -> bool {
    let Some((stem, extension)) = name.split_once('.') else { return false };
    let Some((hash, version)) = stem.split_once('-') else { return false };
    EXTENSIONS.contains(&extension)
        && hash.len() == 32
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && version.parse::<u32>().is_ok()
}

/// Renames a damaged file, so that a new one can be created and the damaged one can still be
/// examined. Replaces any file that was set aside earlier.
pub(crate) fn set_aside(path: &Path) -> Result<(), CacheError> {
    fs::rename(path, path.with_extension(DAMAGED)).map_err(|error| CacheError::Other(error.to_string()))?;
    for extension in ["db-wal", "db-shm"] {
        platform::remove(&path.with_extension(extension))?;
    }
    Ok(())
}

/// Removes an account's files, given the path of its database.
pub(crate) fn remove_files(path: &Path) -> Result<(), CacheError> {
    for extension in EXTENSIONS {
        platform::remove(&path.with_extension(extension))?;
    }
    Ok(())
}

/// Opens a file once for writing and once for reading, and reads a summary of its content.
fn open_file(path: &Path, account: &Account) -> Result<(Connection, State, Reader), CacheError> {
    platform::private_file(path)?;
    let connection = database::open(path, account)?;
    let state = database::state(&connection)?;
    Ok((connection, state, Reader::new(database::open(path, account)?)?))
}

fn describe(unknown: Stat) -> Result<Stat, CacheError> {
    let connection = database::connect(&unknown.path)?;
    if !database::is_ours(&connection)? {
        return Err(CacheError::Damaged);
    }
    let state = database::state(&connection)?;
    let key = database::get::<String>(&connection, "account")?.unwrap_or_default();
    let mut parts = key.split('\n').map(str::to_owned);
    Ok(Stat {
        account: database::get(&connection, "name")?,
        service: parts.next(),
        tenant: parts.next(),
        alerts: state.alerts,
        saved_at: state.saved_at,
        coverage: state.coverage,
        ..unknown
    })
}
