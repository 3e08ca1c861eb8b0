//! From values of the evidence to the alerts that hold them.
//!
//! What a value is, and which alerts hold it, is the filter language's to say
//! ([`crate::query::Field::whole`]): a value's rows are those that its term matches. Workers
//! collect the keys of an alert's texts; the store appends rows to lists. Counting devices and
//! classifications takes a look at each row, so that is done in slices.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::LazyLock,
};

use super::{Row, Store};
use crate::{
    evidence::{Indicator, IndicatorKind},
    model::{Classification, Status},
    query::{
        Field,
        facts::{Dictionary, Facts, KeyCode, Remap, TextCode},
        named,
    },
};

/// The field of each kind of indicator.
static FIELDS: LazyLock<Vec<(IndicatorKind, &'static Field)>> = LazyLock::new(|| {
    IndicatorKind::ALL.iter().filter_map(|(kind, name)| Some((*kind, named(name)?))).collect()
});

/// The alerts that hold a value: the same list as long as the store lives, however it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pivot(u32);

/// Which kinds of indicators the properties of a dictionary may hold, as bits by property.
#[derive(Clone, Debug, Default)]
struct Kinds(Vec<u32>);

impl Kinds {
    /// Tells the kinds of a property. The dictionary may have grown since the last call.
    fn of(&mut self, dictionary: &Dictionary, key: KeyCode) -> u32 {
        for key in &dictionary.keys()[self.0.len()..] {
            let kinds = FIELDS.iter().filter(|(_, field)| field.covers(key));
            self.0.push(kinds.fold(0, |bits, (kind, _)| bits | 1 << *kind as u32));
        }
        self.0[key.index()]
    }

    /// Tells every key of an alert's indicators, with the text that it is of.
    fn keys(
        &mut self,
        dictionary: &Dictionary,
        facts: &Facts,
        mut each: impl FnMut(IndicatorKind, &str, TextCode),
    ) {
        for (key, text) in &facts.terms {
            let bits = self.of(dictionary, *key);
            if bits != 0 {
                for (kind, field) in FIELDS.iter().filter(|(kind, _)| bits & 1 << *kind as u32 != 0) {
                    field.keys(dictionary.text(*text), |key| each(*kind, key, *text));
                }
            }
        }
    }
}

/// The distinct keys of a batch, found by a worker.
#[derive(Debug, Default)]
pub(super) struct Keys {
    kinds: Kinds,
    keys: Vec<(IndicatorKind, Box<str>, TextCode)>,
    codes: HashMap<IndicatorKind, HashMap<Box<str>, u32>>,
}

impl Keys {
    /// Takes in an alert; returns the codes of its keys, each once.
    pub(super) fn of(&mut self, dictionary: &Dictionary, facts: &Facts) -> Box<[u32]> {
        let Self { kinds, keys, codes } = self;
        let mut found = Vec::with_capacity(64);
        kinds.keys(dictionary, facts, |kind, key, text| {
            let codes = codes.entry(kind).or_default();
            found.push(codes.get(key).copied().unwrap_or_else(|| {
                let code = keys.len() as u32;
                keys.push((kind, key.into(), text));
                codes.insert(key.into(), code);
                code
            }));
        });
        found.sort_unstable();
        found.dedup();
        found.into()
    }
}

/// The rows of every key, in order.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The lists by the hash of their keys; where two keys share one, the second is at the next
    /// number that is free.
    slots: HashMap<u64, Pivot>,
    lists: Vec<List>,
    hasher: RandomState,
    kinds: Kinds,
}

#[derive(Debug)]
struct List {
    kind: IndicatorKind,
    /// A text that has the key, instead of the key itself.
    text: TextCode,
    rows: Rows,
}

/// Rows in order; most values are held by one alert alone.
#[derive(Debug)]
enum Rows {
    One(Row),
    Many(Vec<Row>),
}

impl Rows {
    fn as_slice(&self) -> &[Row] {
        match self {
            Self::One(row) => std::slice::from_ref(row),
            Self::Many(rows) => rows,
        }
    }

