//! Completes field names, members, keywords for dates and owners, and OData properties.
//!
//! Completions depend only on the text before the cursor and the tenants' names, not on alerts.

use std::ops::Range;

use super::{
    fields::{self, Enumeration, FIELDS, Field, FieldKind, TextKind},
    plan::Tenant,
    properties::PROPERTIES,
    syntax::head,
    write::literal,
};
use alertdeck_model::attack::{self, Tactic, TechniqueStatus};
use alertdeck_odata::Property;

/// A completion of the word before the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The byte range to replace in the filter.
    pub range: Range<usize>,
    /// The replacement.
    pub text: String,
    /// A short description, which may be empty.
    pub help: String,
}

/// Lists completions at the cursor, given as a byte offset. Names that start with the word before
/// the cursor come first, then names that contain it. `tenants` are the tenants that `tenant:` can
/// name.
pub fn complete(text: &str, cursor: usize, tenants: &[Tenant]) -> Vec<Completion> {
    let Some(before) = text.get(..cursor) else { return Vec::new() };
    let start = word_start(before);
    let word = &before[start..];
    if word.contains('"') {
        return Vec::new();
    }
    if before.trim_start().starts_with('$') {
        let word = word.trim_start_matches('$');
        let names = Property::ALL.map(|property| (property.name().to_owned(), String::new()));
        return ranked(cursor - word.len()..cursor, word, names);
    }
    if let Some(TypedValue { range, field, part }) = typed_value(text, cursor) {
        let mut found = ranked(range.clone(), part, field_values(field, tenants));
        if let Some(Field { kind: FieldKind::Text(TextKind::Technique, _), .. }) = fields::find_field(field) {
            found.extend(techniques(&range, part));
        }
        return found;
    }
    let word = word.trim_start_matches(['-', '!']);
    let fields =
        FIELDS.iter().flat_map(|field| field.names().map(|name| (format!("{name}:"), field.help.to_owned())));
    // Three hundred property names are too many to offer before anything is typed.
    let properties = PROPERTIES.iter().filter(|name| !word.is_empty() && fields::find_field(name).is_none());
    let properties = properties.map(|name| (format!("{name}:"), "Graph property".to_owned()));
    ranked(cursor - word.len()..cursor, word, fields.chain(properties))
}

/// A value that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedValue<'a> {
    /// The byte range of the value, up to the cursor.
    pub range: Range<usize>,
    /// The field, as typed.
    pub field: &'a str,
    /// The value, as typed so far.
    pub part: &'a str,
}

/// Returns the value before the cursor, given as a byte offset, if a field's value is being typed
/// there. Values in quotes are not found.
pub fn typed_value(text: &str, cursor: usize) -> Option<TypedValue<'_>> {
    let before = text.get(..cursor)?;
    let word = &before[word_start(before)..];
    if word.contains('"') || before.trim_start().starts_with('$') {
        return None;
    }
    let word = word.trim_start_matches(['-', '!']);
    let (length, _, operator) = head(word)?;
    let values = &word[length + operator..];
    let part = values.rsplit(',').next().unwrap_or(values);
    Some(TypedValue { range: cursor - part.len()..cursor, field: &word[..length], part })
}

/// Returns the start of the word before the cursor.
fn word_start(before: &str) -> usize {
    let (mut start, mut quoted) = (0, false);
    for (at, c) in before.char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if !quoted && (c.is_whitespace() || c == '(' || c == ')') => start = at + c.len_utf8(),
            _ => {}
        }
    }
    start
}

/// Returns the words that a field accepts as values, each with its description.
fn field_values(name: &str, tenants: &[Tenant]) -> Vec<(String, String)> {
    const WORDS: [&str; 2] = ["none", "any"];
    let Some(field) = fields::find_field(name) else { return Vec::new() };
    let mut words: Vec<(String, String)> = Vec::new();
    if let Some(enumeration) = field.enumeration() {
        let aliases = enumeration.aliases().iter();
        words.extend(aliases.map(|(alias, members)| ((*alias).to_owned(), members.join(", "))));
        let help = |name| match enumeration {
            Enumeration::Tactic => {
                let words = Tactic::read(name).map_or("", Tactic::name);
                if words == name { String::new() } else { words.to_owned() }
            }
            _ => String::new(),
        };
        words.extend(enumeration.members().into_iter().map(|name| (name.to_owned(), help(name))));
    }
    match field.kind {
        FieldKind::Date(_) => {
            words.extend(["today", "yesterday"].map(|day| (day.to_owned(), String::new())));
        }
        FieldKind::Tenant => words.extend(tenants.iter().filter_map(|tenant| {
            let (name, others) = tenant.names.split_first()?;
            Some((literal(name), others.join(", ")))
        })),
        FieldKind::Text(TextKind::Owner, _) => words.push(("me".to_owned(), "the signed-in user".to_owned())),
        _ => {}
    }
    let missing = WORDS.into_iter().filter(|word| !words.iter().any(|(name, _)| name == word));
    let missing: Vec<_> = missing.map(|word| (word.to_owned(), String::new())).collect();
    words.extend(missing);
    words
}

