//! What can be chosen: classifications, owners, comments, similar alerts; and why nothing can be changed.

use std::{fmt::Write as _, time::Duration};

use alertdeck::{
    app::{Effect, FeedEvent, Identity, JobEvent, JobKind, Message, Overlay},
    triage::{Change, EntryKind, TaskResult, WriteMode},
};
use alertdeck_graph::{AlertUpdate, Kind, Owner};
use alertdeck_model::{Classification, Determination};
use rstest::rstest;
use serde_json::json;

use super::{
    harness::{Harness, Settings, alert, settings, with},
    signing_in::identity,
    triage::{DEAF, ME, confirm, finish, open, open_with, update, writes, writing},
};

#[test]
fn only_fitting_determinations_are_offered() {
    let mut console = open(1);
    for (classification, expected) in [
        (
            "t",
            "malware, phishing, multi-staged attack, malicious user activity, compromised account, unwanted software, other",
        ),
        ("f", "not malicious, not enough data to validate, other"),
        ("e", "security testing, line-of-business application, confirmed activity, other"),
    ] {
        console.keys(&format!("x {classification}"));
        let offered: Vec<_> = console.menu().into_iter().map(|(_, label)| label).collect();
        assert_eq!(offered.join(", "), expected);
        console.keys("Esc");
    }
}

#[rstest]
#[case::off(
    WriteMode::Off,
    "read-only: start with --write to change alerts (needs SecurityAlert.ReadWrite.All)"
)]
#[case::forbidden(WriteMode::Forbidden, "read-only: profile contoso has read_only = true")]
#[case::saved(WriteMode::Saved, "saved alerts cannot be changed")]
fn keys_of_a_read_only_console_say_why(#[case] writes: WriteMode, #[case] why: &str) {
    let mut console = open_with(Settings { writes, ..settings("") }, &[alert(1)]);
    for key in ["a", "A", "x", "e", "c"] {
        console.keys(key);
        assert_eq!(console.notice(), why, "{key}");
        assert!(console.app.ui.overlay().is_none());
    }
    assert!(console.screen().contains("READ-ONLY"));
}

#[test]
fn a_missing_permission_turns_changes_off() {
    let mut console = open(1);
    let feed = console.app.feed().id;
    let reader = Identity { writes: Some(false), ..identity(ME) };
    console.send(Message::Feed(feed, FeedEvent::Identity(reader)));
    console.keys("a");
    assert_eq!(
        console.notice(),
        "the token lacks SecurityAlert.ReadWrite.All; grant it and sign in again (P)"
    );
    // A token that does not tell is refused by the service.
    console.send(Message::Feed(feed, FeedEvent::Identity(Identity { writes: None, ..identity(ME) })));
    console.keys("a");
    let started = confirm(&mut console);
    let refused = || TaskResult::Failed {
        kind: Some(Kind::Permission),
        line: "needs SecurityAlert.ReadWrite.All".into(),
    };
    finish(&mut console, started, |_| refused());
    console.advance(Duration::from_secs(7));
    console.keys("x");
    assert!(
        console.notice().starts_with("changes were refused; sign in again (P) to retry"),
        "{}",
        console.notice()
    );
    console.send(Message::Feed(feed, FeedEvent::Identity(identity(ME))));
    console.keys("x");
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Menu(_))), "another token is tried");
}

#[test]
fn a_comment_has_several_lines_and_is_confirmed() {
    let mut console = open(2);
    console.keys("c");
    console.type_text("checked with");
    console.keys("Ctrl-j");
    console.paste("the owner\r\nof the server");
    console.keys("Enter");
    assert!(console.screen().contains("comments cannot be undone"), "{}", console.screen());
    let (_, writes) = confirm(&mut console);
    let expected = Change {
        update: AlertUpdate::default(),
        comment: Some("checked with\nthe owner\nof the server".into()),
    };
    assert_eq!(writes.tasks[0].1.change, expected);
    console.keys("c");
    console.paste(&"x".repeat(1_000_000));
    assert!(console.screen().contains("not inserted: 1,000,000 characters"), "{}", console.screen());
    console.keys("Enter");
    assert!(console.screen().contains("enter a comment"));
}

