//! The table of the evidence types, by theme, in the order in which items stand under one parent.
//!
//! Property names are Graph's; meanings are taken from the descriptions of the resource pages
//! (`security-…evidence`), relations between types from what their properties refer to.

mod cloud;
mod devices;
mod endpoint;
mod identity;
mod mail;
mod network;

use super::{EvidenceType, Key, Link, Member, field};
use alertdeck_model::IndicatorKind::{Device, Hash, Path, Process};

/// Every type, group behind group.
pub(crate) static TYPES: [&[EvidenceType]; 6] =
    [devices::ROWS, mail::ROWS, endpoint::ROWS, identity::ROWS, cloud::ROWS, network::ROWS];

/// What a row has unless it says otherwise.
const PLAIN: EvidenceType = EvidenceType {
    name: "",
    label: "",
    asset: false,
    main: &[],
    facts: &[],
    indicators: &[],
    keys: &[],
    time: "",
    inside: &[],
    holds: &[],
    links: &[],
    local: false,
};

/// A type that the metadata does not declare: [`super::super::describe`] names it by what it has.
pub(crate) static UNKNOWN: EvidenceType = PLAIN;

/// A process that only its child tells of.
pub(crate) static PARENT_PROCESS: EvidenceType = EvidenceType {
    name: "process",
    label: "process",
    main: &[
        &[field("parentProcessImageFile.fileName"), field("parentProcessId").before(" (").after(")")],
        &[field("parentProcessId").before("(unnamed) (").after(")")],
    ],
    facts: &[field("").before("known only as parent"), field("parentProcessImageFile.filePath")],
    indicators: &[
        (Process, "parentProcessImageFile.fileName"),
        (Hash, "parentProcessImageFile.sha256"),
        (Hash, "parentProcessImageFile.sha1"),
        (Hash, "parentProcessImageFile.md5"),
        (Path, "parentProcessImageFile.filePath"),
    ],
    time: "parentProcessCreationDateTime",
    ..PLAIN
};

/// A device that other items name by its id alone.
pub(crate) static DEVICE_BY_ID: EvidenceType = EvidenceType {
    name: "device",
    label: "device",
    asset: true,
    main: &[&[field("mdeDeviceId")]],
    facts: &[field("").before("known only by its id")],
    indicators: &[(Device, "mdeDeviceId")],
    ..PLAIN
};

const fn key(needs: &'static [&'static str]) -> Key {
    Key { needs, with: &[] }
}

const fn member(path: &'static str, of: &'static str) -> Member {
    Member { path, of }
}

const fn link(mine: &'static str, of: &'static str, theirs: &'static str) -> Link {
    Link { mine, of, theirs }
}
