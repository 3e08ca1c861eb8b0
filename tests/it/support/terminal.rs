//! Runs the program in a pseudo-terminal and parses its output.

use std::{
    ffi::OsStr,
    io::{Read as _, Write},
    num::NonZeroU16,
    path::PathBuf,
    process::Command,
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::{
    fs::{Mode, OFlags},
    termios::{LocalModes, tcgetattr},
};

/// The maximum time to wait for a condition.
const DEADLINE: Duration = Duration::from_secs(30);

/// The sequences that must be sent at the end, which turn off mouse reports, bracketed paste and
/// the alternate screen and turn on the cursor.
const RESTORING: [&str; 4] = ["\x1b[?1000l", "\x1b[?2004l", "\x1b[?1049l", "\x1b[?25h"];
/// The maximum size of a frame in bytes.
const MAX_FRAME: usize = 64 << 10;
/// The time after which a key that had no effect is pressed again.
const PRESS_AGAIN: Duration = Duration::from_millis(500);

/// The time after which `q` is pressed again. Ending takes a few seconds if connections are open.
const QUIT_AGAIN: Duration = Duration::from_secs(5);

/// The program's output.
struct Output {
    parser: vt100::Parser,
    sent: Vec<u8>,
    /// True if the terminal is about to hang up.
    hung_up: bool,
}

/// The program in a pseudo-terminal.
pub(crate) struct Session {
    child: Box<dyn Child + Send + Sync>,
    /// Dropped to hang up.
    master: Option<(Box<dyn MasterPty + Send>, Box<dyn Write + Send>)>,
    terminal: PathBuf,
    output: Arc<(Mutex<Output>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

fn size(width: u16, height: u16) -> PtySize {
    PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }
}

/// Sets the environment so that the current user's settings do not apply.
pub(crate) fn set_environment(command: &mut CommandBuilder) {
    for name in ["NO_COLOR", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"] {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ALERTDECK_") {
            command.env_remove(name);
        }
    }
    for (name, value) in [
        ("TERM", "xterm-256color"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("TZ", "UTC"),
        ("ALERTDECK_CONFIG", ""),
        ("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR")),
        ("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")),
        // Tenants of other tests may have had the same port. Tests of the cache switch it on.
        ("ALERTDECK_NO_CACHE", "1"),
    ] {
        command.env(name, value);
    }
}

