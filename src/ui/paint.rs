//! Writes text into cells, truncated to fit, with marks in a style of their own and matches
//! underlined.
//!
//! The screen is drawn after every key, and nearly all of it is printable ASCII. Such text is
//! written byte by byte, without copying and only up to the available width. All other text is
//! written glyph by glyph.

use std::{borrow::Cow, ops::Range};

use ratatui::{
    buffer::{Buffer, Cell, CellWidth as _},
    layout::Rect,
    style::Style,
};
use unicode_segmentation::UnicodeSegmentation as _;

use super::Theme;
use alertdeck_model::{Piece, SafeText, one_line};

/// Writes into a screen buffer.
pub(super) struct Painter<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) theme: &'a Theme,
}

/// Text with its style, written side by side with other spans.
#[derive(Clone, Debug)]
pub(super) struct Span<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) style: Style,
    /// The parts that match the filter, as byte ranges of the text, in order.
    pub(super) matched: Vec<Range<usize>>,
}

impl<'a> Span<'a> {
    pub(super) fn new(text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        let mut text = text.into();
        // All text must be a single line, even the name of an undeclared severity.
        if !is_plain(text.as_bytes()) && text.contains(char::is_control) {
            text = one_line(&text).into();
        }
        Self { text, style, matched: Vec::new() }
    }

    pub(super) fn width(&self) -> usize {
        columns(&self.text)
    }
}

impl<'a> Painter<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme }
    }

    /// Writes text at a cell, using at most `width` cells. Text that is too long is truncated with
    /// an ellipsis. Returns the number of cells used.
    pub(super) fn put(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let used = self.put_plain(x, y, width, text, style, &[]);
        used.unwrap_or_else(|| self.put_glyphs(x, y, width, &Span::new(text, style)))
    }

    /// Writes text right-aligned, ending before the cell `right`. Returns the number of cells used.
    pub(super) fn put_right(&mut self, right: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let room = u16::try_from(columns(text)).unwrap_or(u16::MAX).min(width).min(right);
        self.put(right - room, y, room, text, style)
    }

    /// Writes a span like [`Painter::put`], with the filter's matches underlined.
    pub(super) fn put_span(&mut self, x: u16, y: u16, width: u16, span: &Span<'_>) -> u16 {
        let used = self.put_plain(x, y, width, &span.text, span.style, &span.matched);
        used.unwrap_or_else(|| self.put_glyphs(x, y, width, span))
    }

    /// Writes an ellipsis into the first of `width` cells to show that text before them is hidden.
    pub(super) fn put_cut(&mut self, x: u16, y: u16, width: u16, style: Style) -> u16 {
        let style = style.remove_modifier(self.theme.matched);
        self.put(x, y, width.min(1), self.theme.symbols.cut, style)
    }

    /// Writes arbitrary text, glyph by glyph.
    fn put_glyphs(&mut self, x: u16, y: u16, width: u16, span: &Span<'_>) -> u16 {
        let width = usize::from(self.room(x, y, width));
        let cut = fit(&span.text, width, self.theme.symbols.cut);
        let (mut used, mut byte) = (0, 0);
        for piece in SafeText::pieces(&cut.text) {
            let (text, style) = match piece {
                Piece::Text(text) => (text, span.style),
                Piece::Mark(text) => (text, span.style.patch(self.theme.mark)),
            };
            for (glyph, columns) in glyphs(text) {
                let matched = span.matched.iter().any(|range| range.contains(&byte) && byte < cut.kept);
                let style = if matched { style.add_modifier(self.theme.matched) } else { style };
                // A character that joins the previous glyph may have no width of its own.
                if columns > 0 && used + columns <= width && !glyph.contains(char::is_control) {
                    // The style distinguishes the letters of a flag from those of the text.
                    let letters_style = style.patch(self.theme.mark);
                    let cells = self.cells(x + used as u16, y, columns);
                    match (shown(glyph), cells) {
                        (Shown::Letters(letters), cells) => {
                            for (cell, letter) in cells.iter_mut().zip(letters) {
                                cell.set_char(letter).set_style(letters_style);
                            }
                        }
                        (Shown::Glyph(glyph), [first, covered @ ..]) => {
                            first.set_symbol(glyph).set_style(style);
                            covered.iter_mut().for_each(Cell::reset);
                        }
                        (Shown::Glyph(_), []) => {}
                    }
                    used += columns;
                }
                byte += glyph.len();
            }
        }
        used as u16
    }

    /// Writes spans side by side. Returns the number of cells used.
    pub(super) fn put_spans(&mut self, x: u16, y: u16, width: u16, spans: &[Span<'_>]) -> u16 {
        let mut used = 0;
        for span in spans {
            used += self.put_span(x + used, y, width.saturating_sub(used), span);
        }
        used
    }

    /// Writes the same symbol, one cell wide, into each of `width` cells.
    pub(super) fn fill(&mut self, x: u16, y: u16, width: u16, symbol: &str, style: Style) {
        let room = usize::from(self.room(x, y, width));
        for cell in self.cells(x, y, room) {
            cell.set_symbol(symbol).set_style(style);
        }
    }

    /// Resets cells to the terminal's own colours.
    pub(super) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            self.cells(area.x, y, usize::from(area.width)).iter_mut().for_each(Cell::reset);
        }
    }

    /// Adds a style to the cells of a line, keeping their text.
    pub(super) fn patch_style(&mut self, x: u16, y: u16, width: u16, style: Style) {
        let room = usize::from(self.room(x, y, width));
        for cell in self.cells(x, y, room) {
            cell.set_style(style);
        }
    }

    /// Writes text like [`Painter::put_glyphs`] if its visible part is printable ASCII, in which
    /// each byte is a glyph that takes one cell and is not a mark. Otherwise, returns `None`.
    fn put_plain(
        &mut self,
        x: u16,
        y: u16,
        width: u16,
        text: &str,
        style: Style,
        matched: &[Range<usize>],
    ) -> Option<u16> {
        let room = usize::from(self.room(x, y, width));
        // Check one more byte, since an accent may follow the last letter that fits.
        let seen = text.get(..text.len().min(room + 1))?;
        if !is_plain(seen.as_bytes()) {
            return None;
        }
        let kept = if seen.len() <= room { seen.len() } else { room.saturating_sub(1) };
        let cells = self.cells(x, y, room);
        for (at, cell) in cells.iter_mut().enumerate().take(kept) {
            cell.set_symbol(&seen[at..=at]).set_style(style);
        }
        for range in matched.iter().take_while(|range| range.start < kept) {
            let style = style.add_modifier(self.theme.matched);
            for cell in self.cells(x + range.start as u16, y, range.end.min(kept) - range.start) {
                cell.set_style(style);
            }
        }
        if kept < seen.len() {
            self.fill(x + kept as u16, y, (room - kept) as u16, self.theme.symbols.cut, style);
            return Some(room as u16);
        }
        Some(kept as u16)
    }

    /// Returns how many of `width` cells are on the screen.
    fn room(&self, x: u16, y: u16, width: u16) -> u16 {
        let area = self.buffer.area;
        if y < area.height { width.min(area.width.saturating_sub(x)) } else { 0 }
    }

    /// Returns the given cells of a line, all of which must be on the screen.
    fn cells(&mut self, x: u16, y: u16, width: usize) -> &mut [Cell] {
        let start = usize::from(y) * usize::from(self.buffer.area.width) + usize::from(x);
        self.buffer.content.get_mut(start..start + width).unwrap_or_default()
    }
}

