//! The recent requests as a table, with details of the request under the cursor.

use std::time::Duration;

use ratatui::{layout::Rect, style::Style};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::app::{App, RequestLine, Requests, thousands, wrap};
use crate::ui::{
    paint::{Painter, Span, columns as width_of, fit},
    window::window,
};
use alertdeck_graph::http::AttemptOutcome;

/// The minimum width of the path. Other columns are omitted before the path becomes narrower than
/// this.
const MIN_PATH: usize = 30;
/// The column where the values below the table start.
const LABEL: usize = 19;

/// A table column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    /// The tenant, if requests were sent to several.
    Tenant,
    Time,
    Method,
    Status,
    Took,
    Waited,
    Bytes,
}

impl Column {
    const ALL: [Self; 7] =
        [Self::Tenant, Self::Time, Self::Method, Self::Status, Self::Took, Self::Waited, Self::Bytes];
    /// The columns that a narrow table omits, in this order. The details below the table also show
    /// their values.
    const DISPENSABLE: [Self; 4] = [Self::Bytes, Self::Method, Self::Waited, Self::Took];

    fn heading(self) -> &'static str {
        match self {
            Self::Tenant => "TENANT",
            Self::Time => "TIME",
            Self::Method => "METHOD",
            Self::Status => "STATUS",
            Self::Took => "TOOK",
            Self::Waited => "WAITED",
            Self::Bytes => "BYTES",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Tenant => 12,
            // The longest status is "cancelled".
            Self::Time | Self::Status => 9,
            Self::Method => 6,
            Self::Took | Self::Waited => 7,
            Self::Bytes => 10,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Took | Self::Waited | Self::Bytes)
    }

    fn value(self, app: &App, line: &RequestLine) -> String {
        match self {
            Self::Tenant => app.feeds.any(line.feed).map_or_else(String::new, |feed| feed.name().to_owned()),
            Self::Time => app.clock.time_of_day(line.started),
            Self::Method => line.method.clone(),
            Self::Status => match &line.outcome {
                None => "sent".into(),
                Some(AttemptOutcome::Answered(status)) => status.to_string(),
                Some(AttemptOutcome::Failed(_)) => "failed".into(),
                Some(AttemptOutcome::Cancelled) => "cancelled".into(),
            },
            Self::Took => seconds(line.took),
            Self::Waited if line.waited.is_zero() => String::new(),
            Self::Waited => seconds(line.waited),
            Self::Bytes if line.outcome.is_none() => String::new(),
            Self::Bytes => thousands(line.bytes),
        }
    }
}

pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect, requests: &Requests) {
    let theme = painter.theme;
    let (width, height) = app.ui.overlay_size();
    let rows = if requests.lines.as_ref().is_some_and(Vec::is_empty) { 1 } else { height };
    let inside = window(painter, screen, "Requests", width, rows);
    let Some(lines) = requests.lines.as_ref().filter(|lines| !lines.is_empty()) else {
        let text = match &requests.lines {
            _ if !app.feed().settings.service => "Saved alerts: no requests are made.",
            Some(_) => "No requests yet.",
            None => "Loading",
        };
        painter.put(inside.x, inside.y, inside.width, text, theme.dim);
        return;
    };
    let (rows, about_rows) = Requests::split(height);
    let (columns, with_host) = columns(lines, usize::from(inside.width));
    let mut x = inside.x;
    let mut layout = Vec::new();
    for column in columns {
        let room = column.width() as u16;
        put(painter, (x, inside.y, room), column, column.heading(), theme.dim);
        layout.push((column, x, room));
        x += room + 1;
    }
    let room = (inside.x + inside.width).saturating_sub(x);
    painter.put(x, inside.y, room, if with_host { "HOST AND PATH" } else { "PATH" }, theme.dim);
    let bottom = inside.y + inside.height;
    let shown = lines.iter().enumerate().skip(requests.scroll.top).take(rows);
    for (y, (at, line)) in (inside.y + 1..bottom).zip(shown) {
        let base = if line.has_failed() { theme.error } else { theme.text };
        for (column, x, width) in layout.iter().copied() {
            let style = match column {
                Column::Status => base,
                Column::Tenant | Column::Waited => theme.text,
                _ => theme.dim,
            };
            put(painter, (x, y, width), column, &column.value(app, line), style);
        }
        let host = if with_host { line.host.head() } else { String::new() };
        let used = painter.put(x, y, room, &host, theme.dim);
        let room = room.saturating_sub(used);
        painter.put(
            x + used,
            y,
            room,
            &cut_middle(&line.path.head(), usize::from(room), theme.symbols.cut),
            base,
        );
        if at == requests.scroll.cursor {
            painter.patch_style(inside.x, y, inside.width, theme.cursor);
        }
    }
    let rule = inside.y + 1 + rows as u16;
    if let Some(line) = requests.line().filter(|_| about_rows > 0 && rule < bottom) {
        for x in inside.x..inside.x + inside.width {
            painter.put(x, rule, 1, theme.symbols.horizontal, theme.dim);
        }
        let about = about(app, painter, line, usize::from(inside.width), about_rows);
        for (y, spans) in (rule + 1..bottom).zip(&about) {
            painter.put_spans(inside.x, y, inside.width, spans);
        }
    }
}

fn put(painter: &mut Painter<'_>, (x, y, width): (u16, u16, u16), column: Column, text: &str, style: Style) {
    if column.is_number() {
        painter.put_right(x + width, y, width, text, style);
    } else {
        painter.put(x, y, width, text, style);
    }
}

