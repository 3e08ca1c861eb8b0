//! The order of enumeration members, which OData compares by value, and the type names in qualified
//! literals.

use alertdeck_model::{Classification, Determination, ServiceSource, Severity, Status};

use super::Property;

/// The member that represents values newer than the client (docs/graph-api.md, "Enumerations").
const FUTURE: &str = "unknownFutureValue";

impl Property {
    /// Returns the declared members in the order of their values, which is also their order in the
    /// metadata. Empty if the property is not an enumeration.
    pub(super) fn members(self) -> Vec<&'static str> {
        fn names<T>(members: &'static [(&'static str, T)]) -> Vec<&'static str> {
            members.iter().map(|(name, _)| *name).collect()
        }
        match self {
            Self::Severity => names(Severity::MEMBERS),
            Self::Status => names(Status::MEMBERS),
            Self::ServiceSource => names(ServiceSource::MEMBERS),
            Self::Classification => names(Classification::MEMBERS),
            Self::Determination => names(Determination::MEMBERS),
            Self::AssignedTo | Self::CreatedDateTime | Self::LastUpdateDateTime => Vec::new(),
        }
    }

    /// Returns the name of the property's enumeration type.
    pub(super) fn enumeration(self) -> Option<&'static str> {
        match self {
            Self::Severity => Some("alertSeverity"),
            Self::Status => Some("alertStatus"),
            Self::ServiceSource => Some("serviceSource"),
            Self::Classification => Some("alertClassification"),
            Self::Determination => Some("alertDetermination"),
            Self::AssignedTo | Self::CreatedDateTime | Self::LastUpdateDateTime => None,
        }
    }

    /// Returns a number that gives a member's position in the order, or `None` for undeclared
    /// members, which have no order.
    pub(super) fn rank(self, member: &str) -> Option<usize> {
        let members = self.members();
        if !members.is_empty() && member.eq_ignore_ascii_case(FUTURE) {
            // Its value follows those of the originally declared members.
            let last = match self {
                Self::ServiceSource => members.iter().position(|name| *name == "dataLossPrevention")?,
                _ => members.len() - 1,
            };
            return Some(2 * last + 1);
        }
        members.iter().position(|name| name.eq_ignore_ascii_case(member)).map(|at| 2 * at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_testing::schema;

    #[test]
    fn members_are_ordered_by_the_values_of_the_schema() {
        let schema = schema();
        for version in schema["versions"].as_object().unwrap().values() {
            for property in Property::ALL {
                let Some(name) = property.enumeration() else { continue };
                let declared = &version["enums"][format!("microsoft.graph.security.{name}")]["members"];
                let mut declared: Vec<_> = declared.as_array().unwrap().iter().collect();
                declared.sort_by_key(|member| member["value"].as_i64().unwrap());
                let ranks = declared.iter().map(|member| property.rank(member["name"].as_str().unwrap()));
                let ranks: Vec<_> = ranks.collect();
                assert!(ranks.iter().all(Option::is_some), "{name} {ranks:?}");
                assert!(ranks.is_sorted_by(|a, b| a < b), "{name} {ranks:?}");
            }
        }
    }
}
