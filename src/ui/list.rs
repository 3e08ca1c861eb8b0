//! The list pane.

use std::borrow::Cow;

use ratatui::style::{Modifier, Style};

use super::paint::{Painter, Span, after, columns};
use crate::app::{App, Area, ColumnLayout, FailureKind, Feed, GUTTER, Group, Groups, Pane, Phase, thousands};
use alertdeck_model::{SafeText, Severity, Status};
use alertdeck_store::{Cell, Column, Count, Row, RowSet};

pub(super) fn draw(app: &App, painter: &mut Painter<'_>, head: Area, area: Area) {
    let theme = painter.theme;
    let columns = app.columns(area.width);
    let sort = app.view.sort();
    let focused = app.ui.focus == Pane::List && app.filter.editor.is_none();
    for column in &columns {
        let sorted = column.column == sort.column;
        let arrow = if sorted { theme.symbols.sorted[usize::from(sort.descending)] } else { "" };
        let heading = format!("{}{arrow}", column.heading);
        let style = if focused && sorted { theme.accent } else { theme.dim };
        let x = head.x + column.x;
        if column.right {
            painter.put_right(x + column.width, head.y, column.width.max(4), &heading, style);
        } else {
            painter.put(x, head.y, column.width, &heading, style);
        }
    }
    let (cursor, valid) = (app.selected(), app.filter.is_valid());
    if app.view.is_empty() {
        return draw_empty(app, painter, area);
    }
    let range = app.range();
    let top = app.list.scroll.top;
    let lines = app.lines();
    let shown = (top..).zip(lines.from(top)).take(usize::from(area.height));
    for (y, (at, row)) in (area.y..).zip(shown) {
        let selected = Some(row) == cursor;
        let in_range = range.as_ref().is_some_and(|range| range.contains(&at));
        let group = app.groups.as_ref().and_then(|groups| GroupLine::new(groups, at));
        gutter(app, painter, (area.x, y), (row, group.as_ref()), selected, in_range);
        draw_row(app, painter, Area { y, height: 1, ..area }, &columns, row, group.as_ref());
        if selected {
            let style = if focused { theme.cursor } else { theme.cursor_away };
            painter.patch_style(area.x, y, area.width, style);
        }
        // The typed filter has an error, so these rows match the last valid filter.
        if !valid {
            painter.patch_style(area.x, y, area.width, Style::new().add_modifier(Modifier::DIM));
        }
    }
}

/// What a line shows of the group of its alert.
struct GroupLine<'a> {
    groups: &'a Groups,
    group: &'a Group,
    /// Whether this is the line of the group rather than that of one of its other alerts.
    is_first: bool,
    is_folded: bool,
}

impl<'a> GroupLine<'a> {
    /// Returns `None` if the line does not belong to a group yet.
    fn new(groups: &'a Groups, line: usize) -> Option<Self> {
        let (group, is_first) = groups.at(line)?;
        let is_folded = group.rows.len() > 1 && !groups.is_unfolded(group);
        Some(Self { groups, group, is_first, is_folded })
    }

    /// Draws the number of alerts in the group and how many of each severity there are. Returns the
    /// width.
    fn draw(&self, painter: &mut Painter<'_>, (x, y, width): (u16, u16, u16)) -> u16 {
        let theme = painter.theme;
        let alerts = self.group.rows.len();
        if !self.is_first || alerts < 2 {
            return 2.min(width);
        }
        let sign = if self.is_folded { theme.symbols.folded } else { theme.symbols.open };
        let count = format!("{sign}{} ", thousands(alerts));
        let mut spans = vec![Span::new(count, theme.strong)];
        // The severity column shows that of the only one.
        let is_mixed = self.group.severities.iter().filter(|count| **count > 0).count() > 1;
        for ((_, severity), count) in Severity::MEMBERS.iter().zip(self.group.severities).rev() {
            if is_mixed && count > 0 {
                let (symbol, _, style) = theme.severity(severity);
                spans.push(Span::new(format!("{symbol}{} ", thousands(count)), style));
            }
        }
        painter.put_spans(x, y, width, &spans)
    }
}

