//! Signing in, as far as the user sees it: why it is needed, which way, what to do, how it ended.
//!
//! The flow runs elsewhere and tells what it has come to ([`SignInEvent`]). It lies over the list
//! and takes nothing from it: rows, cursor, marks and the text being typed stay. What comes up by
//! itself must not take a key that was meant for something else: it waits until the filter bar
//! and whatever covers the panes are closed, and is deaf for a moment then.

use std::time::Duration;

use super::{App, Effect, Overlay, SignInPrompt, overlay::DEAF_FOR};
use alertdeck_model::{SafeText, Timestamp};

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInWay {
    /// In a browser on this computer.
    Browser,
    /// By a code that is entered in a browser anywhere.
    DeviceCode,
}

/// What the sign-in has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInEvent {
    /// No token can be had without the user. The load under way waits, and goes on by itself once
    /// somebody is signed in.
    Needed {
        /// Why, as a sentence; safe to show.
        why: String,
    },
    /// The browser flow waits for the user at this address.
    Address {
        /// The address.
        url: SafeText,
        /// Whether a browser was started; if not, why, as words that are safe to show.
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
    /// Somebody is signed in.
    Done(Identity),
    /// The flow has ended without.
    Failed {
        /// One line: what happened and what to do. Safe to show.
        line: String,
        /// Whether to sign in again, one way or the other, can help.
        may_retry: bool,
    },
    /// The token was thrown away, as the user wished.
    SignedOut,
}

/// Who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The account, as a principal name or an application's name.
    pub account: Option<SafeText>,
    /// The account's tenant.
    pub tenant: Option<SafeText>,
    /// Names of the permissions that the token says it holds: scopes or roles. For display; what
    /// is allowed is for the service to say.
    pub permissions: Vec<SafeText>,
    /// Whether these let alerts be read; `None` where the token names none.
    pub reads: Option<bool>,
    /// When the token ends.
    pub expires: Option<Timestamp>,
}

/// How far signing in is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The user is asked to.
    Asked {
        /// Why, as a sentence.
        why: String,
    },
    /// The user has chosen a way, which has yet to say something.
    Begun(SignInWay),
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
    /// It has not worked.
    Failed {
        /// What happened and what to do.
        line: String,
        /// Whether to sign in again can help.
        may_retry: bool,
    },
}

impl Stage {
    /// Returns the end of the user's time, since the start.
    pub fn until(&self) -> Option<Duration> {
        match self {
            Self::Address { until, .. } | Self::Code { until, .. } => Some(*until),
            Self::Asked { .. } | Self::Begun(_) | Self::Failed { .. } => None,
        }
    }
}

/// The state of signing in.
#[derive(Debug, Default)]
pub struct SignIn {
    /// Who is signed in, as far as that is known.
    pub identity: Option<Identity>,
    /// Whether nobody is, so that nothing more can be fetched.
    pub out: bool,
    /// How far signing in is, while it is under way.
    pub stage: Option<Stage>,
    /// Whether it has yet to come up.
    due: bool,
    /// The account that loaded the alerts, as far as it is known.
    pub(super) account: Option<String>,
    /// Whether the settings say who the user is; else the sign-in does.
    pub(super) me_given: bool,
}

impl SignIn {
    /// Starts with nobody known. `me_given` tells whether the settings say who the user is.
    pub(super) fn new(me_given: bool) -> Self {
        Self { me_given, ..Self::default() }
    }

    /// Forgets who is signed in and what was under way. Whose alerts are loaded is still known.
    fn end(&mut self) {
        let (account, me_given) = (self.account.take(), self.me_given);
        *self = Self { account, me_given, ..Self::default() };
    }

    /// Returns why the user is asked to sign in, while something else is open over which that is
    /// not shown.
    pub fn waits(&self) -> Option<&str> {
        match &self.stage {
            Some(Stage::Asked { why }) if self.due => Some(why),
            _ => None,
        }
    }
}

