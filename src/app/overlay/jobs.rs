//! The list of jobs: what the feeds are loading, the other running jobs, and the most recently
//! ended ones.

use super::{Object, Panel, PanelSpan, Results, Role};
use crate::app::{
    App, BackfillState, Effect, Feed, Job, JobId, JobState, JobType, Overlay, Pace, Phase, PollState, Scroll,
    command::{Command, Context, Hint, Motion, hint, run},
    format::{span, thousands},
};
use alertdeck_graph::WaitCause;
use alertdeck_store::FeedId;

/// The command that opens the list of jobs.
pub(super) const OPEN: Command =
    run("open.jobs", "jobs: loading, polling, exports", |app, _| app.show_jobs());

/// The commands that apply to a job.
pub(super) static CONTEXT: Context = Context {
    name: "jobs",
    heading: "Jobs",
    commands: &[
        run("jobs.stop", "stop the job", stop),
        run("jobs.results", "view the results of changes", |app, _| show_results(app)),
    ],
};

/// The list of jobs, while it is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct JobList {
    scroll: Scroll,
    /// The key of the line under the cursor, once the user has moved the cursor. The key is stored
    /// because lines shift as jobs start and end.
    at: Option<JobKey>,
}

/// Identifies what a line in the list describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKey {
    /// A feed's list fetch, live polling or backfill, whether it is running or waiting.
    Loading(FeedId, JobType),
    /// Any other job.
    Job(JobId),
}

/// A line in the job list.
#[derive(Clone, Debug)]
pub struct JobLine {
    /// The key that identifies the line.
    pub key: JobKey,
    /// The job's name.
    pub name: &'static str,
    /// The job's state.
    pub state: JobState,
    /// Details about the state, sanitised for display.
    pub detail: String,
    /// Whether the user can stop the job.
    pub stops: bool,
}

impl App {
    pub(in crate::app) fn show_jobs(&mut self) {
        self.ui.open(JobList::default());
    }

    /// Returns the lines of the job list: first what the feeds are loading, then the other running
    /// jobs, then ended jobs, most recent first.
    pub fn job_lines(&self) -> Vec<JobLine> {
        let mut lines = Vec::new();
        let mut described = Vec::new();
        for feed in self.feeds.iter() {
            lines.push(self.list_line(feed));
            if feed.settings.service {
                lines.extend([self.backfill_line(feed), self.poll_line(feed)]);
            }
            // These lines also describe the latest job of each type, but not why a poll or a
            // backfill failed.
            for job_type in [JobType::List, JobType::Backfill, JobType::Poll] {
                let is_own = |job: &&Job| job.id.feed == feed.id && job.job_type == job_type;
                let last = self.jobs.iter().rev().find(is_own);
                let is_described = |job: &&Job| job_type == JobType::List || job.state != JobState::Failed;
                described.extend(last.filter(is_described).map(|job| job.id));
            }
        }
        let others = || self.jobs.iter().filter(|job| !described.contains(&job.id));
        lines.extend(others().filter(|job| job.is_live()).map(|job| self.job_line(job)));
        lines.extend(others().rev().filter(|job| !job.is_live()).map(|job| self.job_line(job)));
        for line in &mut lines {
            let (JobKey::Loading(feed, _) | JobKey::Job(JobId { feed, .. })) = line.key;
            line.detail = self.about(feed, &line.detail);
        }
        lines
    }

    fn job_line(&self, job: &Job) -> JobLine {
        let mut parts = Vec::new();
        if let Some(count) = count(job) {
            parts.push(count);
        }
        if self.feeds.get(job.id.feed).is_none() {
            parts.push(job.tenant.clone());
        }
        parts.extend(self.write_detail(job.id));
        if !job.reason.is_empty() {
            parts.push(job.reason.clone());
        }
        let started = self.clock.time_of_day(job.started);
        parts.push(format!("started {started}"));
        JobLine {
            key: JobKey::Job(job.id),
            name: job.job_type.name(),
            state: job.state,
            detail: parts.join(", "),
            // A stopped read would just start again, and the cache is read within seconds.
            stops: job.state == JobState::Running
                && !matches!(
                    job.job_type,
                    JobType::Read | JobType::ReadCache | JobType::ReadJournal | JobType::WriteNote
                ),
        }
    }

