//! The export form and the handling of finished exports.
//!
//! The state does not access files: it requests an export and receives a message when the export
//! ends. After an error, the form stays open and keeps what the user typed.

use super::{Back, KeyOutcome, Object};
use crate::{
    app::{
        App, Editor, Effect, Export, Feed, JobId, JobKind, Key, NotWritten, Overlay, Phase, Written,
        command::{Command, Context, EVERYWHERE, Hint, MOVE, hint, hint_text, run},
        format::{bytes, thousands},
    },
    export::{Format, Tenant},
};
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_store::Row;

/// The command that opens the form.
pub(super) const OPEN: Command =
    run("open.export", "export the marked alerts, or all matches", |app, _| app.open_export());

/// The commands of the form.
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
                    form.stage = ExportStage::Editing;
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
        run("export.overwrite", "overwrite the existing file", |app, effects| {
            if app.export_form().is_some_and(|form| form.stage == ExportStage::Exists) {
                app.export(true, effects);
            }
        }),
        run("export.rename", "choose another name", |app, _| {
            edit_form(app, |form| {
                if form.stage == ExportStage::Exists {
                    form.stage = ExportStage::Editing;
                    form.typing = true;
                }
            });
        }),
    ],
};

/// Returns the id of the command that chooses a format.
pub fn format_command(format: Format) -> &'static str {
    match format {
        Format::Json => "export.json",
        Format::Lines => "export.json-lines",
        Format::Csv => "export.csv",
        Format::Markdown => "export.markdown-table",
        Format::Tickets => "export.markdown-tickets",
    }
}

/// The maximum length of the tenant's name in a file name, in characters.
const MAX_TENANT: usize = 40;

/// The export form.
#[derive(Debug)]
pub struct ExportForm {
    /// The selected format.
    pub format: Format,
    /// The path, as typed.
    pub path: Editor,
    /// Whether the path's text field has the focus.
    pub typing: bool,
    /// The export's stage.
    pub stage: ExportStage,
}

/// An export's stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportStage {
    /// The form is being filled in.
    Editing,
    /// The file is being written.
    Writing {
        /// The export job.
        job: JobId,
        /// The number of alerts being written.
        alerts: usize,
    },
    /// The file already exists, and the user must decide what to do.
    Exists,
    /// The export failed for this reason, sanitised for display.
    Failed(String),
}

impl ExportForm {
    /// Sets the format, and the path's extension unless the user has changed it.
    fn set_format(&mut self, format: Format) {
        let text = self.path.text();
        let stem = text.strip_suffix(self.format.extension()).and_then(|stem| stem.strip_suffix('.'));
        if let Some(stem) = stem {
            self.path = Editor::new(&format!("{stem}.{}", format.extension()));
        }
        self.format = format;
        self.stage = ExportStage::Editing;
    }

    /// Handles a key in the text field.
    fn edit(&mut self, key: Key) {
        if matches!(self.stage, ExportStage::Writing { .. }) {
            return;
        }
        let before = self.path.text().to_owned();
        self.path.edit(key);
        if self.path.text() != before {
            self.stage = ExportStage::Editing;
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
            ExportStage::Writing { .. } => vec![hint(&["app.back"], "close; the export continues")],
            ExportStage::Exists => vec![
                hint(&["export.overwrite"], "overwrite"),
                hint(&["export.rename"], "another name"),
                hint(&["app.back"], "back"),
            ],
            _ if self.typing => vec![
                hint(&["export.write"], "export"),
                hint(&["export.switch-field"], "format"),
                hint(&["app.back"], "close"),
            ],
            _ => vec![
                hint_text("a-z", "choose format"),
                hint(&["export.write"], "export"),
                hint(&["export.switch-field"], "file name"),
                hint(&["app.back"], "close"),
            ],
        }
    }

