//! Jobs: the overlay that lists them, and late events from cancelled jobs.

use std::time::Duration;

use alertdeck::{
    app::{
        BackfillState, Bookmark, Effect, Failure, FailureKind, FeedEvent, JobEvent, JobId, JobKind, JobState,
        LoadEvent, Message, NotWritten, Overlay, Phase, SignInEvent, Written,
    },
    export::Format,
    files::Progress,
};
use alertdeck_graph::{ClientEvent, WaitCause};
use alertdeck_model::Timestamp;
use rstest::rstest;

use super::harness::{Harness, Settings, alert, batch, settings};

/// Returns the jobs, each with its name, state and detail.
fn jobs(console: &Harness) -> Vec<(&'static str, JobState, String)> {
    console.app.job_lines().into_iter().map(|job| (job.name, job.state, job.detail)).collect()
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
fn a_list_that_loads_shows_its_pace_and_the_time_left() {
    let mut console = Harness::open("");
    console.load(LoadEvent::Page { total: Some(5_000), partial: None, server_time: None });
    let arrive = |console: &mut Harness, from: u32| {
        console.load(LoadEvent::Batch(batch(&(from..from + 100).map(alert).collect::<Vec<_>>())));
    };
    arrive(&mut console, 0);
    assert_eq!(jobs(&console)[0].2, "100 of 5,000 alerts", "one second has not passed");
    for from in [100, 200] {
        console.advance(Duration::from_secs(2));
        arrive(&mut console, from);
    }
    assert_eq!(jobs(&console)[0].2, "300 of 5,000 alerts, 50 a second, 1m left");
    assert!(console.screen().contains("loading, 1m left"), "{}", console.screen());
    console.done();
    assert_eq!(jobs(&console)[0].2, "300 of 5,000 alerts");
    console.keys("r");
    assert_eq!(jobs(&console)[0].2, "300 alerts", "the next fetch starts anew");
}

#[test]
fn stop_applies_to_the_job_under_the_cursor() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1)]);
    console.effects.clear();
    console.keys("X x");
    assert_eq!(console.phase(), &Phase::Stopped);
    assert_eq!(jobs(&console)[0], ("list", JobState::Stopped, "1 alert".into()));
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::JobList(_))), "the overlay stays open");
    console.keys("x");
    assert_eq!(console.notice(), "list: nothing to stop");
}

#[test]
fn live_polling_can_be_stopped_from_the_jobs() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("L X G");
    assert_eq!(jobs(&console)[2].1, JobState::Running);
    console.keys("x");
    assert!(!console.app.feeds.are_polled());
    assert_eq!(jobs(&console)[2].1, JobState::Stopped);
}

#[test]
fn failed_job_shows_reason_and_next_try() {
    let mut console = Harness::open("");
    let line = "no connection to graph.microsoft.com".to_owned();
    console.load(LoadEvent::Failed(Failure { kind: FailureKind::Offline, line }));
    console.advance(Duration::from_secs(5));
    let (name, state, detail) = jobs(&console).swap_remove(0);
    assert_eq!((name, state), ("list", JobState::Failed));
    assert!(detail.contains("no connection to graph.microsoft.com; next retry in "), "{detail}");
}

#[test]
fn running_and_ended_jobs_are_listed_after_what_is_loading() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1), alert(2)]);
    console.keys("r");
    console.arrive(&[alert(1), alert(2)]);
    console.done();
    console.keys("E Enter Esc E Tab x Enter Esc X");
    let [first, _] = console.exports().try_into().unwrap();
    let exported = |outcome| JobEvent::Exported { path: "x".into(), outcome };
    let written = Written { alerts: 2, bytes: 9, path: "./x".into() };
    console.send(Message::Job(first.0, exported(Ok(written))));
    let screen = console.screen();
    for line in [
        "list          done     2 alerts",
        "backfill      done     every alert is loaded",
        "live polling  stopped  press L to start",
        "export        running  2 alerts, started 12:00:00",
        "export        done     2 alerts, started 12:00:00",
        "list          stopped  2 alerts, started 12:00:00",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    console.advance(Duration::from_secs(10));
    console.keys("G x");
    assert_eq!(console.notice(), "list: nothing to stop");
}

#[test]
fn failed_poll_is_listed_with_its_reason() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("L");
    console.fail(FailureKind::Offline);
    assert_eq!(jobs(&console)[2].1, JobState::Waiting);
    let (name, state, detail) = jobs(&console).swap_remove(3);
    assert_eq!((name, state), ("live polling", JobState::Failed));
    assert!(detail.contains("it failed, started 12:00:00"), "{detail}");
    console.advance(Duration::from_secs(15));
    console.done();
    assert_eq!(jobs(&console).len(), 4, "the poll that went well is not listed");
}

