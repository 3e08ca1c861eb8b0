//! The lines at the top and bottom of the screen: header, filter bar and key bar.

use ratatui::style::Modifier;

use super::{
    completeness::{completeness, waiting},
    paint::{Painter, Span, columns, fit},
};
use crate::{
    app::{App, Area, Editor, Feed, Groups, Phase, Shape, thousands},
    triage::WriteMode,
};
use alertdeck_model::SafeText;
use alertdeck_store::Count;

/// The minimum width for the tenant's name.
const MIN_TENANT: usize = 9;
/// The minimum header width at which the coverage of the loaded alerts is described in full.
const FULL_HEADER: u16 = 70;
/// The minimum width of the match count, so that `1 match` and `filtering` do not shift the text
/// after it.
const MATCHES: usize = "0 matches".len();

/// Draws the header: tenant, matches, completeness. If the line is too short, the least important
/// parts are omitted first. The tenant, mode, counts and completeness are always shown
/// (docs/console.md, "Header").
pub(super) fn header(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    let wide = app.layout().shape == Shape::Wide;
    let dot = theme.symbols.dot;
    let (mut progress, progress_style) = completeness(app, painter);
    let loaded = app.list_progress();
    // A filter being typed applies to all loaded alerts, as a pivot does.
    let requested = app.filter.shows_requested();
    let loaded_count = thousands(loaded.loaded);
    let short = area.width < FULL_HEADER;
    let counts = match loaded.total.map(thousands) {
        _ if !requested => app.coverage().summary(dot, short),
        Some(total) if wide => format!("{loaded_count} of {total} loaded"),
        Some(total) => format!("{loaded_count}/{total}"),
        None => format!("{loaded_count} loaded"),
    };
    // Show the progress of rereading a loaded list.
    if let Some(read) = loaded.read.filter(|read| *read > 0) {
        progress = format!("{progress}, {} read", thousands(read));
    }
    let found = match app.view.count() {
        Count::Exact(1) => "1 match".to_owned(),
        Count::Exact(count) => match app.groups.as_ref().map(Groups::len) {
            Some(groups) if groups > 1 => {
                format!("{} matches, {} groups", thousands(count), thousands(groups))
            }
            _ => format!("{} matches", thousands(count)),
        },
        Count::AtLeast(count) => format!("{}+ matches", thousands(count)),
        Count::Pending => "filtering".to_owned(),
    };
    let mut left = Vec::new();
    if wide {
        left.push(Span::new("alertdeck ", theme.dim));
    }
    left.push(Span::new(app.tenant_names(), theme.strong));
    let origin = &app.feed().settings.origin;
    if wide && app.feeds.iter().all(|feed| feed.settings.origin == *origin) {
        left.push(Span::new(format!(" {dot} {origin}"), theme.dim));
    }
    let writes = app.feeds.iter().filter(|feed| feed.settings.writes == WriteMode::On).count();
    let (mode, style) = match writes {
        0 => ("READ-ONLY".to_owned(), theme.dim),
        some if some < app.feeds.len() => (format!("WRITE {some} of {}", app.feeds.len()), theme.strong),
        _ => ("WRITE".to_owned(), theme.strong),
    };
    // Pad the mode, so that a different mode does not shift the text after it.
    let mode = format!("{mode:<9}");
    left.push(Span::new(if wide { format!(" {dot} ") } else { " ".into() }, theme.dim));
    left.push(Span::new(mode, style));
    left.push(Span::new(if wide { "   " } else { "  " }, theme.dim));
    left.push(Span::new(format!("{found:>MATCHES$}"), theme.text));
    // The coverage continues the phrase, as in `16 matches in 300 loaded`, and keeps its position.
    let separator = match app.view.count() {
        _ if requested => format!(" {dot} "),
        Count::Exact(_) | Count::AtLeast(_) => " in ".to_owned(),
        Count::Pending => "    ".to_owned(),
    };
    let counts_at = left.len();
    left.push(Span::new(separator.clone() + &counts, theme.text));
    // If the list shows loaded alerts only, `counts` already describes what it covers.
    let is_complete = |feed: &Feed| feed.list.phase() == &Phase::Complete && !feed.sign_in.signed_out;
    if requested || !app.feeds.iter().all(is_complete) {
        left.push(Span::new(format!(" {dot} "), theme.dim));
        left.push(Span::new(progress, progress_style));
    }
    // Count only matching alerts, since live polls return all changes.
    let count = app.list.new.common(app.view.matching());
    let mut above_window = app.lines().from(0).take(app.list.scroll.top);
    let is_new = |row: alertdeck_store::Row| app.list.new.contains(row) && !app.view.is_stale(row);
    let above = if count > 0 && above_window.any(is_new) { theme.symbols.above } else { "" };
    let new =
        (count > 0).then(|| Span::new(format!(" {dot} {} new {above}", thousands(count)), theme.accent));
    let needed: usize = left.iter().chain(&new).map(Span::width).sum();
    // The total adds no information once everything is loaded.
    let is_all = loaded.total.is_none_or(|total| total == loaded.loaded);
    if short && requested && is_all && needed > usize::from(area.width) {
        left[counts_at] = Span::new(separator + &loaded_count, theme.text);
    }
    // Truncate a long tenant name to make room for the completeness.
    let excess = left.iter().map(Span::width).sum::<usize>().saturating_sub(usize::from(area.width));
    if excess > 0 {
        let tenant = &mut left[usize::from(wide)];
        let room = tenant.width().saturating_sub(excess);
        if app.feeds.len() > 1 {
            // A truncated list of names is less informative than the number of tenants.
            *tenant = Span::new(format!("{} tenants", app.feeds.len()), theme.strong);
        }
        let room = room.max(MIN_TENANT);
        *tenant = Span::new(fit(&tenant.text, room, theme.symbols.cut).text.into_owned(), theme.strong);
    }
    let partial = app.feeds.iter().find_map(|feed| Some((feed.id, feed.list.partial()?)));
    if let Some((feed, partial)) = partial {
        let is_said = requested && app.feeds.len() == 1 && app.feed().list.phase() == &Phase::Complete;
        let what = match partial.line() {
            reason if is_said => format!(": {reason}"),
            reason => format!(" {dot} {}", app.about(feed, &format!("partial: {reason}"))),
        };
        left.push(Span::new(what, theme.error));
    }
    left.extend(new);
    // Whether the list is live is more important than the time.
    let left_over = usize::from(area.width).saturating_sub(left.iter().map(Span::width).sum());
    let (mut clock, without_time) = clocks(app, wide);
    if left_over < columns(&clock) + 1 {
        clock = without_time.map_or(clock, str::to_owned);
    }
    let is_failing = app.feeds.iter().any(Feed::poll_fails);
    // If there is room, add the profile (if its name differs from the tenant's) and then the
    // account. Neither may shift the counts.
    let width = usize::from(area.width);
    let used: usize = left.iter().map(Span::width).sum::<usize>() + columns(&clock) + 2;
    let single = Some(app.feed()).filter(|_| app.feeds.len() == 1);
    let profile = Span::new(format!(" {dot} {}", app.feed().settings.profile), theme.dim);
    let is_named =
        |feed: &Feed| !feed.settings.profile.is_empty() && feed.settings.profile != feed.settings.tenant;
    let with_profile = wide && single.is_some_and(is_named) && used + profile.width() <= width;
    let used = used + if with_profile { profile.width() } else { 0 };
    if with_profile {
        left.insert(2, profile);
    }
    let identity = single.and_then(|feed| feed.sign_in.identity.as_ref());
    let account = identity.and_then(|identity| identity.account.as_ref());
    let account = account.map(SafeText::head).filter(|account| wide && used + columns(account) + 2 <= width);
    let right = area.x + area.width;
    let used = painter.put_spans(area.x, area.y, area.width, &left);
    let clock_width = columns(&clock) as u16;
    if used + clock_width < area.width {
        let style = if is_failing { theme.error } else { theme.dim };
        painter.put_right(right, area.y, clock_width, &clock, style);
        if let Some(account) = account {
            painter.put_right(right - clock_width - 2, area.y, columns(&account) as u16, &account, theme.dim);
        }
    }
}

