//! The time line of one alert: what happened when, on the devices and to the case.

use crate::{
    app::format::span,
    evidence::{NodeId, Tree},
    model::{Alert, SafeText, Timestamp},
};

/// Everything in an alert that has a time, the earliest first.
#[derive(Clone, Debug, Default)]
pub struct TimeLine {
    /// The entries.
    pub entries: Vec<Moment>,
}

/// An entry of a time line.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Happening {
    /// Something that a node of the evidence tells.
    Node(NodeId),
    /// Something of the attack that the alert itself tells.
    Attack(&'static str),
    /// Something that was done with the alert, and by whom, where that is known.
    Case(&'static str, Option<SafeText>),
}

const FIRST_ACTIVITY: &str = "first activity";
const CREATED: &str = "alert created";

impl TimeLine {
    /// Collects what has a time.
    pub fn new(alert: &Alert, tree: &Tree) -> Self {
        let attack = [(FIRST_ACTIVITY, alert.first_activity), ("last activity", alert.last_activity)]
            .map(|(what, at)| (at, Happening::Attack(what)));
        let case = [
            (CREATED, alert.created),
            ("alert updated", alert.last_update.filter(|at| Some(*at) != alert.created)),
            ("alert resolved", alert.resolved),
        ]
        .map(|(what, at)| (at, Happening::Case(what, None)));
        let comments = alert
            .comments
            .iter()
            .map(|comment| (comment.created, Happening::Case("comment", comment.author.clone())));
        let nodes = tree.rows(|_| false).into_iter().map(|id| (tree.node(id).time, Happening::Node(id)));
        let all = attack.into_iter().chain(nodes).chain(case).chain(comments);
        let mut entries: Vec<_> = all.filter_map(|(at, what)| Some(Moment { at: at?, what })).collect();
        entries.sort_by_key(|moment| moment.at);
        Self { entries }
    }

    /// Says how long it took until the alert was raised, as a sentence.
    pub fn noticed(&self) -> Option<String> {
        let of = |sought: &str| {
            let found = self.entries.iter().find(|moment| match &moment.what {
                Happening::Attack(what) | Happening::Case(what, _) => *what == sought,
                Happening::Node(_) => false,
            });
            found.map(|moment| moment.at)
        };
        let took = of(CREATED)?.since(of(FIRST_ACTIVITY)?)?;
        Some(format!("noticed {} after the first activity", span(took)))
    }

    /// Returns how long an entry comes after the one before it, as in `+7s`.
    pub fn gap(&self, at: usize) -> Option<String> {
        let before = self.entries.get(at.checked_sub(1)?)?;
        Some(format!("+{}", span(self.entries.get(at)?.at.since(before.at)?)))
    }
}
