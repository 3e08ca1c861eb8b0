//! From the text of a config file to its profiles, or to everything that is wrong with it.
//!
//! The syntax is the TOML parser's, which goes on after a fault; the meaning is read off the
//! tree that it could make, by the table of keys.

use std::{collections::BTreeSet, ops::Range, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    Config, Section,
    diagnostic::{Diagnostic, Fault, Hide, nearest, quoted},
    key::{KEYS, Key, Kind, Setting, Settings, Source, Value, is_profile_name, is_secret, place_for},
    place,
    profile::contradictions,
};

/// The keys beside the profiles.
const DEFAULT: &str = "default_profile";
const PROFILE: &str = "profile";

/// So many faults of a file are told; who has more has the wrong file.
const TOLD: usize = 50;

/// Everything that is wrong with a file, or so much of it as anyone reads.
#[derive(Debug)]
pub(super) struct Faults {
    /// In the order of the text.
    pub(super) told: Vec<Diagnostic>,
    /// How many there are beside.
    pub(super) more: usize,
}

/// Reads a file that lies at `path`.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Config, Faults> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(Faults { told: vec![not_text(bytes, error.valid_up_to())], more: 0 }),
    };
    let starts = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let mut reader = Reader { path, starts, faults: Vec::new() };
    let (tree, errors) = DeTable::parse_recoverable(text);
    let mut faults: Vec<_> = errors.iter().map(|error| syntax_fault(text, error)).collect();
    let config = reader.file(tree.get_ref(), faults.is_empty());
    // What follows from a fault of syntax on the same line is no fault of its own.
    let broken: BTreeSet<_> = faults.iter().map(|fault| reader.line(fault.span.start)).collect();
    let found = std::mem::take(&mut reader.faults).into_iter();
    faults.extend(found.filter(|fault| !broken.contains(&reader.line(fault.span.start))));
    if faults.is_empty() {
        return Ok(config);
    }
    faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
    // The parser may tell of one place twice.
    faults.dedup_by_key(|fault| fault.span.start);
    let more = faults.len().saturating_sub(TOLD);
    let scattered = text.lines().any(|line| secret_value(line).is_some_and(reaches_on));
    let told = faults.into_iter().take(TOLD).map(|fault| {
        let line = line_at(text, fault.span.start);
        let secret = secret_value(line).is_some() || line.contains(Key::TokenCommand.name());
        let hide = match (scattered, secret) {
            (true, _) => Hide::Line,
            (_, true) => Hide::Value,
            _ => fault.hide,
        };
        Fault { hide, ..fault }.locate(text)
    });
    Err(Faults { told: told.collect(), more })
}

/// The fault of a file that is not UTF-8. Bytes before the place are text; those after it are
/// shown as far as they are.
fn not_text(bytes: &[u8], at: usize) -> Diagnostic {
    let text = String::from_utf8_lossy(bytes);
    // The first replacement stands where the text ends to be one: all before it is as it was.
    let mut end = at;
    end += text[at..].chars().next().map_or(0, char::len_utf8);
    let hide = hide_if(text.lines().any(|line| secret_value(line).is_some()), Hide::Line);
    let fault = Fault { hide, ..Fault::new(at..end, "not UTF-8 from here on") };
    fault.fix("save the file as UTF-8").locate(&text)
}

/// A fault that the TOML parser reports. It quotes nothing of the text.
fn syntax_fault(text: &str, error: &toml::de::Error) -> Fault {
    let (span, message) = (error.span().unwrap_or(0..0), error.message());
    let first = text.get(span.start..).and_then(|rest| rest.chars().next());
    if first.is_some_and(|c| c.is_control() && !matches!(c, '\n' | '\r')) {
        let message = "a control character, which no config file may hold";
        return Fault::new(span, message).fix("take it out, or write it as \\u0000 in double quotes");
    }
    // The parser takes nothing for a text without quotes.
    if span.is_empty() && message.starts_with("string values must be quoted") {
        return Fault::new(span, "there is no value").fix("write it as key = \"value\"");
    }
    let known = FIXES.iter().find(|(start, ..)| message.starts_with(start));
    let (message, fix) = match known {
        Some((_, Some(words), fix)) => (*words, *fix),
        Some((_, None, fix)) => (message, *fix),
        None => (message, "expected `key = \"value\"` or `[profile.NAME]`"),
    };
    Fault::new(span, message).fix(fix)
}

