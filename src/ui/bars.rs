//! The lines at the top and the bottom: header, filter, keys.

use ratatui::style::{Modifier, Style};

use super::paint::{Painter, Span, columns, fit};
use crate::app::{App, Area, Editor, FailureKind, Fresh, Phase, Shape, thousands, utc};
use alertdeck_graph::WaitCause;
use alertdeck_model::SafeText;
use alertdeck_store::Count;

/// What is left of a tenant's name at least, in columns.
const LEAST_TENANT: usize = 8;

/// Whose alerts these are, how many match, how complete the list is. What matters least goes
/// first when the line gets short; tenant, mode, counts and completeness stay.
pub(super) fn header(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    let wide = app.layout().shape == Shape::Wide;
    let dot = theme.symbols.dot;
    let (mut done, done_style) = completeness(app, painter);
    let loaded = app.loaded_of_list();
    // What is being typed speaks of all that is held, as a look does.
    let asked = app.filter.shows_asked();
    let held = thousands(loaded.held);
    let counts = match loaded.total.map(thousands) {
        _ if !asked => app.coverage().words(),
        Some(total) if wide => format!("{held} of {total} loaded"),
        Some(total) => format!("{held}/{total}"),
        None => format!("{held} loaded"),
    };
    // How far it is with a list that is held from before.
    if let Some(read) = loaded.read.filter(|read| *read > 0) {
        done = format!("{done}, {} read", thousands(read));
    }
    let found = match app.view.count() {
        Count::Exact(count) => format!("{} match", thousands(count)),
        Count::AtLeast(count) => format!("{}+ match", thousands(count)),
    };
    let mut left = Vec::new();
    if wide {
        left.push(Span::new("alertdeck ", theme.dim));
    }
    left.push(Span::new(app.settings.tenant.as_str(), theme.strong));
    if wide {
        left.push(Span::new(format!(" {dot} {}", app.settings.origin), theme.dim));
    }
    left.push(Span::new(
        if wide { format!(" {dot} READ-ONLY   ") } else { " READ-ONLY  ".into() },
        theme.dim,
    ));
    left.push(Span::new(found, theme.text));
    // Coverage goes on in words of its own: `16 match of 300 loaded`.
    let joint = if asked { format!(" {dot} ") } else { " ".into() };
    left.push(Span::new(joint + &counts, theme.text));
    // A list that is whole says nothing of what else is held.
    if asked || app.load.phase != Phase::Complete || app.sign_in.out {
        left.push(Span::new(format!(" {dot} "), theme.dim));
        left.push(Span::new(done, done_style));
    }
    // A tenant with a long name gives way to how complete its list is.
    let excess = left.iter().map(Span::width).sum::<usize>().saturating_sub(usize::from(area.width));
    if excess > 0 {
        let tenant = &mut left[usize::from(wide)];
        let room = tenant.width().saturating_sub(excess).max(LEAST_TENANT);
        *tenant = Span::new(fit(&tenant.text, room, theme.symbols.cut).text.into_owned(), theme.strong);
    }
    if let Some(partial) = &app.load.partial {
        left.push(Span::new(format!(" {dot} partial: {}", partial.line()), theme.bad));
    }
    // Only what the filter shows: live mode brings all that has changed.
    let new = app.list.fresh.iter().filter(|(_, fresh)| **fresh == Fresh::New);
    let new = new.filter(|(row, _)| !app.view.is_stale(**row));
    let places: Vec<_> = new.filter_map(|(row, _)| app.view.position(&app.store, *row)).collect();
    let count = places.len();
    let above = if places.iter().any(|at| *at < app.list.scroll.top) { theme.symbols.above } else { "" };
    if count > 0 {
        left.push(Span::new(format!(" {dot} {} new {above}", thousands(count)), theme.accent));
    }
    let mut clock = app.clock.minute();
    if app.load.poll.live {
        clock = format!("live {clock}");
    }
    // That live mode is on is worth more than the time.
    let left_over = usize::from(area.width).saturating_sub(left.iter().map(Span::width).sum());
    if app.load.poll.live && left_over < columns(&clock) + 1 {
        clock = "live".into();
    }
    // The profile where it says more than the tenant does, then the account, where there is room:
    // what stands before the counts never makes them go.
    let width = usize::from(area.width);
    let taken: usize = left.iter().map(Span::width).sum::<usize>() + columns(&clock) + 2;
    let profile = Span::new(format!(" {dot} {}", app.settings.profile), theme.dim);
    let named = !app.settings.profile.is_empty() && app.settings.profile != app.settings.tenant;
    let with_profile = wide && named && taken + profile.width() <= width;
    let taken = taken + if with_profile { profile.width() } else { 0 };
    if with_profile {
        left.insert(2, profile);
    }
    let account = app.sign_in.identity.as_ref().and_then(|identity| identity.account.as_ref());
    if let Some(account) = account.map(SafeText::head)
        && wide
        && taken + columns(&account) + 2 <= width
    {
        clock = format!("{account}  {clock}");
    }
    let room = area.width.saturating_sub(columns(&clock) as u16 + 1);
    let used = painter.put_spans(area.x, area.y, area.width, &left);
    if used <= room {
        painter.put_right(area.x + area.width, area.y, area.width - used, &clock, theme.dim);
    }
}

