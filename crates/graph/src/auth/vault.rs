//! Storage of refresh tokens: the system's keyring, private files, or memory.
//!
//! This module neither obtains nor uses tokens, and stores no access tokens. Invariants: tokens
//! never appear in `Debug`, in errors or in notices; there is no silent fallback from the keyring
//! to a file; every call returns in bounded time; a key never gives access to a token for another
//! profile, cloud, tenant or application.

mod file;
mod keyring;
mod record;

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ring::digest;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, sleep};

use alertdeck_model::SafeText;
use alertdeck_platform::{FileError, Lock, private_folder};

/// The folder for secrets and locks, inside the state folder.
const FOLDER: &str = "secrets";
/// The maximum wait for another instance of the program to release a lock. A refresh takes less
/// time than this unless the network fails.
const LOCK_LIMIT: Duration = Duration::from_secs(30);
/// The time between attempts to take the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(25);
/// The maximum length of the profile name within a file name, in characters.
const NAME_LENGTH: usize = 32;
/// The length of the hash in a name, in bytes; enough to rule out accidental collisions.
const HASH_LENGTH: usize = 10;

/// Identifies stored credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The profile's name.
    pub profile: String,
    /// The host of the sign-in service, which identifies the cloud.
    pub authority: String,
    /// The tenant: an id, a domain, or `organizations`.
    pub tenant: String,
    /// The application that signs in.
    pub client_id: String,
}

impl Key {
    /// Returns a name that identifies the entire key. It consists of the profile, for readability,
    /// and a hash of all parts.
    ///
    /// The name is a safe file name. Hosts, tenants and application ids are case-insensitive.
    pub fn name(&self) -> String {
        let mut hash = digest::Context::new(&digest::SHA256);
        let others = [&self.authority, &self.tenant, &self.client_id];
        let parts = std::iter::once(self.profile.clone())
            .chain(others.into_iter().map(|part| part.to_ascii_lowercase()));
        for part in parts {
            // Including the lengths ensures that different lists of parts never hash the same
            // bytes.
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut name: String = self
            .profile
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
            .take(NAME_LENGTH)
            .collect();
        name.push('-');
        for byte in &hash.finish().as_ref()[..HASH_LENGTH] {
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// The user who signed in, according to the sign-in service. For display only; not sanitised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The user principal name.
    pub upn: Option<String>,
    /// The display name.
    pub name: Option<String>,
    /// The tenant id.
    pub tenant_id: Option<String>,
    /// The user's object id.
    pub object_id: Option<String>,
}

/// Stored credentials. `Debug` hides the token.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The refresh token.
    pub refresh_token: SecretString,
    /// The user to whom the token belongs.
    pub account: Option<Account>,
}

/// The result of loading credentials.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The credentials, if any are stored.
    pub stored: Option<Stored>,
    /// A message about unreadable credentials, if any: one line that is safe to show.
    pub notice: Option<String>,
}

/// A vault error. `Display` writes one line that is safe to show and says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no keyring on this system, or it cannot be reached; the payload is the cause.
    #[error("no keyring is available: {WITHOUT_KEYRING}")]
    NoKeyring(String),
    /// The keyring is locked, and the user did not unlock it.
    #[error("the keyring is locked ({0}): unlock it, or {WITHOUT_KEYRING}")]
    Locked(String),
    /// The keyring has not responded; it may be waiting for the user, or it may have hung.
    #[error("the keyring has not responded within {} s: unlock it, or {WITHOUT_KEYRING}", .0.as_secs_f64())]
    Silent(Duration),
    /// The credentials exceed the keyring's limit.
    #[error("the keyring accepts up to {0} bytes, and the sign-in is longer: {WITHOUT_KEYRING}")]
    TooLong(u32),
    /// Any other keyring error.
    #[error("the keyring failed ({0}): fix it, or {WITHOUT_KEYRING}")]
    Refused(String),
    /// A file or folder is not private, or cannot be used.
    #[error("{0}")]
    File(#[from] FileError),
    /// Another instance of the program has held the lock on the credentials for this long.
    #[error("another alertdeck has been signing in for {} s: quit it, or try again", .0.as_secs_f64())]
    Busy(Duration),
    /// The program is shutting down.
    #[error("the program is shutting down")]
    Ending,
}

/// The part of a message that lists the alternatives to a keyring.
const WITHOUT_KEYRING: &str = "use --plaintext-secrets to store the sign-in in a file that only you can \
     read, or ALERTDECK_TOKEN or --token-command to provide a token";

/// A store for refresh tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Vault {
    storage: Storage,
    /// The folder for files and locks.
    folder: PathBuf,
}