/// How the parser's messages begin, words that are plainer where there are any, and the fix.
const FIXES: &[(&str, Option<&str>, &str)] = &[
    ("duplicate key", None, "each key and each table may stand once: keep one"),
    ("string values must be quoted", Some("text must be quoted"), "put the value in quotes"),
    ("invalid basic string", Some("the quotes are not closed"), "close the quotes on the same line"),
    ("invalid literal string", Some("the quotes are not closed"), "close the quotes on the same line"),
    ("missing escaped value", Some("this `\\` begins no escape"), ESCAPES),
    ("too few unicode value digits", None, ESCAPES),
    ("key with no value", None, "write it as key = \"value\""),
    ("missing value", None, "write it as key = \"value\""),
    ("missing assignment", None, "write it as key = \"value\""),
    ("extra `=`", None, "one `=` stands between key and value"),
    ("extra assignment", None, "one `=` stands between key and value"),
    ("unexpected key or value", None, "one key and its value on a line"),
    ("unclosed table", None, "close it with `]`"),
    ("unclosed array", None, "close it with `]`"),
    ("unclosed inline table", None, "close it with `}`"),
    ("cannot extend value", None, "a key holds either a value or a table: rename one"),
    ("recursion limit", Some("nested too deep"), "nothing here is nested so deep"),
    ("cannot recurse", Some("nested too deep"), "nothing here is nested so deep"),
];

const ESCAPES: &str = "write \\\\ for \\, or use single quotes";

