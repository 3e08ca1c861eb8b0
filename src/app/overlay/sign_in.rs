//! The prompt of the sign-in: why it is needed, the choice of a method, instructions, and the
//! result.

use std::time::Duration;

use super::{Back, KeyOutcome, Object};
use crate::app::{
    App, Effect, Key, SignInWay, Stage,
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
