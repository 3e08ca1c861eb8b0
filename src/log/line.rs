//! An event as one line.

use std::{
    fmt::{self, Write as _},
    time::SystemTime,
};

use jiff::Timestamp;
use tracing::{
    Event, Level,
    field::{Field, Visit},
};

use alertdeck_model::SafeText;

/// Bytes of a line with its end.
pub(super) const MOST: usize = 4 << 10;
/// What stands for the rest of a line that is cut.
const CUT: char = '…';
/// The field that the macros put the text into.
const MESSAGE: &str = "message";
/// Fields that are not written, should an event ever have them; also as a part of a name.
const SECRET: [&str; 7] = ["token", "secret", "password", "authorization", "assertion", "verifier", "body"];

/// Returns the line of an event.
pub(super) fn of(event: &Event<'_>, now: SystemTime) -> String {
    let mut parts = Parts::default();
    event.record(&mut parts);
    let target = event.metadata().target();
    let place = target.rsplit("::").next().unwrap_or(target);
    parts.message.0.push_str(&parts.fields.0);
    assemble(now, *event.metadata().level(), place, &parts.message.0)
}

/// Puts the parts of a line together, makes it neutral, and cuts it.
pub(super) fn assemble(now: SystemTime, level: Level, place: &str, text: &str) -> String {
    let at = Timestamp::try_from(now).unwrap_or_default();
    let line = format!("{at:.3} {level:<5} {place} {text}");
    let mut line = SafeText::new(&line).line();
    let end = MOST - 1;
    if line.len() > end {
        line.truncate(head(&line, end - CUT.len_utf8()).len());
        line.push(CUT);
    }
    line.push('\n');
    line
}

/// The beginning of a text, in whole characters: at most so many bytes.
fn head(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

/// Text that takes no more than a line has: formatting stops when it is full.
#[derive(Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = MOST - self.0.len().min(MOST);
        if text.len() <= left {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(head(text, left));
        if left > 0 {
            // Beyond the end, so that the whole line is known to be cut.
            self.0.push(CUT);
        }
        Err(fmt::Error)
    }
}

#[derive(Default)]
struct Parts {
    message: Bounded,
    fields: Bounded,
}

impl Parts {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = field.name();
        if name == MESSAGE {
            let _ = self.message.write_fmt(value);
            return;
        }
        // An overfull line is cut where it is put together.
        if SECRET.iter().any(|secret| name.to_ascii_lowercase().contains(secret)) {
            let _ = write!(self.fields, " {name}=(left out)");
            return;
        }
        let mut text = Bounded::default();
        let _ = text.write_fmt(value);
        let text = text.0;
        // Text with blanks must not read as further fields.
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"=".contains(&b));
        let _ = if plain {
            write!(self.fields, " {name}={text}")
        } else {
            write!(self.fields, " {name}={text:?}")
        };
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}
