//! The filter language: what the user typed, read, resolved, and carried out.

pub mod facts;