/// How complete the list is, in a word or two.
fn completeness(app: &App, painter: &Painter<'_>) -> (String, Style) {
    let theme = painter.theme;
    match &app.load.phase {
        _ if app.sign_in.out => ("signed out".into(), theme.bad),
        Phase::Failed { failure, .. } if failure.kind == FailureKind::SignIn => {
            ("no access".into(), theme.bad)
        }
        Phase::Idle => (String::new(), theme.dim),
        Phase::Loading => ("loading".into(), theme.accent),
        Phase::Waiting { until, why } => {
            let left = until.saturating_sub(app.clock.now.mono).as_secs_f64().ceil();
            let what = if let WaitCause::Retry { .. } = why { "retry in" } else { "wait" };
            (format!("{what} {left:.0}s"), theme.bad)
        }
        Phase::Complete if app.load.partial.is_some() => ("incomplete".into(), theme.bad),
        Phase::Complete => ("complete".into(), theme.dim),
        Phase::Stopped => ("stopped".into(), theme.bad),
        Phase::Failed { failure, .. } if failure.kind == FailureKind::Offline => {
            let since =
                app.load.whole_at.map_or_else(String::new, |at| format!(" as of {}Z", &utc(at)[11..16]));
            (format!("offline{since}"), theme.bad)
        }
        Phase::Failed { .. } => ("incomplete".into(), theme.bad),
    }
}

/// Why nothing comes at the moment, as a sentence.
pub(super) fn waiting(app: &App) -> Option<String> {
    match &app.load.phase {
        _ if app.sign_in.out && app.sign_in.stage.is_none() => {
            Some(format!("signed out: press {} to sign in", app.ui.keymap.key("panes.profiles")))
        }
        Phase::Waiting { until, why } => {
            let left = until.saturating_sub(app.clock.now.mono).as_secs_f64().ceil();
            Some(match why {
                WaitCause::Throttled => {
                    format!("throttled by the service, next page in {left:.0} s; Esc stops")
                }
                WaitCause::Budget => {
                    format!("this minute's requests are used up, next page in {left:.0} s; Esc stops")
                }
                WaitCause::Retry { failure, .. } => {
                    format!("{failure}; next try in {left:.0} s; Esc stops")
                }
                WaitCause::Recheck => format!("the change does not show yet, checking again in {left:.0} s"),
            })
        }
        Phase::Failed { failure, retry_at } => Some(match retry_at {
            Some(at) => {
                let left = at.saturating_sub(app.clock.now.mono).as_secs_f64().ceil();
                format!("next try in {left:.0} s, ! tries now: {}", failure.line)
            }
            None => format!("! tries again: {}", failure.line),
        }),
        _ => None,
    }
}

