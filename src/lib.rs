//! alertdeck: a keyboard-driven terminal console for triaging Microsoft Defender XDR alerts.

pub mod model;
pub mod odata;
pub mod query;
