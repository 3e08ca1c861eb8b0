//! Exporting: what is written, in which format, to which file, and how that ended.
//!
//! The state knows no files: it asks for an export with the alerts as they were received, and is
//! told how it went. What goes wrong leaves the form open with all that was typed.

use std::collections::HashMap;

use super::{
    App, Command, Context, Editor, Effect, Key, KeyCode, Overlay, Phase,
    format::{bytes, thousands},
    keymap::{self, ExportCommand},
};
use crate::export::Format;
use alertdeck_model::{RawAlert, SafeText, Timestamp};
use alertdeck_store::Row;

/// Characters of the tenant's name in that of a file.
const TENANT: usize = 40;

/// The form for an export.
#[derive(Debug)]
pub struct ExportForm {
    /// The format that is chosen.
    pub format: Format,
    /// The file's name, as typed.
    pub path: Editor,
    /// Whether keys go to the file's name.
    pub typing: bool,
    /// How far it is.
    pub stage: ExportStage,
}

/// How far an export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportStage {
    /// It is being filled in.
    Asked,
    /// It is being written.
    Writing {
        /// The export.
        number: u64,
        /// How many alerts.
        alerts: usize,
    },
    /// A file of this name exists: the user decides.
    Exists,
    /// It was not written; what happened, safe to show.
    Failed(String),
}

/// The exports under way, whatever the profile in use is by now.
#[derive(Debug, Default)]
pub(super) struct Exports {
    /// The number of the last one.
    last: u64,
    /// Whose alerts each one writes, as words that are safe to show.
    under_way: HashMap<u64, String>,
}

/// An export to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Tells it from others: no two of one run of the program have the same.
    pub number: u64,
    /// The alerts, in their order.
    pub alerts: Vec<RawAlert>,
    /// The format.
    pub format: Format,
    /// The file, as typed: `~` at the start is the user's home.
    pub path: String,
    /// Whether a file that exists is replaced.
    pub overwrite: bool,
    /// The host of the portal, whose links can be followed in tickets.
    pub portal_host: String,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many alerts.
    pub alerts: usize,
    /// How many bytes.
    pub bytes: u64,
    /// Where, safe to show.
    pub path: String,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotWritten {
    /// A file of this name exists.
    Exists,
    /// It could not be; what happened, where, and what to do, in a line that is safe to show.
    Refused(String),
}

impl NotWritten {
    /// Says it in a line that names the file, as the export did.
    pub fn line(&self, path: &str) -> String {
        let path = SafeText::new(path).line();
        match self {
            Self::Exists => format!("not exported: {path} exists"),
            Self::Refused(line) if line.contains(&path) => format!("not exported: {line}"),
            Self::Refused(line) => format!("not exported: {path}: {line}"),
        }
    }
}

impl Exports {
    fn begin(&mut self, whose: String) -> u64 {
        self.last += 1;
        self.under_way.insert(self.last, whose);
        self.last
    }

    /// Tells whose alerts an export that has ended wrote.
    fn end(&mut self, number: u64) -> Option<String> {
        self.under_way.remove(&number)
    }
}

impl ExportForm {
    /// Takes another format; the file's name ends as the format wants it, unless the user has
    /// given it an end of their own.
    fn take(&mut self, format: Format) {
        let text = self.path.text();
        let stem = text.strip_suffix(self.format.extension()).and_then(|stem| stem.strip_suffix('.'));
        if let Some(stem) = stem {
            self.path = Editor::new(&format!("{stem}.{}", format.extension()));
        }
        self.format = format;
        self.stage = ExportStage::Asked;
    }

    /// Edits the file's name by a key.
    fn edit(&mut self, key: Key) {
        if matches!(self.stage, ExportStage::Writing { .. }) {
            return;
        }
        let before = self.path.text().to_owned();
        self.path.edit(key);
        if self.path.text() != before {
            self.stage = ExportStage::Asked;
        }
    }

