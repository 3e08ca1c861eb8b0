//! The device code flow: issues codes, answers polls, and serves the page for user codes.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use rand::seq::IndexedRandom as _;
use serde_json::{Map, Value, json};

use super::{
    Moment, SignInControl, SignInError,
    form::{Form, RequestedScopes},
    page, random_secret,
};
use crate::reply::Reply;

/// The alphabet of user codes, without characters that are easily confused.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// The length of user codes.
const USER_CODE_LENGTH: usize = 9;

/// A device code.
pub(super) struct Device {
    /// The code that the client polls with.
    pub(super) secret: String,
    pub(super) user_code: String,
    pub(super) client: String,
    pub(super) scopes: RequestedScopes,
    pub(super) claims: Map<String, Value>,
    expires: Instant,
    expired: bool,
    interval: Duration,
    polled: Option<Instant>,
    polls: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Approved,
    Declined,
    Redeemed,
}

impl Device {
    pub(super) fn is_pending(&self) -> bool {
        self.state == State::Pending && !self.expired
    }

    pub(super) fn expire(&mut self) {
        self.expired = true;
    }

    /// Answers a poll. Redeems the code if it has been approved.
    fn poll(
        &mut self,
        now: Moment,
        slow_down: Duration,
        approved_at: Option<u32>,
    ) -> Result<(), SignInError> {
        let polled = self.polled.replace(now.at);
        self.polls += 1;
        if self.is_pending() && approved_at.is_some_and(|poll| self.polls >= poll) {
            self.state = State::Approved;
        }
        if self.expired || now.at >= self.expires {
            return Err(SignInError::new("expired_token", 70019));
        }
        if polled.is_some_and(|last| now.at.duration_since(last) < self.interval) {
            self.interval += slow_down;
            // No error number is documented; clients branch on `error`.
            let error = SignInError::new("slow_down", 70016);
            return Err(error.with_message("The client polls more often than the interval allows."));
        }
        match self.state {
            State::Pending => Err(SignInError::new("authorization_pending", 70016)),
            State::Declined => Err(SignInError::new("authorization_declined", 65004)),
            State::Redeemed => Err(SignInError::new("invalid_grant", 54005)),
            State::Approved => {
                self.state = State::Redeemed;
                Ok(())
            }
        }
    }
}

impl SignInControl {
    pub(super) fn device_code(
        &mut self,
        tenant: &str,
        body: &[u8],
        now: Moment,
    ) -> Result<Reply, SignInError> {
        Self::check_tenant(tenant)?;
        let form = Form::read(body);
        let client = form.need("client_id")?.to_owned();
        self.check_client(&client)?;
        let scopes = RequestedScopes::read(form.need("scope")?, &self.base)?;
        scopes.check_consent(&self.rules)?;
        let mut rng = rand::rng();
        let user_code: String = (0..USER_CODE_LENGTH)
            .filter_map(|_| LETTERS.choose(&mut rng))
            .map(|byte| char::from(*byte))
            .collect();
        let verification = format!("{}/device", self.base);
        let device = Device {
            secret: random_secret(),
            user_code: user_code.clone(),
            client,
            scopes,
            claims: form.claims()?,
            expires: now.at + self.rules.device_life,
            expired: false,
            interval: self.rules.device_interval,
            polled: None,
            polls: 0,
            state: State::Pending,
        };
        let reply = json!({
            "user_code": user_code,
            "device_code": device.secret,
            "verification_uri": verification,
            "expires_in": self.rules.device_life.as_secs(),
            "interval": self.rules.device_interval.as_secs(),
            "message": format!("To sign in, open {verification} in a browser and enter the code {user_code}."),
        });
        self.devices.push(device);
        Ok(Reply::plain_json(reply.to_string()))
    }

    /// Redeems a device code. Fails if the code is still pending or cannot be redeemed.
    pub(super) fn poll_device(
        &mut self,
        code: &str,
        client: &str,
        now: Moment,
    ) -> Result<(RequestedScopes, Map<String, Value>), SignInError> {
        let (slow_down, approved_at) = (self.rules.slow_down, self.rules.approves_at_poll);
        let unknown = || SignInError::new("bad_verification_code", 70018);
        let device = self.devices.iter_mut().find(|device| device.secret == code).ok_or_else(unknown)?;
        if device.client != client {
            return Err(unknown());
        }
        if self.rules.device_blocked {
            return Err(SignInError::new("invalid_grant", 53003));
        }
        device.poll(now, slow_down, approved_at)?;
        Ok((device.scopes.clone(), device.claims.clone()))
    }

    pub(super) fn decide_device(&mut self, user_code: Option<&str>, approve: bool) -> bool {
        let fits = |device: &Device| {
            device.is_pending()
                && user_code.is_none_or(|code| code.trim().eq_ignore_ascii_case(&device.user_code))
        };
        let mut fitting = self.devices.iter_mut().filter(|device| fits(device));
        match (fitting.next(), fitting.next()) {
            (Some(device), None) => {
                device.state = if approve { State::Approved } else { State::Declined };
                true
            }
            _ => false,
        }
    }

    pub(super) fn answer_device_form(&mut self, body: &[u8]) -> Reply {
        let form = Form::read(body);
        let approve = form.get("answer") == Some("approve");
        let code = form.get("user_code").unwrap_or_default();
        if code.is_empty() || !self.decide_device(Some(code), approve) {
            let text = "No program is waiting for this code. Compare it with the code in the program.";
            return page::error(StatusCode::BAD_REQUEST, "Unknown code", text);
        }
        if approve {
            page::notice("You are signed in", "The program continues by itself. You can close this window.")
        } else {
            page::notice("Declined", "The program has been told. You can close this window.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(interval: u64, life: u64) -> (Device, impl Fn(f64) -> Moment) {
        let start = Instant::now();
        let device = Device {
            secret: String::new(),
            user_code: String::new(),
            client: String::new(),
            scopes: RequestedScopes::default(),
            claims: Map::new(),
            expires: start + Duration::from_secs(life),
            expired: false,
            interval: Duration::from_secs(interval),
            polled: None,
            polls: 0,
            state: State::Pending,
        };
        (device, move |second| Moment { at: start + Duration::from_secs_f64(second), unix: 0 })
    }

    #[test]
    fn early_polls_lengthen_the_interval() {
        let (mut device, at) = device(5, 900);
        let mut poll = |second| device.poll(at(second), Duration::from_secs(5), None).unwrap_err().error;
        assert_eq!(poll(0.0), "authorization_pending", "the first poll may come at once");
        assert_eq!(poll(4.9), "slow_down");
        assert_eq!(poll(14.8), "slow_down", "the interval is ten seconds");
        assert_eq!(poll(29.8), "authorization_pending", "the interval is fifteen seconds");
        assert_eq!(poll(44.8), "authorization_pending");
    }

    #[test]
    fn a_code_expires_and_is_redeemed_once() {
        let (mut device, at) = device(0, 10);
        device.state = State::Approved;
        assert_eq!(device.poll(at(1.0), Duration::ZERO, None), Ok(()));
        assert_eq!(device.poll(at(2.0), Duration::ZERO, None).unwrap_err().number, 54005);
        assert_eq!(device.poll(at(10.0), Duration::ZERO, None).unwrap_err().error, "expired_token");
    }
}
