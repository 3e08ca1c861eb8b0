//! The actions that copy text and open links.

use alertdeck::app::{Effect, Message, Overlay};
use alertdeck_model::PortalUrl;
use rstest::rstest;
use serde_json::json;

use super::harness::{Harness, alert, with};

const LINK: &str = "https://security.microsoft.com/alerts/a1";

#[test]
fn copy_menu_copies_what_its_labels_say() {
    let mut console = Harness::with_alerts(&[with(
        alert(1),
        json!({
            "title": "Beacon to http://evil.example/x", "assignedTo": "ben@contoso.com",
            "incidentWebUrl": "https://security.microsoft.com/incidents/77",
        }),
    )]);
    let json = serde_json::to_string(&with(
        alert(1),
        json!({
            "title": "Beacon to http://evil.example/x", "assignedTo": "ben@contoso.com",
            "incidentWebUrl": "https://security.microsoft.com/incidents/77",
        }),
    ))
    .unwrap();
    for (label, text) in [
        ("title", "Beacon to http://evil.example/x"),
        ("defanged", "Beacon to hxxp://evil[.]example/x"),
        (
            "row",
            "medium\tnew\t2026-11-20T00:01:00Z\tBeacon to http://evil.example/x\tsrv-1.contoso.com\tben@contoso.com",
        ),
        ("alert ID", "a1"),
        ("JSON", &json),
        ("alert link", LINK),
        ("incident link", "https://security.microsoft.com/incidents/77"),
    ] {
        console.keys("y");
        console.pick(label);
        assert_eq!(console.copies(), [text], "{label}");
        assert!(console.app.ui.overlay().is_none());
        assert!(console.notice().starts_with(&format!("copied {label}, ")), "{}", console.notice());
    }
    console.keys("/");
    console.type_text("title:beacon status:new");
    console.keys("Enter");
    for (label, text) in [
        ("filter", "title:beacon status:new"),
        (
            "hunting query (KQL) without status",
            "// title:beacon status:new\n// Not in these tables, so left out: status\nAlertInfo\n\
             | where Title contains \"beacon\"\n| sort by Timestamp desc",
        ),
        ("request", "GET /security/alerts_v2?$filter=status%20eq%20%27new%27&$top=50&$count=true"),
    ] {
        console.keys("y");
        console.pick(label);
        assert_eq!(console.copies(), [text], "{label}");
        assert!(console.notice().starts_with(&format!("copied {label}, ")), "{}", console.notice());
    }
    console.send(Message::Copied(Err("no clipboard".into())));
    assert_eq!(console.notice(), "copy failed: no clipboard");
}

#[test]
fn hidden_characters_are_copied_as_marks_unless_raw_is_chosen() {
    let title = "invoice\u{202e}fdp.exe\u{1b}]52;c;eA==\u{7}";
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"title": title}))]);
    console.keys("y v");
    let copied = console.copies().remove(0);
    assert!(!copied.contains(['\u{202e}', '\u{1b}', '\u{7}']), "{copied:?}");
    assert!(copied.contains("⟨202E⟩"), "{copied}");
    console.keys("y s");
    assert_eq!(console.copies(), [title]);
    console.keys("y d");
    assert!(!console.copies()[0].contains('\u{1b}'));
    let mut plain = Harness::with_alerts(&[alert(1)]);
    plain.keys("y");
    assert!(!plain.menu().iter().any(|(key, _)| *key == 's'), "no raw entry without hidden characters");
}

#[test]
fn values_are_copied_from_the_overlay() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    // The first line below the heading "Evidence" is the device.
    console.keys("Enter j j Enter");
    let Some(Overlay::Values(values)) = console.app.ui.overlay() else {
        panic!("{:?}", console.app.ui.overlay())
    };
    let at = values.values.iter().position(|value| value.text.raw() == "srv-1.contoso.com").unwrap();
    for _ in 0..at {
        console.keys("j");
    }
    console.keys("y");
    assert_eq!(console.copies(), ["srv-1.contoso.com"]);
    assert!(console.app.ui.overlay().is_some(), "the overlay stays open");
}