/// Draws the cursor, the mark and the sign for a new alert. If the row is marked and the cursor is
/// elsewhere, the sign moves from the second column to the first.
fn gutter(
    app: &App,
    painter: &mut Painter<'_>,
    (x, y): (u16, u16),
    (row, group): (Row, Option<&GroupLine<'_>>),
    selected: bool,
    in_range: bool,
) {
    let theme = painter.theme;
    let (actions, symbols) = (&app.actions, &theme.symbols);
    let signs = [
        (&actions.failed, "!", theme.error),
        (&actions.pending, symbols.cut, theme.accent),
        (&app.list.new, "+", theme.accent),
        (&app.list.changed, "~", theme.accent),
        (&actions.done, symbols.done, theme.dim),
    ];
    // A folded group has the signs of all its alerts.
    let has = |rows: &RowSet| match group.filter(|group| group.is_folded) {
        Some(line) => line.groups.has_any_of(line.group, rows),
        None => rows.contains(row),
    };
    let sign = signs.into_iter().find(|(rows, ..)| has(rows));
    let fresh = sign.map(|(_, sign, style)| (sign, style));
    let mark = match (has(app.marks.rows()), in_range) {
        (true, _) => Some(("*", theme.strong)),
        (false, true) => Some((theme.symbols.vertical, theme.accent)),
        (false, false) => None,
    };
    let blank = (" ", theme.text);
    let first = if selected { Some((">", theme.accent)) } else { fresh.filter(|_| mark.is_some()) };
    for (x, (sign, style)) in [(x, first.unwrap_or(blank)), (x + 1, mark.or(fresh).unwrap_or(blank))] {
        painter.put(x, y, 1, sign, style);
    }
}

fn draw_row(
    app: &App,
    painter: &mut Painter<'_>,
    area: Area,
    columns: &[ColumnLayout],
    row: Row,
    group: Option<&GroupLine<'_>>,
) {
    let theme = painter.theme;
    let is_readable = app.store.is_readable(row);
    let stale = app.view.is_stale(row);
    let base = if stale { theme.dim } else { theme.text };
    for column in columns {
        let mut column = *column;
        let (mut x, y) = (area.x + column.x, area.y);
        if let Some(group) = group.filter(|_| column.column == Column::Title) {
            let used = group.draw(painter, (x, y, column.width));
            (x, column.width) = (x + used, column.width - used);
        }
        let cell = app.store.cell(row, column.column);
        match (column.column, &cell) {
            (_, Cell::Severity(severity)) => {
                let (symbol, word, style) = theme.severity(severity);
                let style = if stale { theme.dim } else { style };
                painter.put(x, y, column.width, &format!("{symbol} {word}"), style);
            }
            (_, Cell::Status(status)) => {
                let (word, style) = status_word(status, theme.text, theme.dim);
                painter.put(x, y, column.width, word, if stale { theme.dim } else { style });
            }
            (_, Cell::Time(at)) => {
                painter.put_right(x + column.width, y, column.width, &app.clock.cell(*at), theme.dim);
            }
            (Column::Created | Column::Updated, cell @ Cell::Text(_)) => {
                // The detail pane shows the full text of a time that cannot be parsed.
                let text = Some(glance(cell))
                    .filter(|text| super::paint::columns(text) <= usize::from(column.width));
                painter.put_right(x + column.width, y, column.width, &text.unwrap_or("?".into()), theme.dim);
            }
            (Column::Title, cell) if !is_readable => {
                painter.put(x, y, column.width, &glance(cell), theme.error);
            }
            (Column::Title, cell) => title(app, painter, &column, (x, y), cell, base, stale),
            (Column::Owner, _) if group.is_some_and(|group| group.is_folded && group.group.owners > 1) => {
                let owners = group.map_or(0, |group| group.group.owners);
                painter.put(x, y, column.width, &format!("{} owners", thousands(owners)), base);
            }
            (Column::Owner, cell) => {
                let (text, style) = owner(app, row, cell);
                painter.put(x, y, column.width, &text, if style { base } else { theme.dim });
            }
            (_, Cell::Empty) => {
                painter.put(x, y, column.width, "-", theme.dim);
            }
            (Column::Classification, Cell::Member(member)) => {
                painter.put(x, y, column.width, class_word(member), base);
            }
            (_, Cell::More(text, more)) => {
                let count = format!(" +{more}");
                let room = column.width.saturating_sub(count.len() as u16);
                let text = short_name(column.column, text.head_cow(), room);
                let used = painter.put_span(x, y, room, &matched(app, property(column.column), text, base));
                painter.put(x + used, y, column.width.saturating_sub(used), &count, theme.dim);
            }
            (_, cell) => {
                let text = short_name(column.column, glance(cell), column.width);
                let text = if text.trim().is_empty() { "-".into() } else { text };
                painter.put_span(x, y, column.width, &matched(app, property(column.column), text, base));
            }
        }
    }
}

fn title(
    app: &App,
    painter: &mut Painter<'_>,
    column: &ColumnLayout,
    (x, y): (u16, u16),
    cell: &Cell<'_>,
    base: Style,
    stale: bool,
) {
    let theme = painter.theme;
    // The reason a row is dimmed is more important than the end of its title.
    let (long, short) = (" no longer matches", " no match");
    let text = glance(cell);
    let fits = || columns(&text) + long.len() <= usize::from(column.width);
    let reason = match stale {
        false => "",
        true if column.width >= 40 || fits() => long,
        true => short,
    };
    let width = column.width.saturating_sub(reason.len() as u16);
    let blank = match cell {
        Cell::Text(text) => text.is_blank(),
        _ => true,
    };
    let used = if blank {
        painter.put(x, y, width, "(blank title)", theme.dim)
    } else {
        scrolled_title(app, painter, (x, y, width), &text, base)
    };
    let style = theme.dim.add_modifier(Modifier::ITALIC);
    painter.put(x + used, y, column.width.saturating_sub(used), reason, style);
}

/// Draws a title, starting at its first visible column.
fn scrolled_title(
    app: &App,
    painter: &mut Painter<'_>,
    (x, y, width): (u16, u16, u16),
    text: &str,
    base: Style,
) -> u16 {
    let mut span = matched(app, property(Column::Title), text, base);
    let skipped = after(text, app.list.shift);
    if skipped > 0 {
        span.text = text[skipped..].into();
        span.matched = span
            .matched
            .iter()
            .map(|range| range.start.saturating_sub(skipped)..range.end.saturating_sub(skipped))
            .collect();
    }
    let used = painter.put_span(x, y, width, &span);
    if skipped == 0 { used } else { used.max(painter.put_cut(x, y, width, base)) }
}

/// Returns the name of a device or user, without its domain if the full name does not fit.
fn short_name(column: Column, text: Cow<'_, str>, width: u16) -> Cow<'_, str> {
    let end = match column {
        _ if columns(&text) <= usize::from(width) => return text,
        Column::Device if text.parse::<std::net::IpAddr>().is_err() => '.',
        Column::User => '@',
        _ => return text,
    };
    match (text.find(end), text) {
        (Some(end), Cow::Borrowed(text)) => text[..end].into(),
        (Some(end), Cow::Owned(text)) => text[..end].to_owned().into(),
        (None, text) => text,
    }
}

/// Returns the start of a cell's text as a single line, borrowed if possible.
fn glance<'a>(cell: &'a Cell<'_>) -> Cow<'a, str> {
    match cell {
        Cell::Text(text) => text.head_cow(),
        other => other.head().into(),
    }
}

/// The property that displayed text comes from. The first element is the short name of the evidence
/// type, or `None` for a property of the alert itself; the second is the path, which is empty if
/// the text does not come from a single property.
pub(super) type Of<'a> = (Option<&'a str>, &'a str);

/// Returns text with the filter's matches underlined. Terms for other fields are ignored.
pub(super) fn matched<'a>(app: &App, of: Of<'_>, text: impl Into<Cow<'a, str>>, style: Style) -> Span<'a> {
    let text = text.into();
    let matcher = app.filter.highlighter.as_ref().filter(|_| !of.1.is_empty());
    let matched = matcher.map(|matcher| matcher.highlights(Some(of), &text)).unwrap_or_default();
    Span { text, style, matched }
}

/// Returns the property that a column shows.
fn property(column: Column) -> Of<'static> {
    match column {
        Column::Title => (None, "title"),
        Column::Device => (Some("device"), "deviceDnsName"),
        Column::User => (Some("user"), "userAccount.userPrincipalName"),
        Column::Category => (None, "category"),
        Column::Owner => (None, "assignedTo"),
        Column::Incident => (None, "incidentId"),
        _ => (None, ""),
    }
}

/// Returns the status as a short word.
fn status_word(status: &Status, text: Style, dim: Style) -> (&str, Style) {
    match status {
        Status::New => ("new", text),
        Status::InProgress => ("prog", text),
        Status::Resolved => ("res", dim),
        Status::Unknown => ("?", dim),
        Status::Undeclared(other) => (other.as_str(), text),
    }
}

/// Returns a short form of a classification.
fn class_word(member: &str) -> &str {
    match member {
        "truePositive" => "true pos",
        "falsePositive" => "false pos",
        "informationalExpectedActivity" => "expected",
        other => other,
    }
}

/// Returns a short form of the owner, and whether there is an owner.
fn owner<'a>(app: &App, row: Row, cell: &Cell<'a>) -> (Cow<'a, str>, bool) {
    let Cell::Text(owner) = cell else { return ("-".into(), false) };
    let me = app.feed_of(row).settings.me.as_deref();
    if me.is_some_and(|me| me.eq_ignore_ascii_case(owner.raw())) {
        return ("me".into(), true);
    }
    let name = owner.raw().split('@').next().filter(|name| !name.is_empty()).unwrap_or(owner.raw());
    (SafeText::new(name).line().into(), true)
}