#[test]
fn jobs_of_a_former_feed_are_not_listed_once_they_have_ended() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("E Enter Esc r");
    let (export, _) = console.exports().remove(0);
    console.switch(Settings { profile: "lab".into(), tenant: "fabrikam.example".into(), ..settings("") });
    let lines = jobs(&console);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[3].2.contains("1 alert, contoso, started"), "{lines:?}");
    assert_eq!(console.app.jobs.get(export).map(|job| job.state), Some(JobState::Running));
}

#[test]
fn stopped_export_says_whether_it_was_written() {
    let exported = |outcome| JobEvent::Exported { path: "x".into(), outcome };
    let written = Written { alerts: 1, bytes: 9, path: "./x".into() };
    for (outcome, state, notice) in [
        (Err(NotWritten::Stopped), JobState::Stopped, "export stopped: x not written"),
        (Ok(written), JobState::Done, "1 alert written to ./x (9 bytes)"),
    ] {
        let mut console = Harness::with_alerts(&[alert(1)]);
        console.keys("E Enter Esc X G x");
        let (job, export) = console.exports().remove(0);
        assert_eq!((export.format, console.cancelled()), (Format::Json, vec![job]));
        assert_eq!(jobs(&console)[3].1, JobState::Stopping);
        console.keys("x");
        assert_eq!(console.notice(), "export: nothing to stop");
        console.advance(Duration::from_secs(10));
        console.send(Message::Job(job, exported(outcome)));
        assert_eq!((jobs(&console)[3].1, console.notice()), (state, notice));
    }
}

#[test]
fn backfill_can_be_stopped_until_the_next_list() {
    let mut console = Harness::open("status:new");
    console.done();
    console.keys("X j x");
    assert_eq!(console.cancelled(), [console.backfills[0].job]);
    assert_eq!(console.backfill_state(), BackfillState::Stopped);
    assert_eq!(jobs(&console)[1].1, JobState::Stopped);
    console.advance(Duration::from_secs(3_600));
    assert_eq!(console.backfills.len(), 1);
    console.keys("Esc r");
    console.done();
    assert_eq!((console.backfills.len(), console.backfill_state()), (2, BackfillState::Running));
}

#[test]
fn sign_in_can_be_stopped_from_the_jobs() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("P s");
    let sign_in = console.effects.pop();
    let Some(Effect::Start(job, JobKind::SignIn(_))) = sign_in else { panic!("{sign_in:?}") };
    // No key opens the list of jobs over the prompt.
    console.app.ui.open(alertdeck::app::JobList::default());
    console.keys("G x");
    assert_eq!(console.effects, [Effect::Cancel(job), Effect::DeclineSignIn(job.feed)]);
    assert_eq!((console.feed().sign_in.stage.as_ref(), jobs(&console)[3].1), (None, JobState::Stopped));
}

#[test]
fn cursor_stays_on_its_job_while_others_end() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("E Enter Esc E Enter Esc E Enter Esc X G k");
    let exports = console.exports();
    let outcome = Err(NotWritten::Refused("no room".into()));
    console.send(Message::Job(exports[0].0, JobEvent::Exported { path: "x".into(), outcome }));
    console.keys("x");
    assert_eq!(console.cancelled(), [exports[1].0]);
}

// Tests for late events.

/// Returns every event of a fetch except a batch of alerts.
fn late_events() -> Vec<LoadEvent> {
    let server_time = Timestamp::parse("2026-11-20T11:30:00Z");
    let cause = WaitCause::Throttled;
    vec![
        LoadEvent::Page { total: Some(900), partial: Some("late".into()), server_time },
        LoadEvent::Client(ClientEvent::Waiting { delay: Duration::from_secs(9), cause }),
        LoadEvent::Client(ClientEvent::Resumed),
        LoadEvent::Reached(Bookmark("late".into())),
        LoadEvent::Failed(Failure { kind: FailureKind::Filter, line: "late".into() }),
        LoadEvent::Failed(Failure { kind: FailureKind::Offline, line: "late".into() }),
        LoadEvent::Stopped,
        LoadEvent::Done,
    ]
}

/// Returns everything that a late event must not change.
fn state(console: &Harness) -> String {
    let feed = console.feed();
    format!(
        "{:?}",
        (
            (console.phase(), console.read(), feed.list.partial(), feed.list.completed_at()),
            (feed.poll, &feed.backfill, console.app.coverage().extent),
            (
                (&console.app.list.new, &console.app.list.changed),
                console.notice(),
                console.app.ui.overlay(),
                &feed.sign_in
            ),
            console.app.jobs.iter().collect::<Vec<_>>(),
            &console.effects,
        )
    )
}

/// Returns a console with a job that was cancelled in the given way.
fn cancelled(how: &str) -> (Harness, JobId) {
    let mut console = Harness::open("status:new");
    let list = console.fetch;
    let job = match how {
        "list by Esc" => {
            console.keys("Esc");
            list
        }
        "list by the next" => {
            console.keys("r");
            list
        }
        "list by a sign-out" => {
            console.feed_event(FeedEvent::SignedOut);
            list
        }
        "poll by a list" => {
            console.done();
            console.keys("L");
            let poll = console.fetch;
            console.keys("r");
            poll
        }
        "backfill by the next" => {
            console.done();
            console.keys("r");
            console.done();
            assert_eq!(console.backfills.len(), 2);
            console.backfills[0].job
        }
        other => panic!("{other}"),
    };
    console.effects.clear();
    (console, job)
}

