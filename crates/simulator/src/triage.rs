//! An alert's triage: status, owner, classification and comments.

use std::time::Duration;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::{stories::Outcome, world::ANALYSTS};
use alertdeck_model::Timestamp;

/// Analysts' comments.
pub(super) const TEXTS: [&str; 6] = [
    "Called the user, waiting for a callback.",
    "Same file hash as in yesterday's incident.",
    "Device isolated, collecting an investigation package.",
    "Confirmed with the server owner: planned maintenance.\nNo further action.",
    "Password reset and sessions revoked.",
    "Handed over to the night shift; see the incident for the timeline.",
];

/// An alert's status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TriageStatus {
    New,
    InProgress,
    Resolved,
}

/// The results of analysts' work on an alert.
pub(super) struct Triage {
    status: TriageStatus,
    classification: Option<&'static str>,
    determination: Option<&'static str>,
    owner: Option<&'static str>,
    updated: Timestamp,
    comments: Vec<Value>,
}

impl Triage {
    pub(super) fn new(
        rng: &mut StdRng,
        status: TriageStatus,
        outcome: Outcome,
        created: Timestamp,
        now: Timestamp,
    ) -> Self {
        let owned = match status {
            TriageStatus::New => rng.random_ratio(1, 10),
            TriageStatus::InProgress => true,
            TriageStatus::Resolved => rng.random_ratio(3, 5),
        };
        let owner = owned.then(|| ANALYSTS[rng.random_range(0..ANALYSTS.len())]);
        let (classification, determination) = match status {
            TriageStatus::Resolved => classify(rng, outcome),
            _ if rng.random_ratio(1, 7) => (None, None),
            _ => (Some("unknown"), Some("unknown")),
        };
        let longest = match status {
            TriageStatus::New => 600,
            TriageStatus::InProgress => 12 * 3600,
            TriageStatus::Resolved => 3 * 24 * 3600,
        };
        let wait = Duration::from_secs(rng.random_range(5..longest));
        let updated = with_fraction(rng, created.after(wait)).min(now).max(created);
        let comments = match owner {
            Some(author) if rng.random_ratio(2, 5) => comments(rng, author, created, updated),
            _ => Vec::new(),
        };
        Self { status, classification, determination, owner, updated, comments }
    }

    pub(super) fn apply(self, alert: &mut Value) {
        alert["status"] = match self.status {
            TriageStatus::New => "new",
            TriageStatus::InProgress => "inProgress",
            TriageStatus::Resolved => "resolved",
        }
        .into();
        alert["classification"] = self.classification.into();
        alert["determination"] = self.determination.into();
        alert["assignedTo"] = self.owner.into();
        alert["lastUpdateDateTime"] = self.updated.to_string().into();
        if self.status == TriageStatus::Resolved {
            alert["resolvedDateTime"] = self.updated.to_string().into();
            alert["investigationState"] = "successfullyRemediated".into();
        }
        alert["comments"] = self.comments.into();
    }
}

/// Draws a classification and a matching determination, or neither.
fn classify(rng: &mut StdRng, outcome: Outcome) -> (Option<&'static str>, Option<&'static str>) {
    match rng.random_range(0..20) {
        // Closed by automation, which does not classify alerts.
        0 => (None, None),
        _ => verdicts(outcome).choose(rng).map_or((None, None), |pair| (Some(pair.0), Some(pair.1))),
    }
}

/// Returns classifications with matching determinations (docs/graph-api.md, "Updating alerts").
/// Likely pairs occur several times.
pub(super) fn verdicts(outcome: Outcome) -> Vec<(&'static str, &'static str)> {
    const FALSE_POSITIVE: [(&str, &str); 3] = [
        ("falsePositive", "notMalicious"),
        ("falsePositive", "notEnoughDataToValidate"),
        ("falsePositive", "other"),
    ];
    let expected = ("informationalExpectedActivity", "confirmedActivity");
    match outcome {
        Outcome::Attack(determination) => vec![
            ("truePositive", determination),
            ("truePositive", determination),
            ("truePositive", determination),
            ("informationalExpectedActivity", "securityTesting"),
            FALSE_POSITIVE[1],
        ],
        Outcome::Nuisance => vec![
            ("truePositive", "unwantedSoftware"),
            ("truePositive", "malware"),
            FALSE_POSITIVE[0],
            FALSE_POSITIVE[2],
        ],
        Outcome::Benign => vec![
            expected,
            expected,
            ("informationalExpectedActivity", "lineOfBusinessApplication"),
            FALSE_POSITIVE[0],
        ],
    }
}

fn comments(rng: &mut StdRng, author: &str, from: Timestamp, to: Timestamp) -> Vec<Value> {
    let count = rng.random_range(1..=3_u32);
    let span = to.since(from).unwrap_or_default();
    (1..=count)
        .map(|number| {
            json!({
                "@odata.type": "#microsoft.graph.security.alertComment",
                "comment": TEXTS[rng.random_range(0..TEXTS.len())],
                "createdByDisplayName": author,
                "createdDateTime": from.after(span * number / count).to_string(),
            })
        })
        .collect()
}

/// Replaces a time's fraction of a second with a random one that has three to seven digits, as in
/// the service's times.
pub(super) fn with_fraction(rng: &mut StdRng, at: Timestamp) -> Timestamp {
    let ticks = rng.random_range(0..10_000_000_i64);
    let ticks = if rng.random_ratio(2, 5) { ticks / 10_000 * 10_000 } else { ticks };
    Timestamp::from_ticks(at.seconds() * 10_000_000 + ticks)
}
