//! Where refresh tokens are kept: the system's keyring, a private file, or nowhere.
//!
//! It knows nothing of how a token is got or used, and holds no access token. Invariants: a
//! token is never in `Debug`, in an error or in a notice; nothing falls back from the keyring
//! to a file by itself; every answer comes in bounded time; whoever signs in under another
//! profile, cloud, tenant or application does not see this one's token.

mod file;
mod keyring;
mod wire;

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

/// The folder for secrets and locks, in the state folder.
const FOLDER: &str = "secrets";
/// How long another copy may hold a sign-in: longer than a refresh takes, unless the network fails.
const LOCK_LIMIT: Duration = Duration::from_secs(30);
/// Between two tries to get the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(25);
/// Characters of a profile's name in a file name.
const NAME_LENGTH: usize = 32;
/// Bytes of the hash in a name: beyond any accident.
const HASH_LENGTH: usize = 10;

/// What a secret belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The profile's name.
    pub profile: String,
    /// The host of the sign-in service, which names the cloud.
    pub authority: String,
    /// The tenant: an id, a domain, or `organizations`.
    pub tenant: String,
    /// The application that signs in.
    pub client_id: String,
}

impl Key {
    /// Returns the one name for all parts: the profile, for people, and a hash of everything.
    ///
    /// It is a safe file name. Hosts, tenants and application ids do not tell case apart.
    pub fn name(&self) -> String {
        let mut hash = digest::Context::new(&digest::SHA256);
        let others = [&self.authority, &self.tenant, &self.client_id];
        let parts = std::iter::once(self.profile.clone())
            .chain(others.into_iter().map(|part| part.to_ascii_lowercase()));
        for part in parts {
            // With their lengths, no two lists of parts read the same.
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

/// Who signed in, as the sign-in service said. For showing only, and not neutralised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The user principal name.
    pub upn: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// The id of the tenant.
    pub tenant_id: Option<String>,
    /// The id of the user.
    pub object_id: Option<String>,
}

/// A sign-in that is kept. `Debug` hides the token.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What a new access token is got with.
    pub refresh_token: SecretString,
    /// Whose it is.
    pub account: Option<Account>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The sign-in, if one is kept.
    pub stored: Option<Stored>,
    /// Why one that was kept is not to be had any more: a line that is safe to show.
    pub notice: Option<String>,
}

/// Why a secret cannot be kept or had, in one line that is safe to show and names the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no keyring on this system, or nothing that leads to one.
    #[error("there is no keyring here: {WITHOUT_KEYRING}")]
    NoKeyring(String),
    /// It waits for its owner, or was not unlocked when it asked.
    #[error("the keyring is locked ({0}): unlock it, or {WITHOUT_KEYRING}")]
    Locked(String),
    /// It does not answer: it may be showing a question, or hang.
    #[error("the keyring has not answered within {} s: unlock it, or {WITHOUT_KEYRING}", .0.as_secs_f64())]
    Silent(Duration),
    /// The sign-in is longer than what the keyring holds.
    #[error("the keyring holds no more than {0} bytes, and the sign-in is longer: {WITHOUT_KEYRING}")]
    TooLong(u32),
    /// Anything else that the keyring said.
    #[error("the keyring refused ({0}): mend it, or {WITHOUT_KEYRING}")]
    Refused(String),
    /// A file or folder is not private, or cannot be used.
    #[error("{0}")]
    File(#[from] FileError),
    /// Another copy of the program has been using the same sign-in all the time.
    #[error("another alertdeck has been signing in for {} s: end it, or try again", .0.as_secs_f64())]
    Busy(Duration),
    /// The program is ending.
    #[error("the program is ending")]
    Ending,
}

/// What to do without a keyring.
const WITHOUT_KEYRING: &str = "use --plaintext-secrets to keep the sign-in in a file that only you can \
     read, or ALERTDECK_TOKEN or --token-command to bring a token of your own";

/// A place for secrets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Vault {
    place: Place,
    /// Where files and locks lie.
    folder: PathBuf,
}

#[derive(Clone, Debug)]
enum Place {
    Keyring,
    File,
    Memory(Arc<Mutex<HashMap<Key, Stored>>>),
}

/// An exclusive right to a sign-in over all running copies, until it is dropped.
#[derive(Debug)]
#[must_use = "another copy may go on as soon as it is dropped"]
pub struct Guard(Option<Lock>);

impl Vault {
    /// Keeps secrets in the system's keyring; locks lie below `state`, the state folder.
    pub fn keyring(state: &Path) -> Self {
        Self { place: Place::Keyring, folder: state.join(FOLDER) }
    }

    /// Keeps secrets in files that only their owner can read, below `state`, the state folder.
    pub fn file(state: &Path) -> Self {
        Self { place: Place::File, folder: state.join(FOLDER) }
    }

    /// Keeps secrets in memory, shared by all clones, until the program ends.
    pub fn memory() -> Self {
        Self { place: Place::Memory(Arc::default()), folder: PathBuf::new() }
    }

    /// Lists the sign-ins that files below the state folder hold, by their names. A keyring does not
    /// tell what it holds.
    pub async fn kept_in_files(&self) -> Result<Vec<String>, VaultError> {
        let folder = self.folder.clone();
        blocking(move || Ok(file::kept(&folder)?)).await
    }

    /// Removes every sign-in from the files below the state folder; returns how many there were.
    pub async fn forget_files(&self) -> Result<usize, VaultError> {
        let folder = self.folder.clone();
        blocking(move || Ok(file::forget_all(&folder)?)).await
    }

    /// Tells whether secrets are kept unencrypted, which is to be said wherever it is so.
    pub fn is_plaintext(&self) -> bool {
        matches!(self.place, Place::File)
    }

