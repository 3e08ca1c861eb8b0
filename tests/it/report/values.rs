//! The values that a report chooses and rewrites.

use serde_json::{Value, json};

use super::report;

fn evidence(kind: &str, mut item: Value) -> Value {
    item["@odata.type"] = format!("#microsoft.graph.security.{kind}Evidence").into();
    item
}

#[test]
fn the_summary_names_people_before_accounts_of_the_system() {
    let user = |name: &str, domain: &str, roles: &[&str]| {
        evidence("user", json!({"roles": roles, "userAccount": {"accountName": name, "domainName": domain}}))
    };
    let alert = json!({"id": "a", "title": "t", "severity": "low", "evidence": [
        user("SYSTEM", "NT AUTHORITY", &["compromised"]),
        user("PC7$", "CORP", &[]),
        user("kim", "CORP", &[]),
        user("lou", "CORP", &["compromised"]),
        evidence("device", json!({"deviceDnsName": "pc7.corp.example"})),
    ]});
    let text = report(&alert).text();
    let summary = text.lines().nth(1).unwrap();
    assert!(summary.contains("alert on pc7.corp.example, user CORP\\lou and 3 more;"), "{summary}");
}

#[test]
fn a_rewritten_link_is_defanged_alike_everywhere_in_a_ticket() {
    let link = "https://eur02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fpay.evil.example%2Fin\
                &data=05%7C01%7Ckim%40fabrikam.example&reserved=0";
    let ticket = report(&json!({"id": "a", "evidence": [evidence("url", json!({"url": link}))]})).markdown();
    for live in ["pay.evil.example", "outlook.com", "fabrikam.example", "https:"] {
        assert!(!ticket.contains(live), "{live}\n{ticket}");
    }
    for row in ["| url | `hxxps://pay[.]evil[.]example/in`", "| domain | `pay[.]evil[.]example`"] {
        assert!(ticket.contains(row), "{row}\n{ticket}");
    }
    let tree = ticket.split("## Evidence").nth(1).unwrap().split("##").next().unwrap();
    assert!(tree.contains("leads to hxxps://pay[.]evil[.]example/in"), "{tree}");
}
