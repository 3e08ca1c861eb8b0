//! The filter bar, and the keys that build filters from values on the screen.

use alertdeck::app::{Message, Overlay, Pane, Phase, Scope, thousands};
use alertdeck_query::PROPERTIES;
use alertdeck_store::Count;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::harness::{Harness, alert, scope, with};

fn severities() -> Harness {
    let of = |number, severity: &str| with(alert(number), json!({"severity": severity}));
    Harness::with_alerts(&[of(1, "high"), of(2, "medium"), of(3, "low"), of(4, "high")])
}

#[test]
fn matches_found_so_far_are_shown_while_the_filter_runs() {
    let mut console = Harness::open("");
    console.slice = 20_000;
    let alert =
        |n: u32| json!({"id": format!("a{n}"), "title": format!("Title number {n}"), "severity": "high"});
    console.arrive(&(0..16_000).map(alert).collect::<Vec<_>>());
    console.done();
    console.lazy = true;
    console.slice = 400;
    console.keys("/");
    console.type_text("title~mber.[0-4]");
    let shown = loop {
        assert!(console.app.view.is_scanning(), "{}", console.screen());
        if let Count::AtLeast(found) = console.app.view.count() {
            break found;
        }
        console.send(Message::Work(400));
    };
    assert!((64..11_000).contains(&shown), "{shown}");
    let screen = console.screen();
    assert!(screen.contains(&format!("{}+ matches in 16,000 loaded", thousands(shown))), "{screen}");
    assert!(!screen.contains("Title number 5"), "{screen}");
    console.settle();
    let expected = (0..16_000).filter(|n: &u32| (b'0'..=b'4').contains(&n.to_string().as_bytes()[0])).count();
    assert_eq!(console.app.view.count(), Count::Exact(expected));
}

#[test]
fn typing_filters_the_loaded_alerts() {
    let mut console = severities();
    console.keys("/");
    let mut shown = Vec::new();
    for c in "severity:high ".chars() {
        console.type_text(&c.to_string());
        shown.push((console.app.filter.text().to_owned(), console.rows().len()));
    }
    // Once complete, `severity:high` is a term. Until then, a bare word searches all text and finds
    // nothing.
    assert_eq!(shown.last(), Some(&("severity:high ".to_owned(), 2)));
    assert_eq!(console.fetches(), [], "typing makes no request");
    console.type_text("-title:4");
    assert_eq!(console.rows(), ["a1"]);
}

#[test]
fn invalid_filter_keeps_the_last_rows_and_its_text() {
    let mut console = severities();
    console.keys("/");
    console.type_text("severity:high");
    assert_eq!(console.rows(), ["a4", "a1"]);
    console.type_text(" ");
    console.paste("status:");
    for text in ["", "n", "onsense"] {
        console.type_text(text);
        assert_eq!(console.rows(), ["a4", "a1"], "{}", console.app.filter.text());
    }
    assert!(!console.app.filter.is_valid());
    console.keys("Enter");
    assert_eq!(console.app.filter.text(), "severity:high status:nonsense", "Enter keeps the text");
    assert!(console.app.filter.editor.is_some());
    assert_eq!(console.fetches(), []);
}

#[test]
fn esc_restores_text_and_rows() {
    let mut console = severities();
    console.keys("/");
    console.type_text("severity:high");
    console.keys("Enter /");
    for text in [" nothing-like-this", " status:", "\"("] {
        console.type_text(text);
    }
    console.keys("Esc");
    assert_eq!((console.app.filter.text(), console.app.filter.is_valid()), ("severity:high", true));
    assert_eq!(console.rows(), ["a4", "a1"]);
    assert!(console.app.filter.editor.is_none());
}

