//! Text that is safe to show on a terminal. Text is sanitised once, when it is read.
//!
//! Attackers can control the text of alerts. A terminal obeys control characters, reorders text at
//! bidirectional controls and hides zero-width characters. Each of these characters therefore
//! becomes a visible *mark*: a control picture such as `␛` for C0 controls, or a code point in
//! brackets such as `⟨202E⟩` for the rest, with a count if characters of the same kind repeat.
//! Characters that are used in marks are marked too, so that data cannot imitate a mark: in a
//! [`SafeText`], every `⟨…⟩` and every control picture *is* a mark, in the console, in plain output
//! and in logs alike (docs/security.md, "Text sanitisation").
//!
//! The text as sent is kept for copying and searching.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    sync::{Arc, LazyLock},
};

use regex::Regex;
use unicode_segmentation::UnicodeSegmentation as _;

/// The maximum number of combining marks on one base character. Any more are replaced by a mark
/// with a count.
const MAX_COMBINING: usize = 4;

/// The maximum length of [`SafeText::head`] in characters, which exceeds the width of any screen.
const HEAD: usize = 2_000;

/// Text that is safe to show on a terminal, together with the text as sent.
///
/// The safe form consists of printable characters, marks, `\n` and `\t`. Comparison, hashing and
/// ordering use the text as sent.
#[derive(Clone)]
pub struct SafeText {
    shown: Arc<str>,
    /// The text as sent, if it differs from `shown`.
    raw: Option<Arc<str>>,
}

/// A piece of a [`SafeText`]: printable text or a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Printable text.
    Text(&'a str),
    /// A mark that replaces characters that must not reach a terminal.
    Mark(&'a str),
}

impl SafeText {
    /// Sanitises `raw`.
    pub fn new(raw: &str) -> Self {
        match sanitise(raw) {
            None => Self { shown: raw.into(), raw: None },
            Some(shown) => Self { shown: shown.into(), raw: Some(raw.into()) },
        }
    }

    /// Returns the safe form, which may contain `\n` and `\t`.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Returns the text as sent, for searching and copying but never for display.
    pub fn raw(&self) -> &str {
        self.raw.as_deref().unwrap_or(&self.shown)
    }

    /// Returns whether any part of the text was replaced by a mark.
    pub fn is_marked(&self) -> bool {
        self.raw.is_some()
    }

    /// Returns whether the text is empty or consists only of spaces and invisible characters.
    pub fn is_blank(&self) -> bool {
        // Most text starts with a visible character.
        if self.shown.starts_with(|c: char| c.is_ascii_graphic()) {
            return false;
        }
        self.raw().chars().all(|c| c.is_whitespace() || HIDDEN.is_match(c.encode_utf8(&mut [0; 4])))
    }

    /// Returns the safe form on one line: line endings become the mark `⏎`, and tabs become spaces.
    pub fn line(&self) -> String {
        one_line(&self.shown)
    }

    /// Returns the start of the safe form on one line: as much as the widest screen can show.
    /// Several megabytes of text can therefore be drawn as quickly as a few words.
    pub fn head(&self) -> String {
        self.head_cow().into_owned()
    }

    /// Like [`SafeText::head`], but borrows if possible.
    pub fn head_cow(&self) -> Cow<'_, str> {
        let mut shown = &*self.shown;
        if shown.len() > HEAD {
            let end = shown.char_indices().nth(HEAD).map_or(shown.len(), |(at, _)| at);
            shown = &shown[..end];
        }
        if memchr::memchr2(b'\n', b'\t', shown.as_bytes()).is_some() {
            return one_line(shown).into();
        }
        shown.into()
    }

    /// Splits text in its safe form into printable text and marks. Also works on a part of such
    /// text.
    pub fn pieces(shown: &str) -> impl Iterator<Item = Piece<'_>> {
        let mut rest = shown;
        std::iter::from_fn(move || {
            let first = rest.chars().next()?;
            let end = if is_mark_start(first) {
                let end = mark_length(rest);
                let (mark, tail) = rest.split_at(end);
                rest = tail;
                return Some(Piece::Mark(mark));
            } else {
                rest.find(is_mark_start).unwrap_or(rest.len())
            };
            let (text, tail) = rest.split_at(end);
            rest = tail;
            Some(Piece::Text(text))
        })
    }
}

/// Puts text that is already in its safe form on one line, as [`SafeText::line`] does.
pub fn one_line(shown: &str) -> String {
    let mut line = String::with_capacity(shown.len());
    for c in shown.chars() {
        match c {
            '\n' => line.push('⏎'),
            '\t' => line.push(' '),
            c => line.push(c),
        }
    }
    line
}

