//! The fields of the filter language, in a table that is also used for completion and help.
//!
//! A field has a name, a type and, for text, the properties that it covers. This module reads
//! neither filters nor alerts.

mod table;

pub use table::FIELDS;

use super::properties::PROPERTIES;
use alertdeck_model::{
    Classification, Determination, EVIDENCE_TYPES, Remediation, ServiceSource, Severity, Status, Timestamp,
    Verdict, attack::Tactic,
};
use alertdeck_odata::Property;
use alertdeck_store::{DateColumn, Facts, RowSet, Store, last_name};

/// A field of the filter language.
#[derive(Debug)]
pub struct Field {
    /// The field's name.
    pub name: &'static str,
    /// Other names, including Graph's own.
    pub aliases: &'static [&'static str],
    /// The type of the values.
    pub kind: FieldKind,
    /// A short description for help and completion.
    pub help: &'static str,
}

/// The type of a field's values.
#[derive(Debug)]
pub enum FieldKind {
    /// A member of one of the alert's enumerations.
    Enumeration(Enumeration),
    /// One of the alert's dates. Accepts dates, ranges and durations.
    Date(DateProperty),
    /// The time since one of the alert's dates. Accepts durations.
    Age(DateProperty),
    /// A name for the alert's tenant, or part of one.
    Tenant,
    /// Text in any of the given properties, compared by the rule for its kind.
    Text(TextKind, &'static [PropertyRef]),
}

/// An enumeration of the filter language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the enumerations of `alertdeck-model`")]
pub enum Enumeration {
    Severity,
    Status,
    Source,
    Classification,
    Determination,
    Verdict,
    Remediation,
    /// An evidence item's type.
    EvidenceType,
    /// An ATT&CK tactic.
    Tactic,
}

/// A date property of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Graph's property names")]
pub enum DateProperty {
    Created,
    LastUpdate,
    Resolved,
    FirstActivity,
    LastActivity,
}

/// The rule by which a text field compares values (docs/filter-language.md, "Fields").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// Matches text that contains the value.
    Plain,
    /// Like `Plain`, but a value such as `DOMAIN\name` also compares the domain.
    Account,
    /// Like `Plain`, but compares the whole value if it contains an `@`. The alert's owner is the
    /// only text that Graph can filter by.
    Owner,
    /// Matches text that equals the value.
    Exact,
    /// Matches a technique and its sub-techniques, by ID or by part of a name.
    Technique,
    /// Matches an IP address, or every address in a network in CIDR notation.
    Address,
    /// Matches a hash, given in full or as a prefix of at least six digits.
    Hash,
    /// Matches a domain and its subdomains, also in links and email addresses.
    Domain,
    /// Like `Plain`, but restores defanged values first.
    Link,
    /// Matches a member of the enumeration.
    Member(Enumeration),
}

/// A property, or several properties with the same name, that a text field covers.
#[derive(Clone, Copy, Debug)]
pub enum PropertyRef {
    /// A property of the alert itself.
    Alert(&'static str),
    /// Properties in any evidence type, if their path ends with the given path.
    Evidence(&'static str),
    /// Properties in the given evidence type, if their path ends with the given path.
    EvidenceOf(&'static str, &'static str),
}

impl PropertyRef {
    fn covers(self, kind: Option<&str>, path: &str) -> bool {
        match (self, kind) {
            (Self::Alert(own), None) => path == own,
            (Self::Evidence(tail), Some(_)) => ends_with(path, tail),
            (Self::EvidenceOf(of, tail), Some(kind)) => kind == of && ends_with(path, tail),
            _ => false,
        }
    }
}

/// Returns whether `path` ends with the names in `tail`, ignoring case.
pub(super) fn ends_with(path: &str, tail: &str) -> bool {
    let Some(start) = path.len().checked_sub(tail.len()) else { return false };
    path.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(tail))
        && (start == 0 || path.as_bytes()[start - 1] == b'.')
}

/// The properties in which to search for text.
#[derive(Clone, Debug)]
pub(super) enum SearchScope {
    /// Title, description, category and every indicator in the evidence.
    Anywhere,
    Field(&'static Field),
    /// Every property whose path ends with the given path.
    Property(String),
}

impl SearchScope {
    /// Returns whether the scope includes a property, given the kind and path of its key.
    pub(super) fn covers(&self, kind: Option<&str>, path: &str) -> bool {
        match self {
            Self::Anywhere => match kind {
                None => matches!(path, "title" | "description" | "category" | "categories"),
                Some(_) => {
                    let name = last_name(path);
                    !NOT_INDICATORS.contains(&name) && !name.ends_with("DateTime")
                }
            },
            Self::Field(field) => field.covers(kind, path),
            Self::Property(name) => ends_with(path, name),
        }
    }

