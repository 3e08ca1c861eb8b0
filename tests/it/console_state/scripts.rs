//! Random sequences of events: nothing panics, and the invariants hold.

use std::time::Duration;

use alertdeck::app::{
    Failure, FailureKind, FeedEvent, Input, JobId, Key, KeyCode, Keymap, LoadEvent, Message, Overlay,
    commands,
};
use alertdeck_graph::{ClientEvent, WaitCause};
use alertdeck_query::{Context, compile};
use alertdeck_store::Row;
use proptest::prelude::*;
use serde_json::json;

use super::{
    harness::{Harness, alert, batch, with},
    signing_in,
};

#[derive(Clone, Debug)]
enum Step {
    Key(Key),
    Type(&'static str),
    Paste(&'static str),
    Resize(u16, u16),
    Mouse(u8, u16, u16),
    Page(Vec<(u32, u8)>),
    Event(u8),
    Backfill(u8),
    SignIn(u8),
    Late(Vec<(u32, u8)>),
    Pass(u64),
    Rest,
    Draw,
}

fn step() -> impl Strategy<Value = Step> {
    let keymap = Keymap::default();
    let keys: Vec<Key> = commands().flat_map(|command| keymap.keys(command.id).to_vec()).collect();
    let edits = [KeyCode::Backspace, KeyCode::Delete, KeyCode::F(3), KeyCode::Char('x'), KeyCode::Char(' ')];
    let others = prop::sample::select(edits.to_vec()).prop_map(Key::new);
    let alerts = || prop::collection::vec((0u32..40, 0u8..8), 0..12);
    prop_oneof![
        12 => prop::sample::select(keys).prop_map(Step::Key),
        2 => others.prop_map(Step::Key),
        2 => prop::sample::select(vec![
            "severity:high", " title:1", "status:", "\"", "(", ") or ", "-", "age<2h", " assigned:me", "é不",
        ]).prop_map(Step::Type),
        1 => prop::sample::select(vec!["", "a\nb", "10.0.0.1\r\n\u{1b}[31m", "\u{202e}"]).prop_map(Step::Paste),
        2 => (0u16..140, 0u16..45).prop_map(|(width, height)| Step::Resize(width, height)),
        2 => (0u8..5, 0u16..140, 0u16..45).prop_map(|(kind, x, y)| Step::Mouse(kind, x, y)),
        4 => alerts().prop_map(Step::Page),
        3 => (0u8..9).prop_map(Step::Event),
        2 => (0u8..9).prop_map(Step::Backfill),
        3 => (0u8..10).prop_map(Step::SignIn),
        1 => alerts().prop_map(Step::Late),
        2 => (0u64..40_000).prop_map(Step::Pass),
        4 => Just(Step::Rest),
        2 => Just(Step::Draw),
    ]
}

/// Returns an alert whose state depends on a version number. Some alerts are hostile or unusual.
fn version((number, version): (u32, u8)) -> serde_json::Value {
    let updated = format!("2026-11-20T10:{version:02}:00Z");
    let alert = with(alert(number), json!({"lastUpdateDateTime": updated}));
    match version {
        0 => alert,
        1 => with(alert, json!({"severity": "high", "assignedTo": "ANA@contoso.com"})),
        2 => with(alert, json!({"status": "resolved", "title": "\u{1b}[2J\u{202e}"})),
        3 => with(alert, json!({"evidence": [], "title": "不審な振る舞い", "severity": "low"})),
        4 => with(alert, json!({"createdDateTime": null, "lastUpdateDateTime": null})),
        5 => with(alert, json!({"createdDateTime": "9999-12-31T23:59:59Z", "title": null})),
        6 => with(alert, json!({"createdDateTime": "0001-01-01T00:00:00Z", "severity": 7})),
        _ => json!([number]),
    }
}

fn alerts(of: &[(u32, u8)]) -> Vec<serde_json::Value> {
    of.iter().copied().map(version).collect()
}

fn event(number: u8) -> LoadEvent {
    let failed = |kind| LoadEvent::Failed(Failure { kind, line: "it failed".into() });
    match number {
        0 => LoadEvent::Page { total: Some(7), partial: None, server_time: None },
        1 => LoadEvent::Client(ClientEvent::Waiting {
            delay: Duration::from_millis(2_500),
            cause: WaitCause::Throttled,
        }),
        2 => LoadEvent::Client(ClientEvent::Waiting {
            delay: Duration::from_secs(90),
            cause: WaitCause::Retry { failure: "reset".into(), failed: 1 },
        }),
        3 => LoadEvent::Client(ClientEvent::Resumed),
        4 | 5 => LoadEvent::Done,
        6 => failed(FailureKind::Filter),
        7 => failed(FailureKind::Offline),
        _ => failed(FailureKind::SignIn),
    }
}

fn run(console: &mut Harness, step: Step) {
    match step {
        Step::Key(key) => console.send(Message::Input(Input::Key(key))),
        Step::Type(text) => console.type_text(text),
        Step::Paste(text) => console.paste(text),
        Step::Resize(width, height) => console.resize(width, height),
        Step::Mouse(kind, x, y) => console.send(Message::Input(match kind {
            0 => Input::Click { x, y },
            1 => Input::Drag { x, y },
            2 => Input::Release,
            3 => Input::Wheel { x, y, by: 3 },
            _ => Input::Wheel { x, y, by: -3 },
        })),
        Step::Page(of) => console.arrive(&alerts(&of)),
        Step::Event(number) => console.load(event(number)),
        Step::Backfill(_) if console.backfills.is_empty() => {}
        Step::Backfill(number) => {
            console.backfill_event(LoadEvent::Batch(batch(&alerts(&[(u32::from(number), number % 8)]))));
            console.backfill_event(event(number));
        }
        Step::SignIn(number) => match number {
            0 => signing_in::needed(console),
            1 => console.feed_event(FeedEvent::SignInNeeded { why: "again".into() }),
            2 => signing_in::address(console, Err("no display".into())),
            3 => signing_in::code(console),
            4 => signing_in::failed(console, true),
            5 => signing_in::done(console),
            6 => console.feed_event(FeedEvent::SignedOut),
            7 => console.send(Message::Requests(super::requests::sample())),
            8 => console.send(Message::Requests(Vec::new())),
            _ => console.identity(signing_in::identity("ben@contoso.com")),
        },
        Step::Late(of) => {
            let first = JobId { feed: console.feed().id, number: 1 };
            console.load_of(first, LoadEvent::Batch(batch(&alerts(&of))));
            console.load_of(first, LoadEvent::Done);
        }
        Step::Pass(milliseconds) => console.advance(Duration::from_millis(milliseconds)),
        Step::Rest => console.settle(),
        Step::Draw => {
            console.screen();
        }
    }
}

/// Checks the invariants that must hold after each step.
fn check(console: &Harness) -> Result<(), TestCaseError> {
    let app = &console.app;
    let count = app.view.len();
    let scroll = app.list.scroll;
    prop_assert!(scroll.cursor < count.max(1), "cursor {} of {count}", scroll.cursor);
    prop_assert!(scroll.top <= scroll.cursor, "{scroll:?}");
    if let Some(area) = app.layout().list {
        prop_assert!(scroll.cursor < scroll.top + usize::from(area.height.max(1)), "{scroll:?} in {area:?}");
    }
    if let Some(detail) = &app.detail.shown {
        prop_assert!(detail.scroll.cursor < detail.lines().len().max(1));
    }
    prop_assert!(app.history_len() <= 50);
    match app.ui.overlay() {
        Some(Overlay::Values(values)) => prop_assert!(values.at < values.values.len().max(1)),
        Some(Overlay::Menu(menu)) => prop_assert!(menu.at < menu.items.len().max(1)),
        Some(Overlay::Requests(requests)) => {
            let count = requests.lines.as_ref().map_or(0, Vec::len);
            prop_assert!(requests.scroll.cursor < count.max(1), "{:?} of {count}", requests.scroll);
        }
        Some(Overlay::SignInPrompt(_)) => prop_assert!(app.feed().sign_in.stage.is_some(), "an empty prompt"),
        _ => {}
    }
    Ok(())
}

/// Checks the invariants that must hold when no work is left: the rows are those that a plain
/// filter finds, in order, and the detail pane shows the alert under the cursor.
fn check_at_rest(console: &mut Harness) -> Result<(), TestCaseError> {
    console.lazy = false;
    console.settle();
    // A prompt that opens automatically ignores keys at first.
    console.keys("Esc Esc Esc");
    console.advance(Duration::from_millis(300));
    console.keys("Esc Esc Esc");
    let app = &console.app;
    let context = Context { now: app.clock.now.wall, ..app.query_context() };
    let plan = compile(&app.filter.committed, &context);
    prop_assert!(plan.is_ok(), "an invalid filter was run: {}", app.filter.committed);
    let Ok(plan) = plan else { return Ok(()) };
    let mut expected: Vec<Row> =
        app.store.rows().iter().filter(|row| plan.test.matches(&app.store, *row)).collect();
    expected.sort_by(|a, b| app.store.compare(app.view.sort(), *a, *b));
    let shown: Vec<Row> = app.view.from(0).filter(|row| !app.view.is_stale(*row)).collect();
    prop_assert_eq!(shown, expected);
    if app.layout().detail.is_some() {
        prop_assert_eq!(app.current_detail().map(|detail| detail.row), app.selected());
    }
    Ok(())
}

proptest! {
    #[test]
    fn invariants_hold_after_any_sequence(lazy in any::<bool>(), steps in prop::collection::vec(step(), 1..60)) {
        let mut console = Harness::open("");
        console.lazy = lazy;
        console.slice = 7;
        for step in steps {
            run(&mut console, step);
            check(&console)?;
        }
        check_at_rest(&mut console)?;
        console.screen();
    }
}
