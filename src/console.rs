//! The console: the event loop and the effects that `update` requests.
//!
//! One loop owns the state and the terminal; tasks only send messages over a bounded channel. Each
//! iteration handles input first, then messages for a bounded time, then a slice of the remaining
//! work. The loop draws immediately after input, and otherwise at most 30 times per second. All
//! decisions are made in [`crate::app`]; this module runs the effects (docs/architecture.md, "Data
//! flow").

mod cache;
#[cfg(unix)]
mod decoder;
mod events;
mod export;
mod platform;
mod reporter;
mod requests;
mod runner;
mod saved;
mod sign_in;
mod terminal;
mod terminal_events;
mod writes;

use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    sync::mpsc,
    time::{sleep_until, timeout},
};

pub use cache::cached_account;
pub use platform::watch_exit_signals;
pub use runner::Source;
pub use saved::SavedAlerts;
pub use terminal::check;

use crate::{
    app::{App, Effect, FeedSettings, Input, Message, Settings, update},
    config::write_last_view,
    journal::Journal,
    ui::{Theme, draw},
};
use alertdeck_cache::Folder;
use alertdeck_graph as graph;
use alertdeck_graph::auth::SECRET_VARIABLES;
use alertdeck_model::{Now, Timestamp, defang};
use alertdeck_store::FeedId;
use runner::Runner;
use terminal::Screen;
use terminal_events::{TerminalEvent, TerminalEvents};

/// The maximum duration of a slice of work, and therefore the longest that a key press has to wait.
const SLICE: Duration = Duration::from_millis(3);
/// The minimum time between frames that are not triggered by input.
const FRAME: Duration = Duration::from_millis(33);
/// The capacity of the message channel.
const CHANNEL: usize = 4;
/// Input events closer together than this are handled in one iteration, which collects them for at
/// most one frame.
const GAP: Duration = Duration::from_millis(1);

/// The reason the console ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Standard output is not a terminal that can display the console.
    #[error("{0}; `alertdeck list` works without one")]
    NoTerminal(&'static str),
    /// An export failed after the user quit.
    #[error("{0}")]
    NotExported(String),
    /// The terminal failed.
    #[error("terminal error: {0}")]
    Terminal(#[from] std::io::Error),
}

/// The result of opening a profile.
pub struct Connected {
    /// The settings for the profile's feed.
    pub settings: FeedSettings,
    /// The profile's Graph client.
    pub client: graph::Client,
}

/// Prepares the service for the profile with the given name. An error is one line that is safe to
/// show.
pub type Connect = Box<dyn FnMut(&str) -> Result<Connected, String>>;

/// The options for opening a console.
pub struct Options {
    /// The settings for the application state.
    pub settings: Settings,
    /// Each feed's settings and alert source. There is at least one feed.
    pub feeds: Vec<(FeedSettings, Source)>,
    /// The function that opens profiles, if any are configured.
    pub connect: Option<Connect>,
    /// The cache folder, or `None` if caching is disabled.
    pub cache: Option<Folder>,
    /// The journal of changes; `None` if the system has no folder for it.
    pub journal: Option<Journal>,
    /// The file for saved views, if a config file is used.
    pub views: Option<PathBuf>,
    /// The file in which to keep the last view for the next run, if any.
    pub last_view: Option<PathBuf>,
    /// The colours and symbols.
    pub theme: Theme,
    /// The theme for a light background; `None` if the user has chosen a theme.
    pub light_theme: Option<Box<Theme>>,
    /// Whether mouse reporting is enabled at startup.
    pub mouse: bool,
}

/// Provides the wall-clock time and the time since startup.
#[derive(Clone, Copy, Debug)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let ticks = i64::try_from(wall.as_nanos() / 100).unwrap_or(i64::MAX);
        Now { wall: Timestamp::from_ticks(ticks), mono: self.0.elapsed() }
    }
}

