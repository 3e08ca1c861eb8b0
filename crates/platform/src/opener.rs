//! Starts a browser, apart from this terminal and without secrets in its environment.

use std::{process::Stdio, time::Duration};

use super::system::{detach, has_display};

/// How long an opener has for telling that it cannot open anything.
const OPENER_FAILS_WITHIN: Duration = Duration::from_secs(3);

/// Opens an address in the user's browser; it blocks until the opener has failed or seems to do.
///
/// The address must be a parsed one, written out again: it is one argument, and never an option.
/// None of the variables in `hidden` reaches the browser. An opener that has not failed after
/// some seconds counts as started: some stay for as long as the browser does. The error says why
/// in words that are safe to show.
pub fn open_in_browser(address: &str, hidden: &[&str]) -> Result<(), String> {
    if !has_display() {
        return Err("there is no display here to open a browser on".into());
    }
    let mut reason = "no program to open links was found".to_owned();
    for mut command in open::commands(address) {
        for variable in hidden {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        detach(&mut command);
        let Ok(mut child) = command.spawn() else { continue };
        let (sender, ended) = std::sync::mpsc::channel();
        // The thread outlives this call where the opener does: somebody has to wait for it.
        std::thread::spawn(move || sender.send(child.wait()));
        match ended.recv_timeout(OPENER_FAILS_WITHIN) {
            Ok(Ok(status)) if status.success() => return Ok(()),
            Ok(Ok(status)) => reason = format!("the program that opens links failed ({status})"),
            Ok(Err(_)) => {}
            Err(_) => return Ok(()),
        }
    }
    Err(reason)
}
