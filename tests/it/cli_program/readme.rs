//! The keys listed in the documentation match the program's own.

use std::fmt::Write as _;

use alertdeck::app::{Keymap, commands, contexts};

/// The commands in the README.
const ESSENTIAL: [&str; 30] = [
    "list.filter",
    "list.read",
    "list.sort",
    "alert.include",
    "alert.exclude",
    "alert.pivot",
    "alert.incident",
    "alert.mark",
    "list.mark-similar",
    "alert.take",
    "alert.assign",
    "alert.close",
    "alert.form",
    "alert.comment",
    "alert.undo",
    "alert.open-in-browser",
    "alert.copy",
    "detail.find",
    "detail.next-suspicious",
    "panes.previous-view",
    "open.views",
    "view.save",
    "open.columns",
    "panes.live",
    "open.jobs",
    "open.export",
    "open.palette",
    "open.overview",
    "open.help",
    "app.close",
];

fn keys(id: &str) -> String {
    let keys: Vec<_> = Keymap::default().keys(id).iter().map(|key| format!("`{key}`")).collect();
    keys.join(" ")
}

/// Returns a table for each context, including the ids for keymap files.
fn every_key() -> String {
    let mut text = String::new();
    for context in contexts().filter(|context| !context.commands.is_empty()) {
        let _ = write!(text, "\n## {}\n\n| keys | command | |\n| --- | --- | --- |\n", context.heading);
        for command in context.commands {
            let _ = writeln!(text, "| {} | `{}` | {} |", keys(command.id), command.id, command.help);
        }
    }
    text
}

fn essential_keys() -> String {
    let mut text = "| key | |\n| --- | --- |\n".to_owned();
    for id in ESSENTIAL {
        let command = commands().find(|command| command.id == id).unwrap();
        let _ = writeln!(text, "| {} | {} |", keys(id), command.help);
    }
    text
}

/// Compares the text between the markers in a file with the expected text. If `UPDATE_DOCS` is set,
/// writes the expected text instead.
fn check(file: &str, expected: &str) {
    const MARKERS: [&str; 2] = ["<!-- keys:begin -->\n", "<!-- keys:end -->"];
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(MARKERS[0]).unwrap();
    let (shown, tail) = rest.split_once(MARKERS[1]).unwrap();
    if shown.trim() != expected.trim() && std::env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{head}{}\n{}\n\n{}{tail}", MARKERS[0], expected.trim(), MARKERS[1]);
        std::fs::write(&path, text).unwrap();
        return;
    }
    assert_eq!(shown.trim(), expected.trim(), "{file}: run this test with UPDATE_DOCS=1");
}

#[test]
fn the_documented_keys_match_the_program() {
    check("docs/keys.md", &every_key());
    check("README.md", &essential_keys());
}