impl Session {
    /// Starts the program in a terminal of 120 by 35 cells.
    pub(crate) fn open<A: AsRef<OsStr>>(arguments: &[A], variables: &[(&str, &str)]) -> Self {
        let pty = native_pty_system().openpty(size(120, 35)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_alertdeck"));
        command.args(arguments);
        set_environment(&mut command);
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).unwrap();
        let terminal = pty.master.tty_name().unwrap();
        let mut from = pty.master.try_clone_reader().unwrap();
        let writer = pty.master.take_writer().unwrap();
        let parser = vt100::Parser::new(cells(35), cells(120), 1_000);
        let output = Output { parser, sent: Vec::new(), hung_up: false };
        let output = Arc::new((Mutex::new(output), Condvar::new()));
        let shared = Arc::clone(&output);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                let mut output = shared.0.lock().unwrap();
                output.sent.extend_from_slice(&buffer[..count]);
                output.parser.process(&buffer[..count]);
                shared.1.notify_all();
                if output.hung_up {
                    break;
                }
            }
        });
        Self { child, master: Some((pty.master, writer)), terminal, output, reader: Some(reader) }
    }

    /// Types keys. Special keys are given as the escape sequences that a terminal sends.
    pub(crate) fn type_keys(&mut self, keys: &str) {
        let (_, writer) = self.master.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Pastes text, as a terminal does. More than a few keys at once would count as a paste anyway.
    pub(crate) fn paste(&mut self, text: &str) {
        self.type_keys(&format!("\x1b[200~{text}\x1b[201~"));
    }

    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        let mut output = self.output.0.lock().unwrap();
        output.parser.set_size(cells(height), cells(width));
        self.master.as_ref().unwrap().0.resize(size(width, height)).unwrap();
    }

    /// Waits until the screen shows the text.
    pub(crate) fn wait(&mut self, text: &str) {
        self.wait_until(&format!("{text:?} is shown"), |session| {
            session.with_screen(|screen| screen.contents().contains(text))
        });
    }

    /// Waits until a condition holds. Checks the condition after each output and at regular
    /// intervals in between.
    pub(crate) fn wait_until(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !(self.is_frame_complete() && condition(self)) {
            let screen = self.with_screen(vt100::Screen::contents);
            assert!(Instant::now() < end, "timed out waiting until {what}:\n{screen}");
            let output = self.output.0.lock().unwrap();
            drop(self.output.1.wait_timeout(output, Duration::from_millis(10)).unwrap());
        }
    }

    /// Presses a key until the screen shows the text. An overlay that has just opened automatically
    /// ignores keys at first.
    pub(crate) fn press(&mut self, key: &str, text: &str) {
        self.press_until(key, &format!("{key:?} leads to {text:?}"), |session| session.shows(text));
    }

    /// Presses a key until the screen no longer shows the text.
    pub(crate) fn press_away(&mut self, key: &str, text: &str) {
        self.press_until(key, &format!("{key:?} removes {text:?}"), |session| !session.shows(text));
    }

    fn press_until(&mut self, key: &str, what: &str, condition: impl Fn(&Self) -> bool) {
        let mut pressed: Option<Instant> = None;
        self.wait_until(what, |session| {
            if condition(session) {
                return true;
            }
            if pressed.is_none_or(|at| at.elapsed() > PRESS_AGAIN) {
                session.type_keys(key);
                pressed = Some(Instant::now());
            }
            false
        });
    }

    /// Returns whether the screen shows the text.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.with_screen(|screen| screen.contents().contains(text))
    }

    /// Returns everything copied so far, oldest first.
    pub(crate) fn copied(&self) -> Vec<String> {
        let sent = self.sent();
        let copies = sent.split("\x1b]52;c;").skip(1).filter_map(|rest| rest.split(['\x07', '\x1b']).next());
        copies.map(|text| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()).collect()
    }

    /// Presses a key that copies text and returns the copied text.
    pub(crate) fn copy(&mut self, key: &str) -> String {
        let before = self.copied().len();
        self.type_keys(key);
        self.wait_until("something is copied", |session| session.copied().len() > before);
        self.copied().pop().unwrap()
    }

    /// Asserts that the terminal is restored and shows no text from the console.
    pub(crate) fn assert_restored(&self) {
        let sent = self.sent();
        let end = sent.rfind("\x1b[?1049l").unwrap();
        for off in RESTORING {
            let last = sent.rfind(off).unwrap_or_else(|| panic!("{off:?} was not sent"));
            let on = off
                .replace("1000l", "1000h")
                .replace("2004l", "2004h")
                .replace("1049l", "1049h")
                .replace("25h", "25l");
            assert!(sent.rfind(&on).is_none_or(|on| on < last), "{on:?} was sent last");
        }
        self.with_screen(|screen| {
            assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
            assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
            assert_eq!(screen.contents().trim(), "", "no text is left on the main screen");
        });
        assert_eq!(self.scrollback_len(), 0);
        let letters = sent[end..].chars().filter(|c| c.is_alphabetic()).count();
        assert!(letters < 40, "{:?}", &sent[end..]);
        assert!(self.is_cooked(), "the terminal modes are restored");
    }

    /// Returns the program's process id.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Returns whether the last frame is complete. In the middle of a frame, the screen shows parts of
    /// two frames.
    fn is_frame_complete(&self) -> bool {
        let output = self.output.0.lock().unwrap();
        let recent = String::from_utf8_lossy(&output.sent[output.sent.len().saturating_sub(MAX_FRAME)..]);
        output.hung_up || recent.rfind("\x1b[?2026h") <= recent.rfind("\x1b[?2026l")
    }

    pub(crate) fn with_screen<T>(&self, read: impl FnOnce(&vt100::Screen) -> T) -> T {
        read(self.output.0.lock().unwrap().parser.screen())
    }

    /// Returns the number of lines in the scrollback buffer.
    pub(crate) fn scrollback_len(&self) -> usize {
        self.with_screen(vt100::Screen::scrollback_len)
    }

    /// Returns all of the program's output.
    pub(crate) fn sent(&self) -> String {
        String::from_utf8_lossy(&self.output.0.lock().unwrap().sent).into_owned()
    }

    pub(crate) fn signal(&self, name: &str) {
        let process = self.process_id().to_string();
        assert!(Command::new("kill").args(["-s", name, &process]).status().unwrap().success());
    }

    /// Lets the program open no descriptor from this number on.
    pub(crate) fn limit_descriptors(&self, limit: u64) {
        let process = rustix::process::Pid::from_raw(i32::try_from(self.process_id()).unwrap());
        let limit = rustix::process::Rlimit { current: Some(limit), maximum: Some(limit) };
        rustix::process::prlimit(process, rustix::process::Resource::Nofile, limit).unwrap();
    }

    /// Returns whether the program is stopped, as by Ctrl-Z.
    pub(crate) fn is_stopped(&self) -> bool {
        let process = self.process_id();
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        // The name in parentheses may contain anything. The state follows it.
        state.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    }

    /// Returns whether the terminal is in cooked mode, as a shell expects.
    pub(crate) fn is_cooked(&self) -> bool {
        let terminal =
            rustix::fs::open(&self.terminal, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        tcgetattr(terminal).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Hangs up the terminal, as when a connection is lost.
    pub(crate) fn hang_up(&mut self) {
        self.output.0.lock().unwrap().hung_up = true;
        // The reader keeps the terminal open until it has read once more.
        self.type_keys("j");
        self.reader.take().unwrap().join().unwrap();
        self.master = None;
    }

    /// Presses `q` until the program ends successfully. A key that was pressed twice on a slow machine may
    /// have opened an overlay, which the first `q` closes.
    pub(crate) fn quit(mut self) {
        let mut pressed: Option<Instant> = None;
        self.wait_until("the program ends", |session| {
            if session.child.try_wait().unwrap().is_some() {
                return true;
            }
            if pressed.is_none_or(|at| at.elapsed() > QUIT_AGAIN) {
                // The program may be ending, so that nobody reads the key.
                let (_, writer) = session.master.as_mut().unwrap();
                let _ = writer.write_all(b"q").and_then(|()| writer.flush());
                pressed = Some(Instant::now());
            }
            false
        });
        assert_eq!(self.exit_code(), 0);
    }

    /// Waits until the program ends and returns its exit code.
    pub(crate) fn exit_code(&mut self) -> u32 {
        let mut code = None;
        self.wait_until("the program ends", |session| {
            code = session.child.try_wait().unwrap();
            code.is_some()
        });
        let status = code.unwrap();
        assert_eq!(status.signal(), None, "the program exits by itself");
        // The last output may not have been read yet.
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status.exit_code()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // This is for tests that fail. It returns an error if the program has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}
