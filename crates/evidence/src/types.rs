//! The table of evidence types. For each type, it defines how an item is displayed, which of its
//! values are indicators, which items describe the same entity, and which parent an entity is
//! placed under.
//!
//! The code that applies the table does not name any types itself, except where its module's
//! documentation says so. Types missing from the table fall back to [`UNKNOWN`]. A test checks the
//! table against Graph's schema.

mod table;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use alertdeck_model::IndicatorKind;

use table::TYPES;
pub(super) use table::{DEVICE_BY_ID, PARENT_PROCESS, UNKNOWN};

/// The rows of the table and their positions, keyed by type name.
static BY_NAME: LazyLock<FxHashMap<&str, (usize, &EvidenceType)>> =
    LazyLock::new(|| types().enumerate().map(|(at, row)| (row.name, (at, row))).collect());

/// Lists the types in table order.
pub(super) fn types() -> impl Iterator<Item = &'static EvidenceType> {
    TYPES.into_iter().flatten()
}

/// A row of the table: one evidence type.
#[derive(Debug)]
pub(super) struct EvidenceType {
    /// The short type name as in the metadata, such as `registryKey`.
    pub(super) name: &'static str,
    /// The label on screen, such as `registry key`.
    pub(super) label: &'static str,
    /// Whether an entity of this type is an asset. Assets are top-level nodes and are never placed
    /// under a device by inference.
    pub(super) asset: bool,
    /// Templates for the item's name. The first line whose first field has a value is used.
    pub(super) main: &'static [&'static [FieldTemplate]],
    /// Secondary facts; fields without a value are omitted.
    pub(super) facts: &'static [FieldTemplate],
    /// Values that other alerts may share, most distinctive first.
    pub(super) indicators: &'static [(IndicatorKind, &'static str)],
    /// The keys that identify an entity, strongest first. If there are none, items are compared by
    /// content.
    pub(super) keys: &'static [Key],
    /// The property that contains the time of the event, or empty if there is none.
    pub(super) time: &'static str,
    /// Embedded evidence that becomes the item's parent, nearest first.
    pub(super) embedded_parents: &'static [Embedded],
    /// Embedded evidence that becomes a child of the item.
    pub(super) embedded_children: &'static [Embedded],
    /// Links to a parent by a shared value; the first match is used.
    pub(super) links: &'static [Link],
    /// Whether an item that does not name a device belongs to the alert's only device.
    pub(super) local: bool,
}

/// A template for rendering one field of an item: a value with text around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldTemplate {
    /// A property path, or several separated by `|`, in which case the first one that has a value
    /// is used. If the path is empty, only the surrounding text is written.
    pub(super) path: &'static str,
    pub(super) before: &'static str,
    pub(super) after: &'static str,
    pub(super) format: Format,
    /// Values that are not worth displaying.
    pub(super) omit: &'static [&'static str],
    /// Another property. The field is displayed only if that property has a different value.
    pub(super) differs_from: &'static str,
}

/// The format in which a value is displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Unchanged; for a list, the first element and the number of further elements.
    Plain,
    /// A list, joined by spaces.
    Joined,
    /// The length of a list.
    Count,
    /// The name of a `userAccount`.
    Account,
    /// The strongest hash of a `fileDetails`.
    Hash,
    /// An address that may be followed by a port: IPv6 addresses are put in brackets (RFC 3986).
    Host,
    /// Just the surrounding text, if the value is true.
    Flag,
}

/// A key that identifies an entity among all entities of its type.
#[derive(Debug)]
pub(super) struct Key {
    /// Properties that both items must have, with equal values.
    pub(super) required: &'static [&'static str],
    /// Properties that must be equal in both items or missing from both.
    pub(super) optional: &'static [&'static str],
}

/// Evidence embedded in an item.
#[derive(Debug)]
pub(super) struct Embedded {
    /// The property that holds the evidence. If empty, the item itself is read as another type.
    pub(super) path: &'static str,
    /// The type of the evidence, if it carries no `@odata.type`.
    pub(super) type_name: &'static str,
}

/// A link from an item to a parent that has the same value.
#[derive(Debug)]
pub(super) struct Link {
    /// The item property that contains the value.
    pub(super) property: &'static str,
    /// The parent's type.
    pub(super) target_type: &'static str,
    /// The parent property that contains the value; if it is a list, any element may match.
    pub(super) target_property: &'static str,
}

impl EvidenceType {
    /// Finds a type by its short name, spelled as in the metadata. Returns [`UNKNOWN`] if there is
    /// none.
    pub(super) fn named(name: &str) -> &'static Self {
        BY_NAME.get(name).map_or(&UNKNOWN, |(_, row)| row)
    }

    /// Returns the type's position in the table, which determines the order of siblings in the
    /// tree.
    pub(super) fn rank(&self) -> usize {
        BY_NAME.get(self.name).map_or(usize::MAX, |(at, _)| *at)
    }
}

