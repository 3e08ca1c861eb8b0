//! Resolves patterns for ATT&CK tactics, which alerts spell in several ways or name only by a technique.

use alertdeck_model::attack::Tactic;
use alertdeck_store::fold;

use crate::{
    fields::{SearchScope, find_scope},
    predicate::{Pattern, Test, TextTest},
};

/// Returns the test for the tactics that a pattern matches in any of their spellings, and for
/// categories that it matches as sent, since not every category is a tactic. `scope` is that of the
/// field for tactics.
pub(super) fn matching(scope: &SearchScope, pattern: Pattern) -> Test {
    let is_meant = |tactic: &Tactic| {
        tactic.spellings().iter().any(|spelling| pattern.matches(spelling, &fold(spelling)))
    };
    let tactics = Tactic::ALL.iter().map(|(_, tactic)| *tactic).filter(is_meant);
    let tactics = tactics.map(|tactic| Pattern::Tactic(Some(tactic))).collect();
    let test = |scope, patterns| Test::Text(TextTest { scope, patterns });
    // Techniques are IDs, which say nothing about their tactics.
    let category = find_scope("category").map(|category| test(category, vec![pattern]));
    Test::any([test(scope.clone(), tactics)].into_iter().chain(category))
}
