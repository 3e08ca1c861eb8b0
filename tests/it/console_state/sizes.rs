//! Every screen at every size, with hostile alerts: no panics, whole glyphs, aligned columns.

use std::collections::HashMap;

use alertdeck::app::{FeedEvent, Identity, Message, RequestLine, SignInEvent};
use alertdeck_graph::http::AttemptOutcome;
use alertdeck_model::SafeText;
use ratatui::buffer::{Buffer, CellWidth as _};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthChar as _;

use super::{
    harness::{Harness, Settings, alert, lines, settings, theme, with},
    requests,
    screens::{State, tenant},
    signing_in,
};

/// Checks that the cells are safe for a terminal: they contain no characters that control the
/// terminal or mislead the reader, and no glyph is wider than its cells.
fn check(buffer: &Buffer, what: &str) {
    let area = buffer.area;
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            let width = symbol.cell_width();
            let bad = symbol.chars().find(|c| {
                c.is_control()
                    || matches!(*c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
                    || matches!(*c, '\u{61c}' | '\u{ad}' | '\u{feff}' | '\u{fff9}' | '\u{ffff}' | '\u{e000}' | '\u{e0041}')
            });
            assert_eq!(bad, None, "{what}: {symbol:?} at {x},{y}");
            assert!(
                symbol.chars().filter(|c| c.width() == Some(0)).count() <= 6,
                "{what}: {symbol:?} at {x},{y}"
            );
            assert!(width > 0 && x + width <= area.width, "{what}: {symbol:?} at {x},{y} of {}", area.width);
            x += width;
        }
    }
}

/// Returns alerts with hostile text (docs/testing.md, "Hostile text").
fn hostile() -> Vec<Value> {
    let titles = [
        "\u{1b}[31mCRITICAL\u{1b}[2J",
        "\u{1b}]0;owned\u{7}\u{1b}]52;c;eA==\u{7}",
        "\u{1b}]8;;http://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\",
        "\u{2066}\u{2067}\u{2068}x\u{200e}\u{200f}\u{61c}",
        "micro\u{200b}soft\u{feff}.co\u{ad}m",
        "tags\u{e0041}\u{e0042}\u{e007f}\u{fe01}\u{e0100}",
        "nul\u{0}bs\u{8}bel\u{7}del\u{7f}\u{9b}31m\u{85}",
        "\u{3164}\u{2800}\u{3000}",
        "",
        "不審な振る舞いが検出されました、至急確認してください。不審な振る舞い",
        "👨‍👩‍👧‍👦👩🏽‍🚀🇩🇪 family 🏴 and \u{1f1e9} alone, e\u{301}\u{302}",
        "\u{ffff}\u{e000}\u{2028}\u{2029}\u{fff9}",
        "line\r\nbreak\nand\ttab",
        "imitates ⟨202E⟩ and ␛[31m and ⏎",
        "\u{ff21}\u{ff22} full \u{ff76}\u{ff9e} half",
        "क्षि \u{0e33} \u{1100}\u{1161}\u{11a8} \u{fdfd} ﷺ",
    ];
    let combining = format!("Z{}algo", "\u{301}\u{334}\u{489}".repeat(400));
    let endless = "x".repeat(300_000);
    let texts = titles.into_iter().chain([combining.as_str(), endless.as_str()]);
    let hostile = |(number, text): (usize, &str)| {
        with(
            alert(number as u32 + 1),
            json!({
                "title": text, "assignedTo": format!("{text}@contoso.com"), "category": text, "description": text,
                "severity": if number % 4 == 3 { text } else { "high" }, "status": if number % 4 == 2 { text } else { "new" },
                "comments": [{"comment": text, "createdByDisplayName": text}],
                "evidence": [
                    {"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": text, "mdeDeviceId": "m"},
                    {"@odata.type": format!("#microsoft.graph.security.{text}Evidence"), "x": text},
                    {"@odata.type": "#microsoft.graph.security.processEvidence", "processCommandLine": text,
                        "imageFile": {"fileName": text}, "processId": 4, "mdeDeviceId": "m", "verdict": text},
                ],
            }),
        )
    };
    texts.enumerate().map(hostile).collect()
}

fn draw_all(alerts: &[Value], sizes: &[(u16, u16)]) {
    let theme = theme();
    for state in State::ALL {
        let writes = state.settings().writes;
        let mut console = Harness::with(Settings { writes, ..settings("-title:nothing") }, (100, 30));
        state.show(&mut console, alerts);
        for (width, height) in sizes.iter().copied() {
            console.resize(width, height);
            check(&console.draw(&theme), &format!("{state:?} at {width}x{height}"));
        }
    }
}

