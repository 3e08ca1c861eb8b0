//! Tests for the vault with each kind of storage: isolation, unreadable files, clean-up and locks.

use super::*;
use alertdeck_platform::write_private;
use rstest::rstest;

const CANARY: &str = "0.canary-4f1d";

fn key(profile: &str) -> Key {
    Key {
        profile: profile.into(),
        authority: "login.microsoftonline.com".into(),
        tenant: "contoso.com".into(),
        client_id: "11111111-2222-3333-4444-555555555555".into(),
    }
}

fn stored(token: &str) -> Stored {
    let account = Account { upn: Some("me@contoso.com".into()), ..Account::default() };
    Stored { refresh_token: token.into(), account: Some(account) }
}

/// Returns the token stored under a key, and the notice, if any.
async fn token(vault: &Vault, key: &Key) -> (Option<String>, Option<String>) {
    let loaded = vault.load(key).await.unwrap();
    (loaded.stored.map(|stored| stored.refresh_token.expose_secret().to_owned()), loaded.notice)
}

/// Returns all paths inside a folder, sorted.
fn paths(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).into_iter().flatten() {
            let path = entry.unwrap().path();
            paths.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            folders.push(path);
        }
    }
    paths.sort();
    paths
}

#[rstest]
#[case::file(true)]
#[case::memory(false)]
#[tokio::test]
async fn a_sign_in_is_saved_loaded_replaced_and_removed(#[case] file: bool) {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("state");
    let vault = if file { Vault::file(&state) } else { Vault::memory() };
    let key = key("work");
    assert_eq!(token(&vault, &key).await, (None, None));
    vault.check().await.unwrap();
    vault.save(&key, &stored("first")).await.unwrap();
    vault.save(&key, &stored("second")).await.unwrap();
    assert_eq!(token(&vault, &key).await, (Some("second".into()), None));
    let account = vault.load(&key).await.unwrap().stored.unwrap().account.unwrap();
    assert_eq!(account.upn.as_deref(), Some("me@contoso.com"));
    assert!(vault.forget(&key).await.unwrap());
    assert_eq!(token(&vault, &key).await, (None, None));
    assert!(!vault.forget(&key).await.unwrap());
    assert_eq!(vault.elsewhere().is_some(), file);
    assert_eq!(paths(root.path()), [""; 0]);
}

#[rstest]
#[case::profile(Key { profile: "home".into(), ..key("work") })]
#[case::cloud(Key { authority: "login.microsoftonline.us".into(), ..key("work") })]
#[case::tenant(Key { tenant: "fabrikam.com".into(), ..key("work") })]
#[case::application(Key { client_id: "99999999-2222-3333-4444-555555555555".into(), ..key("work") })]
#[tokio::test]
async fn keys_that_differ_in_one_part_are_isolated(#[case] other: Key) {
    let root = tempfile::tempdir().unwrap();
    for vault in [Vault::file(root.path()), Vault::memory()] {
        vault.save(&key("work"), &stored("mine")).await.unwrap();
        assert_eq!(token(&vault, &other).await, (None, None));
        vault.save(&other, &stored("theirs")).await.unwrap();
        assert!(vault.forget(&other).await.unwrap());
        assert_eq!(token(&vault, &key("work")).await.0.as_deref(), Some("mine"));
    }
}

#[test]
fn a_name_ignores_case_and_is_a_safe_file_name() {
    let upper_case =
        Key { authority: "LOGIN.microsoftonline.com".into(), tenant: "Contoso.COM".into(), ..key("work") };
    assert_eq!(upper_case.name(), key("work").name());
    let shifted = Key { authority: "a".into(), tenant: "bc".into(), ..key("work") };
    let other = Key { authority: "ab".into(), tenant: "c".into(), ..key("work") };
    assert_ne!(shifted.name(), other.name());
    for profile in ["../../etc/passwd", "", "a\u{1b}\n\0b", "Zoë", "CON", &"x".repeat(9_000)] {
        let name = key(profile).name();
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(name.len() <= NAME_LENGTH + 1 + 2 * HASH_LENGTH && name.chars().all(safe), "{name}");
    }
    assert_ne!(key("a/b").name(), key("a_b").name());
    assert!(key("work").name().starts_with("work-"));
}

#[test]
fn debug_and_errors_hide_the_token() {
    let loaded = Loaded { stored: Some(stored(CANARY)), notice: None };
    assert!(!format!("{loaded:?}").contains(CANARY));
    let vault = Vault::memory();
    let Storage::Memory(map) = &vault.storage else { unreachable!() };
    map.lock().unwrap().insert(key("work"), stored(CANARY));
    assert!(!format!("{vault:?} {vault}").contains(CANARY));
}

#[rstest]
#[case::cut(r#"{"version":1,"rt":"0.canary-4f1d"#.as_bytes(), "is damaged")]
#[case::garbage(b"\0\xff\x1b[2J", "is damaged")]
#[case::empty(b"", "is damaged")]
#[case::newer(br#"{"version":7,"rt":{"v":"0.canary-4f1d"}}"#, "was written by a newer alertdeck (format 7)")]
#[case::long(&vec![b' '; (64 << 10) + 1], "is damaged")]
#[tokio::test]
async fn an_unreadable_file_is_renamed_once(#[case] bytes: &[u8], #[case] why: &str) {
    let root = tempfile::tempdir().unwrap();
    let vault = Vault::file(&root.path().join("state"));
    let key = key("work");
    vault.save(&key, &stored("first")).await.unwrap();
    let path = vault.secret(&key);
    for _ in 0..2 {
        write_private(&path, bytes).unwrap();
        let (found, notice) = token(&vault, &key).await;
        let notice = notice.unwrap();
        assert_eq!(found, None);
        assert!(notice.contains(why) && notice.contains("sign in again"), "{notice}");
        assert!(!notice.contains("canary") && !notice.contains('\u{1b}'), "{notice}");
        // The file is reported once and kept for inspection.
        assert_eq!(token(&vault, &key).await, (None, None));
        assert_eq!(fs::read(path.with_extension("json.unreadable")).unwrap(), bytes);
    }
    vault.save(&key, &stored("second")).await.unwrap();
    assert_eq!(token(&vault, &key).await.0.as_deref(), Some("second"));
    assert!(vault.forget(&key).await.unwrap());
    assert_eq!(paths(root.path()), [""; 0]);
}

