//! Exporting: what is written, in which format, to which file, and how that ended.
//!
//! The state knows no files: it asks for an export with the alerts as they were received, and is
//! told how it went. What goes wrong leaves the form open with all that was typed.

use std::collections::HashMap;

use super::{Back, Object, Pressed};
use crate::{
    app::{
        App, Editor, Effect, Key, Overlay, Phase,
        command::{Context, EVERYWHERE, Hint, MOVE, hint, hint_text, run},
        format::{bytes, thousands},
    },
    export::Format,
};
use alertdeck_model::{RawAlert, SafeText, Timestamp};
use alertdeck_store::Row;

/// What can be done in the form.
pub(super) static CONTEXT: Context = Context {
    name: "export",
    heading: "Export",
    commands: &[
        run("export.write", "write the file", |app, effects| {
            if app.export_form().is_some_and(|form| form.stage != ExportStage::Exists) {
                app.export(false, effects);
            }
        }),
        run("export.switch-field", "format or file name", |app, _| {
            edit_form(app, |form| {
                form.typing = !form.typing || form.stage == ExportStage::Exists;
                if form.stage == ExportStage::Exists {
                    form.stage = ExportStage::Asked;
                }
            });
        }),
        run("export.next-format", "next format", |app, _| edit_form(app, |form| form.step(true))),
        run("export.previous-format", "previous format", |app, _| edit_form(app, |form| form.step(false))),
        run("export.json", "JSON", |app, _| edit_form(app, |form| form.set_format(Format::Json))),
        run("export.json-lines", "JSON lines", |app, _| {
            edit_form(app, |form| form.set_format(Format::Lines));
        }),
        run("export.csv", "CSV", |app, _| edit_form(app, |form| form.set_format(Format::Csv))),
        run("export.markdown-table", "Markdown table", |app, _| {
            edit_form(app, |form| form.set_format(Format::Markdown));
        }),
        run("export.markdown-tickets", "Markdown tickets", |app, _| {
            edit_form(app, |form| form.set_format(Format::Tickets));
        }),
        run("export.overwrite", "overwrite a file that exists", |app, effects| {
            if app.export_form().is_some_and(|form| form.stage == ExportStage::Exists) {
                app.export(true, effects);
            }
        }),
        run("export.rename", "take another name instead", |app, _| {
            edit_form(app, |form| {
                if form.stage == ExportStage::Exists {
                    form.stage = ExportStage::Asked;
                    form.typing = true;
                }
            });
        }),
    ],
};

/// Returns the command that chooses a format.
pub fn format_command(format: Format) -> &'static str {
    match format {
        Format::Json => "export.json",
        Format::Lines => "export.json-lines",
        Format::Csv => "export.csv",
        Format::Markdown => "export.markdown-table",
        Format::Tickets => "export.markdown-tickets",
    }
}

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
pub(in crate::app) struct Exports {
    /// The number of the last one.
    last: u64,
    /// Whose alerts each one writes, as words that are safe to show.
    under_way: HashMap<u64, String>,
    /// The format of the last one.
    pub(in crate::app) format: Format,
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
    /// Lists the exports under way: number, and whose alerts are written.
    pub(in crate::app) fn under_way(&self) -> impl Iterator<Item = (u64, &str)> {
        let mut list: Vec<_> =
            self.under_way.iter().map(|(number, whose)| (*number, whose.as_str())).collect();
        list.sort_unstable();
        list.into_iter()
    }

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
    /// Sets the format; the file's name ends as the format wants it, unless the user has
    /// given it an end of their own.
    fn set_format(&mut self, format: Format) {
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

    fn step(&mut self, forward: bool) {
        let count = Format::ALL.len();
        let at = Format::ALL.iter().position(|format| *format == self.format).unwrap_or(0);
        self.set_format(Format::ALL[(at + if forward { 1 } else { count - 1 }) % count]);
    }
}

impl Object for ExportForm {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        match &self.stage {
            ExportStage::Writing { .. } => vec![hint(&["app.back"], "close; the export goes on")],
            ExportStage::Exists => vec![
                hint(&["export.overwrite"], "overwrite"),
                hint(&["export.rename"], "another name"),
                hint(&["app.back"], "back"),
            ],
            _ if self.typing => vec![
                hint(&["export.write"], "write"),
                hint(&["export.switch-field"], "format"),
                hint(&["app.back"], "close"),
            ],
            _ => vec![
                hint_text("letter", "format"),
                hint(&["export.write"], "write"),
                hint(&["export.switch-field"], "file name"),
                hint(&["app.back"], "close"),
            ],
        }
    }

