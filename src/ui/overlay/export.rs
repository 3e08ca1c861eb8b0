//! The form for an export: what is written, the formats, the file's name, and how it went.

use ratatui::{
    layout::{Position, Rect},
    style::Style,
};

use crate::ui::{
    bars::{shown_width, skip},
    paint::{Painter, columns},
    window::window,
};
use crate::{
    app::{App, ExportForm, ExportStage, format_command, thousands, wrap},
    export::Format,
};
use alertdeck_model::SafeText;
use alertdeck_store::Count;

/// Before the file's name.
const LABEL: &str = "file  ";

/// Lines for how it went, or for what is missing in the list.
const TOLD: usize = 3;

enum Line {
    Text(String, Style),
    Format(String, Format),
    File,
    Blank,
}

/// Draws the form; returns where the caret is while the file's name is typed.
pub(super) fn draw(
    app: &App,
    painter: &mut Painter<'_>,
    screen: Rect,
    form: &ExportForm,
) -> Option<Position> {
    let width = usize::from(screen.width.saturating_sub(8)).clamp(10, 76);
    let most = usize::from(screen.height.saturating_sub(4)).max(1);
    let lines = lines(app, painter, form, width, most);
    let inside = window(painter, screen, "Export", width, lines.len().min(most));
    // Where there is room for less, the file's name and how it went stay.
    let file = lines.iter().position(|line| matches!(line, Line::File)).unwrap_or(0);
    let skipped = lines.len().saturating_sub(usize::from(inside.height)).min(file);
    let theme = painter.theme;
    let mut caret = None;
    for (y, line) in (inside.y..inside.y + inside.height).zip(&lines[skipped..]) {
        match line {
            Line::Blank => {}
            Line::Text(text, style) => {
                painter.put(inside.x, y, inside.width, text, *style);
            }
            Line::Format(key, format) => {
                painter.put(inside.x + 2, y, 2, key, theme.accent);
                painter.put(inside.x + 5, y, inside.width.saturating_sub(5), format.name(), theme.text);
                painter.put(inside.x + 23, y, inside.width.saturating_sub(23), format.about(), theme.dim);
                if *format == form.format {
                    painter.put(inside.x, y, 1, ">", theme.accent);
                    let style = if form.typing { theme.cursor_away } else { theme.cursor };
                    painter.raise(inside.x, y, inside.width, style);
                }
            }
            Line::File => caret = Some(file_name(painter, inside, y, form)),
        }
    }
    caret.filter(|_| form.typing && !matches!(form.stage, ExportStage::Writing { .. }))
}

/// What the form shows, with fewer lines where there is room for less. There are as many whatever
/// there is to tell: nothing moves under the eyes.
fn lines(app: &App, painter: &Painter<'_>, form: &ExportForm, width: usize, most: usize) -> Vec<Line> {
    let theme = painter.theme;
    let (said, style) = match &form.stage {
        ExportStage::Asked if app.marks.shown() > 0 => (String::new(), theme.bad),
        ExportStage::Asked => (app.missing().unwrap_or_default(), theme.bad),
        ExportStage::Writing { alerts, .. } => (format!("writing {}", counted(*alerts)), theme.accent),
        ExportStage::Exists => {
            let key = |id| app.ui.keymap.key(id);
            let (overwrite, rename) = (key("export.overwrite"), key("export.rename"));
            let text =
                format!("a file of this name exists: {overwrite} overwrites it, {rename} takes another name");
            (text, theme.bad)
        }
        ExportStage::Failed(line) => (line.clone(), theme.bad),
    };
    let mut said = wrap(&said, width);
    if said.len() > TOLD {
        // The last line goes on beyond its room, so that it is cut with a sign.
        let rest = said.split_off(TOLD - 1).join(" ");
        said.push(rest);
    }
    said.resize(TOLD, String::new());
    let mut formats: Vec<Line> = Format::ALL
        .iter()
        .map(|format| Line::Format(app.ui.keymap.key(format_command(*format)), *format))
        .collect();
    let taken = 2 + TOLD;
    let spaced = taken + formats.len() + 2 <= most;
    if taken + formats.len() > most {
        formats.retain(|line| matches!(line, Line::Format(_, format) if *format == form.format));
    }
    let blank = || spaced.then_some(Line::Blank);
    let head = [Line::Text(what(app), theme.strong)].into_iter().chain(blank());
    let told = said.into_iter().map(|line| Line::Text(line, style));
    head.chain(formats).chain(blank()).chain([Line::File]).chain(told).collect()
}

/// What would be written, as of now.
fn what(app: &App) -> String {
    let hidden = match app.marks.hidden() {
        0 => String::new(),
        hidden => format!("; {} marked but hidden, not written", thousands(hidden)),
    };
    let all = match app.view.count() {
        _ if app.marks.shown() > 0 => format!("{}, marked", counted(app.marks.shown())),
        Count::Exact(count) => format!("{}, all that match", counted(count)),
        Count::AtLeast(count) => format!("{} so far, all that match", counted(count)),
    };
    format!("{all}{hidden}")
}

fn counted(alerts: usize) -> String {
    format!("{} {}", thousands(alerts), if alerts == 1 { "alert" } else { "alerts" })
}

/// Draws the file's name around the caret; returns where that is.
fn file_name(painter: &mut Painter<'_>, inside: Rect, y: u16, form: &ExportForm) -> Position {
    let theme = painter.theme;
    let label = if form.typing { theme.accent } else { theme.dim };
    let x = inside.x + painter.put(inside.x, y, inside.width, LABEL, label);
    let room = inside.width.saturating_sub(columns(LABEL) as u16);
    let text = form.path.text();
    let before: String = text.chars().take(form.path.cursor()).collect();
    let skipped = skip(text, shown_width(&before).saturating_sub(usize::from(room).saturating_sub(1)));
    painter.put(x, y, room, &SafeText::new(&text[skipped..]).line(), theme.text);
    if skipped > 0 {
        painter.put_cut(x, y, room, theme.text);
    }
    let hidden = shown_width(&text[..skipped]);
    Position { x: x + shown_width(&before).saturating_sub(hidden) as u16, y }
}
