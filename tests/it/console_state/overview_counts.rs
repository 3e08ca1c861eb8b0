//! The overview: counts of the alerts in the list, each of which leads to its alerts.

use std::time::Duration;

use alertdeck::app::Overlay;
use serde_json::{Value, json};

use super::{
    harness::{Harness, alert, with},
    triage::arrive,
};

fn device(name: &str) -> Value {
    json!({ "evidence": [{
        "@odata.type": "#microsoft.graph.security.deviceEvidence",
        "deviceDnsName": name, "mdeDeviceId": format!("id-of-{name}"),
    }] })
}

/// Opens a list of five alerts: three on one device, one on another, one on none.
fn open(size: (u16, u16)) -> Harness {
    let alerts = [
        with(alert(1), device("srv-01.contoso.com")),
        with(alert(2), device("srv-01.contoso.com")),
        with(alert(3), device("ws-02.contoso.com")),
        with(alert(4), device("srv-01.contoso.com")),
        alert(5),
    ];
    let mut console = Harness::with_alerts(&alerts);
    console.resize(size.0, size.1);
    console.done();
    console
}

/// Moves the cursor to the count with this label.
fn go_to(console: &mut Harness, label: &str) {
    console.keys("g");
    for _ in 0..100 {
        let theme = super::harness::theme();
        let buffer = console.draw(&theme);
        let is_on = |y: u16| {
            let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
            let middle = &buffer[(buffer.area.width / 2, y)];
            line.contains(label) && middle.bg == theme.cursor.bg.unwrap_or_default()
        };
        if (0..buffer.area.height).any(is_on) {
            return;
        }
        console.keys("j");
    }
    panic!("{label}: {}", console.screen());
}

#[test]
fn the_overview_counts_the_alerts_in_the_list() {
    let mut console = open((120, 50));
    console.keys("d");
    let screen = console.screen();
    assert!(screen.contains("Overview: 5 alerts"), "{screen}");
    for (label, count) in [("srv-01.contoso.com", "3"), ("ws-02.contoso.com", "1"), ("unassigned", "5")] {
        let line = screen.lines().skip(2).find(|line| line.contains(label)).unwrap();
        let inside = line.split(label).nth(1).unwrap();
        let numbers: Vec<_> =
            inside.split(|c: char| !c.is_ascii_digit()).filter(|it| !it.is_empty()).collect();
        assert_eq!(numbers[0], count, "{line}");
    }
    console.keys("d");
    assert!(console.app.ui.overlay().is_none(), "the key closes it, too");
}

#[test]
fn a_count_leads_to_its_alerts_and_back() {
    let mut console = open((120, 50));
    console.keys("d");
    go_to(&mut console, "srv-01.contoso.com");
    console.keys("Enter");
    assert!(console.app.ui.overlay().is_none());
    assert_eq!(console.app.filter.committed, "device=srv-01.contoso.com");
    assert_eq!(console.rows().len(), 3);
    console.keys("Backspace");
    assert_eq!(console.rows().len(), 5);
}

#[test]
fn alerts_that_arrive_are_counted_and_the_cursor_stays() {
    let mut console = open((120, 50));
    console.keys("d");
    go_to(&mut console, "ws-02.contoso.com");
    let more: Vec<_> = (6..16).map(|number| with(alert(number), device("lt-03.contoso.com"))).collect();
    arrive(&mut console, &more);
    console.advance(Duration::from_secs(2));
    let screen = console.screen();
    assert!(screen.contains("Overview: 15 alerts") && screen.contains("lt-03.contoso.com"), "{screen}");
    console.keys("Enter");
    assert_eq!(console.app.filter.committed, "device=ws-02.contoso.com");
}

#[test]
fn an_empty_list_has_no_counts() {
    let mut console = Harness::with_alerts(&[]);
    console.done();
    console.keys("d");
    assert!(console.screen().contains("no alerts in the list"), "{}", console.screen());
    console.keys("j Enter");
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Overview(_))), "there is nothing to show");
}

#[test]
fn the_cursor_is_visible_at_every_size() {
    for size in [(200, 50), (120, 35), (80, 24), (60, 15), (30, 8)] {
        let mut console = open(size);
        console.keys("d");
        for _ in 0..60 {
            let theme = super::harness::theme();
            let buffer = console.draw(&theme);
            let cursor = theme.cursor.bg.unwrap_or_default();
            // In this column, the cursor of the list is hidden or the detail pane is beside it.
            let is_on = |y: u16| buffer[(buffer.area.width * 3 / 5, y)].bg == cursor;
            assert_eq!(
                (0..buffer.area.height).filter(|y| is_on(*y)).count(),
                1,
                "{size:?} {}",
                console.screen()
            );
            console.keys("j");
        }
    }
}