    /// Returns the other place where a sign-in may have been left, by a run with another setting;
    /// what is kept in memory is nowhere else.
    pub fn elsewhere(&self) -> Option<Self> {
        let place = match self.place {
            Place::Keyring => Place::File,
            Place::File => Place::Keyring,
            Place::Memory(_) => return None,
        };
        Some(Self { place, folder: self.folder.clone() })
    }

    /// Returns the sign-in that is kept.
    ///
    /// One that cannot be read any more counts as none, and is not met again: a file is renamed
    /// with `.unreadable`, of which the last is kept. Fails where the place refuses, and within
    /// 5 s where a keyring does not answer.
    pub async fn load(&self, key: &Key) -> Result<Loaded, VaultError> {
        match &self.place {
            Place::Keyring => {
                let Some(bytes) = keyring::load(key.name()).await? else { return Ok(Loaded::default()) };
                Ok(match wire::decode(bytes.expose_secret()) {
                    Ok(stored) => Loaded { stored: Some(stored), notice: None },
                    Err(why) => {
                        let notice = format!("the sign-in in the keyring {why}; sign in again");
                        Loaded { stored: None, notice: Some(notice) }
                    }
                })
            }
            Place::File => {
                let (folder, path) = (self.folder.clone(), self.secret(key));
                blocking(move || Ok(file::load(&folder, &path)?)).await
            }
            Place::Memory(map) => {
                let stored = map.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
                Ok(Loaded { stored, notice: None })
            }
        }
    }

    /// Keeps a sign-in in the place of the one before. Hold [`Vault::lock`] while doing so.
    pub async fn save(&self, key: &Key, stored: &Stored) -> Result<(), VaultError> {
        match &self.place {
            Place::Keyring => keyring::save(key.name(), wire::encode(stored)).await,
            Place::File => {
                let (folder, path, text) = (self.folder.clone(), self.secret(key), wire::encode(stored));
                blocking(move || Ok(file::save(&folder, &path, &text)?)).await
            }
            Place::Memory(map) => {
                map.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), stored.clone());
                Ok(())
            }
        }
    }

    /// Removes a sign-in with all that was made for it; tells whether there was one.
    ///
    /// It takes the lock by itself, so that no other copy puts back what was removed: do not
    /// hold it.
    pub async fn forget(&self, key: &Key) -> Result<bool, VaultError> {
        let guard = match self.lock_within(key, LOCK_LIMIT).await {
            Ok(guard) => guard,
            // Where no lock file can be, the keyring may still hold something.
            Err(VaultError::File(_)) if matches!(self.place, Place::Keyring) => Guard(None),
            Err(error) => return Err(error),
        };
        let had = self.remove(key).await;
        let folder = self.folder.clone();
        blocking(move || {
            let Some(lock) = guard.0 else { return had };
            lock.remove()?;
            // Only empty ones go.
            let _ = fs::remove_dir(&folder);
            if let Some(state) = folder.parent() {
                let _ = fs::remove_dir(state);
            }
            had
        })
        .await
    }

    /// Removes a sign-in that is no longer good. Hold [`Vault::lock`] while doing so.
    pub async fn clear(&self, key: &Key) -> Result<(), VaultError> {
        self.remove(key).await.map(drop)
    }

    async fn remove(&self, key: &Key) -> Result<bool, VaultError> {
        match &self.place {
            Place::Keyring => keyring::forget(key.name()).await,
            Place::File => {
                let path = self.secret(key);
                blocking(move || Ok(file::forget(&path)?)).await
            }
            Place::Memory(map) => {
                Ok(map.lock().unwrap_or_else(PoisonError::into_inner).remove(key).is_some())
            }
        }
    }

    /// Tells whether a secret could be kept here, by keeping one: ask before a sign-in is begun.
    pub async fn check(&self) -> Result<(), VaultError> {
        match &self.place {
            Place::Keyring => keyring::check().await,
            Place::File => {
                let folder = self.folder.clone();
                blocking(move || Ok(file::check(&folder)?)).await
            }
            Place::Memory(_) => Ok(()),
        }
    }

    /// Waits until no other copy of the program, and no other task, works on this sign-in.
    ///
    /// Load after this, not before: the other may have saved a new token. Fails after 30 s, and,
    /// for files, where their folder cannot be used. What is kept in memory needs no lock.
    pub async fn lock(&self, key: &Key) -> Result<Guard, VaultError> {
        match self.lock_within(key, LOCK_LIMIT).await {
            // Where no lock file can be, a keyring can still be used.
            Err(VaultError::File(_)) if matches!(self.place, Place::Keyring) => Ok(Guard(None)),
            other => other,
        }
    }

    async fn lock_within(&self, key: &Key, limit: Duration) -> Result<Guard, VaultError> {
        if matches!(self.place, Place::Memory(_)) {
            return Ok(Guard(None));
        }
        let deadline = Instant::now() + limit;
        let (folder, path) = (self.folder.clone(), self.folder.join(format!("{}.lock", key.name())));
        loop {
            let (folder, path) = (folder.clone(), path.clone());
            let attempt = blocking(move || {
                match private_folder(&folder).and_then(|()| Lock::try_acquire(&path)) {
                    // Another copy has just removed the folder after its last sign-in.
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
        match self.place {
            Place::Keyring => f.write_str("the system's keyring"),
            Place::File => write!(f, "unencrypted files in {}", shown(&self.folder)),
            Place::Memory(_) => f.write_str("memory, for this run only"),
        }
    }
}

/// Returns a path as it may be shown.
fn shown(path: &Path) -> String {
    SafeText::new(&path.to_string_lossy()).line()
}

/// Runs what touches files away from the threads that serve tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(VaultError::Ending))
}

#[cfg(test)]
mod tests;
