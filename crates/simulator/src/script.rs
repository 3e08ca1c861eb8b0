//! Faults that tests schedule for individual requests. Each fault defines whether the request is
//! carried out and which response is sent instead of the real one.

use std::{collections::VecDeque, time::Duration};

use axum::http::{Method, StatusCode};

/// A fault for the next request with a given method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptedFault {
    /// The method, in upper case.
    pub method: &'static str,
    /// True if the request is still carried out. This matters only for changes and comments.
    pub is_carried_out: bool,
    /// The response that the client receives.
    pub reply: FaultyReply,
}

/// The response that a client receives instead of the real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultyReply {
    /// An error status, with `Retry-After` if there is a duration.
    Status(u16, Option<Duration>),
    /// A success status with old values. The response to a change contains the values from before
    /// that change; the response to a read contains each alert's values from before its last
    /// change.
    OldValues,
    /// A success status with no body.
    Empty,
    /// An HTML page from a proxy, with a success status.
    Html,
    /// The first half of the response.
    Cut,
    /// No response: the connection is closed.
    Closed,
    /// No response: the connection is reset.
    Reset,
    /// No response: the connection stays open.
    Silence,
}

/// The scheduled faults, in order.
#[derive(Debug, Default)]
pub(super) struct Script(VecDeque<ScriptedFault>);

impl Script {
    pub(super) fn add(&mut self, faults: impl IntoIterator<Item = ScriptedFault>) {
        self.0.extend(faults);
    }

    /// Removes and returns the first fault for a method.
    pub(super) fn take(&mut self, method: &Method) -> Option<ScriptedFault> {
        let at = self.0.iter().position(|fault| fault.method == method.as_str())?;
        self.0.remove(at)
    }
}

impl FaultyReply {
    /// Returns the status and `Retry-After` of an error response; `None` for any other response.
    pub(super) fn status(self) -> Option<(StatusCode, Option<Duration>)> {
        match self {
            Self::Status(status, wait) => Some((StatusCode::from_u16(status).ok()?, wait)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_used_up_in_order_by_their_methods() {
        let fault = |method, reply| ScriptedFault { method, is_carried_out: false, reply };
        let mut script = Script::default();
        script.add([fault("PATCH", FaultyReply::Cut), fault("GET", FaultyReply::Html)]);
        script.add([fault("PATCH", FaultyReply::Reset)]);
        let mut take = |method| script.take(&method).map(|fault| fault.reply);
        assert_eq!(take(Method::POST), None);
        assert_eq!(take(Method::GET), Some(FaultyReply::Html));
        assert_eq!(take(Method::PATCH), Some(FaultyReply::Cut));
        assert_eq!(take(Method::PATCH), Some(FaultyReply::Reset));
        assert_eq!((take(Method::PATCH), take(Method::GET)), (None, None));
    }
}
