//! The detail pane: the alert under the cursor.

mod node;

use std::ops::Range;

use super::{
    list::matched,
    paint::{Painter, Span, columns, fit},
};
use crate::app::{
    App, Area, DECODED_LABEL, Detail, DetailView, Fact, FactValue, Find, Indentation, Line, LineKind, Pane,
    TimeFormat, bytes, more_bytes, span, thousands,
};
use alertdeck_evidence::{Entry, TimelineEvent};
use alertdeck_model::{
    SafeText, Timestamp,
    attack::{self, Technique},
};
use alertdeck_store::{Cell, Column};

/// Draws the pane. Returns the caret's position while the search field is open.
pub(super) fn draw(app: &App, painter: &mut Painter<'_>, head: Area, area: Area) -> Option<(u16, u16)> {
    let theme = painter.theme;
    let focused = app.ui.focus == Pane::Detail && app.filter.editor.is_none();
    let caret = draw_rule(app, painter, head, focused);
    let detail = app.current_detail()?;
    let shown = detail.lines().iter().enumerate().skip(detail.scroll.top).take(usize::from(area.height));
    for (y, (at, line)) in (area.y..).zip(shown) {
        draw_line(app, painter, detail, line, Area { y, height: 1, ..area });
        if at == detail.scroll.cursor && focused {
            painter.patch_style(area.x, y, area.width, theme.cursor);
        }
    }
    caret.filter(|_| focused)
}

/// If all entries have the same date, returns a time on that date.
fn common_day(app: &App, entries: &[Entry]) -> Option<Timestamp> {
    let (first, last) = (entries.first()?.at, entries.last()?.at);
    app.clock.is_same_day(first, last).then_some(last)
}

/// Draws the rule with either the alert's title and its position in the list, or the search field.
/// Returns the caret's position in the field.
fn draw_rule(app: &App, painter: &mut Painter<'_>, area: Area, focused: bool) -> Option<(u16, u16)> {
    let theme = painter.theme;
    painter.fill(area.x, area.y, area.width, theme.symbols.horizontal, theme.dim);
    let row = app.selected()?;
    // The position counts all rows of the list, including those that no longer match.
    let count = thousands(app.lines().len());
    let position = format!(" {}/{count} ", thousands(app.list.scroll.cursor + 1));
    let title = match app.store.cell(row, Column::Title) {
        Cell::Text(text) if !text.is_blank() => text.head(),
        _ => "(blank title)".into(),
    };
    let view = match app.current_detail().map(Detail::view) {
        Some(DetailView::Json) => "JSON: ".to_owned(),
        Some(DetailView::Timeline) => {
            let zone = match app.clock.format {
                TimeFormat::Age => "UTC and age",
                TimeFormat::Utc => "UTC",
                TimeFormat::Local => "local time",
            };
            let entries = app.current_detail().map_or(&[][..], |detail| {
                let timeline = &detail.body.timeline;
                &timeline.entries[timeline.earlier..]
            });
            // The date, which the lines omit.
            let day = common_day(app, entries).map(|at| format!(" {}", app.clock.day(at)));
            format!("timeline{}, {zone}: ", day.unwrap_or_default())
        }
        _ => String::new(),
    };
    let right = (area.x + area.width).saturating_sub(1);
    let style = if focused { theme.accent.patch(theme.strong) } else { theme.strong };
    let find = app.detail.shown.as_ref().and_then(|detail| detail.find.as_ref());
    if let Some((find, editor)) = find.and_then(|find| Some((find, find.editor.as_ref()?))) {
        let count =
            if find.text().trim().is_empty() { String::new() } else { format!(" {} ", hit_position(find)) };
        let label = format!("find {} ", theme.symbols.prompt);
        let room = area.width.saturating_sub(columns(&count) as u16 + 4);
        let used = painter.put(area.x + 2, area.y, room, &label, theme.accent);
        painter.put(area.x + 1, area.y, 1, " ", theme.dim);
        // If the text is longer than the field, show the part up to the caret.
        let room = usize::from(room.saturating_sub(used + 1));
        let hidden = editor.cursor().saturating_sub(room);
        let before: String = editor.text().chars().take(editor.cursor()).skip(hidden).collect();
        let mut before = SafeText::new(&before).line();
        while columns(&before) > room {
            before.remove(0);
        }
        let after: String = editor.text().chars().skip(editor.cursor()).take(room).collect();
        let text = format!("{before}{}", SafeText::new(&after).line());
        let x = area.x + 2 + used;
        let used = painter.put(x, area.y, room as u16, &text, theme.text);
        painter.put(x + used, area.y, 1, " ", theme.dim);
        painter.put_right(right, area.y, columns(&count) as u16, &count, theme.dim);
        return Some((x + columns(&before) as u16, area.y));
    }
    let found = find.filter(|_| area.width >= 40).map(|find| format!(" {} ", hit_position(find)));
    let used_width = position.len() + found.as_ref().map_or(0, |found| columns(found) + 1);
    let room = area.width.saturating_sub(used_width as u16 + 5);
    let used = painter.put(area.x + 2, area.y, room, &format!("{view}{title}"), style);
    painter.put(area.x + 1, area.y, 1, " ", theme.dim);
    painter.put(area.x + 2 + used, area.y, 1, " ", theme.dim);
    painter.put_right(right, area.y, position.len() as u16, &position, theme.dim);
    if let Some(found) = found {
        let right = right.saturating_sub(position.len() as u16 + 1);
        painter.put_right(right, area.y, columns(&found) as u16, &found, theme.accent);
    }
    None
}

