//! A harness around a console. It does the work of the event loop, the workers and the clock, step
//! by step and without waiting.

use std::time::Duration;

use alertdeck::{
    app::{
        App, BackfillState, Body, Bookmark, Effect, Export, Failure, FailureKind, Feed, FeedEvent, Identity,
        Input, Job, JobEvent, JobId, JobKind, JobType, Key, LoadEvent, Message, Overlay, Phase, Scope,
        SignInEvent, SignInWay, update,
    },
    ui::{Depth, Theme, ThemeKind, draw},
};
use alertdeck_model::{AlertId, Now, RawAlert, RawText, Timestamp};
use alertdeck_odata as odata;
use alertdeck_store::{Batch, FeedId, Row, StoredAlert};
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, CellWidth as _},
};
use serde_json::{Value, json};

pub(crate) use super::settings::{Settings, profile, settings};

/// The time at which the console is opened.
pub(crate) const START: &str = "2026-11-20T12:00:00Z";

pub(crate) fn theme() -> Theme {
    Theme::new(ThemeKind::Dark, Depth::True, false)
}

/// Returns a plain alert. Each alert is a minute newer than the one with the previous number.
pub(crate) fn alert(number: u32) -> Value {
    let at = format!("2026-11-20T{:02}:{:02}:00Z", number / 60, number % 60);
    json!({
        "id": format!("a{number}"), "title": format!("Alert {number}"), "severity": "medium", "status": "new",
        "createdDateTime": at, "lastUpdateDateTime": at, "incidentId": "77",
        "alertWebUrl": format!("https://security.microsoft.com/alerts/a{number}"),
        "evidence": [{
            "@odata.type": "#microsoft.graph.security.deviceEvidence",
            "deviceDnsName": format!("srv-{number}.contoso.com"), "mdeDeviceId": format!("m{number}"),
        }],
    })
}

/// Returns the alert with some of its top-level values replaced.
pub(crate) fn with(mut alert: Value, mut values: Value) -> Value {
    for (name, value) in values.as_object_mut().unwrap() {
        alert[name] = value.take();
    }
    alert
}

pub(crate) fn batch(alerts: &[Value]) -> Batch {
    let raw: Vec<_> = alerts.iter().map(|alert| RawAlert(alert.to_string().into())).collect();
    Batch::decode(&raw)
}

/// Returns the scope of a `$filter`.
pub(crate) fn scope(filter: &str) -> Scope {
    Scope::Filter(odata::parse(filter).unwrap())
}

/// A fetch by the backfill.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BackfillJob {
    pub(crate) job: JobId,
    pub(crate) scope: Scope,
    pub(crate) from: Option<Bookmark>,
}

/// A console in its harness.
pub(crate) struct Harness {
    pub(crate) app: App,
    pub(crate) now: Now,
    /// The effects that the harness does not handle itself.
    pub(crate) effects: Vec<Effect>,
    /// The fetches by the backfill.
    pub(crate) backfills: Vec<BackfillJob>,
    /// The last list fetch or poll.
    pub(crate) fetch: JobId,
    /// The last sign-in.
    sign_in: JobId,
    /// The number of rows in a slice of work.
    pub(crate) slice: usize,
    /// True if workers wait for [`Harness::settle`].
    pub(crate) lazy: bool,
    reading: Option<(JobId, Row, StoredAlert)>,
    more: bool,
    wake: Option<Duration>,
}

impl Harness {
    /// Opens a console of 120 by 35 cells.
    pub(crate) fn open(filter: &str) -> Self {
        Self::with(settings(filter), (120, 35))
    }

    pub(crate) fn with(settings: Settings, size: (u16, u16)) -> Self {
        Self::with_feeds(&[settings], size)
    }