#[test]
fn owners_are_offered_and_typed() {
    let owned = |number, owner: &str| with(alert(number), json!({"assignedTo": owner}));
    let mut console = open_with(
        writing(),
        &[
            owned(1, "ben@contoso.com"),
            owned(2, "Automation"),
            owned(3, ME),
            owned(4, "API-App:soar"),
            alert(5),
        ],
    );
    console.keys("A");
    let labels: Vec<_> = console.menu().into_iter().map(|(_, label)| label).collect();
    assert_eq!(labels, ["me", "nobody", "ben@contoso.com", "type a name"], "only people");
    console.keys("t");
    console.type_text("Automation");
    console.keys("Enter");
    assert!(console.screen().contains("enter a user principal name"), "{}", console.screen());
    console.keys("Ctrl-u");
    console.type_text("carla@contoso.com");
    console.keys("Enter");
    let (_, writes) = confirm(&mut console);
    assert_eq!(update(&writes.tasks[0].1).assigned_to, Some(Owner::User("carla@contoso.com".into())));
}

#[test]
fn the_form_sets_only_what_was_chosen() {
    let mut console = open(2);
    console.keys("e Enter");
    assert!(console.notice().starts_with("nothing to change yet"), "{}", console.notice());
    // Classification: false positive; its first determination comes with it.
    console.keys("j l l");
    assert!(console.screen().contains("none → not malicious"), "{}", console.screen());
    console.keys("j l j l Enter");
    let (_, writes) = confirm(&mut console);
    assert_eq!(
        *update(&writes.tasks[0].1),
        AlertUpdate {
            status: None,
            classification: Some(Classification::FalsePositive),
            determination: Some(Determination::NotEnoughDataToValidate),
            assigned_to: Some(Owner::User(ME.into())),
        }
    );
    assert!(console.app.ui.overlay().is_none(), "the form is closed too");
}

#[test]
fn the_usual_classification_is_offered_first() {
    let closed = |number| {
        let values = json!({
            "title": "Same", "status": "resolved", "classification": "informationalExpectedActivity",
            "determination": "lineOfBusinessApplication",
        });
        with(alert(number), values)
    };
    let same = with(alert(9), json!({"title": "Same"}));
    let mut console =
        open_with(writing(), &[closed(1), closed(2), with(alert(3), json!({"title": "Other"})), same]);
    console.keys("e");
    assert!(
        console.screen().contains("usual: expected activity, line-of-business application (2 of 2 similar)"),
        "{}",
        console.screen()
    );
    console.keys("j l Enter");
    let (_, writes) = confirm(&mut console);
    let update = update(&writes.tasks[0].1);
    assert_eq!(update.classification, Some(Classification::InformationalExpectedActivity));
    assert_eq!(update.determination, Some(Determination::LineOfBusinessApplication));
    // The cursor is on another alert now.
    console.keys("k x");
    assert!(console.screen().contains("a change to this alert is still being sent"), "{}", console.screen());
}

#[test]
fn similar_open_alerts_are_marked() {
    let named = |number, title: &str, detector: &str, status: &str| {
        with(alert(number), json!({"title": title, "detectorId": detector, "status": status}))
    };
    let mut console = open_with(
        writing(),
        &[
            named(1, "'Wacapew' found on host 12", "d", "new"),
            named(2, "'Emotet' found on host 7", "d", "inProgress"),
            named(3, "'Emotet' found on host 7", "d", "resolved"),
            named(4, "'Emotet' found on host 7", "other", "new"),
            named(5, "'Emotet' Found on host 345", "d", "new"),
        ],
    );
    console.keys("=");
    let marked: Vec<_> = console.app.marked().into_iter().map(|row| console.id(row)).collect();
    assert_eq!((marked, console.notice()), (vec!["a5", "a2", "a1"], "3 similar open alerts marked"));
}

