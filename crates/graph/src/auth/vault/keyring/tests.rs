//! Tests of the keyring's limits: what hangs, what is absent, what it says.

use super::*;
use rstest::rstest;

const LONG: Duration = Duration::from_secs(60);

fn counter() -> &'static AtomicUsize {
    Box::leak(Box::default())
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_and_writes_nothing_later() {
    let calls = counter();
    let (answer, question) = std::sync::mpsc::channel::<()>();
    let (done, outcome) = std::sync::mpsc::channel();
    let limit = Duration::from_millis(20);
    let error = within(calls, limit, move |given_up| {
        question.recv().unwrap();
        done.send(given_up.check().is_err()).unwrap();
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
async fn a_keyring_that_hangs_costs_few_threads() {
    let calls = counter();
    let hang = |_: &GivenUp| -> Result<(), Error> {
        loop {
            thread::park();
        }
    };
    for _ in 0..MOST_HANGING {
        let limit = Duration::from_millis(1);
        assert_eq!(within(calls, limit, hang).await.unwrap_err(), VaultError::Silent(limit));
    }
    assert_eq!(within(calls, LONG, |_| Ok(1)).await.unwrap_err(), VaultError::Silent(LONG));
    assert_eq!(calls.load(Ordering::SeqCst), MOST_HANGING);
}

#[tokio::test]
async fn calls_that_end_leave_room_for_others() {
    let calls = counter();
    for turn in 0..3 * MOST_HANGING {
        assert_eq!(within(calls, LONG, move |_| Ok(turn)).await, Ok(turn));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[rstest]
#[case::locked(Error::NoStorageAccess("Prompt\u{1b}[2J was\ndismissed".into()), "the keyring is locked (Prompt␛[2J was⏎dismissed): unlock it, or")]
#[case::long(Error::TooLong("password".into(), 2_560), "holds no more than 2560 bytes")]
#[case::other(Error::PlatformFailure("x".repeat(9_000).into()), "the keyring refused (xxx")]
#[case::found(Error::BadEncoding(b"canary-4f1d".to_vec()), "what it holds cannot be read")]
#[case::found_data(Error::BadDataFormat(b"canary-4f1d".to_vec(), "canary-4f1d".into()), "what it holds cannot be read")]
fn what_a_keyring_says_is_one_short_line_with_the_next_step(#[case] error: Error, #[case] start: &str) {
    let line = understood(&error).to_string();
    assert!(line.contains(start), "{line}");
    assert!(line.contains("--plaintext-secrets") && line.contains("--token-command"), "{line}");
    assert!(!line.contains("canary") && !line.contains(['\u{1b}', '\n']) && line.len() < 500, "{line}");
}

/// The Secret Service, in a process of its own: its address comes from the environment.
#[cfg(all(unix, not(target_os = "macos")))]
mod on_a_bus {
    use super::*;
    use std::{os::unix::net::UnixListener, process::Command, time::Instant};

    const CHILD: &str = "auth::vault::keyring::tests::on_a_bus::asks_the_bus_of_its_environment";
    const MARK: &str = "ALERTDECK_TEST_KEYRING";

    /// What the child says about the bus at `address`, and how long it took.
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
        let said = String::from_utf8(output.stdout).unwrap();
        let line = said.lines().find_map(|line| line.split_once("keyring: ")).unwrap().1;
        (line.to_owned(), started.elapsed())
    }

    #[test]
    #[ignore = "run by the tests beside it, with a bus in its environment"]
    fn asks_the_bus_of_its_environment() {
        // Never the keyring of whoever runs all ignored tests.
        if std::env::var_os(MARK).is_none() {
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(check()).unwrap_err();
        println!("\nkeyring: {error}");
    }

    #[test]
    fn no_bus_is_no_keyring() {
        let (line, _) = ask("unix:path=/nonexistent/bus");
        assert!(line.starts_with("there is no keyring here: "), "{line}");
        assert!(line.contains("use --plaintext-secrets"), "{line}");
    }

    #[test]
    fn a_bus_that_accepts_and_is_silent_is_given_up_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        // The system accepts for it; nobody ever reads.
        let _bus = UnixListener::bind(&path).unwrap();
        let (line, took) = ask(&format!("unix:path={}", path.display()));
        assert!(line.starts_with("the keyring has not answered within 5 s: unlock it, or"), "{line}");
        assert!(took >= LIMIT && took < 3 * LIMIT, "{took:?}");
    }
}