/// Returns the text at the right end of the header: the current time or, with live polling, when
/// the list was last up to date. Also returns a shorter version without the time, if there is one.
fn clocks(app: &App, wide: bool) -> (String, Option<&'static str>) {
    let polled = || app.feeds.iter().filter(|feed| feed.poll.is_on());
    let failing = polled().find(|feed| feed.poll_fails());
    let oldest = failing.or_else(|| polled().min_by_key(|feed| feed.last_look()));
    let Some(oldest) = oldest else { return (app.clock.minute(app.clock.now.wall), None) };
    let time = |at| if wide { app.clock.time_of_day(at) } else { app.clock.minute(at) };
    let (long, short) = if failing.is_some() { ("not live since", "not live") } else { ("live", "live") };
    match oldest.last_look() {
        Some(at) => (format!("{long} {}", time(at)), Some(short)),
        None => (short.to_owned(), None),
    }
}

/// Draws the saved views and the number of alerts in each. Brackets mark the current one, for
/// terminals without colours.
pub(super) fn tabs(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    for tab in app.tabs(area.width) {
        let [key, name, count] = &tab.parts;
        let (left, right) = if tab.is_current { ("[", "]") } else { (" ", " ") };
        let of_current = |current, other| if tab.is_current { current } else { other };
        let styled = [
            (key, theme.accent),
            (name, of_current(theme.strong, theme.text)),
            (count, of_current(theme.text, theme.dim)),
        ];
        let mut spans = Vec::new();
        for (part, style) in styled.into_iter().filter(|(part, _)| !part.is_empty()) {
            spans.push(Span::new(if spans.is_empty() { left } else { " " }, theme.text));
            spans.push(Span::new(part, style));
        }
        spans.push(Span::new(right, theme.text));
        painter.put_spans(area.x + tab.x, area.y, area.width.saturating_sub(tab.x), &spans);
    }
}

