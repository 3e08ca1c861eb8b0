//! `--output`: results in files that are written atomically.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{Run, SAMPLE_ID, alertdeck, run, sample};
use rstest::rstest;

/// How the error begins when nothing was written.
const REFUSED: &str = "alertdeck: the result was not written: ";

fn list(output: &Path, more: &[&str]) -> Run {
    run(alertdeck(["list", "--file"]).arg(sample()).arg("--output").arg(output).args(more))
}

/// Returns the names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[rstest]
#[case(&["list", "--format", "json"])]
#[case(&["list", "--format", "ndjson"])]
#[case(&["list", "--format", "csv", "--columns", "id,title"])]
#[case(&["list", "--format", "markdown"])]
#[case(&["list", "--format", "table"])]
#[case(&["show", SAMPLE_ID])]
#[case(&["show", SAMPLE_ID, "--format", "json"])]
#[case(&["show", SAMPLE_ID, "--format", "markdown"])]
fn a_file_contains_what_would_be_printed(#[case] arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a file");
    let printed = run(alertdeck(arguments).arg("--file").arg(sample()));
    let written = run(alertdeck(arguments).arg("--file").arg(sample()).arg("--output").arg(&path));
    assert_eq!((written.code, written.stdout.as_str(), written.stderr.as_str()), (0, "", ""));
    assert!(!printed.stdout.is_empty());
    assert_eq!(fs::read_to_string(&path).unwrap(), printed.stdout);
    assert_eq!(names(folder.path()), ["a file"]);
}

#[test]
fn an_existing_file_is_replaced_only_with_overwrite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "old").unwrap();
    let refused = list(&path, &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(
        refused.stderr.ends_with("a.csv\" exists; use --overwrite to replace it\n"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    let replaced = list(&path, &["--overwrite", "--format", "csv", "--columns", "id"]);
    assert_eq!((replaced.code, replaced.stderr.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("id\r\n{SAMPLE_ID}\r\n"));
    assert_eq!(
        run(&mut alertdeck(["list", "--demo", "--overwrite"])).code,
        2,
        "--overwrite requires --output"
    );
}

#[test]
fn invalid_output_paths_are_refused_before_any_request() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none/a.csv");
    for (path, words) in [
        (folder.path(), "is a folder: specify a file inside it"),
        (none.as_path(), "does not exist"),
        (Path::new("-"), "cannot be used as a file"),
        (Path::new("/dev/null"), "cannot be used as a file"),
    ] {
        // Nothing listens on this port, so a request would fail with a different code.
        let service = ["list", "--graph-url", "http://127.0.0.1:9", "--token-command", "echo x", "--output"];
        let refused = run(alertdeck(service).arg(path).arg("--overwrite"));
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
        assert!(refused.stderr.starts_with(REFUSED) && refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn readable_alerts_are_written_despite_errors() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.json"), "{").unwrap();
    let path = folder.path().join("a.ndjson");
    let partial = run(alertdeck(["list", "--format", "ndjson", "--file"])
        .arg(sample())
        .arg("--file")
        .arg(folder.path().join("bad.json"))
        .arg("--output")
        .arg(&path));
    assert_eq!((partial.code, partial.stdout.as_str()), (5, ""));
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
}

#[cfg(unix)]
mod on_unix {
    use super::*;
    use std::{
        ffi::OsStr,
        os::unix::{
            ffi::OsStrExt as _,
            fs::{MetadataExt as _, symlink},
        },
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    #[test]
    fn files_are_private_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join(OsStr::from_bytes(b"a \xff.txt")), folder.path().join("link"));
        assert_eq!(list(&path, &[]).code, 0);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let before = fs::read(&path).unwrap();
        symlink(&path, &link).unwrap();
        let refused = list(&link, &["--overwrite", "--format", "json"]);
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("is a symbolic link"), "{}", refused.stderr);
        assert!(link.is_symlink() && fs::read(&path).unwrap() == before);
    }

    /// A limit on the file size simulates a full disk.
    #[test]
    fn a_full_disk_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "old").unwrap();
        let program = assert_cmd::cargo::cargo_bin!("alertdeck");
        let ended = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"])
            .arg(program)
            .args(["list", "--format", "json", "--overwrite", "--output"])
            .arg(&path)
            .arg("--file")
            .arg(sample())
            .env("XDG_STATE_HOME", folder.path().join("state"))
            .output()
            .unwrap();
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(1), &b""[..]), "{stderr}");
        assert!(stderr.starts_with(REFUSED) && stderr.contains("a.json\" cannot be written: "), "{stderr}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert!(!names(folder.path()).iter().any(|name| name.contains("alertdeck-")), "{stderr}");
    }

    fn unfinished(folder: &Path) -> Vec<PathBuf> {
        let names = names(folder).into_iter().filter(|name| name.starts_with(".a.csv.alertdeck-"));
        names.map(|name| folder.join(name)).collect()
    }

    #[test]
    fn a_killed_writer_leaves_the_old_file_or_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, many) = (folder.path().join("a.csv"), folder.path().join("many.ndjson"));
        let alerts: Vec<_> =
            (0..12_000).map(|n| format!("{{\"id\":\"{n}\",\"title\":\"a title\"}}")).collect();
        fs::write(&many, alerts.join("\n")).unwrap();
        fs::write(&path, "old").unwrap();
        let mut killed = 0;
        for _ in 0..3 {
            let mut writer = Command::new(assert_cmd::cargo::cargo_bin!("alertdeck"))
                .args(["list", "--format", "csv", "--overwrite", "--output"])
                .arg(&path)
                .arg("--file")
                .arg(&many)
                .env("XDG_STATE_HOME", folder.path().join("state"))
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let end = Instant::now() + Duration::from_secs(60);
            let before = unfinished(folder.path()).len();
            while unfinished(folder.path()).len() == before && writer.try_wait().unwrap().is_none() {
                assert!(Instant::now() < end, "the writer never started to write");
            }
            writer.kill().unwrap();
            killed += usize::from(!writer.wait().unwrap().success());
            let text = fs::read_to_string(&path).unwrap();
            assert!(text == "old" || text.lines().count() == 12_001, "{} lines", text.lines().count());
        }
        assert!(killed > 0, "no writer was killed while writing");
        // Temporary files left behind are removed when the next file is written to the folder.
        for left in unfinished(folder.path()) {
            let left = File::options().write(true).open(left).unwrap();
            left.set_modified(SystemTime::now() - Duration::from_secs(3_600)).unwrap();
        }
        assert_eq!(list(&folder.path().join("b.csv"), &[]).code, 0);
        assert_eq!(unfinished(folder.path()), Vec::<PathBuf>::new());
    }
}
