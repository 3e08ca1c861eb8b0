//! The state of the sign-in: why it is needed, the method, instructions, and the result.
//!
//! The flow runs elsewhere and sends [`SignInEvent`]s. The prompt opens over the list and changes
//! nothing there: rows, cursor, marks and typed text stay. A prompt that opens by itself must not
//! take keys meant for something else: it waits until the filter bar and all overlays are closed,
//! and then ignores keys for a moment.

use std::time::Duration;

use super::{App, Effect, Overlay, SignInPrompt, overlay::IGNORE_KEYS_FOR};
use alertdeck_model::{SafeText, Timestamp};

/// A method of signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInWay {
    /// With a browser on this computer.
    Browser,
    /// With a code that is entered in any browser.
    DeviceCode,
}

/// An event of the sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInEvent {
    /// An interactive sign-in is needed. The running fetch waits, and continues once the user is
    /// signed in.
    Needed {
        /// The reason, as a sentence; safe to show.
        why: String,
    },
    /// The browser flow waits for the user at this address.
    Address {
        /// The address.
        url: SafeText,
        /// Whether a browser was started; if not, why, safe to show.
        opened: Result<(), String>,
        /// When the flow gives up, since the start.
        until: Duration,
    },
    /// The device flow waits for the user to enter a code.
    Code {
        /// The code.
        code: SafeText,
        /// Where to enter it.
        address: SafeText,
        /// When the code ends, since the start.
        until: Duration,
    },
    /// The user is signed in.
    Done(Identity),
    /// The flow failed.
    Failed {
        /// One line: what happened and what to do. Safe to show.
        line: String,
        /// Whether another try, with either method, may succeed.
        may_retry: bool,
    },
    /// The user signed out.
    SignedOut,
}

/// The signed-in account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The account, as a principal name or an application's name.
    pub account: Option<SafeText>,
    /// The account's tenant.
    pub tenant: Option<SafeText>,
    /// The permissions named in the token: scopes or roles. For display only; the service decides
    /// what is allowed.
    pub permissions: Vec<SafeText>,
    /// Whether these permit reading alerts; `None` if the token names none.
    pub reads: Option<bool>,
    /// When the token expires.
    pub expires: Option<Timestamp>,
}

/// The stage of the sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The user is asked to sign in.
    Asked {
        /// The reason, as a sentence.
        why: String,
    },
    /// The user has chosen a method; the flow is starting.
    Starting(SignInWay),
    /// The user is to sign in at an address.
    Address {
        /// The address.
        url: SafeText,
        /// Whether a browser was started; if not, why.
        opened: Result<(), String>,
        /// When the flow gives up, since the start.
        until: Duration,
    },
    /// The user is to enter a code.
    Code {
        /// The code.
        code: SafeText,
        /// Where to enter it.
        address: SafeText,
        /// When the code ends, since the start.
        until: Duration,
    },
    /// The sign-in failed.
    Failed {
        /// What happened and what to do.
        line: String,
        /// Whether another try may succeed.
        may_retry: bool,
    },
}

impl Stage {
    /// Returns when the address or the code expires, since the start.
    pub fn until(&self) -> Option<Duration> {
        match self {
            Self::Address { until, .. } | Self::Code { until, .. } => Some(*until),
            Self::Asked { .. } | Self::Starting(_) | Self::Failed { .. } => None,
        }
    }
}

/// The state of the sign-in.
#[derive(Debug, Default)]
pub struct SignIn {
    /// The signed-in account, if known.
    pub identity: Option<Identity>,
    /// Whether the user is signed out, so that nothing can be fetched.
    pub signed_out: bool,
    /// The stage, while a sign-in is pending or running.
    pub stage: Option<Stage>,
    /// Whether the prompt waits to be opened.
    prompt_due: bool,
    /// The account that loaded the alerts, if known.
    pub(super) account: Option<String>,
    /// Whether the settings name the user; otherwise the sign-in does.
    pub(super) me_configured: bool,
}

impl SignIn {
    /// Creates the state before any sign-in. `me_configured`: whether the settings name the user.
    pub(super) fn new(me_configured: bool) -> Self {
        Self { me_configured, ..Self::default() }
    }

    /// Resets everything but the account that loaded the alerts.
    fn reset(&mut self) {
        let (account, me_configured) = (self.account.take(), self.me_configured);
        *self = Self { account, me_configured, ..Self::default() };
    }

    /// Returns the reason for a sign-in whose prompt waits until something else is closed.
    pub fn pending_reason(&self) -> Option<&str> {
        match &self.stage {
            Some(Stage::Asked { why }) if self.prompt_due => Some(why),
            _ => None,
        }
    }
}