#[test]
fn enter_makes_no_request_for_a_covered_filter() {
    let mut console = Harness::open("severity:high");
    assert_eq!(console.fetches().len(), 1);
    let run = |console: &mut Harness, text: &str| {
        console.keys("/ Ctrl-u");
        console.type_text(text);
        console.keys("Enter");
        console.fetches()
    };
    assert_eq!(run(&mut console, "severity:high title:x"), [], "the same request is running");
    console.done();
    assert_eq!(run(&mut console, "severity:high title:y"), [], "its list is complete");
    assert_eq!(run(&mut console, "severity:low"), [scope("severity eq 'low'")]);
    assert_eq!(run(&mut console, "title:z"), [Scope::All], "the running one is superseded");
    console.done();
    assert_eq!(run(&mut console, "severity:medium"), [], "all alerts are loaded");
    console.keys("r");
    assert_eq!(console.fetches().len(), 1, "r always makes a request");
    console.keys("Esc");
    assert_eq!(run(&mut console, "severity:informational").len(), 1, "a refresh forgets complete lists");
}

#[test]
fn covered_filter_cancels_the_fetch_of_another() {
    let mut console = Harness::open("severity:high");
    console.done();
    console.keys("/ Ctrl-u");
    console.type_text("severity:low");
    console.keys("Enter / Ctrl-u");
    console.type_text("severity:high");
    console.effects.clear();
    console.keys("Enter");
    assert_eq!(console.cancelled().len(), 1);
    assert_eq!(console.fetches(), [], "it is covered");
    assert_eq!(console.phase(), &Phase::Complete, "the header describes the shown list");
    console.keys("/ Ctrl-u");
    console.type_text("severity:low");
    console.keys("Enter");
    assert_eq!(console.fetches(), [scope("severity eq 'low'")], "the other list is incomplete");
}

#[test]
fn completions_history_and_fixes() {
    let mut console = severities();
    console.keys("/");
    console.type_text("sev");
    console.keys("Tab");
    assert_eq!(console.app.filter.text(), "severity:");
    console.keys("Tab");
    let first = console.app.filter.text().to_owned();
    assert!(first.len() > "severity:".len(), "{first}");
    console.keys("Enter / Ctrl-u");
    console.type_text("status:new");
    console.keys("Enter / ↑");
    assert_eq!(console.app.filter.text(), "status:new");
    console.keys("↑");
    assert_eq!(console.app.filter.text(), first.trim());
    console.keys("↓ ↓");
    assert_eq!(console.app.filter.text(), "status:new", "back at the edited text");
    console.keys("Ctrl-u");
    console.type_text("sevrity:high");
    assert!(!console.app.filter.is_valid());
    console.keys("Tab");
    assert_eq!(console.app.filter.text(), "severity:high");
    assert!(console.app.filter.is_valid());
}

#[test]
fn tab_fixes_the_syntax_of_other_tools() {
    let mut console = severities();
    for (typed, fixed, rows) in [
        ("severity eq 'high'", "$severity eq 'high'", &["a4", "a1"][..]),
        ("severity = medium", "severity:medium", &["a2"]),
        ("severity low", "severity:low", &["a3"]),
        ("owner:unassigned", "owner:none", &["a4", "a3", "a2", "a1"]),
    ] {
        console.keys("/ Ctrl-u");
        console.type_text(typed);
        assert!(!console.app.filter.is_valid(), "{typed}");
        console.keys("Tab");
        assert_eq!((console.app.filter.text(), console.rows()), (fixed, rows.to_vec()));
        console.keys("Esc");
    }
}

#[test]
fn excluded_words_are_named_in_the_bar() {
    let mut console = severities();
    console.keys("/");
    console.type_text("alert -enc");
    assert!(console.screen().contains("without: enc  local"), "{}", console.screen());
    console.type_text(" \"");
    assert!(!console.screen().contains("without"), "{}", console.screen());
}

