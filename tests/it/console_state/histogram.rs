//! The histogram above the list: one line for each severity that has alerts.

use std::time::Duration;

use serde_json::json;

use super::harness::{Harness, alert, batch, lines, settings, theme, with};
use alertdeck::app::LoadEvent;

/// Returns the lines of the histogram, and the number of the line with the column headings.
fn shown(console: &Harness) -> (Vec<String>, usize) {
    let screen = lines(&console.draw(&theme()));
    let head = screen.iter().position(|line| line.contains("TITLE")).unwrap();
    (screen[4..head].iter().map(|line| line.trim().to_owned()).collect(), head)
}

#[test]
fn severities_without_alerts_give_their_line_to_the_list() {
    let of = |number: u32, severity: &str| with(alert(number), json!({ "severity": severity }));
    let mut console = Harness::with_alerts(&[of(1, "high"), of(2, "low"), of(3, "low")]);
    let (histogram, head) = shown(&console);
    assert_eq!((histogram.len(), head), (2, 6), "{histogram:?}");
    assert!(histogram[0].starts_with("▲ high") && histogram[1].starts_with("◆ low"), "{histogram:?}");
    console.keys("/");
    console.type_text("severity:high");
    console.keys("Enter");
    assert_eq!(shown(&console).0.len(), 1);
    console.keys("/ Ctrl-u");
    console.type_text("severity:medium");
    console.keys("Enter");
    assert_eq!(shown(&console), (Vec::new(), 4), "no alerts, no lines");
    assert!(console.screen().contains("No matching alerts"), "{}", console.screen());
}

#[test]
fn alerts_that_arrive_shortly_after_a_count_are_counted_without_further_messages() {
    let mut console = Harness::with(settings(""), (120, 35));
    console.load(LoadEvent::Page { total: Some(1_284), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1)])));
    console.load(LoadEvent::Batch(batch(&[alert(2), alert(3)])));
    assert!(shown(&console).0[0].contains(" 1 "), "{:?}", shown(&console));
    console.advance(Duration::from_millis(300));
    assert!(shown(&console).0[0].contains(" 3 "), "{:?}", shown(&console));
}
