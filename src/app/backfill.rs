//! What loads behind the list: the alerts of the last weeks in whatever state, so that a value's
//! count speaks of more than the queue (UX.md D 4).
//!
//! It is a fetch like the list's, in a place of its own: it begins when nothing else loads, gives
//! way to whatever the user wants fetched, and goes on after that where it was. What has changed
//! during the break is looked for at the end. Nothing of it shows but what a count says of its
//! coverage.

use std::time::Duration;

use super::{
    App, Bookmark, Effect, FailureKind, Fetch, Generation, LoadEvent, Phase, Purpose, Scope,
    format::thousands, load::OVERLAP,
};
use alertdeck_model::Timestamp;
use alertdeck_odata as odata;

/// How many days back it reaches.
const DAYS: u64 = 30;
/// How long after a failure that passes it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(120);

/// How far loading behind the list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backfill {
    /// It begins, or goes on, when nothing else loads.
    #[default]
    Due,
    /// It is under way.
    UnderWay,
    /// It has failed and goes on then, since the start.
    Later(Duration),
    /// All of it is held.
    Whole,
    /// It has failed for a reason that does not pass by itself.
    Failed,
}

impl Backfill {
    pub(super) fn is_under_way(self) -> bool {
        self == Self::UnderWay
    }

    /// Gives way to another fetch, to go on after it.
    pub(super) fn pause(&mut self) {
        if *self != Self::Whole {
            *self = Self::Due;
        }
    }
}

/// How far loading behind the list has come. It outlives the fetches that it takes, and is of one
/// profile.
#[derive(Debug, Default)]
pub(super) struct BackfillCursor {
    /// The fetch under way or, while there is none, the last one.
    generation: Generation,
    /// What is asked for: the last weeks, then what has changed since; `None` before and after.
    scope: Option<Scope>,
    /// Where it goes on.
    at: Option<Bookmark>,
    /// When the service began to answer, by its own clock, or somewhat before that.
    began: Option<Timestamp>,
    /// Whether there was a break since: what has changed meanwhile may lie on pages already read.
    broken: bool,
    /// Whether the fetch goes on somewhere and nothing has come of it yet.
    unproven: bool,
    /// Whether the service said that a page is not whole.
    partial: bool,
}

impl BackfillCursor {
    /// Tells whether a fetch is the last of these.
    pub(super) fn is(&self, fetch: Generation) -> bool {
        self.scope.is_some() && self.generation == fetch
    }

    /// Goes back to the start of what is asked for.
    fn start_over(&mut self) {
        *self = Self { scope: self.scope.take(), generation: self.generation, ..Self::default() };
    }
}

/// Which alerts a count over all that are held speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// How many are held.
    pub held: usize,
    /// Which these are.
    pub extent: Extent,
}

/// Which alerts are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every alert that there is.
    Everything,
    /// At least every one of the last weeks.
    Recent,
    /// Those are being loaded.
    RecentSoon,
    /// What was asked for so far.
    SoFar,
}

impl Coverage {
    /// Returns the words that follow a count.
    pub fn words(self) -> String {
        let held = thousands(self.held);
        match self.extent {
            Extent::Everything => format!("of {held} loaded, complete"),
            Extent::Recent => format!("of {held} loaded, {DAYS} days whole"),
            Extent::RecentSoon => format!("of {held} loaded, {DAYS} days loading"),
            Extent::SoFar => format!("of {held} loaded so far"),
        }
    }
}

impl App {
    /// Returns which alerts a count over all that are held speaks of.
    pub fn coverage(&self) -> Coverage {
        let everything = if self.settings.service {
            self.load.holds_everything()
        } else {
            self.load.phase == Phase::Complete
        };
        let extent = match self.load.backfill.state {
            _ if everything => Extent::Everything,
            Backfill::Whole => Extent::Recent,
            Backfill::UnderWay => Extent::RecentSoon,
            Backfill::Due | Backfill::Later(_) | Backfill::Failed => Extent::SoFar,
        };
        Coverage { held: self.store.len(), extent }
    }

