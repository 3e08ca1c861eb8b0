//! Integration tests of the simulator, in one binary.

mod service;
mod sign_in;
mod tenant;
