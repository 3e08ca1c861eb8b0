//! Lets the user edit text in an editor of their choice, in this terminal.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Read as _, Write as _},
    process::Command,
};

use super::leftovers::{Leftover, register};

/// The environment variables that may name the user's editor. The first non-empty one is used.
const VARIABLES: [&str; 2] = ["VISUAL", "EDITOR"];
/// The default editor, which POSIX requires.
const DEFAULT: &str = "vi";
/// The maximum number of bytes of edited text to read back.
const MAX_BYTES: u64 = 4 << 20;

/// Opens text in the user's editor (`VISUAL`, otherwise `EDITOR`, otherwise `vi`) and returns the
/// saved text. Blocks until the editor exits. The terminal must be in its normal mode. If the last
/// line has no line break, one is added.
///
/// The text is stored in a temporary file that only this user can read. The environment variables
/// in `hidden` are not passed to the editor.
///
/// # Errors
///
/// Fails if the file cannot be written or read, if there is no editor, if the editor fails, or if the
/// text is longer than 4 MiB. The error is sanitised for display.
pub fn edit(text: &str, hidden: &[&str]) -> Result<String, String> {
    let set = VARIABLES.iter().filter_map(env::var_os).find(|value| !value.is_empty());
    let editor = set.unwrap_or_else(|| OsString::from(DEFAULT));
    edit_with(&editor, text, hidden)
}

fn edit_with(editor: &OsString, text: &str, hidden: &[&str]) -> Result<String, String> {
    let failed =
        |what: &'static str| move |error: io::Error| format!("the text was not edited: {what}: {error}");
    // The extension makes editors treat the file as plain text.
    let create = || tempfile::Builder::new().prefix("alertdeck-").suffix(".txt").tempfile();
    let (mut file, _registered) = register(create, |file| Leftover::File(file.path().to_owned()))
        .map_err(failed("no temporary file"))?;
    // The last line must end with a line break, as in any text file.
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.write_all(end.as_bytes()));
    written.and_then(|()| file.flush()).map_err(failed("no temporary file"))?;
    // The variable may also contain arguments, so a shell splits it.
    let mut command = Command::new("sh");
    command.arg("-c").arg("eval \"$0 \\\"\\$1\\\"\"").arg(editor).arg(file.path());
    for variable in hidden {
        command.env_remove(variable);
    }
    let status = command.status().map_err(failed("the editor cannot be started"))?;
    if !status.success() {
        return Err(format!(
            "the text was not edited: the editor failed ({status}); set EDITOR to a different editor"
        ));
    }
    // Editors may replace the file instead of writing to it.
    let edited = fs::File::open(file.path()).map_err(failed("the file is gone"))?;
    let mut text = Vec::new();
    edited.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(failed("the file cannot be read"))?;
    if text.len() as u64 > MAX_BYTES {
        return Err("the text was not edited: it is longer than 4 MiB; shorten it".to_owned());
    }
    String::from_utf8(text).map_err(|_| "the text was not edited: the file is not UTF-8 text".to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn edited(editor: &str, text: &str) -> Result<String, String> {
        edit_with(&editor.into(), text, &["PATH_OF_NOTHING"])
    }

    #[test]
    fn a_text_is_edited_by_a_command_with_arguments() {
        assert_eq!(edited("sed -i -e s/a/b/", "a\n").unwrap(), "b\n");
        assert_eq!(edited("true", "\u{e9} 'x' $y").unwrap(), "\u{e9} 'x' $y\n");
    }

    #[test]
    fn an_editor_that_fails_is_an_error() {
        assert!(edited("false", "a").unwrap_err().contains("the editor failed"));
        assert!(edited("no-such-editor 2>/dev/null", "a").unwrap_err().contains("set EDITOR"));
        assert!(edited("rm -f", "a").unwrap_err().contains("the file is gone"));
    }

    #[test]
    fn text_is_read_back_in_full_or_not_at_all() {
        let write = |text: &str| format!(r#"sh -c '{text} > "$0"'"#);
        let long = |bytes: u64| write(&format!(r#"head -c {bytes} /dev/zero | tr "\0" a"#));
        assert_eq!(edited(&long(MAX_BYTES), "a").unwrap().len() as u64, MAX_BYTES);
        assert!(edited(&long(MAX_BYTES + 1), "a").unwrap_err().contains("longer than 4 MiB"));
        assert!(edited(&write(r#"printf "\303""#), "a").unwrap_err().contains("not UTF-8"));
    }
}
