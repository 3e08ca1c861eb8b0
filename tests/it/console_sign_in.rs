//! Sign-in in the console, in a pseudo-terminal, to a simulated tenant. The tests act as the user,
//! the browser, and the administrator who revokes tokens.
//!
//! No test sleeps: each step waits for a condition on the screen or the service, with a deadline.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod cached;
mod devices;
mod first;
mod leaving;
mod profiles;
mod refusals;
mod tenants;

use crate::support::tenant::{Tenant, browse};
use crate::support::terminal::Session;

/// The person who signs in.
const PERSON: &str = alertdeck_simulator::SIGNED_IN;

impl Tenant {
    /// Opens the console on this tenant.
    fn open(&self, more: &[&str]) -> Session {
        Session::open(&self.arguments(more), &[self.home()])
    }

    /// Opens the console without a filter, signs in with a browser and waits for all alerts.
    fn signed_in(&self) -> Session {
        let mut session = self.open(&[""]);
        sign_in(&mut session);
        session.wait("complete");
        session
    }

    /// Revokes the access token and the refresh token.
    fn revoke(&self) {
        self.simulator.sign_in(|control| {
            control.revoke_access_tokens();
            control.revoke_refresh_tokens();
        });
    }
}

/// Signs in with a browser when asked to. Returns the address that was opened.
fn sign_in(session: &mut Session) -> String {
    session.press("\r", "No browser could be opened");
    let address = session.copy("y");
    let page = browse(&address);
    assert!(page.contains("<h1>Signed in</h1>"), "{page}");
    session.wait_until("the overlay is closed", |session| !session.shows("No browser could be opened"));
    address
}

/// Text from the overlay that opens when a sign-in is needed.
const QUESTION: &str = "sign in with a browser on this computer";
