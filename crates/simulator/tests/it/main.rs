//! Integration tests of the simulator crate, in one binary.

mod service;
mod sign_in;
mod tenant;