/// Returns whether all bytes are printable ASCII.
fn is_plain(bytes: &[u8]) -> bool {
    // Without an early exit, this loop is vectorised.
    bytes.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

/// How a glyph is drawn.
enum Shown<'a> {
    /// As the given text.
    Glyph(&'a str),
    /// As letters, each in a cell of its own.
    Letters([char; 2]),
}

/// Returns how a glyph is drawn. Terminals and multiplexers disagree on the width of emoji that
/// consist of several characters, which would shift the text after them. Therefore, a flag is drawn
/// as the letters of its country, and any other such emoji as its first character only.
fn shown(glyph: &str) -> Shown<'_> {
    /// The characters that join emoji, select an emoji's form and enclose a keycap.
    const JOINERS: [char; 3] = ['\u{200d}', '\u{fe0f}', '\u{20e3}'];
    /// The regional indicator A.
    const FIRST: u32 = 0x1f1e6;
    let letter = |c: char| {
        let at = u32::from(c).checked_sub(FIRST).filter(|at| *at < 26)?;
        char::from_u32(u32::from('A') + at)
    };
    let mut chars = glyph.chars();
    let first = chars.next();
    if let (Some(one), Some(two)) = (first.and_then(letter), chars.next().and_then(letter)) {
        return Shown::Letters([one, two]);
    }
    let is_emoji = |c: char| JOINERS.contains(&c) || matches!(c, '\u{1f3fb}'..='\u{1f3ff}');
    match first {
        Some(first) if glyph[first.len_utf8()..].contains(is_emoji) => {
            Shown::Glyph(&glyph[..first.len_utf8()])
        }
        _ => Shown::Glyph(glyph),
    }
}

/// Returns the glyphs of the text, each paired with the number of cells it takes when drawn alone.
fn glyphs(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (glyph, columns) = match rest.as_bytes() {
            // ASCII characters never join, except for CR LF.
            [b' '..=b'~'] | [b' '..=b'~', 0..=0x7f, ..] => (&rest[..1], 1),
            _ => {
                let glyph = rest.graphemes(true).next()?;
                let columns = match shown(glyph) {
                    Shown::Letters(letters) => letters.len(),
                    Shown::Glyph(shown) => usize::from(shown.cell_width()),
                };
                (glyph, columns)
            }
        };
        rest = &rest[glyph.len()..];
        Some((glyph, columns))
    })
}

/// Returns the number of cells that the text takes: the sum over its glyphs, each drawn alone. The
/// width of the text as a whole may differ, since some letters join.
pub(super) fn columns(text: &str) -> usize {
    if is_plain(text.as_bytes()) { text.len() } else { glyphs(text).map(|(_, columns)| columns).sum() }
}