/// Returns the techniques whose ID or name contains the text, starting with those that begin with
/// it. They complete to IDs, because names are not unique.
fn techniques(range: &Range<usize>, typed: &str) -> Vec<Completion> {
    let typed = typed.to_lowercase();
    let mut found: Vec<_> = attack::techniques()
        .iter()
        .filter(|known| known.status == TechniqueStatus::Current)
        .filter_map(|known| {
            let places = [known.id, known.name].map(|text| text.to_lowercase().find(&typed));
            let inside = places.into_iter().flatten().min()? > 0;
            let completion =
                Completion { range: range.clone(), text: known.id.to_owned(), help: known.full_name() };
            Some((inside, completion))
        })
        .collect();
    found.sort_by_key(|(inside, _)| *inside);
    found.into_iter().map(|(_, completion)| completion).collect()
}

/// Returns completions for the names that contain the typed text, starting with those that begin
/// with it.
fn ranked(
    range: Range<usize>,
    typed: &str,
    names: impl IntoIterator<Item = (String, String)>,
) -> Vec<Completion> {
    let typed = typed.to_lowercase();
    let mut found: Vec<_> = names
        .into_iter()
        .filter_map(|(name, help)| {
            let at = name.to_lowercase().find(&typed)?;
            Some((at > 0, Completion { range: range.clone(), text: name, help }))
        })
        .collect();
    found.sort_by_key(|(inside, _)| *inside);
    found.into_iter().map(|(_, completion)| completion).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn tenants() -> Vec<Tenant> {
        let named = |name: &str| Tenant { names: vec![name.to_owned()], ..Tenant::default() };
        ["Contoso Ltd", "fabrikam"].map(named).into()
    }

    #[rstest]
    #[case::field("sev", 3, "severity:", 0..3)]
    #[case::negated("a -stat", 7, "status:", 3..7)]
    #[case::group("(tit", 4, "title:", 1..4)]
    #[case::inside("a sev b", 5, "severity:", 2..5)]
    #[case::property("a osP", 5, "osPlatform:", 2..5)]
    #[case::member("status:inp", 10, "inProgress", 7..10)]
    #[case::alias("status:open,re", 14, "res", 12..14)]
    #[case::ordered("severity>=m", 11, "med", 10..11)]
    #[case::owner("assigned:m", 10, "me", 9..10)]
    #[case::date("created>=y", 10, "yesterday", 9..10)]
    #[case::evidence("evidence:kubernetesp", 20, "kubernetesPod", 9..20)]
    #[case::technique("technique:t1059.00", 18, "T1059.001", 10..18)]
    #[case::technique_by_name("technique:T1027,powers", 22, "T1059.001", 16..22)]
    #[case::tactic("tactic:comm", 11, "CommandAndControl", 7..11)]
    #[case::tenant("tenant:fab", 10, "fabrikam", 7..10)]
    #[case::quoted_tenant("tenant:c", 8, "\"Contoso Ltd\"", 7..8)]
    #[case::odata("$sta", 4, "status", 1..4)]
    #[case::odata_later("$status eq 'new' and last", 25, "lastUpdateDateTime", 21..25)]
    fn the_best_completion_comes_first(
        #[case] text: &str,
        #[case] cursor: usize,
        #[case] expected: &str,
        #[case] range: Range<usize>,
    ) {
        let first = complete(text, cursor, &tenants()).into_iter().next().unwrap();
        assert_eq!((first.text.as_str(), first.range), (expected, range));
    }

    #[test]
    fn techniques_are_offered_with_their_names() {
        let offered = complete("technique:token", 15, &[]);
        let shown: Vec<_> = offered.iter().map(|found| (found.text.as_str(), found.help.as_str())).collect();
        // Names that start with the text come before names that contain it.
        assert_eq!(
            shown[..2],
            [
                ("T1134.001", "Access Token Manipulation: Token Impersonation/Theft"),
                ("T1134", "Access Token Manipulation"),
            ]
        );
        let every = complete("technique:", 10, &[]);
        assert!(every.iter().any(|found| found.text == "T1059"));
        assert!(every.iter().all(|found| found.text != "T1086"), "T1086 was revoked");
    }

    #[rstest]
    #[case::quoted("title:\"sev", 10)]
    #[case::outside("sev", 9)]
    #[case::middle_of_a_character("é", 1)]
    #[case::free_text("title:sev", 9)]
    fn there_are_no_completions(#[case] text: &str, #[case] cursor: usize) {
        assert_eq!(complete(text, cursor, &[]), []);
    }
}
