//! The registry of jobs: the running ones and the most recently finished ones.
//!
//! The registry tracks which jobs are running, and therefore which events are still valid. It does
//! not know what a job is for.

use std::collections::VecDeque;

use alertdeck_model::Timestamp;
use alertdeck_store::FeedId;

use super::job::{CacheEvent, JobEvent, JobId, JobType, LoadEvent};
use super::{NotWritten, SignInEvent, WriteEvent};

/// The maximum number of ended jobs to keep.
const MAX_ENDED: usize = 30;

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// The job has not started yet, or is waiting to run again.
    Waiting,
    /// The job is running.
    Running,
    /// The job was asked to end early. Its remaining events are still handled.
    Stopping,
    /// The job is complete.
    Done,
    /// The job was stopped. Its remaining events are ignored.
    Stopped,
    /// The job failed.
    Failed,
}

impl JobState {
    /// Returns the state as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Returns whether events from the job are still handled.
    fn is_live(self) -> bool {
        matches!(self, Self::Waiting | Self::Running | Self::Stopping)
    }
}

/// A job's progress, counted in alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of alerts received or written, including duplicates.
    pub alerts: usize,
    /// The total number of alerts, if known.
    pub total: Option<usize>,
}

/// A job that is running or has finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The job's id.
    pub id: JobId,
    /// The job's type.
    pub job_type: JobType,
    /// The tenant of the job's feed, sanitised for display.
    pub tenant: String,
    /// When the job was started.
    pub started: Timestamp,
    /// The state; never [`JobState::Waiting`].
    pub state: JobState,
    /// The job's progress.
    pub progress: Progress,
    /// Why the job failed, as a single line sanitised for display; empty if it did not fail.
    pub reason: String,
}

impl Job {
    /// Returns whether the job is still running. Only a running job's events are handled.
    pub fn is_live(&self) -> bool {
        self.state.is_live()
    }

    /// Returns whether the job stays in the registry after it has finished. Reads, polls and other
    /// frequent jobs are of interest only if they failed.
    fn is_kept(&self) -> bool {
        self.state == JobState::Failed
            || !matches!(
                self.job_type,
                JobType::Read
                    | JobType::Poll
                    | JobType::ReadCache
                    | JobType::ReadJournal
                    | JobType::WriteNote
            )
    }
}

/// The jobs, in the order in which they were started.
#[derive(Debug, Default)]
pub struct Jobs {
    /// The number of the most recently started job.
    last: u32,
    jobs: VecDeque<Job>,
}