    fn insert(&mut self, row: Row) {
        match self {
            Self::One(one) if *one == row => {}
            Self::One(one) => *self = Self::Many(vec![row.min(*one), row.max(*one)]),
            Self::Many(rows) if rows.is_empty() => *self = Self::One(row),
            Self::Many(rows) if rows.last() < Some(&row) => rows.push(row),
            Self::Many(rows) => {
                if let Err(at) = rows.binary_search(&row) {
                    rows.insert(at, row);
                }
            }
        }
    }

    fn remove(&mut self, row: Row) {
        match self {
            Self::One(one) if *one == row => *self = Self::Many(Vec::new()),
            Self::One(_) => {}
            Self::Many(rows) => {
                if let Ok(at) = rows.binary_search(&row) {
                    rows.remove(at);
                }
            }
        }
    }
}

impl Index {
    /// Returns the lists of a batch's keys, by their codes, once its texts are in the dictionary.
    pub(super) fn adopt(&mut self, dictionary: &Dictionary, keys: &Keys, remap: &Remap) -> Vec<Pivot> {
        let lists = keys.keys.iter().map(|(kind, key, text)| {
            self.find(dictionary, *kind, key).unwrap_or_else(|slot| {
                let pivot = Pivot(self.lists.len() as u32);
                let rows = Rows::Many(Vec::new());
                self.lists.push(List { kind: *kind, text: remap.text(*text), rows });
                self.slots.insert(slot, pivot);
                pivot
            })
        });
        lists.collect()
    }

    /// Finds the list of a key, or the free slot for it.
    fn find(&self, dictionary: &Dictionary, kind: IndicatorKind, key: &str) -> Result<Pivot, u64> {
        let mut slot = self.hasher.hash_one((kind, key));
        while let Some(pivot) = self.slots.get(&slot) {
            let list = &self.lists[pivot.0 as usize];
            let mut is_it = false;
            if list.kind == kind {
                field(kind).keys(dictionary.text(list.text), |other| is_it |= other == key);
            }
            if is_it {
                return Ok(*pivot);
            }
            slot = slot.wrapping_add(1);
        }
        Err(slot)
    }

    /// Takes in the row of an alert that was not held.
    pub(super) fn add(&mut self, row: Row, lists: impl Iterator<Item = Pivot>) {
        for pivot in lists {
            self.lists[pivot.0 as usize].rows.insert(row);
        }
    }

    /// Takes in the row of an alert that was held with other facts.
    pub(super) fn replace(
        &mut self,
        dictionary: &Dictionary,
        row: Row,
        former: &Facts,
        lists: impl Iterator<Item = Pivot>,
    ) {
        let mut kinds = std::mem::take(&mut self.kinds);
        let (mut left, lists): (HashSet<Pivot>, HashSet<Pivot>) = (HashSet::new(), lists.collect());
        kinds.keys(dictionary, former, |kind, key, _| {
            left.extend(self.find(dictionary, kind, key).ok());
        });
        self.kinds = kinds;
        for pivot in left.difference(&lists) {
            self.lists[pivot.0 as usize].rows.remove(row);
        }
        self.add(row, lists.difference(&left).copied());
    }
}

fn field(kind: IndicatorKind) -> &'static Field {
    FIELDS[kind as usize].1
}

/// How often a value was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prevalence {
    /// Alerts that hold it.
    pub alerts: usize,
    /// Devices in these alerts.
    pub devices: usize,
    /// What the alerts turned out to be.
    pub classes: Classes,
}

/// Alerts counted by what they turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of `Classification`")]
pub struct Classes {
    pub true_positive: usize,
    pub false_positive: usize,
    pub expected: usize,
    /// A classification that nobody declared.
    pub other: usize,
    /// Not resolved and without a classification.
    pub open: usize,
    /// Resolved without a classification.
    pub unclassified: usize,
}

impl Classes {
    fn count(&mut self, facts: &Facts) {
        let class = match (&facts.classification, &facts.status) {
            (Classification::TruePositive, _) => &mut self.true_positive,
            (Classification::FalsePositive, _) => &mut self.false_positive,
            (Classification::InformationalExpectedActivity, _) => &mut self.expected,
            (Classification::Undeclared(_), _) => &mut self.other,
            (Classification::Unknown, Status::Resolved) => &mut self.unclassified,
            (Classification::Unknown, _) => &mut self.open,
        };
        *class += 1;
    }
}

