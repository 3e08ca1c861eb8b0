//! What the benches share: the simulated tenant's alerts, and a console without a terminal that
//! is driven as the real loop drives it.
//!
//! It uses the public interface only, so that what is measured is what runs.
#![allow(dead_code, reason = "each bench is a program of its own and uses its part")]
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::time::{Duration, Instant};

use alertdeck::{
    app::{App, Body, Effect, Input, Keymap, LoadEvent, Message, Settings, update},
    ui::{Depth, Theme, ThemeKind, draw},
};
use alertdeck_model::{Now, RawAlert, Timestamp};
use alertdeck_simulator as simulator;
use alertdeck_simulator::Simulator;
use alertdeck_store::Batch;
use jiff::tz::TimeZone;
use ratatui::{Terminal, backend::TestBackend};

/// Alerts that a worker hands over at once.
pub(crate) const BATCH: usize = 128;
/// Rows that the loop looks at before it draws what a key did, as long as it has measured
/// nothing.
pub(crate) const SLICE: usize = 2_000;

const NOW: &str = "2026-11-20T12:00:00Z";

fn now() -> Now {
    Now { wall: Timestamp::parse(NOW).expect("a moment"), mono: Duration::ZERO }
}

/// Returns the first alerts of the simulated tenant, as the service sends them.
pub(crate) fn alerts(count: usize) -> Vec<RawAlert> {
    let settings = simulator::Settings { alerts: count, ..simulator::Settings::new(now().wall) };
    let tenant = Simulator::start(settings).expect("loopback has a free port");
    tenant.alerts().iter().map(|alert| RawAlert(alert.to_string().into())).collect()
}

/// A console with alerts in it and a buffer for a screen.
pub(crate) struct Console {
    pub(crate) app: App,
    screen: Terminal<TestBackend>,
    theme: Theme,
}

impl Console {
    /// Opens a console of that many cells and loads the alerts into it.
    pub(crate) fn open(alerts: &[RawAlert], (width, height): (u16, u16)) -> Self {
        let settings = Settings {
            tenant: "contoso".into(),
            origin: "global v1.0".into(),
            service: true,
            portal_host: "security.microsoft.com".into(),
            me: Some("ana@contoso.example".into()),
            zone: TimeZone::UTC,
            filter_zone: TimeZone::UTC,
            filter: String::new(),
            profiles: Vec::new(),
            profile: String::new(),
            keymap: Keymap::default(),
            signs_in: false,
        };
        let (app, _) = App::new(settings, now(), (width, height));
        let screen = Terminal::new(TestBackend::new(width, height)).expect("a buffer cannot fail");
        let theme = Theme::new(ThemeKind::Dark, Depth::True, false);
        let mut console = Self { app, screen, theme };
        let generation = console.app.load.generations.current;
        for batch in alerts.chunks(BATCH) {
            console.settle(Message::Load(
                generation,
                LoadEvent::Batch(Batch::decode(batch, &alertdeck_query::FieldPostings)),
            ));
        }
        console.settle(Message::Load(generation, LoadEvent::Done));
        console
    }

    /// Tells the state something; returns what it wants done.
    pub(crate) fn tell(&mut self, message: Message) -> Vec<Effect> {
        update(&mut self.app, now(), message)
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: &str) -> Vec<Effect> {
        let key = key.parse().expect("the name of a key");
        self.tell(Message::Input(Input::Key(key)))
    }

    /// Tells the state something and does what it asks for until it is at rest.
    pub(crate) fn settle(&mut self, message: Message) {
        let effects = self.tell(message);
        self.rest(effects);
    }

    /// Does what the state asks for until it is at rest. Returns the time that the loop spent on
    /// it, without what workers did.
    pub(crate) fn rest(&mut self, effects: Vec<Effect>) -> Duration {
        let (mut queue, mut took) = (effects, Duration::ZERO);
        while let Some(effect) = queue.pop() {
            let answer = match effect {
                Effect::More => Message::Work(SLICE),
                Effect::Read(row, raw) => Message::Read(row, Box::new(Body::read(&raw))),
                _ => continue,
            };
            let began = Instant::now();
            queue.extend(self.tell(answer));
            took += began.elapsed();
        }
        took
    }

    /// Draws the screen.
    pub(crate) fn draw(&mut self) {
        let (app, theme) = (&self.app, &self.theme);
        self.screen.draw(|frame| draw(app, theme, frame)).expect("a buffer cannot fail");
    }
}

/// Returns the value that `percent` of the others do not exceed.
pub(crate) fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}
