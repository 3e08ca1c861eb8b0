//! Signing in to the simulated tenant, as a client meets it: over HTTP.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "simulator_sign_in/applications.rs"]
mod applications;
#[path = "simulator_sign_in/codes.rs"]
mod codes;
#[path = "simulator_sign_in/desk.rs"]
mod desk;
#[path = "simulator_sign_in/devices.rs"]
mod devices;
#[path = "simulator_sign_in/refresh.rs"]
mod refresh;
#[path = "simulator_sign_in/service.rs"]
mod service;