/// The filter with its faults underlined, and who carries it out. Returns where the caret is.
pub(super) fn filter(app: &App, painter: &mut Painter<'_>, area: Area) -> Option<u16> {
    let theme = painter.theme;
    let editing = app.filter.editor.is_some();
    let label = if editing { theme.accent } else { theme.dim };
    let mut x = area.x + painter.put(area.x, area.y, area.width, "filter", label);
    x += painter.put(x, area.y, area.width, &format!(" {} ", theme.symbols.prompt), label);
    let status = match (&app.filter.plan, app.filter.is_sound()) {
        (_, false) => "fault",
        _ if !app.filter.is_asked() => "loaded, r asks",
        (None, _) => "all",
        (Some(_), _) if !app.settings.service => "here",
        (Some(plan), _) => match (plan.pushed.is_some(), plan.local.is_some()) {
            (true, false) => "server",
            (true, true) => "server+here",
            (false, _) => "here",
        },
    };
    let right = area.x + area.width;
    let room = right.saturating_sub(x + status.len() as u16 + 2);
    let text = app.filter.text();
    // A filter longer than the bar is shown around the caret.
    let caret = app.filter.editor.as_ref().map(Editor::cursor);
    let before: String = text.chars().take(caret.unwrap_or(0)).collect();
    let hidden = shown_width(&before).saturating_sub(usize::from(room).saturating_sub(1));
    let skipped = skip(text, hidden);
    let hidden = shown_width(&text[..skipped]);
    let shown = SafeText::new(&text[skipped..]).line();
    if text.is_empty() && !editing {
        painter.put(x, area.y, room, &format!("none; {} edits", app.ui.keymap.key("list.filter")), theme.dim);
    } else {
        painter.put(x, area.y, room, &shown, theme.text);
        if skipped > 0 {
            painter.put_cut(x, area.y, room, theme.text);
        }
    }
    for fault in &app.filter.diagnostics {
        let column =
            |byte: usize| text.get(..byte.min(text.len())).map_or(0, shown_width).saturating_sub(hidden);
        let from = column(fault.span.start);
        let width = column(fault.span.end).saturating_sub(from).max(1);
        let style = theme.bad.add_modifier(Modifier::UNDERLINED);
        let room = usize::from(room).saturating_sub(from).min(width);
        painter.raise(x + from as u16, area.y, room as u16, style);
    }
    let style = if app.filter.is_sound() { theme.dim } else { theme.bad };
    painter.put_right(right, area.y, status.len() as u16, status, style);
    caret.map(|_| x + shown_width(&before).saturating_sub(hidden) as u16)
}

/// Returns the columns that a part of the filter takes once what is hidden in it is shown.
pub(super) fn shown_width(text: &str) -> usize {
    columns(&SafeText::new(text).line())
}

/// Returns the first place from which on `width` columns are left out.
pub(super) fn skip(text: &str, width: usize) -> usize {
    if width == 0 {
        return 0;
    }
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let first = places.partition_point(|at| shown_width(&text[..*at]) < width);
    places.get(first).copied().unwrap_or(text.len())
}