/// Returns the current hit's position among all hits, such as `2 of 14`.
fn hit_position(find: &Find) -> String {
    let more = if find.may_be_more() { "+" } else { "" };
    match (find.number(), find.count()) {
        (_, 0) => "not found".into(),
        (Some(at), count) => format!("{} of {}{more}", thousands(at), thousands(count)),
        (None, count) => format!("{}{more} found", thousands(count)),
    }
}

/// Highlights the search hits in a span.
fn highlight_hits<'a>(detail: &Detail, painter: &Painter<'_>, span: Span<'a>) -> Vec<Span<'a>> {
    let Some(find) = &detail.find else { return vec![span] };
    let ranges = find.ranges(&span.text);
    highlight(painter, &span, ranges)
}

/// Highlights parts of a span as hits. The ranges must be in order.
fn highlight<'a>(painter: &Painter<'_>, span: &Span<'a>, ranges: Vec<Range<usize>>) -> Vec<Span<'a>> {
    let (mut spans, mut from) = (Vec::new(), 0);
    let part = |from: usize, to: usize| {
        let within = |at: usize| at.clamp(from, to) - from;
        let matched = span.matched.iter().map(|range| within(range.start)..within(range.end)).collect();
        Span { text: span.text[from..to].to_owned().into(), style: span.style, matched }
    };
    for range in ranges {
        spans.push(part(from, range.start));
        let mut hit = part(range.start, range.end);
        hit.style = hit.style.patch(painter.theme.found);
        spans.push(hit);
        from = range.end;
    }
    spans.push(part(from, span.text.len()));
    spans.retain(|span| !span.text.is_empty());
    spans
}

