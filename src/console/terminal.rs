//! Sets up and restores the terminal (docs/architecture.md, "Terminal").

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
use crate::app::{Notification, NotifyMethod};
use alertdeck_model::SafeText;

/// Checks that the console can be displayed.
pub fn check() -> Result<(), ConsoleError> {
    if !io::stdout().is_terminal() {
        return Err(ConsoleError::NoTerminal("standard output is not a terminal"));
    }
    let term = std::env::var_os("TERM").unwrap_or_default();
    if term == "dumb" {
        return Err(ConsoleError::NoTerminal("TERM=dumb is not a terminal for the console"));
    }
    // Windows does not use TERM. Elsewhere, every terminal sets it.
    if cfg!(unix) && term.is_empty() {
        return Err(ConsoleError::NoTerminal("TERM is not set; set it, for example to xterm-256color"));
    }
    Ok(())
}

/// The terminal, held while the console is running.
pub(super) struct Screen {
    /// Never dropped: dropping shows the cursor again, and panics if the terminal is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl Screen {
    /// Sets up the terminal and installs a panic hook that restores it.
    pub(super) fn open(mouse: bool) -> Result<Self, ConsoleError> {
        platform::remember_terminal()
            .map_err(|_| ConsoleError::NoTerminal("this process has no terminal"))?;
        std::panic::set_hook(Box::new(move |panic| {
            platform::restore_terminal();
            // Sanitise the message, since it may quote alert text. If the terminal is gone, the
            // write fails; a second panic would abort.
            let _ = writeln!(io::stderr(), "alertdeck: {}", SafeText::new(&panic.to_string()));
            alertdeck_platform::clean_up();
            // Exit, since the console would otherwise continue without the task that panicked.
            std::process::exit(101);
        }));
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout()));
        let mut screen = Self { terminal: ManuallyDrop::new(Terminal::new(backend)?) };
        screen.enter(mouse)?;
        Ok(screen)
    }

    /// Sets up the terminal.
    pub(super) fn enter(&mut self, mouse: bool) -> io::Result<()> {
        platform::terminal_in_use();
        enable_raw_mode()?;
        let out = self.terminal.backend_mut();
        out.queue(EnterAlternateScreen)?.queue(EnableBracketedPaste)?.queue(Hide)?;
        if mouse {
            out.queue(EnableMouseCapture)?;
        }
        io::Write::flush(out)?;
        self.clear()
    }

    /// Restores the terminal.
    pub(super) fn leave(&mut self) {
        let out = self.terminal.backend_mut();
        // If this fails, `platform::restore_terminal` below covers it.
        let _ = out
            .queue(DisableMouseCapture)
            .and_then(|out| out.queue(DisableBracketedPaste))
            .and_then(|out| out.queue(LeaveAlternateScreen))
            .and_then(|out| out.queue(Show))
            .map(io::Write::flush);
        // Resets crossterm, which would otherwise still consider the terminal to be in raw mode.
        let _ = disable_raw_mode();
        platform::restore_terminal();
    }

    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Invalidates the screen, so that the next frame redraws all of it.
    ///
    /// Uses a resize instead of `Terminal::clear`, which queries the cursor position and fails if
    /// the terminal does not reply in time.
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

    /// Asks the terminal for its background colour (xterm control sequences, OSC 11). Terminals
    /// that do not support the query ignore it.
    pub(super) fn ask_background(&mut self) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        out.write_all(b"\x1b]11;?\x1b\\")?;
        io::Write::flush(out)
    }

    /// Enables or disables mouse reporting.
    pub(super) fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        if on {
            out.queue(EnableMouseCapture)?;
        } else {
            out.queue(DisableMouseCapture)?;
        }
        io::Write::flush(out)
    }

    /// Notifies the user of new alerts through the terminal, whether or not its window is visible.
    pub(super) fn notify(&mut self, method: NotifyMethod, new: Notification) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        let in_tmux = std::env::var_os("TMUX").is_some();
        out.write_all(notification(method, new, in_tmux).as_bytes())?;
        io::Write::flush(out)
    }

    /// Copies text to the clipboard through the terminal (OSC 52), which also works over ssh.
    pub(super) fn copy(&mut self, text: &str) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        out.queue(CopyToClipboard::to_clipboard_from(text))?;
        out.flush()
    }
}

/// Returns the control sequence for a notification (docs/security.md, "Notifications"). In tmux,
/// the sequence is wrapped so that tmux passes it on if its option `allow-passthrough` is on.
fn notification(method: NotifyMethod, new: Notification, in_tmux: bool) -> String {
    let sequence = match method {
        NotifyMethod::Bell => return "\x07".to_owned(),
        NotifyMethod::Osc9 => format!("\x1b]9;alertdeck: {new}\x1b\\"),
        NotifyMethod::Osc777 => format!("\x1b]777;notify;alertdeck;{new}\x1b\\"),
    };
    if in_tmux { format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")) } else { sequence }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_are_one_control_sequence_around_fixed_words() {
        let new = Notification { alerts: 1_234, severity: Some("high") };
        let sent = |method| notification(method, new, false);
        assert_eq!(sent(NotifyMethod::Bell), "\u{7}");
        let text = "1,234 new alerts, highest severity high";
        assert_eq!(sent(NotifyMethod::Osc9), format!("\u{1b}]9;alertdeck: {text}\u{1b}\\"));
        assert_eq!(sent(NotifyMethod::Osc777), format!("\u{1b}]777;notify;alertdeck;{text}\u{1b}\\"));
        let bell = notification(NotifyMethod::Bell, new, true);
        let wrapped = notification(NotifyMethod::Osc9, new, true);
        assert_eq!(bell, "\u{7}");
        assert_eq!(wrapped, format!("\u{1b}Ptmux;\u{1b}\u{1b}]9;alertdeck: {text}\u{1b}\u{1b}\\\u{1b}\\"));
    }
}
