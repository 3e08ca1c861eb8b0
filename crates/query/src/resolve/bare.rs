//! Resolves bare words: decides in which properties to search for a word, and by which patterns.

use alertdeck_model::defang::refang;
use alertdeck_store::fold;

use super::{Outcome, technique::is_technique_id, wildcard};
use crate::{
    fields::{SearchScope, find_scope},
    predicate::{Pattern, Test, TextTest},
    syntax::Value,
};

/// Fields for which a word must match the entire value. Part of an ID has no meaning, and a short
/// word would occur in many IDs.
const IDS: [&str; 3] = ["id", "incident", "detector"];

/// Returns the test for a word. It passes if the word occurs in the title, the description, the
/// category or the evidence, or if it is the complete ID of the alert, its incident, its detector
/// or a technique.
pub(super) fn word(value: &Value) -> Outcome {
    // Quoted text is literal.
    let fix: fn(&str) -> String = if value.quoted { str::to_owned } else { refang };
    let test = |scope, pattern| Test::Text(TextTest { scope, patterns: vec![pattern] });
    let of = |name: &str, pattern| find_scope(name).map(|scope| test(scope, pattern));
    if value.has_wildcard() {
        let pattern = wildcard(value, fix)?;
        let ids = IDS.iter().chain(&["technique"]).filter_map(|name| of(name, pattern.clone()));
        return Ok(Test::any(std::iter::once(test(SearchScope::Anywhere, pattern.clone())).chain(ids)));
    }
    let text = fix(&value.text());
    let ids = IDS.iter().filter_map(|name| of(name, Pattern::equals(&text)));
    let folded = fold(&text);
    let technique = is_technique_id(&folded).then(|| of("technique", Pattern::Technique(folded))).flatten();
    let anywhere = test(SearchScope::Anywhere, Pattern::contains(&text));
    Ok(Test::any(std::iter::once(anywhere).chain(ids).chain(technique)))
}
