//! The devices and users that an alert is about, without duplicates and most relevant first.
//!
//! This module looks at one alert at a time. Two alerts are about the same device if the device has
//! the same identity in both.

use std::{cmp::Reverse, sync::Arc};

use alertdeck_model::{Evidence, SafeText};

use crate::{
    Identity, Properties,
    describe::{device, user},
    identity::{device_identity, short_name, user_identity},
};

/// A device or user that an alert is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The name to display.
    pub name: SafeText,
    /// The identity. If several evidence items are about the subject, the strongest identity found
    /// in them.
    pub identity: Identity,
    /// The short type name of the first item about the subject.
    pub kind: Arc<str>,
    /// The name in lower case; for a device, without its domain.
    folded: String,
    relevance: Relevance,
}

/// A subject's relevance to the alert. An alert is more likely to be about a person than about a
/// service account, and more likely to be about a compromised machine than about one that is only
/// mentioned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Relevance {
    /// Whether the subject is a person or a device rather than a system account.
    is_own: bool,
    /// 2 for a compromised or attacked subject, 1 for a subject with any other role except unknown
    /// and contextual, 0 otherwise.
    role: u8,
    /// 2 for malicious, 1 for suspicious, 0 otherwise.
    verdict: u8,
}

/// The devices or users in one alert.
#[derive(Clone, Debug, Default)]
pub struct Subjects(Vec<Subject>);

impl Subjects {
    /// Returns the devices and the users that evidence is about, sorted.
    pub fn of(evidence: &[Evidence]) -> [Self; 2] {
        let [mut devices, mut users] = [Self::default(), Self::default()];
        for item in evidence {
            let kind = Arc::from(item.type_name.raw());
            devices.add_device(&kind, &item.object());
            users.add_user(&kind, &item.object());
        }
        devices.sort();
        users.sort();
        [devices, users]
    }

    /// Adds the device that an item is about, if any. `kind` is the short name of the item's type.
    pub fn add_device(&mut self, kind: &Arc<str>, item: &dyn Properties) {
        if let Some((name, identity)) = device(kind, item).zip(device_identity(kind, item)) {
            let folded = short_name(name.raw()).to_lowercase();
            let relevance = Relevance { is_own: true, ..relevance(item) };
            self.add(Subject { name, identity, kind: kind.clone(), folded, relevance });
        }
    }

    /// Adds the user that an item is about or, for a process, the user whose account it ran under.
    /// `kind` is the short name of the item's type.
    pub fn add_user(&mut self, kind: &Arc<str>, item: &dyn Properties) {
        if let Some((name, identity)) = user(kind, item).zip(user_identity(kind, item)) {
            let folded = name.raw().to_lowercase();
            let relevance = Relevance { is_own: !is_system(kind, item), ..relevance(item) };
            self.add(Subject { name, identity, kind: kind.clone(), folded, relevance });
        }
    }

    fn add(&mut self, subject: Subject) {
        let is_same = |known: &&mut Subject| {
            known.identity.is_same(&subject.identity)
                // Identities of different kinds cannot be compared, so the names decide.
                || (known.folded == subject.folded && known.identity.kind != subject.identity.kind)
        };
        match self.0.iter_mut().find(is_same) {
            Some(known) => {
                known.relevance = known.relevance.max(subject.relevance);
                if subject.identity.kind < known.identity.kind {
                    known.identity = subject.identity;
                }
            }
            None => self.0.push(subject),
        }
    }

    /// Sorts the subjects by relevance, highest first. Equally relevant subjects stay in the order
    /// of the evidence.
    pub fn sort(&mut self) {
        self.0.sort_by_key(|subject| Reverse(subject.relevance));
    }

    /// Removes all subjects.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the subjects.
    pub fn as_slice(&self) -> &[Subject] {
        &self.0
    }
}

/// Returns the part of a subject's relevance that depends on an item's roles and verdict
/// (docs/graph-api.md, "Evidence").
fn relevance(item: &dyn Properties) -> Relevance {
    let mut role = 0;
    item.any("roles", &mut |name| {
        role = role.max(match name {
            "compromised" | "attacked" => 2,
            "" | "unknown" | "contextual" | "unknownFutureValue" => 0,
            _ => 1,
        });
        role == 2
    });
    let verdict = match item.filled("verdict").as_deref() {
        Some("malicious") => 2,
        Some("suspicious") => 1,
        _ => 0,
    };
    Relevance { is_own: false, role, verdict }
}

