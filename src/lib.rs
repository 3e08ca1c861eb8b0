//! alertdeck: a keyboard-driven terminal console for triaging Microsoft Defender XDR alerts.

pub mod model;
pub mod query;
pub mod simulator;