    fn opener(&self) -> &'static str {
        if self.typing { "" } else { OPEN.id }
    }

    /// In the text field, letters and any keys without a command are treated as text.
    fn key(&mut self, app: &App, key: Key) -> KeyOutcome {
        let is_command = || app.ui.keymap.find(&[&CONTEXT, &EVERYWHERE], key).is_some();
        if self.typing && (key.typed().is_some() || !is_command()) {
            self.edit(key);
            return KeyOutcome::Used;
        }
        // Movement keys are ignored here, unless they are also bound to a command.
        if app.ui.keymap.find(&[&MOVE], key).is_some() && !is_command() {
            return KeyOutcome::Used;
        }
        KeyOutcome::Pass
    }

    /// Pastes the first line of the text into the path.
    fn paste(&mut self, text: &str) {
        if self.typing && !matches!(self.stage, ExportStage::Writing { .. }) {
            self.path.insert(text.trim().lines().next().unwrap_or_default());
            self.stage = ExportStage::Editing;
        }
    }

    fn back(&mut self) -> Back {
        if self.stage == ExportStage::Exists {
            self.stage = ExportStage::Editing;
            return Back::Stay;
        }
        Back::Close
    }
}

/// Changes the form, unless the file is being written.
fn edit_form(app: &mut App, edit: impl FnOnce(&mut ExportForm)) {
    if let Some(Overlay::ExportForm(form)) = app.ui.overlay_mut()
        && !matches!(form.stage, ExportStage::Writing { .. })
    {
        edit(form);
    }
}

impl App {
    /// Opens the form.
    pub(in crate::app) fn open_export(&mut self) {
        if self.view.is_empty() {
            return self.notify("the list is empty: nothing to export");
        }
        let format = self.export_format;
        let name = file_name(&self.tenant_names(), self.clock.now.wall, format);
        let path = Editor::new(&name);
        self.ui.open(ExportForm { format, path, typing: false, stage: ExportStage::Editing });
    }

    /// Returns the alerts to export: the marked alerts in the list, or all matching alerts if none
    /// are marked.
    fn alerts_to_export(&self) -> Vec<Row> {
        let marked = self.marked();
        if !marked.is_empty() {
            return marked;
        }
        self.view.from(0).filter(|row| !self.view.is_stale(*row)).collect()
    }

    /// Returns why the list is incomplete, if it is.
    pub fn incomplete_reason(&self) -> Option<String> {
        let reasons: Vec<_> = self
            .feeds
            .iter()
            .filter_map(|feed| Some(self.about(feed.id, &self.incomplete_reason_of(feed)?)))
            .collect();
        (!reasons.is_empty()).then(|| format!("incomplete list: {}", reasons.join("; ")))
    }

    fn incomplete_reason_of(&self, feed: &Feed) -> Option<String> {
        let loaded = self.progress_of(feed);
        // While a list is being reread, alerts that were loaded before are not counted.
        let (count, how) = loaded.read.map_or((loaded.loaded, "loaded"), |read| (read, "read"));
        let loaded = match loaded.total {
            Some(total) => format!("{} of {} {how}", thousands(count), thousands(total)),
            None => format!("{} {how}", thousands(count)),
        };
        match feed.list.phase() {
            Phase::Idle => None,
            Phase::Complete => {
                let partial = feed.list.partial()?;
                Some(format!("{loaded}, not everything could be read: {}", partial.line()))
            }
            Phase::Loading | Phase::Waiting { .. } => Some(format!("{loaded} so far")),
            Phase::Stopped => Some(format!("{loaded} before it was stopped")),
            Phase::Failed { failure, .. } => Some(format!("{loaded}: {}", failure.line)),
        }
    }

    fn export_form(&self) -> Option<&ExportForm> {
        match self.ui.overlay() {
            Some(Overlay::ExportForm(form)) => Some(form),
            _ => None,
        }
    }