#[rstest]
fn late_event_of_a_cancelled_fetch_changes_nothing_but_the_store(
    #[values(
        "list by Esc",
        "list by the next",
        "list by a sign-out",
        "poll by a list",
        "backfill by the next"
    )]
    how: &str,
) {
    let (mut console, job) = cancelled(how);
    let before = state(&console);
    for event in late_events() {
        let shown = format!("{event:?}");
        console.load_of(job, event);
        assert_eq!(state(&console), before, "{shown}");
    }
    // The alerts are valid and are shown if they match, but they do not count towards any coverage.
    console.load_of(job, LoadEvent::Batch(batch(&[alert(7)])));
    assert_eq!((console.app.store.len(), console.rows()), (1, vec!["a7"]));
    // The detail pane starts reading the alert under the cursor.
    assert_eq!(console.read().0, 0);
    assert_eq!(state(&console), before);
}

#[test]
fn late_alerts_are_not_marked_as_new_and_do_not_move_the_watermark() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("L");
    let poll = console.fetch;
    console.keys("r");
    console.load_of(poll, LoadEvent::Batch(batch(&[alert(90)])));
    console.done();
    assert_eq!((console.rows(), console.app.list.new.len()), (vec!["a90", "a1"], 0));
    console.fetches();
    console.advance(Duration::from_secs(15));
    let since = super::harness::scope("lastUpdateDateTime ge 2026-11-19T23:56:00Z");
    assert_eq!(console.fetches(), [since], "from the newest update that a complete fetch has seen");
}

#[test]
fn late_events_of_other_cancelled_jobs_change_nothing() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("y m X G x");
    let [Effect::Start(ticket, JobKind::Ticket { .. }), Effect::Cancel(_)] = console.effects[..] else {
        panic!("{:?}", console.effects)
    };
    console.keys("Esc P s");
    let Some(Effect::Start(sign_in, _)) = console.effects.pop() else { panic!() };
    console.keys("Esc");
    console.effects.clear();
    let before = state(&console);
    let until = console.now.mono + Duration::from_secs(9);
    let address = "https://login.example".into();
    for (job, event) in [
        (ticket, JobEvent::Ticket("late".into())),
        (sign_in, JobEvent::SignIn(SignInEvent::Code { code: "late".into(), address, until })),
        (sign_in, JobEvent::SignIn(SignInEvent::Failed { line: "late".into(), may_retry: true })),
    ] {
        console.send(Message::Job(job, event));
        assert_eq!(state(&console), before);
    }
}

#[test]
fn late_events_of_a_former_feed_do_not_even_reach_the_store() {
    let lab = || Settings { profile: "lab".into(), tenant: "fabrikam.example".into(), ..settings("") };
    let mut console = Harness::open("status:new");
    console.arrive(&[alert(1)]);
    console.done();
    let (list, backfill) = (console.fetch, console.backfills[0].job);
    console.keys("r");
    let running = console.fetch;
    console.switch(lab());
    assert!(console.cancelled().contains(&running));
    console.effects.clear();
    let before = state(&console);
    for job in [list, backfill, running] {
        for event in late_events().into_iter().chain([LoadEvent::Batch(batch(&[alert(7)]))]) {
            console.load_of(job, event);
        }
    }
    console.send(Message::Feed(list.feed, FeedEvent::SignInNeeded { why: "late".into() }));
    console.send(Message::Feed(list.feed, FeedEvent::Warning("late".into())));
    assert_eq!((state(&console), console.app.store.len()), (before, 0));
}

#[test]
fn files_are_loaded_with_their_progress() {
    let saved = Settings { service: false, ..settings("") };
    let mut console = Harness::with(saved, (120, 35));
    let progress =
        |read: u64| LoadEvent::FilesRead(Progress { read: read * 1_000_000, total: Some(690_000_000) });
    console.load(progress(10));
    console.advance(Duration::from_secs(1));
    console.load(progress(300));
    let header = |console: &Harness| console.screen().lines().next().unwrap_or_default().to_owned();
    assert!(header(&console).contains("loading 43% of 690.0 MB, 290.0 MB/s"), "{}", header(&console));
    let (name, state, detail) = &jobs(&console)[0];
    assert_eq!((*name, *state), ("files", JobState::Running));
    assert_eq!(detail, "0 alerts; 43% of 690.0 MB, 290.0 MB/s");
    console.resize(80, 24);
    assert!(header(&console).contains("loading 43%  "), "{}", header(&console));
    console.keys("esc");
    assert!(header(&console).contains("stopped at 43%"), "{}", header(&console));
    console.keys("r");
    assert!(!header(&console).contains('%'), "{}", header(&console));
}
