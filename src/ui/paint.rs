//! Writing texts into cells: cut to their room, marks in their own style, matches underlined.

use std::ops::Range;

use ratatui::{
    buffer::{Buffer, CellWidth as _},
    layout::Rect,
    style::Style,
};
use unicode_segmentation::UnicodeSegmentation as _;

use super::Theme;
use crate::model::{Piece, SafeText, one_line};

/// Writes into a screen.
pub(super) struct Painter<'a> {
    pub(super) buffer: &'a mut Buffer,
    pub(super) theme: &'a Theme,
}

/// A text with its style, to be written beside others.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) style: Style,
    /// Parts that the filter matched, in bytes of the text.
    pub(super) matched: Vec<Range<usize>>,
}

impl Span {
    pub(super) fn new(text: impl Into<String>, style: Style) -> Self {
        let mut text = text.into();
        // Every text is one line here, also a name of a severity that nobody declared.
        if text.contains(char::is_control) {
            text = one_line(&text);
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

    /// Writes a text from a cell on, at most `width` cells; what does not fit is cut with a sign.
    /// Returns how many cells it took.
    pub(super) fn put(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        self.put_span(x, y, width, &Span::new(text, style))
    }

    /// Writes a text so that it ends before the cell `right`.
    pub(super) fn put_right(&mut self, right: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let room = u16::try_from(columns(text)).unwrap_or(u16::MAX).min(width).min(right);
        self.put(right - room, y, room, text, style)
    }

    pub(super) fn put_span(&mut self, x: u16, y: u16, width: u16, span: &Span) -> u16 {
        let area = self.buffer.area;
        if y >= area.height || x >= area.width {
            return 0;
        }
        let width = usize::from(width.min(area.width - x));
        let cut = fit(&span.text, width, self.theme.symbols.cut);
        let mut at = x;
        let mut byte = 0;
        for piece in SafeText::pieces(&cut.text) {
            let (text, style) = match piece {
                Piece::Text(text) => (text, span.style),
                Piece::Mark(text) => (text, span.style.patch(self.theme.mark)),
            };
            for grapheme in text.graphemes(true) {
                let matched = span.matched.iter().any(|range| range.contains(&byte) && byte < cut.kept);
                let style = if matched { style.add_modifier(self.theme.matched) } else { style };
                let room = (usize::from(x) + width).saturating_sub(usize::from(at));
                (at, _) = self.buffer.set_stringn(at, y, grapheme, room, style);
                byte += grapheme.len();
            }
        }
        at - x
    }

    /// Writes texts side by side.
    pub(super) fn put_spans(&mut self, x: u16, y: u16, width: u16, spans: &[Span]) -> u16 {
        let mut used = 0;
        for span in spans {
            used += self.put_span(x + used, y, width.saturating_sub(used), span);
        }
        used
    }

    /// Empties cells, so that what is written next starts from the terminal's own colours.
    pub(super) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buffer[(x, y)].reset();
            }
        }
    }

    /// Gives a line of cells a background, keeping what is in it.
    pub(super) fn raise(&mut self, x: u16, y: u16, width: u16, style: Style) {
        let area = Rect { x, y, width, height: 1 }.intersection(self.buffer.area);
        self.buffer.set_style(area, style);
    }
}

/// Returns the cells that a text takes: the sum of its glyphs, as each is drawn by itself. The
/// width of a whole text may differ, since some letters join.
pub(super) fn columns(text: &str) -> usize {
    text.graphemes(true).map(|glyph| usize::from(glyph.cell_width())).sum()
}

/// A text cut to its room.
pub(super) struct Cut {
    /// The text with the sign of the cut.
    pub(super) text: String,
    /// How many bytes of it are of the whole text.
    kept: usize,
}

/// Cuts a text to `width` cells, never within a glyph.
pub(super) fn fit(text: &str, width: usize, sign: &str) -> Cut {
    // No text is wider than it has bytes; most fit without measuring.
    if text.len() <= width || columns(text) <= width {
        return Cut { text: text.to_owned(), kept: text.len() };
    }
    let room = width.saturating_sub(columns(sign));
    let (mut used, mut kept) = (0, 0);
    for grapheme in text.graphemes(true) {
        let next = used + usize::from(grapheme.cell_width());
        if next > room {
            break;
        }
        used = next;
        kept += grapheme.len();
    }
    let sign = if width == 0 { "" } else { sign };
    Cut { text: format!("{}{sign}", &text[..kept]), kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_glyph_is_never_cut_in_half() {
        let cut = |text, width| fit(text, width, "…").text;
        assert_eq!(cut("services.exe", 12), "services.exe");
        assert_eq!(cut("services.exe", 5), "serv…");
        assert_eq!(cut("不審な", 4), "不…");
        assert_eq!(cut("不審な", 5), "不審…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }

    proptest! {
        #[test]
        fn a_text_takes_the_cells_that_it_is_said_to(
            text in "(\\PC|ｶﾞ|ﾊﾟ|لا|ﷺ|👩🏽‍🚀|क्षि){0,12}", width in 0u16..20
        ) {
            let shown = SafeText::new(&text).line();
            let theme = Theme::new(crate::ui::ThemeKind::Dark, crate::ui::Depth::True, false);
            let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 1));
            let used = Painter::new(&mut buffer, &theme).put(3, 0, width, &shown, Style::new());
            let said = columns(&shown);
            prop_assert_eq!(usize::from(used) == said, said <= usize::from(width), "{} of {} in {}", used, said, width);
            prop_assert!(used <= width);
            let next = usize::from(3 + used);
            prop_assert!(buffer.content[next..].iter().all(|cell| cell.symbol() == " "));
        }
    }
}
