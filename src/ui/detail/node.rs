//! A line in the evidence tree: type, name, facts, time, state and counts.
//!
//! If the line is too short, the facts are omitted first, then the time, then the remediation
//! state. The name and the verdict are always shown. During a search, a matching value that the
//! line would otherwise not show takes precedence over all of these (docs/console.md, "Detail
//! lines").

use ratatui::style::Style;

use std::ops::Range;

use super::{Painter, Span, highlight_hits, matched};
use crate::{
    app::{App, Area, Detail, Line, Value, command_line},
    ui::{
        Theme, count,
        paint::{Cut, columns, fit},
    },
};
use alertdeck_evidence::{Description, Node, NodeId, Piece};
use alertdeck_model::{Indicator, IndicatorKind, Verdict, one_line};

/// The minimum pane width at which counts are shown.
const COUNTS_FROM: u16 = 50;
/// The minimum pane width at which device counts are shown too.
const DEVICES_FROM: u16 = 64;
/// The minimum width of a name next to the full state.
pub(super) const MIN_NAME: usize = 16;
/// The minimum width of a name next to a verdict.
const SHORTEST_NAME: usize = 6;
/// The minimum width of a matching value with its property name.
const MIN_NOTE: usize = 24;
/// The width reserved around a hit for ellipses and separators.
const HIT_MARGIN: usize = 8;
/// The minimum width of a fact.
const MIN_FACT: usize = 10;
/// The number of characters kept at each end of a truncated hash.
const HASH_ENDS: usize = 8;
/// The assumed maximum number of characters per column. A letter with combining marks has several.
const CHARACTERS: usize = 5;

