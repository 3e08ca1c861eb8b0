//! Shared by the benches: alerts from the simulated tenant, and a console without a terminal,
//! driven just as the event loop drives it.
//!
//! This module uses only public interfaces, so that the benches measure the code that actually
//! runs.
#![allow(dead_code, reason = "each bench is a program of its own and uses only a part")]
#![expect(clippy::expect_used, reason = "a bench whose set-up fails has nothing to measure")]

use std::time::{Duration, Instant};

use alertdeck::{
    app::{
        App, Body, Effect, FeedSettings, Input, JobEvent, JobId, JobKind, Keymap, LastView, LoadEvent,
        Message, Settings, update,
    },
    ui::{Depth, Theme, ThemeKind, draw},
};
use alertdeck_model::{Now, RawAlert, Timestamp};
use alertdeck_simulator as simulator;
use alertdeck_simulator::Simulator;
use alertdeck_store::Batch;
use jiff::tz::TimeZone;
use ratatui::{Terminal, backend::TestBackend};

/// The number of alerts in a batch from a worker.
pub(crate) const BATCH: usize = 128;
/// The number of rows that the event loop processes between a key and the next frame before it has
/// measured its speed.
pub(crate) const SLICE: usize = 2_000;

const NOW: &str = "2026-11-20T12:00:00Z";

fn now() -> Now {
    Now { wall: Timestamp::parse(NOW).expect("a valid time"), mono: Duration::ZERO }
}

/// Returns the alerts of a simulated tenant, as the service sends them.
pub(crate) fn alerts(count: usize) -> Vec<RawAlert> {
    let settings = simulator::Settings { alerts: count, ..simulator::Settings::new(now().wall) };
    let tenant = Simulator::start(settings).expect("loopback has a free port");
    tenant.alerts().iter().map(|alert| RawAlert(alert.to_string().into())).collect()
}

/// A console that draws into a buffer.
pub(crate) struct Console {
    pub(crate) app: App,
    /// The job that fetched the list.
    pub(crate) job: JobId,
    screen: Terminal<TestBackend>,
    theme: Theme,
}

impl Console {
    /// Opens a console with the given width and height, in cells, and loads the alerts.
    pub(crate) fn open(alerts: &[RawAlert], size: (u16, u16)) -> Self {
        let mut console = Self::loading(size);
        let job = console.job;
        for batch in alerts.chunks(BATCH) {
            let batch = Batch::decode(batch);
            console.send_and_run(Message::Job(job, JobEvent::Fetch(LoadEvent::Batch(batch))));
        }
        console.send_and_run(Message::Job(job, JobEvent::Fetch(LoadEvent::Done)));
        console
    }

    /// Opens a console that begins to load the list.
    pub(crate) fn loading((width, height): (u16, u16)) -> Self {
        let settings = Settings {
            zone: TimeZone::UTC,
            filter_zone: TimeZone::UTC,
            filter: String::new(),
            profiles: Vec::new(),
            keymap: Keymap::default(),
            notify: None,
            views: Vec::new(),
            last: LastView::default(),
        };
        let feed = FeedSettings {
            writes: alertdeck::triage::WriteMode::Off,
            aliases: Vec::new(),
            tenant: "contoso".into(),
            origin: "global v1.0".into(),
            service: true,
            portal_host: "security.microsoft.com".into(),
            me: Some("ana@contoso.example".into()),
            profile: String::new(),
            cache: None,
            signs_in: false,
        };
        let (app, effects) = App::new(settings, vec![feed], now(), (width, height));
        let job = effects.iter().find_map(|effect| match effect {
            Effect::Start(job, _) => Some(*job),
            _ => None,
        });
        let job = job.expect("the list is fetched");
        let screen = Terminal::new(TestBackend::new(width, height)).expect("a buffer cannot fail");
        let theme = Theme::new(ThemeKind::Dark, Depth::True, false);
        Self { app, job, screen, theme }
    }

    /// Sends a message to the state and returns the effects.
    pub(crate) fn send(&mut self, message: Message) -> Vec<Effect> {
        update(&mut self.app, now(), message)
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: &str) -> Vec<Effect> {
        let key = key.parse().expect("the name of a key");
        self.send(Message::Input(Input::Key(key)))
    }

    /// Sends a message and runs its effects.
    pub(crate) fn send_and_run(&mut self, message: Message) {
        let effects = self.send(message);
        self.run(effects);
    }

    /// Runs effects and those that follow from them until none are left. Returns the time spent in
    /// the event loop, excluding that of workers.
    pub(crate) fn run(&mut self, effects: Vec<Effect>) -> Duration {
        let (mut queue, mut took) = (effects, Duration::ZERO);
        while let Some(effect) = queue.pop() {
            let answer = match effect {
                Effect::More => Message::Work(SLICE),
                Effect::Start(job, JobKind::Read(row, stored)) => {
                    let body = Body::read(&stored.read());
                    Message::Job(job, JobEvent::Read(row, stored, Box::new(body)))
                }
                _ => continue,
            };
            let began = Instant::now();
            queue.extend(self.send(answer));
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

/// Sorts the times and returns a percentile of them.
pub(crate) fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}
