//! Indicators: evidence values that other alerts may share.

use crate::SafeText;

/// The kind of indicator. Each kind corresponds to a field of the filter language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum IndicatorKind {
    Device,
    User,
    Group,
    Process,
    CommandLine,
    File,
    Path,
    Hash,
    Ip,
    Url,
    Domain,
    Registry,
    Mail,
    App,
    Resource,
    Workload,
    Image,
    Session,
    GitHub,
    Threat,
    /// A value that identifies a device however its name is spelled: an ID, or the name if there is
    /// no ID.
    DeviceId,
    /// A value that identifies a user: an ID, a user principal name, or, if neither is known, an
    /// account name.
    UserId,
}

impl IndicatorKind {
    /// All kinds, each with the filter field that searches for its values.
    pub const ALL: [(Self, &'static str); 22] = [
        (Self::Device, "device"),
        (Self::User, "user"),
        (Self::Group, "group"),
        (Self::Process, "process"),
        (Self::CommandLine, "cmdline"),
        (Self::File, "file"),
        (Self::Path, "path"),
        (Self::Hash, "hash"),
        (Self::Ip, "ip"),
        (Self::Url, "url"),
        (Self::Domain, "domain"),
        (Self::Registry, "registry"),
        (Self::Mail, "mail"),
        (Self::App, "app"),
        (Self::Resource, "resource"),
        (Self::Workload, "workload"),
        (Self::Image, "image"),
        (Self::Session, "session"),
        (Self::GitHub, "github"),
        (Self::Threat, "threat"),
        (Self::DeviceId, "deviceid"),
        (Self::UserId, "userid"),
    ];

    /// Returns the filter field that searches for values of this kind.
    pub fn field(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Returns the kind whose values the filter field searches for, if there is one.
    pub fn of_field(field: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == field).map(|(kind, _)| *kind)
    }
}

/// An evidence value that other alerts may share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Indicator {
    /// The kind of value.
    pub kind: IndicatorKind,
    /// The value, as sent.
    pub value: SafeText,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_order_of_the_enum() {
        for (at, (kind, _)) in IndicatorKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, at);
        }
    }

    #[test]
    fn each_kind_has_its_field() {
        for (kind, field) in IndicatorKind::ALL {
            assert_eq!((kind.field(), IndicatorKind::of_field(field)), (field, Some(kind)));
        }
    }
}
