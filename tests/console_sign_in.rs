//! The console signs in, in a pseudo-terminal, at a simulated tenant: the test is the user at the
//! keys, the browser, and whoever takes tokens away.
//!
//! Nothing here waits for a time: each step waits until the screen or the service shows what it
//! should, with a deadline after which the test fails.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[expect(dead_code, reason = "other tests sit at the same desk")]
#[path = "console_terminal/desk.rs"]
mod desk;
#[path = "console_sign_in/devices.rs"]
mod devices;
#[path = "console_sign_in/first.rs"]
mod first;
#[path = "console_sign_in/leaving.rs"]
mod leaving;
#[path = "console_sign_in/profiles.rs"]
mod profiles;
#[path = "console_sign_in/refusals.rs"]
mod refusals;
#[path = "console_sign_in/tenant.rs"]
mod tenant;

use desk::Desk;
use tenant::{Tenant, browse};

/// The person who signs in.
const PERSON: &str = alertdeck::simulator::SIGNED_IN;

impl Tenant {
    /// Opens the console on this tenant.
    fn open(&self, more: &[&str]) -> Desk {
        Desk::open(&self.arguments(more), &[self.home()])
    }

    /// Opens the console on all its alerts, with a browser's sign-in, until they are there.
    fn signed_in(&self) -> Desk {
        let mut desk = self.open(&[""]);
        sign_in(&mut desk);
        desk.wait("complete");
        desk
    }

    /// Leaves neither the access token nor the refresh token any use.
    fn revoke(&self) {
        self.simulator.sign_in(|desk| {
            desk.revoke_access_tokens();
            desk.revoke_refresh_tokens();
        });
    }
}

/// Answers the question to sign in with a browser; returns the address that it opened.
fn sign_in(desk: &mut Desk) -> String {
    desk.press("\r", "No browser was opened");
    let address = desk.copy("y");
    let page = browse(&address);
    assert!(page.contains("<h1>Signed in</h1>"), "{page}");
    desk.wait_until("the question is gone", |desk| !desk.shows("No browser was opened"));
    address
}

/// The question that comes up where nobody is signed in.
const QUESTION: &str = "with a browser on this computer";
