//! Draws a text field of one line.

use ratatui::layout::Position;

use super::{
    bars::{shown_width, skip},
    paint::Painter,
};
use crate::app::Editor;
use alertdeck_model::SafeText;

/// Draws the part of the text around the caret in `room` columns. Returns the caret's position.
pub(super) fn draw(painter: &mut Painter<'_>, (x, y): (u16, u16), room: u16, editor: &Editor) -> Position {
    let (text, theme) = (editor.text(), painter.theme);
    let before: String = text.chars().take(editor.cursor()).collect();
    let skipped = skip(text, shown_width(&before).saturating_sub(usize::from(room).saturating_sub(1)));
    painter.put(x, y, room, &SafeText::new(&text[skipped..]).line(), theme.text);
    if skipped > 0 {
        painter.put_cut(x, y, room, theme.text);
    }
    let hidden = shown_width(&text[..skipped]);
    Position { x: x + shown_width(&before).saturating_sub(hidden) as u16, y }
}