    pub(super) fn is_owner(&self) -> bool {
        matches!(self, Self::Field(Field { kind: FieldKind::Text(TextKind::Owner, _), .. }))
    }
}

impl PartialEq for SearchScope {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anywhere, Self::Anywhere) => true,
            (Self::Field(a), Self::Field(b)) => a.name == b.name,
            (Self::Property(a), Self::Property(b)) => a == b,
            _ => false,
        }
    }
}

/// Evidence properties that describe an item rather than identify it. A bare word that happens to
/// name a verdict or a type must not match every item with that verdict or type.
const NOT_INDICATORS: [&str; 10] = [
    "@odata.type",
    "verdict",
    "remediationStatus",
    "remediationStatusDetails",
    "roles",
    "detailedRoles",
    "detectionStatus",
    "onboardingStatus",
    // Copies of names, which the store adds.
    "(deviceid)",
    "(userid)",
];

impl Enumeration {
    /// Returns the members' names, in the order of the model.
    pub fn members(self) -> Vec<&'static str> {
        fn names<T>(members: &'static [(&'static str, T)]) -> Vec<&'static str> {
            members.iter().map(|(name, _)| *name).collect()
        }
        match self {
            Self::Severity => names(Severity::MEMBERS),
            Self::Status => names(Status::MEMBERS),
            Self::Source => names(ServiceSource::MEMBERS),
            Self::Classification => names(Classification::MEMBERS),
            Self::Determination => names(Determination::MEMBERS),
            Self::Verdict => names(Verdict::MEMBERS),
            Self::Remediation => names(Remediation::MEMBERS),
            Self::EvidenceType => EVIDENCE_TYPES.to_vec(),
            Self::Tactic => names(Tactic::ALL),
        }
    }

    /// Returns the aliases, each with the members that it represents.
    pub fn aliases(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Severity => &[("info", &["informational"]), ("med", &["medium"])],
            Self::Status => &[
                ("open", &["new", "inProgress"]),
                ("prog", &["inProgress"]),
                ("res", &["resolved"]),
                ("closed", &["resolved"]),
            ],
            Self::Source => &[
                ("endpoint", &["microsoftDefenderForEndpoint"]),
                ("identity", &["microsoftDefenderForIdentity"]),
                ("cloudapps", &["microsoftDefenderForCloudApps"]),
                ("office", &["microsoftDefenderForOffice365"]),
                ("xdr", &["microsoft365Defender"]),
                ("entra", &["azureAdIdentityProtection"]),
                ("appgov", &["microsoftAppGovernance"]),
                ("dlp", &["dataLossPrevention"]),
                ("cloud", &["microsoftDefenderForCloud"]),
                ("sentinel", &["microsoftSentinel"]),
                ("insider", &["microsoftInsiderRiskManagement"]),
                ("ti", &["microsoftThreatIntelligence"]),
                ("ai", &["microsoftSecurityForAI"]),
            ],
            Self::Classification => &[
                ("tp", &["truePositive"]),
                ("fp", &["falsePositive"]),
                ("info", &["informationalExpectedActivity"]),
                ("expected", &["informationalExpectedActivity"]),
            ],
            Self::Determination => &[
                ("pup", &["unwantedSoftware"]),
                ("test", &["securityTesting"]),
                ("account", &["compromisedAccount"]),
                ("lob", &["lineOfBusinessApplication"]),
            ],
            Self::Verdict => &[("clean", &["noThreatsFound"])],
            Self::Remediation => &[("pending", &["pendingApproval"]), ("partial", &["partiallyRemediated"])],
            Self::Tactic => &[("c2", &["CommandAndControl"])],
            Self::EvidenceType => &[],
        }
    }

    /// Returns the Graph property, if the enumeration belongs to the alert itself.
    pub(super) fn property(self) -> Option<Property> {
        match self {
            Self::Severity => Some(Property::Severity),
            Self::Status => Some(Property::Status),
            Self::Source => Some(Property::ServiceSource),
            Self::Classification => Some(Property::Classification),
            Self::Determination => Some(Property::Determination),
            Self::Verdict | Self::Remediation | Self::EvidenceType | Self::Tactic => None,
        }
    }

    /// Returns the alert's value as sent; empty for enumerations that belong to evidence.
    pub(super) fn value(self, facts: Facts<'_>) -> &str {
        match self {
            Self::Severity => facts.severity().raw(),
            Self::Status => facts.status().raw(),
            Self::Source => facts.source().raw(),
            Self::Classification => facts.classification().raw(),
            Self::Determination => facts.determination().raw(),
            Self::Verdict | Self::Remediation | Self::EvidenceType | Self::Tactic => "",
        }
    }

    /// Returns whether the service sent a value.
    pub(super) fn is_sent(self, facts: Facts<'_>) -> bool {
        match self {
            Self::Classification => facts.has_classification(),
            Self::Determination => facts.has_determination(),
            _ => true,
        }
    }

    /// Returns the rows whose member, as sent, passes a test. Empty for evidence enumerations.
    pub(super) fn rows(self, store: &Store, test: impl Fn(&str) -> bool) -> RowSet {
        match self {
            Self::Severity => store.rows_by_severity(|member| test(member.raw())),
            Self::Status => store.rows_by_status(|member| test(member.raw())),
            Self::Source => store.rows_by_source(|member| test(member.raw())),
            Self::Classification => store.rows_by_classification(|member| test(member.raw())),
            Self::Determination => store.rows_by_determination(|member| test(member.raw())),
            Self::Verdict | Self::Remediation | Self::EvidenceType | Self::Tactic => RowSet::default(),
        }
    }
}