fn is_mark_start(c: char) -> bool {
    matches!(c, '⟨' | '⏎' | '\u{2400}'..='\u{2426}')
}

/// Returns the length, in bytes, of the mark at the start of `text`.
fn mark_length(text: &str) -> usize {
    if text.starts_with('⟨') {
        return text.find('⟩').map_or(text.len(), |end| end + '⟩'.len_utf8());
    }
    text.chars().next().map_or(0, char::len_utf8)
}

/// Characters that must not reach a terminal or could be mistaken for a mark. `\n`, `\t` and ASCII
/// are handled earlier. Default ignorables are invisible: zero-width characters, bidirectional
/// controls, tags, variation selectors, fillers and the soft hyphen.
const UNSAFE_CLASS: &str = r"[\p{Cc}--[\n\t]]\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}\x{2800}⟨⟩⏎\x{2400}-\x{2426}";
static UNSAFE: LazyLock<Regex> = LazyLock::new(|| compile(&format!("[{UNSAFE_CLASS}]")));
/// Characters that require the slow path: unsafe ones, regional indicators (which may be half of a
/// flag) and runs of combining marks.
static SUSPECT: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!(r"[{UNSAFE_CLASS}\p{{Regional_Indicator}}]|\p{{M}}{{5}}")));
/// Invisible characters.
static HIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}\x{2800}]")
});
/// One emoji: a base with VS16, a skin tone or a keycap, or several joined by ZWJ; or a flag.
static EMOJI: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"^(?:\p{Extended_Pictographic}(?:\x{FE0F}|\p{Emoji_Modifier})?",
        r"(?:\x{200D}\p{Extended_Pictographic}(?:\x{FE0F}|\p{Emoji_Modifier})?)*",
        r"|[0-9#*]\x{FE0F}\x{20E3}|\p{Regional_Indicator}{2})$"
    ))
});
static COMBINING: LazyLock<Regex> = LazyLock::new(|| compile(r"^\p{M}$"));
static LONE_FLAG: LazyLock<Regex> = LazyLock::new(|| compile(r"^\p{Regional_Indicator}$"));

#[expect(clippy::expect_used, reason = "constant patterns; every one is compiled by a test")]
fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// Returns the safe form of `raw`, or `None` if `raw` is already safe.
fn sanitise(raw: &str) -> Option<String> {
    // Most text is printable ASCII.
    if raw.bytes().all(|b| matches!(b, 0x20..=0x7e | b'\n' | b'\t')) {
        return None;
    }
    if !SUSPECT.is_match(raw) {
        return None;
    }
    let mut out = String::with_capacity(raw.len() + 16);
    let mut hidden = Hidden::default();
    for cluster in raw.graphemes(true) {
        if cluster == "\r\n" || cluster == "\n" || cluster == "\t" {
            hidden.flush(&mut out);
            out.push_str(if cluster == "\t" { "\t" } else { "\n" });
        } else if cluster.is_ascii() && !cluster.bytes().any(|b| b.is_ascii_control())
            || EMOJI.is_match(cluster)
        {
            hidden.flush(&mut out);
            out.push_str(cluster);
        } else {
            let mut combining = 0;
            for c in cluster.chars() {
                let mut buffer = [0; 4];
                let text = &*c.encode_utf8(&mut buffer);
                if UNSAFE.is_match(text) || LONE_FLAG.is_match(text) {
                    hidden.add(c, &mut out);
                } else if COMBINING.is_match(text) && combining >= MAX_COMBINING {
                    hidden.add_combining(&mut out);
                } else {
                    combining += usize::from(COMBINING.is_match(text));
                    hidden.flush(&mut out);
                    out.push(c);
                }
            }
        }
    }
    hidden.flush(&mut out);
    (out != raw).then_some(out)
}

/// A run of replaced characters of the same kind, written as a single mark with a count.
#[derive(Default)]
struct Hidden {
    kind: Kind,
    count: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Nothing,
    Char(char),
    Tags,
    Selectors,
    Combining,
}

impl Hidden {
    fn add(&mut self, c: char, out: &mut String) {
        let kind = match c {
            '\u{E0000}'..='\u{E007F}' => Kind::Tags,
            '\u{E0100}'..='\u{E01EF}' => Kind::Selectors,
            c => Kind::Char(c),
        };
        self.count_one(kind, out);
    }

    fn add_combining(&mut self, out: &mut String) {
        self.count_one(Kind::Combining, out);
    }

    fn count_one(&mut self, kind: Kind, out: &mut String) {
        if self.kind != kind {
            self.flush(out);
            self.kind = kind;
        }
        self.count += 1;
    }