    fn list_line(&self, feed: &Feed) -> JobLine {
        let loaded = self.progress_of(feed);
        let count = match loaded.total {
            Some(total) => format!("{} of {} alerts", thousands(loaded.loaded), thousands(total)),
            None => alerts(loaded.loaded),
        };
        let left = |until: std::time::Duration| span(until.saturating_sub(self.clock.now.mono));
        let (state, detail) = match feed.list.phase() {
            Phase::Idle => (JobState::Waiting, count),
            Phase::Loading => match feed.list.reading() {
                Some(reading) => (JobState::Running, format!("{count}; {}", reading.full())),
                None => {
                    let rate = feed.list.pace().and_then(Pace::rate);
                    let rate = rate.map(|rate| format!(", {} a second", thousands(rate.round() as usize)));
                    let left = feed.list.time_left().map(|left| format!(", {} left", span(left)));
                    (JobState::Running, count + &rate.unwrap_or_default() + &left.unwrap_or_default())
                }
            },
            Phase::Waiting { until, why } => {
                let why = match why {
                    WaitCause::Throttled => "throttled by the service",
                    WaitCause::Budget => "request limit for this minute reached",
                    WaitCause::Retry { .. } => "retry after an error",
                    WaitCause::Recheck => "checking a change",
                };
                (JobState::Waiting, format!("{count}; {why}, {} left", left(*until)))
            }
            Phase::Complete => (JobState::Done, count),
            Phase::Stopped => (JobState::Stopped, count),
            Phase::Failed { failure, retry_at } => {
                let next = retry_at.map(|at| format!("; next retry in {}", left(at))).unwrap_or_default();
                (JobState::Failed, format!("{count}: {}{next}", failure.line))
            }
        };
        JobLine {
            key: JobKey::Loading(feed.id, JobType::List),
            name: if feed.settings.service { "list" } else { "files" },
            state,
            detail,
            stops: feed.list.phase().is_active() || feed.list.retry_at().is_some(),
        }
    }

    fn backfill_line(&self, feed: &Feed) -> JobLine {
        let state = feed.backfill.state();
        let what = || "alerts from the last 30 days, any status".to_owned();
        let (shown, detail) = match state {
            _ if feed.has_all_alerts() => (JobState::Done, "every alert is loaded".to_owned()),
            BackfillState::Due => (JobState::Waiting, "starts when the list is complete".to_owned()),
            BackfillState::Running => (JobState::Running, what()),
            BackfillState::RetryAt(at) => {
                let left = span(at.saturating_sub(self.clock.now.mono));
                (JobState::Waiting, format!("next retry in {left}"))
            }
            BackfillState::Complete => (JobState::Done, what()),
            BackfillState::Stopped => {
                (JobState::Stopped, "counts cover loaded alerts only; starts after the next list".to_owned())
            }
            BackfillState::Failed => (JobState::Failed, "counts cover loaded alerts only".to_owned()),
        };
        JobLine {
            key: JobKey::Loading(feed.id, JobType::Backfill),
            name: JobType::Backfill.name(),
            state: shown,
            detail,
            stops: matches!(state, BackfillState::Running | BackfillState::RetryAt(_)),
        }
    }

    fn poll_line(&self, feed: &Feed) -> JobLine {
        let (state, detail) = match feed.poll.state() {
            PollState::Off | PollState::Finishing(_) => {
                (JobState::Stopped, format!("press {} to start", self.ui.keymap.key("panes.live")))
            }
            PollState::Running(_) if feed.poll.looks_back() => {
                (JobState::Running, "new and changed alerts from the last hour".to_owned())
            }
            PollState::Running(_) => (JobState::Running, "new and changed alerts".to_owned()),
            PollState::Scheduled(at) => {
                let left = span(at.saturating_sub(self.clock.now.mono));
                (JobState::Waiting, format!("next poll in {left}"))
            }
            PollState::Idle => (JobState::Waiting, "starts once the list has loaded".to_owned()),
        };
        JobLine {
            key: JobKey::Loading(feed.id, JobType::Poll),
            name: JobType::Poll.name(),
            state,
            detail,
            stops: feed.poll.is_on(),
        }
    }
}