#[derive(Clone, Debug)]
enum Storage {
    Keyring,
    File,
    Memory(Arc<Mutex<HashMap<Key, Stored>>>),
}

/// A lock on credentials, exclusive among all running instances of the program. Dropping it
/// releases the lock.
#[derive(Debug)]
#[must_use = "dropping the guard unlocks the sign-in"]
pub struct Guard(Option<Lock>);

impl Vault {
    /// Creates a vault in the system's keyring. Lock files go in the state folder, `state`.
    pub fn keyring(state: &Path) -> Self {
        Self { storage: Storage::Keyring, folder: state.join(FOLDER) }
    }

    /// Creates a vault that stores credentials in files inside the state folder, `state`. The files
    /// are readable only by their owner.
    pub fn file(state: &Path) -> Self {
        Self { storage: Storage::File, folder: state.join(FOLDER) }
    }

    /// Creates a vault in memory. Its clones share the secrets.
    pub fn memory() -> Self {
        Self { storage: Storage::Memory(Arc::default()), folder: PathBuf::new() }
    }

    /// Returns the names of the credentials stored in files inside the state folder. Keyring
    /// entries cannot be listed.
    pub async fn kept_in_files(&self) -> Result<Vec<String>, VaultError> {
        let folder = self.folder.clone();
        blocking(move || Ok(file::names(&folder)?)).await
    }

    /// Removes all credentials stored in files inside the state folder; returns how many there
    /// were.
    pub async fn forget_files(&self) -> Result<usize, VaultError> {
        let folder = self.folder.clone();
        blocking(move || Ok(file::forget_all(&folder)?)).await
    }

    /// Returns whether secrets are stored unencrypted. If so, the user must be told.
    pub fn is_plaintext(&self) -> bool {
        matches!(self.storage, Storage::File)
    }

    /// Returns a vault of the other persistent kind, in which an earlier run with a different
    /// setting may have stored credentials; `None` for a vault in memory.
    pub fn elsewhere(&self) -> Option<Self> {
        let storage = match self.storage {
            Storage::Keyring => Storage::File,
            Storage::File => Storage::Keyring,
            Storage::Memory(_) => return None,
        };
        Some(Self { storage, folder: self.folder.clone() })
    }

    /// Loads the stored credentials.
    ///
    /// Unreadable credentials are treated as missing. An unreadable file is renamed to end in
    /// `.unreadable`, replacing any earlier such file, so it is reported only once. Fails after 5 s
    /// if the keyring does not respond.
    pub async fn load(&self, key: &Key) -> Result<Loaded, VaultError> {
        match &self.storage {
            Storage::Keyring => {
                let Some(bytes) = keyring::load(key.name()).await? else { return Ok(Loaded::default()) };
                Ok(match record::decode(bytes.expose_secret()) {
                    Ok(stored) => Loaded { stored: Some(stored), notice: None },
                    Err(why) => {
                        let notice = format!("the sign-in in the keyring {why}; sign in again");
                        Loaded { stored: None, notice: Some(notice) }
                    }
                })
            }
            Storage::File => {
                let (folder, path) = (self.folder.clone(), self.secret(key));
                blocking(move || Ok(file::load(&folder, &path)?)).await
            }
            Storage::Memory(map) => {
                let stored = map.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
                Ok(Loaded { stored, notice: None })
            }
        }
    }

