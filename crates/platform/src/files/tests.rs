//! Tests for private files: how they are created, modes corrected, unsafe files refused and
//! leftovers removed.

use super::*;
use std::path::PathBuf;

/// Returns the names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_written_read_replaced_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("a/b");
    private_folder(&folder).unwrap();
    let path = folder.join("secret.json");
    assert_eq!(read_private(&path, 10).unwrap(), None);
    write_private(&path, b"one").unwrap();
    write_private(&path, b"two").unwrap();
    assert_eq!(read_private(&path, 10).unwrap().unwrap(), b"two");
    assert_eq!(names(&folder), ["secret.json"]);
    assert!(remove(&path).unwrap());
    assert!(!remove(&path).unwrap());
    assert!(names(&folder).is_empty());
}

#[test]
fn a_file_longer_than_the_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    write_private(&path, b"12345").unwrap();
    assert_eq!(read_private(&path, 5).unwrap().unwrap().len(), 5);
    assert_eq!(read_private(&path, 4).unwrap_err(), FileError::TooLong { path, limit: 4 });
}

#[test]
fn in_a_missing_folder_writes_fail_and_reads_find_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/a");
    assert!(write_private(&path, b"x").unwrap_err().is_missing());
    assert_eq!(read_private(&path, 4).unwrap(), None);
    assert!(!remove(&path).unwrap());
}

#[test]
fn a_failed_write_leaves_no_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::create_dir(&path).unwrap();
    let error = write_private(&path, b"x").unwrap_err();
    assert!(matches!(error, FileError::Io { what: "written", .. }), "{error}");
    assert_eq!(names(folder.path()), ["a"]);
    assert!(path.is_dir());
}

#[test]
fn abandoned_temporary_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    write_private(&path, b"x").unwrap();
    fs::write(folder.path().join(".a.json.alertdeck-Ab12Cd"), "half a sec").unwrap();
    fs::write(folder.path().join(".ab.json.alertdeck-Ab12Cd"), "another's").unwrap();
    // A recent temporary file may belong to a writer that is still running.
    write_private(&path, b"y").unwrap();
    assert_eq!(names(folder.path()), [".a.json.alertdeck-Ab12Cd", ".ab.json.alertdeck-Ab12Cd", "a.json"]);
    let old = File::options().write(true).open(folder.path().join(".a.json.alertdeck-Ab12Cd")).unwrap();
    old.set_modified(std::time::SystemTime::now() - 2 * ABANDONED).unwrap();
    write_private(&path, b"z").unwrap();
    assert_eq!(names(folder.path()), [".ab.json.alertdeck-Ab12Cd", "a.json"]);
    fs::write(folder.path().join(".a.json.alertdeck-Cd34Ef"), "half a sec").unwrap();
    assert!(remove(&path).unwrap());
    assert_eq!(names(folder.path()), [".ab.json.alertdeck-Ab12Cd"]);
}

/// Exports are written to folders that also contain the user's other files.
#[test]
fn only_temporary_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let kept = [
        ".a.csv.bak",
        ".a.csv.alertdeck-notes",
        ".a.csv.alertdeck-Ab1",
        "a.csv.alertdeck-Ab12Cd",
        ".alertdeck",
    ];
    for name in kept.into_iter().chain([".b.csv.alertdeck-Ab12Cd"]) {
        let file = File::create(folder.path().join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - 2 * ABANDONED).unwrap();
    }
    write_new_file(&folder.path().join("a.csv"), Existing::Keep, |_| Ok(())).unwrap();
    let mut expected: Vec<_> = kept.into_iter().chain(["a.csv"]).collect();
    expected.sort_unstable();
    assert_eq!(names(folder.path()), expected);
}

#[test]
fn an_existing_file_is_replaced_only_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a file with blanks.csv");
    let put =
        |existing, text: &'static str| write_new_file(&path, existing, |out| out.write_all(text.as_bytes()));
    assert_eq!(put(Existing::Keep, "one"), Ok(3));
    assert_eq!(put(Existing::Keep, "other"), Err(FileError::Exists(path.clone())));
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    assert_eq!(put(Existing::Replace, "three"), Ok(5));
    assert_eq!(fs::read_to_string(&path).unwrap(), "three");
    assert_eq!(names(folder.path()), ["a file with blanks.csv"]);
}

#[test]
fn a_file_created_meanwhile_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let outcome = write_new_file(&path, Existing::Keep, |out| {
        fs::write(&path, "theirs")?;
        out.write_all(b"ours")
    });
    assert_eq!(outcome, Err(FileError::Exists(path.clone())));
    assert_eq!(
        (fs::read_to_string(&path).unwrap(), names(folder.path())),
        ("theirs".into(), vec!["a".into()])
    );
}