/// Draws an explanation of why the list is empty.
fn draw_empty(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    let loaded = app.store.len();
    let mut lines: Vec<(String, Style)> = Vec::new();
    if !app.filter.is_valid() {
        lines.push(("The filter has an error.".into(), theme.dim));
    } else if app.view.count() == Count::Pending {
        lines.push(("Filtering".into(), theme.dim));
    } else {
        for feed in app.feeds.iter() {
            let mut of = unfinished(app, feed, painter);
            if let Some((first, _)) = of.first_mut() {
                *first = app.about(feed.id, first);
            }
            lines.extend(of);
        }
    }
    if lines.is_empty() {
        let words = if loaded > 0 { "No matching alerts." } else { "No alerts." };
        lines.push((words.into(), theme.text));
    }
    if loaded > 0 && app.filter.is_valid() && !app.view.is_scanning() {
        let alerts = match loaded {
            1 => "The only loaded alert doesn't".to_owned(),
            _ => format!("None of the {} loaded alerts", thousands(loaded)),
        };
        lines.push((format!("{alerts} match the filter. Press / to change it."), theme.dim));
    }
    let width = area.width.saturating_sub(GUTTER * 2);
    let mut y = area.y + area.height / 3;
    for (line, style) in lines {
        for part in crate::app::wrap(&line, usize::from(width)) {
            if y < area.y + area.height {
                painter.put(area.x + GUTTER, y, width, &part, style);
                y += 1;
            }
        }
    }
}

