//! What loads behind the list: the alerts of the last weeks in whatever state, so that a value's
//! count speaks of more than the queue (UX.md D 4).
//!
//! It is a fetch like the list's, in a place of its own: it begins when nothing else loads, gives
//! way to whatever the user wants fetched, and begins again after that. Nothing of it shows but
//! what a count says of its coverage.

use std::time::Duration;

use super::{App, Effect, Fetch, Generation, LoadEvent, Phase, Purpose, Scope, format::thousands};
use crate::odata;

/// How many days back it reaches.
const DAYS: u64 = 30;
/// How long after a failure that passes it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(120);

/// How far loading behind the list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behind {
    /// It begins when nothing else loads.
    #[default]
    Due,
    /// It is under way.
    UnderWay {
        /// The fetch.
        generation: Generation,
        /// Whether the service said that the result is not whole.
        partial: bool,
    },
    /// It has failed and is tried again then, since the start.
    Later(Duration),
    /// All of it is held.
    Whole,
    /// It has failed for a reason that does not pass by itself.
    Failed,
}

impl Behind {
    /// Tells whether a fetch is this one.
    pub(super) fn is(self, fetch: Generation) -> bool {
        matches!(self, Self::UnderWay { generation, .. } if generation == fetch)
    }

    pub(super) fn is_under_way(self) -> bool {
        matches!(self, Self::UnderWay { .. })
    }

    /// Gives way to another fetch, to be begun again after it.
    pub(super) fn yields(&mut self) {
        if *self != Self::Whole {
            *self = Self::Due;
        }
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
        let extent = match self.load.behind {
            _ if everything => Extent::Everything,
            Behind::Whole => Extent::Recent,
            Behind::UnderWay { .. } => Extent::RecentSoon,
            Behind::Due | Behind::Later(_) | Behind::Failed => Extent::SoFar,
        };
        Coverage { held: self.store.len(), extent }
    }

    /// Begins to load behind the list, if nothing else loads and something is missing.
    pub(super) fn load_behind(&mut self, effects: &mut Vec<Effect>) {
        let due = match self.load.behind {
            Behind::Due => true,
            Behind::Later(at) => at <= self.clock.now.mono,
            Behind::UnderWay { .. } | Behind::Whole | Behind::Failed => false,
        };
        let idle = self.load.phase == Phase::Complete && !self.load.polling && !self.sign_in.out;
        if !due || !idle || !self.settings.service || self.load.holds_everything() {
            return;
        }
        let since = odata::Expr::Compare(
            odata::Property::CreatedDateTime,
            odata::Operator::Ge,
            odata::Literal::Time(self.clock.now.wall.before(Duration::from_secs(DAYS * 24 * 60 * 60))),
        );
        let generation = self.load.issue();
        self.load.behind = Behind::UnderWay { generation, partial: false };
        let scope = Scope::Filter(since.to_string());
        effects.push(Effect::Fetch(Fetch { generation, purpose: Purpose::Behind, scope }));
    }

    /// Takes what the fetch behind the list says beside its alerts.
    pub(super) fn loaded_behind(&mut self, event: &LoadEvent) {
        let Behind::UnderWay { partial, .. } = &mut self.load.behind else { return };
        self.load.behind = match event {
            LoadEvent::Page { partial: Some(_), .. } => {
                *partial = true;
                return;
            }
            LoadEvent::Done if !*partial => Behind::Whole,
            LoadEvent::Failed(failure) if failure.kind.passes() => {
                Behind::Later(self.clock.now.mono + RETRY_AFTER)
            }
            LoadEvent::Done | LoadEvent::Failed(_) => Behind::Failed,
            _ => return,
        };
    }

    /// When loading behind the list is tried again, since the start.
    pub(super) fn behind_due(&self) -> Option<Duration> {
        match self.load.behind {
            Behind::Later(at) => Some(at).filter(|at| *at > self.clock.now.mono),
            _ => None,
        }
    }
}
