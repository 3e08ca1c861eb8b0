//! Parses a config file and returns its profiles, or all errors in it.
//!
//! The TOML parser continues after an error. Keys and values in the resulting tree are checked
//! against the key table.

mod notify;

use std::{collections::BTreeSet, ops::Range, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    Config, Section,
    diagnostic::{Diagnostic, Hide, SpannedError, nearest, quoted},
    file,
    key::{
        KEYS, Key, Setting, Settings, Source, Value, ValueKind, fix_for_secret, is_profile_name, is_secret,
        number_up_to,
    },
    profile::contradictions,
};

/// The top-level keys.
const DEFAULT: &str = "default_profile";
const PROFILE: &str = "profile";
const NOTIFY: &str = "notify";

/// The maximum number of errors shown.
const MAX_ERRORS: usize = 50;

/// The errors in a file.
#[derive(Debug)]
pub(super) struct ErrorList {
    /// The first errors, in the order in which they appear in the text.
    pub(super) shown: Vec<Diagnostic>,
    /// The number of additional errors.
    pub(super) more: usize,
}

/// Parses the content of the file at `path`.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Config, ErrorList> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(ErrorList { shown: vec![not_utf8(bytes, error.valid_up_to())], more: 0 });
        }
    };
    let starts = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let mut reader = Reader { path, starts, errors: Vec::new() };
    let (tree, syntax_errors) = DeTable::parse_recoverable(text);
    let mut errors: Vec<_> = syntax_errors.iter().map(|error| syntax_error(text, error)).collect();
    let config = reader.file(tree.get_ref(), errors.is_empty());
    // On a line with a syntax error, drop all other errors, since the syntax error causes them.
    let broken: BTreeSet<_> = errors.iter().map(|error| reader.line(error.span.start)).collect();
    let found = std::mem::take(&mut reader.errors).into_iter();
    errors.extend(found.filter(|error| !broken.contains(&reader.line(error.span.start))));
    if errors.is_empty() {
        return Ok(config);
    }
    errors.sort_by_key(|error| (error.span.start, error.span.end));
    // The parser may report the same position twice.
    errors.dedup_by_key(|error| error.span.start);
    let more = errors.len().saturating_sub(MAX_ERRORS);
    let has_multiline_secret = text.lines().any(|line| secret_value(line).is_some_and(may_continue));
    let shown = errors.into_iter().take(MAX_ERRORS).map(|error| {
        let line = line_at(text, error.span.start);
        let has_secret = secret_value(line).is_some() || line.contains(Key::TokenCommand.name());
        let hide = match (has_multiline_secret, has_secret) {
            (true, _) => Hide::Line,
            (_, true) => Hide::Value,
            _ => error.hide,
        };
        SpannedError { hide, ..error }.locate(text)
    });
    Err(ErrorList { shown: shown.collect(), more })
}

/// Returns the error for a file that is not valid UTF-8 at byte `at`.
fn not_utf8(bytes: &[u8], at: usize) -> Diagnostic {
    let text = String::from_utf8_lossy(bytes);
    // Up to `at`, the text equals the bytes; the first replacement character follows.
    let mut end = at;
    end += text[at..].chars().next().map_or(0, char::len_utf8);
    let hide = hide_if(text.lines().any(|line| secret_value(line).is_some()), Hide::Line);
    let error = SpannedError { hide, ..SpannedError::new(at..end, "not UTF-8 from here on") };
    error.fix("save the file as UTF-8").locate(&text)
}

