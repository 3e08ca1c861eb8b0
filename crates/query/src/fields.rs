//! The fields of the filter language: one table, from which completion and help come too.
//!
//! A field is a name, a type, and for text the properties that it covers. Nothing here reads a
//! filter or an alert.

mod table;

pub use table::FIELDS;

use super::properties::PROPERTIES;
use alertdeck_model::{
    Classification, Determination, EVIDENCE_TYPES, Remediation, ServiceSource, Severity, Status, Timestamp,
    Verdict, attack::Tactic,
};
use alertdeck_odata::Property;
use alertdeck_store::{Facts, last_name};

/// A field of the filter language.
#[derive(Debug)]
pub struct Field {
    /// The name to type.
    pub name: &'static str,
    /// Other names for it, Graph's own among them.
    pub aliases: &'static [&'static str],
    /// What it holds and how it compares.
    pub kind: FieldKind,
    /// What it is, for help and completion.
    pub help: &'static str,
}

/// What a field holds.
#[derive(Debug)]
pub enum FieldKind {
    /// A member of an enumeration of the alert.
    Choice(Choice),
    /// A moment of the alert: takes dates, ranges and ages.
    Moment(Moment),
    /// How long ago a moment was: takes durations.
    Age(Moment),
    /// Text in the properties covered, compared as the shape says.
    Text(Shape, &'static [Cover]),
}

/// An enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the enumerations of `model`")]
pub enum Choice {
    Severity,
    Status,
    Source,
    Classification,
    Determination,
    Verdict,
    Remediation,
    /// The type of an evidence item.
    EvidenceType,
    /// A tactic of ATT&CK.
    Tactic,
}

/// A moment in an alert's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Graph's property names")]
pub enum Moment {
    Created,
    LastUpdate,
    Resolved,
    FirstActivity,
    LastActivity,
}

/// How a text field compares (UX.md B).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `:` is "contains".
    Words,
    /// As words; `DOMAIN\name` asks for both parts.
    Account,
    /// As words, and whole with an `@` in it: the alert's owner, the only text Graph filters.
    Owner,
    /// The whole value.
    Whole,
    /// The technique or one of its sub-techniques, by id or by a part of its name.
    Technique,
    /// An address or a network in CIDR form.
    Address,
    /// A hash, or its first six digits or more.
    Hash,
    /// A domain or one of its subdomains, also inside an address of the web or of mail.
    Domain,
    /// As words, also when typed defanged.
    Link,
    /// A whole member name.
    Member(Choice),
}

/// Properties that a text field covers.
#[derive(Clone, Copy, Debug)]
pub enum Cover {
    /// A property of the alert itself.
    Alert(&'static str),
    /// A property with this last name, or these last names, in evidence of any type.
    Evidence(&'static str),
    /// A property in evidence of one type.
    Of(&'static str, &'static str),
}

impl Cover {
    fn covers(self, kind: Option<&str>, path: &str) -> bool {
        match (self, kind) {
            (Self::Alert(own), None) => path == own,
            (Self::Evidence(tail), Some(_)) => ends_with(path, tail),
            (Self::Of(of, tail), Some(kind)) => kind == of && ends_with(path, tail),
            _ => false,
        }
    }
}

/// Returns whether the last names of `path` are those of `tail`, without regard to case.
pub(super) fn ends_with(path: &str, tail: &str) -> bool {
    let Some(start) = path.len().checked_sub(tail.len()) else { return false };
    path.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(tail))
        && (start == 0 || path.as_bytes()[start - 1] == b'.')
}

/// What a text is looked for in.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    /// Title, description and every indicator in the evidence.
    Anywhere,
    Field(&'static Field),
    /// Every property with this last name, or these last names.
    Property(String),
}

impl Scope {
    /// Returns whether a property is looked into, by the parts of its key.
    pub(super) fn covers(&self, kind: Option<&str>, path: &str) -> bool {
        match self {
            Self::Anywhere => match kind {
                None => matches!(path, "title" | "description"),
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
        matches!(self, Self::Field(Field { kind: FieldKind::Text(Shape::Owner, _), .. }))
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anywhere, Self::Anywhere) => true,
            (Self::Field(a), Self::Field(b)) => a.name == b.name,
            (Self::Property(a), Self::Property(b)) => a == b,
            _ => false,
        }
    }
}

/// Evidence properties that describe an item rather than identify it: a bare word that is the
/// name of a verdict or a type must not find every item that has it.
const NOT_INDICATORS: [&str; 8] = [
    "@odata.type",
    "verdict",
    "remediationStatus",
    "remediationStatusDetails",
    "roles",
    "detailedRoles",
    "detectionStatus",
    "onboardingStatus",
];

impl Choice {
    /// Returns the members' names: the model's, in its order.
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

