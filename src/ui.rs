//! The screen as a function of the state: `draw(&App)`, one file per pane.
//!
//! This module performs no I/O, keeps no state and decides only on wording and styles. Text arrives
//! sanitised ([`alertdeck_model::SafeText`]); the marks that replace unsafe characters have a style
//! of their own.

mod bars;
mod completeness;
mod completions;
mod count;
mod detail;
mod field;
mod histogram;
mod list;
mod overlay;
mod paint;
mod theme;
mod window;

use ratatui::{Frame, layout::Position};

pub use theme::{Depth, Theme, ThemeKind};

use crate::app::{App, Area, Shape};
use paint::Painter;

/// Draws the entire screen.
pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let layout = app.layout();
    let mut painter = Painter::new(frame.buffer_mut(), theme);
    if layout.shape == Shape::TooSmall || (screen.width, screen.height) != app.ui.size {
        // Between a resize and the message about it, the state is one frame behind.
        painter.put(0, 0, screen.width, "too small: minimum 20x5", theme.text);
        return;
    }
    bars::header(app, &mut painter, layout.header);
    if let Some(area) = layout.tabs {
        bars::tabs(app, &mut painter, area);
    }
    let caret = bars::filter(app, &mut painter, layout.filter);
    if let Some(area) = layout.compiled {
        bars::compiled(app, &mut painter, area);
    }
    if let Some(area) = layout.histogram {
        histogram::draw(app, &mut painter, area);
    }
    if let (Some(head), Some(area)) = (layout.list_head, layout.list) {
        list::draw(app, &mut painter, head, area);
    }
    if let Some(area) = layout.divider {
        for y in area.y..area.y + area.height {
            painter.fill(area.x, y, 1, theme.symbols.vertical, theme.dim);
        }
    }
    let mut found = None;
    if let (Some(head), Some(area)) = (layout.detail_head, layout.detail) {
        found = detail::draw(app, &mut painter, head, area);
    }
    bars::keys(app, &mut painter, layout.keys);
    let below = layout.compiled.unwrap_or(layout.filter);
    if let Some(editor) = &app.filter.editor {
        completions::draw(editor, &mut painter, Area { y: below.y + 1, ..layout.filter });
    }
    let in_overlay = overlay::draw(app, &mut painter, screen);
    let caret = caret.map(|x| (x, layout.filter.y)).or(found);
    let in_panes = caret.filter(|_| app.ui.overlay().is_none()).map(|(x, y)| Position { x, y });
    if let Some(position) = in_overlay.or(in_panes) {
        frame.set_cursor_position(position);
    }
}