    fn take_neighbour(&mut self, forward: bool) {
        let count = Format::ALL.len();
        let at = Format::ALL.iter().position(|format| *format == self.format).unwrap_or(0);
        self.take(Format::ALL[(at + if forward { 1 } else { count - 1 }) % count]);
    }
}

impl App {
    /// Opens the form.
    pub(super) fn ask_for_export(&mut self) {
        if self.view.rows().is_empty() {
            return self.notify("no alert is shown: there is nothing to export");
        }
        let format = self.export_format;
        let name = file_name(&self.settings.tenant, self.clock.now.wall, format);
        let path = Editor::new(&name);
        self.overlay =
            Some(Overlay::Export(ExportForm { format, path, typing: false, stage: ExportStage::Asked }));
    }

    /// Lists what an export means: the marked alerts in the list, or else all that match.
    fn to_export(&self) -> Vec<Row> {
        let marked = self.marked();
        if !marked.is_empty() {
            return marked;
        }
        self.view.rows().iter().copied().filter(|row| !self.view.is_stale(*row)).collect()
    }

    /// Says what is missing in the list, where something is.
    pub fn missing(&self) -> Option<String> {
        let loaded = self.loaded_of_list();
        // Of a list that is read again, what is held from before says nothing.
        let (count, how) = loaded.read.map_or((loaded.held, "loaded"), |read| (read, "read"));
        let loaded = match loaded.total {
            Some(total) => format!("{} of {} {how}", thousands(count), thousands(total)),
            None => format!("{} {how}", thousands(count)),
        };
        let missing = match &self.load.phase {
            Phase::Idle => None,
            Phase::Complete => {
                let partial = self.load.partial.as_ref();
                partial.map(|why| format!("{loaded}, the service sent a part: {}", why.line()))
            }
            Phase::Loading | Phase::Waiting { .. } => Some(format!("{loaded} so far")),
            Phase::Stopped => Some(format!("{loaded}, then stopped")),
            Phase::Failed { failure, .. } => Some(format!("{loaded}: {}", failure.line)),
        };
        missing.map(|missing| format!("the list is not whole: {missing}"))
    }