/// Returns whether an item's user is a system account rather than a person: an account that exists
/// on every machine ([MS-DTYP], 2.4.2.4), a virtual account, or a machine account, whose name ends
/// with a dollar sign.
fn is_system(kind: &str, item: &dyn Properties) -> bool {
    /// LocalSystem, LocalService and NetworkService.
    const SIDS: [&str; 3] = ["S-1-5-18", "S-1-5-19", "S-1-5-20"];
    /// The virtual accounts of services (80), IIS (82), virtual machines (83), the window manager
    /// (90) and the font driver (96).
    const SID_PREFIXES: [&str; 5] = ["S-1-5-80-", "S-1-5-82-", "S-1-5-83-", "S-1-5-90-", "S-1-5-96-"];
    const DOMAINS: [&str; 5] =
        ["NT AUTHORITY", "NT SERVICE", "IIS APPPOOL", "WINDOW MANAGER", "FONT DRIVER HOST"];
    const NAMES: [&str; 4] = ["SYSTEM", "LOCALSYSTEM", "LOCAL SERVICE", "NETWORK SERVICE"];
    let path = match kind {
        "user" | "process" => "userAccount",
        "cloudLogonSession" | "hostLogonSession" => "account.userAccount",
        _ => return false,
    };
    let is = |name: &str, test: &dyn Fn(&str) -> bool| {
        item.filled(&[path, ".", name].concat()).is_some_and(|value| test(value.trim()))
    };
    let starts_with = |value: &str, prefix: &&str| {
        value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let is_one_of = |value: &str, names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(value));
    is("userSid", &|sid| is_one_of(sid, &SIDS) || SID_PREFIXES.iter().any(|it| starts_with(sid, it)))
        || is("accountName", &|account| is_one_of(account, &NAMES) || account.ends_with('$'))
        || is("domainName", &|domain| is_one_of(domain, &DOMAINS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::Object;
    use rstest::rstest;
    use serde_json::{Value, json};

    /// Returns the names of the users and devices in evidence items, in order.
    fn subjects(items: &[(&str, Value)]) -> [Vec<String>; 2] {
        let mut found = [Subjects::default(), Subjects::default()];
        for (kind, item) in items {
            found[0].add_user(&Arc::from(*kind), &Object::new(item));
            found[1].add_device(&Arc::from(*kind), &Object::new(item));
        }
        found.map(|mut subjects| {
            subjects.sort();
            subjects.as_slice().iter().map(|subject| subject.name.line()).collect()
        })
    }

    fn account(name: &str) -> Value {
        json!({ "accountName": name })
    }

    #[rstest]
    #[case::name(json!({"accountName": "SYSTEM", "domainName": "NT AUTHORITY"}))]
    #[case::german(json!({"accountName": "SYSTEM", "domainName": "NT-AUTORITÄT"}))]
    #[case::french(json!({"accountName": "Système", "domainName": "AUTORITE NT", "userSid": "S-1-5-18"}))]
    #[case::network_service(json!({"accountName": "x", "userSid": "s-1-5-20"}))]
    #[case::service(json!({"accountName": "MSSQLSERVER", "domainName": "NT Service"}))]
    #[case::virtual_account(json!({"accountName": "DWM-1", "userSid": "S-1-5-90-0-1"}))]
    #[case::machine(json!({"accountName": "SRV-1$", "userSid": "S-1-5-21-1-2-3-1000"}))]
    fn people_come_before_accounts_of_the_system(#[case] system: Value) {
        let suspicious = |account: &Value| json!({"userAccount": account, "roles": ["compromised"], "verdict": "malicious"});
        let person = json!({ "userAccount": account("bo") });
        let [users, _] = subjects(&[("process", suspicious(&system)), ("user", person)]);
        assert_eq!(users[0], "bo");
        assert_eq!(users.len(), 2);
    }

    #[rstest]
    #[case::compromised(json!({"roles": ["contextual", "compromised"]}), json!({"verdict": "malicious"}))]
    #[case::some_role(json!({"roles": ["source"]}), json!({"roles": ["contextual"]}))]
    #[case::malicious(json!({"verdict": "malicious"}), json!({"verdict": "suspicious"}))]
    #[case::suspicious(json!({"verdict": "suspicious"}), json!({"verdict": "noThreatsFound"}))]
    fn roles_and_verdicts_come_before_none(#[case] telling: Value, #[case] other: Value) {
        let with = |mut item: Value, name: &str, key: &str, value: Value| {
            item[key] = value;
            (if key == "hostName" { "device" } else { "user" }, item, name.to_owned())
        };
        let items = [
            with(json!({}), "", "hostName", json!("plain")),
            with(other.clone(), "", "hostName", json!("other")),
            with(telling.clone(), "", "hostName", json!("telling")),
            with(json!({}), "", "userAccount", account("plain")),
            with(other, "", "userAccount", account("other")),
            with(telling, "", "userAccount", account("telling")),
        ];
        let items: Vec<_> = items.into_iter().map(|(kind, item, _)| (kind, item)).collect();
        let [users, devices] = subjects(&items);
        for names in [users, devices] {
            assert_eq!((names[0].as_str(), names.len()), ("telling", 3));
        }
    }

    #[test]
    fn equal_subjects_keep_the_order_of_the_evidence() {
        let device = |name: &str| ("device", json!({ "hostName": name }));
        let [_, devices] = subjects(&[device("b"), device("a"), device("B.contoso.com")]);
        assert_eq!(devices, ["b", "a"]);
    }

    #[test]
    fn later_items_add_to_the_relevance_of_a_subject() {
        let device = |name: &str, verdict: &str| ("device", json!({"hostName": name, "verdict": verdict}));
        let [_, devices] =
            subjects(&[device("a", "unknown"), device("b", "suspicious"), device("a", "malicious")]);
        assert_eq!(devices, ["a", "b"]);
    }
}
