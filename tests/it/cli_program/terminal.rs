//! Opens the console from the commands, in a pseudo-terminal.

use std::{
    fs,
    io::{Read as _, Write},
    num::NonZero,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use super::sample;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const ROWS: NonZero<u16> = NonZero::new(30).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(120).unwrap();
/// The request for the cursor position, and the reply.
const CURSOR_REQUEST: &str = "\u{1b}[6n";
const CURSOR_REPLY: &str = "\u{1b}[1;1R";

/// The program in a pseudo-terminal.
struct Terminal {
    /// Dropped last, since closing it hangs up.
    _pty: portable_pty::PtyPair,
    writer: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    /// All output so far.
    seen: String,
    screen: vt100::Parser,
}

impl Terminal {
    /// Runs a shell command line in which `alertdeck` refers to the program.
    fn run(line: &str) -> Self {
        let size = PtySize { rows: ROWS.get(), cols: COLUMNS.get(), ..PtySize::default() };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new("sh");
        let program = assert_cmd::cargo::cargo_bin!("alertdeck").display();
        command.args(["-c", &format!("alertdeck() {{ '{program}' \"$@\"; }}; {line}")]);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env_remove("ALERTDECK_TOKEN");
        command.env("ALERTDECK_CONFIG", "");
        command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
        let child = pty.slave.spawn_command(command).unwrap();
        let mut reader = pty.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer = pty.master.take_writer().unwrap();
        Self {
            _pty: pty,
            writer,
            child,
            output,
            seen: String::new(),
            screen: vt100::Parser::new(ROWS, COLUMNS, 0),
        }
    }

    /// Waits until the screen shows the text.
    fn until(&mut self, words: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.screen.screen().contents().contains(words) {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.output.recv_timeout(left) else {
                panic!("{words:?} is not shown, but:\n{}", self.screen.screen().contents());
            };
            self.screen.process(&bytes);
            let text = String::from_utf8_lossy(&bytes);
            for _ in text.matches(CURSOR_REQUEST) {
                self.keys(CURSOR_REPLY);
            }
            self.seen.push_str(&text);
        }
    }

    fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
    }

    fn code(mut self) -> u32 {
        self.child.wait().unwrap().exit_code()
    }
}

#[test]
fn without_a_sign_in_the_console_prints_first_steps() {
    let mut terminal = Terminal::run("alertdeck");
    terminal.until("alertdeck demo");
    terminal.until("ALERTDECK_TOKEN=");
    assert_eq!(terminal.code(), 3);
}

#[test]
fn a_bad_filter_is_reported_before_the_console_opens() {
    let mut terminal = Terminal::run("alertdeck demo sevrity:high");
    terminal.until("did you mean `severity`?");
    assert!(!terminal.seen.contains("\u{1b}[?1049h"));
    assert_eq!(terminal.code(), 2);
}

#[test]
fn unreadable_files_are_reported_when_the_console_ends() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(sample(), folder.path().join("good.json")).unwrap();
    fs::write(folder.path().join("bad.json"), "<html>").unwrap();
    let mut terminal = Terminal::run(&format!("alertdeck open '{}'", folder.path().display()));
    terminal.until("Suspicious execution");
    terminal.keys("q");
    terminal.until("incomplete: ");
    terminal.until("bad.json: this is HTML or XML");
    assert_eq!(terminal.code(), 5);
}

#[test]
fn the_console_reads_keys_from_the_terminal_and_alerts_from_a_pipe() {
    let mut terminal =
        Terminal::run(&format!("cat '{}' | alertdeck open - --filter severity:low", sample().display()));
    terminal.until("Suspicious execution");
    terminal.keys("q");
    assert_eq!(terminal.code(), 0);
}

#[test]
fn without_a_usable_terminal_type_the_console_does_not_open() {
    for (variable, message) in [
        ("TERM=dumb", "TERM=dumb is not a terminal"),
        ("TERM=", "TERM is not set"),
        ("-u TERM", "TERM is not set"),
    ] {
        let program = assert_cmd::cargo::cargo_bin!("alertdeck").display();
        let mut terminal = Terminal::run(&format!("env {variable} '{program}' demo"));
        terminal.until(message);
        assert!(!terminal.seen.contains("\u{1b}[?1049h"), "{variable}");
        assert_eq!(terminal.code(), 2);
    }
}

#[test]
fn the_demo_opens() {
    let mut terminal = Terminal::run("alertdeck demo --alerts 60");
    terminal.until("60 matches");
    terminal.keys("q");
    assert_eq!(terminal.code(), 0);
}
