//! The keymap: which keys run which commands.
//!
//! The defaults come from `assets/keymap.toml`, and the user's file overrides them. Dispatch, help,
//! the key bar and docs/keys.md all use this keymap. This module reads no files and is independent
//! of the terminal.

use std::{collections::HashMap, ops::Range};

use toml::de::{DeTable, DeValue};

use super::{
    command::{Command, Context},
    key::Key,
};

/// The keys bound to each command.
#[derive(Clone, Debug)]
pub struct Keymap {
    /// All contexts, in the order in which the help lists them.
    contexts: Vec<&'static Context>,
    /// Each command's keys, by command id.
    keys: HashMap<&'static str, Vec<Key>>,
}

/// An error in a keymap file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeymapError {
    /// The byte range of the invalid text.
    pub span: Range<usize>,
    /// The error message. It may quote the file and is not sanitised.
    pub message: String,
    /// How to fix the error.
    pub fix: String,
}

/// The keys that a file assigns to a command, with their positions.
struct Binding {
    context: &'static Context,
    command: &'static Command,
    keys: Vec<Key>,
    spans: Vec<Range<usize>>,
}

impl Keymap {
    /// Creates a keymap without any key bindings.
    pub(super) fn empty(contexts: Vec<&'static Context>) -> Self {
        Self { contexts, keys: HashMap::new() }
    }

    /// Returns all contexts, in the order in which the help lists them.
    pub fn contexts(&self) -> &[&'static Context] {
        &self.contexts
    }

    /// Applies the text of a keymap file on top of these keys. Returns every error in the text.
    pub(super) fn merge(self, text: &str) -> Result<Self, Vec<KeymapError>> {
        let (bindings, mut errors) = read(text, &self.contexts);
        let mut keymap = self;
        for binding in &bindings {
            keymap.keys.insert(binding.command.id, binding.keys.clone());
        }
        for binding in &bindings {
            for (key, span) in binding.keys.iter().zip(&binding.spans) {
                if let Some(other) = keymap.conflict(binding.context, binding.command, *key) {
                    let message = format!("`{key}` is also bound to {}: {}", other.id, other.help);
                    let fix = format!("choose another key, or bind {} to other keys in this file", other.id);
                    errors.push(KeymapError { span: span.clone(), message, fix });
                }
            }
        }
        if errors.is_empty() {
            return Ok(keymap);
        }
        errors.sort_by_key(|error| error.span.start);
        Err(errors)
    }

