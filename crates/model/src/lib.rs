//! What the service sends, read into types: alerts, evidence, enumerations, times, safe text.
//!
//! It knows JSON and nothing of where the bytes came from: no I/O, no clock, no widget.
//! Invariants: text leaves this module as [`SafeText`] only; a value that this build does not
//! know is kept as sent; one bad alert never costs another.

mod alert;
pub mod attack;
pub mod defang;
mod enums;
mod evidence;
mod host;
mod indicator;
mod json;
mod page;
mod portal;
mod text;
mod time;

pub use alert::{Alert, AlertId, Comment, DecodeError, RawAlert};
pub use enums::{
    Classification, DetectionSource, Determination, InvestigationState, Remediation, ServiceSource, Severity,
    Status, Verdict,
};
pub use evidence::{
    Account, EVIDENCE_TYPES, Evidence, FileDetails, remediation, short_type_name, type_name, verdict,
};
pub use host::host;
pub use indicator::{Indicator, IndicatorKind};
pub use json::{Object, Property, properties, walk};
pub use page::{RawPage, WireError, split, split_reply};
pub use portal::{PortalRefusal, PortalUrl};
pub use text::{Piece, RawText, SafeText, one_line};
pub use time::{Now, Timestamp};