/// A count of a value's alerts, made in slices. It goes on where it was when alerts have come in,
/// and begins again when one has changed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many of the rows were looked at.
    counted: usize,
    /// The store's changes when it was begun.
    changes: u64,
    devices: HashSet<TextCode>,
    classes: Classes,
    /// What it came to when it was last at its end.
    whole: Option<Prevalence>,
}

impl Tally {
    /// Looks at up to `work` rows more, and takes those looked at off it.
    pub fn advance(&mut self, store: &Store, pivot: Pivot, work: &mut usize) {
        if self.changes != store.changes {
            *self = Self { changes: store.changes, whole: self.whole, ..Self::default() };
        }
        let rows = store.holding(pivot);
        let some = &rows[self.counted..rows.len().min(self.counted + *work)];
        for row in some {
            let entry = store.entry(*row);
            self.devices.extend(&entry.devices);
            self.classes.count(&entry.facts);
        }
        self.counted += some.len();
        *work -= some.len();
        if self.counted == rows.len() {
            let (devices, classes) = (self.devices.len(), self.classes);
            self.whole = Some(Prevalence { alerts: rows.len(), devices, classes });
        }
    }

    /// Tells whether there is something for [`Tally::advance`] to do.
    pub fn has_work(&self, store: &Store, pivot: Pivot) -> bool {
        self.whole.is_none() || self.changes != store.changes || self.counted != store.holding(pivot).len()
    }

    /// Returns what the count came to when it was last at its end.
    pub fn prevalence(&self) -> Option<Prevalence> {
        self.whole
    }
}

impl Store {
    /// Returns the list of the alerts that hold a value: those that its term in the filter
    /// language matches. `None` where no alert has held it, or no term asks for it.
    pub fn pivot(&self, what: &Indicator) -> Option<Pivot> {
        let key = field(what.kind).whole(what.value.raw())?.key;
        self.index.find(&self.dictionary, what.kind, &key).ok()
    }

    /// Returns the rows of a list, in the order in which they came.
    pub fn holding(&self, pivot: Pivot) -> &[Row] {
        self.index.lists[pivot.0 as usize].rows.as_slice()
    }

