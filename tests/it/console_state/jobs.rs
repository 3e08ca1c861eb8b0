//! The list of jobs.

use alertdeck::app::{Failure, FailureKind, JobState, LoadEvent, Overlay, Phase};
use std::time::Duration;

use super::harness::{Harness, alert};

/// Returns the jobs: name, state, detail.
fn jobs(console: &Harness) -> Vec<(&'static str, JobState, String)> {
    console.app.jobs().into_iter().map(|job| (job.name, job.state, job.detail)).collect()
}

#[test]
fn jobs_are_list_backfill_and_polling() {
    let mut console = Harness::open("");
    console.load(LoadEvent::Page { total: Some(5_000), partial: None, server_time: None });
    console.keys("X");
    let screen = console.screen();
    assert!(screen.contains("list          running  0 of 5,000 alerts"), "{screen}");
    assert!(screen.contains("backfill      waiting  starts when the list is complete"), "{screen}");
    assert!(screen.contains("live polling  stopped  press L to start"), "{screen}");
    console.keys("X");
    assert!(console.app.ui.overlay().is_none(), "the key that opened it closes it");
}

#[test]
fn stop_applies_to_the_job_under_the_cursor() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1)]);
    console.effects.clear();
    console.keys("X x");
    assert_eq!(console.app.load.phase, Phase::Stopped);
    assert_eq!(jobs(&console)[0], ("list", JobState::Stopped, "1 alert".into()));
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Jobs(_))), "the overlay stays open");
    console.keys("x");
    assert_eq!(console.notice(), "list: nothing to stop");
}

#[test]
fn live_polling_can_be_stopped_from_the_jobs() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("L X G");
    assert_eq!(jobs(&console).last().unwrap().1, JobState::Running);
    console.keys("x");
    assert!(!console.app.load.poll.live);
    assert_eq!(jobs(&console).last().unwrap().1, JobState::Stopped);
}

#[test]
fn failed_job_shows_reason_and_next_try() {
    let mut console = Harness::open("");
    let line = "no connection to graph.microsoft.com".to_owned();
    console.load(LoadEvent::Failed(Failure { kind: FailureKind::Offline, line }));
    console.advance(Duration::from_secs(5));
    let (name, state, detail) = jobs(&console).swap_remove(0);
    assert_eq!((name, state), ("list", JobState::Failed));
    assert!(detail.contains("no connection to graph.microsoft.com; next try in "), "{detail}");
}