/// Draws the filter bar with errors underlined, and shows where the filter is evaluated. Returns
/// the caret's column if the filter is being edited.
pub(super) fn filter(app: &App, painter: &mut Painter<'_>, area: Area) -> Option<u16> {
    let theme = painter.theme;
    let editing = app.filter.editor.is_some();
    let label = if editing { theme.accent } else { theme.dim };
    let mut x = area.x + painter.put(area.x, area.y, area.width, "filter", label);
    let text = app.filter.text();
    let is_none = text.is_empty() && !editing;
    let prompt = if is_none { ": ".to_owned() } else { format!(" {} ", theme.symbols.prompt) };
    x += painter.put(x, area.y, area.width, &prompt, label);
    let right = area.x + area.width;
    let status = match (app.filter.plan(), app.filter.is_valid()) {
        (_, false) => "error",
        _ if !app.filter.is_requested() => {
            let long = "loaded alerts only (r: query server)";
            let without = without(app);
            let room = usize::from(right.saturating_sub(x));
            let fits = shown_width(text) + columns(&without) + columns(long) + 3 <= room;
            if fits { long } else { "loaded only (r: server)" }
        }
        (None, _) => "all",
        (Some(plan), _) if plan.excludes_feed => "no tenant",
        (Some(_), _) if !app.feed().settings.service => "local",
        (Some(plan), _) => match (plan.pushed.is_some(), plan.local.is_some()) {
            (true, false) => "server",
            (true, true) => "server + local",
            (false, _) => "local",
        },
    };
    let status = format!("{}{status}", without(app));
    let room = right.saturating_sub(x + columns(&status) as u16 + 2);
    // If the filter is longer than the bar, show the part around the caret.
    let caret = app.filter.editor.as_ref().map(Editor::cursor);
    let before: String = text.chars().take(caret.unwrap_or(0)).collect();
    let hidden = shown_width(&before).saturating_sub(usize::from(room).saturating_sub(1));
    let skipped = skip(text, hidden);
    let hidden = shown_width(&text[..skipped]);
    let shown = SafeText::new(&text[skipped..]).line();
    if is_none {
        painter.put(
            x,
            area.y,
            room,
            &format!("none ({} to edit)", app.ui.keymap.key("list.filter")),
            theme.dim,
        );
    } else {
        painter.put(x, area.y, room, &shown, theme.text);
        if skipped > 0 {
            painter.put_cut(x, area.y, room, theme.text);
        }
    }
    for diagnostic in &app.filter.diagnostics {
        let column =
            |byte: usize| text.get(..byte.min(text.len())).map_or(0, shown_width).saturating_sub(hidden);
        let from = column(diagnostic.span.start);
        let width = column(diagnostic.span.end).saturating_sub(from).max(1);
        let style = theme.error.add_modifier(Modifier::UNDERLINED);
        let room = usize::from(room).saturating_sub(from).min(width);
        painter.patch_style(x + from as u16, area.y, room as u16, style);
    }
    let style = if app.filter.is_valid() { theme.dim } else { theme.error };
    painter.put_right(right, area.y, columns(&status) as u16, &status, style);
    caret.map(|_| x + shown_width(&before).saturating_sub(hidden) as u16)
}