/// Returns the byte index of the first glyph after `width` columns.
pub(super) fn after(text: &str, width: usize) -> usize {
    let (mut left_out, mut end) = (0, 0);
    for (glyph, columns) in glyphs(text) {
        if left_out >= width {
            break;
        }
        left_out += columns;
        end += glyph.len();
    }
    end
}

/// Text truncated to fit.
pub(super) struct Cut<'a> {
    /// The text, with an ellipsis if it was truncated.
    pub(super) text: Cow<'a, str>,
    /// The number of bytes of `text` that come from the original text.
    pub(super) kept: usize,
}

/// Truncates text to `width` cells, never within a glyph.
pub(super) fn fit<'a>(text: &'a str, width: usize, sign: &str) -> Cut<'a> {
    let room = width.saturating_sub(columns(sign));
    let (mut used, mut end, mut kept) = (0, 0, 0);
    // Measure only until the text is too wide. No text is wider than its number of bytes.
    let too_wide = text.len() > width
        && glyphs(text).any(|(glyph, columns)| {
            used += columns;
            end += glyph.len();
            if used <= room {
                kept = end;
            }
            used > width
        });
    if !too_wide {
        return Cut { text: text.into(), kept: text.len() };
    }
    let sign = if width == 0 { "" } else { sign };
    Cut { text: format!("{}{sign}", &text[..kept]).into(), kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_cut_between_glyphs() {
        let cut = |text, width| fit(text, width, "…").text;
        assert_eq!(cut("services.exe", 12), "services.exe");
        assert_eq!(cut("services.exe", 5), "serv…");
        assert_eq!(cut("不審な", 4), "不…");
        assert_eq!(cut("不審な", 5), "不審…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }

    #[test]
    fn emoji_are_as_wide_as_every_terminal_draws_them() {
        let theme = Theme::new(crate::ui::ThemeKind::Dark, crate::ui::Depth::True, false);
        for (text, cells) in [
            ("\u{1f1e9}\u{1f1ea}x", "DEx"),
            ("\u{1f469}\u{1f3fd}\u{200d}\u{1f680}x", "\u{1f469} x"),
            ("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}x", "\u{1f468} x"),
            ("\u{1f44d}\u{1f3fd}x", "\u{1f44d} x"),
            ("\u{2764}\u{fe0f}x", "\u{2764}x"),
            ("1\u{fe0f}\u{20e3}x", "1x"),
            ("e\u{301}x", "e\u{301}x"),
        ] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
            let used = Painter::new(&mut buffer, &theme).put(0, 0, 6, text, Style::new());
            let drawn: String = buffer.content.iter().map(Cell::symbol).collect();
            assert_eq!(drawn.trim_end(), cells);
            assert_eq!(usize::from(used), columns(text));
        }
    }

    #[test]
    fn skipped_text_ends_with_a_glyph() {
        let rest = |text: &'static str, width| &text[after(text, width)..];
        assert_eq!([rest("services", 0), rest("services", 3), rest("abc", 9)], ["services", "vices", ""]);
        assert_eq!([rest("不審な", 1), rest("不審な", 2), rest("e\u{301}x", 1)], ["審な", "審な", "x"]);
    }

    proptest! {
        #[test]
        fn texts_use_as_many_cells_as_measured(
            text in "(\\PC|ｶﾞ|ﾊﾟ|لا|ﷺ|👩🏽‍🚀|क्षि){0,12}", width in 0u16..20
        ) {
            let shown = SafeText::new(&text).line();
            let theme = Theme::new(crate::ui::ThemeKind::Dark, crate::ui::Depth::True, false);
            let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 1));
            let used = Painter::new(&mut buffer, &theme).put(3, 0, width, &shown, Style::new());
            let measured = columns(&shown);
            prop_assert_eq!(usize::from(used) == measured, measured <= usize::from(width), "{} of {} in {}", used, measured, width);
            prop_assert!(used <= width);
            let next = usize::from(3 + used);
            prop_assert!(buffer.content[next..].iter().all(|cell| cell.symbol() == " "));
        }

        #[test]
        fn plain_and_glyph_writing_agree(
            text in "[ -~]{0,16}(é|e\u{301}|…|不)?[ -~]{0,4}", width in 0u16..24, from in 0usize..8, long in 0usize..8
        ) {
            let theme = Theme::new(crate::ui::ThemeKind::Dark, crate::ui::Depth::True, false);
            let matched = vec![from..from + long, from + long + 2..from + long + 3];
            let span = Span { text: text.as_str().into(), style: theme.accent, matched };
            let (mut plain, mut glyphs) = (Buffer::empty(Rect::new(0, 0, 20, 1)), Buffer::empty(Rect::new(0, 0, 20, 1)));
            let used = Painter::new(&mut plain, &theme).put_plain(3, 0, width, &text, span.style, &span.matched);
            if let Some(used) = used {
                prop_assert_eq!(used, Painter::new(&mut glyphs, &theme).put_glyphs(3, 0, width, &span));
                prop_assert_eq!(plain, glyphs);
            }
        }
    }
}
