//! The alert under the cursor.

use super::{
    list::matched,
    paint::{Painter, Span},
};
use crate::{
    app::{App, Area, Detail, Fact, FactValue, Line, LineKind, Pane, thousands},
    evidence::Node,
    store::{Cell, Column, Count},
};

pub(super) fn draw(app: &App, painter: &mut Painter<'_>, head: Area, area: Area) {
    rule(app, painter, head);
    let theme = painter.theme;
    let Some(detail) = app.current_detail() else {
        return;
    };
    let focused = app.focus == Pane::Detail && app.filter.editor.is_none();
    let shown = detail.lines().iter().enumerate().skip(detail.scroll.top).take(usize::from(area.height));
    for (y, (at, line)) in (area.y..).zip(shown) {
        draw_line(app, painter, detail, line, Area { y, height: 1, ..area });
        if at == detail.scroll.cursor && focused {
            painter.raise(area.x, y, area.width, theme.cursor);
        }
    }
}

/// The rule with the alert's title and its place in the list.
fn rule(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    let focused = app.focus == Pane::Detail && app.filter.editor.is_none();
    painter.fill(area.x, area.y, area.width, theme.symbols.horizontal, theme.dim);
    let Some(row) = app.selected() else { return };
    let count = match app.view.count() {
        Count::Exact(count) => thousands(count),
        Count::AtLeast(count) => format!("{}+", thousands(count)),
    };
    let place = format!(" {}/{count} ", thousands(app.list.scroll.cursor + 1));
    let title = match app.store.cell(row, Column::Title) {
        Cell::Text(text) if !text.is_blank() => text.head(),
        _ => "(blank title)".into(),
    };
    let json = if app.current_detail().is_some_and(|detail| detail.json) { "JSON: " } else { "" };
    let style = if focused { theme.accent.patch(theme.strong) } else { theme.strong };
    let room = area.width.saturating_sub(place.len() as u16 + 5);
    let used = painter.put(area.x + 2, area.y, room, &format!("{json}{title}"), style);
    painter.put(area.x + 1, area.y, 1, " ", theme.dim);
    painter.put(area.x + 2 + used, area.y, 1, " ", theme.dim);
    painter.put_right((area.x + area.width).saturating_sub(1), area.y, place.len() as u16, &place, theme.dim);
}

fn draw_line(app: &App, painter: &mut Painter<'_>, detail: &Detail, line: &Line, area: Area) {
    let theme = painter.theme;
    let indent = u16::try_from(line.depth * 2).unwrap_or(u16::MAX).min(area.width / 2);
    let (x, width) = (area.x + indent, area.width.saturating_sub(indent));
    let marker = match line.fold {
        Some((_, true)) => theme.symbols.folded,
        Some((_, false)) => theme.symbols.open,
        None => "  ",
    };
    match &line.kind {
        LineKind::Blank => {}
        LineKind::Section(title, count) => {
            let mut spans = vec![Span::new(marker, theme.dim), Span::new(*title, theme.strong)];
            spans.extend(count.map(|count| Span::new(format!(" {count}"), theme.dim)));
            painter.put_spans(x, area.y, width, &spans);
        }
        LineKind::Facts(facts) => {
            let spans: Vec<_> = facts
                .iter()
                .enumerate()
                .flat_map(|(at, fact)| fact_spans(app, painter, facts, at, fact))
                .collect();
            painter.put_spans(x, area.y, width, &spans);
        }
        LineKind::Node(id) => {
            painter.put(x, area.y, width, marker, theme.dim);
            let area = Area { x: x + 2, width: width.saturating_sub(2), ..area };
            draw_node(app, painter, detail, detail.body.tree.node(*id), area);
        }
        LineKind::Text { line, property, .. } => {
            painter.put_span(x, area.y, width, &matched(app, (None, *property), line.as_str(), theme.text));
        }
        LineKind::Comment(author, at) => {
            let author = author.as_ref().map_or_else(|| "unknown".into(), crate::model::SafeText::line);
            let mut spans = vec![Span::new(author, theme.strong)];
            spans.extend(at.map(|at| Span::new(format!("  {}", app.clock.full(at)), theme.dim)));
            painter.put_spans(x, area.y, width, &spans);
        }
        LineKind::Property(property) => {
            let value = property.value.as_ref().map(crate::model::SafeText::glance).unwrap_or_default();
            let label = Span::new(format!("{}  ", property.path.line()), theme.dim);
            painter.put_spans(
                x + 2,
                area.y,
                width.saturating_sub(2),
                &[label, matched(app, (None, &property.path.line()), value, theme.text)],
            );
        }
    }
}

fn fact_spans<'a>(
    app: &App,
    painter: &Painter<'_>,
    facts: &[Fact],
    at: usize,
    fact: &'a Fact,
) -> Vec<Span<'a>> {
    let theme = painter.theme;
    let mut spans = Vec::new();
    // The same label twice in a row is one label with several values.
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
        FactValue::Status(status) => spans.push(Span::new(status.to_string(), theme.text)),
        FactValue::Time(time) => spans.push(Span::new(app.clock.full(*time), theme.text)),
        FactValue::Text(text) => {
            let style = if fact.label == "id" { theme.dim } else { theme.text };
            spans.push(matched(app, (None, fact.property()), text.glance(), style));
        }
        FactValue::Nothing => {}
    }
    spans
}

/// Type, main value, key fact, time, state (UX.md C): what is at the end keeps its room, the
/// fact is cut.
fn draw_node(app: &App, painter: &mut Painter<'_>, detail: &Detail, node: &Node, area: Area) {
    let theme = painter.theme;
    let near = detail.body.alert.as_ref().ok().and_then(|alert| alert.first_activity.or(alert.created));
    let count = (node.items.len() > 1).then(|| Span::new(format!("  ×{}", node.items.len()), theme.dim));
    let time = node.time.map(|at| Span::new(format!("  {}", app.clock.short(at, near)), theme.dim));
    let state = node.state().map(|state| Span::new(format!("  [{state}]"), theme.verdict(&node.verdict)));
    let kind = Some(node.kind.raw());
    let label = Span::new(format!("{} ", node.kind.line()), theme.dim);
    let main = match &node.main {
        Some(main) => matched(app, (kind, node.properties.0), main.glance(), theme.text),
        None => Span::new("(nothing to name it by)", theme.dim),
    };
    // A narrow line drops the time before it cuts the name.
    let whole: usize = [&count, &time, &state].into_iter().flatten().map(Span::width).sum();
    let fits = label.width() + main.width() + whole <= usize::from(area.width);
    let tail: Vec<_> = [count, time.filter(|_| fits), state].into_iter().flatten().collect();
    let room = usize::from(area.width).saturating_sub(tail.iter().map(Span::width).sum());
    let mut used = painter.put_spans(area.x, area.y, room as u16, &[label, main]);
    let left = (room as u16).saturating_sub(used);
    if let Some(fact) = &node.fact
        && left > 6
    {
        let fact = matched(app, (kind, node.properties.1), fact.glance(), theme.dim);
        used += 2 + painter.put_span(area.x + used + 2, area.y, left - 2, &fact);
    }
    painter.put_spans(area.x + used, area.y, area.width.saturating_sub(used), &tail);
}