#[test]
fn chosen_completion_survives_time() {
    let mut console = Harness::open("age<1h");
    console.keys("/");
    console.type_text(" sever");
    console.keys("Ctrl-u");
    console.type_text("age<1h s");
    console.keys("Ctrl-n Ctrl-n");
    let choice = |console: &Harness| console.app.filter.editor.as_ref().unwrap().choice;
    assert_eq!(choice(&console), 2);
    console.advance(std::time::Duration::from_secs(180));
    assert_eq!(choice(&console), 2);
}

#[rstest]
#[case("srv-1.contoso.com", "srv-1.contoso.com")]
#[case("10.0.0.1\r\n10.0.0.2\n\n  evil.example  \n", "10.0.0.1 or 10.0.0.2 or evil.example")]
#[case("not\nan \"odd\" one", "\"not\" or \"an \"\"odd\"\" one\"")]
#[case("q\nr\ny", "q or r or y")]
#[case::as_terminals_paste("alpha\rbeta\r", "alpha or beta")]
fn paste_on_the_list_fills_the_filter_without_running_it(#[case] text: &str, #[case] filter: &str) {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.paste(text);
    assert_eq!(console.app.filter.text(), filter);
    assert_eq!(console.app.filter.committed, "");
    assert!(console.app.filter.is_valid(), "{:?}", console.app.filter.diagnostics);
    assert_eq!(console.effects, []);
    console.keys("Esc");
    assert_eq!((console.app.filter.text(), console.rows().len()), ("", 2));
}

#[test]
fn paste_goes_to_the_caret_of_the_filter_and_not_into_overlays() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.keys("/");
    console.type_text("title:2 status:new");
    for _ in 0.."2 status:new".len() {
        console.keys("←");
    }
    console.paste("Alert\n");
    assert_eq!(console.app.filter.text(), "title:Alert2 status:new");
    console.keys("Esc ?");
    console.paste("q\nx");
    assert!(console.app.ui.overlay().is_some());
    assert_eq!((console.app.filter.text(), console.effects.as_slice()), ("", &[][..]));
}

#[test]
fn filter_is_parenthesised_when_a_term_is_added() {
    let mut console = severities();
    console.keys("/");
    console.type_text("severity:high or severity:low");
    console.keys("Enter f");
    console.pick("title");
    assert_eq!(console.app.filter.text(), "(severity:high or severity:low) title=\"Alert 4\"");
    assert_eq!(console.rows(), ["a4"]);
}

#[test]
fn pivot_on_the_incident_replaces_the_filter() {
    let mut console = Harness::with_alerts(&[
        alert(1),
        with(alert(2), json!({"incidentId": "771"})),
        with(alert(3), json!({"incidentId": null})),
        alert(4),
    ]);
    console.keys("i");
    assert_eq!((console.app.filter.text(), console.rows()), ("incident:77", vec!["a4", "a1"]));
    console.keys("/ Ctrl-u Enter g j i");
    assert_eq!(console.rows().len(), 4, "a3 has no incident");
    assert!(console.notice().contains("no incident"), "{}", console.notice());
}

/// Generates values that would turn into something else if they were quoted carelessly in a filter.
fn hostile() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        "",
        " ",
        "-",
        "-enc",
        "--x",
        "!",
        "*",
        "a*b",
        "**",
        "\"",
        "\"\"",
        "a\"b\"",
        "\\",
        "\\\\",
        "C:\\x y\\",
        "or",
        "and",
        "NOT",
        "not x",
        "me",
        "none",
        "any",
        "true",
        "unknown",
        "open",
        "@me",
        "a,b",
        "a..b",
        "..",
        "1..2",
        "(a)",
        "a or b",
        "~",
        "=",
        "a=b",
        ">=5",
        "$x",
        "$filter=x",
        "'",
        "a'b",
        "line\nbreak",
        "\ttab",
        "\r\n",
        "\u{0}",
        "\u{1b}[31m",
        "\u{202e}x",
        "\u{200b}",
        "\u{3000}",
        "ǅ",
        "İ",
        "ß",
        "é",
        "e\u{301}",
        "🇩🇪",
        "10.0.0.1",
        "10.0.0.0/8",
        "fe80::1",
        "::",
        "1.2",
        "hxxp://a[.]b",
        "evil[.]example",
        "http://a/b?c=d#e",
        "DEADBEEF",
        "abc123",
        "T1059",
        "T1059.001",
        "2026-11-01",
        "7d",
        "%00",
        "/",
        "a/b",
        "x@y",
        "@",
        "_",
        "é-1",
        "٣",
        "⟨202E⟩",
        "␛[31m",
    ]);
    prop_oneof![
        4 => awkward.clone().prop_map(str::to_owned),
        2 => (awkward.clone(), awkward).prop_map(|(a, b)| format!("{a}{b}")),
        1 => "\\PC{0,8}",
        1 => "[ -~\\n\\t]{0,10}",
    ]
}

