//! The rows of the type table, grouped by subject. Siblings in the tree are sorted in this order.
//!
//! Property names are those used by Microsoft Graph; their meanings come from the resource pages in
//! its reference (`security-…evidence`). Relations between types follow from what the properties
//! refer to (docs/graph-api.md, "Evidence types").

mod cloud;
mod devices;
mod endpoint;
mod identity;
mod mail;
mod network;

use super::{Embedded, EvidenceType, Key, Link, field};
use alertdeck_model::IndicatorKind::{Device, Hash, Path, Process};

/// All rows, by group.
pub(crate) static TYPES: [&[EvidenceType]; 6] =
    [devices::ROWS, mail::ROWS, endpoint::ROWS, identity::ROWS, cloud::ROWS, network::ROWS];

/// A row's default values.
const DEFAULT: EvidenceType = EvidenceType {
    name: "",
    label: "",
    asset: false,
    main: &[],
    facts: &[],
    indicators: &[],
    keys: &[],
    time: "",
    embedded_parents: &[],
    embedded_children: &[],
    links: &[],
    local: false,
};

/// The row for types that the metadata does not declare. Items of these types are described using
/// whatever properties they have.
pub(crate) static UNKNOWN: EvidenceType = DEFAULT;

/// A process known only from its child's properties.
pub(crate) static PARENT_PROCESS: EvidenceType = EvidenceType {
    name: "process",
    label: "process",
    main: &[
        &[field("parentProcessImageFile.fileName"), field("parentProcessId").before(" (").after(")")],
        &[field("parentProcessId").before("(unnamed) (").after(")")],
    ],
    facts: &[field("").before("parent only"), field("parentProcessImageFile.filePath")],
    indicators: &[
        (Process, "parentProcessImageFile.fileName"),
        (Hash, "parentProcessImageFile.sha256"),
        (Hash, "parentProcessImageFile.sha1"),
        (Hash, "parentProcessImageFile.md5"),
        (Path, "parentProcessImageFile.filePath"),
    ],
    time: "parentProcessCreationDateTime",
    ..DEFAULT
};

/// A device that has no item of its own but is referred to by id in other items.
pub(crate) static DEVICE_BY_ID: EvidenceType = EvidenceType {
    name: "device",
    label: "device",
    asset: true,
    main: &[&[field("mdeDeviceId")]],
    facts: &[field("").before("ID only")],
    indicators: &[(Device, "mdeDeviceId")],
    ..DEFAULT
};

const fn key(required: &'static [&'static str]) -> Key {
    Key { required, optional: &[] }
}

const fn embedded(path: &'static str, type_name: &'static str) -> Embedded {
    Embedded { path, type_name }
}

const fn link(property: &'static str, target_type: &'static str, target_property: &'static str) -> Link {
    Link { property, target_type, target_property }
}
