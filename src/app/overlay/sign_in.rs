//! The prompt of the sign-in: why it is needed, the choice of a method, instructions, and the
//! result.

use std::time::Duration;

use super::{Back, KeyOutcome, Object};
use crate::app::{
    App, Effect, Identity, Key, Overlay, SignInEvent, SignInWay, Stage,
    command::{Context, Hint, hint, run},
};
use alertdeck_model::RawText;

/// The commands of the prompt.
pub(super) static CONTEXT: Context = Context {
    name: "sign-in",
    heading: "Sign-in",
    commands: &[
        run("sign-in.browser", "sign in with a browser", browser),
        run("sign-in.device-code", "sign in with a device code", device_code),
        run("sign-in.copy", "copy the address or the code", copy),
        run("sign-in.profiles", "profiles", |app, _| app.show_profiles()),
        run("sign-in.requests", "recent requests", App::show_requests),
    ],
};

/// How long the prompt ignores keys after it has opened by itself, and after each ignored key: keys
/// that were meant for something else must not start a browser.
pub(in crate::app) const IGNORE_KEYS_FOR: Duration = Duration::from_millis(300);

/// The prompt, while it is open. The state of the sign-in is in [`crate::app::SignIn`].
#[derive(Clone, Copy, Debug)]
pub struct SignInPrompt {
    /// The time until which it ignores keys, since the start.
    pub(in crate::app) ignore_keys_until: Duration,
}

impl Object for SignInPrompt {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, app: &App) -> Vec<Hint> {
        match &app.sign_in.stage {
            Some(Stage::Asked { .. } | Stage::Failed { may_retry: true, .. }) if app.settings.signs_in => {
                vec![
                    hint(&["sign-in.browser"], "browser"),
                    hint(&["sign-in.device-code"], "device code"),
                    hint(&["app.back"], "later"),
                ]
            }
            Some(Stage::Address { .. }) => vec![
                hint(&["sign-in.copy"], "copy the address"),
                hint(&["sign-in.device-code"], "device code instead"),
                hint(&["app.back"], "cancel"),
            ],
            Some(Stage::Code { .. }) => {
                vec![hint(&["sign-in.copy"], "copy the code"), hint(&["app.back"], "cancel")]
            }
            Some(Stage::Starting(_)) => vec![hint(&["app.back"], "cancel")],
            _ => vec![hint(&["app.back"], "close")],
        }
    }

    fn key(&mut self, app: &App, _key: Key) -> KeyOutcome {
        let mono = app.clock.now.mono;
        if mono < self.ignore_keys_until {
            self.ignore_keys_until = mono + IGNORE_KEYS_FOR;
            return KeyOutcome::Used;
        }
        KeyOutcome::Pass
    }

    fn back(&mut self) -> Back {
        Back::Run(App::cancel_sign_in)
    }
}

/// Starts a sign-in with a browser, if the profile has an interactive sign-in.
fn browser(app: &mut App, effects: &mut Vec<Effect>) {
    let offered =
        matches!(app.sign_in.stage, Some(Stage::Asked { .. } | Stage::Failed { may_retry: true, .. }));
    if offered && app.settings.signs_in {
        app.begin_sign_in(SignInWay::Browser, effects);
    }
}

fn device_code(app: &mut App, effects: &mut Vec<Effect>) {
    let offered = matches!(
        app.sign_in.stage,
        Some(Stage::Asked { .. } | Stage::Failed { may_retry: true, .. } | Stage::Address { .. })
    );
    if offered && app.settings.signs_in {
        app.begin_sign_in(SignInWay::DeviceCode, effects);
    }
}

fn copy(app: &mut App, effects: &mut Vec<Effect>) {
    let (text, notice) = match &app.sign_in.stage {
        Some(Stage::Address { url, .. }) => (url.raw().to_owned(), "address copied"),
        // Hidden characters in the service's code are copied as visible marks.
        Some(Stage::Code { code, .. }) => (code.line(), "code copied"),
        _ => return,
    };
    effects.push(Effect::Copy(RawText(text)));
    app.notify(notice);
}

impl App {
    /// Handles an event of the sign-in.
    pub(in crate::app) fn handle_sign_in(&mut self, event: SignInEvent, effects: &mut Vec<Effect>) {
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
    pub(in crate::app) fn set_identity(&mut self, identity: Identity, effects: &mut Vec<Effect>) {
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
        if self.filter.compile(&context, true) {
            self.view.filter(&self.store, self.filter.matcher());
        }
        if self.filter.requested_scope() != before {
            self.fetch(effects);
        }
    }

    fn close_sign_in(&mut self) {
        self.ui.overlays.retain(|overlay| !matches!(overlay, Overlay::SignInPrompt(_)));
    }

    /// Starts a sign-in for the user.
    pub(in crate::app) fn begin_sign_in(&mut self, method: SignInWay, effects: &mut Vec<Effect>) {
        self.sign_in.stage = Some(Stage::Starting(method));
        self.sign_in.prompt_due = false;
        self.ui.close_all();
        self.ui.open(SignInPrompt { ignore_keys_until: Duration::ZERO });
        effects.push(Effect::SignIn(method));
    }

    /// Cancels the sign-in for the user; the list stays as it is.
    pub(in crate::app) fn cancel_sign_in(&mut self, effects: &mut Vec<Effect>) {
        self.sign_in.stage = None;
        self.sign_in.prompt_due = false;
        self.close_sign_in();
        effects.push(Effect::CancelSignIn);
        if !self.sign_in.signed_out {
            self.notify("sign-in cancelled");
        }
    }

    /// Opens a waiting prompt, unless it would take keys meant for something else.
    pub(in crate::app) fn show_sign_in(&mut self) {
        if self.sign_in.prompt_due && self.ui.overlay().is_none() && self.filter.editor.is_none() {
            self.sign_in.prompt_due = false;
            self.ui.open(SignInPrompt { ignore_keys_until: self.clock.now.mono + IGNORE_KEYS_FOR });
        }
    }
}
