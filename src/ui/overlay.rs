//! What covers the panes.

use ratatui::layout::{Position, Rect};

use super::{
    count, export,
    paint::{Painter, columns},
    profiles, requests, sign_in,
};
use crate::app::{App, HelpLine, Menu, MenuAction, MenuItem, Overlay, Scroll, Values, help, wrap};
use alertdeck_model::PortalUrl;

/// Draws what covers the panes; returns where its caret is, if it has one.
pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect) -> Option<Position> {
    match &app.overlay {
        None => {}
        Some(Overlay::Help(scroll)) => draw_help(app, painter, screen, *scroll),
        Some(Overlay::Values(values)) => draw_values(app, painter, screen, values),
        Some(Overlay::Menu(menu)) => draw_menu(app, painter, screen, menu),
        Some(Overlay::Link(url, reason)) => draw_link(painter, screen, url, reason),
        Some(Overlay::Profiles(at)) => profiles::draw(app, painter, screen, *at),
        Some(Overlay::SignIn) => sign_in::draw(app, painter, screen),
        Some(Overlay::Requests(list)) => requests::draw(app, painter, screen, list),
        Some(Overlay::Export(form)) => return export::draw(app, painter, screen, form),
    }
    None
}

/// Opens a window in the middle of the screen; returns its inside.
pub(super) fn window(
    painter: &mut Painter<'_>,
    screen: Rect,
    title: &str,
    width: usize,
    height: usize,
) -> Rect {
    let theme = painter.theme;
    let width = (width as u16).saturating_add(4).min(screen.width);
    let height = (height as u16).saturating_add(2).min(screen.height);
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

/// Says in the lower border which lines are shown, where there are more.
pub(super) fn say_more(painter: &mut Painter<'_>, inside: Rect, top: usize, lines: usize) {
    let shown = usize::from(inside.height);
    if lines > shown {
        let place = format!(" {}-{} of {lines} ", top + 1, (top + shown).min(lines));
        let y = inside.y + inside.height;
        painter.put_right(inside.x + inside.width, y, inside.width, &place, painter.theme.dim);
    }
}

fn draw_help(app: &App, painter: &mut Painter<'_>, screen: Rect, scroll: Scroll) {
    let theme = painter.theme;
    let lines = help();
    let (_, height) = app.overlay_size();
    let inside = window(painter, screen, "Keys", 64, height.min(lines.len()));
    say_more(painter, inside, scroll.top, lines.len());
    for (y, line) in (inside.y..inside.y + inside.height).zip(lines.iter().skip(scroll.top)) {
        match line {
            HelpLine::Heading(text) => {
                painter.put(inside.x, y, inside.width, text, theme.strong);
            }
            HelpLine::Keys(keys, help) => {
                painter.put(inside.x + 2, y, 12, keys, theme.accent);
                painter.put(inside.x + 15, y, inside.width.saturating_sub(15), help, theme.text);
            }
            HelpLine::Blank => {}
        }
    }
}

fn draw_values(app: &App, painter: &mut Painter<'_>, screen: Rect, values: &Values) {
    let theme = painter.theme;
    let (width, height) = app.overlay_size();
    let coverage = match values.count_width {
        0 => String::new(),
        _ => format!(" {} {}", theme.symbols.dot, app.coverage().words()),
    };
    let title = format!("{}{coverage}", values.title);
    let inside = window(painter, screen, &title, width, height.min(values.lines.len()));
    say_more(painter, inside, values.top, values.lines.len());
    let (label, counts) = (values.label_width as u16, values.count_width as u16);
    for (y, line) in (inside.y..inside.y + inside.height).zip(values.lines.iter().skip(values.top)) {
        if line.first {
            let name = values.values.get(line.value).map_or("", |value| value.label.as_str());
            painter.put(inside.x, y, label, name, theme.dim);
        }
        let x = inside.x + label + 2;
        painter.put(x, y, inside.width.saturating_sub(label + 2), &line.text, theme.text);
        let what = values.indicators.get(line.value).and_then(Option::as_ref);
        if let Some(what) = what.filter(|_| line.first) {
            let text = count::shortest(app, what, values.counts_devices());
            painter.put_right(inside.x + inside.width, y, counts, &text, theme.dim);
        }
        if line.value == values.at {
            painter.raise(inside.x, y, inside.width, theme.cursor);
        }
    }
}

/// What is left of a value beside its count at least, in columns.
const LEAST_VALUE: u16 = 8;

fn draw_menu(app: &App, painter: &mut Painter<'_>, screen: Rect, menu: &Menu) {
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
        (app.overlay_size().0, format!("{} {dot} {}", menu.title, app.coverage().words()))
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

fn draw_link(painter: &mut Painter<'_>, screen: Rect, url: &PortalUrl, reason: &str) {
    let theme = painter.theme;
    let width = usize::from(screen.width.saturating_sub(8)).clamp(10, 100);
    let mut lines: Vec<_> = wrap(reason, width).into_iter().map(|line| (line, theme.dim)).collect();
    lines.push((String::new(), theme.text));
    lines.extend(wrap(url.as_str(), width).into_iter().map(|line| (line, theme.accent)));
    let inside = window(painter, screen, "Open this link in a browser", width, lines.len());
    for (y, (line, style)) in (inside.y..inside.y + inside.height).zip(&lines) {
        painter.put(inside.x, y, inside.width, line, *style);
    }
}
