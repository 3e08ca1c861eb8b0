//! The terminal, taken and given back.

use std::{
    io::{self, BufWriter, IsTerminal as _, Stdout, Write as _},
    mem::ManuallyDrop,
};

use crossterm::{
    QueueableCommand as _,
    clipboard::CopyToClipboard,
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{Frame, Terminal, backend::CrosstermBackend};

use super::{ConsoleError, platform};
use alertdeck_model::SafeText;

/// What gives the terminal back: mouse and paste reports off, main screen, cursor, plain style.
/// One constant, so that a signal handler needs no lock and no allocation.
pub(super) const RESTORE: &[u8] =
    b"\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[?2026l\x1b[0m\x1b[?1049l\x1b[?25h";

/// Tells whether the console can be shown; if not, why.
pub fn check() -> Result<(), ConsoleError> {
    if !io::stdout().is_terminal() {
        return Err(ConsoleError::NoTerminal("standard output is no terminal"));
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(ConsoleError::NoTerminal("the terminal (TERM=dumb) cannot show a console"));
    }
    Ok(())
}

/// The terminal, while the console has it.
pub(super) struct Screen {
    /// Never dropped: that would show the cursor once more, and panic where the terminal is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl Screen {
    /// Takes the terminal and sees to it that it is given back: also after a panic on any thread.
    pub(super) fn open(mouse: bool) -> Result<Self, ConsoleError> {
        platform::remember_terminal()
            .map_err(|_| ConsoleError::NoTerminal("this process has no terminal"))?;
        std::panic::set_hook(Box::new(move |panic| {
            platform::restore_terminal();
            // What panicked may quote the text that it panicked over. Where the terminal is gone
            // nobody reads it, and a panic over that would abort.
            let _ = writeln!(io::stderr(), "alertdeck: {}", SafeText::new(&panic.to_string()));
            // A task's panic would otherwise leave half a console behind.
            std::process::exit(101);
        }));
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout()));
        let mut screen = Self { terminal: ManuallyDrop::new(Terminal::new(backend)?) };
        screen.enter(mouse)?;
        Ok(screen)
    }

    /// Takes the terminal.
    pub(super) fn enter(&mut self, mouse: bool) -> io::Result<()> {
        platform::terminal_is_taken();
        enable_raw_mode()?;
        let out = self.terminal.backend_mut();
        out.queue(EnterAlternateScreen)?.queue(EnableBracketedPaste)?.queue(Hide)?;
        if mouse {
            out.queue(EnableMouseCapture)?;
        }
        io::Write::flush(out)?;
        self.clear()
    }

    /// Gives the terminal back.
    pub(super) fn leave(&mut self) {
        let out = self.terminal.backend_mut();
        // What fails here is tried again by the platform's own way.
        let _ = out
            .queue(DisableMouseCapture)
            .and_then(|out| out.queue(DisableBracketedPaste))
            .and_then(|out| out.queue(LeaveAlternateScreen))
            .and_then(|out| out.queue(Show))
            .map(io::Write::flush);
        // Else crossterm takes the terminal for raw when it is to be taken again.
        let _ = disable_raw_mode();
        platform::restore_terminal();
    }

    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Forgets what is on the screen, so that the next drawing writes all of it.
    ///
    /// By resizing: `Terminal::clear` would ask the terminal where its cursor is, and end the
    /// console where no answer comes in time.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.backend_mut().queue(BeginSynchronizedUpdate)?;
        self.terminal.draw(draw)?;
        let out = self.terminal.backend_mut();
        out.queue(EndSynchronizedUpdate)?;
        io::Write::flush(out)
    }

    pub(super) fn listen_to_mouse(&mut self, on: bool) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        if on {
            out.queue(EnableMouseCapture)?;
        } else {
            out.queue(DisableMouseCapture)?;
        }
        io::Write::flush(out)
    }

    /// Asks the terminal to put a text on the clipboard (OSC 52), which also works over ssh.
    pub(super) fn copy(&mut self, text: &str) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        out.queue(CopyToClipboard::to_clipboard_from(text))?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}
