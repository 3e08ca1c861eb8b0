//! A menu: letters, labels and previews, with counts for values that can be pivoted on.

use ratatui::layout::Rect;

use crate::{
    app::{App, Menu, MenuAction, MenuItem},
    ui::{
        count,
        paint::{Painter, columns},
        window::{draw_position, window},
    },
};

/// The minimum width of a value next to its counts.
const MIN_VALUE: u16 = 8;

pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect, menu: &Menu) {
    let theme = painter.theme;
    let dot = theme.symbols.dot;
    let counted = |item: &MenuItem| match &item.action {
        MenuAction::Pivot(what) => Some(what.clone()),
        _ => None,
    };
    let counted: Vec<_> = menu.items.iter().map(counted).collect();
    let labels = menu.items.iter().map(|item| columns(&item.label)).max().unwrap_or(0);
    let previews = menu.items.iter().map(|item| columns(&item.preview)).max().unwrap_or(0);
    let width = (labels + previews + 6).clamp(20, usize::from(screen.width.saturating_sub(8)).max(20));
    // Counts that arrive later must not shift anything, so a menu with counts has the full width.
    let (width, title) = if counted.iter().any(Option::is_some) {
        (app.ui.overlay_size().0, count::title(app, &menu.title, app.ui.overlay_size().0, &theme.symbols))
    } else {
        (width, menu.title.clone())
    };
    let inside = window(painter, screen, &title, width, menu.items.len());
    let from = (menu.at + 1).saturating_sub(usize::from(inside.height));
    draw_position(painter, inside, from, menu.items.len());
    for (y, (at, item)) in (inside.y..inside.y + inside.height).zip(menu.items.iter().enumerate().skip(from))
    {
        painter.put(inside.x, y, 1, &item.key.to_string(), theme.accent);
        painter.put(inside.x + 3, y, inside.width.saturating_sub(3), &item.label, theme.text);
        let x = inside.x + 5 + labels as u16;
        let room = inside.width.saturating_sub(labels as u16 + 5);
        match &counted[at] {
            None => {
                painter.put(x, y, room, &item.preview, theme.dim);
            }
            Some(what) => {
                let most = room.saturating_sub(MIN_VALUE + 2);
                let form = if screen.width >= 110 { count::Form::Long } else { count::Form::Short };
                let counts = count::fitting(app, what, dot, form, usize::from(most));
                let used = painter.put_right(inside.x + inside.width, y, room, &counts, theme.dim);
                painter.put(x, y, room.saturating_sub(used + 2), &item.preview, theme.text);
            }
        }
        if at == menu.at {
            painter.patch_style(inside.x, y, inside.width, theme.cursor);
        }
    }
}