/// Converts an error from the TOML parser. The parser's message does not quote the text.
fn syntax_error(text: &str, error: &toml::de::Error) -> SpannedError {
    let (span, message) = (error.span().unwrap_or(0..0), error.message());
    let first = text.get(span.start..).and_then(|rest| rest.chars().next());
    if first.is_some_and(|c| c.is_control() && !matches!(c, '\n' | '\r')) {
        let message = "control characters are not allowed";
        return SpannedError::new(span, message).fix("remove it, or write it as \\u0000 in double quotes");
    }
    // The parser reports a missing value as an unquoted string.
    if span.is_empty() && message.starts_with("string values must be quoted") {
        return SpannedError::new(span, "missing value").fix("write it as key = \"value\"");
    }
    let known = FIXES.iter().find(|(start, ..)| message.starts_with(start));
    let (message, fix) = match known {
        Some((_, Some(plain), fix)) => (*plain, *fix),
        Some((_, None, fix)) => (message, *fix),
        None => (message, "expected `key = \"value\"` or `[profile.NAME]`"),
    };
    SpannedError::new(span, message).fix(fix)
}

/// The start of each parser message, a clearer message if needed, and the fix.
const FIXES: &[(&str, Option<&str>, &str)] = &[
    ("duplicate key", None, "a key or table can appear only once: keep one"),
    ("string values must be quoted", Some("text must be quoted"), "put the value in quotes"),
    ("invalid basic string", Some("the closing quote is missing"), "close the quotes on the same line"),
    ("invalid literal string", Some("the closing quote is missing"), "close the quotes on the same line"),
    ("missing escaped value", Some("invalid escape sequence after `\\`"), ESCAPES),
    ("too few unicode value digits", None, ESCAPES),
    ("key with no value", None, "write it as key = \"value\""),
    ("missing value", None, "write it as key = \"value\""),
    ("missing assignment", None, "write it as key = \"value\""),
    ("extra `=`", None, "write one `=` between key and value"),
    ("extra assignment", None, "write one `=` between key and value"),
    ("unexpected key or value", None, "write one key and its value per line"),
    ("unclosed table", None, "close it with `]`"),
    ("unclosed array", None, "close it with `]`"),
    ("unclosed inline table", None, "close it with `}`"),
    ("cannot extend value", None, "a key can be a value or a table, not both: rename one"),
    ("recursion limit", Some("nested too deeply"), "remove the nesting"),
    ("cannot recurse", Some("nested too deeply"), "remove the nesting"),
];

const ESCAPES: &str = "write \\\\ for \\, or use single quotes";