#[tokio::test]
async fn forgetting_leaves_other_files() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("state");
    let vault = Vault::file(&state);
    for profile in ["work", "home"] {
        vault.save(&key(profile), &stored(profile)).await.unwrap();
    }
    fs::write(state.join("alertdeck.log"), "").unwrap();
    assert!(vault.forget(&key("work")).await.unwrap());
    assert!(vault.forget(&key("home")).await.unwrap());
    assert_eq!(paths(&state), ["alertdeck.log"]);
}

#[tokio::test]
async fn a_lock_excludes_other_copies_until_its_guard_is_dropped() {
    let root = tempfile::tempdir().unwrap();
    // Two vaults stand in for two instances of the program. A keyring uses the same locks.
    let (one, two) = (Vault::file(root.path()), Vault::keyring(root.path()));
    let limit = Duration::from_millis(50);
    let guard = one.lock(&key("work")).await.unwrap();
    assert_eq!(two.lock_within(&key("work"), limit).await.unwrap_err(), VaultError::Busy(limit));
    let other = two.lock_within(&key("home"), limit).await.unwrap();
    drop(guard);
    drop(two.lock_within(&key("work"), limit).await.unwrap());
    drop(other);
}

#[tokio::test]
async fn locks_exclude_each_other_while_the_folder_is_created_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let vault = Vault::file(&root.path().join("state"));
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let vault = vault.clone();
            tokio::spawn(async move {
                for turn in 0..5 {
                    let guard = vault.lock(&key("work")).await.unwrap();
                    let text = format!("{task}-{turn}");
                    vault.save(&key("work"), &stored(&text)).await.unwrap();
                    assert_eq!(token(&vault, &key("work")).await, (Some(text), None));
                    drop(guard);
                    vault.forget(&key("work")).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(paths(root.path()), [""; 0]);
}

#[tokio::test]
#[ignore = "writes to the keyring of the session and cleans up"]
async fn a_keyring_stores_and_removes() {
    let root = tempfile::tempdir().unwrap();
    let vault = Vault::keyring(&root.path().join("state"));
    let key = key("alertdeck-test");
    vault.check().await.unwrap();
    assert_eq!(token(&vault, &key).await, (None, None));
    for text in ["first", &"t".repeat(2_000)] {
        vault.save(&key, &stored(text)).await.unwrap();
        assert_eq!(token(&vault, &key).await, (Some(text.into()), None));
    }
    keyring::save(key.name(), r#"{"version":2}"#.into()).await.unwrap();
    let (found, notice) = token(&vault, &key).await;
    assert!(found.is_none() && notice.unwrap().contains("a newer alertdeck (format 2)"));
    assert!(vault.forget(&key).await.unwrap());
    assert!(!vault.forget(&key).await.unwrap());
    assert_eq!(token(&vault, &key).await, (None, None));
    assert_eq!(paths(root.path()), [""; 0]);
}

#[cfg(unix)]
mod with_modes {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        path.symlink_metadata().unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn files_and_folders_are_private() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("state");
        let vault = Vault::file(&state);
        vault.save(&key("work"), &stored(CANARY)).await.unwrap();
        let guard = vault.lock(&key("work")).await.unwrap();
        let names = paths(&state);
        assert_eq!(names.len(), 3, "{names:?}");
        for name in names {
            let path = state.join(&name);
            assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{name}");
        }
        drop(guard);
    }

    #[tokio::test]
    async fn a_file_that_others_can_read_is_refused_with_the_fix() {
        let root = tempfile::tempdir().unwrap();
        let vault = Vault::file(root.path());
        vault.save(&key("work"), &stored(CANARY)).await.unwrap();
        fs::set_permissions(vault.secret(&key("work")), fs::Permissions::from_mode(0o644)).unwrap();
        let error = vault.load(&key("work")).await.unwrap_err().to_string();
        assert!(error.contains("chmod 600") && !error.contains(CANARY), "{error}");
    }

    #[tokio::test]
    async fn links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (state, target) = (root.path().join("state"), root.path().join("target"));
        fs::create_dir_all(&state).unwrap();
        fs::create_dir(&target).unwrap();
        symlink(&target, state.join(FOLDER)).unwrap();
        let vault = Vault::file(&state);
        let refused = VaultError::File(FileError::Link(state.join(FOLDER)));
        assert_eq!(vault.check().await.unwrap_err(), refused);
        assert_eq!(vault.save(&key("work"), &stored(CANARY)).await.unwrap_err(), refused);
        assert_eq!(vault.lock(&key("work")).await.unwrap_err(), refused);
        assert_eq!(paths(&target), [""; 0]);
        // Nothing is read or removed either.
        write_private(&target.join(vault.secret(&key("work")).file_name().unwrap()), b"theirs").unwrap();
        assert_eq!(vault.load(&key("work")).await.unwrap_err(), refused);
        assert_eq!(vault.forget(&key("work")).await.unwrap_err(), refused);
        assert_eq!(paths(&target).len(), 1);
    }
}