    /// Starts the export, or shows in the form why it cannot start.
    fn export(&mut self, overwrite: bool, effects: &mut Vec<Effect>) {
        let Some(form) = self.export_form() else { return };
        if let ExportStage::Writing { .. } = form.stage {
            return;
        }
        let (format, path) = (form.format, form.path.text().to_owned());
        let stage = if path.trim().is_empty() {
            ExportStage::Failed("enter a file name".into())
        } else if self.view.is_scanning() {
            ExportStage::Failed("the filter is still running; press Enter again in a moment".into())
        } else {
            let rows = self.alerts_to_export();
            let stored = |row: &Row| (self.store.feed(*row), self.store.deferred(*row));
            let alerts: Vec<_> = rows.iter().map(stored).collect();
            let count = alerts.len();
            if count == 0 {
                ExportStage::Failed("no matching alerts left: nothing to export".into())
            } else {
                let tenants = self.feeds.iter().map(|feed| Tenant {
                    feed: feed.id,
                    name: SafeText::new(feed.name()),
                    portal_host: feed.settings.portal_host.clone(),
                });
                let tenants = tenants.collect();
                let chosen = self.list.columns.as_ref();
                let columns = chosen.map(|columns| columns.iter().map(|shown| shown.column).collect());
                let export = Export { alerts, format, columns, path, overwrite, tenants };
                let job = self.start_job(self.feed().id, JobKind::Export(export), effects);
                self.export_format = format;
                ExportStage::Writing { job, alerts: count }
            }
        };
        if let Some(Overlay::ExportForm(form)) = self.ui.overlay_mut() {
            form.stage = stage;
        }
    }

    /// Handles the end of an export. By then, its form may have been closed or may be showing a
    /// different export, and a different profile may be in use.
    pub(in crate::app) fn export_ended(
        &mut self,
        job: JobId,
        path: &str,
        outcome: Result<Written, NotWritten>,
    ) {
        let is_other = |tenant: &&str| self.feeds.iter().all(|feed| feed.settings.tenant != *tenant);
        let tenant = self.jobs.get(job).map(|job| job.tenant.as_str()).filter(is_other);
        let tenant = tenant.map_or_else(String::new, |tenant| format!("{tenant}: "));
        let is_own =
            |form: &ExportForm| matches!(form.stage, ExportStage::Writing { job: own, .. } if own == job);
        let index = self.ui.overlays.iter().position(|overlay| match overlay {
            Overlay::ExportForm(form) => is_own(form),
            _ => false,
        });
        let form = index.and_then(|at| match self.ui.overlays.get_mut(at) {
            Some(Overlay::ExportForm(form)) => Some(form),
            _ => None,
        });
        match (outcome, form) {
            (Ok(Written { alerts, bytes: size, path }), form) => {
                if let (Some(_), Some(at)) = (form, index) {
                    self.ui.overlays.remove(at);
                }
                let noun = if alerts == 1 { "alert" } else { "alerts" };
                let size = bytes(usize::try_from(size).unwrap_or(usize::MAX));
                self.notify_completed(
                    format!("{tenant}{} {noun} written to {path} ({size})", thousands(alerts)),
                    false,
                );
            }
            (Err(NotWritten::Exists), Some(form)) => {
                form.stage = ExportStage::Exists;
                form.typing = false;
            }
            (Err(NotWritten::Stopped), Some(form)) => form.stage = ExportStage::Editing,
            (Err(NotWritten::Refused(line)), Some(form)) => {
                form.stage = ExportStage::Failed(line);
                form.typing = true;
            }
            (Err(why), None) => {
                let failed = why != NotWritten::Stopped;
                self.notify_completed(format!("{tenant}{}", why.line(path)), failed);
            }
        }
    }
}

/// Returns a file name that is valid on every system, made from the tenant's name and the time.
fn file_name(tenant: &str, at: Timestamp, format: Format) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
    let tenant: String = tenant.chars().take(MAX_TENANT).map(plain).collect();
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
    fn file_names_are_plain(#[case] tenant: &str, #[case] part: &str) {
        let at = Timestamp::parse("2026-11-20T12:03:04.5Z").unwrap();
        assert_eq!(file_name(tenant, at, Format::Lines), format!("alertdeck-{part}-20261120T120304Z.ndjson"));
    }
}
