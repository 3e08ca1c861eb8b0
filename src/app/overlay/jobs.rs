//! The jobs: what is loading, polling, exporting or signing in, and how far it is.

use super::{Object, Panel, PanelSpan, Role};
use crate::app::{
    App, Backfill, Effect, Overlay, Phase, Scroll,
    command::{Context, Hint, Motion, hint, run},
    format::{span, thousands},
};
use alertdeck_graph::WaitCause;

/// What can be done with a job.
pub(super) static CONTEXT: Context =
    Context { name: "jobs", heading: "Jobs", commands: &[run("jobs.stop", "stop the job", stop)] };

/// The list of jobs, while it is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jobs {
    scroll: Scroll,
}

/// A job, as it is shown.
#[derive(Clone, Debug)]
pub struct JobLine {
    /// What it does.
    pub name: &'static str,
    /// How far it is.
    pub state: JobState,
    /// More about that, in words that are safe to show.
    pub detail: String,
    /// What stops it, if it can be stopped.
    stop: Option<fn(&mut App, &mut Vec<Effect>)>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It has not started, or waits for its next turn.
    Waiting,
    /// It is under way.
    Running,
    /// It has ended as it should.
    Done,
    /// The user stopped it.
    Stopped,
    /// It has failed.
    Failed,
}

impl JobState {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl App {
    pub(in crate::app) fn show_jobs(&mut self) {
        self.ui.open(Jobs::default());
    }

    /// Lists the jobs: the list, the backfill, polling, exports.
    pub fn jobs(&self) -> Vec<JobLine> {
        let mut jobs = vec![self.list_job()];
        if self.settings.service {
            jobs.push(self.backfill_job());
            jobs.push(self.poll_job());
        }
        let exports = self.exports.under_way().map(|(number, whose)| JobLine {
            name: "export",
            state: JobState::Running,
            detail: format!("number {number}, alerts of {whose}"),
            stop: None,
        });
        jobs.extend(exports);
        jobs
    }

    fn list_job(&self) -> JobLine {
        let loaded = self.loaded_of_list();
        let count = match loaded.total {
            Some(total) => format!("{} of {} alerts", thousands(loaded.held), thousands(total)),
            None if loaded.held == 1 => "1 alert".to_owned(),
            None => format!("{} alerts", thousands(loaded.held)),
        };
        let left = |until: std::time::Duration| span(until.saturating_sub(self.clock.now.mono));
        let stop: fn(&mut Self, &mut Vec<Effect>) = |app, effects| {
            app.stop_loading(effects);
        };
        let (state, detail, stop) = match &self.load.phase {
            Phase::Idle => (JobState::Waiting, count, None),
            Phase::Loading => (JobState::Running, count, Some(stop)),
            Phase::Waiting { until, why } => {
                let why = match why {
                    WaitCause::Throttled => "throttled by the service",
                    WaitCause::Budget => "this minute's requests are used up",
                    WaitCause::Retry { .. } => "retry after an error",
                    WaitCause::Recheck => "checks what became of a change",
                };
                (JobState::Waiting, format!("{count}; {why}, {} left", left(*until)), Some(stop))
            }
            Phase::Complete => (JobState::Done, count, None),
            Phase::Stopped => (JobState::Stopped, count, None),
            Phase::Failed { failure, retry_at } => {
                let next = retry_at.map(|at| format!("; next try in {}", left(at))).unwrap_or_default();
                (JobState::Failed, format!("{count}: {}{next}", failure.line), retry_at.map(|_| stop))
            }
        };
        let name = if self.settings.service { "list" } else { "files" };
        JobLine { name, state, detail, stop }
    }

    fn backfill_job(&self) -> JobLine {
        let (state, detail) = match self.load.backfill.state {
            _ if self.load.holds_everything() => (JobState::Done, "every alert is loaded".to_owned()),
            Backfill::Due => (JobState::Waiting, "starts when the list is complete".to_owned()),
            Backfill::UnderWay => (JobState::Running, "alerts of the last 30 days, any status".to_owned()),
            Backfill::Later(at) => {
                let left = span(at.saturating_sub(self.clock.now.mono));
                (JobState::Waiting, format!("next try in {left}"))
            }
            Backfill::Whole => (JobState::Done, "alerts of the last 30 days, any status".to_owned()),
            Backfill::Failed => (JobState::Failed, "counts speak of the loaded alerts only".to_owned()),
        };
        JobLine { name: "backfill", state, detail, stop: None }
    }

    fn poll_job(&self) -> JobLine {
        let stop: fn(&mut Self, &mut Vec<Effect>) = Self::toggle_live;
        let (state, detail, stop) = match self.load.poll.next {
            _ if !self.load.poll.live => {
                (JobState::Stopped, format!("{} starts it", self.ui.keymap.key("panes.live")), None)
            }
            _ if self.load.poll.running => {
                (JobState::Running, "new and changed alerts".to_owned(), Some(stop))
            }
            Some(at) => {
                let left = span(at.saturating_sub(self.clock.now.mono));
                (JobState::Waiting, format!("next poll in {left}"), Some(stop))
            }
            None => (JobState::Waiting, "after the list".to_owned(), Some(stop)),
        };
        JobLine { name: "live polling", state, detail, stop }
    }
}

impl Object for Jobs {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            hint(&["move.down", "move.up"], "move"),
            hint(&["jobs.stop"], "stop"),
            hint(&["app.back"], "close"),
        ]
    }

    fn opener(&self) -> &'static str {
        "panes.jobs"
    }

    fn go(&mut self, app: &App, motion: Motion) {
        self.scroll.go(motion, app.jobs().len(), app.ui.overlay_size().1);
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        self.scroll.wheel(lines, app.jobs().len(), app.ui.overlay_size().1);
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let lines = app.jobs().into_iter().map(|job| {
            let role = match job.state {
                JobState::Failed => Role::Error,
                JobState::Running => Role::Accent,
                JobState::Waiting | JobState::Done | JobState::Stopped => Role::Text,
            };
            vec![
                PanelSpan::column(job.name, Role::Strong, 14),
                PanelSpan::column(job.state.word(), role, 9),
                PanelSpan::new(job.detail, Role::Text),
            ]
        });
        let lines: Vec<_> = lines.collect();
        let cursor = self.scroll.cursor.min(lines.len().saturating_sub(1));
        let (width, top) = (app.ui.overlay_size().0.min(88), self.scroll.top);
        Some(Panel { title: "Jobs".into(), width, lines, top, cursor: Some(cursor), ..Panel::default() })
    }
}

/// Stops the job under the cursor.
fn stop(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Jobs(jobs)) = app.ui.overlay() else { return };
    let at = jobs.scroll.cursor;
    match app.jobs().get(at).map(|job| (job.name, job.stop)) {
        Some((_, Some(stop))) => stop(app, effects),
        Some((name, None)) => app.notify(format!("{name}: nothing to stop")),
        None => {}
    }
}
