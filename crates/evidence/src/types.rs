//! What the evidence types mean, as one table: how an item of each reads, which of its values
//! other alerts may hold too, what makes two items the same thing, and what hangs on what.
//!
//! The rules that carry the table out know no single type. A type that the table does not have is
//! read by general rules ([`UNKNOWN`]); a test holds the table to Graph's schema.

mod table;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use alertdeck_model::IndicatorKind;

use table::TYPES;
pub(super) use table::{DEVICE_BY_ID, PARENT_PROCESS, UNKNOWN};

/// The types by their names, with their places in the table.
static BY_NAME: LazyLock<FxHashMap<&str, (usize, &EvidenceType)>> =
    LazyLock::new(|| types().enumerate().map(|(at, row)| (row.name, (at, row))).collect());

/// Lists the types in the order of the table.
pub(super) fn types() -> impl Iterator<Item = &'static EvidenceType> {
    TYPES.into_iter().flatten()
}

/// One evidence type.
#[derive(Debug)]
pub(super) struct EvidenceType {
    /// Its short name in the metadata.
    pub(super) name: &'static str,
    /// What an analyst calls it.
    pub(super) label: &'static str,
    /// An asset stands at the top and is never put under something by inference.
    pub(super) asset: bool,
    /// What names an item: the first line whose first piece says something.
    pub(super) main: &'static [&'static [FieldTemplate]],
    /// What a reader wants to know next; what says nothing is left out.
    pub(super) facts: &'static [FieldTemplate],
    /// Values that other alerts may hold too, the most telling first.
    pub(super) indicators: &'static [(IndicatorKind, &'static str)],
    /// What makes two items the same thing, the strongest first; without any, all that they hold.
    pub(super) keys: &'static [Key],
    /// When it happened, where the type says so.
    pub(super) time: &'static str,
    /// Evidence within the item that the item is inside of, the nearest first.
    pub(super) inside: &'static [Member],
    /// Evidence within the item that belongs below it.
    pub(super) holds: &'static [Member],
    /// What it hangs on by a value that both have, the first that fits.
    pub(super) links: &'static [Link],
    /// Whether it belongs to the alert's only device where it names none.
    pub(super) local: bool,
}

/// A piece of a line: a value with the words around it.
///
/// The path names a property, or several separated by `|`, of which the first that says something
/// counts. With an empty path the words stand by themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldTemplate {
    pub(super) path: &'static str,
    pub(super) before: &'static str,
    pub(super) after: &'static str,
    pub(super) form: Form,
    /// Values that are not worth a word.
    pub(super) quiet: &'static [&'static str],
    /// A property whose value must be there and another one, where that is the point.
    pub(super) unlike: &'static str,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is; of a list the first, with how many more there are.
    Plain,
    /// A list, joined by blanks.
    Words,
    /// How many there are in a list.
    Count,
    /// A `userAccount`, by its name.
    Account,
    /// A `fileDetails`, by its strongest hash.
    Hash,
    /// An address before a port: in brackets where it has colons of its own (RFC 3986).
    Host,
    /// The words before it alone, where the value is true.
    Flag,
}

/// What makes two items the same thing.
#[derive(Debug)]
pub(super) struct Key {
    /// Properties that both must have, with equal values.
    pub(super) needs: &'static [&'static str],
    /// Properties that must be equal or missing in both.
    pub(super) with: &'static [&'static str],
}

/// Evidence within an item.
#[derive(Debug)]
pub(super) struct Member {
    /// The property that it stands under; empty for the item itself, read as another type.
    pub(super) path: &'static str,
    /// Its type, where it does not say so itself.
    pub(super) of: &'static str,
}

/// A value by which an item hangs on another.
#[derive(Debug)]
pub(super) struct Link {
    /// The item's property.
    pub(super) mine: &'static str,
    /// The type of what it hangs on.
    pub(super) of: &'static str,
    /// The property of that which holds the same value, be it one of many.
    pub(super) theirs: &'static str,
}

impl EvidenceType {
    /// Finds a type by its short name in the metadata's spelling.
    pub(super) fn named(name: &str) -> &'static Self {
        BY_NAME.get(name).map_or(&UNKNOWN, |(_, row)| row)
    }

    /// Its place among others under one parent.
    pub(super) fn rank(&self) -> usize {
        BY_NAME.get(self.name).map_or(usize::MAX, |(at, _)| *at)
    }
}

/// Says a property as it is.
const fn field(path: &'static str) -> FieldTemplate {
    FieldTemplate { path, before: "", after: "", form: Form::Plain, quiet: &["unknown", "none"], unlike: "" }
}

impl FieldTemplate {
    const fn before(mut self, words: &'static str) -> Self {
        self.before = words;
        self
    }

    const fn after(mut self, words: &'static str) -> Self {
        self.after = words;
        self
    }

    const fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    const fn unlike(mut self, path: &'static str) -> Self {
        self.unlike = path;
        self
    }