/// Runs the console until the user quits. Restores the terminal in every case.
pub async fn run(options: Options) -> Result<(), ConsoleError> {
    terminal::check()?;
    let clock = Clock(Instant::now());
    let suspends = platform::watch_terminal()?;
    let mut screen = Screen::open(options.mouse)?;
    let mut events = TerminalEvents::start()?;
    if options.light_theme.is_some() && cfg!(unix) {
        screen.ask_background()?;
    }
    tokio::task::spawn_blocking(defang::prepare);
    let (sender, mut messages) = mpsc::channel(CHANNEL);
    let (settings, sources): (Vec<_>, Vec<_>) = options.feeds.into_iter().unzip();
    let (mut app, effects) = App::new(options.settings, settings, clock.now(), screen.size()?);
    app.ui.mouse = options.mouse;
    let mut runner = Runner::new(sender, clock, options.cache, options.journal, options.views);
    for (feed, source) in app.feeds.iter().zip(sources) {
        runner.connect(feed.id, source, &feed.settings);
    }
    let mut event_loop = Loop {
        app,
        clock,
        theme: options.theme,
        light_theme: options.light_theme,
        connect: options.connect,
        runner,
        wake: None,
        more: false,
        quit: false,
        dirty: true,
        urgent: true,
        drawn: None,
        slice: 2_000,
    };
    event_loop.run_effects(effects, &mut screen)?;
    let outcome = event_loop.run(&mut screen, &mut messages, &mut events, suspends).await;
    drop(screen);
    if let Some(path) = options.last_view
        && let Err(line) = write_last_view(&path, &event_loop.app.last_view())
    {
        tracing::warn!("last view not written: {line}");
    }
    // Wait for pending exports and for the results of changes that have been sent. If one of them
    // fails, the program ends with that error.
    let failed = event_loop.runner.finish(messages).await;
    outcome.and(failed.map_or(Ok(()), |line| Err(ConsoleError::NotExported(line))))
}

struct Loop {
    app: App,
    clock: Clock,
    theme: Theme,
    light_theme: Option<Box<Theme>>,
    connect: Option<Connect>,
    runner: Runner,
    /// When to send the next tick, measured from startup.
    wake: Option<Duration>,
    /// Whether work remains.
    more: bool,
    quit: bool,
    /// Whether the state has changed since the last frame.
    dirty: bool,
    /// Whether to draw without waiting for the next frame.
    urgent: bool,
    drawn: Option<Instant>,
    /// The number of rows that can be processed in about [`SLICE`].
    slice: usize,
}

impl Loop {
    async fn run(
        &mut self,
        screen: &mut Screen,
        messages: &mut mpsc::Receiver<Message>,
        events: &mut TerminalEvents,
        mut suspends: mpsc::Receiver<()>,
    ) -> Result<(), ConsoleError> {
        while !self.quit {
            self.draw_if_due(screen)?;
            let wake = self.deadline(self.wake);
            let frame = self.next_frame();
            tokio::select! {
                biased;
                event = events.next() => match event {
                    Some(event) => {
                        let mut inputs = Vec::new();
                        self.queue(&mut inputs, event?);
                        // If each event triggered a frame, a burst of keys would still be replayed
                        // long after the last key press.
                        let began = Instant::now();
                        while began.elapsed() < FRAME
                            && let Ok(Some(event)) = timeout(GAP, events.next()).await
                        {
                            self.queue(&mut inputs, event?);
                        }
                        for input in inputs {
                            self.input(input, screen)?;
                        }
                        // Start the work before drawing, so that a list that is being filtered
                        // immediately shows its first matches instead of nothing.
                        self.work(screen)?;
                        self.urgent = true;
                    }
                    None => return Ok(()),
                },
                Some(()) = suspends.recv() => self.suspend(screen)?,
                Some(message) = messages.recv() => {
                    let began = Instant::now();
                    self.dispatch(message, screen)?;
                    while began.elapsed() < SLICE {
                        let Ok(message) = messages.try_recv() else { break };
                        self.dispatch(message, screen)?;
                    }
                    // A steady stream of messages must not starve the work.
                    self.work(screen)?;
                }
                () = sleep_until(wake), if self.wake.is_some() => {
                    self.wake = None;
                    self.dispatch(Message::Tick, screen)?;
                    self.work(screen)?;
                }
                () = std::future::ready(()), if self.more => self.work(screen)?,
                () = sleep_until(frame), if self.dirty => {}
            }
            if let Some((feed, name, adds)) = self.runner.to_open.take() {
                self.open_profile(feed, name, adds, screen)?;
            }
            if let Some(text) = self.runner.to_edit.take() {
                self.edit(&text, screen, events)?;
            }
            if self.runner.suspend {
                self.runner.suspend = false;
                self.suspend(screen)?;
            }
        }
        Ok(())
    }

    /// Opens another profile as a feed. Every event carries its feed's id, so data from one tenant
    /// is never attributed to another.
    fn open_profile(
        &mut self,
        feed: FeedId,
        name: String,
        adds: bool,
        screen: &mut Screen,
    ) -> Result<(), ConsoleError> {
        let connected = match &mut self.connect {
            Some(connect) => connect(&name),
            None => Err("no profiles configured".into()),
        };
        let message = match connected {
            Ok(Connected { settings, client }) => {
                self.runner.connect(feed, Source::Service(client), &settings);
                Message::ProfileOpened { feed, settings: Box::new(settings), adds }
            }
            Err(line) => Message::ProfileRefused { name, line },
        };
        self.dispatch(message, screen)
    }

