//! `alertdeck stats`: counts by day, age and value, in three formats.

use super::{alertdeck, run, sample};
use serde_json::Value;

#[test]
fn the_counts_of_the_sample() {
    let printed = run(alertdeck(["stats", "--file"]).arg(sample()));
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    assert!(printed.stdout.starts_with("1 alert: "), "{}", printed.stdout);
    for heading in ["CREATED (UTC)", "TITLES", "DEVICES", "USERS", "TECHNIQUES", "OWNERS"] {
        assert!(printed.stdout.contains(&format!("  alerts    high    open  {heading}\n")), "{heading}");
    }
    assert!(!printed.stdout.contains("TENANTS"), "there is only one: {}", printed.stdout);
}

#[test]
fn no_alert_matches() {
    let printed = run(alertdeck(["stats", "title:nonsense", "--file"]).arg(sample()));
    assert_eq!((printed.code, printed.stdout.as_str()), (0, "0 alerts: 0 high, 0 medium, 0 open\n"));
}

/// The filters lead back from a report to the alerts.
#[test]
fn each_filter_lists_as_many_alerts_as_were_counted() {
    let demo = ["--demo", "status:open", "--format"];
    let printed = run(alertdeck(["stats", "--top", "2"]).args(demo).arg("json"));
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let stats: Value = serde_json::from_str(&printed.stdout).unwrap();
    let sections = stats["sections"].as_array().unwrap();
    let of = |title: &str| {
        let section = sections.iter().find(|section| section["title"] == title).unwrap();
        section["values"][0].clone()
    };
    assert!(of("Titles")["filter"].as_str().unwrap().starts_with("status:open title"));
    for title in ["Devices", "Techniques", "Owners"] {
        let top = of(title);
        let filter = top["filter"].as_str().unwrap();
        let listed = run(&mut alertdeck(["list", "--demo", "--format", "ndjson", filter]));
        let lines = listed.stdout.lines().count() as u64;
        assert_eq!(Some(lines), top["count"]["alerts"].as_u64(), "{filter}: {}", listed.stderr);
    }
}

#[test]
fn markdown_is_a_table_for_each_section() {
    let printed = run(alertdeck(["stats", "--format", "markdown", "--file"]).arg(sample()));
    assert_eq!(printed.code, 0);
    let table = "## Titles\n\n|  | alerts | high | medium | open |\n| --- | --- | --- | --- | --- |\n| ";
    assert!(printed.stdout.contains(table), "{}", printed.stdout);
}