/// Returns the columns that fit, and whether the host fits.
fn columns(lines: &[RequestLine], width: usize) -> (Vec<Column>, bool) {
    let mut columns = Column::ALL.to_vec();
    if lines.iter().all(|line| line.feed == lines[0].feed) {
        columns.retain(|column| *column != Column::Tenant);
    }
    let host = lines.iter().map(|line| width_of(&line.host.head())).max().unwrap_or(0);
    let used = |columns: &[Column]| columns.iter().map(|column| column.width() + 1).sum::<usize>();
    let with_host = used(&columns) + host.min(40) + MIN_PATH <= width;
    for column in Column::DISPENSABLE {
        if used(&columns) + MIN_PATH <= width {
            break;
        }
        columns.retain(|kept| *kept != column);
    }
    (columns, with_host)
}

/// Returns the details of a request in at most `rows` lines, the most important first.
fn about(
    app: &App,
    painter: &Painter<'_>,
    line: &RequestLine,
    width: usize,
    rows: usize,
) -> Vec<Vec<Span<'static>>> {
    let theme = painter.theme;
    let base = if line.has_failed() { theme.error } else { theme.text };
    let mut lines = vec![vec![Span::new(outcome(line), base)]];
    let ids = [
        ("client-request-id", line.client_request_id.clone()),
        (
            "request-id",
            line.request_id.as_ref().map_or_else(|| "none".into(), alertdeck_model::SafeText::head),
        ),
    ];
    for (label, id) in ids {
        lines.push(vec![Span::new(format!("{label:LABEL$}"), theme.dim), Span::new(id, theme.text)]);
    }
    if rows > lines.len() {
        let started = app.clock.full(line.started);
        lines.push(vec![
            Span::new(format!("{:LABEL$}", "started"), theme.dim),
            Span::new(started, theme.text),
        ]);
        let mut parts =
            wrap(&format!("{}{}", line.host.head(), line.path.head()), width.saturating_sub(LABEL));
        let room = rows - lines.len();
        if parts.len() > room {
            parts.truncate(room);
            if let Some(last) = parts.last_mut() {
                last.pop();
                last.push_str(theme.symbols.cut);
            }
        }
        for (at, part) in parts.into_iter().enumerate() {
            let label = if at == 0 { line.method.as_str() } else { "" };
            lines.push(vec![Span::new(format!("{label:LABEL$}"), theme.dim), Span::new(part, theme.text)]);
        }
    }
    lines
}

/// Truncates a path in the middle, since the paths for a list's pages differ at the end.
fn cut_middle(text: &str, width: usize, sign: &str) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let mut tail: Vec<&str> = Vec::new();
    let mut room = width / 3;
    for glyph in text.graphemes(true).rev() {
        let Some(left) = room.checked_sub(width_of(glyph)) else { break };
        room = left;
        tail.push(glyph);
    }
    let tail: String = tail.into_iter().rev().collect();
    fit(text, width - width_of(&tail), sign).text.into_owned() + &tail
}

/// Returns a request's result as text, with times and size.
fn outcome(line: &RequestLine) -> String {
    let waited =
        if line.waited.is_zero() { String::new() } else { format!("waited {}, ", seconds(line.waited)) };
    let how = match &line.outcome {
        None => return format!("sent, no answer yet; {waited}{} so far", seconds(line.took)),
        Some(AttemptOutcome::Answered(status)) => match meaning(*status) {
            Some(meaning) => format!("{status}, {meaning}"),
            None => status.to_string(),
        },
        Some(AttemptOutcome::Failed(why)) => format!("failed: {why}"),
        Some(AttemptOutcome::Cancelled) => "cancelled before it was answered".to_owned(),
    };
    format!("{how}; {waited}took {}, {} bytes", seconds(line.took), thousands(line.bytes))
}

/// Returns the meaning of an HTTP status (docs/graph-api.md, "Status codes").
fn meaning(status: u16) -> Option<&'static str> {
    Some(match status {
        200..=299 => "OK",
        400 => "invalid request",
        401 => "the token is not accepted",
        403 => "the token does not allow it",
        404 => "not found",
        407 => "the proxy requires authentication",
        408 | 504 => "timeout in the service",
        429 => "throttled by the service",
        500..=599 => "service error",
        _ => return None,
    })
}

/// Formats a duration, such as `340 ms`, `7.0 s` or `95 s`.
fn seconds(duration: Duration) -> String {
    match duration.as_millis() {
        ms @ 0..1_000 => format!("{ms} ms"),
        ms @ 1_000..10_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms => format!("{} s", ms / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_cut_in_the_middle() {
        let cut = |width| cut_middle("/v1.0/alerts?$skiptoken=page12", width, "…");
        assert_eq!(cut(30), "/v1.0/alerts?$skiptoken=page12");
        assert_eq!(cut(18), "/v1.0/alert…page12");
        assert_eq!(cut(3), "/…2");
        assert_eq!([cut(1), cut(0)], ["…", ""]);
        assert_eq!(cut_middle("不審不審不審", 7, "…"), "不審…審");
    }

    #[test]
    fn durations_fit_their_column() {
        let written = |ms| seconds(Duration::from_millis(ms));
        let expected = ["0 ms", "999 ms", "1.0 s", "7.0 s", "9.9 s", "10 s", "3600 s"];
        assert_eq!([0, 999, 1_000, 7_049, 9_999, 10_000, 3_600_000].map(written), expected);
        assert!(expected.iter().all(|text| text.len() <= Column::Took.width()));
    }
}
