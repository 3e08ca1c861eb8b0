//! Formats an event as one line.

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

/// The maximum length of a line in bytes, including the line break.
pub(super) const MAX_LINE: usize = 4 << 10;
/// The mark at the end of a truncated line.
const ELLIPSIS: char = '…';
/// The field that contains an event's message.
const MESSAGE: &str = "message";
/// Words in field names that cause a field to be redacted.
const SECRET: [&str; 7] = ["token", "secret", "password", "authorization", "assertion", "verifier", "body"];

/// Returns the line for an event.
pub(super) fn of(event: &Event<'_>, now: SystemTime) -> String {
    let mut parts = Parts::default();
    event.record(&mut parts);
    let target = event.metadata().target();
    let module = target.rsplit("::").next().unwrap_or(target);
    parts.message.0.push_str(&parts.fields.0);
    assemble(now, *event.metadata().level(), module, &parts.message.0)
}

/// Assembles, sanitises and truncates a line.
pub(super) fn assemble(now: SystemTime, level: Level, module: &str, text: &str) -> String {
    let at = Timestamp::try_from(now).unwrap_or_default();
    let line = format!("{at:.3} {level:<5} {module} {text}");
    let mut line = SafeText::new(&line).line();
    let end = MAX_LINE - 1;
    if line.len() > end {
        line.truncate(head(&line, end - ELLIPSIS.len_utf8()).len());
        line.push(ELLIPSIS);
    }
    line.push('\n');
    line
}

/// Returns the longest prefix of whole characters that fits in `max_bytes`.
fn head(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

/// Text of at most one line. Formatting stops when the line is full.
#[derive(Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = MAX_LINE - self.0.len().min(MAX_LINE);
        if text.len() <= left {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(head(text, left));
        if left > 0 {
            // This exceeds the limit, so that `assemble` truncates the line.
            self.0.push(ELLIPSIS);
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
        // An error means that the text is full; `assemble` truncates the line.
        if SECRET.iter().any(|secret| name.to_ascii_lowercase().contains(secret)) {
            let _ = write!(self.fields, " {name}=(redacted)");
            return;
        }
        let mut text = Bounded::default();
        let _ = text.write_fmt(value);
        let text = text.0;
        // Text with spaces is quoted, so that it is not mistaken for additional fields.
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
