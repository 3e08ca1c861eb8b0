//! The sign-in prompt.

use std::time::Duration;

use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::app::{App, Feed, SignInPrompt, SignInWay, Stage, wrap};
use crate::ui::{
    paint::{Painter, Span},
    window::window,
};
use alertdeck_model::SafeText;

/// The maximum width of the prompt's text.
const MAX_WIDTH: usize = 72;
/// The maximum length of a code that is shown with spaces between its characters. The service's
/// codes have nine characters.
const MAX_SPACED_CODE: usize = 16;
/// The column where the values start.
const LABEL: usize = 11;

type Line = Vec<Span<'static>>;

pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect, open: &SignInPrompt) {
    let Some(feed) = app.feeds.get(open.feed) else { return };
    let Some(stage) = &feed.sign_in.stage else { return };
    let width = usize::from(screen.width.saturating_sub(8)).clamp(10, MAX_WIDTH);
    let (title, mut lines) = match stage {
        Stage::Asked { why } => {
            (format!("Sign in to {}", feed.settings.tenant), prompt(app, painter, feed, why, width))
        }
        Stage::Starting(SignInWay::Browser) => {
            ("Sign in with a browser".into(), vec![vec![Span::new("Starting a browser", painter.theme.dim)]])
        }
        Stage::Starting(SignInWay::DeviceCode) => (
            "Sign in with a device code".into(),
            vec![vec![Span::new("Requesting a code", painter.theme.dim)]],
        ),
        Stage::Address { url, opened, until } => {
            ("Sign in with a browser".into(), at_address(app, painter, url, opened, *until, width))
        }
        Stage::Code { code, address, until } => {
            ("Sign in with a device code".into(), by_code(app, painter, (code, address), *until, width))
        }
        Stage::Failed { line, may_retry } => {
            ("Sign-in failed".into(), failed(app, painter, feed, (line, *may_retry), width))
        }
    };
    let title = if app.feeds.len() > 1 && !matches!(stage, Stage::Asked { .. }) {
        format!("{title} {} {}", painter.theme.symbols.dot, feed.name())
    } else {
        title
    };
    // Keep the list visible around the prompt.
    let height = lines.len().min(usize::from(screen.height.saturating_sub(4)).max(1));
    if lines.len() > height
        && let (Stage::Address { .. }, Some(last)) = (stage, lines.get_mut(height - 1))
    {
        let what = format!(
            "{} {} copies the full address",
            painter.theme.symbols.cut,
            app.ui.keymap.key("sign-in.copy")
        );
        *last = vec![Span::new(what, painter.theme.dim)];
    }
    let inside = window(painter, screen, &title, width, height);
    for (y, line) in (inside.y..inside.y + inside.height).zip(&lines) {
        painter.put_spans(inside.x, y, inside.width, line);
    }
}

fn prompt(app: &App, painter: &Painter<'_>, feed: &Feed, why: &str, width: usize) -> Vec<Line> {
    let mut lines = text(&sentence(why), painter.theme.text, width);
    lines.push(Line::new());
    lines.extend(methods(app, painter, feed, width));
    lines
}

/// Returns a reason with its first letter capitalised.
fn sentence(why: &str) -> String {
    let mut rest = why.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn failed(
    app: &App,
    painter: &Painter<'_>,
    feed: &Feed,
    (why, may_retry): (&str, bool),
    width: usize,
) -> Vec<Line> {
    let mut lines = text(&sentence(why), painter.theme.error, width);
    lines.push(Line::new());
    if may_retry {
        lines.extend(methods(app, painter, feed, width));
    } else {
        lines.push(key(painter, &app.ui.keymap.key("app.back"), "close and keep the list"));
    }
    lines
}

/// Returns the sign-in methods, or what to do if there are none.
fn methods(app: &App, painter: &Painter<'_>, feed: &Feed, width: usize) -> Vec<Line> {
    let of = |id| app.ui.keymap.key(id);
    let mut lines = Vec::new();
    if feed.settings.signs_in {
        lines.push(key(painter, &of("sign-in.browser"), "sign in with a browser on this computer"));
        lines.push(key(painter, &of("sign-in.device-code"), "sign in with a device code, in any browser"));
        lines.push(key(painter, &of("app.back"), "not now; keep the current list"));
    } else {
        let from = app.profile_of(feed).map_or("a variable or a command", |profile| profile.auth.as_str());
        let what = format!(
            "This profile uses an external token ({from}). Renew it, then press {} to retry.",
            of("panes.retry")
        );
        lines.extend(text(&what, painter.theme.text, width));
        lines.push(Line::new());
        lines.push(key(painter, &app.ui.keymap.key("app.back"), "close and keep the list"));
    }
    lines
}

fn at_address(
    app: &App,
    painter: &Painter<'_>,
    url: &SafeText,
    opened: &Result<(), String>,
    until: Duration,
    width: usize,
) -> Vec<Line> {
    let theme = painter.theme;
    let mut lines = match opened {
        Ok(()) => text(
            "Sign in using the browser window that just opened, or go to this address:",
            theme.text,
            width,
        ),
        Err(why) => {
            let mut lines = text(&format!("No browser could be opened: {why}."), theme.error, width);
            lines.extend(text("Open this address in a browser on this computer:", theme.text, width));
            lines
        }
    };
    // The remaining time comes before the address, which may not fit on a small screen.
    lines.insert(0, left(app, painter, until));
    lines.insert(1, Line::new());
    lines.extend(text(&url.line(), theme.accent, width));
    lines
}

fn by_code(
    app: &App,
    painter: &Painter<'_>,
    (code, address): (&SafeText, &SafeText),
    until: Duration,
    width: usize,
) -> Vec<Line> {
    let theme = painter.theme;
    let warning = "Enter this code only if you started this sign-in yourself. Anyone who sends you a \
                   code is trying to sign in as you.";
    let mut lines = text(warning, theme.text, width);
    lines.push(Line::new());
    let address = wrap(&address.head(), width.saturating_sub(LABEL));
    for (at, part) in address.into_iter().enumerate() {
        lines.push(labelled(painter, if at == 0 { "open" } else { "" }, Span::new(part, theme.accent)));
    }
    lines.push(labelled(painter, "enter", Span::new(spaced(code), theme.strong)));
    lines.push(left(app, painter, until));
    lines
}

/// Returns the code with spaces between its characters, so that it is easier to type elsewhere.
fn spaced(code: &SafeText) -> String {
    let shown = code.head();
    if code.is_marked() || shown.graphemes(true).count() > MAX_SPACED_CODE {
        return shown;
    }
    shown.graphemes(true).collect::<Vec<_>>().join(" ")
}

/// Returns the line with the remaining time in minutes and seconds.
fn left(app: &App, painter: &Painter<'_>, until: Duration) -> Line {
    let left = until.saturating_sub(app.clock.now.mono).as_secs_f64().ceil() as u64;
    labelled(
        painter,
        "time left",
        Span::new(format!("{:02}:{:02}", left / 60, left % 60), painter.theme.text),
    )
}

fn labelled(painter: &Painter<'_>, label: &str, value: Span<'static>) -> Line {
    vec![Span::new(format!("{label:LABEL$}"), painter.theme.dim), value]
}

fn key(painter: &Painter<'_>, key: &str, what: &str) -> Line {
    vec![Span::new(format!("{key:7}"), painter.theme.accent), Span::new(what.to_owned(), painter.theme.text)]
}

fn text(text: &str, style: ratatui::style::Style, width: usize) -> Vec<Line> {
    wrap(text, width).into_iter().map(|part| vec![Span::new(part, style)]).collect()
}