    /// Begins to load behind the list, if nothing else loads and something is missing.
    pub(super) fn start_backfill(&mut self, effects: &mut Vec<Effect>) {
        let due = match self.load.backfill.state {
            Backfill::Due => true,
            Backfill::Later(at) => at <= self.clock.now.mono,
            Backfill::UnderWay | Backfill::Whole | Backfill::Failed => false,
        };
        let idle = self.load.phase == Phase::Complete && !self.load.poll.running && !self.sign_in.out;
        if !due || !idle || !self.settings.service || self.load.holds_everything() {
            return;
        }
        let weeks = self.clock.now.wall.before(Duration::from_secs(DAYS * 24 * 60 * 60));
        let generation = self.load.issue();
        let way = &mut self.load.backfill.cursor;
        if way.at.is_none() {
            way.start_over();
        }
        let scope = way.scope.get_or_insert_with(|| since(odata::Property::CreatedDateTime, weeks)).clone();
        (way.broken, way.unproven) = (way.at.is_some(), way.at.is_some());
        way.generation = generation;
        let from = way.at.clone();
        self.load.backfill.state = Backfill::UnderWay;
        effects.push(Effect::Fetch(Fetch { generation, purpose: Purpose::Backfill, scope, from }));
    }

    /// Takes what the fetch behind the list says beside its alerts, also what it has said before it
    /// was broken off.
    pub(super) fn backfill_event(&mut self, event: LoadEvent) {
        let way = &mut self.load.backfill.cursor;
        match event {
            LoadEvent::Page { partial, server_time, .. } => {
                way.unproven = false;
                way.partial |= partial.is_some();
                way.began = way.began.or(server_time).or(self.load.poll.watermark);
            }
            // Without a time nobody could say what has changed since.
            LoadEvent::Reached(bookmark) => way.at = way.began.map(|_| bookmark),
            LoadEvent::Done if self.load.backfill.state.is_under_way() => self.backfill_ends(),
            LoadEvent::Failed(failure) if self.load.backfill.state.is_under_way() => {
                self.backfill_fails(failure.kind);
            }
            _ => {}
        }
    }

    fn backfill_ends(&mut self) {
        let way = &mut self.load.backfill.cursor;
        let began = way.began.filter(|_| way.broken);
        self.load.backfill.state = match began {
            _ if way.partial => Backfill::Failed,
            Some(began) => {
                let scope = since(odata::Property::LastUpdateDateTime, began.before(OVERLAP));
                *way = BackfillCursor { scope: Some(scope), ..BackfillCursor::default() };
                Backfill::Due
            }
            None => Backfill::Whole,
        };
        if self.load.backfill.state != Backfill::Due {
            *way = BackfillCursor::default();
        }
    }

    fn backfill_fails(&mut self, kind: FailureKind) {
        self.load.backfill.state = match kind {
            kind if kind.passes() => Backfill::Later(self.clock.now.mono + RETRY_AFTER),
            FailureKind::SignIn | FailureKind::Permission => Backfill::Failed,
            // The service does not know the place any more.
            _ if self.load.backfill.cursor.unproven => {
                self.load.backfill.cursor.start_over();
                Backfill::Due
            }
            _ => Backfill::Failed,
        };
    }

    /// When loading behind the list is tried again, since the start.
    pub(super) fn backfill_due(&self) -> Option<Duration> {
        match self.load.backfill.state {
            Backfill::Later(at) => Some(at).filter(|at| *at > self.clock.now.mono),
            _ => None,
        }
    }
}

/// What has a time from then on.
pub(super) fn since(property: odata::Property, at: Timestamp) -> Scope {
    let since = odata::Expr::Compare(property, odata::Operator::Ge, odata::Literal::Time(at));
    Scope::Filter(since.to_string())
}