    /// Returns another command that has the same key and whose context can be active at the same
    /// time.
    fn conflict(&self, context: &Context, command: &Command, key: Key) -> Option<&'static Command> {
        self.contexts
            .iter()
            .filter(|other| context.overlaps(other))
            .flat_map(|other| other.commands)
            .find(|other| other.id != command.id && self.keys(other.id).contains(&key))
    }

    /// Returns a command's keys. Hints show the first one.
    pub fn keys(&self, id: &str) -> &[Key] {
        self.keys.get(id).map_or(&[], Vec::as_slice)
    }

    /// Returns a command's first key as text; empty if it has none.
    pub fn key(&self, id: &str) -> String {
        self.keys(id).first().map(Key::to_string).unwrap_or_default()
    }

    /// Finds the command that a key runs. The first context that binds the key wins.
    pub fn find(&self, contexts: &[&'static Context], key: Key) -> Option<&'static Command> {
        contexts
            .iter()
            .find_map(|context| context.commands.iter().find(|command| self.keys(command.id).contains(&key)))
    }

    /// Finds the binding closest to an unbound key in these contexts: the same letter in the other
    /// case, or with or without Ctrl or Alt.
    pub fn nearest(&self, contexts: &[&'static Context], key: Key) -> Option<(Key, &'static Command)> {
        let other_case = |key: Key| match key.code {
            super::KeyCode::Char(c) if c.is_lowercase() => {
                Key { code: super::KeyCode::Char(c.to_ascii_uppercase()), ..key }
            }
            super::KeyCode::Char(c) => Key { code: super::KeyCode::Char(c.to_ascii_lowercase()), ..key },
            _ => Key { shift: !key.shift, ..key },
        };
        let plain = Key { ctrl: false, alt: false, ..key };
        [plain, other_case(key), other_case(plain), plain.with_ctrl()]
            .into_iter()
            .find_map(|near| Some((near, self.find(contexts, near)?)))
    }
}

/// Parses a keymap file and returns its bindings and errors.
fn read(text: &str, contexts: &[&'static Context]) -> (Vec<Binding>, Vec<KeymapError>) {
    let (tree, syntax) = DeTable::parse_recoverable(text);
    let mut errors: Vec<_> = syntax
        .iter()
        .map(|error| KeymapError {
            span: error.span().unwrap_or(0..0),
            message: error.message().to_owned(),
            fix: "write it as name = \"key\" or name = [\"key\", \"key\"]".into(),
        })
        .collect();
    let mut bindings = Vec::new();
    for (name, value) in tree.get_ref() {
        let Some(context) = contexts.iter().copied().find(|context| context.name == name.get_ref()) else {
            let names: Vec<_> = contexts.iter().map(|context| context.name).collect();
            errors.push(KeymapError {
                span: name.span(),
                message: format!("unknown table `{}`", name.get_ref()),
                fix: suggestion(name.get_ref(), &names)
                    .unwrap_or_else(|| format!("expected one of {}", names.join(", "))),
            });
            continue;
        };
        let DeValue::Table(table) = value.get_ref() else {
            errors.push(KeymapError {
                span: value.span(),
                message: format!("`{}` must be a table", name.get_ref()),
                fix: format!("write [{}] on its own line, with the commands below it", name.get_ref()),
            });
            continue;
        };
        for (name, value) in table {
            let id = format!("{}.{}", context.name, name.get_ref());
            match context.commands.iter().find(|command| command.id == id) {
                Some(command) => {
                    let (keys, spans) = keys(value, &mut errors).into_iter().unzip();
                    bindings.push(Binding { context, command, keys, spans });
                }
                None => errors.push(KeymapError {
                    span: name.span(),
                    message: format!("unknown command `{id}`"),
                    fix: unknown_command(contexts, context, name.get_ref()),
                }),
            }
        }
    }
    (bindings, errors)
}

/// Returns the suggested fix for an unknown command in a context.
fn unknown_command(contexts: &[&'static Context], context: &Context, name: &str) -> String {
    let own = |command: &'static Command| command.id.split_once('.').map_or("", |(_, name)| name);
    let names: Vec<_> = context.commands.iter().map(own).collect();
    if let Some(elsewhere) =
        contexts.iter().flat_map(|context| context.commands).find(|command| own(command) == name)
    {
        let table = elsewhere.id.split_once('.').map_or("", |(table, _)| table);
        return format!("`{name}` belongs under [{table}]");
    }
    suggestion(name, &names).unwrap_or_else(|| format!("expected one of {}", names.join(", ")))
}

fn suggestion(name: &str, names: &[&str]) -> Option<String> {
    let distance = |known: &&&str| strsim::osa_distance(known, name);
    let nearest = names.iter().min_by_key(distance)?;
    (strsim::osa_distance(nearest, name) * 3 <= nearest.len()).then(|| format!("did you mean `{nearest}`?"))
}

/// Parses a command's keys, given as a string or a list of strings.
fn keys(value: &toml::Spanned<DeValue<'_>>, errors: &mut Vec<KeymapError>) -> Vec<(Key, Range<usize>)> {
    let mut one = |value: &toml::Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::String(text) => match text.parse::<Key>() {
            Ok(key) => Some((key, value.span())),
            Err(_) => {
                errors.push(KeymapError {
                    span: value.span(),
                    message: format!("`{text}` is not a key"),
                    fix: "expected a character, or a name such as Enter, Ctrl-d, Alt-x, Shift-Tab or F5"
                        .into(),
                });
                None
            }
        },
        _ => {
            errors.push(KeymapError {
                span: value.span(),
                message: "a key must be a string".into(),
                fix: "put it in quotes".into(),
            });
            None
        }
    };
    match value.get_ref() {
        DeValue::Array(list) => list.iter().filter_map(one).collect(),
        _ => one(value).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::contexts::{commands, contexts};
    use rstest::rstest;

    #[test]
    fn default_file_binds_every_command() {
        let (bindings, errors) = read(include_str!("../../assets/keymap.toml"), Keymap::default().contexts());
        assert_eq!(errors, []);
        for command in commands() {
            let its = bindings.iter().filter(|binding| binding.command.id == command.id);
            assert_eq!(
                its.map(|binding| binding.keys.len().min(1)).collect::<Vec<_>>(),
                [1],
                "{}",
                command.id
            );
        }
    }

    #[test]
    fn default_keys_are_unambiguous() {
        let keymap = Keymap::default();
        for context in contexts() {
            for command in context.commands {
                for key in keymap.keys(command.id) {
                    let other = keymap.conflict(context, command, *key);
                    assert!(other.is_none(), "{key}: {} and {other:?}", command.id);
                }
            }
        }
    }

    #[test]
    fn defaults_avoid_keys_of_multiplexers_and_terminals() {
        for command in commands() {
            for key in Keymap::default().keys(command.id) {
                let reserved = ["Ctrl-a", "Ctrl-b", "Ctrl-s", "Ctrl-q"].contains(&key.to_string().as_str());
                assert!(!reserved && !key.alt && !matches!(key.code, super::super::KeyCode::F(_)), "{key}");
            }
        }
    }

    #[test]
    fn user_file_replaces_the_keys_of_its_commands() {
        let keymap = Keymap::with_user_file("[list]\nsort = ['F2', 'Alt-s']\n[alert]\nmark = []\n").unwrap();
        assert_eq!(keymap.keys("list.sort").iter().map(Key::to_string).collect::<Vec<_>>(), ["F2", "Alt-s"]);
        assert_eq!(keymap.keys("alert.mark"), []);
        assert_eq!(keymap.keys("list.reverse"), Keymap::default().keys("list.reverse"));
        let keymap = Keymap::with_user_file("[list]\nsort = 'S'\nreverse = 's'\n").unwrap();
        assert_eq!(keymap.key("list.reverse"), "s");
    }

    #[rstest]
    #[case("[list]\nsrot = 's'\n", "srot", "unknown command `list.srot`", "did you mean `sort`?")]
    #[case("[lits]\nsort = 's'\n", "lits", "unknown table `lits`", "did you mean `list`?")]
    #[case("[list]\npivot = 'x'\n", "pivot", "unknown command `list.pivot`", "belongs under [alert]")]
    #[case("[list]\nsort = 'Hyper-s'\n", "'Hyper-s'", "`Hyper-s` is not a key", "Ctrl-d")]
    #[case("[list]\nsort = 5\n", "5", "a key must be a string", "in quotes")]
    #[case(
        "[list]\nsort = 'j'\n",
        "'j'",
        "`j` is also bound to move.down: next line",
        "bind move.down to other"
    )]
    #[case("[list]\nsort = ['F1', 'y']\n", "'y'", "`y` is also bound to alert.copy", "alert.copy")]
    #[case("[list]\nread = 'F2'\nsort = 'F2'\n", "'F2'", "`F2` is also bound to", "another key")]
    #[case("list = 's'\n", "'s'", "`list` must be a table", "[list]")]
    #[case("[list]\nsort = 's\n", "\n", "invalid literal string", "name = \"key\"")]
    fn errors_have_a_position_and_a_fix(
        #[case] text: &str,
        #[case] at: &str,
        #[case] message: &str,
        #[case] fix: &str,
    ) {
        let errors = Keymap::with_user_file(text).unwrap_err();
        let error = errors.last().unwrap();
        assert_eq!(error.span.start, text.rfind(at).unwrap(), "{error:?}");
        assert!(error.message.contains(message) && error.fix.contains(fix), "{error:?}");
    }

    #[test]
    fn overlays_may_reuse_keys() {
        let keymap = Keymap::with_user_file("[jobs]\nstop = 'j'\n").unwrap();
        assert_eq!(keymap.key("jobs.stop"), "j");
    }

    #[test]
    fn nearest_binding_of_an_unbound_key() {
        let keymap = Keymap::default();
        let list: Vec<_> =
            contexts().filter(|context| ["list", "alert", "panes", "open"].contains(&context.name)).collect();
        let near = |key: &str| {
            keymap.nearest(&list, key.parse().unwrap()).map(|(key, command)| (key.to_string(), command.id))
        };
        assert_eq!(near("t"), Some(("T".into(), "panes.time-format")));
        assert_eq!(near("B"), Some(("b".into(), "list.group")));
        assert_eq!(near("Q"), None);
        assert_eq!(near("Z"), Some(("z".into(), "panes.zoom")));
        assert_eq!(near("Alt-s"), Some(("s".into(), "list.sort")));
        assert_eq!(near("9"), None);
    }
}