/// Returns lines that describe a feed whose list is not complete and what to do about it.
fn unfinished(app: &App, feed: &Feed, painter: &Painter<'_>) -> Vec<(String, Style)> {
    let theme = painter.theme;
    match feed.list.phase() {
        _ if feed.sign_in.signed_out && feed.sign_in.stage.is_some() => {
            vec![("Waiting for sign-in.".into(), theme.dim)]
        }
        _ if feed.sign_in.signed_out => {
            vec![(super::completeness::waiting_of(app, feed).unwrap_or_default(), theme.error)]
        }
        Phase::Loading => vec![("Loading".into(), theme.dim)],
        Phase::Waiting { .. } => {
            vec![(super::completeness::waiting_of(app, feed).unwrap_or_default(), theme.dim)]
        }
        Phase::Failed { failure, retry_at } => {
            let next = match retry_at {
                Some(at) => {
                    let left = at.saturating_sub(app.clock.now.mono).as_secs_f64().ceil();
                    format!("Retrying in {left:.0} s; press ! to retry now.")
                }
                None if failure.kind == FailureKind::Filter => {
                    "Press / to change the filter, ! to retry.".into()
                }
                None => "Press ! to retry.".into(),
            };
            vec![(failure.line.clone(), theme.error), (next, theme.dim)]
        }
        Phase::Stopped => vec![("Loading stopped. Press r to restart it.".into(), theme.dim)],
        Phase::Complete | Phase::Idle => Vec::new(),
    }
}