/// The line at a byte of the text.
fn line_at(text: &str, at: usize) -> &str {
    let start = text.as_bytes().iter().take(at).rposition(|b| *b == b'\n').map_or(0, |last| last + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// Finds a key on a line that is called like one for a secret, and returns what stands after
/// it. It is asked of the text, since what is wrong may keep the key out of the tree.
fn secret_value(line: &str) -> Option<&str> {
    let is_part = |c: char| c.is_alphanumeric() || "_-\"' \t".contains(c);
    line.match_indices('=').find_map(|(at, _)| {
        let before = &line[..at];
        let key = before.rfind(|c| !is_part(c)).map_or(before, |last| &before[last..]);
        is_secret(key.trim_matches(|c: char| !c.is_alphanumeric())).then(|| &line[at + 1..])
    })
}

/// Tells whether a value may go on below its line.
fn reaches_on(value: &str) -> bool {
    value.trim().is_empty() || ["\"\"\"", "'''", "[", "{"].iter().any(|sign| value.contains(sign))
}

fn hide_if(secret: bool, hide: Hide) -> Hide {
    if secret { hide } else { Hide::Nothing }
}

struct Reader<'a> {
    path: &'a Path,
    /// Where each line but the first begins.
    starts: Vec<usize>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn say(&mut self, span: Range<usize>, message: impl Into<String>, fix: impl Into<String>) {
        self.faults.push(Fault::new(span, message).fix(fix));
    }

    /// Reads the whole tree. What does not go together is told only of a tree that is `whole`.
    fn file(&mut self, tree: &DeTable, whole: bool) -> Config {
        let mut config = Config::default();
        let mut default = None;
        for (key, value) in tree {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (DEFAULT, DeValue::String(name)) => default = Some((name.to_string(), value.span())),
                (DEFAULT, other) => {
                    let message = format!("`{DEFAULT}` takes text, not {}", kind(other));
                    self.say(value.span(), message, "give a profile's name in quotes");
                }
                (PROFILE, DeValue::Table(table)) => self.profiles(table, whole, &mut config),
                (PROFILE, other) => {
                    let name = other.as_str().filter(|name| is_profile_name(name)).unwrap_or("NAME");
                    let message = format!("`{PROFILE}` holds the profiles and cannot be {}", kind(other));
                    let fix = format!("name the one to use by {DEFAULT} = \"{name}\"");
                    self.say(value.span(), message, fix);
                }
                (name, value) => self.stray(name, key.span(), value),
            }
        }
        if let Some((name, span)) = default {
            if whole && !config.sections.iter().any(|section| section.name == name) {
                let fix = match nearest(&name, config.names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if is_profile_name(&name) => format!("add a table [profile.{name}]"),
                    None => "give the name of a profile".to_owned(),
                };
                self.say(span, format!("there is no profile {}", quoted(&name)), fix);
            }
            config.default = Some(name);
        }
        config
    }

    fn profiles(&mut self, table: &DeTable, whole: bool, config: &mut Config) {
        let mut sections = Vec::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let DeValue::Table(table) = value.get_ref() else {
                let message =
                    format!("the profile {} is a table, not {}", quoted(name), kind(value.get_ref()));
                // Most likely the keys stand in `[profile]` itself.
                let fix = if KEYS.iter().any(|spec| spec.name == name) {
                    "write the profile's name in the line above: [profile.NAME]"
                } else {
                    "write it as [profile.NAME], its keys below"
                };
                let hide = hide_if(is_secret(name), Hide::Value);
                self.faults.push(Fault { hide, ..Fault::new(key.span(), message) }.fix(fix));
                continue;
            };
            if !is_profile_name(name) {
                let fix = "use letters, digits, - and _, at most 40 of them";
                self.say(key.span(), format!("no profile can be called {}", quoted(name)), fix);
            }
            let settings = self.settings(table, whole);
            sections.push((key.span().start, Section { name: name.to_owned(), settings }));
        }
        sections.sort_by_key(|(start, _)| *start);
        config.sections.extend(sections.into_iter().map(|(_, section)| section));
    }

    /// Reads the keys of a profile by the table.
    fn settings(&mut self, table: &DeTable, whole: bool) -> Settings {
        let mut settings = Settings::new();
        let before = self.faults.len();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let Some(spec) = KEYS.iter().find(|spec| spec.name == name) else {
                self.unknown(name, key.span(), "key", KEYS.iter().map(|spec| spec.name));
                continue;
            };
            let value_read = match (spec.kind, value.get_ref()) {
                (Kind::Text(read), DeValue::String(text)) => read(text),
                (Kind::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
                (kind, other) => {
                    self.wrong_kind(spec.key, kind, other, value.span());
                    continue;
                }
            };
            match value_read {
                Ok(value_read) => {
                    let value_read = match value_read {
                        Value::Path(path) => Value::Path(place::beside(self.path, &path)),
                        other => other,
                    };
                    let line = self.line(key.span().start);
                    settings.insert(spec.key, Setting { value: value_read, source: Source::File { line } });
                }
                Err(wrong) => {
                    let fault = Fault {
                        hide: hide_if(wrong.hide, Hide::Value),
                        ..Fault::new(value.span(), wrong.message)
                    };
                    self.faults.push(fault.fix(wrong.fix));
                }
            }
        }
        if whole && self.faults.len() == before {
            for (key, wrong) in contradictions(&settings) {
                let span = table.iter().find(|(name, _)| name.get_ref() == key.name());
                self.say(span.map_or(0..0, |(_, value)| value.span()), wrong.message, wrong.fix);
            }
        }
        settings
    }

    fn wrong_kind(&mut self, key: Key, expected: Kind, found: &DeValue, span: Range<usize>) {
        let (takes, fix) = match (expected, found) {
            (Kind::Text(_), DeValue::Array(_) | DeValue::Table(_)) => ("text", "give one text in quotes"),
            (Kind::Text(_), _) => ("text", "put the value in quotes"),
            (Kind::Flag, DeValue::String(_)) => ("true or false", "write true or false, without quotes"),
            (Kind::Flag, _) => ("true or false", "write true or false"),
        };
        let message = format!("`{}` takes {takes}, not {}", key.name(), kind(found));
        let hide = hide_if(key == Key::TokenCommand, Hide::Value);
        self.faults.push(Fault { hide, ..Fault::new(span, message) }.fix(fix));
    }

    /// Tells of a key that stands beside the profiles and means nothing there.
    fn stray(&mut self, name: &str, span: Range<usize>, value: &DeValue) {
        if KEYS.iter().any(|spec| spec.name == name) {
            let fix = "put it below a line [profile.NAME]";
            return self.say(span, format!("`{name}` belongs into a profile"), fix);
        }
        match value {
            DeValue::Table(table) if nearest(name, [PROFILE]).is_none() && looks_like_profile(table) => {
                let name_it = if is_profile_name(name) { name } else { "NAME" };
                let fix = format!("did you mean [profile.{name_it}]?");
                self.say(span, format!("unknown table {}", quoted(name)), fix);
            }
            _ => self.unknown(name, span, "key", [DEFAULT, PROFILE]),
        }
    }

    /// Tells of an unknown key: a secret, a slip, or neither.
    fn unknown(
        &mut self,
        name: &str,
        span: Range<usize>,
        what: &str,
        names: impl IntoIterator<Item = &'static str>,
    ) {
        let names: Vec<_> = names.into_iter().collect();
        let near = nearest(name, names.iter().copied());
        // `client_secret` is no slip of the pen for `client_secret_file`.
        let slip = near.filter(|near| !is_secret(name) || strsim::osa_distance(near, name) <= 2);
        let fault = match slip {
            Some(near) => Fault::new(span, format!("unknown {what} {}", quoted(name)))
                .fix(format!("did you mean `{near}`?")),
            None if is_secret(name) => {
                let message = format!("{}: no secret belongs into this file", quoted(name));
                Fault::new(span, message).fix(place_for(name))
            }
            None => Fault::new(span, format!("unknown {what} {}", quoted(name)))
                .fix(format!("expected {}", names.join(", "))),
        };
        self.faults.push(Fault { hide: hide_if(is_secret(name), Hide::Value), ..fault });
    }

    /// The number of the line at a byte of the text, counted from 1.
    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) + 1
    }
}

fn looks_like_profile(table: &DeTable) -> bool {
    table.keys().any(|key| KEYS.iter().any(|spec| spec.name == key.get_ref().as_ref()))
}

/// What a value is, with its article.
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