/// Returns a job's progress as text; `None` if the job does not count alerts.
fn count(job: &Job) -> Option<String> {
    match (job.progress.alerts, job.progress.total) {
        (0, Some(total)) => Some(alerts(total)),
        (done, Some(total)) if done < total => {
            Some(format!("{} of {} alerts", thousands(done), thousands(total)))
        }
        (0, None) if !job.job_type.is_fetch() => None,
        (done, _) => Some(alerts(done)),
    }
}

fn alerts(count: usize) -> String {
    if count == 1 { "1 alert".to_owned() } else { format!("{} alerts", thousands(count)) }
}

impl JobList {
    /// Returns the index of the line under the cursor.
    fn cursor(&self, lines: &[JobLine]) -> usize {
        let found = self.at.and_then(|at| lines.iter().position(|line| line.key == at));
        found.unwrap_or(self.scroll.cursor).min(lines.len().saturating_sub(1))
    }
}

impl Object for JobList {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            hint(&["move.down", "move.up"], "move"),
            hint(&["jobs.stop"], "stop"),
            hint(&["jobs.results"], "view results"),
            hint(&["app.back"], "close"),
        ]
    }

    fn opener(&self) -> &'static str {
        OPEN.id
    }

    fn go(&mut self, app: &App, motion: Motion) {
        let lines = app.job_lines();
        self.scroll.cursor = self.cursor(&lines);
        self.scroll.go(motion, lines.len(), app.ui.overlay_size().1);
        self.at = lines.get(self.scroll.cursor).map(|line| line.key);
    }

    fn wheel(&mut self, app: &App, by: i32) {
        let lines = app.job_lines();
        self.scroll.wheel(by, lines.len(), app.ui.overlay_size().1);
        self.at = lines.get(self.scroll.cursor).map(|line| line.key);
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let lines = app.job_lines();
        let cursor = self.cursor(&lines);
        let lines = lines.into_iter().map(|job| {
            let role = match job.state {
                JobState::Failed => Role::Error,
                JobState::Running | JobState::Stopping => Role::Accent,
                JobState::Waiting | JobState::Done | JobState::Stopped => Role::Text,
            };
            vec![
                PanelSpan::column(job.name, Role::Strong, 14),
                PanelSpan::column(job.state.word(), role, 9),
                PanelSpan::new(job.detail, Role::Text),
            ]
        });
        let lines: Vec<_> = lines.collect();
        let (width, top) = (app.ui.overlay_size().0.min(88), self.scroll.top);
        Some(Panel { title: "Jobs".into(), width, lines, top, cursor: Some(cursor), ..Panel::default() })
    }
}

/// Shows the results of the changes under the cursor.
fn show_results(app: &mut App) {
    let Some(Overlay::JobList(list)) = app.ui.overlay() else { return };
    let lines = app.job_lines();
    let key = lines.get(list.cursor(&lines)).map(|line| line.key);
    let action = match key {
        Some(JobKey::Job(id)) => app.actions.of_job(id).map(|run| run.action.id.clone()),
        _ => None,
    };
    match action {
        Some(action) => app.ui.open(Results::new(action)),
        None => app.notify("only changes have results"),
    }
}

/// Stops the job under the cursor.
fn stop(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::JobList(list)) = app.ui.overlay() else { return };
    let lines = app.job_lines();
    let Some(line) = lines.get(list.cursor(&lines)) else { return };
    if !line.stops {
        return app.notify(format!("{}: nothing to stop", line.name));
    }
    match line.key {
        JobKey::Loading(feed, JobType::List) => {
            app.stop_list(feed, effects);
        }
        JobKey::Loading(feed, JobType::Backfill) => app.stop_backfill(feed, effects),
        JobKey::Loading(..) => app.toggle_live(effects),
        JobKey::Job(id) => match app.jobs.get(id).map(|job| job.job_type) {
            Some(JobType::SignIn) => app.cancel_sign_in(id.feed, effects),
            // The job itself reports whether the file was written, and which changes were made.
            Some(JobType::Export | JobType::Write) => app.stop_job(id, effects),
            _ => app.cancel_job(id, effects),
        },
    }
}