pub(super) fn draw(
    app: &App,
    painter: &mut Painter<'_>,
    detail: &Detail,
    (line, id): (&Line, NodeId),
    pane: u16,
    area: Area,
) {
    let theme = painter.theme;
    let (node, description) = (detail.body.tree.node(id), detail.body.tree.describe(id));
    let kind = Some(node.kind.raw());

    let counted = detail.counted(line).filter(|what| pane >= COUNTS_FROM && app.alerts_with(what) > 0);
    let counts = counted.map(|what| counts(app, what, description, pane, theme.symbols.dot));
    let counts = counts.unwrap_or_default();
    // Counts are never truncated; the text before them is shortened instead.
    let room = match columns(&counts) {
        0 => usize::from(area.width),
        width => usize::from(area.width).saturating_sub(width + 2),
    };

    let mut head = vec![Span::new(format!("{} ", node.label()), theme.dim)];
    match &*description.main {
        [] => head.push(Span::new("(unnamed)", theme.dim)),
        pieces => head.extend(pieces.iter().map(|piece| piece_span(app, kind, piece, theme.text))),
    }
    let mut name: usize = head.iter().map(Span::width).sum();

    let count = (node.items.len() > 1).then(|| Span::new(format!("  ×{}", node.items.len()), theme.dim));
    let width = |parts: &[&Option<Span>]| parts.iter().copied().flatten().map(Span::width).sum::<usize>();
    let state = state_beside(node, theme, name.min(MIN_NAME) + width(&[&count]), room);
    if description.is_rewritten
        && let (Some(destination), [label, link]) = (description.facts.first(), &mut *head)
    {
        // A mail gateway has rewritten this link. Its destination is more important than the
        // rewritten form and the type.
        let after = columns(&destination.text.head()) + 2 + width(&[&count, &state]);
        let (label, beside) = (label.width(), room.saturating_sub(after));
        let shortest = link.width().min(MIN_NAME);
        if label + shortest <= beside {
            shorten(link, beside - label, theme.symbols.cut);
        } else if shortest <= beside {
            shorten(link, beside, theme.symbols.cut);
            head.remove(0);
        } else {
            head = vec![piece_span(app, kind, destination, theme.text)];
        }
        name = head.iter().map(Span::width).sum();
    }
    if name + width(&[&count, &state]) > room && head.len() > 1 && !description.main.is_empty() {
        // Omit the type before truncating the name.
        name -= head.remove(0).width();
    }
    let left = room.saturating_sub(name + width(&[&count, &state]));
    let near = detail.body.alert.as_ref().ok().and_then(|alert| alert.first_activity.or(alert.created));
    let time = node.time.map(|at| Span::new(format!("  {}", app.clock.short(at, near)), theme.dim));
    let time = time.filter(|time| time.width() <= left);
    let for_facts = left - width(&[&time]);
    let below = command_line(description);
    let is_name = |fact: &Piece| description.is_rewritten && head[0].text == fact.text.head_cow();
    let facts = description.facts.iter().filter(|fact| below != Some(&fact.text) && !is_name(fact));
    let facts: Vec<_> = facts.map(|fact| piece_span(app, kind, fact, theme.dim)).collect();
    let facts = fit_facts(facts, for_facts, theme.symbols.cut);

    let for_name = room.saturating_sub(width(&[&count, &time, &state]));
    let shown = facts.iter().scan(name, |end, fact| {
        *end += fact.width() + 2;
        (*end <= for_name).then_some(fact)
    });
    let texts: Vec<_> = head.iter().chain(shown).map(|span| &*span.text).collect();
    let is_below =
        || detail.find.as_ref().is_some_and(|find| !find.ranges(&detail.command_lines(line)).is_empty());
    let elsewhere = hidden_hit(detail, line, &texts, for_name).filter(|_| !is_below());
    let put = |painter: &mut Painter<'_>, used: usize, room: usize, spans: Vec<Span>| {
        let spans: Vec<_> =
            spans.into_iter().flat_map(|span| highlight_hits(detail, painter, span)).collect();
        used + usize::from(painter.put_spans(area.x + used as u16, area.y, room as u16, &spans))
    };
    if let Some(value) = elsewhere {
        // The line would not show the hit otherwise, so show it before anything else.
        let room = usize::from(area.width);
        let used = put(painter, 0, name.min(MIN_NAME.max(room / 3)), head);
        let hit = detail.find.as_ref().map_or(0, |find| columns(find.text()) + HIT_MARGIN);
        let state = state_of(node, theme, room.saturating_sub(used + MIN_NOTE.max(hit)));
        let rest = room.saturating_sub(used + width(&[&state]));
        // The hit is more important than the property's name, and the last segment of the path is
        // more important than the rest.
        let for_path = (rest / 2).min(rest.saturating_sub(hit));
        let path = match &*value.label {
            path if columns(path) > for_path => path.rsplit(['.', ' ']).next().unwrap_or(path),
            path => path,
        };
        let path = fit(path, for_path.max(SHORTEST_NAME), theme.symbols.cut).text;
        let note = Span::new(format!("  {} {path}: ", theme.symbols.cut), theme.dim);
        let text = excerpt(
            detail,
            painter,
            first_hit(detail, value.text.as_str()),
            rest.saturating_sub(note.width()),
        );
        let used = put(painter, used, rest, std::iter::once(note).chain(text).collect());
        put(painter, used, room.saturating_sub(used), state.into_iter().collect());
        return;
    }
    painter.put_right(area.x + area.width, area.y, area.width, &counts, theme.dim);
    let (mut used, mut rest) = (put(painter, 0, for_name, head), for_facts);
    for fact in facts {
        if rest < MIN_FACT + 2 {
            break;
        }
        let end = put(painter, used + 2, rest - 2, vec![fact]);
        rest -= end - used;
        used = end;
    }
    let tail: Vec<_> = [count, time, state].into_iter().flatten().collect();
    painter.put_spans(area.x + used as u16, area.y, area.width.saturating_sub(used as u16), &tail);
}

/// Returns a piece of a node's line, with the filter's matches underlined.
fn piece_span<'a>(app: &App, kind: Option<&str>, piece: &'a Piece, style: Style) -> Span<'a> {
    matched(app, (kind, &piece.path), piece.text.head_cow(), style)
}

