//! Tests of private files: what is made, what is mended, what is refused, what is left behind.

use super::*;
use std::path::PathBuf;

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_and_replaced_and_removed() {
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
fn a_file_beyond_the_limit_is_refused_and_one_at_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    write_private(&path, b"12345").unwrap();
    assert_eq!(read_private(&path, 5).unwrap().unwrap().len(), 5);
    assert_eq!(read_private(&path, 4).unwrap_err(), FileError::TooLong { path, limit: 4 });
}

#[test]
fn a_missing_folder_is_an_error_when_writing_and_no_file_when_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/a");
    assert!(write_private(&path, b"x").unwrap_err().is_missing());
    assert_eq!(read_private(&path, 4).unwrap(), None);
    assert!(!remove(&path).unwrap());
}

#[test]
fn a_write_that_fails_leaves_no_unfinished_copy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::create_dir(&path).unwrap();
    let error = write_private(&path, b"x").unwrap_err();
    assert!(matches!(error, FileError::Io { what: "written", .. }), "{error}");
    assert_eq!(names(folder.path()), ["a"]);
    assert!(path.is_dir());
}

#[test]
fn what_a_killed_writer_left_goes_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    write_private(&path, b"x").unwrap();
    fs::write(folder.path().join(".a.json.alertdeck-Ab12Cd"), "half a sec").unwrap();
    fs::write(folder.path().join(".ab.json.alertdeck-Ab12Cd"), "another's").unwrap();
    // It may belong to a writer that is at work: only an old one is taken for abandoned.
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

/// Exports lie in folders of the user's, beside whatever else is there.
#[test]
fn nothing_but_unfinished_files_is_swept() {
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
fn a_file_for_the_user_is_put_where_nothing_is_or_what_is_may_go() {
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
fn a_file_that_came_meanwhile_is_not_overwritten() {
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
fn a_writer_that_fails_leaves_what_was_there() {
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
fn what_names_no_file_is_refused_before_anything_is_written() {
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
        assert_eq!(check(path.into()), FileError::NoPlace(path.into()));
    }
    assert_eq!(check_new_file(Path::new("a-new-file"), Existing::Keep), Ok(()));
    assert_eq!(names(folder.path()), ["file", "inner"]);
}

#[test]
fn a_reader_finds_the_old_file_or_the_new_one_and_nothing_between() {
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
fn a_path_in_a_message_is_neutral() {
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
    fn everything_is_private_from_the_start() {
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
    fn a_folder_of_ours_that_is_open_is_closed(#[case] open: u32) {
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
        let (folder, behind) = (root.path().join("a"), root.path().join("behind"));
        fs::create_dir(&behind).unwrap();
        set_mode(&behind, 0o755);
        symlink(&behind, &folder).unwrap();
        assert_eq!(private_folder(&folder).unwrap_err(), FileError::Link(folder));
        assert_eq!(mode(&behind), 0o755);
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_refused() {
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
    fn a_file_that_is_open_to_others_is_not_read_and_the_mend_is_named(#[case] open: u32) {
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
    fn a_file_to_append_to_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        set_mode(&path, 0o644);
        append_private(&path).unwrap().write_all(b"y").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"xy".to_vec()));
    }

    #[test]
    fn a_link_to_a_file_is_neither_read_nor_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (path, behind) = (folder.path().join("a"), folder.path().join("behind"));
        write_private(&behind, b"theirs").unwrap();
        symlink(&behind, &path).unwrap();
        assert_eq!(read_private(&path, 10).unwrap_err(), FileError::Link(path.clone()));
        assert_eq!(append_private(&path).unwrap_err(), FileError::Link(path.clone()));
        write_private(&path, b"ours").unwrap();
        assert_eq!(fs::read(&behind).unwrap(), b"theirs");
        assert_eq!(read_private(&path, 10).unwrap().unwrap(), b"ours");
    }

    #[test]
    fn a_dangling_link_creates_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, behind) = (folder.path().join("a"), folder.path().join("behind"));
        symlink(&behind, &path).unwrap();
        assert_eq!(append_private(&path).unwrap_err(), FileError::Link(path.clone()));
        assert_eq!(read_private(&path, 10).unwrap_err(), FileError::Link(path));
        assert!(!behind.exists());
    }

    #[test]
    fn a_pipe_and_a_folder_are_no_files_and_hold_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, inner) = (folder.path().join("pipe"), folder.path().join("inner"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        fs::create_dir(&inner).unwrap();
        for path in [pipe, inner] {
            assert_eq!(read_private(&path, 10).unwrap_err(), FileError::NotAFile(path.clone()));
            assert_eq!(append_private(&path).unwrap_err(), FileError::NotAFile(path));
        }
    }

    /// The user would take what the link leads to for written.
    #[test]
    fn a_link_is_neither_followed_nor_replaced_by_a_file_for_the_user() {
        let folder = tempfile::tempdir().unwrap();
        let (path, behind) = (folder.path().join("a"), folder.path().join("behind"));
        for there in [false, true] {
            if there {
                fs::write(&behind, "theirs").unwrap();
            } else {
                symlink(&behind, &path).unwrap();
            }
            for existing in [Existing::Keep, Existing::Replace] {
                let outcome = write_new_file(&path, existing, |out| out.write_all(b"ours"));
                assert_eq!(outcome, Err(FileError::Link(path.clone())));
            }
            assert!(path.is_symlink() && behind.exists() == there);
        }
        assert_eq!(fs::read_to_string(&behind).unwrap(), "theirs");
    }

    #[test]
    fn a_file_for_the_user_is_closed_to_others_whatever_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        set_mode(&path, 0o644);
        write_new_file(&path, Existing::Replace, |out| out.write_all(b"y")).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_pipe_is_not_replaced_by_a_file_for_the_user() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(check_new_file(&pipe, Existing::Replace), Err(FileError::NotAFile(pipe)));
    }

    /// A superuser may write where the mode says no; of those folders none is closed to them.
    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
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
    fn a_name_that_is_no_unicode_is_written() {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OsStr::from_bytes(b"a\xff b.csv"));
        assert_eq!(write_new_file(&path, Existing::Keep, |out| out.write_all(b"x")), Ok(1));
        assert!(path.is_file());
    }

    /// Only a superuser can give a file away; others see that their own is taken.
    #[test]
    fn what_belongs_to_another_user_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let (folder, path) = (root.path().join("a"), root.path().join("b"));
        fs::create_dir(&folder).unwrap();
        set_mode(&folder, 0o700);
        write_private(&path, b"x").unwrap();
        let given = std::os::unix::fs::chown(&folder, Some(12_345), None)
            .and_then(|()| std::os::unix::fs::chown(&path, Some(12_345), None));
        if given.is_ok() {
            assert_eq!(private_folder(&folder).unwrap_err(), FileError::Foreign(folder));
            assert_eq!(read_private(&path, 10).unwrap_err(), FileError::Foreign(path.clone()));
            assert_eq!(append_private(&path).unwrap_err(), FileError::Foreign(path));
        } else {
            assert!(private_folder(&folder).is_ok() && read_private(&path, 10).is_ok());
        }
    }

    #[test]
    fn a_renamed_or_removed_file_is_no_longer_the_same() {
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
