//! Screens with invented alerts, for what the simulated tenant does not show.

use std::time::Duration;

use alertdeck::app::{Failure, FailureKind, LoadEvent};
use alertdeck_graph::OwnerComparison;
use serde_json::{Value, json};

use super::{
    harness::{Harness, alert, with},
    owners,
    screens::State,
};

const LINK: &str = "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Flogin.evil.example%2Fsession%3Fid%3D7&data=05%7C01&reserved=0";

/// Brings a newly opened console to a screen with invented alerts. Returns false if the screen is
/// one of the simulated tenant's.
pub(crate) fn show(console: &mut Harness, state: State) -> bool {
    let keys = match state {
        State::Columns => "z",
        State::Processes => "Enter ] ]",
        State::CopyOfNode => "Enter ] ] ] y",
        State::ValuesOfNode => "Enter ] ] ] Enter",
        State::Link => "G Enter",
        State::Slip | State::Excluded => "/",
        State::Refreshed | State::Offline | State::Proxy => "Space r",
        State::GuessedOwner | State::ExactOwner => "/ Ctrl-u",
        State::Times => "T G",
        State::Live | State::SecondLook => "j j L",
        _ => return false,
    };
    let alerts = alerts();
    console.load(LoadEvent::Page { total: Some(alerts.len() as u64), partial: None, server_time: None });
    console.arrive(&alerts);
    console.done();
    console.keys(keys);
    let failed = |kind, line: &str| LoadEvent::Failed(Failure { kind, line: line.into() });
    match state {
        State::Columns => {
            // Counts that no test could hold as alerts.
            let histogram = &mut console.app.counts.histogram;
            for (at, many) in [1_234_567, 98_765, 1_000_000, 12].into_iter().enumerate() {
                histogram.totals[at] += many;
                if let Some(last) = histogram.counts[at].last_mut() {
                    *last += many;
                }
            }
        }
        State::Slip => {
            console.keys("Ctrl-u");
            console.paste("severity eq 'high'");
        }
        State::Excluded => console.type_text(" phish -enc"),
        State::Refreshed => {
            console.arrive(&[alert(60), alert(61), with(alert(20), json!({"status": "inProgress", "lastUpdateDateTime": "2026-11-20T02:00:00Z"}))]);
            console.done();
        }
        State::GuessedOwner => {
            console.type_text("assigned:me");
            console.keys("Enter");
            console.arrive(&[with(alert(62), json!({"assignedTo": "ana@contoso.com"}))]);
            console.done();
        }
        State::ExactOwner => {
            console.type_text("assigned:me");
            console.keys("Enter");
            owners::answer(console, OwnerComparison::Exact);
            let owned = |number, owner: &str| with(alert(number), json!({ "assignedTo": owner }));
            console.arrive(&[owned(62, "ana@contoso.com"), owned(63, "Ana@Contoso.com")]);
            console.done();
        }
        State::Live => {
            poll(console, &[alert(60), alert(61), with(alert(20), json!({"status": "inProgress", "lastUpdateDateTime": "2026-11-20T02:00:00Z"}))]);
        }
        State::SecondLook => {
            for _ in 0..7 {
                poll(console, &[]);
            }
            console.keys("X j j");
        }
        State::Offline => console.load(failed(
            FailureKind::Offline,
            "graph.microsoft.com cannot be reached: connection refused; check the network and try again",
        )),
        State::Proxy => console.load(failed(
            FailureKind::Other,
            "a proxy answered instead of graph.microsoft.com: HTML instead of JSON (HTTP 403); check the proxy, the network and --graph-url",
        )),
        _ => {}
    }
    true
}

/// Answers the running poll and waits for the next one.
fn poll(console: &mut Harness, alerts: &[Value]) {
    console.arrive(alerts);
    console.done();
    console.advance(Duration::from_secs(15));
}

/// Returns the alerts: one with processes, which is the newest, several that share its values, one
/// with a link, and some with text that is hard to draw.
fn alerts() -> Vec<Value> {
    let titles = [
        "🇩🇪🇫🇷 Mail from two countries 👩🏽‍💻 was reported",
        "家族👨‍👩‍👧‍👦 family and e\u{301}\u{302} accents",
        "Encoded command from a document (-enc)",
        "Sign-in from an address of a hosting provider",
    ];
    let mut alerts = vec![with_link()];
    for number in 2..15 {
        let nth = number as usize % 3;
        let device = format!("srv-{}.contoso.com", nth + 1);
        let severity = ["high", "medium", "low"][nth];
        let class = ["truePositive", "falsePositive", "informationalExpectedActivity"][nth];
        alerts.push(with(
            alert(number),
            json!({
                "title": titles[number as usize % titles.len()], "severity": severity, "status": "resolved",
                "classification": class, "assignedTo": "bob@contoso.com", "incidentId": (4_700 + number / 3).to_string(),
                "evidence": [
                    device_with_name(&device), user("SYSTEM", &[]), user("maria.lopez", &["compromised"]), payload(&device),
                ],
            }),
        ));
    }
    alerts.push(with(alert(20), json!({"title": "No evidence was sent", "evidence": []})));
    alerts.push(with_processes());
    alerts
}