    /// Returns the short names, each with the members it stands for.
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

    /// Returns Graph's property, for an enumeration of the alert.
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

    /// The alert's value, as sent; empty for what the alert has no one value of.
    pub(super) fn of(self, facts: &Facts) -> &str {
        match self {
            Self::Severity => facts.severity.raw(),
            Self::Status => facts.status.raw(),
            Self::Source => facts.service_source.raw(),
            Self::Classification => facts.classification.raw(),
            Self::Determination => facts.determination.raw(),
            Self::Verdict | Self::Remediation | Self::EvidenceType | Self::Tactic => "",
        }
    }
}

impl Moment {
    /// Returns Graph's property, if it filters by it.
    pub(super) fn property(self) -> Option<Property> {
        match self {
            Self::Created => Some(Property::CreatedDateTime),
            Self::LastUpdate => Some(Property::LastUpdateDateTime),
            Self::Resolved | Self::FirstActivity | Self::LastActivity => None,
        }
    }

    pub(super) fn of(self, facts: &Facts) -> Option<Timestamp> {
        match self {
            Self::Created => facts.created,
            Self::LastUpdate => facts.last_update,
            Self::Resolved => facts.resolved,
            Self::FirstActivity => facts.first_activity,
            Self::LastActivity => facts.last_activity,
        }
    }
}

/// Finds what a name in a filter stands for; `None` where it is unknown.
pub(super) fn find(name: &str) -> Option<Scope> {
    if let Some(field) = named(name) {
        return Some(Scope::Field(field));
    }
    let known = |name: &str| PROPERTIES.iter().any(|property| property.eq_ignore_ascii_case(name));
    let every_part = || name.split('.').all(known);
    (known(name) || every_part()).then(|| Scope::Property(name.to_ascii_lowercase()))
}

/// Finds a field by its name or an alias, without regard to case.
pub fn named(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.names().any(|known| known.eq_ignore_ascii_case(name)))
}

impl Field {
    /// Lists the name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Returns whether the field is text and a property, by the parts of its key, is among those that
    /// it covers.
    pub fn covers(&self, kind: Option<&str>, path: &str) -> bool {
        matches!(self.kind, FieldKind::Text(_, covers) if covers.iter().any(|cover| cover.covers(kind, path)))
    }

    /// Returns the enumeration that the field's values come from, if they do.
    pub fn choice(&self) -> Option<Choice> {
        match self.kind {
            FieldKind::Choice(choice) | FieldKind::Text(Shape::Member(choice), _) => Some(choice),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Cover::{Alert, Evidence, Of},
        *,
    };
    use alertdeck_testing::schema;
    use std::collections::BTreeSet;

    #[test]
    fn the_lists_are_the_schema() {
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
    fn no_name_stands_for_two_fields() {
        let names: Vec<_> = FIELDS.iter().flat_map(Field::names).map(str::to_lowercase).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn fields_cover_properties_that_exist() {
        for field in FIELDS {
            let FieldKind::Text(_, covers) = field.kind else { continue };
            for cover in covers {
                let (Alert(path) | Evidence(path) | Of(_, path)) = cover;
                let known = |name: &str| PROPERTIES.contains(&name);
                assert!(known(path) || path.split('.').all(known), "{cover:?}");
                if let Cover::Of(kind, _) = cover {
                    assert!(EVIDENCE_TYPES.contains(kind), "{cover:?}");
                }
            }
        }
    }

    #[test]
    fn aliases_stand_for_members() {
        for choice in FIELDS.iter().filter_map(Field::choice) {
            let members = choice.members();
            for (alias, stands_for) in choice.aliases() {
                assert!(!members.contains(alias), "{alias}");
                assert!(stands_for.iter().all(|member| members.contains(member)), "{alias}");
            }
        }
    }

    #[test]
    fn any_property_is_a_field() {
        assert!(matches!(find("OSPLATFORM"), Some(Scope::Property(name)) if name == "osplatform"));
        assert!(matches!(find("imageFile.sha256"), Some(Scope::Property(_))));
        assert!(matches!(find("serviceSource"), Some(Scope::Field(field)) if field.name == "source"));
        assert!(find("imageFile.nothing").is_none());
        assert!(find("").is_none());
    }

    #[test]
    fn paths_end_at_whole_names() {
        assert!(ends_with("userAccount.displayName", "DISPLAYNAME"));
        assert!(ends_with("sha256", "sha256"));
        assert!(!ends_with("hostName", "Name"));
        assert!(!ends_with("é", "x"));
    }
}
