//! `alertdeck journal` and `alertdeck note`: print the changes made from this computer, and add
//! notes for the handover.

use std::io::Write;

use serde_json::{Value, json};

use super::{Connection, Failure, context, line, notify};
use crate::{
    journal::{Entries, Journal},
    report::markdown,
    triage::{Entry, EntryId, EntryKind, EntryResult, latest},
};
use alertdeck_model::Timestamp;
use alertdeck_query as query;

/// Parses the start of a period, given as an age or a date.
pub(super) fn parse_since(text: &str) -> Result<Timestamp, String> {
    query::since(text, &context()).ok_or_else(|| {
        "use a duration such as 8h or 2d, a date such as 2026-11-30 or 2026-11-30T06:00, today or yesterday"
            .to_owned()
    })
}

/// Prints the journal of changes.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct JournalCommand {
    /// Print only entries recorded since TIME: 8h or 2d (ago), today, 2026-11-30 or 2026-11-30T06:00
    /// (UTC)
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub since: Option<Timestamp>,
    /// Output format: text, markdown or json
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: JournalFormat,
}

/// The output format of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum JournalFormat {
    /// One line per change.
    #[default]
    Text,
    /// A table.
    Markdown,
    /// An array of objects.
    Json,
}

/// Adds a note to the journal.
#[derive(Clone, Debug, clap::Args)]
pub struct Note {
    /// The note
    #[arg(value_name = "TEXT", required = true)]
    pub text: Vec<String>,
    /// The alert that the note is about
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub alert: Option<String>,
}