/// Returns the line that contains the byte at offset `at`.
fn line_at(text: &str, at: usize) -> &str {
    let start = text.as_bytes().iter().take(at).rposition(|b| *b == b'\n').map_or(0, |last| last + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// Finds a key on the line that looks like the name of a secret, and returns the text after the
/// key's `=`. Searches the text, since a key with an error may be missing from the tree.
fn secret_value(line: &str) -> Option<&str> {
    let is_part = |c: char| c.is_alphanumeric() || "_-\"' \t".contains(c);
    line.match_indices('=').find_map(|(at, _)| {
        let before = &line[..at];
        let key = before.rfind(|c| !is_part(c)).map_or(before, |last| &before[last..]);
        is_secret(key.trim_matches(|c: char| !c.is_alphanumeric())).then(|| &line[at + 1..])
    })
}

/// Returns whether a value may continue on the next line.
fn may_continue(value: &str) -> bool {
    value.trim().is_empty() || ["\"\"\"", "'''", "[", "{"].iter().any(|open| value.contains(open))
}

fn hide_if(secret: bool, hide: Hide) -> Hide {
    if secret { hide } else { Hide::Nothing }
}

struct Reader<'a> {
    path: &'a Path,
    /// The byte offset at which each line starts, except the first.
    starts: Vec<usize>,
    errors: Vec<SpannedError>,
}

impl Reader<'_> {
    fn error(&mut self, span: Range<usize>, message: impl Into<String>, fix: impl Into<String>) {
        self.errors.push(SpannedError::new(span, message).fix(fix));
    }

    /// Reads the tree. Contradictions are reported only if the tree is `complete`, that is, if
    /// there are no syntax errors.
    fn file(&mut self, tree: &DeTable, complete: bool) -> Config {
        let mut config = Config::default();
        let (mut default, mut notify) = (None, None);
        for (key, value) in tree {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (DEFAULT, DeValue::String(name)) => default = Some((name.to_string(), value.span())),
                (DEFAULT, other) => {
                    let message = format!("`{DEFAULT}` must be text, not {}", kind(other));
                    self.error(value.span(), message, "enter a profile name in quotes");
                }
                (PROFILE, DeValue::Table(table)) => self.profiles(table, complete, &mut config),
                (PROFILE, other) => {
                    let name = other.as_str().filter(|name| is_profile_name(name)).unwrap_or("NAME");
                    let message = format!("`{PROFILE}` must be the table of profiles, not {}", kind(other));
                    let fix = format!("to select a profile, write {DEFAULT} = \"{name}\"");
                    self.error(value.span(), message, fix);
                }
                (NOTIFY, DeValue::Table(table)) => notify = Some((table, key.span())),
                (NOTIFY, other) => {
                    let message = format!("`{NOTIFY}` must be a table, not {}", kind(other));
                    self.error(value.span(), message, "write [notify], with its keys below");
                }
                (name, value) => self.unknown_at_top_level(name, key.span(), value),
            }
        }
        if let Some((table, span)) = notify {
            config.notify = self.notify(table, span, &config);
        }
        if let Some((name, span)) = default {
            if complete && !config.sections.iter().any(|section| section.name == name) {
                let fix = match nearest(&name, config.names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if is_profile_name(&name) => format!("add a table [profile.{name}]"),
                    None => "enter the name of a profile".to_owned(),
                };
                self.error(span, format!("no profile named {}", quoted(&name)), fix);
            }
            config.default = Some(name);
        }
        config
    }

    fn profiles(&mut self, table: &DeTable, complete: bool, config: &mut Config) {
        let mut sections = Vec::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let DeValue::Table(table) = value.get_ref() else {
                let message =
                    format!("profile {} must be a table, not {}", quoted(name), kind(value.get_ref()));
                // The table is probably `[profile]` without a profile name.
                let fix = if KEYS.iter().any(|spec| spec.name == name) {
                    "add the profile's name to the line above: [profile.NAME]"
                } else {
                    "write [profile.NAME], with its keys below"
                };
                let hide = hide_if(is_secret(name), Hide::Value);
                self.errors.push(SpannedError { hide, ..SpannedError::new(key.span(), message) }.fix(fix));
                continue;
            };
            if !is_profile_name(name) {
                let fix = "use up to 40 letters, digits, - and _";
                self.error(key.span(), format!("invalid profile name {}", quoted(name)), fix);
            }
            let settings = self.settings(table, complete);
            sections.push((key.span().start, Section { name: name.to_owned(), settings }));
        }
        sections.sort_by_key(|(start, _)| *start);
        config.sections.extend(sections.into_iter().map(|(_, section)| section));
    }

    /// Reads a profile's keys.
    fn settings(&mut self, table: &DeTable, complete: bool) -> Settings {
        let mut settings = Settings::new();
        let before = self.errors.len();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let Some(spec) = KEYS.iter().find(|spec| spec.name == name) else {
                self.unknown(name, key.span(), "key", KEYS.iter().map(|spec| spec.name));
                continue;
            };
            let parsed = match (spec.kind, value.get_ref()) {
                (ValueKind::Text(parse), DeValue::String(text)) => parse(text),
                (ValueKind::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
                (ValueKind::Number(most), DeValue::Integer(number)) => {
                    number_up_to(number.as_str(), number.radix(), most)
                }
                (kind, other) => {
                    self.wrong_kind(spec.key, kind, other, value.span());
                    continue;
                }
            };
            match parsed {
                Ok(parsed) => {
                    let value = match parsed {
                        Value::Path(path) => Value::Path(file::resolve(self.path, &path)),
                        other => other,
                    };
                    let line = self.line(key.span().start);
                    settings.insert(spec.key, Setting { value, source: Source::File { line } });
                }
                Err(error) => {
                    let spanned = SpannedError {
                        hide: hide_if(error.hide, Hide::Value),
                        ..SpannedError::new(value.span(), error.message)
                    };
                    self.errors.push(spanned.fix(error.fix));
                }
            }
        }
        if complete && self.errors.len() == before {
            for (key, error) in contradictions(&settings) {
                let span = table.iter().find(|(name, _)| name.get_ref() == key.name());
                self.error(span.map_or(0..0, |(_, value)| value.span()), error.message, error.fix);
            }
        }
        settings
    }

    fn wrong_kind(&mut self, key: Key, expected: ValueKind, found: &DeValue, span: Range<usize>) {
        let (expected, fix) = match (expected, found) {
            (ValueKind::Text(_), DeValue::Array(_) | DeValue::Table(_)) => {
                ("text", "enter a single string in quotes")
            }
            (ValueKind::Text(_), _) => ("text", "put the value in quotes"),
            (ValueKind::Flag, DeValue::String(_)) => ("true or false", "write true or false, without quotes"),
            (ValueKind::Flag, _) => ("true or false", "write true or false"),
            (ValueKind::Number(_), DeValue::String(_)) => {
                ("a whole number", "write the number without quotes")
            }
            (ValueKind::Number(_), _) => ("a whole number", "write a whole number"),
        };
        let message = format!("`{}` must be {expected}, not {}", key.name(), kind(found));
        let hide = hide_if(key == Key::TokenCommand, Hide::Value);
        self.errors.push(SpannedError { hide, ..SpannedError::new(span, message) }.fix(fix));
    }

    /// Reports an unknown top-level key.
    fn unknown_at_top_level(&mut self, name: &str, span: Range<usize>, value: &DeValue) {
        if KEYS.iter().any(|spec| spec.name == name) {
            let fix = "move it below a [profile.NAME] line";
            return self.error(span, format!("`{name}` belongs in a profile"), fix);
        }
        match value {
            DeValue::Table(table) if nearest(name, [PROFILE]).is_none() && looks_like_profile(table) => {
                let profile = if is_profile_name(name) { name } else { "NAME" };
                let fix = format!("did you mean [profile.{profile}]?");
                self.error(span, format!("unknown table {}", quoted(name)), fix);
            }
            _ => self.unknown(name, span, "key", [DEFAULT, PROFILE, NOTIFY]),
        }
    }

    /// Reports an unknown key: a typo, a secret, or neither.
    fn unknown(
        &mut self,
        name: &str,
        span: Range<usize>,
        what: &str,
        names: impl IntoIterator<Item = &'static str>,
    ) {
        let names: Vec<_> = names.into_iter().collect();
        let near = nearest(name, names.iter().copied());
        // `client_secret` is not a typo for `client_secret_file`.
        let typo = near.filter(|near| !is_secret(name) || strsim::osa_distance(near, name) <= 2);
        let error = match typo {
            Some(near) => SpannedError::new(span, format!("unknown {what} {}", quoted(name)))
                .fix(format!("did you mean `{near}`?")),
            None if is_secret(name) => {
                let message = format!("{}: secrets do not belong in this file", quoted(name));
                SpannedError::new(span, message).fix(fix_for_secret(name))
            }
            None => SpannedError::new(span, format!("unknown {what} {}", quoted(name)))
                .fix(format!("expected {}", names.join(", "))),
        };
        self.errors.push(SpannedError { hide: hide_if(is_secret(name), Hide::Value), ..error });
    }

    /// Returns the line number of a byte in the text, counted from 1.
    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) + 1
    }
}

fn looks_like_profile(table: &DeTable) -> bool {
    table.keys().any(|key| KEYS.iter().any(|spec| spec.name == key.get_ref().as_ref()))
}

/// Returns the type of a value, with an article.
fn kind(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
