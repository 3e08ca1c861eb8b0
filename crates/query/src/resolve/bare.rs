//! Resolves bare words: where they are searched for, and as what.

use alertdeck_model::defang::refang;
use alertdeck_store::fold;

use super::{Outcome, technique::is_technique_id, wildcard};
use crate::{
    fields::{SearchScope, find_scope},
    predicate::{Pattern, Test, TextTest},
    syntax::Value,
};

/// Fields whose whole values a word finds. A part of an ID means nothing, and short words would be
/// parts of many.
const IDS: [&str; 3] = ["id", "incident", "detector"];

/// Returns the test for a word: contained in the title, the description, the category or the
/// evidence, or the whole ID of the alert, its incident, its detector or a technique.
pub(super) fn word(value: &Value) -> Outcome {
    let text = if value.quoted { value.text() } else { refang(&value.text()) };
    let by_wildcard = if value.has_wildcard() { Some(wildcard(value, refang)?) } else { None };
    let test = |scope, pattern| Test::Text(TextTest { scope, patterns: vec![pattern] });
    let of = |name: &str, pattern| find_scope(name).map(|scope| test(scope, pattern));
    let anywhere = by_wildcard.clone().unwrap_or_else(|| Pattern::contains(&text));
    let ids =
        IDS.iter().filter_map(|name| of(name, by_wildcard.clone().unwrap_or_else(|| Pattern::equals(&text))));
    let folded = fold(&text);
    let technique = is_technique_id(&folded)
        .then(|| of("technique", by_wildcard.clone().unwrap_or(Pattern::Technique(folded))))
        .flatten();
    Ok(Test::any(std::iter::once(test(SearchScope::Anywhere, anywhere)).chain(ids).chain(technique)))
}
