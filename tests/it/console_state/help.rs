//! The help: what it begins with, its signs and filters, and the search.

use alertdeck::app::contexts;
use alertdeck_query as query;

use super::harness::{Harness, alert};

fn open(keys: &str) -> Harness {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys(keys);
    console
}

/// Returns the lines of the help, without indentation.
fn lines(console: &Harness) -> Vec<String> {
    let lines = console.app.panel().unwrap().lines;
    let text = |line: &Vec<alertdeck::app::PanelSpan>| {
        line.iter().map(|span| span.text.as_str()).collect::<Vec<_>>().join(" ").trim().to_owned()
    };
    lines.iter().map(text).collect()
}

fn position(lines: &[String], text: &str) -> usize {
    lines.iter().position(|line| line == text).unwrap_or_else(|| panic!("no {text:?}: {lines:#?}"))
}

#[test]
fn it_begins_with_the_focused_pane_and_has_every_context() {
    for (keys, first) in [("?", "List"), ("Enter ?", "Detail")] {
        let lines = lines(&open(keys));
        assert_eq!(lines[0], first);
        let order = [first, "Global", "Signs and counts", "Filters", "Export"];
        let at: Vec<_> = order.iter().map(|heading| position(&lines, heading)).collect();
        assert!(at.is_sorted(), "{at:?}");
        for context in contexts().filter(|context| !context.commands.is_empty()) {
            let count = lines.iter().filter(|line| *line == context.heading).count();
            assert_eq!(count, 1, "{}", context.heading);
        }
    }
}

#[test]
fn a_search_keeps_matching_lines_below_their_headings() {
    let mut console = open("? /");
    console.type_text("SORT");
    let found = lines(&console);
    assert_eq!(&found[..2], ["List", "s sort by column"]);
    assert!(!found.iter().any(|line| line.contains("comment")), "{found:?}");
    // Letters with a meaning elsewhere are text.
    console.keys("Ctrl-u q ?");
    assert_eq!(lines(&console)[0], "nothing found");
    console.keys("Ctrl-u");
    console.type_text("regular");
    assert_eq!(&lines(&console)[..2], ["Filters", "cmdline~enc.*ed a regular expression"]);
    console.keys("Esc");
    assert_eq!(lines(&console)[0], "List", "Esc ends the search first");
    console.keys("Esc");
    assert!(console.app.ui.overlay().is_none());
}

#[test]
fn a_row_of_keys_is_a_range() {
    assert!(lines(&open("?")).contains(&"1 to 9 open a saved view: one key each".to_owned()));
}

#[test]
fn the_filters_in_the_help_are_valid() {
    let lines = lines(&open("?"));
    let start = position(&lines, "Filters");
    let console = open("?");
    let panel = console.app.panel().unwrap();
    let filters: Vec<_> = panel.lines[start + 1..].iter().take_while(|line| !line.is_empty()).collect();
    assert!(filters.len() > 5);
    for line in filters {
        let filter = &line[1].text;
        assert!(query::compile(filter, &console.app.query_context()).is_ok(), "{filter}");
    }
}