#[test]
fn a_failed_write_keeps_the_existing_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "old").unwrap();
    let outcome = write_new_file(&path, Existing::Replace, |out| {
        out.write_all(&vec![b'x'; 100_000])?;
        Err(ErrorKind::StorageFull.into())
    });
    assert!(matches!(outcome, Err(FileError::Io { kind: ErrorKind::StorageFull, .. })), "{outcome:?}");
    assert_eq!((fs::read_to_string(&path).unwrap(), names(folder.path())), ("old".into(), vec!["a".into()]));
}

#[test]
fn paths_that_cannot_be_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    let check = |path: PathBuf| check_new_file(&path, Existing::Replace).unwrap_err();
    assert_eq!(check(inner.clone()), FileError::IsFolder(inner.clone()));
    assert_eq!(check(folder.path().join("new/")), FileError::IsFolder(folder.path().join("new/")));
    assert_eq!(check(folder.path().join("..")), FileError::IsFolder(folder.path().join("..")));
    assert_eq!(check(folder.path().join("none/a")), FileError::NoFolder(folder.path().join("none")));
    assert_eq!(check(folder.path().join("file/a")), FileError::NoFolder(folder.path().join("file")));
    for path in ["", "-", "/dev/stdout", "/dev/null", "/dev/new"] {
        assert_eq!(check(path.into()), FileError::InvalidTarget(path.into()));
    }
    assert_eq!(check_new_file(Path::new("a-new-file"), Existing::Keep), Ok(()));
    assert_eq!(names(folder.path()), ["file", "inner"]);
}

#[test]
fn a_concurrent_reader_gets_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let body = |byte: u8| vec![byte; 20_000];
    write_private(&path, &body(b'a')).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for turn in 0..60 {
                write_private(&path, &body(b'a' + turn % 26)).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut reads = 0;
        while reads == 0 || !done.load(std::sync::atomic::Ordering::SeqCst) && !writer.is_finished() {
            let bytes = read_private(&path, 1 << 20).unwrap().unwrap();
            assert_eq!(bytes, body(bytes[0]));
            reads += 1;
        }
    });
}

#[test]
fn paths_in_messages_are_escaped() {
    let path = Path::new("a\u{1b}[2J\n\u{202e}b");
    let line = FileError::Link(path.to_owned()).to_string();
    assert!(!line.contains(['\u{1b}', '\n', '\u{202e}']), "{line:?}");
}

