//! Resolves patterns for ATT&CK tactics, which alerts spell in several ways or imply only through a
//! technique.

use alertdeck_model::attack::Tactic;
use alertdeck_store::fold;

use crate::{
    fields::{SearchScope, find_scope},
    predicate::{Pattern, Test, TextTest},
};

/// Returns a test for the tactics that a pattern matches in any spelling, and for the categories
/// that the pattern matches as sent, since not every category is a tactic. `scope` is the scope of
/// the `tactic` field.
pub(super) fn matching(scope: &SearchScope, pattern: Pattern) -> Test {
    let is_meant = |tactic: &Tactic| {
        tactic.spellings().iter().any(|spelling| pattern.matches(spelling, &fold(spelling)))
    };
    let tactics = Tactic::ALL.iter().map(|(_, tactic)| *tactic).filter(is_meant);
    let tactics = tactics.map(|tactic| Pattern::Tactic(Some(tactic))).collect();
    let test = |scope, patterns| Test::Text(TextTest { scope, patterns });
    // Technique IDs are not tested, because they say nothing about tactics.
    let category = find_scope("category").map(|category| test(category, vec![pattern]));
    Test::any([test(scope.clone(), tactics)].into_iter().chain(category))
}