    fn flush(&mut self, out: &mut String) {
        let count = std::mem::take(&mut self.count);
        let kind = std::mem::take(&mut self.kind);
        // Writing to a string cannot fail.
        let _ = match (kind, count) {
            (Kind::Nothing, _) | (_, 0) => Ok(()),
            (Kind::Char(c), 1..=3) if control_picture(c).is_some() => {
                let picture = control_picture(c).unwrap_or('␀');
                out.extend(std::iter::repeat_n(picture, count));
                Ok(())
            }
            (Kind::Char(c), 1) => write!(out, "⟨{:04X}⟩", u32::from(c)),
            (Kind::Char(c), n) => write!(out, "⟨{:04X}×{n}⟩", u32::from(c)),
            (Kind::Tags, n) => write!(out, "⟨tags×{n}⟩"),
            (Kind::Selectors, n) => write!(out, "⟨selectors×{n}⟩"),
            (Kind::Combining, n) => write!(out, "⟨combining×{n}⟩"),
        };
    }
}

/// Returns the symbol for a C0 control or DEL, from the Unicode Control Pictures block.
fn control_picture(c: char) -> Option<char> {
    match u32::from(c) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code),
        0x7f => Some('␡'),
        _ => None,
    }
}

impl From<&str> for SafeText {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl Default for SafeText {
    fn default() -> Self {
        Self::new("")
    }
}

impl PartialEq for SafeText {
    fn eq(&self, other: &Self) -> bool {
        self.raw() == other.raw()
    }
}

impl Eq for SafeText {}

impl std::hash::Hash for SafeText {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.raw().hash(state);
    }
}

impl PartialOrd for SafeText {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SafeText {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.raw().cmp(other.raw())
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown)
    }
}

impl fmt::Debug for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.shown)
    }
}

/// Text as sent, for the clipboard. Its `Debug` implementation writes the safe form.
#[derive(Clone, PartialEq, Eq)]
pub struct RawText(pub String);

