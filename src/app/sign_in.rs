//! The state of a feed's sign-in: the reason for it, the method, the instructions, and the result.
//!
//! The flow is a job that sends [`SignInEvent`]s. The prompt opens over the list without changing
//! it: rows, cursor, marks and typed text are kept. A prompt that opens automatically must not act
//! on keys meant for something else, so it waits until the filter bar and all overlays are closed,
//! and then ignores keys for a moment.

use std::time::Duration;

use alertdeck_model::{SafeText, Timestamp};

/// A sign-in method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInWay {
    /// With a browser on this computer.
    Browser,
    /// With a code that is entered in any browser.
    DeviceCode,
}

/// An event from a sign-in in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInEvent {
    /// The browser flow is waiting for the user at this address.
    Address {
        /// The address.
        url: SafeText,
        /// Whether a browser was started or, if not, the reason, sanitised for display.
        opened: Result<(), String>,
        /// When the flow times out, measured from startup.
        until: Duration,
    },
    /// The device flow is waiting for the user to enter a code.
    Code {
        /// The code.
        code: SafeText,
        /// The address at which to enter the code.
        address: SafeText,
        /// When the code expires, measured from startup.
        until: Duration,
    },
    /// The flow failed. This is the job's last event.
    Failed {
        /// What happened and what to do, as a single line sanitised for display.
        line: String,
        /// Whether another attempt, with either method, may succeed.
        may_retry: bool,
    },
}

/// The signed-in account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The account, which is a user principal name or an application's name.
    pub account: Option<SafeText>,
    /// The account's tenant.
    pub tenant: Option<SafeText>,
    /// The permissions named in the token: scopes or roles. For display only, since the service
    /// decides what is allowed.
    pub permissions: Vec<SafeText>,
    /// Whether the permissions include reading alerts; `None` if the token names no permissions.
    pub reads: Option<bool>,
    /// Whether the permissions include changing alerts; `None` if the token names no permissions.
    pub writes: Option<bool>,
    /// When the token expires.
    pub expires: Option<Timestamp>,
}

/// The stage of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The user is asked to sign in.
    Asked {
        /// The reason, as a sentence.
        why: String,
    },
    /// The user has chosen a method, and the flow is starting.
    Starting(SignInWay),
    /// The user must sign in at an address.
    Address {
        /// The address.
        url: SafeText,
        /// Whether a browser was started or, if not, the reason.
        opened: Result<(), String>,
        /// When the flow times out, measured from startup.
        until: Duration,
    },
    /// The user must enter a code.
    Code {
        /// The code.
        code: SafeText,
        /// The address at which to enter the code.
        address: SafeText,
        /// When the code expires, measured from startup.
        until: Duration,
    },
    /// The sign-in failed.
    Failed {
        /// What happened and what to do.
        line: String,
        /// Whether another attempt may succeed.
        may_retry: bool,
    },
}

impl Stage {
    /// Returns when the flow times out or the code expires, measured from startup.
    pub fn until(&self) -> Option<Duration> {
        match self {
            Self::Address { until, .. } | Self::Code { until, .. } => Some(*until),
            Self::Asked { .. } | Self::Starting(_) | Self::Failed { .. } => None,
        }
    }
}

/// The state of a feed's sign-in.
#[derive(Debug, Default)]
pub struct SignIn {
    /// The signed-in account, if known.
    pub identity: Option<Identity>,
    /// Whether the user is signed out, so that nothing can be fetched.
    pub signed_out: bool,
    /// The stage, while a sign-in is pending or running.
    pub stage: Option<Stage>,
    /// Whether the prompt is waiting to be opened.
    pub(super) prompt_due: bool,
    /// The account that the alerts were loaded with, if known.
    pub(super) account: Option<String>,
    /// Whether the settings specify who `me` is. If not, `me` is the signed-in user.
    pub(super) me_configured: bool,
}

impl SignIn {
    /// Creates the initial state, before any sign-in. `me_configured` says whether the settings
    /// specify who `me` is.
    pub(super) fn new(me_configured: bool) -> Self {
        Self { me_configured, ..Self::default() }
    }

    /// Resets everything except `me_configured` and the account that the alerts were loaded with.
    pub(super) fn reset(&mut self) {
        let (account, me_configured) = (self.account.take(), self.me_configured);
        *self = Self { account, me_configured, ..Self::default() };
    }

    /// Returns the reason for the requested sign-in while its prompt is waiting for the filter bar
    /// and other overlays to close.
    pub fn pending_reason(&self) -> Option<&str> {
        match &self.stage {
            Some(Stage::Asked { why }) if self.prompt_due => Some(why),
            _ => None,
        }
    }
}
