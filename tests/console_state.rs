//! The console without terminal, network or clock: inputs and messages go in, effects and the
//! state come out, and the screen is a buffer of cells.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "console_state/acting.rs"]
mod acting;
#[path = "console_state/behind.rs"]
mod behind;
#[path = "console_state/cutting.rs"]
mod cutting;
#[path = "console_state/desk.rs"]
mod desk;
#[path = "console_state/exporting.rs"]
mod exporting;
#[path = "console_state/filtering.rs"]
mod filtering;
#[path = "console_state/finding.rs"]
mod finding;
#[path = "console_state/loading.rs"]
mod loading;
#[path = "console_state/marking.rs"]
mod marking;
#[path = "console_state/overview.rs"]
mod overview;
#[path = "console_state/pivoting.rs"]
mod pivoting;
#[path = "console_state/profiles.rs"]
mod profiles;
#[path = "console_state/reading.rs"]
mod reading;
#[path = "console_state/requests.rs"]
mod requests;
#[path = "console_state/screens.rs"]
mod screens;
#[path = "console_state/scripts.rs"]
mod scripts;
#[path = "console_state/signing_in.rs"]
mod signing_in;
#[path = "console_state/sizes.rs"]
mod sizes;
#[path = "console_state/steps.rs"]
mod steps;
