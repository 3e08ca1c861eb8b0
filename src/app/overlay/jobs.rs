//! The jobs: the list, the backfill, live polling and exports, with their state.

use super::{Object, Panel, PanelSpan, Role};
use crate::app::{
    App, Backfill, Effect, Overlay, Phase, Scroll,
    command::{Command, Context, Hint, Motion, hint, run},
    format::{span, thousands},
};
use alertdeck_graph::WaitCause;

/// The command that opens it.
pub(super) const OPEN: Command =
    run("open.jobs", "jobs: loading, polling, exports", |app, _| app.show_jobs());

/// The command for a job.
pub(super) static CONTEXT: Context =
    Context { name: "jobs", heading: "Jobs", commands: &[run("jobs.stop", "stop the job", stop)] };

/// The list of jobs, while it is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jobs {
    scroll: Scroll,
}

/// A line of the list of jobs.
#[derive(Clone, Debug)]
pub struct JobLine {
    /// The name.
    pub name: &'static str,
    /// The state.
    pub state: JobState,
    /// Details of the state, safe to show.
    pub detail: String,
    /// Stops the job; `None` if it cannot be stopped.
    stop: Option<fn(&mut App, &mut Vec<Effect>)>,
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It has not started, or waits for its next turn.
    Waiting,
    /// It is running.
    Running,
    /// It is complete.
    Done,
    /// The user stopped it.
    Stopped,
    /// It failed.
    Failed,
}

impl JobState {
    /// Returns the word for the state.
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
        let exports = self.exports.under_way().map(|(number, tenant)| JobLine {
            name: "export",
            state: JobState::Running,
            detail: format!("#{number}, alerts of {tenant}"),
            stop: None,
        });
        jobs.extend(exports);
        jobs
    }

    fn list_job(&self) -> JobLine {
        let loaded = self.list_progress();
        let count = match loaded.total {
            Some(total) => format!("{} of {} alerts", thousands(loaded.loaded), thousands(total)),
            None if loaded.loaded == 1 => "1 alert".to_owned(),
            None => format!("{} alerts", thousands(loaded.loaded)),
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
                    WaitCause::Budget => "request limit of this minute reached",
                    WaitCause::Retry { .. } => "retry after an error",
                    WaitCause::Recheck => "checking a change",
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
            _ if self.load.has_all_alerts() => (JobState::Done, "every alert is loaded".to_owned()),
            Backfill::Due => (JobState::Waiting, "starts when the list is complete".to_owned()),
            Backfill::Running => (JobState::Running, "alerts from the last 30 days, any status".to_owned()),
            Backfill::RetryAt(at) => {
                let left = span(at.saturating_sub(self.clock.now.mono));
                (JobState::Waiting, format!("next try in {left}"))
            }
            Backfill::Complete => (JobState::Done, "alerts from the last 30 days, any status".to_owned()),
            Backfill::Failed => (JobState::Failed, "counts cover loaded alerts only".to_owned()),
        };
        JobLine { name: "backfill", state, detail, stop: None }
    }

    fn poll_job(&self) -> JobLine {
        let stop: fn(&mut Self, &mut Vec<Effect>) = Self::toggle_live;
        let (state, detail, stop) = match self.load.poll.next {
            _ if !self.load.poll.live => {
                (JobState::Stopped, format!("press {} to start", self.ui.keymap.key("panes.live")), None)
            }
            _ if self.load.poll.running => {
                (JobState::Running, "new and changed alerts".to_owned(), Some(stop))
            }
            Some(at) => {
                let left = span(at.saturating_sub(self.clock.now.mono));
                (JobState::Waiting, format!("next poll in {left}"), Some(stop))
            }
            None => (JobState::Waiting, "starts after the list".to_owned(), Some(stop)),
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
        OPEN.id
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