    pub(super) fn export_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        let command = keymap::command(&[Context::Export, Context::All], key);
        let Some(Overlay::Export(form)) = &mut self.overlay else { return };
        // In the file's name a letter is a letter.
        let is_text = form.typing && !key.ctrl && matches!(key.code, KeyCode::Char(_));
        match command {
            _ if is_text => form.edit(key),
            Some(Command::Back) if form.stage == ExportStage::Exists => form.stage = ExportStage::Asked,
            Some(Command::Back | Command::Quit) => self.overlay = None,
            Some(Command::Exporting(command)) => self.export_command(command, effects),
            _ if form.typing => form.edit(key),
            _ => {}
        }
    }

    fn export_command(&mut self, command: ExportCommand, effects: &mut Vec<Effect>) {
        let Some(Overlay::Export(form)) = &mut self.overlay else { return };
        let exists = form.stage == ExportStage::Exists;
        match command {
            // What is being written stays as it was asked for.
            _ if matches!(form.stage, ExportStage::Writing { .. }) => {}
            ExportCommand::Overwrite if exists => self.export(true, effects),
            ExportCommand::Write if !exists => self.export(false, effects),
            ExportCommand::Rename | ExportCommand::Switch if exists => {
                form.stage = ExportStage::Asked;
                form.typing = true;
            }
            ExportCommand::Switch => form.typing = !form.typing,
            ExportCommand::Next | ExportCommand::Previous => {
                form.take_neighbour(command == ExportCommand::Next);
            }
            ExportCommand::Take(format) => form.take(format),
            // They mean something where a file of the name exists, or only where none does.
            ExportCommand::Overwrite | ExportCommand::Rename | ExportCommand::Write => {}
        }
    }

    /// Asks for the export.
    fn export(&mut self, overwrite: bool, effects: &mut Vec<Effect>) {
        let Some(Overlay::Export(form)) = &self.overlay else { return };
        let (format, path) = (form.format, form.path.text().to_owned());
        let stage = if path.trim().is_empty() {
            ExportStage::Failed("name a file to write to".into())
        } else if self.view.is_scanning() {
            ExportStage::Failed("the filter is still at work: Enter again in a moment".into())
        } else {
            let rows = self.to_export();
            let alerts: Vec<_> = rows.iter().map(|row| self.store.raw(*row).clone()).collect();
            let count = alerts.len();
            if count == 0 {
                ExportStage::Failed("no alert matches any more: there is nothing to export".into())
            } else {
                let portal_host = self.settings.portal_host.clone();
                let number = self.exports.begin(self.settings.tenant.clone());
                let export = Export { number, alerts, format, path, overwrite, portal_host };
                effects.push(Effect::Export(export));
                self.export_format = format;
                ExportStage::Writing { number, alerts: count }
            }
        };
        if let Some(Overlay::Export(form)) = &mut self.overlay {
            form.stage = stage;
        }
    }

    /// Takes how an export ended; its form may be closed by now, or be another's, and its profile
    /// not be in use any more.
    pub(super) fn exported(&mut self, number: u64, path: &str, outcome: Result<Written, NotWritten>) {
        let whose = self.exports.end(number).filter(|whose| *whose != self.settings.tenant);
        let whose = whose.map_or_else(String::new, |whose| format!("{whose}: "));
        let form = match &mut self.overlay {
            Some(Overlay::Export(form)) => Some(form),
            _ => None,
        };
        let form = form
            .filter(|form| matches!(form.stage, ExportStage::Writing { number: its, .. } if its == number));
        match (outcome, form) {
            (Ok(Written { alerts, bytes: size, path }), form) => {
                if form.is_some() {
                    self.overlay = None;
                }
                let noun = if alerts == 1 { "alert" } else { "alerts" };
                let size = bytes(usize::try_from(size).unwrap_or(usize::MAX));
                self.notify_completed(
                    format!("{whose}{} {noun} written to {path} ({size})", thousands(alerts)),
                    false,
                );
            }
            (Err(NotWritten::Exists), Some(form)) => {
                form.stage = ExportStage::Exists;
                form.typing = false;
            }
            (Err(NotWritten::Refused(line)), Some(form)) => {
                form.stage = ExportStage::Failed(line);
                form.typing = true;
            }
            (Err(why), None) => self.notify_completed(format!("{whose}{}", why.line(path)), true),
        }
    }

    /// Puts a pasted text into the file's name: its first line.
    pub(super) fn paste_path(&mut self, text: &str) {
        if let Some(Overlay::Export(form)) = &mut self.overlay
            && form.typing
            && !matches!(form.stage, ExportStage::Writing { .. })
        {
            form.path.insert(text.trim().lines().next().unwrap_or_default());
            form.stage = ExportStage::Asked;
        }
    }
}

/// Makes a name for a file that any system takes: whose alerts, as of when.
fn file_name(tenant: &str, at: Timestamp, format: Format) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
    let tenant: String = tenant.chars().take(TENANT).map(plain).collect();
    let tenant = Some(tenant.trim_matches(['-', '.'])).filter(|name| !name.is_empty()).unwrap_or("alerts");
    let stamp = at.to_second().replace(['-', ':'], "");
    format!("alertdeck-{tenant}-{stamp}.{}", format.extension())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("contoso.onmicrosoft.com", "contoso.onmicrosoft.com")]
    #[case("saved alerts", "saved-alerts")]
    #[case("../../etc/pass\u{202e}wd\\C:", "etc-pass-wd-c")]
    #[case("\u{4e0d}", "alerts")]
    #[case(&"x".repeat(300), &"x".repeat(40))]
    fn a_name_is_neutral(#[case] tenant: &str, #[case] part: &str) {
        let at = Timestamp::parse("2026-11-20T12:03:04.5Z").unwrap();
        assert_eq!(file_name(tenant, at, Format::Lines), format!("alertdeck-{part}-20261120T120304Z.ndjson"));
    }
}