fn draw_line(app: &App, painter: &mut Painter<'_>, detail: &Detail, line: &Line, pane: Area) {
    let theme = painter.theme;
    let area = indent(painter, line, pane);
    let Area { x, y, width, .. } = area;
    let marker = match line.fold {
        Some((_, true)) => theme.symbols.folded,
        Some((_, false)) => theme.symbols.open,
        None => "  ",
    };
    let content = Area { x: x + 2, width: width.saturating_sub(2), ..area };
    match &line.kind {
        LineKind::Blank => {}
        LineKind::Section(title, count) => {
            let mut spans = vec![Span::new(marker, theme.dim), Span::new(*title, theme.strong)];
            spans.extend(count.map(|count| Span::new(format!(" {}", thousands(count)), theme.dim)));
            painter.put_spans(x, y, width, &spans);
        }
        LineKind::Facts(facts) => {
            let spans = facts
                .iter()
                .enumerate()
                .flat_map(|(at, fact)| fact_spans(app, painter, facts, (at, width), fact));
            let spans: Vec<_> = spans.flat_map(|span| highlight_hits(detail, painter, span)).collect();
            painter.put_spans(x, y, width, &spans);
        }
        LineKind::Node(id) => {
            painter.put(x, y, width, marker, theme.dim);
            node::draw(app, painter, detail, (line, *id), pane.width, content);
        }
        LineKind::CommandLine(_, text) => {
            let span = matched(app, (Some("process"), "processCommandLine"), text.as_str(), theme.dim);
            painter.put_spans(content.x, y, content.width, &highlight_hits(detail, painter, span));
        }
        LineKind::Decoded(_, is_first, text) => {
            let label = if *is_first { DECODED_LABEL } else { "" };
            painter.put(content.x, y, content.width, label, theme.accent);
            let used = (DECODED_LABEL.len() as u16).min(content.width);
            let span = matched(app, (None, ""), text.as_str(), theme.text);
            let spans = highlight_hits(detail, painter, span);
            painter.put_spans(content.x + used, y, content.width - used, &spans);
        }
        LineKind::Group(count, kind) => {
            let spans = [
                Span::new(marker, theme.dim),
                Span::new(format!("{} {kind}", thousands(*count)), theme.text),
            ];
            painter.put_spans(x, y, width, &spans);
        }
        LineKind::Indicator(at) => node::draw_indicator(app, painter, detail, *at, content),
        LineKind::TimelineEntry(at) => draw_timeline_entry(app, painter, detail, (line, *at), area),
        LineKind::Text { line: text, property, .. } => {
            let span = matched(app, (None, *property), text.as_str(), theme.text);
            let hits = detail.find.as_ref().map(|find| find.ranges_in(line)).unwrap_or_default();
            painter.put_spans(x, y, width, &highlight(painter, &span, hits));
        }
        LineKind::Rest { from, full_text, .. } => {
            let rest = &full_text.as_str()[*from..];
            let hit = detail.find.as_ref().and_then(|find| find.range_in_rest(line));
            let note =
                if hit.is_some() { format!("{} more: ", bytes(rest.len())) } else { more_bytes(rest.len()) };
            let mut spans = vec![Span::new(format!("{} {note}", theme.symbols.cut), theme.dim)];
            if hit.is_some() {
                let room = usize::from(width).saturating_sub(spans[0].width());
                spans.extend(node::excerpt(detail, painter, (rest, hit), room));
            }
            painter.put_spans(x, y, width, &spans);
        }
        LineKind::Comment(author, at) => {
            let author = author.as_ref().map_or_else(|| "unknown".into(), SafeText::line);
            let mut spans = highlight_hits(detail, painter, Span::new(author, theme.strong));
            spans.extend(at.map(|at| Span::new(format!("  {}", app.clock.full(at)), theme.dim)));
            painter.put_spans(x, y, width, &spans);
        }
        LineKind::Property(property) => {
            let value = property.value.as_ref().map(SafeText::head_cow).unwrap_or_default();
            let path = property.path.line();
            let value = matched(app, (None, &path), value, theme.text);
            let mut spans = vec![Span::new(format!("{path}  "), theme.dim)];
            let room = usize::from(content.width).saturating_sub(spans[0].width());
            match node::hidden_hit(detail, line, &[&value.text], room) {
                Some(value) => spans.extend(node::excerpt(
                    detail,
                    painter,
                    node::first_hit(detail, value.text.as_str()),
                    room,
                )),
                None => spans.extend(highlight_hits(detail, painter, value)),
            }
            painter.put_spans(content.x, y, content.width, &spans);
        }
    }
}

/// Indents a line by its depth. Beyond the pane's maximum indentation, a number shows the depth,
/// once per node.
fn indent(painter: &mut Painter<'_>, line: &Line, pane: Area) -> Area {
    let theme = painter.theme;
    let Indentation { margin, number } = Indentation::new(line.depth, usize::from(pane.width));
    if number > 0 && !matches!(line.kind, LineKind::CommandLine(..) | LineKind::Decoded(..)) {
        let depth = format!("{:>2}{}", line.depth, theme.symbols.prompt);
        let room = pane.width.saturating_sub(margin as u16);
        painter.put(pane.x + margin as u16, pane.y, room, &depth, theme.dim);
    }
    let used = (margin + number) as u16;
    Area { x: pane.x + used, width: pane.width.saturating_sub(used), ..pane }
}