impl JournalCommand {
    /// Prints the latest entry for each change and each note. If profiles are selected, prints only
    /// their entries and the notes on the shift as a whole.
    pub fn run(
        self,
        connection: &Connection,
        journal: &Journal,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let Entries { entries, unreadable } = journal.read()?;
        let profiles = connection.names();
        let is_selected = |entry: &Entry| {
            let is_local = entry.kind == EntryKind::Note && entry.profile.is_empty();
            profiles.is_empty() || is_local || profiles.contains(&entry.profile.as_str())
        };
        let is_new = |entry: &Entry| self.since.is_none_or(|since| entry.time >= since);
        let mut entries = latest(entries);
        let is_empty = entries.is_empty();
        entries.retain(|entry| is_selected(entry) && is_new(entry));
        if is_empty {
            notify("the journal is empty: nothing was changed from this computer");
        } else if entries.is_empty() {
            notify("no entries in the journal for this selection");
        }
        match self.format {
            JournalFormat::Json => {
                let objects: Vec<_> = entries.iter().map(object).collect();
                serde_json::to_writer_pretty(&mut *out, &objects).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
            JournalFormat::Markdown if !entries.is_empty() => out.write_all(table(&entries).as_bytes())?,
            JournalFormat::Markdown => {}
            JournalFormat::Text => {
                for entry in &entries {
                    let parts = cells(entry).into_iter().filter(|cell| !cell.is_empty());
                    writeln!(out, "{}", parts.collect::<Vec<_>>().join("  "))?;
                }
            }
        }
        out.flush()?;
        if_readable(unreadable, journal)
    }
}

/// Fails if some lines of the journal could not be read.
pub(super) fn if_readable(unreadable: usize, journal: &Journal) -> Result<(), Failure> {
    if unreadable == 0 {
        return Ok(());
    }
    let path = line(&journal.path().to_string_lossy());
    let lines = if unreadable == 1 { "line" } else { "lines" };
    Err(Failure::Incomplete(format!("{unreadable} {lines} of {path} cannot be read")))
}

impl Note {
    /// Adds the note to the journal. The note stays on this computer.
    pub fn run(
        &self,
        connection: &Connection,
        journal: &Journal,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let text = self.text.join(" ").trim().to_owned();
        if text.is_empty() {
            return Err(Failure::Usage("the note is empty".into()));
        }
        let alert = self.alert.as_deref().map(str::trim);
        if alert == Some("") {
            return Err(Failure::Usage("--alert needs an ID".into()));
        }
        let profile = match connection.names().as_slice() {
            [name] => (*name).to_owned(),
            _ => String::new(),
        };
        let entry = Entry {
            text: Some(text),
            alert: alert.map(str::to_owned),
            profile,
            ..Entry::new(EntryKind::Note, context().now, EntryId::random())
        };
        journal.append(&entry)?;
        writeln!(out, "note added")?;
        Ok(out.flush()?)
    }
}

/// The reason to show for a change whose result was never recorded.
const NO_REPLY: &str = "the program exited before the reply arrived";

/// Describes the result of a change, sanitised for display.
fn result(entry: &Entry) -> String {
    let words = match entry.result {
        None => return String::new(),
        Some(EntryResult::Sent) => return format!("unknown ({NO_REPLY})"),
        Some(EntryResult::Applied) => "changed",
        Some(EntryResult::NotApplied) => "not changed, though the change was sent",
        Some(EntryResult::Unknown) => "unknown",
        Some(EntryResult::Failed) => "not changed",
    };
    match &entry.reason {
        Some(reason) => format!("{words} ({})", line(reason)),
        None => words.to_owned(),
    }
}

/// Describes a journal entry, such as `resolve as false positive`. The text is sanitised for
/// display.
pub(super) fn what(entry: &Entry) -> String {
    let text = || line(entry.text.as_deref().unwrap_or_default());
    match entry.kind {
        EntryKind::Update => entry.change_words(),
        EntryKind::Comment => format!("comment: {}", text()),
        EntryKind::Note => format!("note: {}", text()),
    }
}

/// The columns of the Markdown table.
const COLUMNS: [&str; 8] = ["time", "tenant", "alert", "title", "change", "result", "account", "request ID"];

/// Returns the table cells for an entry, sanitised for display.
fn cells(entry: &Entry) -> [String; 8] {
    let tenant = if entry.profile.is_empty() { &entry.tenant } else { &entry.profile };
    let text = |text: &Option<String>| line(text.as_deref().unwrap_or_default());
    [
        entry.time.to_second(),
        line(tenant),
        text(&entry.alert),
        line(&entry.title),
        what(entry),
        result(entry),
        text(&entry.account),
        text(&entry.request_id),
    ]
}

fn table(entries: &[Entry]) -> String {
    let row = |entry: &Entry| {
        let [time, rest @ ..] = cells(entry);
        let cells: Vec<_> =
            std::iter::once(time).chain(rest.iter().map(|cell| markdown::unlinked(cell))).collect();
        markdown::row(&cells)
    };
    markdown::head(COLUMNS) + &entries.iter().map(row).collect::<String>()
}

/// Returns the JSON object for an entry. If a change was sent and its result was never recorded,
/// the object gives the result as unknown.
fn object(entry: &Entry) -> Value {
    let mut object = json!(entry);
    if entry.result == Some(EntryResult::Sent) {
        object["result"] = json!(EntryResult::Unknown);
        object["reason"] = NO_REPLY.into();
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_graph::AlertUpdate;
    use alertdeck_model::Status;

    fn entry() -> Entry {
        let time = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let after = AlertUpdate { status: Some(Status::Resolved), ..AlertUpdate::default() };
        Entry {
            title: "a | b\u{1b}[2J https://evil.example\n# x".into(),
            alert: Some("da1".into()),
            profile: "contoso".into(),
            ..Entry::new(EntryKind::Update, time, EntryId::random())
                .with_values(&AlertUpdate::default(), &after)
        }
    }

    #[test]
    fn a_change_without_a_reply_is_unknown() {
        let sent = Entry { result: Some(EntryResult::Sent), ..entry() };
        assert_eq!(cells(&sent)[5], "unknown (the program exited before the reply arrived)");
        let object = object(&sent);
        assert_eq!((&object["result"], &object["reason"]), (&json!("unknown"), &json!(NO_REPLY)));
    }

    #[test]
    fn a_table_is_escaped() {
        let table = table(&[Entry { result: Some(EntryResult::Applied), ..entry() }]);
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(table.contains(r"a \| b␛\[2J https\:/\/evil.example⏎\# x"), "{table}");
        assert!(table.contains("| resolve | changed |"), "{table}");
    }

    #[test]
    fn times_are_durations_or_dates() {
        assert!(parse_since("8h").is_ok_and(|at| at < context().now));
        assert_eq!(parse_since("2026-11-01").unwrap().to_second(), "2026-11-01T00:00:00Z");
        assert!(parse_since("soon").unwrap_err().contains("8h"));
    }
}