#[rstest]
#[case::as_sent(LINK, LINK)]
#[case::normalised("HTTPS://Security.Microsoft.com:443/alerts/a1", LINK)]
#[case::one_argument(
    "https://security.microsoft.com/a?b=\"x y\"&calc;$(id)\n",
    "https://security.microsoft.com/a?b=%22x%20y%22&calc;$(id)"
)]
#[case::dots("https://security.microsoft.com/a/%2e%2e/b", "https://security.microsoft.com/b")]
#[case::full_width("https://security\u{ff0e}microsoft\u{3002}com/alerts/a1", LINK)]
fn portal_links_are_opened_in_normalised_form(#[case] sent: &str, #[case] opened: &str) {
    let mut console =
        Harness::with_alerts(&[with(alert(1), json!({"alertWebUrl": sent, "incidentWebUrl": sent}))]);
    for key in ["o", "O"] {
        console.keys(key);
        let Some(Effect::Open(url)) = console.effects.pop() else { panic!("{}", console.notice()) };
        assert_eq!(url.as_str(), opened);
    }
}

#[rstest]
fn other_links_are_not_opened(
    #[values(
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ms-msdt:/id",
        "\\\\host\\share",
        "--help",
        "-aCalculator",
        "",
        " ",
        "http://security.microsoft.com/a",
        "https://security.microsoft.com@evil.example/",
        "https://evil.example/https://security.microsoft.com/",
        "https://security.microsoft.com.evil.example/",
        "https://security.microsoft.com./",
        "https://security.micros\u{43e}ft.com/",
        "https://user@security.microsoft.com/",
        "https://security.microsoft.com:8443/",
        "https://security.microsoft.us/",
        "/alerts/a1",
        "https://",
        "https:///x",
        "data:text/html,x",
        "\u{202e}https://evil.example"
    )]
    link: &str,
) {
    let mut console =
        Harness::with_alerts(&[with(alert(1), json!({"alertWebUrl": link, "incidentWebUrl": link}))]);
    for key in ["o", "O"] {
        console.keys(key);
        assert_eq!(console.effects, [], "{link:?}");
        assert!(!console.notice().is_empty(), "a notice says why");
        assert!(!console.notice().contains('\u{202e}'));
    }
    let mut null = Harness::with_alerts(&[with(alert(1), json!({"alertWebUrl": null}))]);
    null.keys("o");
    assert_eq!((null.effects.as_slice(), null.notice()), (&[][..], "the alert has no link"));
}

#[test]
fn links_in_evidence_are_never_opened() {
    let mut console = Harness::with_alerts(&[with(
        alert(1),
        json!({
            "alertWebUrl": null,
            "evidence": [{"@odata.type": "#microsoft.graph.security.urlEvidence", "url": LINK}],
        }),
    )]);
    console.keys("Enter j j o Enter o");
    assert_eq!(console.effects, []);
}

#[test]
fn link_is_shown_if_no_browser_starts() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    let url = PortalUrl::check(LINK, "security.microsoft.com").unwrap();
    console.send(Message::Opened(url.clone(), Ok(())));
    assert_eq!(console.notice(), format!("opening {LINK}"));
    console.send(Message::Opened(url, Err("there is no display".into())));
    let screen = console.screen();
    assert!(screen.contains(LINK) && screen.contains("there is no display"), "{screen}");
    console.keys("y");
    assert_eq!(console.copies(), [LINK]);
    assert!(console.app.ui.overlay().is_none());
}

#[test]
fn alert_without_owner_can_be_filtered_by_no_owner() {
    let mut console =
        Harness::with_alerts(&[alert(1), with(alert(2), json!({"assignedTo": "ana@contoso.com"}))]);
    console.keys("j");
    assert_eq!(console.selected(), Some("a1"));
    console.keys("f o");
    assert_eq!(console.app.filter.text(), "assigned:none");
    assert!(console.shows("a1") && !console.shows("a2"));
    console.keys("Backspace F o");
    assert_eq!(console.app.filter.text(), "-assigned:none");
}