/// Draws a timeline entry: the time, the gap since the previous entry, and the event. Events that
/// concern the alert itself are dimmed.
fn draw_timeline_entry(
    app: &App,
    painter: &mut Painter<'_>,
    detail: &Detail,
    (line, at): (&Line, usize),
    area: Area,
) {
    /// The width of the gap: `+100d` and a space.
    const GAP: usize = 6;
    /// The minimum width of a name next to its event.
    const MIN_NAME: usize = 8;
    let theme = painter.theme;
    let timeline = &detail.body.timeline;
    let Some(entry) = timeline.entries.get(at) else { return };
    // A date shared by all entries is shown in the rule above instead. Earlier history has its own
    // section and is not considered.
    let apart = if line.depth > 0 && at >= timeline.earlier { timeline.earlier } else { 0 };
    let day = common_day(app, &timeline.entries[apart..]);
    let time = app.clock.timeline_time(entry.at, day);
    let before = at.checked_sub(1).map(|before| timeline.entries[before].at);
    let gap = before.and_then(|before| Some(format!("+{}", span(entry.at.since(before)?))));
    let gap = format!("{:>GAP$}  ", gap.unwrap_or_default());
    let mut spans = vec![Span::new(time, theme.text), Span::new(gap, theme.dim)];
    match (entry.node, entry.event) {
        (Some(id), TimelineEvent::Evidence) => {
            let node = detail.body.tree.node(id);
            let what = entry.what.line();
            let label = node.label();
            // "process created" already contains the kind.
            let kind = label.rsplit(' ').next().unwrap_or(&label);
            let (long, short) = match what.strip_prefix(kind) {
                _ if !what.contains(kind) => (format!("{what} {label}"), what.as_str()),
                // A process name also implies the kind, and creation is the most common event.
                Some(" created") => (what.clone(), ""),
                Some(rest) => (what.clone(), rest.trim_start()),
                None => (what.clone(), what.as_str()),
            };
            let name = detail.body.tree.describe(id).name();
            let room = usize::from(area.width).saturating_sub(spans.iter().map(Span::width).sum());
            let state = node::state_beside(node, theme, columns(&name).min(node::MIN_NAME), room);
            let room = room.saturating_sub(state.as_ref().map_or(0, Span::width));
            let label = if columns(&long) + 2 + columns(&name) <= room { &long } else { short };
            let label = (!label.is_empty()).then(|| Span::new(format!("{label}  "), theme.dim));
            let label = label.filter(|label| label.width() + columns(&name).min(MIN_NAME) <= room);
            let room = room.saturating_sub(label.as_ref().map_or(0, Span::width));
            let name = fit(&name, room, theme.symbols.cut).text.into_owned();
            let name = Span::new(name, theme.text);
            let parts = label.into_iter().chain([name]);
            spans.extend(parts.flat_map(|span| highlight_hits(detail, painter, span)));
            spans.extend(state);
        }
        (_, happening) => {
            let attack = matches!(happening, TimelineEvent::Activity | TimelineEvent::Evidence);
            let style = if attack { theme.text } else { theme.dim };
            spans.extend(highlight_hits(detail, painter, Span::new(detail.body.timeline_text(at), style)));
        }
    }
    painter.put_spans(area.x, area.y, area.width, &spans);
}

fn fact_spans<'a>(
    app: &App,
    painter: &Painter<'_>,
    facts: &[Fact],
    (at, width): (usize, u16),
    fact: &'a Fact,
) -> Vec<Span<'a>> {
    let theme = painter.theme;
    let mut spans = Vec::new();
    // A repeated label is shown once, followed by several values.
    let again = at > 0 && facts[at - 1].label == fact.label && !fact.label.is_empty();
    if at > 0 {
        spans.push(Span::new(if again { ", " } else { "   " }, theme.dim));
    }
    if !fact.label.is_empty() && !again {
        spans.push(Span::new(format!("{} ", fact.label), theme.dim));
    }
    match &fact.value {
        FactValue::Severity(severity) => {
            let (symbol, _, style) = theme.severity(severity);
            spans.push(Span::new(format!("{symbol} {severity}"), style));
        }
        FactValue::Member(_, words) => spans.push(Span::new(words.as_str(), theme.text)),
        FactValue::Time(time) => spans.push(Span::new(app.clock.full(*time), theme.text)),
        FactValue::Text(text) => {
            let style = if fact.label == "ID" { theme.dim } else { theme.text };
            spans.push(matched(app, (None, fact.property()), text.head_cow(), style));
        }
        FactValue::Technique(id) => {
            spans.push(matched(app, (None, fact.property()), id.head(), theme.text));
            if let Some(technique) = attack::technique(id.raw()) {
                let used: usize = spans.iter().map(Span::width).sum();
                let room = usize::from(width).saturating_sub(used);
                let (name, remark) = technique_texts(technique, room, theme.symbols.cut);
                spans.push(Span::new(format!(" {name}"), theme.text));
                spans.push(Span::new(remark, theme.dim));
            }
        }
        FactValue::Similar => spans.push(Span::new(app.similar_words(), theme.text)),
        FactValue::Missing => {}
    }
    spans
}

/// Returns a technique's name and the remark after it, shortened to `room` columns. The parent's
/// name is dropped first, since a sub-technique's name is more specific. If the technique has a
/// status such as `now T1486`, the tactics are dropped next, since the status is more useful.
fn technique_texts(technique: &Technique, room: usize, sign: &str) -> (String, String) {
    let (full_name, remark) = (technique.full_name(), format!(" {}", technique.remark()));
    let note = technique.note().map(|note| format!(", {note}"));
    let fits = |name: &str, after: &str| 1 + columns(name) + columns(after) <= room;
    let needed = if note.is_some() { &*remark } else { "" };
    if fits(&full_name, needed) {
        return (full_name, remark);
    }
    match note.filter(|_| !fits(technique.name, needed)) {
        Some(note) => {
            let room = room.saturating_sub(columns(&note) + 1);
            (fit(technique.name, room, sign).text.into_owned(), note)
        }
        None => (technique.name.to_owned(), remark),
    }
}
