//! Indicators: values of the evidence that other alerts may hold too.

use crate::model::SafeText;

/// What kind of value an indicator is; its name is the filter field that finds it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
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
}

impl IndicatorKind {
    /// All kinds, each with the field of the filter language that searches values of it.
    pub const ALL: [(Self, &'static str); 20] = [
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
    ];

    /// Returns the field of the filter language that searches values of this kind.
    pub fn field(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// A value that other alerts may hold too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Indicator {
    /// What it is.
    pub kind: IndicatorKind,
    /// The value.
    pub value: SafeText,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_kinds() {
        for (at, (kind, _)) in IndicatorKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, at);
        }
    }
}
