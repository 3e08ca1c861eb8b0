//! Keys by name: `j`, `Space`, `Ctrl-d`, `Alt-x`, `F5`.
//!
//! The keymap file and all on-screen hints use these names. This module is independent of the
//! terminal library.

use std::{fmt, str::FromStr};

/// A key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The key itself, without modifiers.
    pub code: KeyCode,
    /// Whether Ctrl was held.
    pub ctrl: bool,
    /// Whether Alt was held.
    pub alt: bool,
    /// Whether Shift was held. Never set for letters, since Shift turns a letter into a capital.
    pub shift: bool,
}

/// A key without its modifiers. A letter typed with Shift is a capital letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named after the keys")]
pub enum KeyCode {
    Char(char),
    F(u8),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

/// The key names used for display.
const NAMES: [(&str, KeyCode); 15] = [
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Backspace", KeyCode::Backspace),
    ("Del", KeyCode::Delete),
    ("Ins", KeyCode::Insert),
    ("↑", KeyCode::Up),
    ("↓", KeyCode::Down),
    ("←", KeyCode::Left),
    ("→", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Space", KeyCode::Char(' ')),
];

/// Other key names that are accepted as input.
const ALIASES: [(&str, KeyCode); 11] = [
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("PageUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Return", KeyCode::Enter),
    ("Escape", KeyCode::Esc),
    ("Minus", KeyCode::Char('-')),
];

/// The error for a string that is not a key name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key: expected a character or a name such as Enter, Ctrl-d, Alt-x, Shift-Tab or F5")]
pub struct UnknownKey;

impl Key {
    /// Returns a key without modifiers.
    pub const fn new(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// Returns the key for a character, without modifiers.
    pub const fn char(c: char) -> Self {
        Self::new(KeyCode::Char(c))
    }

    /// Returns the same key with Ctrl held.
    #[must_use]
    pub const fn with_ctrl(self) -> Self {
        Self { ctrl: true, ..self }
    }

    /// Returns the character that the key types, if any.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// Returns the normalised key: capitals have no Shift, and letters with Ctrl are lower case.
    fn normal(self) -> Self {
        match self.code {
            KeyCode::Char(c) if self.ctrl => {
                Self { code: KeyCode::Char(c.to_ascii_lowercase()), shift: false, ..self }
            }
            KeyCode::Char(c) if self.shift => {
                Self { code: KeyCode::Char(c.to_ascii_uppercase()), shift: false, ..self }
            }
            _ => self,
        }
    }
}

impl FromStr for Key {
    type Err = UnknownKey;

    /// Parses a key's name. Case matters only for single characters.
    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let mut key = Self::char(' ');
        let mut rest = text;
        while let Some((modifier, name)) = rest.split_once('-').filter(|(_, name)| !name.is_empty()) {
            match modifier.to_ascii_lowercase().as_str() {
                "ctrl" => key.ctrl = true,
                "alt" => key.alt = true,
                "shift" => key.shift = true,
                _ => return Err(UnknownKey),
            }
            rest = name;
        }
        let mut chars = rest.chars();
        let named = NAMES.iter().chain(&ALIASES).find(|(name, _)| name.eq_ignore_ascii_case(rest));
        key.code = match (chars.next(), chars.next(), named) {
            (Some(c), None, _) if !c.is_control() && c != ' ' => {
                match NAMES.iter().find(|(name, _)| *name == rest) {
                    Some((_, code)) => *code,
                    None => KeyCode::Char(c),
                }
            }
            (_, _, Some((_, code))) => *code,
            (Some('F' | 'f'), Some(_), None) => match rest[1..].parse() {
                Ok(number @ 1..=24) => KeyCode::F(number),
                _ => return Err(UnknownKey),
            },
            _ => return Err(UnknownKey),
        };
        Ok(key.normal())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "Ctrl-"), (self.alt, "Alt-"), (self.shift, "Shift-")] {
            if held {
                f.write_str(name)?;
            }
        }
        match (NAMES.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, KeyCode::F(number)) => write!(f, "F{number}"),
            (None, KeyCode::Char(c)) => write!(f, "{c}"),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("j", Key::char('j'), "j")]
    #[case("J", Key::char('J'), "J")]
    #[case("shift-j", Key::char('J'), "J")]
    #[case("-", Key::char('-'), "-")]
    #[case("Minus", Key::char('-'), "-")]
    #[case("Ctrl--", Key::char('-').with_ctrl(), "Ctrl--")]
    #[case("ctrl-D", Key::char('d').with_ctrl(), "Ctrl-d")]
    #[case("Alt-x", Key { alt: true, ..Key::char('x') }, "Alt-x")]
    #[case("Ctrl-Alt-Del", Key { alt: true, ..Key::new(KeyCode::Delete).with_ctrl() }, "Ctrl-Alt-Del")]
    #[case("Shift-Tab", Key { shift: true, ..Key::new(KeyCode::Tab) }, "Shift-Tab")]
    #[case("f5", Key::new(KeyCode::F(5)), "F5")]
    #[case("F", Key::char('F'), "F")]
    #[case("space", Key::char(' '), "Space")]
    #[case("Up", Key::new(KeyCode::Up), "↑")]
    #[case("↑", Key::new(KeyCode::Up), "↑")]
    fn names_are_parsed_and_written(#[case] name: &str, #[case] key: Key, #[case] shown: &str) {
        assert_eq!(name.parse(), Ok(key));
        assert_eq!(key.to_string(), shown);
        assert_eq!(shown.parse(), Ok(key));
    }

    #[rstest]
    #[case("")]
    #[case(" ")]
    #[case("ab")]
    #[case("Ctrl-")]
    #[case("Hyper-x")]
    #[case("F0")]
    #[case("F25")]
    #[case("F1x")]
    #[case("\u{1b}")]
    fn invalid_names_are_errors(#[case] name: &str) {
        assert_eq!(name.parse::<Key>(), Err(UnknownKey));
    }
}
