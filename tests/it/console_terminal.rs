//! The console in a pseudo-terminal: how it uses the terminal and restores it.
//!
//! No test sleeps: each step waits for a condition on the screen, with a deadline.

use std::{
    io::Read as _,
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::support::terminal::Session;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};

fn demo(alerts: &str) -> Session {
    let mut session = Session::open(&["demo", "--alerts", alerts, "--seed", "1"], &[]);
    session.wait("complete");
    session
}

#[test]
fn a_session_from_the_first_page_to_quitting() {
    let mut session = demo("300");
    session.wait("300 of 300 loaded");
    session.type_keys("/severity:high");
    session.wait("severity:high");
    session.type_keys("\r");
    session.wait("j/k move  Enter read");
    session.type_keys("\r");
    session.wait("h/l fold");
    session.wait("Evidence");
    session.type_keys("\r");
    session.wait("f include  F exclude");
    session.type_keys("\x1b");
    session.wait("h/l fold");
    session.type_keys("q");
    session.wait("Enter read");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    session.assert_restored();
}

#[rstest]
#[case("TERM", 143)]
#[case("INT", 130)]
#[case("HUP", 129)]
#[case("QUIT", 131)]
#[case("USR1", 138)]
#[case("USR2", 140)]
fn signals_end_the_program_and_restore_the_terminal(#[case] signal: &str, #[case] code: u32) {
    let mut session = demo("50");
    session.type_keys("?");
    session.wait("edit the filter");
    let began = Instant::now();
    session.signal(signal);
    assert_eq!(session.exit_code(), code);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    session.assert_restored();
}

/// The program cannot handle KILL, as it cannot handle an abort because memory is exhausted.
#[cfg(target_os = "linux")]
#[test]
fn the_screen_is_restored_after_an_end_without_warning() {
    // As usual, a shell has started the program and keeps the terminal.
    let pty = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", r#""$0" demo --alerts 50; exec sleep 30"#, env!("CARGO_BIN_EXE_alertdeck")]);
    crate::support::terminal::set_environment(&mut command);
    let mut shell = pty.slave.spawn_command(command).unwrap();
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut read_until = |text: &str| {
        let (mut sent, mut buffer) = (String::new(), [0; 4_096]);
        while !sent.contains(text) {
            let count = reader.read(&mut buffer).unwrap();
            assert!(count > 0, "{text:?} was not sent");
            sent += &String::from_utf8_lossy(&buffer[..count]);
        }
    };
    read_until("complete");
    let id = shell.process_id().unwrap();
    let program = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let program = program.trim().parse().ok().and_then(Pid::from_raw).unwrap();
    kill_process(program, Signal::KILL).unwrap();
    read_until("\x1b[?1049l");
    shell.kill().unwrap();
    shell.wait().unwrap();
}

#[test]
fn a_program_without_descriptors_restores_the_terminal() {
    let mut session = demo("50");
    session.limit_descriptors(5);
    session.resize(100, 30);
    session.type_keys("q");
    session.exit_code();
    session.assert_restored();
}

