//! Another analyst, who works on the same alerts as the user.
//!
//! All choices are determined by the seed and the state of the alerts. This module uses neither
//! the clock nor the store.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::{
    request::Operation,
    stories::Outcome,
    triage::{TEXTS, verdicts},
};

/// Mixed into the seed, so that the colleague's choices are independent of other random choices.
const SEED: u64 = 0x636f_6c6c_6561_6775;

/// The determinations that the colleague uses for attacks.
const ATTACKS: [&str; 5] =
    ["malware", "compromisedAccount", "phishing", "maliciousUserActivity", "multiStagedAttack"];

/// Chooses the colleague's actions.
pub(super) struct Colleague {
    rng: StdRng,
}

impl Colleague {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed ^ SEED) }
    }

    /// Chooses one of the alerts with these IDs.
    pub(super) fn choose(&mut self, ids: &[&str]) -> Option<String> {
        ids.choose(&mut self.rng).map(|id| (*id).to_owned())
    }

    /// Chooses what to do with an open alert: take it, resolve it or comment on it. Returns the
    /// operation and its body. `name` is the colleague's account.
    pub(super) fn act(&mut self, alert: &Value, name: &str) -> (Operation, Value) {
        let id = alert["id"].as_str().unwrap_or_default().to_owned();
        let is_taken = alert["status"] == "inProgress" && alert["assignedTo"] == name;
        match self.rng.random_range(0..6) {
            0..3 if !is_taken => (Operation::Update(id), json!({"status": "inProgress", "assignedTo": name})),
            0..4 => {
                let (classification, determination) = self.verdict(alert);
                let body = json!({
                    "status": "resolved",
                    "classification": classification,
                    "determination": determination,
                    "assignedTo": name,
                });
                (Operation::Update(id), body)
            }
            _ => {
                let text = TEXTS[self.rng.random_range(0..TEXTS.len())];
                (Operation::Comment(id), json!({"comment": text}))
            }
        }
    }

    /// Returns a random factor by which to multiply the mean time until the next action.
    pub(super) fn wait_factor(&mut self) -> f64 {
        self.rng.random_range(0.5..1.5)
    }

    fn verdict(&mut self, alert: &Value) -> (&'static str, &'static str) {
        let outcome = match alert["severity"].as_str() {
            Some("high" | "medium") => Outcome::Attack(ATTACKS[self.rng.random_range(0..ATTACKS.len())]),
            Some("low") => Outcome::Nuisance,
            _ => Outcome::Benign,
        };
        verdicts(outcome).choose(&mut self.rng).copied().unwrap_or(("unknown", "unknown"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::Classification;

    const NAME: &str = "priya.nair@contoso.com";

    fn actions(seed: u64, alert: &Value) -> Vec<(Operation, Value)> {
        let mut colleague = Colleague::new(seed);
        (0..200).map(|_| colleague.act(alert, NAME)).collect()
    }

    #[test]
    fn equal_seeds_give_equal_actions() {
        let alert = json!({"id": "a", "status": "new", "severity": "high"});
        assert_eq!(actions(1, &alert), actions(1, &alert));
        assert_ne!(actions(1, &alert), actions(2, &alert));
    }

    #[test]
    fn alerts_are_taken_resolved_and_commented_on() {
        for severity in ["high", "low", "informational"] {
            let alert = json!({"id": "a", "status": "new", "severity": severity});
            let actions = actions(1, &alert);
            let statuses = |status: &str| actions.iter().filter(|(_, body)| body["status"] == status).count();
            assert!(statuses("inProgress") > 60 && statuses("resolved") > 15);
            assert!(actions.iter().any(|(operation, _)| matches!(operation, Operation::Comment(_))));
            for (_, body) in actions.iter().filter(|(_, body)| body["status"] == "resolved") {
                let text = |name: &str| body[name].as_str().unwrap();
                let known = Classification::MEMBERS.iter().any(|(name, _)| *name == text("classification"));
                assert!(known && text("determination") != "unknown", "{body}");
            }
        }
    }

    #[test]
    fn an_alert_is_taken_once() {
        let alert = json!({"id": "a", "status": "inProgress", "severity": "low", "assignedTo": NAME});
        assert!(actions(1, &alert).iter().all(|(_, body)| body["status"] != "inProgress"));
    }
}
