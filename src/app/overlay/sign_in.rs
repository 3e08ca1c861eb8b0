//! The sign-in prompt: the reason for the sign-in, the choice of method, instructions, and the
//! result.

use std::time::Duration;

use super::{Back, KeyOutcome, Object};
use crate::app::{
    App, Cache, Effect, Feed, FeedEvent, Identity, JobKind, JobType, Key, Overlay, SignInEvent, SignInWay,
    Stage,
    command::{Context, Hint, hint, run},
};
use alertdeck_model::RawText;
use alertdeck_store::FeedId;

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

/// How long the prompt ignores keys after it has opened automatically, and after each ignored key.
/// Keys that were meant for something else must not start a browser.
pub(in crate::app) const IGNORE_KEYS_FOR: Duration = Duration::from_millis(300);

/// The prompt, while it is open. The state of the sign-in is in [`crate::app::SignIn`].
#[derive(Clone, Copy, Debug)]
pub struct SignInPrompt {
    /// The feed that the user signs in to.
    pub feed: FeedId,
    /// Keys are ignored until this time, measured from startup.
    pub(in crate::app) ignore_keys_until: Duration,
}

impl Object for SignInPrompt {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, app: &App) -> Vec<Hint> {
        let Some(feed) = app.feeds.get(self.feed) else { return Vec::new() };
        match &feed.sign_in.stage {
            Some(Stage::Asked { .. } | Stage::Failed { may_retry: true, .. }) if feed.settings.signs_in => {
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
        Back::CancelSignIn(self.feed)
    }
}

/// Returns the feed that the prompt is for.
fn prompted(app: &App) -> Option<&Feed> {
    let Some(Overlay::SignInPrompt(prompt)) = app.ui.overlay() else { return None };
    app.feeds.get(prompt.feed)
}

/// Starts a sign-in with a browser if the profile supports interactive sign-in.
fn browser(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(feed) = prompted(app).filter(|feed| feed.settings.signs_in) else { return };
    if let Some(Stage::Asked { .. } | Stage::Failed { may_retry: true, .. }) = feed.sign_in.stage {
        app.begin_sign_in(feed.id, SignInWay::Browser, effects);
    }
}

fn device_code(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(feed) = prompted(app).filter(|feed| feed.settings.signs_in) else { return };
    if let Some(Stage::Asked { .. } | Stage::Failed { may_retry: true, .. } | Stage::Address { .. }) =
        feed.sign_in.stage
    {
        app.begin_sign_in(feed.id, SignInWay::DeviceCode, effects);
    }
}

fn copy(app: &mut App, effects: &mut Vec<Effect>) {
    let stage = prompted(app).and_then(|feed| feed.sign_in.stage.as_ref());
    let (text, notice) = match stage {
        Some(Stage::Address { url, .. }) => (url.raw().to_owned(), "address copied"),
        // Hidden characters in the service's code are replaced with visible marks.
        Some(Stage::Code { code, .. }) => (code.line(), "code copied"),
        _ => return,
    };
    effects.push(Effect::Copy(RawText(text)));
    app.notify(notice);
}

impl App {
    /// Handles a feed event that is not part of a job. If the feed is off, only the signed-in
    /// user's identity is used.
    pub(in crate::app) fn handle_feed(&mut self, id: FeedId, event: FeedEvent, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.get_mut(id) else {
            if let FeedEvent::Identity(identity) = event {
                self.set_identity(id, identity, effects);
            }
            return;
        };
        let sign_in = &mut feed.sign_in;
        match event {
            FeedEvent::SignInNeeded { why } => {
                sign_in.signed_out = true;
                // Do not ask again if the user is already signing in.
                if let None | Some(Stage::Asked { .. }) = sign_in.stage {
                    sign_in.prompt_due |= sign_in.stage.is_none();
                    sign_in.stage = Some(Stage::Asked { why });
                }
            }
            FeedEvent::SignedIn(identity) => self.signed_in(id, identity, effects),
            FeedEvent::SignedOut => {
                sign_in.reset();
                sign_in.signed_out = true;
                // The cache was removed, and a new one would lack the alerts in memory.
                feed.cache = Cache::Off;
                let wanted = feed.sign_out();
                self.cancel_running(id, JobType::SignIn, effects);
                self.close_sign_in(id);
                self.run_feed_effects(id, wanted, effects);
                self.notify(self.about(id, "signed out"));
            }
            FeedEvent::Identity(identity) => self.set_identity(id, identity, effects),
            FeedEvent::Warning(line) => self.notify_error(self.about(id, &line)),
        }
    }

    /// Handles an event from a sign-in in progress.
    pub(in crate::app) fn handle_sign_in(&mut self, id: FeedId, event: SignInEvent) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        feed.sign_in.stage = Some(match event {
            SignInEvent::Address { url, opened, until } => Stage::Address { url, opened, until },
            SignInEvent::Code { code, address, until } => Stage::Code { code, address, until },
            SignInEvent::Failed { line, may_retry } => Stage::Failed { line, may_retry },
        });
    }

