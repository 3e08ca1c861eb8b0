//! A simulated tenant.
pub mod odata;
