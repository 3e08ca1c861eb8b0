//! Tests for the keyring's time limit, for a missing keyring, and for keyring errors.

use super::*;
use rstest::rstest;

const LONG: Duration = Duration::from_secs(60);

fn counter() -> &'static AtomicUsize {
    Box::leak(Box::default())
}

#[tokio::test]
async fn a_call_that_hangs_is_abandoned_and_writes_nothing_later() {
    let calls = counter();
    let (answer, question) = std::sync::mpsc::channel::<()>();
    let (done, outcome) = std::sync::mpsc::channel();
    let limit = Duration::from_millis(20);
    let error = run(calls, limit, move |abandoned| {
        question.recv().unwrap();
        done.send(abandoned.check().is_err()).unwrap();
        Ok(())
    })
    .await
    .unwrap_err();
    assert_eq!(error, VaultError::Silent(limit));
    let line = error.to_string();
    assert!(line.contains("0.02 s: unlock it, or use --plaintext-secrets"), "{line}");
    assert!(line.contains("ALERTDECK_TOKEN or --token-command"), "{line}");
    answer.send(()).unwrap();
    assert!(outcome.recv().unwrap(), "it could still have written");
}

#[tokio::test]
async fn a_keyring_that_hangs_takes_few_threads() {
    let calls = counter();
    let hang = |_: &Abandoned| -> Result<(), Failure> {
        loop {
            thread::park();
        }
    };
    for _ in 0..MAX_CALLS {
        let limit = Duration::from_millis(1);
        assert_eq!(run(calls, limit, hang).await.unwrap_err(), VaultError::Silent(limit));
    }
    assert_eq!(run(calls, LONG, |_| Ok(1)).await.unwrap_err(), VaultError::Silent(LONG));
    assert_eq!(calls.load(Ordering::SeqCst), MAX_CALLS);
}

#[tokio::test]
async fn finished_calls_do_not_count() {
    let calls = counter();
    for turn in 0..3 * MAX_CALLS {
        assert_eq!(run(calls, LONG, move |_| Ok(turn)).await, Ok(turn));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[rstest]
#[case::locked(Failure::Locked("Prompt\u{1b}[2J was\ndismissed".into()), "the keyring is locked (Prompt␛[2J was⏎dismissed): unlock it, or")]
#[case::unavailable(Failure::Unavailable("no bus".into()), "no keyring is available: use")]
#[case::too_long(Failure::TooLong(2_560), "accepts up to 2560 bytes")]
#[case::other(Failure::Other("x".repeat(9_000)), "the keyring failed (xxx")]
#[case::ambiguous(Failure::Ambiguous, "it holds the sign-in twice")]
#[case::unreadable(Failure::Unreadable, "the entry cannot be read")]
fn a_keyring_error_is_one_short_line_with_the_next_step(#[case] failure: Failure, #[case] start: &str) {
    let line = VaultError::from(failure).to_string();
    assert!(line.contains(start), "{line}");
    assert!(line.contains("--plaintext-secrets") && line.contains("--token-command"), "{line}");
    assert!(!line.contains(['\u{1b}', '\n']) && line.len() < 500, "{line}");
}

/// Queries the Secret Service from a child process, since the bus address comes from the
/// environment.
#[cfg(all(unix, not(target_os = "macos")))]
mod on_a_bus {
    use super::*;
    use std::{os::unix::net::UnixListener, process::Command, time::Instant};

    const CHILD: &str = "auth::vault::keyring::tests::on_a_bus::ask_the_bus_of_the_environment";
    const MARK: &str = "ALERTDECK_TEST_KEYRING";

    /// Returns the line that a child process prints about the bus at `address`, and the time taken.
    fn ask(address: &str) -> (String, Duration) {
        let started = Instant::now();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--ignored", "--nocapture"])
            .env("DBUS_SESSION_BUS_ADDRESS", address)
            .env("XDG_RUNTIME_DIR", "/nonexistent")
            .env(MARK, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let line = printed.lines().find_map(|line| line.split_once("keyring: ")).unwrap().1;
        (line.to_owned(), started.elapsed())
    }

    #[test]
    #[ignore = "run by other tests, with a bus in its environment"]
    fn ask_the_bus_of_the_environment() {
        // Never touch the real keyring of someone who runs all ignored tests.
        if std::env::var_os(MARK).is_none() {
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(check()).unwrap_err();
        println!("\nkeyring: {error}");
    }

    #[test]
    fn without_a_bus_there_is_no_keyring() {
        let (line, _) = ask("unix:path=/nonexistent/bus");
        assert!(line.starts_with("no keyring is available: "), "{line}");
        assert!(line.contains("use --plaintext-secrets"), "{line}");
    }

    #[test]
    fn a_silent_bus_is_abandoned_at_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        // The system accepts connections, but nothing reads from them.
        let _bus = UnixListener::bind(&path).unwrap();
        let (line, took) = ask(&format!("unix:path={}", path.display()));
        assert!(line.starts_with("the keyring has not responded within 5 s: unlock it, or"), "{line}");
        assert!(took >= LIMIT && took < 3 * LIMIT, "{took:?}");
    }

    /// Runs against a real keyring. Requires `ALERTDECK_TEST_KEYRING=real` and a session bus with
    /// an unlocked Secret Service, as described in docs/testing.md.
    #[tokio::test]
    #[ignore = "needs a Secret Service"]
    async fn a_real_keyring_stores_replaces_and_removes() {
        if std::env::var_os(MARK).is_none_or(|value| value != "real") {
            return;
        }
        let name = format!("test-{}", std::process::id());
        check().await.unwrap();
        assert!(load(name.clone()).await.unwrap().is_none());
        for secret in ["first", "second, and \u{e9}\0\n"] {
            save(name.clone(), secret.into()).await.unwrap();
            let loaded = load(name.clone()).await.unwrap().unwrap();
            assert_eq!(loaded.expose_secret(), secret.as_bytes());
        }
        assert!(forget(name.clone()).await.unwrap());
        assert!(!forget(name.clone()).await.unwrap());
        assert!(load(name).await.unwrap().is_none());
    }
}
