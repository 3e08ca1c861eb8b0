//! An overlay's window: border, title, and scroll position.

use ratatui::layout::Rect;

use super::paint::Painter;

/// Draws a window in the middle of the screen. Returns its inner area.
pub(super) fn window(
    painter: &mut Painter<'_>,
    screen: Rect,
    title: &str,
    width: usize,
    height: usize,
) -> Rect {
    let theme = painter.theme;
    let width = (width as u16).saturating_add(4).min(screen.width);
    // The key bar stays visible.
    let height = (height as u16).saturating_add(2).min(screen.height.saturating_sub(1));
    let area = Rect { x: (screen.width - width) / 2, y: (screen.height - height) / 2, width, height };
    painter.clear(area);
    painter.buffer.set_style(area, theme.overlay);
    let border = theme.dim;
    let (right, bottom) = (area.x + area.width.saturating_sub(1), area.y + area.height.saturating_sub(1));
    for x in area.x..=right {
        painter.put(x, area.y, 1, theme.symbols.horizontal, border);
        painter.put(x, bottom, 1, theme.symbols.horizontal, border);
    }
    for y in area.y..=bottom {
        painter.put(area.x, y, 1, theme.symbols.vertical, border);
        painter.put(right, y, 1, theme.symbols.vertical, border);
    }
    let ascii = theme.symbols.vertical == "|";
    let corners = if ascii { ["+", "+", "+", "+"] } else { ["┌", "┐", "└", "┘"] };
    for ((x, y), corner) in
        [(area.x, area.y), (right, area.y), (area.x, bottom), (right, bottom)].into_iter().zip(corners)
    {
        painter.put(x, y, 1, corner, border);
    }
    painter.put(
        area.x + 2,
        area.y,
        area.width.saturating_sub(4),
        &format!(" {title} "),
        theme.accent.patch(theme.strong),
    );
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}

/// Draws the range of visible lines in the lower border, if not all lines fit.
pub(super) fn draw_position(painter: &mut Painter<'_>, inside: Rect, top: usize, lines: usize) {
    let shown = usize::from(inside.height);
    if lines > shown {
        let position = format!(" {}-{} of {lines} ", top + 1, (top + shown).min(lines));
        let y = inside.y + inside.height;
        painter.put_right(inside.x + inside.width, y, inside.width, &position, painter.theme.dim);
    }
}
