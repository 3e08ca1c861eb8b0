//! The Secret Service from the freedesktop.org specification, over the D-Bus session bus. GNOME
//! Keyring, KWallet and KeePassXC provide it.
//!
//! Each call has its own connection and its own runtime, so that a hung bus blocks only the calling
//! thread.

use std::collections::HashMap;

use ::secret_service::{Collection, EncryptionType, Error, Item, SecretService};

use super::{Abandoned, Failure, SERVICE};

const CONTENT_TYPE: &str = "application/octet-stream";

pub(super) fn get(name: &str) -> Result<Option<Vec<u8>>, Failure> {
    run(async |service| match find(&service, name).await? {
        Some(item) => Ok(Some(item.get_secret().await?)),
        None => Ok(None),
    })
}

/// Replaces or creates the entry. Everything that may prompt the user happens before the last check
/// of `abandoned`, and writing happens after it.
pub(super) fn set(name: &str, secret: &[u8], abandoned: &Abandoned) -> Result<(), Failure> {
    run(async |service| match find(&service, name).await? {
        Some(item) => {
            abandoned.check()?;
            Ok(item.set_secret(secret, CONTENT_TYPE).await?)
        }
        None => {
            let collection = default_collection(&service).await?;
            abandoned.check()?;
            let label = format!("{SERVICE}: {name}");
            collection.create_item(&label, attributes(name), secret, true, CONTENT_TYPE).await?;
            Ok(())
        }
    })
}

/// Removes the entry; returns whether there was one.
pub(super) fn delete(name: &str) -> Result<bool, Failure> {
    run(async |service| match find(&service, name).await? {
        Some(item) => {
            item.delete().await?;
            Ok(true)
        }
        None => Ok(false),
    })
}

/// Connects to the service and runs `call` to completion.
fn run<T>(call: impl AsyncFnOnce(SecretService<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(error.to_string()))?;
    runtime.block_on(async {
        // The secret is encrypted on the bus, which other programs may monitor.
        let service = SecretService::connect(EncryptionType::Dh).await;
        call(service.map_err(|error| Failure::Unavailable(error.to_string()))?).await
    })
}

/// Finds and unlocks the entry with this name. Fails if there are several.
async fn find<'a>(service: &'a SecretService<'_>, name: &str) -> Result<Option<Item<'a>>, Failure> {
    let found = service.search_items(attributes(name)).await?;
    let mut items = found.unlocked;
    items.extend(found.locked);
    if items.len() > 1 {
        return Err(Failure::Ambiguous);
    }
    let Some(item) = items.pop() else { return Ok(None) };
    if item.is_locked().await? {
        item.unlock().await?;
    }
    Ok(Some(item))
}

/// Finds the collection for new entries and unlocks it.
async fn default_collection<'a>(service: &'a SecretService<'_>) -> Result<Collection<'a>, Failure> {
    let collection = match service.get_default_collection().await {
        Err(Error::NoResult) => return Err(Failure::Other("it has no default collection".into())),
        other => other?,
    };
    if collection.is_locked().await? {
        collection.unlock().await?;
    }
    Ok(collection)
}

/// Returns the attributes that identify an entry.
fn attributes(name: &str) -> HashMap<&str, &str> {
    HashMap::from([("service", SERVICE), ("username", name)])
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Locked | Error::Prompt | Error::PromptDisconnected => Self::Locked(error.to_string()),
            Error::Unavailable => Self::Unavailable(error.to_string()),
            error => Self::Other(error.to_string()),
        }
    }
}
