//! Validates evidence against the service's metadata.

use std::collections::{BTreeMap, BTreeSet};

use alertdeck_model::Timestamp;
use serde_json::Value;

const BASE: &str = "microsoft.graph.security.alertEvidence";

/// The metadata for both versions of the service.
pub(crate) struct Schema(Value);

impl Schema {
    pub(crate) fn read() -> Self {
        Self(alertdeck_testing::schema())
    }

    pub(crate) fn versions(&self) -> impl Iterator<Item = &str> {
        self.0["versions"].as_object().unwrap().keys().map(String::as_str)
    }

    /// Lists the evidence types in all versions.
    pub(crate) fn evidence_types(&self) -> BTreeSet<String> {
        let lists = self.0["versions"].as_object().unwrap().values().map(|version| &version["evidenceTypes"]);
        lists
            .flat_map(|list| list.as_array().unwrap())
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn validator(&self, version: &str) -> Validator<'_> {
        let version = &self.0["versions"][version];
        Validator { version, errors: BTreeSet::new(), used: BTreeMap::new() }
    }
}

/// Validates items and collects which properties they use.
pub(crate) struct Validator<'a> {
    version: &'a Value,
    /// The violations of the metadata.
    pub(crate) errors: BTreeSet<String>,
    /// The properties that had a value, by the type that declares them.
    used: BTreeMap<&'a str, BTreeSet<String>>,
}

impl<'a> Validator<'a> {
    pub(crate) fn item(&mut self, item: &Value) {
        self.object(item, BASE);
    }

    /// Lists the properties of evidence types, and of the types they refer to, that never had a
    /// value.
    pub(crate) fn unused(&self) -> Vec<String> {
        let mut reached = vec![BASE];
        let types = self.version["evidenceTypes"].as_array().unwrap();
        reached.extend(types.iter().map(|name| name.as_str().unwrap()));
        let mut unused = Vec::new();
        let mut at = 0;
        while let Some(&name) = reached.get(at) {
            at += 1;
            for property in self.declared(name) {
                let (property, of) = (property["name"].as_str().unwrap(), property["type"].as_str().unwrap());
                if !self.used.get(name).is_some_and(|used| used.contains(property)) {
                    unused.push(format!("{name} {property}"));
                }
                if self.version["complexTypes"].get(of).is_some() && !reached.contains(&of) {
                    reached.push(of);
                }
            }
        }
        unused
    }

    fn declared(&self, name: &str) -> &'a [Value] {
        let version: &'a Value = self.version;
        version["complexTypes"][name]["properties"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Finds a property in a type or its base types and returns it with the type that declares it.
    fn property(&self, of: &str, name: &str) -> Option<(&'a str, &'a Value)> {
        let types = self.version["complexTypes"].as_object().unwrap();
        let mut next = types.get_key_value(of);
        while let Some((declaring, body)) = next {
            if let Some(found) = self.declared(declaring).iter().find(|property| property["name"] == name) {
                return Some((declaring, found));
            }
            next = body["base"].as_str().and_then(|base| types.get_key_value(base));
        }
        None
    }

    fn object(&mut self, value: &Value, declared: &str) {
        let Some(object) = value.as_object() else {
            self.errors.insert(format!("{declared} {value}"));
            return;
        };
        let actual = object.get("@odata.type").and_then(Value::as_str);
        if declared.ends_with("Evidence") && !actual.is_some_and(|actual| actual.starts_with('#')) {
            self.errors.insert(format!("{declared} without its type"));
        }
        let name = actual.map_or(declared, |actual| actual.trim_start_matches('#'));
        let Some(declaration) = self.version["complexTypes"].get(name) else {
            self.errors.insert(format!("type {name}"));
            return;
        };
        // An open type accepts any property.
        if declaration["open"] == true {
            return;
        }
        for (key, value) in object.iter().filter(|(key, _)| *key != "@odata.type") {
            let Some((declaring, property)) = self.property(name, key) else {
                self.errors.insert(format!("{name} has no {key}"));
                continue;
            };
            let of = property["type"].as_str().unwrap();
            let list = property["collection"] == true;
            if value.is_null() {
                if property["nullable"] == false && !list {
                    self.errors.insert(format!("{name} {key} is null"));
                }
                continue;
            }
            self.used.entry(declaring).or_default().insert(key.clone());
            match value.as_array() {
                Some(items) if list => items.iter().for_each(|item| self.value(item, of)),
                None if !list => self.value(value, of),
                _ => {
                    self.errors.insert(format!("{name} {key} {value}"));
                }
            }
        }
    }

    fn value(&mut self, value: &Value, of: &str) {
        if self.version["complexTypes"].get(of).is_some() {
            return self.object(value, of);
        }
        let members = self.version["enums"][of]["members"].as_array();
        let is_valid = match (of, members) {
            (_, Some(members)) => members.iter().any(|member| member["name"] == *value),
            ("Edm.String", _) => value.is_string(),
            ("Edm.Boolean", _) => value.is_boolean(),
            ("Edm.Int64", _) => value.is_i64(),
            ("Edm.Int32", _) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            ("Edm.Double", _) => value.is_number(),
            ("Edm.DateTimeOffset", _) => value.as_str().is_some_and(|text| Timestamp::parse(text).is_some()),
            ("Edm.Guid", _) => value.as_str().is_some_and(is_guid),
            _ => false,
        };
        if !is_valid {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.errors.insert(format!("{} {text}", of.trim_start_matches("microsoft.graph.security.")));
        }
    }
}

fn is_guid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(digits)
}