/// What an analyst does most, and the keys for it. `TEXT` stands for the text of a comment.
const JOBS: [(&str, &str, usize); 6] = [
    ("take an alert", "a Enter", 1),
    ("close as a false positive", "x f n Enter", 1),
    ("close as malware", "x t m Enter", 1),
    ("close 20 similar alerts as a false positive", "= x f n Enter", 20),
    ("comment and leave", "c TEXT Enter Enter", 1),
    ("undo", "u Enter", 1),
];

#[test]
fn the_documented_key_counts_are_what_is_typed() {
    let mut table = "| | keys | |\n| --- | --- | --- |\n".to_owned();
    for (job, keys, alerts) in JOBS {
        let twenty: Vec<_> = (1..=20).map(|number| with(alert(number), json!({"title": "Same"}))).collect();
        let mut console = open_with(writing(), &twenty);
        if job == "undo" {
            console.keys("a");
            let started = confirm(&mut console);
            finish(&mut console, started, |_| TaskResult::Applied);
        }
        for key in keys.split(' ') {
            match key {
                "TEXT" => console.type_text("checked"),
                key => {
                    console.advance(DEAF);
                    console.keys(key);
                }
            }
        }
        console.advance(DEAF);
        let started = writes(&mut console);
        assert_eq!(started.iter().map(|(_, writes)| writes.tasks.len()).sum::<usize>(), alerts, "{job}");
        assert!(console.app.ui.overlay().is_none(), "{job}");
        let count = keys.split(' ').filter(|key| *key != "TEXT").count();
        assert!(count <= if alerts == 1 { 4 } else { 6 }, "{job}");
        let keys: Vec<_> =
            keys.split(' ').map(|key| format!("`{key}`").replace("`TEXT`", "the text")).collect();
        let _ = writeln!(table, "| {job} | {} | {count} |", keys.join(" "));
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/triage.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once("<!-- counts:begin -->\n").unwrap();
    let (shown, tail) = rest.split_once("<!-- counts:end -->").unwrap();
    if shown.trim() != table.trim() && std::env::var_os("UPDATE_DOCS").is_some() {
        let (begin, end) = ("<!-- counts:begin -->", "<!-- counts:end -->");
        std::fs::write(&path, format!("{head}{begin}\n{}\n\n{end}{tail}", table.trim())).unwrap();
        return;
    }
    assert_eq!(shown.trim(), table.trim(), "run this test with UPDATE_DOCS=1");
}

#[test]
fn notes_are_written_in_a_read_only_console_too() {
    let mut console = open_with(settings(""), &[alert(1), alert(2)]);
    let note = |console: &mut Harness| {
        let started = console.effects.iter().find_map(|effect| match effect {
            Effect::Start(job, JobKind::WriteNote(note)) => Some((*job, note.clone())),
            _ => None,
        });
        console.effects.clear();
        started.unwrap()
    };
    console.keys("j W");
    console.type_text("isolated");
    console.keys("Ctrl-j");
    console.type_text("until the image is taken");
    console.keys("Enter");
    let (job, written) = note(&mut console);
    assert_eq!(
        (written.kind, written.alert.as_deref(), written.title.as_str()),
        (EntryKind::Note, Some("a1"), "Alert 1")
    );
    assert_eq!(written.text.as_deref(), Some("isolated\nuntil the image is taken"));
    console.send(Message::Job(job, JobEvent::Noted(Ok(()))));
    assert_eq!(console.notice(), "note added; alertdeck handover prints it");
    console.keys("H n");
    console.type_text("quiet night");
    console.keys("Enter");
    let (job, written) = note(&mut console);
    assert_eq!((written.alert, written.text.as_deref()), (None, Some("quiet night")));
    console.send(Message::Job(job, JobEvent::Noted(Err("the disk is full".into()))));
    assert!(console.notice().contains("the note was not added: the disk is full"));
}