impl fmt::Debug for RawText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SafeText::new(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain("services.exe", "services.exe")]
    #[case::accents("Überprüfung 不審な", "Überprüfung 不審な")]
    #[case::csi("\u{1b}[31mCRITICAL\u{1b}[2J", "␛[31mCRITICAL␛[2J")]
    #[case::osc("a\u{1b}]52;c;aGk=\u{7}b", "a␛]52;c;aGk=␇b")]
    #[case::bidi("gpj.\u{202e}exe", "gpj.⟨202E⟩exe")]
    #[case::isolate("a\u{2067}b\u{2069}", "a⟨2067⟩b⟨2069⟩")]
    #[case::zero_width("micro\u{200b}soft.com", "micro⟨200B⟩soft.com")]
    #[case::soft_hyphen("a\u{ad}b\u{feff}c", "a⟨00AD⟩b⟨FEFF⟩c")]
    #[case::nul("a\0b\u{8}\u{7f}", "a␀b␈␡")]
    #[case::many_nul("\0\0\0\0\0", "⟨0000×5⟩")]
    #[case::c1("a\u{9b}31m", "a⟨009B⟩31m")]
    #[case::tags("hi\u{e0041}\u{e0042}\u{e0043}", "hi⟨tags×3⟩")]
    #[case::selectors("hi\u{e0101}\u{e0100}", "hi⟨selectors×2⟩")]
    #[case::repeated("\u{200b}\u{200b}\u{200b}x", "⟨200B×3⟩x")]
    #[case::private("a\u{e000}\u{ffff}", "a⟨E000⟩⟨FFFF⟩")]
    #[case::separators("a\u{2028}b\u{2029}", "a⟨2028⟩b⟨2029⟩")]
    #[case::fillers("\u{3164}\u{2800}\u{ffa0}", "⟨3164⟩⟨2800⟩⟨FFA0⟩")]
    #[case::lone_cr("a\rb", "a␍b")]
    #[case::line_ends("a\r\nb\nc\td", "a\nb\nc\td")]
    #[case::imitation("⟨202E⟩ ␛[31m ⏎", "⟨27E8⟩202E⟨27E9⟩ ⟨241B⟩[31m ⟨23CE⟩")]
    #[case::emoji("👩\u{200d}👩\u{200d}👧 ok ❤\u{fe0f}", "👩\u{200d}👩\u{200d}👧 ok ❤\u{fe0f}")]
    #[case::joiner_outside("a\u{200d}b\u{fe0f}", "a⟨200D⟩b⟨FE0F⟩")]
    #[case::flag("🇩🇪", "🇩🇪")]
    #[case::lone_flag("🇩x", "⟨1F1E9⟩x")]
    #[case::replacement("organization\u{fffd}s", "organization\u{fffd}s")]
    fn unsafe_characters_become_marks(#[case] raw: &str, #[case] shown: &str) {
        let text = SafeText::new(raw);
        assert_eq!(text.as_str(), shown);
        assert_eq!(text.raw(), raw);
        assert_eq!(text.is_marked(), raw != shown);
    }

    #[test]
    fn excess_combining_marks_are_counted() {
        let raw = format!("a{}b", "\u{301}".repeat(1_000));
        assert_eq!(SafeText::new(&raw).as_str(), format!("a{}⟨combining×996⟩b", "\u{301}".repeat(4)));
        assert_eq!(SafeText::new("e\u{301}").as_str(), "e\u{301}");
    }

    #[test]
    fn text_without_visible_characters_is_blank() {
        for blank in ["", "  ", "\u{3164}", "\u{2800}\u{3000}", "\u{200b}\n\t"] {
            assert!(SafeText::new(blank).is_blank(), "{blank:?}");
        }
        assert!(!SafeText::new("x\u{200b}").is_blank());
        assert!(!SafeText::new("⟨").is_blank());
    }

    #[test]
    fn pieces_separate_marks_from_text() {
        use Piece::{Mark, Text};
        let text = SafeText::new("a\u{202e}b\u{1b}\u{1b}c");
        let pieces: Vec<_> = SafeText::pieces(text.as_str()).collect();
        assert_eq!(pieces, [Text("a"), Mark("⟨202E⟩"), Text("b"), Mark("␛"), Mark("␛"), Text("c")]);
    }

    #[test]
    fn line_and_head_have_no_line_ends() {
        let text = SafeText::new("a\r\nb\tc");
        assert_eq!((text.line(), text.head()), ("a⏎b c".into(), "a⏎b c".into()));
    }

    #[test]
    fn the_head_is_bounded() {
        assert!(matches!(SafeText::new("services.exe").head_cow(), Cow::Borrowed("services.exe")));
        let text = SafeText::new(&"é".repeat(HEAD + 1));
        assert_eq!(text.head_cow(), "é".repeat(HEAD));
    }

    /// Returns whether a character is banned from a terminal, using ranges instead of the patterns
    /// under test.
    fn banned(c: char) -> bool {
        matches!(u32::from(c),
            0..=8 | 0xb..=0x1f | 0x7f..=0x9f | 0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5
            | 0x180b..=0x180f | 0x200b | 0x200c | 0x200e | 0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800
            | 0x3164 | 0xe000..=0xf8ff | 0xfe00..=0xfe0e | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0xfffe | 0xffff
            | 0xe0000..=0xe0fff | 0xf0000..=0x10_ffff)
    }

    fn hostile() -> impl Strategy<Value = String> {
        let odd = prop_oneof![
            any::<char>(),
            prop::sample::select(vec![
                '\u{1b}',
                '\u{202e}',
                '\u{200d}',
                '\u{fe0f}',
                '👩',
                '🇩',
                '\u{301}',
                '⟨',
                '⟩',
                '␛',
                '\r',
                '\n',
                '\t',
                'a',
                '\u{e0041}',
                '\u{0}',
                '\u{200b}',
            ]),
        ];
        prop::collection::vec(odd, 0..40).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn the_safe_form_has_no_banned_character(raw in hostile()) {
            let text = SafeText::new(&raw);
            prop_assert!(!text.as_str().contains(banned), "{:?}", text.as_str());
            prop_assert_eq!(text.raw(), &raw);
        }

        #[test]
        fn different_texts_have_different_safe_forms(a in hostile(), b in hostile()) {
            // Line endings are the only exception, because both kinds are shown in the same way.
            let (a, b) = (a.replace("\r\n", "\n"), b.replace("\r\n", "\n"));
            if a != b && !a.contains("\u{301}\u{301}\u{301}\u{301}") && !a.contains('\u{e0041}') {
                let (a, b) = (SafeText::new(&a), SafeText::new(&b));
                prop_assert_ne!(a.as_str(), b.as_str());
            }
        }

        #[test]
        fn pieces_concatenate_to_the_text(raw in hostile()) {
            let text = SafeText::new(&raw);
            let whole: String = SafeText::pieces(text.as_str())
                .map(|piece| match piece { Piece::Text(t) | Piece::Mark(t) => t })
                .collect();
            prop_assert_eq!(&whole, text.as_str());
        }

        #[test]
        fn sanitising_a_safe_text_changes_nothing(raw in hostile()) {
            let once = SafeText::new(&raw);
            if !once.is_marked() {
                prop_assert!(!SafeText::new(once.as_str()).is_marked());
            }
        }
    }
}