/// Creates a template that renders a property unchanged.
const fn field(path: &'static str) -> FieldTemplate {
    let omit = &["unknown", "none"];
    FieldTemplate { path, before: "", after: "", format: Format::Plain, omit, differs_from: "" }
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

    const fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    const fn differs_from(mut self, path: &'static str) -> Self {
        self.differs_from = path;
        self
    }

    const fn omit(mut self, values: &'static [&'static str]) -> Self {
        self.omit = values;
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
    fn table_lists_every_type_once() {
        let names: BTreeSet<_> = types().map(|row| row.name).collect();
        assert_eq!(names, EVIDENCE_TYPES.into_iter().collect());
        assert_eq!(types().count(), EVIDENCE_TYPES.len());
    }

    #[test]
    fn every_type_has_a_name_template_keys_and_indicators() {
        for row in types() {
            assert!(!row.main.is_empty() && row.main.iter().all(|line| !line.is_empty()), "{}", row.name);
            assert!(!row.keys.is_empty() || row.name == "process", "{}", row.name);
            assert!(!row.indicators.is_empty(), "{}", row.name);
            assert!(row.keys.iter().all(|key| !key.required.is_empty()), "{}", row.name);
        }
    }

    /// Resolves a path in the schema to its declared type. The error says which name is unknown.
    fn declared_type(schema: &Value, version: &str, row: &str, path: &str) -> Result<String, String> {
        let full = |name: &str| format!("microsoft.graph.security.{name}");
        let types = &schema["versions"][version]["complexTypes"];
        let mut current = full(&format!("{row}Evidence"));
        for name in path.split('.') {
            let mut at = Some(current.clone());
            let mut found = None;
            while let Some(declared) = at {
                let properties = types[&declared]["properties"].as_array().ok_or(declared.clone())?;
                found = properties.iter().find(|property| property["name"] == name).or(found);
                at = types[&declared]["base"].as_str().map(str::to_owned);
            }
            // If the declared type is the base type, any evidence type may have the property.
            if found.is_none() && current == full("alertEvidence") {
                let all = types
                    .as_object()
                    .unwrap()
                    .values()
                    .filter_map(|declared| declared["properties"].as_array());
                found = all.flatten().find(|property| property["name"] == name);
            }
            let property = found.ok_or_else(|| format!("{current} has no {name}"))?;
            current = property["type"].as_str().unwrap().to_owned();
        }
        Ok(current)
    }

    #[test]
    fn table_paths_exist_in_the_schema() {
        let schema = schema();
        let short = |name: &str| alertdeck_model::short_type_name(name).to_owned();
        for version in ["beta", "v1.0"] {
            let declared = |row: &str, paths: &str| -> Vec<String> {
                let each = paths.split('|').filter(|path| !path.is_empty() && *path != "mdeDeviceId");
                each.map(|path| declared_type(&schema, version, row, path).unwrap()).collect()
            };
            for row in types().chain([&PARENT_PROCESS]) {
                for template in row.main.iter().copied().flatten().chain(row.facts) {
                    for found in declared(row.name, template.path) {
                        let expected = match template.format {
                            Format::Account => "microsoft.graph.security.userAccount",
                            Format::Hash => "microsoft.graph.security.fileDetails",
                            Format::Flag => "Edm.Boolean",
                            _ => continue,
                        };
                        assert_eq!(found, expected, "{} {}", row.name, template.path);
                    }
                }
                for (_, path) in row.indicators {
                    declared(row.name, path);
                }
                for path in row.keys.iter().flat_map(|key| key.required.iter().chain(key.optional)) {
                    declared(row.name, path);
                }
                assert!(declared(row.name, row.time).iter().all(|found| found == "Edm.DateTimeOffset"));
                let embedded = row.embedded_parents.iter().chain(row.embedded_children);
                for embedded in embedded.filter(|embedded| !embedded.path.is_empty()) {
                    let found = declared(row.name, embedded.path).remove(0);
                    let expected = if embedded.type_name.is_empty() { "alert" } else { embedded.type_name };
                    assert_eq!(short(&found), expected, "{} {}", row.name, embedded.path);
                }
                for link in row.links {
                    declared(row.name, link.property);
                    declared(link.target_type, link.target_property);
                }
            }
        }
    }

    #[test]
    fn every_embedded_evidence_property_is_covered() {
        // Embedded evidence that only describes the item itself: its address, owner or account.
        const ATTRIBUTES: [&str; 14] = [
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
                let declared_type = property["type"].as_str().unwrap();
                let mut embedded = row.embedded_parents.iter().chain(row.embedded_children);
                let placed = embedded.any(|embedded| embedded.path == name);
                if declared_type.ends_with("Evidence") && !placed {
                    assert!(ATTRIBUTES.contains(&name), "{} {name}", row.name);
                }
            }
        }
    }
}
