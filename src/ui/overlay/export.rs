//! The export form: a summary, the formats, the path, and the result.

use ratatui::{
    layout::{Position, Rect},
    style::Style,
};

use crate::ui::{
    field,
    paint::{Painter, columns},
    window::window,
};
use crate::{
    app::{App, ExportForm, ExportStage, format_command, thousands, wrap},
    export::Format,
};
use alertdeck_store::Count;

/// The path's label.
const LABEL: &str = "file  ";

/// The number of lines for the result or for the reason the list is incomplete.
const MESSAGE_LINES: usize = 3;

enum Line {
    Text(String, Style),
    Format(String, Format),
    File,
    Blank,
}

/// Draws the form. Returns the caret's position while the path is being edited.
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
    // If there is too little room, only the path and the result are shown.
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
                    painter.patch_style(inside.x, y, inside.width, style);
                }
            }
            Line::File => caret = Some(file_name(painter, inside, y, form)),
        }
    }
    caret.filter(|_| form.typing && !matches!(form.stage, ExportStage::Writing { .. }))
}

/// Returns the form's lines, or fewer if there is little room. Their number does not depend on the
/// messages, so that the layout stays stable.
fn lines(app: &App, painter: &Painter<'_>, form: &ExportForm, width: usize, most: usize) -> Vec<Line> {
    let theme = painter.theme;
    let (message, style) = match &form.stage {
        ExportStage::Editing if app.marks_shown() > 0 => (String::new(), theme.error),
        ExportStage::Editing => (app.incomplete_reason().unwrap_or_default(), theme.error),
        ExportStage::Writing { alerts, .. } => {
            (format!("writing {}", alert_count(*alerts, "")), theme.accent)
        }
        ExportStage::Exists => {
            let key = |id| app.ui.keymap.key(id);
            let (overwrite, rename) = (key("export.overwrite"), key("export.rename"));
            let text = format!(
                "the file already exists: press {overwrite} to overwrite it, {rename} to choose another name"
            );
            (text, theme.error)
        }
        ExportStage::Failed(line) => (line.clone(), theme.error),
    };
    let mut message = wrap(&message, width);
    if message.len() > MESSAGE_LINES {
        // The last line keeps all the remaining text, so that truncating it adds an ellipsis.
        let rest = message.split_off(MESSAGE_LINES - 1).join(" ");
        message.push(rest);
    }
    message.resize(MESSAGE_LINES, String::new());
    let mut formats: Vec<Line> = Format::ALL
        .iter()
        .map(|format| Line::Format(app.ui.keymap.key(format_command(*format)), *format))
        .collect();
    let fixed = 2 + MESSAGE_LINES;
    let spaced = fixed + formats.len() + 2 <= most;
    if fixed + formats.len() > most {
        formats.retain(|line| matches!(line, Line::Format(_, format) if *format == form.format));
    }
    let blank = || spaced.then_some(Line::Blank);
    let head = [Line::Text(summary(app), theme.strong)].into_iter().chain(blank());
    let message = message.into_iter().map(|line| Line::Text(line, style));
    head.chain(formats).chain(blank()).chain([Line::File]).chain(message).collect()
}

/// Returns a summary of what would be exported now.
fn summary(app: &App) -> String {
    let hidden = match app.marks_hidden() {
        0 => String::new(),
        hidden => format!("; {} marked but hidden, not exported", thousands(hidden)),
    };
    let all = match app.view.count() {
        _ if app.marks_shown() > 0 => alert_count(app.marks_shown(), "marked "),
        Count::Exact(count) => format!("{} (all matches)", alert_count(count, "")),
        Count::AtLeast(_) | Count::Pending => "the filter is still running".to_owned(),
    };
    format!("{all}{hidden}")
}

fn alert_count(alerts: usize, which: &str) -> String {
    format!("{} {which}{}", thousands(alerts), if alerts == 1 { "alert" } else { "alerts" })
}

/// Draws the part of the path around the caret. Returns the caret's position.
fn file_name(painter: &mut Painter<'_>, inside: Rect, y: u16, form: &ExportForm) -> Position {
    let theme = painter.theme;
    let label = if form.typing { theme.accent } else { theme.dim };
    let x = inside.x + painter.put(inside.x, y, inside.width, LABEL, label);
    let room = inside.width.saturating_sub(columns(LABEL) as u16);
    field::draw(painter, (x, y), room, &form.path)
}