impl DateProperty {
    /// Returns the Graph property, if Graph can filter by it.
    pub(super) fn property(self) -> Option<Property> {
        match self {
            Self::Created => Some(Property::CreatedDateTime),
            Self::LastUpdate => Some(Property::LastUpdateDateTime),
            Self::Resolved | Self::FirstActivity | Self::LastActivity => None,
        }
    }

    pub(super) fn value(self, facts: Facts<'_>) -> Option<Timestamp> {
        facts.date(self.column())
    }

    /// Returns the column that contains the date.
    pub(super) fn column(self) -> DateColumn {
        match self {
            Self::Created => DateColumn::Created,
            Self::LastUpdate => DateColumn::LastUpdate,
            Self::Resolved => DateColumn::Resolved,
            Self::FirstActivity => DateColumn::FirstActivity,
            Self::LastActivity => DateColumn::LastActivity,
        }
    }
}

/// Returns the scope for a field name or property name, or `None` if the name is unknown.
pub(super) fn find_scope(name: &str) -> Option<SearchScope> {
    if let Some(field) = find_field(name) {
        return Some(SearchScope::Field(field));
    }
    let known = |name: &str| PROPERTIES.iter().any(|property| property.eq_ignore_ascii_case(name));
    let every_part = || name.split('.').all(known);
    (known(name) || every_part()).then(|| SearchScope::Property(name.to_ascii_lowercase()))
}

/// Finds a field by its name or an alias, ignoring case.
pub fn find_field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.names().any(|known| known.eq_ignore_ascii_case(name)))
}