    /// Stores credentials, replacing any previous ones. The caller must hold [`Vault::lock`].
    pub async fn save(&self, key: &Key, stored: &Stored) -> Result<(), VaultError> {
        match &self.storage {
            Storage::Keyring => keyring::save(key.name(), record::encode(stored)).await,
            Storage::File => {
                let (folder, path, text) = (self.folder.clone(), self.secret(key), record::encode(stored));
                blocking(move || Ok(file::save(&folder, &path, &text)?)).await
            }
            Storage::Memory(map) => {
                map.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), stored.clone());
                Ok(())
            }
        }
    }

    /// Removes credentials and their files; returns whether there were any.
    ///
    /// Takes the lock, so that no other instance can restore the credentials. The caller must not
    /// already hold the lock.
    pub async fn forget(&self, key: &Key) -> Result<bool, VaultError> {
        let guard = match self.lock_within(key, LOCK_LIMIT).await {
            Ok(guard) => guard,
            // The keyring may hold credentials even if there is nowhere to put the lock file.
            Err(VaultError::File(_)) if matches!(self.storage, Storage::Keyring) => Guard(None),
            Err(error) => return Err(error),
        };
        let had = self.remove(key).await;
        let folder = self.folder.clone();
        blocking(move || {
            let Some(lock) = guard.0 else { return had };
            lock.remove()?;
            // Fails unless the folders are empty.
            let _ = fs::remove_dir(&folder);
            if let Some(state) = folder.parent() {
                let _ = fs::remove_dir(state);
            }
            had
        })
        .await
    }

    /// Removes credentials that are no longer valid. The caller must hold [`Vault::lock`].
    pub async fn clear(&self, key: &Key) -> Result<(), VaultError> {
        self.remove(key).await.map(drop)
    }

    async fn remove(&self, key: &Key) -> Result<bool, VaultError> {
        match &self.storage {
            Storage::Keyring => keyring::forget(key.name()).await,
            Storage::File => {
                let path = self.secret(key);
                blocking(move || Ok(file::forget(&path)?)).await
            }
            Storage::Memory(map) => {
                Ok(map.lock().unwrap_or_else(PoisonError::into_inner).remove(key).is_some())
            }
        }
    }

    /// Checks that secrets can be stored, by writing and removing a test entry. Call this before a
    /// sign-in starts.
    pub async fn check(&self) -> Result<(), VaultError> {
        match &self.storage {
            Storage::Keyring => keyring::check().await,
            Storage::File => {
                let folder = self.folder.clone();
                blocking(move || Ok(file::check(&folder)?)).await
            }
            Storage::Memory(_) => Ok(()),
        }
    }

    /// Locks credentials against other instances of the program and other tasks.
    ///
    /// Load after locking, not before, because another instance may have saved a new token. Fails
    /// after 30 s or, for a file vault, if the folder cannot be used. A vault in memory needs no
    /// lock.
    pub async fn lock(&self, key: &Key) -> Result<Guard, VaultError> {
        match self.lock_within(key, LOCK_LIMIT).await {
            // A keyring can be used even if there is nowhere to put the lock file.
            Err(VaultError::File(_)) if matches!(self.storage, Storage::Keyring) => Ok(Guard(None)),
            other => other,
        }
    }

    async fn lock_within(&self, key: &Key, limit: Duration) -> Result<Guard, VaultError> {
        if matches!(self.storage, Storage::Memory(_)) {
            return Ok(Guard(None));
        }
        let deadline = Instant::now() + limit;
        let (folder, path) = (self.folder.clone(), self.folder.join(format!("{}.lock", key.name())));
        loop {
            let (folder, path) = (folder.clone(), path.clone());
            let attempt = blocking(move || {
                match private_folder(&folder).and_then(|()| Lock::try_acquire(&path)) {
                    // Another instance has just removed the empty folder.
                    Err(error) if error.is_missing() => Ok(None),
                    attempt => Ok(attempt?),
                }
            });
            if let Some(lock) = attempt.await? {
                return Ok(Guard(Some(lock)));
            }
            if Instant::now() >= deadline {
                return Err(VaultError::Busy(limit));
            }
            sleep(LOCK_PAUSE).await;
        }
    }

    fn secret(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.json", key.name()))
    }
}

impl fmt::Display for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.storage {
            Storage::Keyring => f.write_str("the system's keyring"),
            Storage::File => write!(f, "unencrypted files in {}", shown(&self.folder)),
            Storage::Memory(_) => f.write_str("memory, for this run only"),
        }
    }
}

/// Returns a path as text that is safe to show.
fn shown(path: &Path) -> String {
    SafeText::new(&path.to_string_lossy()).line()
}

/// Runs file operations on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(VaultError::Ending))
}

#[cfg(test)]
mod tests;
