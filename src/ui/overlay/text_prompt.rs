//! The text field for comments and owners.

use ratatui::layout::{Position, Rect};

use crate::{
    app::{App, TextPrompt},
    ui::{
        paint::{Painter, columns},
        window::window,
    },
};
use alertdeck_model::SafeText;

/// The maximum number of visible comment lines.
const LINES: usize = 8;

/// Draws the text field. Returns the caret's position.
pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect, prompt: &TextPrompt) -> Position {
    let (width, most) = app.ui.overlay_size();
    let width = width.min(90);
    let height = if prompt.has_lines() { LINES.min(most.saturating_sub(1)).max(1) } else { 1 };
    let inside = window(painter, screen, &prompt.title(), width, height + 1);
    let (lines, caret) = lay_out(prompt.editor.text(), prompt.editor.cursor(), usize::from(inside.width));
    let height = height.min(usize::from(inside.height));
    let top = (caret.1 + 1).saturating_sub(height);
    for (y, line) in (inside.y..).zip(lines.iter().skip(top).take(height)) {
        painter.put(inside.x, y, inside.width, line, painter.theme.text);
    }
    if let Some(error) = &prompt.error {
        let y = inside.y + inside.height.saturating_sub(1);
        painter.put(inside.x, y, inside.width, error, painter.theme.error);
    }
    let (x, y) = (caret.0 as u16, (caret.1 - top) as u16);
    Position { x: inside.x + x.min(inside.width.saturating_sub(1)), y: inside.y + y }
}

/// Breaks text into lines of at most `width` columns, without regard for word boundaries. `cursor`
/// is given in characters. Returns the lines, and the column and line of the cursor.
fn lay_out(text: &str, cursor: usize, width: usize) -> (Vec<String>, (usize, usize)) {
    let width = width.max(2);
    let (mut lines, mut caret) = (vec![String::new()], (0, 0));
    let mut column = 0;
    for (at, c) in text.chars().enumerate() {
        if at == cursor {
            caret = (column, lines.len() - 1);
        }
        if c == '\n' {
            lines.push(String::new());
            column = 0;
            continue;
        }
        let shown = if c.is_ascii_graphic() || c == ' ' {
            c.to_string()
        } else {
            SafeText::new(&c.to_string()).line()
        };
        let wide = columns(&shown);
        if column + wide > width {
            lines.push(String::new());
            column = 0;
            if at == cursor {
                caret = (0, lines.len() - 1);
            }
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&shown);
        }
        column += wide;
    }
    if cursor >= text.chars().count() {
        caret = if column >= width { (0, lines.len()) } else { (column, lines.len() - 1) };
    }
    (lines, caret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", 0, &[""], (0, 0))]
    #[case("ab", 2, &["ab"], (2, 0))]
    #[case("abcd", 4, &["abcd"], (0, 1))]
    #[case("abcde", 4, &["abcd", "e"], (0, 1))]
    #[case("a\n\nb", 2, &["a", "", "b"], (0, 1))]
    #[case("\u{4e0d}\u{4e0d}\u{4e0d}", 3, &["\u{4e0d}\u{4e0d}", "\u{4e0d}"], (2, 1))]
    fn text_is_broken_at_the_width(
        #[case] text: &str,
        #[case] cursor: usize,
        #[case] lines: &[&str],
        #[case] caret: (usize, usize),
    ) {
        let (broken, at) = lay_out(text, cursor, 4);
        assert_eq!((broken.iter().map(String::as_str).collect::<Vec<_>>(), at), (lines.to_vec(), caret));
    }
}