impl Field {
    /// Lists the field's name and aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Returns the properties that a text field covers; none for other fields.
    pub(super) fn properties(&self) -> &'static [PropertyRef] {
        match self.kind {
            FieldKind::Text(_, covers) => covers,
            _ => &[],
        }
    }

    /// Returns whether this is a text field that covers a property, given the kind and path of its
    /// key.
    pub fn covers(&self, kind: Option<&str>, path: &str) -> bool {
        self.properties().iter().any(|cover| cover.covers(kind, path))
    }

    /// Returns the enumeration that the field's values belong to, if there is one.
    pub fn enumeration(&self) -> Option<Enumeration> {
        match self.kind {
            FieldKind::Enumeration(enumeration) | FieldKind::Text(TextKind::Member(enumeration), _) => {
                Some(enumeration)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        PropertyRef::{Alert, Evidence, EvidenceOf},
        *,
    };
    use alertdeck_testing::schema;
    use std::collections::BTreeSet;

    #[test]
    fn properties_and_evidence_types_are_those_of_the_schema() {
        let schema = schema();
        let (mut names, mut types) = (BTreeSet::from(["@odata.type".to_owned()]), BTreeSet::new());
        for version in schema["versions"].as_object().unwrap().values() {
            for section in ["entities", "complexTypes"] {
                for declared in version[section].as_object().unwrap().values() {
                    for property in declared["properties"].as_array().unwrap() {
                        names.insert(property["name"].as_str().unwrap().to_owned());
                    }
                }
            }
            for name in version["evidenceTypes"].as_array().unwrap() {
                types.insert(alertdeck_model::short_type_name(name.as_str().unwrap()).to_owned());
            }
        }
        assert_eq!(PROPERTIES.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>(), names);
        assert_eq!(EVIDENCE_TYPES.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>(), types);
    }

    #[test]
    fn field_names_are_unique() {
        let names: Vec<_> = FIELDS.iter().flat_map(Field::names).map(str::to_lowercase).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn fields_cover_existing_properties() {
        for field in FIELDS {
            let FieldKind::Text(_, covers) = field.kind else { continue };
            for cover in covers {
                let (Alert(path) | Evidence(path) | EvidenceOf(_, path)) = cover;
                let known = |name: &str| PROPERTIES.contains(&name);
                // The store adds these properties. They are not in the schema.
                let derived = matches!(*path, "(deviceid)" | "(userid)" | "(originalurl)");
                assert!(derived || known(path) || path.split('.').all(known), "{cover:?}");
                if let PropertyRef::EvidenceOf(kind, _) = cover {
                    assert!(EVIDENCE_TYPES.contains(kind), "{cover:?}");
                }
            }
        }
    }

    #[test]
    fn aliases_expand_to_members() {
        for enumeration in FIELDS.iter().filter_map(Field::enumeration) {
            let members = enumeration.members();
            for (alias, expansion) in enumeration.aliases() {
                assert!(!members.contains(alias), "{alias}");
                assert!(expansion.iter().all(|member| members.contains(member)), "{alias}");
            }
        }
    }

    #[test]
    fn any_property_name_is_a_field() {
        assert!(
            matches!(find_scope("OSPLATFORM"), Some(SearchScope::Property(name)) if name == "osplatform")
        );
        assert!(matches!(find_scope("imageFile.sha256"), Some(SearchScope::Property(_))));
        assert!(
            matches!(find_scope("serviceSource"), Some(SearchScope::Field(field)) if field.name == "source")
        );
        assert!(find_scope("imageFile.nothing").is_none());
        assert!(find_scope("").is_none());
    }

    #[test]
    fn path_endings_are_whole_names() {
        assert!(ends_with("userAccount.displayName", "DISPLAYNAME"));
        assert!(ends_with("sha256", "sha256"));
        assert!(!ends_with("hostName", "Name"));
        assert!(!ends_with("é", "x"));
    }
}