/// Returns a node's verdict and remediation state. If they do not both fit in `room` columns,
/// returns only the verdict or, if that does not fit either, `None`.
fn state_of(node: &Node, theme: &Theme, room: usize) -> Option<Span<'static>> {
    let full = node.state().map(|words| Span::new(format!("  [{words}]"), theme.verdict(&node.verdict)));
    full.into_iter().chain(verdict_of(node, theme)).find(|state| state.width() <= room)
}

/// Returns the state in a form that fits next to `used` columns. The verdict is always shown, and
/// the name is truncated to make room for it.
pub(super) fn state_beside(node: &Node, theme: &Theme, used: usize, room: usize) -> Option<Span<'static>> {
    state_of(node, theme, room.saturating_sub(used))
        .or_else(|| verdict_of(node, theme).filter(|verdict| verdict.width() + SHORTEST_NAME <= room))
}

fn verdict_of(node: &Node, theme: &Theme) -> Option<Span<'static>> {
    let verdict = &node.verdict;
    (*verdict != Verdict::Unknown)
        .then(|| Span::new(format!("  [{}]", verdict.words()), theme.verdict(verdict)))
}

/// Draws one of the alert's indicators with its counts.
pub(super) fn draw_indicator(app: &App, painter: &mut Painter<'_>, detail: &Detail, at: usize, area: Area) {
    /// The width of the longest kind, including a space.
    const KIND: u16 = 10;
    let theme = painter.theme;
    let indicators = &detail.body.indicators;
    let Some(Indicator { kind, value }) = indicators.get(at) else { return };
    if at == 0 || indicators[at - 1].kind != *kind {
        painter.put(area.x, area.y, KIND - 1, kind.field(), theme.dim);
    }
    let (x, mut room) = (area.x + KIND, area.width.saturating_sub(KIND));
    let what = &indicators[at];
    if app.alerts_with(what) > 0 {
        // Use the same form on all lines, so that they are easy to compare.
        let dot = theme.symbols.dot;
        let form = match area.width {
            100.. => count::Form::Long,
            70.. => count::Form::Short,
            _ => count::Form::Devices,
        };
        let known = count::fitting(app, what, dot, form, usize::from(room * 3 / 5));
        let used = painter.put_right(area.x + area.width, area.y, room, &known, theme.dim);
        room = room.saturating_sub(used + 2);
    }
    let text = cut_middle(&value.head(), usize::from(room), theme.symbols.cut);
    painter.put_spans(x, area.y, room, &highlight_hits(detail, painter, Span::new(text, theme.text)));
}

/// Returns the value that contains the line's hit, unless the hit is already visible when the
/// `shown` strings are drawn side by side in `room` columns.
pub(super) fn hidden_hit(detail: &Detail, line: &Line, shown: &[&str], room: usize) -> Option<Value> {
    let find = detail.find.as_ref().filter(|find| find.is_hit(line))?;
    let mut from = 0;
    for text in shown {
        let first = find.ranges(text).into_iter().next();
        if first.is_some_and(|hit| from + columns(&text[..hit.end]) <= room) {
            return None;
        }
        from += columns(text);
    }
    detail.found_value(line)
}

/// Returns the text together with its first hit, if any.
pub(super) fn first_hit<'a>(detail: &Detail, text: &'a str) -> (&'a str, Option<Range<usize>>) {
    (text, detail.find.as_ref().and_then(|find| find.first_range(text)))
}

