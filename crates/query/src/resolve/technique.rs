//! Resolves ATT&CK techniques by ID or name, including renamed ones.

use alertdeck_model::attack;
use alertdeck_store::fold;

use super::{NamedTechniques, Resolver, regex, wildcard};
use crate::{
    diagnostic::{Diagnostic, DiagnosticKind},
    predicate::Pattern,
    syntax::{Head, Operator, Value},
};

impl Resolver<'_> {
    /// Returns a pattern for a technique's ID, and patterns for the IDs of all techniques whose
    /// names the value matches, because alerts contain only IDs.
    pub(super) fn techniques(&mut self, head: &Head, value: &Value) -> Result<Vec<Pattern>, Diagnostic> {
        let text = value.text();
        let folded = fold(&text);
        let exact = !matches!(head.operator, Operator::Has | Operator::Matches);
        let by_id = if head.operator == Operator::Matches {
            regex(&text, value)?
        } else if value.has_wildcard() {
            wildcard(value, str::to_owned)?
        } else if exact {
            Pattern::equals(&text)
        } else {
            Pattern::Technique(folded.clone())
        };
        if is_technique_id(&folded) || text.trim().is_empty() {
            let mut patterns = vec![by_id];
            if let Pattern::Technique(_) = patterns[0] {
                patterns.extend(self.renamed(&text));
            }
            return Ok(patterns);
        }
        let by_name = |name: &str| match &by_id {
            Pattern::Expression(regex) => regex.is_match(name),
            Pattern::Wildcard(regex) => regex.is_match(&fold(name)),
            _ if exact => fold(name) == folded,
            _ => fold(name).contains(&folded),
        };
        let found: Vec<_> = attack::techniques().iter().filter(|known| by_name(known.name)).collect();
        if found.is_empty()
            && !value.quoted
            && !matches!(by_id, Pattern::Expression(_) | Pattern::Wildcard(_))
        {
            return Err(unknown_technique(&text, exact, value));
        }
        let mut patterns = vec![by_id];
        let pattern = if exact { Pattern::equals } else { |id: &str| Pattern::Technique(fold(id)) };
        patterns.extend(found.iter().map(|known| pattern(known.id)));
        if !found.is_empty() {
            self.named.push(NamedTechniques { typed: text, techniques: found });
        }
        Ok(patterns)
    }

    /// Returns patterns for the predecessors and successors of a technique and its sub-techniques.
    fn renamed(&mut self, id: &str) -> Vec<Pattern> {
        let parent = Pattern::Technique(fold(id));
        let is_meant = |known: &str| parent.matches(known, &fold(known));
        let mut others: Vec<_> = attack::renamed(is_meant).filter(|known| !is_meant(known.id)).collect();
        others.sort_unstable_by_key(|known| known.id);
        others.dedup_by_key(|known| known.id);
        let patterns = others.iter().map(|known| Pattern::equals(known.id)).collect();
        if !others.is_empty() {
            self.named.push(NamedTechniques { typed: id.to_owned(), techniques: others });
        }
        patterns
    }
}

/// Returns whether folded text is a technique ID or the start of one.
pub(super) fn is_technique_id(folded: &str) -> bool {
    folded.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn unknown_technique(text: &str, exact: bool, value: &Value) -> Diagnostic {
    let message = if exact {
        "no ATT&CK technique has this name; use : to match part of a name, or quote it to search for it anyway"
    } else {
        "no ATT&CK technique has this in its name; quote it to search for it anyway"
    };
    let diagnostic = Diagnostic::new(value.span.clone(), DiagnosticKind::UnknownName, message);
    let mut diagnostic = diagnostic.nearest(text, attack::techniques().iter().map(|known| known.name));
    if let Some((_, name)) = &mut diagnostic.fix {
        *name = format!("\"{name}\"");
    }
    diagnostic
}