    fn opener(&self) -> &'static str {
        if self.typing { "" } else { "panes.export" }
    }

    /// In the file's name a letter is a letter, and so are keys that have no command here.
    fn key(&mut self, app: &App, key: Key) -> Pressed {
        let is_command = || app.ui.keymap.find(&[&CONTEXT, &EVERYWHERE], key).is_some();
        if self.typing && (key.typed().is_some() || !is_command()) {
            self.edit(key);
            return Pressed::Used;
        }
        // Letters that move elsewhere do nothing here.
        if app.ui.keymap.find(&[&MOVE], key).is_some() && !is_command() {
            return Pressed::Used;
        }
        Pressed::Pass
    }

    /// Puts a pasted text into the file's name: its first line.
    fn paste(&mut self, text: &str) {
        if self.typing && !matches!(self.stage, ExportStage::Writing { .. }) {
            self.path.insert(text.trim().lines().next().unwrap_or_default());
            self.stage = ExportStage::Asked;
        }
    }

    fn back(&mut self) -> Back {
        if self.stage == ExportStage::Exists {
            self.stage = ExportStage::Asked;
            return Back::Stay;
        }
        Back::Close
    }
}

/// Changes the form; what is being written stays as it was asked for.
fn edit_form(app: &mut App, edit: impl FnOnce(&mut ExportForm)) {
    if let Some(Overlay::ExportForm(form)) = app.ui.overlay_mut()
        && !matches!(form.stage, ExportStage::Writing { .. })
    {
        edit(form);
    }
}

impl App {
    /// Opens the form.
    pub(in crate::app) fn ask_for_export(&mut self) {
        if self.view.rows().is_empty() {
            return self.notify("no alert is shown: there is nothing to export");
        }
        let format = self.exports.format;
        let name = file_name(&self.settings.tenant, self.clock.now.wall, format);
        let path = Editor::new(&name);
        self.ui.open(ExportForm { format, path, typing: false, stage: ExportStage::Asked });
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

    fn export_form(&self) -> Option<&ExportForm> {
        match self.ui.overlay() {
            Some(Overlay::ExportForm(form)) => Some(form),
            _ => None,
        }
    }

    /// Asks for the export.
    fn export(&mut self, overwrite: bool, effects: &mut Vec<Effect>) {
        let Some(form) = self.export_form() else { return };
        if let ExportStage::Writing { .. } = form.stage {
            return;
        }
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
                self.exports.format = format;
                ExportStage::Writing { number, alerts: count }
            }
        };
        if let Some(Overlay::ExportForm(form)) = self.ui.overlay_mut() {
            form.stage = stage;
        }
    }

    /// Takes how an export ended; its form may be closed by now, or be another's, and its profile
    /// not be in use any more.
    pub(in crate::app) fn exported(&mut self, number: u64, path: &str, outcome: Result<Written, NotWritten>) {
        let whose = self.exports.end(number).filter(|whose| *whose != self.settings.tenant);
        let whose = whose.map_or_else(String::new, |whose| format!("{whose}: "));
        let is_its = |form: &ExportForm| matches!(form.stage, ExportStage::Writing { number: its, .. } if its == number);
        let place = self.ui.overlays.iter().position(|overlay| match overlay {
            Overlay::ExportForm(form) => is_its(form),
            _ => false,
        });
        let form = place.and_then(|at| match self.ui.overlays.get_mut(at) {
            Some(Overlay::ExportForm(form)) => Some(form),
            _ => None,
        });
        match (outcome, form) {
            (Ok(Written { alerts, bytes: size, path }), form) => {
                if let (Some(_), Some(at)) = (form, place) {
                    self.ui.overlays.remove(at);
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
