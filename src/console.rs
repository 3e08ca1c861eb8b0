//! The console: the loop that owns the state, and everything that `update` asks for.
//!
//! One loop holds the state and the terminal; tasks only send messages over a bounded channel.
//! A turn takes input first, then a bounded number of messages, then a slice of the work that is
//! left, and draws: at once after input, else at most 30 times a second. The decisions are all in
//! [`crate::app`]; this module carries them out.

mod events;
mod export;
mod platform;
mod reporter;
mod runner;
mod sign_in;
mod terminal;

use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use tokio::{
    sync::mpsc,
    time::{sleep_until, timeout},
};

pub use runner::Source;
pub use terminal::check;

use crate::{
    app::{App, Effect, Input, Message, Settings, update},
    ui::{Theme, draw},
};
use alertdeck_graph as graph;
use alertdeck_model::{Now, Timestamp, defang};
use runner::{ExportEnd, Runner};
use terminal::Screen;

/// How long a slice of work may take: what a key waits for at most.
const SLICE: Duration = Duration::from_millis(3);
/// Between two drawings that no key asked for.
const FRAME: Duration = Duration::from_millis(33);
/// Messages that may wait for the loop.
const CHANNEL: usize = 4;
/// Input that follows this closely is taken in the same turn, for no longer than a frame.
const GAP: Duration = Duration::from_millis(1);

/// Why the console ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Standard output or input is no terminal that can show the console.
    #[error("{0}; `alertdeck list` needs no terminal")]
    NoTerminal(&'static str),
    /// The user has left, and a file that was being written could not be.
    #[error("{0}")]
    NotExported(String),
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] std::io::Error),
}

/// A profile that was switched to.
pub struct Connected {
    /// What the state goes on with.
    pub settings: Settings,
    /// The service that is asked from now on.
    pub client: graph::Client,
}

/// Prepares the service of a profile by its name; why it cannot be used, in a line that is safe to
/// show.
pub type Connect = Box<dyn FnMut(&str) -> Result<Connected, String>>;

/// What a console is opened with.
pub struct Options {
    /// What the state begins with.
    pub settings: Settings,
    /// Where alerts come from.
    pub source: Source,
    /// The way to other profiles, where there are any.
    pub connect: Option<Connect>,
    /// How it looks.
    pub theme: Theme,
    /// Whether it listens to the mouse from the start.
    pub mouse: bool,
}

/// Tells the time of the wall and since the start.
#[derive(Clone, Copy, Debug)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let ticks = i64::try_from(wall.as_nanos() / 100).unwrap_or(i64::MAX);
        Now { wall: Timestamp::from_ticks(ticks), mono: self.0.elapsed() }
    }
}