impl App {
    /// Handles an event of the sign-in.
    pub(super) fn handle_sign_in(&mut self, event: SignInEvent, effects: &mut Vec<Effect>) {
        let sign_in = &mut self.sign_in;
        match event {
            SignInEvent::Needed { why } => {
                sign_in.signed_out = true;
                // A user who is signing in already is not asked again.
                if let None | Some(Stage::Asked { .. }) = sign_in.stage {
                    sign_in.prompt_due |= sign_in.stage.is_none();
                    sign_in.stage = Some(Stage::Asked { why });
                }
            }
            SignInEvent::Done(identity) => self.signed_in(identity, effects),
            SignInEvent::SignedOut => {
                sign_in.reset();
                sign_in.signed_out = true;
                self.close_sign_in();
                self.cancel_when_signed_out(effects);
                self.notify("signed out");
            }
            // A flow that the user cancelled may still send events.
            _ if sign_in.stage.is_none() => {}
            SignInEvent::Address { url, opened, until } => {
                sign_in.stage = Some(Stage::Address { url, opened, until });
            }
            SignInEvent::Code { code, address, until } => {
                sign_in.stage = Some(Stage::Code { code, address, until });
            }
            SignInEvent::Failed { line, may_retry } => {
                sign_in.stage = Some(Stage::Failed { line, may_retry });
            }
        }
    }

    fn signed_in(&mut self, identity: Identity, effects: &mut Vec<Effect>) {
        let name = identity.account.as_ref().map(|account| format!(" as {}", account.head()));
        self.sign_in.reset();
        self.close_sign_in();
        self.set_identity(identity, effects);
        self.resume_loading(effects);
        self.notify(format!("signed in{}", name.unwrap_or_default()));
    }

    /// Sets the signed-in account. Unless the settings name the user, `assigned:me` means this
    /// account. The alerts of another account are dropped.
    pub(super) fn set_identity(&mut self, identity: Identity, effects: &mut Vec<Effect>) {
        let account = identity.account.as_ref().map(|account| account.raw().to_owned());
        if let (Some(one), Some(other)) = (&self.sign_in.account, &account)
            && !one.eq_ignore_ascii_case(other)
        {
            let mut settings = self.settings.clone();
            self.filter.requested().clone_into(&mut settings.filter);
            settings.me.take_if(|_| !self.sign_in.me_configured);
            self.start_over(settings);
            self.apply_filter();
            self.fetch(effects);
        }
        if account.is_some() {
            self.sign_in.account.clone_from(&account);
        }
        // Owners of alerts are users, by principal name; an application is no owner.
        let user = account.filter(|account| account.contains('@'));
        if !self.sign_in.me_configured && user.is_some() && user != self.settings.me {
            self.set_me(user, effects);
        }
        self.sign_in.signed_out &= self.sign_in.stage.is_some();
        self.sign_in.identity = Some(identity);
    }

    /// Sets the user; a filter with `me` is then fetched again.
    fn set_me(&mut self, me: Option<String>, effects: &mut Vec<Effect>) {
        // Compiled again first, since filters by age change by the minute as well.
        self.replan();
        let before = self.filter.requested_scope();
        self.settings.me = me;
        let context = self.query_context();
        if let Some(test) = self.filter.compile(&context, true) {
            self.view.filter(Some(test));
        }
        if self.filter.requested_scope() != before {
            self.fetch(effects);
        }
    }

    fn close_sign_in(&mut self) {
        self.ui.overlays.retain(|overlay| !matches!(overlay, Overlay::SignInPrompt(_)));
    }

    /// Starts a sign-in for the user.
    pub(super) fn begin_sign_in(&mut self, method: SignInWay, effects: &mut Vec<Effect>) {
        self.sign_in.stage = Some(Stage::Starting(method));
        self.sign_in.prompt_due = false;
        self.ui.close_all();
        self.ui.open(SignInPrompt { ignore_keys_until: Duration::ZERO });
        effects.push(Effect::SignIn(method));
    }

    /// Cancels the sign-in for the user; the list stays as it is.
    pub(super) fn cancel_sign_in(&mut self, effects: &mut Vec<Effect>) {
        self.sign_in.stage = None;
        self.sign_in.prompt_due = false;
        self.close_sign_in();
        effects.push(Effect::CancelSignIn);
        if !self.sign_in.signed_out {
            self.notify("sign-in cancelled");
        }
    }

    /// Opens a waiting prompt, unless it would take keys meant for something else.
    pub(super) fn show_sign_in(&mut self) {
        if self.sign_in.prompt_due && self.ui.overlay().is_none() && self.filter.editor.is_none() {
            self.sign_in.prompt_due = false;
            self.ui.open(SignInPrompt { ignore_keys_until: self.clock.now.mono + IGNORE_KEYS_FOR });
        }
    }
}