/// Returns an alert that has the value in every place where the console offers to filter by it.
fn alert_with_value(value: &str) -> Value {
    with(
        alert(5),
        json!({
            "title": value, "assignedTo": value, "incidentId": value, "category": value, "severity": value,
            "status": value, "classification": value, "serviceSource": value, "mitreTechniques": [value],
            "systemTags": [value], "productName": value, "threatDisplayName": value, "actorDisplayName": value,
            "detectionSource": value, "determination": value, "customDetails": {"deep": {"name": value}},
            "evidence": [
                {"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": value, "tags": [value]},
                {"@odata.type": "#microsoft.graph.security.userEvidence", "userAccount": {"accountName": value,
                    "displayName": value, "userPrincipalName": value, "userSid": value}},
                {"@odata.type": "#microsoft.graph.security.ipEvidence", "ipAddress": value},
                {"@odata.type": "#microsoft.graph.security.urlEvidence", "url": value},
                {"@odata.type": "#microsoft.graph.security.fileEvidence",
                    "fileDetails": {"fileName": value, "filePath": value, "sha256": value, "sha1": value}},
                {"@odata.type": "#microsoft.graph.security.processEvidence", "processCommandLine": value,
                    "processId": 7, "imageFile": {"fileName": value}},
                {"@odata.type": "#microsoft.graph.security.registryKeyEvidence", "registryKey": value},
                {"@odata.type": "#microsoft.graph.security.quantumEvidence", "spin": value},
            ],
        }),
    )
}

/// Returns whether the filter language cannot express a value: an enumeration member without a
/// name, an unknown property, or a domain that was defanged when received, since the field
/// interprets that as another spelling of the domain.
fn beyond_the_language(field: &str, value: &str) -> bool {
    match alertdeck_query::find_field(field) {
        Some(named) if named.enumeration().is_some() => value.trim().is_empty(),
        Some(_) => field == "domain" && alertdeck_model::defang::refang(value) != value,
        None => !PROPERTIES.contains(&field),
    }
}

