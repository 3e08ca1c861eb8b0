//! An action's results, alert by alert.

use super::{Object, Panel, PanelLine, PanelSpan, Role};
use crate::{
    app::{
        ActionItem, App, ItemState, Scroll,
        command::{Context, Hint, Motion, hint},
        format::thousands,
    },
    triage::EntryId,
};
use alertdeck_model::SafeText;

/// The results have no commands of their own.
pub(super) static CONTEXT: Context = Context { name: "results", heading: "Results", commands: &[] };

/// The width of the title column.
const TITLE: usize = 48;

/// The results, while they are open.
#[derive(Clone, Debug)]
pub struct Results {
    action: EntryId,
    scroll: Scroll,
}

impl Results {
    /// Creates the overlay for an action.
    pub(in crate::app) fn new(action: EntryId) -> Self {
        Self { action, scroll: Scroll::default() }
    }

    fn len(&self, app: &App) -> usize {
        app.actions.get(&self.action).map_or(0, |run| run.items.len())
    }
}

/// Returns the number of result lines that fit.
fn rows(app: &App) -> usize {
    app.ui.overlay_size().1.saturating_sub(2).max(1)
}

impl Object for Results {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![hint(&["move.down", "move.up"], "move"), hint(&["app.back"], "close")]
    }

    fn go(&mut self, app: &App, motion: Motion) {
        let len = self.len(app);
        self.scroll.go(motion, len, rows(app));
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        let len = self.len(app);
        self.scroll.wheel(lines, len, rows(app));
    }

    fn resize(&mut self, app: &App) {
        let len = self.len(app);
        self.scroll.show(len, rows(app));
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let (width, _) = app.ui.overlay_size();
        let run = app.actions.get(&self.action)?;
        let tally = run.tally();
        let counts = [
            (tally.done, "applied"),
            (tally.failed, "not applied"),
            (tally.retried, "retried"),
            (tally.left, "left"),
        ];
        let counts = counts.into_iter().filter(|(count, word)| *count > 0 || *word == "applied");
        let counts: Vec<_> = counts.map(|(count, word)| format!("{} {word}", thousands(count))).collect();
        let summary = counts.join(", ");
        let heading = vec![
            vec![
                PanelSpan::new(format!("{summary}   "), Role::Strong),
                PanelSpan::new(run.action.summary.clone(), Role::Accent),
            ],
            Vec::new(),
        ];
        // Failures first, since they need attention.
        let mut items: Vec<_> = run.items.iter().collect();
        items.sort_by_key(|item| rank(&item.state));
        let shown = items.into_iter().skip(self.scroll.top).take(rows(app));
        Some(Panel {
            title: "Results".into(),
            width,
            heading,
            lines: shown.map(|item| line(item, width)).collect(),
            cursor: Some(self.scroll.cursor - self.scroll.top.min(self.scroll.cursor)),
            ..Panel::default()
        })
    }
}

fn rank(state: &ItemState) -> u8 {
    match state {
        ItemState::Ended(result) if !result.is_success() => 0,
        ItemState::Stopped => 1,
        ItemState::Waiting => 2,
        ItemState::Ended(_) | ItemState::Retried => 3,
    }
}

fn line(item: &ActionItem, width: usize) -> PanelLine {
    let role = match &item.state {
        ItemState::Waiting => Role::Accent,
        ItemState::Stopped => Role::Error,
        ItemState::Ended(result) if !result.is_success() => Role::Error,
        ItemState::Ended(_) | ItemState::Retried => Role::Dim,
    };
    let title = SafeText::new(&item.task.title).line();
    let title = if title.is_empty() { item.task.alert.text().line() } else { title };
    vec![PanelSpan::column(title, Role::Text, TITLE.min(width / 2)), PanelSpan::new(item.line(), role)]
}