/// Returns the part of the status that lists the words excluded by the filter. The user may have
/// meant a word after a hyphen as text rather than as an exclusion.
fn without(app: &App) -> String {
    /// The maximum length of the word list, in characters.
    const MAX_CHARS: usize = 24;
    let excluded = app.filter.plan().filter(|_| app.filter.is_valid()).map_or(&[][..], |plan| &plan.excluded);
    if excluded.is_empty() {
        return String::new();
    }
    let words = SafeText::new(&excluded.join(", ")).line();
    match words.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("without: {}…  ", &words[..end]),
        None => format!("without: {words}  "),
    }
}

/// Returns the width of filter text as shown, with hidden characters replaced by visible marks.
pub(super) fn shown_width(text: &str) -> usize {
    columns(&SafeText::new(text).line())
}

/// Returns the byte index of the first character after `width` columns.
pub(super) fn skip(text: &str, width: usize) -> usize {
    if width == 0 {
        return 0;
    }
    let indices: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let first = indices.partition_point(|at| shown_width(&text[..*at]) < width);
    indices.get(first).copied().unwrap_or(text.len())
}

/// Draws the compiled filter, or its first error.
pub(super) fn compiled(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    if let Some(diagnostic) = app.filter.diagnostics.first() {
        // Show the fix first, since the message may be longer than the line.
        let fix = match (&diagnostic.fix, &diagnostic.suggestion) {
            (Some((_, fix)), _) if fix.is_empty() => Some("  Tab removes it".into()),
            (Some((span, fix)), _) if span.is_empty() => {
                Some(format!("  Tab adds {}", SafeText::new(fix).line()))
            }
            (Some((_, fix)), _) => Some(format!("  Tab: {}", SafeText::new(fix).line())),
            (None, Some(suggestion)) => Some(format!("  did you mean {suggestion}?")),
            (None, None) => None,
        };
        let mut spans: Vec<_> = fix.map(|fix| Span::new(fix, theme.accent)).into_iter().collect();
        spans.push(Span::new(format!("  {}", SafeText::new(&diagnostic.message).line()), theme.error));
        painter.put_spans(area.x, area.y, area.width, &spans);
        return;
    }
    let mut spans = Vec::new();
    if let Some(grouped) = &app.filter.grouped {
        spans.push(Span::new("  parsed as ", theme.dim));
        spans.push(Span::new(SafeText::new(grouped).line(), theme.text));
    }
    if let Some(plan) = app.filter.plan() {
        if app.feed().settings.service
            && let Some(pushed) = &plan.pushed
        {
            let of = match app.filter.plan_feed().and_then(|feed| app.feeds.get(feed)) {
                Some(feed) => format!("  $filter for {} ", feed.name()),
                None => "  $filter ".to_owned(),
            };
            spans.push(Span::new(of, theme.dim));
            spans.push(Span::new(SafeText::new(&pushed.to_string()).line(), theme.dim));
        }
        let local =
            if app.feed().settings.service { plan.local.clone() } else { Some(app.filter.text().to_owned()) };
        if let Some(local) = local {
            // The bar already shows the entire filter.
            let text = match local.as_str() {
                local if local == app.filter.text().trim() => "  filtered locally".to_owned(),
                local => format!("  local {}", SafeText::new(local).line()),
            };
            spans.push(Span::new(text, theme.dim));
        }
    }
    painter.put_spans(area.x, area.y, area.width, &spans);
}