/// What the filter compiles to, or what is wrong with it.
pub(super) fn compiled(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    if let Some(fault) = app.filter.diagnostics.first() {
        // The fix first: a list of all that is expected may be longer than the line.
        let fix = match (&fault.fix, &fault.suggestion) {
            (Some((_, fix)), _) if fix.is_empty() => Some("  Tab drops it".into()),
            (Some((_, fix)), _) => Some(format!("  Tab: {}", SafeText::new(fix).line())),
            (None, Some(suggestion)) => Some(format!("  did you mean {suggestion}?")),
            (None, None) => None,
        };
        let mut spans: Vec<_> = fix.map(|fix| Span::new(fix, theme.accent)).into_iter().collect();
        spans.push(Span::new(format!("  {}", SafeText::new(&fault.message).line()), theme.bad));
        painter.put_spans(area.x, area.y, area.width, &spans);
        return;
    }
    let mut spans = Vec::new();
    if let Some(grouped) = &app.filter.grouped {
        spans.push(Span::new("  reads ", theme.dim));
        spans.push(Span::new(SafeText::new(grouped).line(), theme.text));
    }
    if let Some(plan) = &app.filter.plan {
        if app.settings.service
            && let Some(pushed) = &plan.pushed
        {
            spans.push(Span::new("  $filter ", theme.dim));
            spans.push(Span::new(SafeText::new(&pushed.to_string()).line(), theme.dim));
        }
        let local =
            if app.settings.service { plan.local.clone() } else { Some(app.filter.text().to_owned()) };
        if let Some(local) = local {
            // The whole filter stands above already.
            let local = if local == app.filter.text().trim() { "all of it" } else { &local };
            spans.push(Span::new("  here ", theme.dim));
            spans.push(Span::new(SafeText::new(local).line(), theme.dim));
        }
    }
    painter.put_spans(area.x, area.y, area.width, &spans);
}

/// How many alerts are marked, and how many rows the range covers that is being marked, at the
/// right end of the line. Returns what is left of it.
fn marks(app: &App, painter: &mut Painter<'_>, area: Area) -> Area {
    /// Room that the rest of the line keeps.
    const LEAST: u16 = 12;
    let range = app.range().map(|range| match range.count() {
        1 => "range: 1 row".to_owned(),
        rows => format!("range: {} rows", thousands(rows)),
    });
    let marked = (!app.marks.is_empty()).then(|| match app.marks.hidden() {
        0 => format!("{} marked", thousands(app.marks.len())),
        hidden => format!("{} marked ({} hidden)", thousands(app.marks.len()), thousands(hidden)),
    });
    let text = range.into_iter().chain(marked).collect::<Vec<_>>().join(", ");
    let width = columns(&text) as u16;
    if text.is_empty() || width + LEAST > area.width {
        return area;
    }
    painter.put_right(area.x + area.width, area.y, width, &text, painter.theme.strong);
    Area { width: area.width - width - 2, ..area }
}

/// The keys that matter here, or what the user is told.
pub(super) fn keys(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    let area = marks(app, painter, area);
    if let Some(notice) = app.ui.notices.current() {
        painter.put(
            area.x,
            area.y,
            area.width,
            &notice.text,
            if notice.error { theme.bad } else { theme.accent },
        );
        return;
    }
    if let Some(why) = app.sign_in.waits() {
        let when =
            if app.ui.overlay().is_some() { "Esc, then sign in" } else { "Enter or Esc, then sign in" };
        painter.put(area.x, area.y, area.width, &format!("{when}: {why}"), theme.bad);
        return;
    }
    // An empty list says so itself.
    let told = app.view.rows().is_empty() && app.layout().list.is_some();
    if !told
        && app.ui.overlay().is_none()
        && app.filter.editor.is_none()
        && let Some(trouble) = waiting(app)
    {
        painter.put(area.x, area.y, area.width, &trouble, theme.bad);
        return;
    }
    let hints = app.hints();
    let width = |(key, word): &(String, &str)| (columns(key) + columns(word) + 1) as u16;
    let Some((last, others)) = hints.split_last() else { return };
    // The way out, or to the other keys, stands in a short line too.
    let room = (area.x + area.width).saturating_sub(width(last));
    let mut taken = area.x;
    let fitting = others.iter().take_while(|hint| {
        taken += width(hint) + 2;
        taken <= room
    });
    let mut x = area.x;
    for (key, word) in fitting.chain([last]) {
        x += painter.put(x, area.y, area.width, key, theme.accent) + 1;
        x += painter.put(x, area.y, area.width, word, theme.dim) + 2;
    }
}