    const fn quiet(mut self, values: &'static [&'static str]) -> Self {
        self.quiet = values;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::EVIDENCE_TYPES;
    use alertdeck_testing::schema;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_has_every_type_once() {
        let names: BTreeSet<_> = types().map(|row| row.name).collect();
        assert_eq!(names, EVIDENCE_TYPES.into_iter().collect());
        assert_eq!(types().count(), EVIDENCE_TYPES.len());
    }

    #[test]
    fn every_type_can_be_named_looked_for_and_told_apart() {
        for row in types() {
            assert!(!row.main.is_empty() && row.main.iter().all(|line| !line.is_empty()), "{}", row.name);
            assert!(!row.keys.is_empty() || row.name == "process", "{}", row.name);
            assert!(!row.indicators.is_empty(), "{}", row.name);
            assert!(row.keys.iter().all(|key| !key.needs.is_empty()), "{}", row.name);
        }
    }

    /// The declared type of a path, walked through the schema; `Err` with the name that is wrong.
    fn walk(schema: &Value, version: &str, row: &str, path: &str) -> Result<String, String> {
        let full = |name: &str| format!("microsoft.graph.security.{name}");
        let types = &schema["versions"][version]["complexTypes"];
        let mut of = full(&format!("{row}Evidence"));
        for name in path.split('.') {
            let mut at = Some(of.clone());
            let mut found = None;
            while let Some(declared) = at {
                let properties = types[&declared]["properties"].as_array().ok_or(declared.clone())?;
                found = properties.iter().find(|property| property["name"] == name).or(found);
                at = types[&declared]["base"].as_str().map(str::to_owned);
            }
            // Declared as any evidence: one of the types has it.
            if found.is_none() && of == full("alertEvidence") {
                let all = types
                    .as_object()
                    .unwrap()
                    .values()
                    .filter_map(|declared| declared["properties"].as_array());
                found = all.flatten().find(|property| property["name"] == name);
            }
            of = found.ok_or_else(|| format!("{of} has no {name}"))?["type"].as_str().unwrap().to_owned();
        }
        Ok(of)
    }

    #[test]
    fn the_table_names_properties_that_exist() {
        let schema = schema();
        let short = |name: &str| alertdeck_model::short_type_name(name).to_owned();
        for version in ["beta", "v1.0"] {
            let typed = |row: &str, paths: &str| -> Vec<String> {
                let each = paths.split('|').filter(|path| !path.is_empty() && *path != "mdeDeviceId");
                each.map(|path| walk(&schema, version, row, path).unwrap()).collect()
            };
            for row in types().chain([&PARENT_PROCESS]) {
                for said in row.main.iter().copied().flatten().chain(row.facts) {
                    for of in typed(row.name, said.path) {
                        let expected = match said.form {
                            Form::Account => "microsoft.graph.security.userAccount",
                            Form::Hash => "microsoft.graph.security.fileDetails",
                            Form::Flag => "Edm.Boolean",
                            _ => continue,
                        };
                        assert_eq!(of, expected, "{} {}", row.name, said.path);
                    }
                }
                for (_, path) in row.indicators {
                    typed(row.name, path);
                }
                for path in row.keys.iter().flat_map(|key| key.needs.iter().chain(key.with)) {
                    typed(row.name, path);
                }
                assert!(typed(row.name, row.time).iter().all(|of| of == "Edm.DateTimeOffset"));
                for member in row.inside.iter().chain(row.holds).filter(|member| !member.path.is_empty()) {
                    let declared = typed(row.name, member.path).remove(0);
                    let of = if member.of.is_empty() { "alert" } else { member.of };
                    assert_eq!(short(&declared), of, "{} {}", row.name, member.path);
                }
                for link in row.links {
                    typed(row.name, link.mine);
                    typed(link.of, link.theirs);
                }
            }
        }
    }

    #[test]
    fn every_evidence_within_evidence_has_its_place() {
        // What only tells more of the item itself: an address of it, its owner, its account.
        const PART_OF_ITS_LINE: [&str; 14] = [
            "clusterIP",
            "externalIPs",
            "podIp",
            "serviceAccount",
            "dnsServerIp",
            "hostIpAddress",
            "ipAddresses",
            "sourceAddress",
            "destinationAddress",
            "ipAddress",
            "sourceRef",
            "ioTHub",
            "registry",
            "urls",
        ];
        let schema = schema();
        let declared = &schema["versions"]["beta"]["complexTypes"];
        for row in types() {
            let own = &declared[format!("microsoft.graph.security.{}Evidence", row.name)]["properties"];
            for property in own.as_array().unwrap() {
                let name = property["name"].as_str().unwrap();
                let of = property["type"].as_str().unwrap();
                let placed = row.inside.iter().chain(row.holds).any(|member| member.path == name);
                if of.ends_with("Evidence") && !placed {
                    assert!(PART_OF_ITS_LINE.contains(&name), "{} {name}", row.name);
                }
            }
        }
    }
}