    fn signed_in(&mut self, id: FeedId, identity: Identity, effects: &mut Vec<Effect>) {
        let name = identity.account.as_ref().map(|account| format!(" as {}", account.head()));
        if let Some(job) = self.jobs.running(id, JobType::SignIn) {
            self.jobs.complete(job);
        }
        if let Some(feed) = self.feeds.get_mut(id) {
            feed.sign_in.reset();
        }
        self.close_sign_in(id);
        self.set_identity(id, identity, effects);
        self.open_cache_of_new_account(id, effects);
        self.resume_loading(id, effects);
        self.notify(self.about(id, &format!("signed in{}", name.unwrap_or_default())));
    }

    /// Sets the signed-in account. Unless the settings specify the user, `assigned:me` refers to
    /// this account. If the account has changed, drops the previous account's alerts.
    fn set_identity(&mut self, id: FeedId, identity: Identity, effects: &mut Vec<Effect>) {
        let account = identity.account.as_ref().map(|account| account.raw().to_owned());
        let Some(feed) = self.feeds.any_mut(id) else { return };
        if let (Some(one), Some(other)) = (&feed.sign_in.account, &account)
            && !one.eq_ignore_ascii_case(other)
        {
            feed.settings.me.take_if(|_| !feed.sign_in.me_configured);
            self.forget_alerts(id, effects);
            self.fetch_from(id, effects);
        }
        let Some(feed) = self.feeds.any_mut(id) else { return };
        if account.is_some() {
            feed.sign_in.account.clone_from(&account);
        }
        // Alerts are assigned to users, identified by user principal name. An application cannot be
        // an owner.
        let user = account.filter(|account| account.contains('@'));
        if !feed.sign_in.me_configured && user.is_some() && user != feed.settings.me {
            self.set_me(id, user, effects);
        }
        if let Some(feed) = self.feeds.any_mut(id) {
            feed.answered();
            // A different token may have different permissions.
            feed.service.writes_refused.take_if(|_| feed.sign_in.identity.as_ref() != Some(&identity));
            feed.sign_in.identity = Some(identity);
        }
    }

    /// Sets the user that `me` in a filter refers to. If this changes the requested list, fetches
    /// the list again.
    fn set_me(&mut self, id: FeedId, me: Option<String>, effects: &mut Vec<Effect>) {
        // Recompile first, since the scope of a filter by age also changes with time, and only a
        // change caused by `me` requires a new fetch.
        self.replan();
        let before = self.filter.requested_scope(id);
        if let Some(feed) = self.feeds.any_mut(id) {
            feed.settings.me = me;
        }
        let contexts = self.query_contexts();
        if self.filter.compile(&contexts, &self.store, true) {
            self.view.filter(&self.store, self.filter.matcher());
        }
        if self.filter.requested_scope(id) != before {
            self.fetch_from(id, effects);
        }
    }

    pub(in crate::app) fn close_sign_in(&mut self, id: FeedId) {
        let is_open = |overlay: &Overlay| matches!(overlay, Overlay::SignInPrompt(open) if open.feed == id);
        self.ui.overlays.retain(|overlay| !is_open(overlay));
    }

    /// Starts a sign-in at the user's request, replacing any that is already running.
    pub(in crate::app) fn begin_sign_in(&mut self, id: FeedId, way: SignInWay, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        feed.sign_in.stage = Some(Stage::Starting(way));
        feed.sign_in.prompt_due = false;
        self.ui.close_all();
        self.ui.open(SignInPrompt { feed: id, ignore_keys_until: Duration::ZERO });
        self.cancel_running(id, JobType::SignIn, effects);
        self.start_job(id, JobKind::SignIn(way), effects);
    }

    /// Cancels the sign-in at the user's request. The list does not change.
    pub(in crate::app) fn cancel_sign_in(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        feed.sign_in.stage = None;
        feed.sign_in.prompt_due = false;
        let signed_out = feed.sign_in.signed_out;
        self.close_sign_in(id);
        self.cancel_running(id, JobType::SignIn, effects);
        effects.push(Effect::DeclineSignIn(id));
        if !signed_out {
            self.notify("sign-in cancelled");
        }
    }

    /// Opens a pending prompt. Does nothing while an overlay or the filter editor is open, so that
    /// the prompt does not receive keys meant for something else.
    pub(in crate::app) fn show_sign_in(&mut self) {
        if self.ui.overlay().is_some() || self.filter.editor.is_some() {
            return;
        }
        if let Some(feed) = self.feeds.iter_mut().find(|feed| feed.sign_in.prompt_due) {
            feed.sign_in.prompt_due = false;
            let prompt =
                SignInPrompt { feed: feed.id, ignore_keys_until: self.clock.now.mono + IGNORE_KEYS_FOR };
            self.ui.open(prompt);
        }
    }
}