fn kind(name: &str) -> String {
    format!("#microsoft.graph.security.{name}Evidence")
}

fn device_with_name(name: &str) -> Value {
    json!({"@odata.type": kind("device"), "mdeDeviceId": name, "deviceDnsName": name, "osPlatform": "WindowsServer2022"})
}

fn user(name: &str, roles: &[&str]) -> Value {
    json!({"@odata.type": kind("user"), "roles": roles,
        "userAccount": {"accountName": name, "userPrincipalName": format!("{name}@contoso.com"), "domainName": "CONTOSO"}})
}

fn payload(device: &str) -> Value {
    json!({"@odata.type": kind("file"), "mdeDeviceId": device, "verdict": "malicious",
        "detectionStatus": "detected", "fileDetails": {"fileName": "update.exe",
        "filePath": "C:\\Users\\maria.lopez\\AppData\\Local\\Temp", "fileSize": 183_296,
        "sha256": "7d".repeat(32), "sha1": "4b".repeat(20), "md5": "c0".repeat(16)}})
}

fn with_processes() -> Value {
    let process = |pid: u32, parent: u32, name: &str, command: &str, verdict: &str| {
        json!({"@odata.type": kind("process"), "mdeDeviceId": "srv-1.contoso.com", "processId": pid,
            "parentProcessId": parent, "processCommandLine": command, "verdict": verdict,
            "processCreationDateTime": format!("2026-11-19T22:{:02}:07.25Z", pid / 100),
            "parentProcessCreationDateTime": format!("2026-11-{}T22:{:02}:07.25Z", if parent < 1000 { 12 } else { 19 }, parent / 100),
            "userAccount": {"accountName": "maria.lopez", "domainName": "CONTOSO"},
            "imageFile": {"fileName": name, "filePath": "C:\\Windows\\System32"}})
    };
    let encoded =
        format!("powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand {}", "SQBFAFgA".repeat(40));
    with(
        alert(59),
        json!({
            "title": "Encoded PowerShell started a program that other alerts know", "severity": "high",
            "description": "A document started PowerShell, which loaded a program.",
            "incidentId": "4711", "mitreTechniques": ["T1059.001", "T1562.001", "T1027"], "category": "Execution",
            "firstActivityDateTime": "2026-11-20T00:10:07.25Z",
            "evidence": [
                device_with_name("srv-1.contoso.com"),
                user("maria.lopez", &["compromised"]),
                process(1000, 500, "winword.exe", "\"WINWORD.EXE\" /n \"C:\\Users\\maria.lopez\\Downloads\\Invoice 7.docm\"", "unknown"),
                process(2000, 1000, "powershell.exe", &encoded, "suspicious"),
                process(3000, 2000, "update.exe", "update.exe --silent --to 203.0.113.9:8443", "malicious"),
                payload("srv-1.contoso.com"),
                {"@odata.type": kind("ip"), "ipAddress": "203.0.113.9", "verdict": "malicious", "countryLetterCode": "NL"},
            ],
        }),
    )
}

/// Returns an alert of a tool that reshapes alerts: its time cannot be read, and its evidence is
/// under other properties.
fn with_link() -> Value {
    with(
        alert(1),
        json!({
            "title": "🇺🇸 User clicked a link of a phishing mail", "severity": "high", "category": "InitialAccess",
            "createdDateTime": "yesterday at noon", "mitreTechniques": ["T1566.002", "T1562.001"],
            "classification": "truePositive", "determination": "phishing", "incidentId": "4712",
            "evidence": null,
            "entities": [
                {"@odata.type": kind("url"), "url": LINK, "verdict": "malicious"},
                {"@odata.type": kind("mailbox"), "primaryAddress": "maria.lopez@contoso.com", "displayName": "María López"},
                user("maria.lopez", &["attacked"]),
            ],
        }),
    )
}