    /// Opens a console with several feeds. All other settings come from the first.
    pub(crate) fn with_feeds(all: &[Settings], size: (u16, u16)) -> Self {
        let now = Now { wall: Timestamp::parse(START).unwrap(), mono: Duration::from_millis(500) };
        let (settings, _) = all[0].clone().split();
        let feeds = all.iter().map(|settings| settings.clone().split().1).collect();
        let (app, effects) = App::new(settings, feeds, now, size);
        let none = JobId { feed: app.feed().id, number: 0 };
        let mut console = Self {
            app,
            now,
            effects: Vec::new(),
            backfills: Vec::new(),
            fetch: none,
            sign_in: none,
            slice: 1_000,
            lazy: false,
            reading: None,
            more: false,
            wake: None,
        };
        console.handle(effects);
        console.settle();
        console
    }

    /// Opens a console with a complete list.
    pub(crate) fn with_alerts(alerts: &[Value]) -> Self {
        let mut console = Self::open("");
        console.arrive(alerts);
        console.done();
        console.effects.clear();
        console
    }

    pub(crate) fn send(&mut self, message: Message) {
        let effects = update(&mut self.app, self.now, message);
        self.handle(effects);
        if !self.lazy {
            self.settle();
        }
    }

    fn handle(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Start(job, JobKind::Read(row, stored)) => {
                    assert!(self.reading.is_none(), "one alert is read at a time");
                    self.reading = Some((job, row, stored));
                }
                Effect::Cancel(job) if self.reading.as_ref().is_some_and(|(read, ..)| *read == job) => {
                    self.reading = None;
                }
                Effect::Start(job, JobKind::Backfill { scope, from }) => {
                    self.backfills.push(BackfillJob { job, scope, from });
                }
                Effect::More => self.more = true,
                Effect::WakeAt(at) => {
                    assert!(at >= self.now.mono, "a wake-up in the past: {at:?} at {:?}", self.now.mono);
                    self.wake = Some(at);
                }
                other => {
                    match &other {
                        Effect::Start(job, JobKind::List(_) | JobKind::Poll(_)) => self.fetch = *job,
                        Effect::Start(job, JobKind::SignIn(_)) => self.sign_in = *job,
                        _ => {}
                    }
                    self.effects.push(other);
                }
            }
        }
    }

    /// Does the work of the workers and the event loop until there is none left.
    pub(crate) fn settle(&mut self) {
        loop {
            let message = if let Some((job, row, stored)) = self.reading.take() {
                let body = Body::read(&stored.read());
                Message::Job(job, JobEvent::Read(row, stored, Box::new(body)))
            } else if std::mem::take(&mut self.more) {
                Message::Work(self.slice)
            } else {
                return;
            };
            let effects = update(&mut self.app, self.now, message);
            self.handle(effects);
        }
    }

    /// Returns the job that is reading an alert.
    pub(crate) fn running_read(&self) -> JobId {
        self.reading.as_ref().unwrap().0
    }

    /// Advances the clock, sending a tick at each scheduled wake-up.
    pub(crate) fn advance(&mut self, duration: Duration) {
        let end = self.now.mono + duration;
        while let Some(at) = self.wake.filter(|at| *at <= end) {
            self.wake = None;
            self.move_clock(at);
            self.send(Message::Tick);
        }
        self.move_clock(end);
    }

    fn move_clock(&mut self, mono: Duration) {
        self.now = Now { wall: self.now.wall.after(mono.saturating_sub(self.now.mono)), mono };
    }

    /// Presses keys, given by their names as in the help, separated by spaces.
    pub(crate) fn keys(&mut self, names: &str) {
        for name in names.split_whitespace() {
            let key = name.parse().unwrap_or_else(|_| panic!("unknown key {name}"));
            self.send(Message::Input(Input::Key(key)));
        }
    }

    /// Types text, character by character.
    pub(crate) fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.send(Message::Input(Input::Key(Key::char(c))));
        }
    }

    pub(crate) fn paste(&mut self, text: &str) {
        self.send(Message::Input(Input::Paste(text.into())));
    }

    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        self.send(Message::Input(Input::Resize { width, height }));
    }

    /// Sends an event from the last list fetch or poll.
    pub(crate) fn load(&mut self, event: LoadEvent) {
        self.load_of(self.fetch, event);
    }

    /// Sends an event from a fetch.
    pub(crate) fn load_of(&mut self, job: JobId, event: LoadEvent) {
        self.send(Message::Job(job, JobEvent::Fetch(event)));
    }

    /// Sends an event from the last fetch by the backfill.
    pub(crate) fn backfill_event(&mut self, event: LoadEvent) {
        self.load_of(self.backfills.last().unwrap().job, event);
    }

    /// Sends an event from the feed.
    pub(crate) fn feed_event(&mut self, event: FeedEvent) {
        self.send(Message::Feed(self.feed().id, event));
    }

    pub(crate) fn identity(&mut self, identity: Identity) {
        self.feed_event(FeedEvent::Identity(identity));
    }

    /// Sends an event from the last sign-in.
    pub(crate) fn sign_in_event(&mut self, event: SignInEvent) {
        self.send(Message::Job(self.sign_in, JobEvent::SignIn(event)));
    }

    /// Returns the running fetch for a feed's list.
    pub(crate) fn list_of(&self, feed: FeedId) -> JobId {
        let is_list = |job: &&Job| job.id.feed == feed && job.job_type == JobType::List && job.is_live();
        self.app.jobs.iter().find(is_list).unwrap().id
    }

    /// Sends a feed's entire list, including its end.
    pub(crate) fn complete(&mut self, feed: FeedId, alerts: &[Value]) {
        let job = self.list_of(feed);
        let total = Some(alerts.len() as u64);
        self.load_of(job, LoadEvent::Page { total, partial: None, server_time: None });
        self.load_of(job, LoadEvent::Batch(batch(alerts)));
        self.load_of(job, LoadEvent::Done);
    }

    /// Removes the fetches requested since the last call and returns them with their feeds.
    pub(crate) fn fetches_by_feed(&mut self) -> Vec<(FeedId, Scope)> {
        let mut scopes = Vec::new();
        self.effects.retain(|asked| match asked {
            Effect::Start(job, JobKind::List(scope) | JobKind::Poll(scope)) => {
                scopes.push((job.feed, scope.clone()));
                false
            }
            _ => true,
        });
        scopes
    }

    /// Switches to a profile, which gets a feed of its own.
    pub(crate) fn switch(&mut self, settings: Settings) {
        let feed = FeedId::new(self.feed().id.index() + 1);
        self.open_as(feed, settings, false);
    }

    /// Opens a profile as a feed.
    pub(crate) fn open_as(&mut self, feed: FeedId, settings: Settings, adds: bool) {
        self.send(Message::ProfileOpened { feed, settings: Box::new(settings.split().1), adds });
    }

    /// Removes the sign-ins started since the last call and returns their methods.
    pub(crate) fn sign_ins(&mut self) -> Vec<SignInWay> {
        let mut ways = Vec::new();
        self.effects.retain(|asked| match asked {
            Effect::Start(_, JobKind::SignIn(way)) => {
                ways.push(*way);
                false
            }
            _ => true,
        });
        ways
    }

    /// Removes and returns the jobs cancelled since the last call.
    pub(crate) fn cancelled(&mut self) -> Vec<JobId> {
        let mut jobs = Vec::new();
        self.effects.retain(|asked| match asked {
            Effect::Cancel(job) => {
                jobs.push(*job);
                false
            }
            _ => true,
        });
        jobs
    }

    /// Removes the exports started since the last call and returns them with their jobs.
    pub(crate) fn exports(&mut self) -> Vec<(JobId, Export)> {
        let mut exports = Vec::new();
        self.effects.retain(|asked| match asked {
            Effect::Start(job, JobKind::Export(export)) => {
                exports.push((*job, export.clone()));
                false
            }
            _ => true,
        });
        exports
    }

    pub(crate) fn feed(&self) -> &Feed {
        self.app.feed()
    }

    pub(crate) fn phase(&self) -> &Phase {
        self.feed().list.phase()
    }

    pub(crate) fn backfill_state(&self) -> BackfillState {
        self.feed().backfill.state()
    }

    /// Returns the number of alerts read for the list, and the number that the service counted.
    pub(crate) fn read(&self) -> (usize, Option<u64>) {
        (self.feed().list.read(), self.feed().list.total())
    }

    /// Sends a page from the running fetch.
    pub(crate) fn arrive(&mut self, alerts: &[Value]) {
        self.load(LoadEvent::Page { total: None, partial: None, server_time: None });
        self.load(LoadEvent::Batch(batch(alerts)));
    }

    pub(crate) fn done(&mut self) {
        self.load(LoadEvent::Done);
    }

    pub(crate) fn fail(&mut self, kind: FailureKind) {
        self.load(LoadEvent::Failed(Failure { kind, line: "it failed".into() }));
    }

    /// Removes the fetches requested since the last call and returns their scopes.
    pub(crate) fn fetches(&mut self) -> Vec<Scope> {
        let mut scopes = Vec::new();
        self.effects.retain(|asked| match asked {
            Effect::Start(_, JobKind::List(scope) | JobKind::Poll(scope)) => {
                scopes.push(scope.clone());
                false
            }
            _ => true,
        });
        scopes
    }

    /// Removes all effects and returns the copied texts.
    pub(crate) fn copies(&mut self) -> Vec<String> {
        let copied = std::mem::take(&mut self.effects).into_iter().filter_map(|asked| match asked {
            Effect::Copy(RawText(text)) => Some(text),
            _ => None,
        });
        copied.collect()
    }

    /// Returns the ids of the rows, from top to bottom.
    pub(crate) fn rows(&self) -> Vec<&'static str> {
        self.app.view.from(0).map(|row| self.id(row)).collect()
    }

    /// Returns the id of an alert. It is never freed, which is fine since tests compare only a few.
    pub(crate) fn id(&self, row: Row) -> &'static str {
        self.app.store.facts(row).id().raw().to_owned().leak()
    }

    pub(crate) fn row(&self, id: &str) -> Row {
        self.app.store.row(self.feed().id, &AlertId::new(id)).unwrap()
    }

    pub(crate) fn shows(&self, id: &str) -> bool {
        self.rows().contains(&id)
    }

    /// Returns the id of the alert under the cursor.
    pub(crate) fn selected(&self) -> Option<&'static str> {
        self.app.selected().map(|row| self.id(row))
    }

    /// Returns the line of the list window on which the cursor is.
    pub(crate) fn line(&self) -> usize {
        self.app.list.scroll.cursor - self.app.list.scroll.top
    }

    pub(crate) fn notice(&self) -> &str {
        self.app.ui.notices.current().map_or("", |notice| notice.text.as_str())
    }

    /// Returns the letters of the open menu with their labels.
    pub(crate) fn menu(&self) -> Vec<(char, String)> {
        match self.app.ui.overlay() {
            Some(Overlay::Menu(menu)) => {
                menu.items.iter().map(|item| (item.key, item.label.clone())).collect()
            }
            other => panic!("expected a menu, got {other:?}"),
        }
    }

    /// Chooses the item with this label from the open menu.
    pub(crate) fn pick(&mut self, label: &str) {
        let menu = self.menu();
        let found = menu.iter().find(|(_, known)| known == label);
        let (key, _) = found.unwrap_or_else(|| panic!("no {label} in {menu:?}"));
        self.send(Message::Input(Input::Key(Key::char(*key))));
    }

    /// Draws the screen.
    pub(crate) fn draw(&self, theme: &Theme) -> Buffer {
        let (width, height) = self.app.ui.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(&self.app, theme, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// Returns the screen as lines of text, without trailing spaces.
    pub(crate) fn screen(&self) -> String {
        lines(&self.draw(&theme())).join("\n")
    }
}

/// Returns a buffer as lines of text, without trailing spaces.
pub(crate) fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let line = |y| {
        let mut text = String::new();
        let mut x = 0;
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            x += symbol.cell_width().max(1);
        }
        text.trim_end().to_owned()
    };
    (0..area.height).map(line).collect()
}
