//! Types for what the service sends: alerts, evidence, enumerations, times and safe text.
//!
//! The crate parses JSON and does not know where the bytes came from. It does no I/O, does not read
//! the clock and does not draw anything.
//!
//! Invariants: text leaves this crate only as [`SafeText`]; values that this build does not know
//! are kept as sent; an alert that cannot be read does not affect the others.

mod alert;
pub mod attack;
pub mod defang;
pub mod encoded;
mod enums;
mod evidence;
mod foreign;
mod host;
mod indicator;
mod json;
mod loose;
mod messages;
mod outline;
mod page;
mod portal;
mod rewritten;
mod shape;
mod split;
mod text;
mod time;
mod wrapped;

pub use alert::{Alert, AlertId, Comment, DecodeError, RawAlert};
pub use enums::{
    Classification, DetectionSource, Determination, InvestigationState, Remediation, ServiceSource, Severity,
    Status, Verdict,
};
pub use evidence::{
    Account, EVIDENCE_TYPES, Evidence, FileDetails, account_name, is_evidence_type, remediation,
    short_type_name, type_name, verdict,
};
pub use host::{host, ip_address};
pub use indicator::{Indicator, IndicatorKind};
pub use json::{Object, Property, properties, walk};
pub use messages::Messages;
pub use page::{RawPage, WireError, split_reply, starts_with_lines};
pub use portal::{PortalLinkError, PortalUrl};
pub use rewritten::originals;
pub use split::{Chunk, Splitter};
pub use text::{Piece, RawText, SafeText, one_line};
pub use time::{Now, Timestamp};
pub use wrapped::{Found, find};