#[cfg(unix)]
mod with_modes {
    use super::*;
    use rstest::rstest;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        path.symlink_metadata().unwrap().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn files_and_folders_are_created_private() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        private_folder(&folder).unwrap();
        assert_eq!((mode(&root.path().join("a")), mode(&folder)), (0o700, 0o700));
        write_private(&folder.join("c"), b"x").unwrap();
        append_private(&folder.join("d")).unwrap();
        assert_eq!((mode(&folder.join("c")), mode(&folder.join("d"))), (0o600, 0o600));
    }

    #[rstest]
    #[case(0o755)]
    #[case(0o777)]
    #[case(0o710)]
    fn the_mode_of_an_open_folder_is_restricted(#[case] open: u32) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a");
        fs::create_dir(&folder).unwrap();
        set_mode(&folder, open);
        private_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn a_link_to_a_folder_is_refused_and_what_is_behind_it_untouched() {
        let root = tempfile::tempdir().unwrap();
        let (folder, target) = (root.path().join("a"), root.path().join("target"));
        fs::create_dir(&target).unwrap();
        set_mode(&target, 0o755);
        symlink(&target, &folder).unwrap();
        assert_eq!(private_folder(&folder).unwrap_err(), FileError::Link(folder));
        assert_eq!(mode(&target), 0o755);
    }

    #[test]
    fn a_file_instead_of_a_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        fs::write(&path, "x").unwrap();
        assert_eq!(private_folder(&path).unwrap_err(), FileError::NotAFolder(path));
    }

    #[rstest]
    #[case(0o644)]
    #[case(0o640)]
    #[case(0o604)]
    #[case(0o620)]
    fn a_file_open_to_others_is_refused_with_the_command_that_fixes_it(#[case] open: u32) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_private(&path, b"x").unwrap();
        set_mode(&path, open);
        let error = read_private(&path, 10).unwrap_err();
        assert_eq!(error, FileError::Exposed { path: path.clone(), mode: open });
        let line = error.to_string();
        assert!(line.contains(&format!("mode {open:o}")) && line.contains("`chmod 600 "), "{line}");
        set_mode(&path, 0o600);
        assert!(read_private(&path, 10).unwrap().is_some());
    }

    #[test]
    fn appending_restricts_the_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        set_mode(&path, 0o644);
        append_private(&path).unwrap().write_all(b"y").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"xy".to_vec()));
    }

    #[test]
    fn a_private_file_is_created_or_made_private_but_never_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("link"));
        private_file(&path).unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, Vec::new()));
        fs::write(&path, "x").unwrap();
        set_mode(&path, 0o644);
        private_file(&path).unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"x".to_vec()));
        symlink(&path, &link).unwrap();
        assert_eq!(private_file(&link).unwrap_err(), FileError::Link(link));
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        assert_eq!(private_file(&inner).unwrap_err(), FileError::NotAFile(inner));
    }

    #[test]
    fn a_link_to_a_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        write_private(&target, b"theirs").unwrap();
        symlink(&target, &path).unwrap();
        assert_eq!(read_private(&path, 10).unwrap_err(), FileError::Link(path.clone()));
        assert_eq!(append_private(&path).unwrap_err(), FileError::Link(path.clone()));
        write_private(&path, b"ours").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        assert_eq!(read_private(&path, 10).unwrap().unwrap(), b"ours");
    }

    #[test]
    fn a_dangling_link_creates_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        symlink(&target, &path).unwrap();
        assert_eq!(append_private(&path).unwrap_err(), FileError::Link(path.clone()));
        assert_eq!(read_private(&path, 10).unwrap_err(), FileError::Link(path));
        assert!(!target.exists());
    }

    #[test]
    fn pipes_and_folders_are_refused_without_blocking() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, inner) = (folder.path().join("pipe"), folder.path().join("inner"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        fs::create_dir(&inner).unwrap();
        for path in [pipe, inner] {
            assert_eq!(read_private(&path, 10).unwrap_err(), FileError::NotAFile(path.clone()));
            assert_eq!(append_private(&path).unwrap_err(), FileError::NotAFile(path));
        }
    }

    /// The user would expect the link's target to be written.
    #[test]
    fn a_user_file_neither_follows_nor_replaces_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a"), folder.path().join("target"));
        for there in [false, true] {
            if there {
                fs::write(&target, "theirs").unwrap();
            } else {
                symlink(&target, &path).unwrap();
            }
            for existing in [Existing::Keep, Existing::Replace] {
                let outcome = write_new_file(&path, existing, |out| out.write_all(b"ours"));
                assert_eq!(outcome, Err(FileError::Link(path.clone())));
            }
            assert!(path.is_symlink() && target.exists() == there);
        }
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    }

    #[test]
    fn a_user_file_is_private_whatever_the_old_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        set_mode(&path, 0o644);
        write_new_file(&path, Existing::Replace, |out| out.write_all(b"y")).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_user_file_does_not_replace_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(check_new_file(&pipe, Existing::Replace), Err(FileError::NotAFile(pipe)));
    }

    /// A superuser can write to any folder regardless of its mode, except `/sys` and `/proc`.
    #[test]
    fn an_unwritable_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o500);
        let mut closed = vec![Path::new("/sys"), Path::new("/proc")];
        if File::create(folder.path().join("probe")).is_err() {
            closed.push(folder.path());
        }
        for folder in closed.into_iter().filter(|folder| folder.is_dir()) {
            let path = folder.join("a.csv");
            let outcome = write_new_file(&path, Existing::Keep, |out| out.write_all(b"x"));
            assert!(matches!(outcome, Err(FileError::Io { what: "written", .. })), "{outcome:?}");
            assert!(!path.exists());
        }
    }

    #[test]
    fn file_names_need_not_be_unicode() {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OsStr::from_bytes(b"a\xff b.csv"));
        assert_eq!(write_new_file(&path, Existing::Keep, |out| out.write_all(b"x")), Ok(1));
        assert!(path.is_file());
    }

    /// Only a superuser can give a file away. For other users, the test checks that their own files
    /// are accepted.
    #[test]
    fn files_and_folders_of_other_users_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let (folder, path) = (root.path().join("a"), root.path().join("b"));
        fs::create_dir(&folder).unwrap();
        set_mode(&folder, 0o700);
        write_private(&path, b"x").unwrap();
        let given = std::os::unix::fs::chown(&folder, Some(12_345), None)
            .and_then(|()| std::os::unix::fs::chown(&path, Some(12_345), None));
        if given.is_ok() {
            assert_eq!(private_folder(&folder).unwrap_err(), FileError::OtherOwner(folder));
            assert_eq!(read_private(&path, 10).unwrap_err(), FileError::OtherOwner(path.clone()));
            assert_eq!(append_private(&path).unwrap_err(), FileError::OtherOwner(path));
        } else {
            assert!(private_folder(&folder).is_ok() && read_private(&path, 10).is_ok());
        }
    }

    #[test]
    fn a_renamed_or_replaced_file_is_not_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let file = append_private(&path).unwrap();
        assert!(same_file(&file, &path).unwrap());
        fs::rename(&path, folder.path().join("b")).unwrap();
        assert!(!same_file(&file, &path).unwrap());
        append_private(&path).unwrap();
        assert!(!same_file(&file, &path).unwrap());
    }
}
