//! Draws an overlay that describes itself as lines.

use ratatui::layout::{Position, Rect};

use crate::{
    app::{App, Panel, PanelSpan, Role},
    ui::{
        field,
        paint::{Painter, columns},
        window::{draw_position, window},
    },
};

/// Draws the panel. Returns the caret's position if the panel has a text field.
pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect, panel: &Panel) -> Option<Position> {
    let (_, most) = app.ui.overlay_size();
    let fields = usize::from(panel.field.is_some());
    let fixed = fields + panel.heading.len() + panel.footer.len();
    let height = (fixed + panel.lines.len()).clamp(1, most);
    let mut inside = window(painter, screen, &panel.title, panel.width, height);
    let caret = panel.field.as_ref().map(|editor| {
        let prompt = format!("{} ", painter.theme.symbols.prompt);
        let used = painter.put(inside.x, inside.y, inside.width, &prompt, painter.theme.accent);
        let room = inside.width.saturating_sub(columns(&prompt) as u16);
        field::draw(painter, (inside.x + used, inside.y), room, editor)
    });
    (inside.y, inside.height) = (inside.y + fields as u16, inside.height.saturating_sub(fields as u16));
    let height = usize::from(inside.height);
    // If there is too little room, the scrolling lines take precedence.
    let heading = panel.heading.len().min(height.saturating_sub(1));
    let footer = panel.footer.len().min(height - heading - usize::from(height > heading));
    let bottom = inside.y + inside.height - footer as u16;
    let all = panel.heading.iter().take(heading).zip(inside.y..);
    for (line, y) in all.chain(panel.footer.iter().take(footer).zip(bottom..)) {
        draw_line(painter, (inside.x, y, inside.width), line);
    }
    let rows = inside.y + heading as u16..bottom;
    if fixed == 0 {
        draw_position(painter, inside, panel.top, panel.lines.len());
    }
    for (y, (at, line)) in rows.zip(panel.lines.iter().enumerate().skip(panel.top)) {
        draw_line(painter, (inside.x, y, inside.width), line);
        if panel.cursor == Some(at) {
            painter.patch_style(inside.x, y, inside.width, painter.theme.cursor);
        }
    }
    caret
}

fn draw_line(painter: &mut Painter<'_>, (x, y, width): (u16, u16, u16), line: &[PanelSpan]) {
    let theme = painter.theme;
    let end = x + width;
    let mut x = x;
    for span in line {
        let style = match span.role {
            Role::Text => theme.text,
            Role::Dim => theme.dim,
            Role::Strong => theme.strong,
            Role::Accent | Role::Bar | Role::Sign => theme.accent,
            Role::Error => theme.error,
        };
        let room = end.saturating_sub(x);
        let full = theme.symbols.bars[theme.symbols.bars.len() - 1];
        let bar = (span.role == Role::Bar).then(|| span.text.replace('#', full));
        let sign = (span.role == Role::Sign).then(|| theme.symbols.replace(&span.text));
        let text = bar.as_ref().or(sign.as_ref()).unwrap_or(&span.text);
        match span.width {
            // Columns are separated by a space.
            Some(columns) => {
                let columns = (columns as u16).min(room);
                painter.put(x, y, columns.saturating_sub(1), text, style);
                x += columns;
            }
            None => x += painter.put(x, y, room, text, style),
        }
    }
}