    /// Returns the bytes that the index from values to alerts takes.
    pub fn index_size(&self) -> usize {
        let Index { slots, lists, .. } = &self.index;
        let many = lists.iter().map(|list| match &list.rows {
            Rows::One(_) => 0,
            Rows::Many(rows) => rows.capacity() * size_of::<Row>(),
        });
        // A hash table keeps a byte beside each slot, and an eighth of them free.
        let slot = size_of::<(u64, Pivot)>() + 1;
        slots.capacity() * 8 / 7 * slot + lists.capacity() * size_of::<List>() + many.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{AlertId, Timestamp},
        query::{self, Matcher},
        store::tests::batch,
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn every_kind_has_its_field() {
        assert_eq!(FIELDS.len(), IndicatorKind::ALL.len());
        for (at, (kind, _)) in FIELDS.iter().enumerate() {
            assert_eq!(*kind as usize, at);
        }
    }

    /// Values that belong together, so that they meet: spellings of one address, hosts and their
    /// parents, case, and what the filter language might take for something else.
    fn value() -> impl Strategy<Value = String> {
        let awkward = prop::sample::select(vec![
            "",
            " ",
            "none",
            "NONE",
            "any",
            "me",
            "or",
            "not x",
            "*",
            "srv*",
            "\"",
            "a\"b\"",
            "\\",
            "-x",
            "~",
            "a,b",
            "(a)",
            "$x",
            "line\nbreak",
            "\u{0}",
            "\u{202e}x",
            "İ",
            "i\u{307}",
            "ß",
            "SS",
            "K",
            "k",
            "ſ",
            "s",
            "Σ",
            "ς",
            "SRV-1",
            "srv-1",
            "srv-1 ",
            "CONTOSO\\bob",
            "bob",
            "10.0.0.1",
            " 10.0.0.1\t",
            "::ffff:10.0.0.1",
            "::FFFF:A00:1",
            "10.0.0.01",
            "10.0.0.1/32",
            "10[.]0[.]0[.]1",
            "fe80::1",
            "FE80:0:0::1",
            "::",
            "0.0.0.0",
            "ABCDEF",
            "abcdef",
            "abcde",
            "abcdefg",
            "abcdef01",
            "evil.com",
            "EVIL.COM.",
            "a.evil.com",
            "x.a.evil.com",
            "notevil.com",
            "https://u@A.evil.com:8443/evil.com?q",
            "hxxps://a[.]evil[.]com",
            "someone@evil.com",
            "<b@mail.evil.com>",
            ".evil.com",
            "x..evil.com",
            "com",
            "..",
            "http:///x",
            "é.evil.com",
            "unknown",
            "T1059",
        ]);
        prop_oneof![6 => awkward.prop_map(str::to_owned), 1 => "[aA.@/:*\" ]{0,6}", 1 => "\\PC{0,6}"]
    }

    /// A value in every kind of place: where fields look for it, and where none does.
    fn item() -> impl Strategy<Value = Value> {
        let place = prop::sample::select(vec![
            ("device", "deviceDnsName"),
            ("device", "hostName"),
            ("device", "lastIpAddress"),
            ("device", "ipInterfaces"),
            ("user", "userAccount.accountName"),
            ("user", "userAccount.userPrincipalName"),
            ("user", "userAccount.domainName"),
            ("process", "imageFile.fileName"),
            ("process", "imageFile.sha256"),
            ("process", "processCommandLine"),
            ("file", "fileDetails.sha1"),
            ("file", "fileDetails.filePath"),
            ("file", "fileDetails.fileName"),
            ("ip", "ipAddress"),
            ("url", "url"),
            ("registryKey", "registryKey"),
            ("dns", "domainName"),
            ("analyzedMessage", "recipientEmailAddress"),
            ("mailCluster", "urls"),
            ("securityGroup", "displayName"),
            ("oauthApplication", "displayName"),
            ("blob", "name"),
            ("kubernetesPod", "name"),
            ("malware", "name"),
            ("gitHubRepo", "owner"),
            ("containerImage", "imageId"),
            ("hostLogonSession", "sessionId"),
            ("quantum", "spin"),
        ]);
        (place, value()).prop_map(|((kind, path), value)| {
            let names: Vec<_> = path.split('.').collect();
            let inner = names.iter().rev().fold(json!(value), |inner, name| json!({*name: inner}));
            let mut item = inner;
            item["@odata.type"] = json!(format!("#microsoft.graph.security.{kind}Evidence"));
            item
        })
    }

    #[derive(Clone, Debug)]
    struct Sent {
        id: u8,
        title: String,
        evidence: Vec<Value>,
    }

    fn sent() -> impl Strategy<Value = Sent> {
        (0u8..8, value(), prop::collection::vec(item(), 0..5)).prop_map(|(id, title, evidence)| Sent {
            id,
            title,
            evidence,
        })
    }

    fn alert(sent: &Sent, version: usize) -> Value {
        json!({"id": format!("{}", sent.id), "title": sent.title, "threatDisplayName": sent.title,
            "lastUpdateDateTime": format!("2026-11-01T00:00:{version:02}Z"), "evidence": sent.evidence})
    }

    fn texts(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Object(object) => object.values().for_each(|value| texts(value, found)),
            Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
            _ => {}
        }
    }

    fn matching(store: &Store, term: &str) -> Vec<Row> {
        let context = query::Context::at(Timestamp::MIN);
        let plan = query::compile(term, &context);
        let plan = plan.unwrap_or_else(|faults| panic!("`{term}` is faulty: {faults:?}"));
        let mut matcher = Matcher::new(&plan.test);
        store.rows().filter(|row| matcher.matches(store.dictionary(), store.facts(*row))).collect()
    }

