//! All values on a line of the detail pane, with their counts.

use std::borrow::Cow;

use ratatui::layout::Rect;

use crate::{
    app::{App, Values},
    ui::{
        count,
        paint::{Painter, after, columns},
        window::{draw_position, window},
    },
};

pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect, values: &Values) {
    let theme = painter.theme;
    let (width, height) = app.ui.overlay_size();
    let dot = theme.symbols.dot;
    let title = match values.count_width {
        0 => values.title.clone(),
        _ => count::title(app, &values.title, width, &theme.symbols),
    };
    let inside = window(painter, screen, &title, width, height.min(values.lines.len()));
    draw_position(painter, inside, values.top, values.lines.len());
    let (label, counts) = (values.label_width as u16, values.count_width as u16);
    for (y, line) in (inside.y..inside.y + inside.height).zip(values.lines.iter().skip(values.top)) {
        if line.first {
            let name = values.values.get(line.value).map_or("", |value| value.label.as_str());
            let name = cut_start(name, usize::from(label), theme.symbols.cut);
            painter.put(inside.x, y, label, &name, theme.dim);
        }
        let x = inside.x + label + 2;
        painter.put(x, y, inside.width.saturating_sub(label + 2), &line.text, theme.text);
        let what = values.indicators.get(line.value).and_then(Option::as_ref);
        if let Some(what) = what.filter(|_| line.first) {
            let room = usize::from(counts).saturating_sub(2);
            let text = count::fitting(app, what, dot, count::Form::Devices, room);
            painter.put_right(inside.x + inside.width, y, counts, &text, theme.dim);
        }
        if line.value == values.at {
            painter.patch_style(inside.x, y, inside.width, theme.cursor);
        }
    }
}

/// Truncates a property's path at its start, since its last segment is the most informative.
fn cut_start<'a>(path: &'a str, width: usize, sign: &str) -> Cow<'a, str> {
    match columns(path).checked_sub(width) {
        None | Some(0) => path.into(),
        Some(excess) => format!("{sign}{}", &path[after(path, excess + columns(sign))..]).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_keep_their_last_part() {
        assert_eq!(cut_start("userAccount.userPrincipalName", 20, "…"), "…t.userPrincipalName");
        assert_eq!(cut_start("verdict", 7, "…"), "verdict");
        assert_eq!(cut_start("1: 不審な.name", 9, "~"), "~な.name");
    }
}
