//! The prompt of the sign-in: why it is needed, which way, what to do, how it ended.

use std::time::Duration;

use super::{Back, Object, Pressed};
use crate::app::{
    App, Effect, Key, SignInWay, Stage,
    command::{Context, Hint, hint, run},
};
use alertdeck_model::RawText;

/// What can be done while signing in.
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

/// How long the prompt ignores keys after it has come up by itself, and after each key that it has
/// ignored: what is typed without looking must not start a browser.
pub(in crate::app) const DEAF_FOR: Duration = Duration::from_millis(300);

/// The prompt, while it is open. How far signing in is stands in [`crate::app::SignIn`].
#[derive(Clone, Copy, Debug)]
pub struct SignInPrompt {
    /// Until when it ignores keys, since the start.
    pub(in crate::app) deaf_until: Duration,
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
            Some(Stage::Begun(_)) => vec![hint(&["app.back"], "cancel")],
            _ => vec![hint(&["app.back"], "close")],
        }
    }

    fn key(&mut self, app: &App, _key: Key) -> Pressed {
        let mono = app.clock.now.mono;
        if mono < self.deaf_until {
            self.deaf_until = mono + DEAF_FOR;
            return Pressed::Used;
        }
        Pressed::Pass
    }

    fn back(&mut self) -> Back {
        Back::Run(App::leave_sign_in)
    }
}

/// The sign-in of a profile whose token comes from elsewhere can only be left.
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
        // Hidden characters in a code of the service are pasted visibly.
        Some(Stage::Code { code, .. }) => (code.line(), "code copied"),
        _ => return,
    };
    effects.push(Effect::Copy(RawText(text)));
    app.notify(notice);
}