    fn deadline(&self, since_start: Option<Duration>) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.clock.0 + since_start.unwrap_or_default())
    }

    fn next_frame(&self) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.drawn.map_or_else(Instant::now, |drawn| drawn + FRAME))
    }

    /// Adds a terminal event to the queue, or handles it immediately if it is not input.
    fn queue(&mut self, inputs: &mut Vec<Input>, event: TerminalEvent) {
        match event {
            TerminalEvent::Input(event) => events::queue(inputs, event),
            TerminalEvent::Background(light) => {
                if let Some(theme) = self.light_theme.take_if(|_| light) {
                    self.theme = *theme;
                    self.dirty = true;
                }
            }
        }
    }

    fn input(&mut self, input: Input, screen: &mut Screen) -> Result<(), ConsoleError> {
        if let Input::Resize { .. } = input {
            screen.clear()?;
        }
        self.dispatch(Message::Input(input), screen)
    }

    fn work(&mut self, screen: &mut Screen) -> Result<(), ConsoleError> {
        if !std::mem::take(&mut self.more) {
            return Ok(());
        }
        let began = Instant::now();
        let rows = self.slice;
        self.dispatch(Message::Work(rows), screen)?;
        let took = began.elapsed().max(Duration::from_micros(10));
        let fitting = (rows as f64 * SLICE.as_secs_f64() / took.as_secs_f64()) as usize;
        // Move only halfway to the measured size, since a single slow slice means little.
        self.slice = usize::midpoint(rows, fitting).clamp(64, 500_000);
        Ok(())
    }

    fn dispatch(&mut self, message: Message, screen: &mut Screen) -> Result<(), ConsoleError> {
        let effects = update(&mut self.app, self.clock.now(), message);
        self.dirty = true;
        self.run_effects(effects, screen)
    }

    fn run_effects(&mut self, effects: Vec<Effect>, screen: &mut Screen) -> Result<(), ConsoleError> {
        for effect in effects {
            match effect {
                Effect::WakeAt(at) => self.wake = Some(at),
                Effect::More => self.more = true,
                Effect::Quit => self.quit = true,
                Effect::Mouse(on) => screen.set_mouse(on)?,
                Effect::Redraw => screen.clear()?,
                Effect::Notify(notification) => {
                    if let Some(notify) = &self.app.settings.notify {
                        screen.notify(notify.method, notification)?;
                    }
                }
                Effect::Copy(text) => {
                    let copied = screen.copy(&text.0).map_err(|error| error.to_string());
                    let effects = update(&mut self.app, self.clock.now(), Message::Copied(copied));
                    self.run_effects(effects, screen)?;
                }
                Effect::CopyCurl(feed, scope) => {
                    let curl = self.runner.curl(feed, scope).map(Effect::Copy);
                    self.run_effects(curl.into_iter().collect(), screen)?;
                }
                other => self.runner.run_effect(other),
            }
        }
        Ok(())
    }

    fn draw_if_due(&mut self, screen: &mut Screen) -> Result<(), ConsoleError> {
        let due = self.urgent || self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME);
        if self.dirty && due {
            let (app, theme) = (&self.app, &self.theme);
            screen.draw(|frame| draw(app, theme, frame))?;
            (self.dirty, self.urgent, self.drawn) = (false, false, Some(Instant::now()));
        }
        Ok(())
    }

    /// Lets the user edit text in an external editor, which uses the terminal until it exits. Until
    /// then, nothing is drawn, and tasks continue until the message channel is full.
    fn edit(
        &mut self,
        text: &str,
        screen: &mut Screen,
        events: &mut TerminalEvents,
    ) -> Result<(), ConsoleError> {
        events.pause();
        screen.leave();
        let edited = platform::without_interrupts(|| alertdeck_platform::edit(text, &SECRET_VARIABLES));
        screen.enter(self.app.ui.mouse)?;
        events.resume();
        let (width, height) = screen.size()?;
        self.dispatch(Message::Input(Input::Resize { width, height }), screen)?;
        self.dispatch(Message::TextEdited(edited), screen)?;
        self.urgent = true;
        Ok(())
    }

    /// Restores the terminal, stops the process, and sets up the terminal again when the process is
    /// continued.
    fn suspend(&mut self, screen: &mut Screen) -> Result<(), ConsoleError> {
        screen.leave();
        platform::stop()?;
        screen.enter(self.app.ui.mouse)?;
        let (width, height) = screen.size()?;
        self.dispatch(Message::Input(Input::Resize { width, height }), screen)?;
        self.urgent = true;
        Ok(())
    }
}
