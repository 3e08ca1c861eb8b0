//! Starts a browser, detached from this terminal and without secrets in its environment.

use std::{process::Stdio, time::Duration};

use super::{Running, system::has_display};

/// The maximum time to wait for the opener to exit.
const OPENER_FAILS_WITHIN: Duration = Duration::from_secs(3);

/// Opens an address in the user's browser. Blocks until the opener exits, but for at most three
/// seconds. An opener that is still running by then counts as successful, because some run for as
/// long as the browser does.
///
/// The address must be the serialised form of a parsed address, so that it is a single argument and
/// is never mistaken for an option. The environment variables in `hidden` are not passed to the
/// browser.
///
/// # Errors
///
/// Fails if there is no display or no opener, or if the opener fails. The error is sanitised for
/// display.
pub fn open_in_browser(address: &str, hidden: &[&str]) -> Result<(), String> {
    if !has_display() {
        return Err("there is no display to open a browser on".into());
    }
    let mut reason = "no program to open links was found".to_owned();
    for mut command in open::commands(address) {
        for variable in hidden {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(opener) = Running::start(command) else { continue };
        let (sender, ended) = std::sync::mpsc::channel();
        // The thread may outlive this call, because something has to wait for the opener.
        std::thread::spawn(move || sender.send(opener.wait()));
        match ended.recv_timeout(OPENER_FAILS_WITHIN) {
            Ok(Ok(status)) if status.success() => return Ok(()),
            Ok(Ok(status)) => reason = format!("the program that opens links failed ({status})"),
            Ok(Err(_)) => {}
            Err(_) => return Ok(()),
        }
    }
    Err(reason)
}