impl Jobs {
    /// Returns the jobs, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Job> {
        self.jobs.iter()
    }

    /// Returns the number that the next job will get.
    pub(super) fn next_number(&self) -> u32 {
        self.last + 1
    }

    /// Registers a job that is starting now.
    pub(super) fn start(&mut self, feed: FeedId, tenant: &str, job_type: JobType, now: Timestamp) -> JobId {
        // A fetch that is still stopping is superseded by the next one of its type.
        if job_type.is_fetch() {
            while let Some(former) = self.running(feed, job_type) {
                self.cancel(former);
            }
        }
        self.last = self.next_number();
        let id = JobId { feed, number: self.last };
        self.jobs.push_back(Job {
            id,
            job_type,
            tenant: tenant.to_owned(),
            started: now,
            state: JobState::Running,
            progress: Progress::default(),
            reason: String::new(),
        });
        id
    }

    /// Sets the total number of alerts for a job.
    pub(super) fn set_total(&mut self, id: JobId, total: usize) {
        if let Some(job) = self.live_mut(id) {
            job.progress.total = Some(total);
        }
    }

    /// Returns the job with this id if it is running or has finished recently.
    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// Returns a feed's running job of the given type. If there are several, returns the newest.
    pub fn running(&self, feed: FeedId, job_type: JobType) -> Option<JobId> {
        let matches = |job: &&Job| job.id.feed == feed && job.job_type == job_type && job.is_live();
        self.jobs.iter().rev().find(matches).map(|job| job.id)
    }

    /// Removes a feed's ended jobs.
    pub(super) fn forget_ended(&mut self, feed: FeedId) {
        self.jobs.retain(|job| job.id.feed != feed || job.is_live());
    }

    /// Marks a job as stopped, so that its later events are ignored. Returns whether it was
    /// running.
    pub(super) fn cancel(&mut self, id: JobId) -> bool {
        self.end(id, JobState::Stopped, String::new())
    }

    /// Marks a job as stopping. Returns whether it was running.
    pub(super) fn stop(&mut self, id: JobId) -> bool {
        let job = self.live_mut(id);
        job.map(|job| job.state = JobState::Stopping).is_some()
    }

    /// Marks a job as done. Returns whether it was running.
    pub(super) fn complete(&mut self, id: JobId) -> bool {
        self.end(id, JobState::Done, String::new())
    }

    /// Updates a job's progress and state after an event from the job. Returns the job's type if
    /// the event should be handled; `None` if the job was cancelled, has finished, or is unknown.
    pub(super) fn record(&mut self, id: JobId, event: &JobEvent) -> Option<JobType> {
        let job = self.live_mut(id)?;
        let job_type = job.job_type;
        let end = match event {
            JobEvent::Fetch(LoadEvent::Batch(batch)) | JobEvent::Cache(CacheEvent::Batch(batch)) => {
                job.progress.alerts += batch.len();
                None
            }
            JobEvent::Fetch(LoadEvent::Page { total: Some(total), .. }) => {
                job.progress.total = usize::try_from(*total).ok();
                None
            }
            JobEvent::Fetch(LoadEvent::Failed(failure)) => Some((JobState::Failed, failure.line.clone())),
            JobEvent::Fetch(LoadEvent::Stopped)
            | JobEvent::Exported { outcome: Err(NotWritten::Stopped), .. } => {
                Some((JobState::Stopped, String::new()))
            }
            JobEvent::Write(WriteEvent::Done { .. }) if job.state == JobState::Stopping => {
                Some((JobState::Stopped, String::new()))
            }
            JobEvent::Cache(CacheEvent::Done { .. } | CacheEvent::None)
            | JobEvent::Fetch(LoadEvent::Done)
            | JobEvent::OwnersCompared(Ok(_))
            | JobEvent::Read(..)
            | JobEvent::Write(WriteEvent::Done { .. })
            | JobEvent::Noted(Ok(()))
            | JobEvent::Journal(Ok(_))
            | JobEvent::Ticket(_) => Some((JobState::Done, String::new())),
            JobEvent::Exported { outcome: Ok(written), .. } => {
                job.progress.alerts = written.alerts;
                Some((JobState::Done, String::new()))
            }
            JobEvent::Exported { path, outcome: Err(error) } => Some((JobState::Failed, error.line(path))),
            JobEvent::Write(WriteEvent::Ended { .. }) => {
                job.progress.alerts += 1;
                None
            }
            JobEvent::Noted(Err(line))
            | JobEvent::Journal(Err(line))
            | JobEvent::OwnersCompared(Err(line))
            | JobEvent::SignIn(SignInEvent::Failed { line, .. }) => Some((JobState::Failed, line.clone())),
            JobEvent::SignIn(SignInEvent::Address { .. } | SignInEvent::Code { .. })
            | JobEvent::Write(WriteEvent::Client(_))
            | JobEvent::Cache(CacheEvent::Opened { .. })
            | JobEvent::Fetch(
                LoadEvent::Page { .. }
                | LoadEvent::FilesRead(_)
                | LoadEvent::Reached(_)
                | LoadEvent::Client(_),
            ) => None,
        };
        if let Some((state, reason)) = end {
            self.end(id, state, reason);
        }
        Some(job_type)
    }

    fn live_mut(&mut self, id: JobId) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == id && job.is_live())
    }

    fn end(&mut self, id: JobId, state: JobState, reason: String) -> bool {
        let Some(job) = self.live_mut(id) else { return false };
        job.state = state;
        job.reason = reason;
        self.jobs.retain(|job| job.is_live() || job.is_kept());
        let ended = self.jobs.iter().filter(|job| !job.is_live()).count();
        if ended > MAX_ENDED
            && let Some(oldest) = self.jobs.iter().position(|job| !job.is_live())
        {
            self.jobs.remove(oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Body, Failure, FailureKind, Written};
    use alertdeck_model::RawAlert;
    use alertdeck_store::{Batch, Store};

    const FEED: FeedId = FeedId::new(3);

    fn start(jobs: &mut Jobs, job_type: JobType) -> JobId {
        jobs.start(FEED, "contoso", job_type, Timestamp::from_seconds(0))
    }

    fn alerts() -> Vec<RawAlert> {
        vec![RawAlert("{\"id\":\"a\"}".into()), RawAlert("{\"id\":\"b\"}".into())]
    }

    fn batch() -> LoadEvent {
        LoadEvent::Batch(Batch::decode(&alerts()))
    }

    fn read() -> JobEvent {
        let mut store = Store::default();
        let row = store.absorb(FeedId::default(), Batch::decode(&alerts())).new[0];
        JobEvent::Read(row, store.stored(row), Box::new(Body::read(&alerts()[0])))
    }

    fn exported(outcome: Result<usize, NotWritten>) -> JobEvent {
        let written = |alerts| Written { alerts, bytes: 9, path: "./x".into() };
        JobEvent::Exported { path: "x".into(), outcome: outcome.map(written) }
    }

    /// Returns sample events, each with its job's type and the job's expected state and failure
    /// reason after the event.
    fn events() -> Vec<(JobType, JobEvent, JobState, &'static str)> {
        use JobState::{Done, Failed, Running, Stopped};
        let failure = Failure { kind: FailureKind::Offline, line: "no route".into() };
        let page = LoadEvent::Page { total: Some(9), partial: None, server_time: None };
        let sign_in = SignInEvent::Failed { line: "denied".into(), may_retry: true };
        vec![
            (JobType::List, JobEvent::Fetch(page), Running, ""),
            (JobType::Poll, JobEvent::Fetch(batch()), Running, ""),
            (JobType::List, JobEvent::Fetch(LoadEvent::Done), Done, ""),
            (JobType::Poll, JobEvent::Fetch(LoadEvent::Failed(failure)), Failed, "no route"),
            (JobType::Backfill, JobEvent::Fetch(LoadEvent::Stopped), Stopped, ""),
            (JobType::Ticket, JobEvent::Ticket(String::new()), Done, ""),
            (JobType::Export, exported(Ok(2)), Done, ""),
            (JobType::Export, exported(Err(NotWritten::Stopped)), Stopped, ""),
            (JobType::Export, exported(Err(NotWritten::Exists)), Failed, "export failed: x already exists"),
            (JobType::SignIn, JobEvent::SignIn(sign_in), Failed, "denied"),
        ]
    }

    #[test]
    fn events_of_a_running_job_count() {
        for (job_type, event, state, reason) in events() {
            for stopping in [false, true] {
                let mut jobs = Jobs::default();
                let id = start(&mut jobs, job_type);
                assert!(!stopping || jobs.stop(id));
                assert_eq!(jobs.record(id, &event), Some(job_type), "{event:?}");
                let job = jobs.get(id).unwrap();
                let expected =
                    if stopping && state == JobState::Running { JobState::Stopping } else { state };
                assert_eq!((job.state, job.reason.as_str()), (expected, reason), "{event:?}");
            }
        }
    }

    #[test]
    fn late_events_of_a_cancelled_or_ended_job_do_not_count() {
        for cancelled in [true, false] {
            for (job_type, event, ..) in events() {
                let mut jobs = Jobs::default();
                let id = start(&mut jobs, job_type);
                assert!(if cancelled { jobs.cancel(id) } else { jobs.complete(id) });
                let before = jobs.get(id).cloned();
                assert_eq!(jobs.record(id, &event), None, "{event:?}");
                assert_eq!(jobs.get(id).cloned(), before, "{event:?}");
                assert!(!jobs.cancel(id) && !jobs.stop(id) && !jobs.complete(id));
            }
        }
    }

    #[test]
    fn events_of_an_unknown_job_do_not_count() {
        let mut jobs = Jobs::default();
        let id = start(&mut jobs, JobType::List);
        for unknown in [JobId { number: 9, ..id }, JobId { feed: FeedId::new(4), ..id }] {
            assert_eq!(jobs.record(unknown, &JobEvent::Fetch(LoadEvent::Done)), None);
        }
        assert_eq!(jobs.running(FEED, JobType::List), Some(id));
    }

    #[test]
    fn progress_counts_alerts() {
        let mut jobs = Jobs::default();
        let id = start(&mut jobs, JobType::List);
        let page = |total| JobEvent::Fetch(LoadEvent::Page { total, partial: None, server_time: None });
        for event in [page(Some(5)), JobEvent::Fetch(batch()), page(None), JobEvent::Fetch(batch())] {
            jobs.record(id, &event);
        }
        assert_eq!(jobs.get(id).unwrap().progress, Progress { alerts: 4, total: Some(5) });
    }

    #[test]
    fn stopping_fetch_gives_way_to_the_next_of_its_type_and_feed() {
        let mut jobs = Jobs::default();
        let other = jobs.start(FeedId::new(4), "lab", JobType::Backfill, Timestamp::from_seconds(0));
        let first = start(&mut jobs, JobType::Backfill);
        jobs.stop(first);
        let second = start(&mut jobs, JobType::Backfill);
        assert_eq!(jobs.running(FEED, JobType::Backfill), Some(second));
        assert_eq!(jobs.record(first, &JobEvent::Fetch(LoadEvent::Stopped)), None);
        assert!(jobs.get(other).unwrap().is_live());
        // Several exports may run at the same time.
        let (one, two) = (start(&mut jobs, JobType::Export), start(&mut jobs, JobType::Export));
        assert!([one, two].iter().all(|id| jobs.get(*id).unwrap().is_live()));
    }

    #[test]
    fn ended_jobs_are_bounded_and_running_ones_are_kept() {
        let mut jobs = Jobs::default();
        let running = start(&mut jobs, JobType::Export);
        for _ in 0..100 {
            let id = start(&mut jobs, JobType::Ticket);
            jobs.complete(id);
        }
        assert_eq!(jobs.iter().count(), MAX_ENDED + 1);
        assert!(jobs.get(running).unwrap().is_live());
        assert_eq!(jobs.iter().next_back().unwrap().id.number, 101, "the oldest are dropped");
    }

    #[test]
    fn reads_and_polls_are_kept_only_if_they_failed() {
        let mut jobs = Jobs::default();
        let id = start(&mut jobs, JobType::Read);
        assert_eq!(jobs.record(id, &read()), Some(JobType::Read));
        let id = start(&mut jobs, JobType::Poll);
        jobs.record(id, &JobEvent::Fetch(LoadEvent::Done));
        assert_eq!(jobs.iter().count(), 0);
        let id = start(&mut jobs, JobType::Poll);
        let failure = Failure { kind: FailureKind::Offline, line: "no route".into() };
        jobs.record(id, &JobEvent::Fetch(LoadEvent::Failed(failure)));
        assert_eq!(jobs.iter().next().map(|job| job.state), Some(JobState::Failed));
    }
}