impl App {
    /// Takes what the sign-in has come to.
    pub(super) fn signed(&mut self, event: SignInEvent, effects: &mut Vec<Effect>) {
        let sign_in = &mut self.sign_in;
        match event {
            SignInEvent::Needed { why } => {
                sign_in.out = true;
                // Who is at it already is not asked again.
                if let None | Some(Stage::Asked { .. }) = sign_in.stage {
                    sign_in.due |= sign_in.stage.is_none();
                    sign_in.stage = Some(Stage::Asked { why });
                }
            }
            SignInEvent::Done(identity) => self.signed_in(identity, effects),
            SignInEvent::SignedOut => {
                sign_in.end();
                sign_in.out = true;
                self.close_sign_in();
                self.give_up_loading(effects);
                self.notify("signed out");
            }
            // A flow that the user has left may still have something to say.
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
        self.sign_in.end();
        self.close_sign_in();
        self.identify(identity, effects);
        self.resume(effects);
        self.notify(format!("signed in{}", name.unwrap_or_default()));
    }

    /// Takes who is signed in. Where nothing else says who the user is, `assigned:me` means them.
    /// Nobody sees what another account has loaded.
    pub(super) fn identify(&mut self, identity: Identity, effects: &mut Vec<Effect>) {
        let account = identity.account.as_ref().map(|account| account.raw().to_owned());
        if let (Some(one), Some(other)) = (&self.sign_in.account, &account)
            && !one.eq_ignore_ascii_case(other)
        {
            let mut settings = self.settings.clone();
            self.filter.asked().clone_into(&mut settings.filter);
            settings.me.take_if(|_| !self.sign_in.me_given);
            self.start_over(settings);
            self.apply_filter();
            self.fetch(effects);
        }
        if account.is_some() {
            self.sign_in.account.clone_from(&account);
        }
        // Alerts belong to users, by their principal names; an application is none.
        let user = account.filter(|account| account.contains('@'));
        if !self.sign_in.me_given && user.is_some() && user != self.settings.me {
            self.take_me(user, effects);
        }
        self.sign_in.out &= self.sign_in.stage.is_some();
        self.sign_in.identity = Some(identity);
    }

    /// Takes who the user is; a filter that speaks of `me` asks for another list then.
    fn take_me(&mut self, me: Option<String>, effects: &mut Vec<Effect>) {
        // Planned anew first, since what asks for ages differs by the minute as well.
        self.plan_again();
        let before = self.filter.asked_scope();
        self.settings.me = me;
        let context = self.query_context();
        if let Some(test) = self.filter.compile(&context, true) {
            self.view.filter(Some(test));
        }
        if self.filter.asked_scope() != before {
            self.fetch(effects);
        }
    }

    fn close_sign_in(&mut self) {
        self.ui.overlays.retain(|overlay| !matches!(overlay, Overlay::SignInPrompt(_)));
    }

    /// Begins to sign in, as the user wished.
    pub(super) fn begin_sign_in(&mut self, way: SignInWay, effects: &mut Vec<Effect>) {
        self.sign_in.stage = Some(Stage::Begun(way));
        self.sign_in.due = false;
        self.ui.close_all();
        self.ui.open(SignInPrompt { deaf_until: Duration::ZERO });
        effects.push(Effect::SignIn(way));
    }

    /// Leaves the sign-in, as the user wished: the list stays as it is.
    pub(super) fn leave_sign_in(&mut self, effects: &mut Vec<Effect>) {
        self.sign_in.stage = None;
        self.sign_in.due = false;
        self.close_sign_in();
        effects.push(Effect::CancelSignIn);
        if !self.sign_in.out {
            self.notify("sign-in cancelled");
        }
    }

    /// Shows the sign-in that has come up by itself, unless that would take keys that are meant
    /// for something else.
    pub(super) fn show_sign_in(&mut self) {
        if self.sign_in.due && self.ui.overlay().is_none() && self.filter.editor.is_none() {
            self.sign_in.due = false;
            self.ui.open(SignInPrompt { deaf_until: self.clock.now.mono + DEAF_FOR });
        }
    }
}