/// Runs the console until the user quits. The terminal is restored whatever happens.
pub async fn run(options: Options) -> Result<(), ConsoleError> {
    terminal::check()?;
    let clock = Clock(Instant::now());
    // First, so that no signal finds a terminal that nobody gives back.
    let suspends = platform::watch_signals()?;
    let mut screen = Screen::open(options.mouse)?;
    tokio::task::spawn_blocking(defang::prepare);
    let (sender, messages) = mpsc::channel(CHANNEL);
    let runner = Runner::new(options.source, sender, clock);
    let (mut app, effects) = App::new(options.settings, clock.now(), screen.size()?);
    app.ui.mouse = options.mouse;
    let mut turn = Loop {
        app,
        clock,
        theme: options.theme,
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
    turn.carry_out(effects, &mut screen)?;
    let outcome = turn.run(&mut screen, messages, suspends).await;
    drop(screen);
    // What was asked for is still written, and said where it fails.
    let untold = turn.runner.finish().await;
    outcome.and(untold.map_or(Ok(()), |line| Err(ConsoleError::NotExported(line))))
}

struct Loop {
    app: App,
    clock: Clock,
    theme: Theme,
    connect: Option<Connect>,
    runner: Runner,
    /// When the state wants to be woken, since the start.
    wake: Option<Duration>,
    /// Whether work is left.
    more: bool,
    quit: bool,
    /// Whether the screen is behind the state.
    dirty: bool,
    /// Whether it must not wait for the next frame.
    urgent: bool,
    drawn: Option<Instant>,
    /// Rows of work that take about [`SLICE`].
    slice: usize,
}

impl Loop {
    async fn run(
        &mut self,
        screen: &mut Screen,
        mut messages: mpsc::Receiver<Message>,
        mut suspends: mpsc::Receiver<()>,
    ) -> Result<(), ConsoleError> {
        let mut events = Some(crossterm::event::EventStream::new());
        while !self.quit {
            self.draw_if_due(screen)?;
            let Some(stream) = &mut events else {
                events = Some(crossterm::event::EventStream::new());
                continue;
            };
            let wake = self.deadline(self.wake);
            let frame = self.next_frame();
            tokio::select! {
                biased;
                event = stream.next() => match event {
                    Some(event) => {
                        let mut inputs = Vec::new();
                        events::queue(&mut inputs, event?);
                        // crossterm's reader hands over one event each time that its thread wakes
                        // this task, however many wait. With a frame for each, a burst of keys
                        // would go on for long after the last was pressed.
                        let began = Instant::now();
                        while began.elapsed() < FRAME
                            && let Ok(Some(event)) = timeout(GAP, stream.next()).await
                        {
                            events::queue(&mut inputs, event?);
                        }
                        for input in inputs {
                            self.input(input, screen)?;
                        }
                        // What a key asks for is begun before it is drawn: a list that is being
                        // filtered shows its first hits at once instead of nothing.
                        self.work(screen)?;
                        self.urgent = true;
                    }
                    None => return Ok(()),
                },
                Some(()) = suspends.recv() => {
                    drop(events.take());
                    self.suspend(screen)?;
                }
                // Beside the messages, which a switch of profile leaves unread.
                Some(ended) = self.runner.next_export() => {
                    let ExportEnd { number, path, outcome } = ended;
                    self.dispatch(Message::Exported { number, path, outcome }, screen)?;
                }
                Some(message) = messages.recv() => {
                    let began = Instant::now();
                    self.dispatch(message, screen)?;
                    while began.elapsed() < SLICE {
                        let Ok(message) = messages.try_recv() else { break };
                        self.dispatch(message, screen)?;
                    }
                    // A stream of messages must not starve the walk over the rows.
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
            if let Some(name) = self.runner.switch_to.take()
                && let Some(new) = self.switch(name, screen)?
            {
                messages = new;
            }
            if self.runner.suspend {
                self.runner.suspend = false;
                drop(events.take());
                self.suspend(screen)?;
            }
        }
        Ok(())
    }

    /// Goes over to another profile. Whatever the tasks for the former one still have to say goes
    /// into a channel that nobody reads: nothing of one tenant reaches the list of another.
    fn switch(
        &mut self,
        name: String,
        screen: &mut Screen,
    ) -> Result<Option<mpsc::Receiver<Message>>, ConsoleError> {
        let connected = match &mut self.connect {
            Some(connect) => connect(&name),
            None => Err("there are no profiles".into()),
        };
        match connected {
            Ok(Connected { settings, client }) => {
                let (sender, messages) = mpsc::channel(CHANNEL);
                let exports = std::mem::take(&mut self.runner.exports);
                self.runner = Runner::new(Source::Service(client), sender, self.clock);
                self.runner.exports = exports;
                self.dispatch(Message::Switched(Box::new(settings)), screen)?;
                Ok(Some(messages))
            }
            Err(line) => {
                self.dispatch(Message::ProfileRefused { name, line }, screen)?;
                Ok(None)
            }
        }
    }

    fn deadline(&self, since_start: Option<Duration>) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.clock.0 + since_start.unwrap_or_default())
    }

    fn next_frame(&self) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.drawn.map_or_else(Instant::now, |drawn| drawn + FRAME))
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
        // Halfway to the measured size: one slow slice says little.
        self.slice = usize::midpoint(rows, fitting).clamp(64, 500_000);
        Ok(())
    }

    fn dispatch(&mut self, message: Message, screen: &mut Screen) -> Result<(), ConsoleError> {
        let effects = update(&mut self.app, self.clock.now(), message);
        self.dirty = true;
        self.carry_out(effects, screen)
    }

    fn carry_out(&mut self, effects: Vec<Effect>, screen: &mut Screen) -> Result<(), ConsoleError> {
        for effect in effects {
            match effect {
                Effect::WakeAt(at) => self.wake = Some(at),
                Effect::More => self.more = true,
                Effect::Quit => self.quit = true,
                Effect::Mouse(on) => screen.listen_to_mouse(on)?,
                Effect::Redraw => screen.clear()?,
                Effect::Copy(text) => {
                    let copied = screen.copy(&text.0).map_err(|error| error.to_string());
                    let more = update(&mut self.app, self.clock.now(), Message::Copied(copied));
                    self.carry_out(more, screen)?;
                }
                Effect::CopyCurl(scope) => {
                    let curl = self.runner.curl(scope).map(Effect::Copy);
                    self.carry_out(curl.into_iter().collect(), screen)?;
                }
                other => self.runner.carry_out(other),
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

    /// Gives the terminal back to the shell, stops, and takes it again when continued.
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