#[test]
fn every_screen_is_drawn_at_every_small_size() {
    let sizes: Vec<_> = (0..=24).flat_map(|width| (0..=12).map(move |height| (width, height))).collect();
    draw_all(&hostile()[..16], &sizes);
}

#[test]
fn every_screen_is_drawn_at_larger_sizes() {
    let sizes = [
        (20, 5),
        (25, 7),
        (33, 13),
        (59, 40),
        (60, 15),
        (60, 18),
        (80, 24),
        (109, 30),
        (110, 10),
        (120, 35),
        (200, 50),
    ];
    draw_all(&[tenant(40), hostile()].concat(), &sizes);
}

#[test]
fn hostile_sign_in_texts_are_drawn_in_whole_glyphs() {
    let theme = theme();
    let texts: Vec<_> =
        hostile().iter().map(|alert| SafeText::new(alert["title"].as_str().unwrap())).collect();
    for (nth, text) in texts.iter().enumerate() {
        let mut console = Harness::with(settings(""), (100, 30));
        let show = |console: &mut Harness, what: &str| {
            for (width, height) in [(20, 5), (33, 9), (60, 15), (80, 24), (120, 35)] {
                console.resize(width, height);
                check(&console.draw(&theme), &format!("{what} {nth} at {width}x{height}"));
            }
        };
        signing_in::needed(&mut console);
        console.keys("d");
        let until = console.now.mono;
        let (code, address) = (text.clone(), text.clone());
        console.sign_in_event(SignInEvent::Code { code, address, until });
        show(&mut console, "code");
        console.sign_in_event(SignInEvent::Address { url: text.clone(), opened: Ok(()), until });
        show(&mut console, "address");
        let permissions = vec![text.clone(); 3];
        let (account, tenant) = (Some(text.clone()), Some(text.clone()));
        console.feed_event(FeedEvent::SignedIn(Identity {
            account,
            tenant,
            permissions,
            ..Identity::default()
        }));
        console.keys("P");
        show(&mut console, "identity");
        console.keys("Esc R");
        let line = RequestLine {
            path: text.clone(),
            request_id: Some(text.clone()),
            ..requests::request(1, AttemptOutcome::Answered(200))
        };
        console.send(Message::Requests(vec![line]));
        show(&mut console, "request");
    }
}

#[test]
fn columns_are_aligned_with_any_text() {
    let hostile = hostile();
    let alerts: Vec<_> = hostile.iter().cloned().chain([alert(40)]).collect();
    for (width, height) in [(80, 50), (130, 40)] {
        let mut console = Harness::with_alerts(&alerts);
        console.resize(width, height);
        let buffer = console.draw(&theme());
        let (head, list) = (console.app.layout().list_head.unwrap(), console.app.layout().list.unwrap());
        let heading: String = (head.x..head.x + head.width).map(|x| buffer[(x, head.y)].symbol()).collect();
        // Each column starts at its heading, and the cell before it is empty in every row.
        let starts: HashMap<&str, u16> = ["STAT", "TITLE", "DEVICE", "OWNER"]
            .into_iter()
            .filter_map(|name| Some((name, heading[..heading.find(name)?].chars().count() as u16)))
            .collect();
        assert!(starts.len() >= 3, "{heading}");
        for y in list.y..list.y + console.app.view.len() as u16 {
            for (name, x) in &starts {
                let before = buffer[(list.x + x - 1, y)].symbol();
                let first = buffer[(list.x + x, y)].symbol();
                let row = &lines(&buffer)[usize::from(y)];
                assert_eq!(before, " ", "before {name} in {row}");
                assert_ne!(first, " ", "{name} in {row}");
            }
        }
        if let Some(divider) = console.app.layout().divider {
            for y in divider.y..divider.y + divider.height {
                assert_eq!(buffer[(divider.x, y)].symbol(), "│", "{}", lines(&buffer)[usize::from(y)]);
            }
        }
    }
}

#[test]
fn blank_titles_are_visible_and_selectable() {
    let mut console = Harness::with_alerts(&[
        with(alert(1), json!({"title": "\u{3164}\u{2800}\u{3000}"})),
        with(alert(2), json!({"title": ""})),
        with(alert(3), json!({"title": null})),
    ]);
    assert_eq!(
        console.screen().matches("(blank title)").count(),
        4,
        "three rows and the rule: {}",
        console.screen()
    );
    console.keys("G");
    assert_eq!(console.selected(), Some("a1"));
}

#[test]
fn marks_differ_from_their_imitations() {
    let console = Harness::with_alerts(&[
        with(alert(1), json!({"title": "real \u{202e}x"})),
        with(alert(2), json!({"title": "fake ⟨202E⟩x"})),
    ]);
    let screen = console.screen();
    assert!(screen.contains("real ⟨202E⟩x"), "{screen}");
    assert!(!screen.contains("fake ⟨202E⟩x"), "{screen}");
}
