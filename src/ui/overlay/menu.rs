//! A menu: letters, what they stand for, and how often a value occurs where it leads to alerts.

use ratatui::layout::Rect;

use crate::{
    app::{App, Menu, MenuAction, MenuItem},
    ui::{
        count,
        paint::{Painter, columns},
        window::{say_more, window},
    },
};

/// What is left of a value beside its count at least, in columns.
const LEAST_VALUE: u16 = 8;

pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect, menu: &Menu) {
    let theme = painter.theme;
    let dot = theme.symbols.dot;
    let counts = |item: &MenuItem| match &item.action {
        MenuAction::Pivot(what) if screen.width >= 110 => Some(count::long(app, what, dot)),
        MenuAction::Pivot(what) => Some(count::short(app, what, dot)),
        _ => None,
    };
    let counts: Vec<_> = menu.items.iter().map(counts).collect();
    let labels = menu.items.iter().map(|item| columns(&item.label)).max().unwrap_or(0);
    let previews = menu.items.iter().map(|item| columns(&item.preview)).max().unwrap_or(0);
    let width = (labels + previews + 6).clamp(20, usize::from(screen.width.saturating_sub(8)).max(20));
    // Counts that are still coming in move nothing: such a menu has all the room there is.
    let (width, title) = if counts.iter().any(Option::is_some) {
        (app.ui.overlay_size().0, format!("{} {dot} {}", menu.title, app.coverage().words()))
    } else {
        (width, menu.title.clone())
    };
    let inside = window(painter, screen, &title, width, menu.items.len());
    let from = (menu.at + 1).saturating_sub(usize::from(inside.height));
    say_more(painter, inside, from, menu.items.len());
    for (y, (at, item)) in (inside.y..inside.y + inside.height).zip(menu.items.iter().enumerate().skip(from))
    {
        painter.put(inside.x, y, 1, &item.key.to_string(), theme.accent);
        painter.put(inside.x + 3, y, inside.width.saturating_sub(3), &item.label, theme.text);
        let x = inside.x + 5 + labels as u16;
        let room = inside.width.saturating_sub(labels as u16 + 5);
        match &counts[at] {
            None => {
                painter.put(x, y, room, &item.preview, theme.dim);
            }
            Some(count) => {
                let most = room.saturating_sub(LEAST_VALUE + 2);
                let used = painter.put_right(inside.x + inside.width, y, most, count, theme.dim);
                painter.put(x, y, room.saturating_sub(used + 2), &item.preview, theme.text);
            }
        }
        if at == menu.at {
            painter.raise(inside.x, y, inside.width, theme.cursor);
        }
    }
}