    proptest! {
        #[test]
        fn the_alerts_of_a_value_are_those_that_its_term_matches(
            batches in prop::collection::vec(prop::collection::vec(sent(), 1..5), 1..5),
            asked in prop::collection::vec(value(), 3),
        ) {
            let mut store = Store::default();
            let mut values = asked;
            for (version, alerts) in batches.iter().enumerate() {
                let alerts: Vec<_> = alerts.iter().map(|sent| alert(sent, version)).collect();
                alerts.iter().for_each(|alert| texts(alert, &mut values));
                store.absorb(batch(&alerts));
            }
            values.sort_unstable();
            values.dedup();
            for value in &values {
                for (kind, field) in FIELDS.iter() {
                    let what = Indicator { kind: *kind, value: value.as_str().into() };
                    let held = store.pivot(&what).map_or(&[][..], |pivot| store.holding(pivot));
                    match field.whole(value) {
                        None => prop_assert_eq!(held, &[]),
                        Some(whole) => prop_assert_eq!(held, matching(&store, &whole.term), "{}", whole.term),
                    }
                }
            }
        }

        #[test]
        fn a_count_in_slices_is_a_count(
            steps in prop::collection::vec((prop::collection::vec((0u8..30, 0u8..4, 0u8..5), 0..20), 0usize..9), 1..6),
        ) {
            let what = Indicator { kind: IndicatorKind::Hash, value: "abcdef".into() };
            let (mut store, mut tally, mut pivot) = (Store::default(), Tally::default(), None);
            for (version, (alerts, work)) in steps.iter().enumerate() {
                let alerts: Vec<_> = alerts
                    .iter()
                    .map(|(id, device, class)| {
                        let class = ["truePositive", "falsePositive", "informationalExpectedActivity", "unknown", "x"]
                            [usize::from(*class)];
                        json!({"id": id.to_string(), "classification": class, "status": "resolved",
                            "lastUpdateDateTime": format!("2026-11-01T00:00:{version:02}Z"), "evidence": [
                            {"@odata.type": "deviceEvidence", "deviceDnsName": device.to_string()},
                            {"@odata.type": "fileEvidence", "fileDetails": {"sha1": "ABCDEF"}}]})
                    })
                    .collect();
                store.absorb(batch(&alerts));
                pivot = store.pivot(&what);
                if let Some(pivot) = pivot {
                    tally.advance(&store, pivot, &mut { *work });
                }
            }
            let Some(pivot) = pivot else { return Ok(()) };
            while tally.has_work(&store, pivot) {
                tally.advance(&store, pivot, &mut 2);
            }
            let mut expected = Prevalence { alerts: store.len(), ..Prevalence::default() };
            store.rows().for_each(|row| expected.classes.count(store.facts(row)));
            let devices = store.rows().flat_map(|row| store.entry(row).devices.iter());
            expected.devices = devices.collect::<HashSet<_>>().len();
            prop_assert_eq!(tally.prevalence(), Some(expected));
        }
    }

    #[test]
    fn what_an_alert_no_longer_holds_is_forgotten() {
        let mut store = Store::default();
        let with = |id: &str, second: u32, hash: &str| {
            json!({"id": id, "lastUpdateDateTime": format!("2026-11-01T00:00:{second:02}Z"), "evidence": [
                {"@odata.type": "fileEvidence", "fileDetails": {"sha1": hash, "fileName": "a"}}]})
        };
        store.absorb(batch(&[with("a", 1, "AAAAAA"), with("b", 1, "aaaaaa"), with("a", 2, "bbbbbb")]));
        let held = |store: &Store, kind, value: &str| -> Vec<String> {
            let what = Indicator { kind, value: value.into() };
            let rows = store.pivot(&what).map_or(&[][..], |pivot| store.holding(pivot));
            rows.iter().map(|row| store.facts(*row).id.raw().to_owned()).collect()
        };
        assert_eq!(held(&store, IndicatorKind::Hash, "aaaaaa"), ["b"]);
        assert_eq!(held(&store, IndicatorKind::Hash, "bbbbbb"), ["a"]);
        store.absorb(batch(&[with("a", 3, "aaaaaa"), with("b", 3, "cccccc")]));
        assert_eq!(held(&store, IndicatorKind::Hash, "aaaaaa"), ["a"]);
        assert_eq!(held(&store, IndicatorKind::Hash, "bbbbbb"), [""; 0]);
        assert_eq!(held(&store, IndicatorKind::File, "A"), ["a", "b"]);
        assert!(store.row(&AlertId::new("b")).is_some());
    }
}
