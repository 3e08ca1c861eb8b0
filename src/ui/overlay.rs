//! What covers the panes.

use ratatui::layout::{Position, Rect};

use super::{
    export,
    paint::{Painter, columns},
    profiles, requests, sign_in,
};
use crate::{
    app::{App, HelpLine, Menu, Overlay, Scroll, Values, help, wrap},
    model::PortalUrl,
};

/// Draws what covers the panes; returns where its caret is, if it has one.
pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect) -> Option<Position> {
    match &app.overlay {
        None => {}
        Some(Overlay::Help(scroll)) => draw_help(app, painter, screen, *scroll),
        Some(Overlay::Values(values)) => draw_values(app, painter, screen, values),
        Some(Overlay::Menu(menu)) => draw_menu(painter, screen, menu),
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

fn draw_help(app: &App, painter: &mut Painter<'_>, screen: Rect, scroll: Scroll) {
    let theme = painter.theme;
    let lines = help();
    let (_, height) = app.overlay_size();
    let inside = window(painter, screen, "Keys", 64, height.min(lines.len()));
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
    let inside = window(painter, screen, &values.title, width, height.min(values.lines.len()));
    let label = values.label_width as u16;
    for (y, line) in (inside.y..inside.y + inside.height).zip(values.lines.iter().skip(values.top)) {
        if line.first {
            let name = values.values.get(line.value).map_or("", |value| value.label.as_str());
            painter.put(inside.x, y, label, name, theme.dim);
        }
        let x = inside.x + label + 2;
        painter.put(x, y, inside.width.saturating_sub(label + 2), &line.text, theme.text);
        if line.value == values.at {
            painter.raise(inside.x, y, inside.width, theme.cursor);
        }
    }
}

fn draw_menu(painter: &mut Painter<'_>, screen: Rect, menu: &Menu) {
    let theme = painter.theme;
    let labels = menu.items.iter().map(|item| columns(&item.label)).max().unwrap_or(0);
    let previews = menu.items.iter().map(|item| columns(&item.preview)).max().unwrap_or(0);
    let width = (labels + previews + 6).clamp(20, usize::from(screen.width.saturating_sub(8)).max(20));
    let inside = window(painter, screen, &menu.title, width, menu.items.len());
    let from = (menu.at + 1).saturating_sub(usize::from(inside.height));
    for (y, (at, item)) in (inside.y..inside.y + inside.height).zip(menu.items.iter().enumerate().skip(from))
    {
        painter.put(inside.x, y, 1, &item.key.to_string(), theme.accent);
        painter.put(inside.x + 3, y, inside.width.saturating_sub(3), &item.label, theme.text);
        let x = inside.x + 5 + labels as u16;
        painter.put(x, y, inside.width.saturating_sub(labels as u16 + 5), &item.preview, theme.dim);
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