/// Returns the part of the text around the hit. The text may be of any length.
pub(super) fn excerpt(
    detail: &Detail,
    painter: &Painter<'_>,
    (text, hit): (&str, Option<Range<usize>>),
    room: usize,
) -> Vec<Span<'static>> {
    let theme = painter.theme;
    // Avoid measuring several megabytes of text.
    let is_beyond = |hit: &Range<usize>| {
        let text = &text[..hit.end];
        text.chars().nth(room * CHARACTERS).is_some() || columns(text) > room
    };
    let from = hit.filter(is_beyond).map_or(0, |hit| {
        // Keep some text before the hit if there is room next to the ellipses.
        let beside = room.saturating_sub(columns(&text[hit.clone()]) + 2).min(room / 4);
        let before = text[..hit.start].char_indices().rev().take(beside).last();
        before.map_or(hit.start, |(at, _)| at)
    });
    let sign = if from > 0 { theme.symbols.cut } else { "" };
    // Take one character more than fits, so that truncated text gets an ellipsis.
    let part: String = text[from..].chars().take(room * CHARACTERS + 1).collect();
    let part = format!("{sign}{}", one_line(&part));
    // Truncate the text before splitting it at hits, since a cut between two spans would get no
    // ellipsis.
    let part = fit(&part, room, theme.symbols.cut).text.into_owned();
    highlight_hits(detail, painter, Span::new(part, theme.text))
}

/// Fits facts into `room` columns. A hash, which identifies the entity, comes first and is
/// truncated in the middle.
fn fit_facts<'a>(mut facts: Vec<Span<'a>>, room: usize, sign: &str) -> Vec<Span<'a>> {
    let total: usize = facts.iter().map(|fact| fact.width() + 2).sum();
    if total <= room {
        return facts;
    }
    facts.sort_by_key(|fact| hash_in(&fact.text).is_none());
    let shorten = |mut fact: Span<'a>| {
        if let Some(at) = hash_in(&fact.text) {
            let width = at + HASH_ENDS * 2 + columns(sign);
            // A hash may use any room left by the other facts.
            let width = width.max(room.saturating_sub(2).saturating_sub(total - fact.width() - 2));
            let width = width.min(room.saturating_sub(2));
            let text = cut_middle(&fact.text, width, sign);
            if text != fact.text {
                fact = Span::new(text, fact.style);
            }
        }
        fact
    };
    facts.into_iter().map(shorten).collect()
}

/// Truncates a span to `width` columns.
fn shorten(span: &mut Span<'_>, width: usize, sign: &str) {
    let Cut { text, kept } = fit(&span.text, width, sign);
    if kept < span.text.len() {
        span.text = text.into_owned().into();
        span.matched.retain(|matched| matched.end <= kept);
    }
}

/// Returns the index of the hash at the end of the text, if there is one.
fn hash_in(text: &str) -> Option<usize> {
    let at = text.rfind(' ').map_or(0, |at| at + 1);
    let word = &text[at..];
    (word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(at)
}

/// Truncates text to `width` columns: a hash in the middle, everything else at the end.
fn cut_middle(text: &str, width: usize, sign: &str) -> String {
    match hash_in(text) {
        Some(at) if columns(text) > width && width >= at + 4 + columns(sign) => {
            let room = width - at - columns(sign);
            let (head, tail) = (room.div_ceil(2), room / 2);
            format!("{}{sign}{}", &text[..at + head], &text[text.len() - tail..])
        }
        _ => fit(text, width, sign).text.into_owned(),
    }
}

/// Returns the counts for a node. If the node's hash is counted but the node has a different name,
/// labels the counts with `hash`.
fn counts(app: &App, what: &Indicator, description: &Description, pane: u16, dot: &str) -> String {
    let form = if pane >= DEVICES_FROM { count::Form::Devices } else { count::Form::Alerts };
    let counts = count::fitting(app, what, dot, form, usize::from(pane / 2));
    match what.kind {
        IndicatorKind::Hash if description.name() != what.value.head() => format!("hash: {counts}"),
        _ => counts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_cut_in_the_middle_and_other_texts_at_the_end() {
        let hash = format!("sha256 {}{}", "a".repeat(32), "b".repeat(32));
        assert_eq!(cut_middle(&hash, 71, "…"), hash);
        assert_eq!(cut_middle(&hash, 24, "…"), "sha256 aaaaaaaa…bbbbbbbb");
        assert_eq!(cut_middle(&hash, 9, "…"), "sha256 a…");
        assert_eq!(cut_middle("run --with much", 9, "…"), "run --wi…");
        assert_eq!(cut_middle("不審な振る舞い", 5, "…"), "不審…");
    }
}