/// Draws the sending progress, the range's row count and the marked-alert count at the right end of
/// the line. Returns the rest of the line.
fn marks(app: &App, painter: &mut Painter<'_>, area: Area) -> Area {
    /// The minimum width to leave for the rest of the line.
    const MIN_REST: u16 = 12;
    let range = app.range().map(|range| match range.count() {
        1 => "range: 1 row".to_owned(),
        rows => format!("range: {} rows", thousands(rows)),
    });
    let marked = (!app.marks.is_empty()).then(|| match app.marks_hidden() {
        0 => format!("{} marked", thousands(app.marks.len())),
        hidden => format!("{} marked ({} hidden)", thousands(app.marks.len()), thousands(hidden)),
    });
    let text = app.sending().into_iter().chain(range).chain(marked).collect::<Vec<_>>().join(", ");
    let width = columns(&text) as u16;
    if text.is_empty() || width + MIN_REST > area.width {
        return area;
    }
    painter.put_right(area.x + area.width, area.y, width, &text, painter.theme.strong);
    Area { width: area.width - width - 2, ..area }
}

/// Drops trailing parts of a sentence such as `retrying: it failed: reason; advice` until the rest
/// fits in `width` columns. Never drops the part after the first colon.
fn whole(sentence: &str, width: usize) -> &str {
    let first = sentence.find(": ").map_or(0, |at| at + 2);
    let mut shown = sentence;
    while columns(shown) > width
        && let Some(at) = shown[first..].rfind("; ").or_else(|| shown[first..].rfind(": "))
    {
        shown = &shown[..first + at];
    }
    shown
}

/// Draws the key bar: a notice, a pending sign-in, a problem, or the keys.
pub(super) fn keys(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    let area = marks(app, painter, area);
    if let Some(notice) = app.ui.notices.current() {
        painter.put(
            area.x,
            area.y,
            area.width,
            &notice.text,
            if notice.error { theme.error } else { theme.accent },
        );
        return;
    }
    let pending = app.feeds.iter().find_map(|feed| Some((feed.id, feed.sign_in.pending_reason()?)));
    if let Some((feed, why)) = pending {
        let when =
            if app.ui.overlay().is_some() { "press Esc to sign in" } else { "press Enter or Esc to sign in" };
        let line = app.about(feed, &format!("{when}: {why}"));
        painter.put(area.x, area.y, area.width, &line, theme.error);
        return;
    }
    // An empty list already shows the reason.
    let shown_in_list = app.view.is_empty() && app.layout().list.is_some();
    if !shown_in_list
        && app.ui.overlay().is_none()
        && app.filter.editor.is_none()
        && let Some(reason) = waiting(app)
    {
        painter.put(area.x, area.y, area.width, whole(&reason, usize::from(area.width)), theme.error);
        return;
    }
    let hints = app.hints();
    let width = |(key, word): &(String, &str)| (columns(key) + columns(word) + 1) as u16;
    let Some((last, others)) = hints.split_last() else { return };
    // Always show the last hint, the closing key, even on a short line.
    let room = (area.x + area.width).saturating_sub(width(last));
    let mut end = area.x;
    let fitting = others.iter().take_while(|hint| {
        end += width(hint) + 2;
        end <= room
    });
    let mut x = area.x;
    for (key, word) in fitting.chain([last]) {
        x += painter.put(x, area.y, area.width, key, theme.accent) + 1;
        x += painter.put(x, area.y, area.width, word, theme.dim) + 2;
    }
}