#[test]
fn a_hang_up_ends_the_program() {
    let mut session = demo("50");
    let began = Instant::now();
    session.hang_up();
    // The program ends because of the signal, or because of an error when drawing.
    let code = session.exit_code();
    assert!([1, 129].contains(&code), "{code}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn a_hang_up_without_a_signal_ends_the_program() {
    // There is no signal for a terminal that is not the controlling terminal.
    let ptys = native_pty_system();
    let [controlling, shown] = [(); 2].map(|()| ptys.openpty(PtySize::default()).unwrap());
    let mut command = CommandBuilder::new("sh");
    let program = env!("CARGO_BIN_EXE_alertdeck");
    command.args(["-c", r#"exec "$0" demo --alerts 50 <"$1" >"$1" 2>"$1""#, program]);
    command.arg(shown.master.tty_name().unwrap());
    crate::support::terminal::set_environment(&mut command);
    let mut child = controlling.slave.spawn_command(command).unwrap();
    let mut reader = shown.master.try_clone_reader().unwrap();
    let (mut sent, mut buffer) = (Vec::new(), [0; 4_096]);
    while !String::from_utf8_lossy(&sent).contains("complete") {
        let count = reader.read(&mut buffer).unwrap();
        sent.extend_from_slice(&buffer[..count]);
    }
    // The program is idle, so it must notice the hang-up without drawing.
    drop((reader, shown));
    let (code, ended) = mpsc::channel();
    let mut killer = child.clone_killer();
    std::thread::spawn(move || code.send(child.wait().unwrap().exit_code()));
    let ended = ended.recv_timeout(Duration::from_secs(10));
    let _ = killer.kill();
    assert!(matches!(ended, Ok(1 | 129)), "{ended:?}");
}

#[test]
fn ctrl_z_restores_the_terminal_until_the_program_continues() {
    let mut session = demo("50");
    let screen = session.with_screen(vt100::Screen::contents);
    session.type_keys("\x1a");
    session.wait_until("the program is stopped", |session| session.is_stopped());
    assert!(session.is_cooked());
    session.with_screen(|screen| assert!(!screen.alternate_screen() && !screen.hide_cursor()));
    session.resize(100, 30);
    let before = session.sent().len();
    session.signal("CONT");
    session.wait_until("the screen is back", |session| {
        session.with_screen(|screen| screen.alternate_screen() && screen.contents().contains("complete"))
    });
    assert!(session.sent().len() - before > screen.trim().len() / 2, "the whole screen is redrawn");
    session.wait("? keys");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
}

#[test]
fn many_resizes_end_with_a_frame_of_the_last_size() {
    let mut session = Session::open(&["demo", "--alerts", "3000", "--seed", "1", "--latency", "20"], &[]);
    session.wait("loaded");
    for step in 0..200 {
        session.resize(20 + step * 7 % 180, 5 + step * 3 % 45);
    }
    session.resize(132, 41);
    session.wait("complete");
    session.wait_until("the key bar is in the last line", |session| {
        session.with_screen(|screen| {
            let rows: Vec<_> = screen.rows(0, 132).collect();
            rows.len() == 41
                && rows[40].starts_with("j/k move")
                && rows[0].trim_end().ends_with('Z')
                && rows[0].trim_end().len() >= 130
        })
    });
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
}

#[test]
fn a_burst_of_keys_is_handled_completely() {
    let mut session = Session::open(&["demo", "--alerts", "8100", "--seed", "1"], &[]);
    session.wait("complete");
    session.type_keys(&"\x1b[B".repeat(8_000));
    session.wait("8,001/8,100");
    session.type_keys("k");
    session.wait("8,000/8,100");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
}

#[test]
fn a_paste_that_arrives_as_keys_never_acts() {
    let mut session = demo("50");
    // Without markers, and with a marker in the text that ends the paste early.
    for text in ["qqqqqqqqqqqqqqqqqqqq", "\x1b[200~abc\x1b[201~qq\rq"] {
        session.type_keys(text);
        session.wait("Enter run");
        session.press_away("\x1b", "Enter run");
    }
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
}

#[test]
fn a_paste_without_an_end_gives_the_keys_back() {
    let mut session = demo("50");
    session.type_keys("\x1b[200~abc");
    session.wait("abc");
    session.press_away("\x1b", "abc");
    session.press("?", "edit the filter");
    session.press_away("\x1b", "edit the filter");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
}

#[test]
fn marked_alerts_are_exported_and_existing_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    let mut session = Session::open(&["demo", "--alerts", "50", "--seed", "1"], &[("HOME", home)]);
    session.wait("complete");
    session.type_keys("  ");
    session.wait("2 marked");
    session.type_keys("Ec\t\x15");
    session.paste("~/two alerts.csv");
    session.wait("file  ~/two alerts.csv");
    session.type_keys("\r");
    session.wait("2 alerts written to ");
    let path = folder.path().join("two alerts.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.split_terminator("\r\n").count(), 3, "{text}");
    session.type_keys("M*Ej\t\x15");
    session.paste("~/two alerts.csv");
    session.wait("file  ~/two alerts.csv");
    session.type_keys("\r");
    session.wait("the file already exists: press o");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    session.type_keys("o");
    session.wait("50 alerts written to ");
    let alerts: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(alerts.len(), 50);
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Returns the control sequences in the text, without their parameters.
fn sequences(sent: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = sent;
    while let Some(at) = rest.find(|c: char| c.is_control() && !matches!(c, '\r' | '\n')) {
        rest = &rest[at..];
        let end = match rest.strip_prefix("\x1b[") {
            Some(body) => body.find(|c: char| ('@'..='~').contains(&c)).map_or(rest.len(), |end| end + 3),
            None => rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at),
        };
        let sequence = &rest[..end];
        let private = sequence.contains('?');
        let kind = if private {
            sequence.to_owned()
        } else {
            sequence.replace(|c: char| c.is_ascii_digit() || c == ';' || c == ':', "")
        };
        if !found.contains(&kind) {
            found.push(kind);
        }
        rest = &rest[end..];
    }
    found
}

/// Returns whether a sequence is one that the console itself sends: modes, positions, styles,
/// clearing.
fn is_own(sequence: &str) -> bool {
    let modes = ["1049", "2004", "2026", "25", "1000", "1002", "1003", "1006", "1015"];
    ["\x1b[m", "\x1b[H", "\x1b[J", "\x1b[K", "\x1b[G", "\x1b[n"].contains(&sequence)
        || modes
            .iter()
            .any(|mode| sequence == format!("\x1b[?{mode}h") || sequence == format!("\x1b[?{mode}l"))
}

#[test]
fn control_sequences_in_alerts_do_not_reach_the_terminal() {
    let hostile = "\\u001b[31mRED\\u001b[2J\\u001b]52;c;eA==\\u0007\\u001b]0;owned\\u0007\\u001b]8;;http://x\\u001b\\\\ \\u009b31m\\u0007\\u0008\\u202e\\u0000";
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    let alert = format!(
        r##"{{"id":"1","title":"{hostile}","severity":"{hostile}","assignedTo":"{hostile}","description":"{hostile}",
        "alertWebUrl":"{hostile}","{hostile}":"{hostile}","createdDateTime":"2026-11-01T00:00:00Z","evidence":[
        {{"@odata.type":"#microsoft.graph.security.processEvidence","processCommandLine":"{hostile}","imageFile":{{"fileName":"{hostile}"}}}},
        {{"@odata.type":"#microsoft.graph.security.{hostile}","x":"{hostile}"}}]}}"##
    );
    std::fs::write(file.path(), alert).unwrap();
    let mut session = Session::open(&["open", file.path().to_str().unwrap()], &[]);
    session.wait("complete");
    // Show the tree, the values, the JSON, a refused link, and a filter for the title.
    session.type_keys("\r");
    session.wait("Esc list");
    session.wait("Evidence");
    session.type_keys("jj\r");
    session.wait("f include  F exclude");
    session.type_keys("\x1b");
    session.wait("Esc list");
    session.type_keys("vo");
    session.wait("not opened");
    session.type_keys("v\tft");
    session.wait("filter › title=");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    // The question about the background.
    let sent = session.sent().replacen(BACKGROUND, "", 1);
    let odd: Vec<_> = sequences(&sent).into_iter().filter(|sequence| !is_own(sequence)).collect();
    assert_eq!(odd, Vec::<String>::new());
}

/// Asks for the background colour.
const BACKGROUND: &str = "\x1b]11;?\x1b\\";

#[test]
fn the_theme_follows_the_background_unless_one_is_chosen() {
    // The accent colour on a light background.
    let is_light =
        |session: &Session| ["38;5;25;", "38;5;25m"].iter().any(|code| session.sent().contains(code));
    for (arguments, asks) in [(&[] as &[&str], true), (&["--theme", "dark"], false)] {
        let mut session = Session::open(&[&["demo", "--alerts", "20"], arguments].concat(), &[]);
        session.wait("complete");
        assert_eq!(session.sent().contains(BACKGROUND), asks);
        assert!(!is_light(&session));
        session.type_keys("\x1b]11;rgb:ffff/ffff/ffff\x1b\\");
        session.type_keys("?");
        session.wait("Esc close");
        assert_eq!(is_light(&session), asks);
        session.type_keys("qq");
        assert_eq!(session.exit_code(), 0);
    }
}

#[test]
fn only_copying_sets_the_clipboard() {
    let mut session = demo("50");
    let clipboard = "\x1b]52;c;";
    assert!(!session.sent().contains(clipboard));
    session.type_keys("yi");
    session.wait("copied alert ID");
    assert_eq!(session.sent().matches(clipboard).count(), 1);
}

#[test]
fn no_color_disables_colours() {
    let mut session = Session::open(&["demo", "--alerts", "50", "--seed", "1"], &[("NO_COLOR", "1")]);
    session.wait("complete");
    session.type_keys("\r");
    session.wait("h/l fold");
    let sent = session.sent();
    let styles = sent.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m').map(|(codes, _)| codes));
    let styles = styles.filter(|codes| codes.chars().all(|c| c.is_ascii_digit() || c == ';'));
    for codes in styles {
        let coloured = codes.split(';').any(|code| {
            let code: u32 = code.parse().unwrap_or(0);
            matches!(code, 30..=38 | 40..=48 | 90..=107)
        });
        assert!(!coloured, "{codes}");
    }
}
