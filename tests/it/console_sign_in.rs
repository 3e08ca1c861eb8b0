//! The console signs in, in a pseudo-terminal, at a simulated tenant: the test is the user at the
//! keys, the browser, and whoever takes tokens away.
//!
//! Nothing here waits for a time: each step waits until the screen or the service shows what it
//! should, with a deadline after which the test fails.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod devices;
mod first;
mod leaving;
mod profiles;
mod refusals;

use crate::support::tenant::{Tenant, browse};
use crate::support::terminal::Session;

/// The person who signs in.
const PERSON: &str = alertdeck_simulator::SIGNED_IN;

impl Tenant {
    /// Opens the console on this tenant.
    fn open(&self, more: &[&str]) -> Session {
        Session::open(&self.arguments(more), &[self.home()])
    }

    /// Opens the console on all its alerts, with a browser's sign-in, until they are there.
    fn signed_in(&self) -> Session {
        let mut session = self.open(&[""]);
        sign_in(&mut session);
        session.wait("complete");
        session
    }

    /// Leaves neither the access token nor the refresh token any use.
    fn revoke(&self) {
        self.simulator.sign_in(|control| {
            control.revoke_access_tokens();
            control.revoke_refresh_tokens();
        });
    }
}

/// Answers the question to sign in with a browser; returns the address that it opened.
fn sign_in(session: &mut Session) -> String {
    session.press("\r", "No browser was opened");
    let address = session.copy("y");
    let page = browse(&address);
    assert!(page.contains("<h1>Signed in</h1>"), "{page}");
    session.wait_until("the question is gone", |session| !session.shows("No browser was opened"));
    address
}

/// The question that comes up where nobody is signed in.
const QUESTION: &str = "with a browser on this computer";