/// Presses `key` on every offered value: in the row, on each line of the detail pane, and in the
/// overlay of each line.
fn check_every_value(alerts: &[Value], key: &str, matches: bool) -> Result<(), TestCaseError> {
    let mut console = Harness::with_alerts(alerts);
    let id = console.selected().unwrap().to_owned();
    console.keys(key);
    let letters = console.menu();
    console.keys("Esc");
    let check = |console: &mut Harness, what: &str| {
        let filter = console.app.filter.committed.clone();
        prop_assert!(
            console.app.filter.editor.is_none(),
            "{what}: the filter `{}` is invalid: {:?}",
            console.app.filter.text(),
            console.app.filter.diagnostics
        );
        prop_assert_eq!(console.shows(&id), matches, "{} by `{}`", what, filter);
        console.app.ui.focus = Pane::List;
        console.keys("/ Ctrl-u Enter Esc g");
        Ok(())
    };
    for (letter, label) in letters {
        console.keys(key);
        console.keys(&letter.to_string());
        check(&mut console, &format!("column {label}"))?;
    }
    console.keys("Enter G");
    let count = console.app.detail.shown.as_ref().unwrap().lines().len();
    for line in 0..count {
        let mut value = 0;
        loop {
            console.app.ui.focus = Pane::Detail;
            console.keys("g");
            for _ in 0..line {
                console.keys("j");
            }
            // The overlay shows the values of a node, or of a line with several values.
            console.keys("Enter");
            let Some(Overlay::Values(values)) = console.app.ui.overlay() else { break };
            let Some(offered) = values.values.get(value).cloned() else {
                console.keys("Esc");
                break;
            };
            value += 1;
            if offered.field.is_none() {
                console.keys("Esc");
                continue;
            }
            for _ in 1..value {
                console.keys("j");
            }
            console.keys(key);
            if console.app.ui.overlay().is_some() {
                let (field, text) = (offered.field.unwrap(), offered.text.raw());
                prop_assert!(beyond_the_language(&field, text), "{field} cannot express {text:?}");
                console.keys("Esc");
                continue;
            }
            check(&mut console, &format!("{} {:?} in line {line}", offered.label, offered.text.raw()))?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn including_a_value_keeps_its_alert(value in hostile()) {
        check_every_value(&[alert_with_value(&value)], "f", true)?;
    }

    #[test]
    fn excluding_a_value_removes_its_alert(value in hostile()) {
        check_every_value(&[alert_with_value(&value)], "F", false)?;
    }
}

/// Returns the completions in the filter bar, with their help.
fn completions(console: &Harness) -> Vec<(String, String)> {
    let editor = console.app.filter.editor.as_ref().unwrap();
    editor.completions.iter().map(|found| (found.text.clone(), found.help.clone())).collect()
}

#[test]
fn loaded_values_complete_a_field_with_the_most_frequent_first() {
    let titled = |number, title: &str| with(alert(number), json!({"title": title}));
    let mut console = Harness::with_alerts(&[
        titled(1, "Suspicious login"),
        titled(2, "Ransomware \"X\""),
        titled(3, "RANSOMWARE \"x\""),
        titled(4, "ransomware"),
        // Nobody could read, let alone complete, a value as long as this.
        titled(5, &"ware".repeat(1_000)),
    ]);
    console.keys("/");
    console.type_text("-title:wares");
    assert_eq!(completions(&console), []);
    console.keys("Backspace");
    let found = completions(&console);
    let found: Vec<_> = found.iter().map(|(text, help)| (text.as_str(), help.as_str())).collect();
    assert_eq!(found, [("\"Ransomware \"\"X\"\"\"", "2 alerts"), ("ransomware", "1 alert")]);
    console.keys("Tab");
    assert_eq!(console.app.filter.text(), "-title:\"Ransomware \"\"X\"\"\"");
    assert_eq!(console.app.view.len(), 3);
    console.keys("Ctrl-u");
    console.type_text("device:srv-3");
    assert_eq!(completions(&console), [("srv-3.contoso.com".into(), "1 alert".into())]);
    console.keys("Ctrl-u");
    console.type_text("owner:");
    let words: Vec<_> = completions(&console).into_iter().map(|(text, _)| text).collect();
    assert_eq!(words, ["me", "none", "any"], "fixed words come before values");
}

#[test]
fn the_chosen_value_stays_when_alerts_arrive() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2), alert(3)]);
    console.keys("/");
    console.type_text("device:srv");
    console.keys("Ctrl-p");
    let chosen = |console: &Harness| {
        let editor = console.app.filter.editor.as_ref().unwrap();
        editor.completions[editor.choice].clone()
    };
    let before = chosen(&console);
    let mut again = alert(4);
    again["evidence"][0]["deviceDnsName"] = json!("srv-2.contoso.com");
    console.arrive(&[again]);
    console.keys("Left Right");
    assert_eq!(completions(&console)[0], ("srv-2.contoso.com".into(), "2 alerts".into()));
    assert_eq!(chosen(&console), before);
}
