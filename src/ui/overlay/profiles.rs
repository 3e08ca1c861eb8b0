//! The profiles, with the signed-in account and its permissions below.

use ratatui::layout::Rect;

use crate::app::{App, Identity, ProfileLine, wrap};
use crate::ui::{
    paint::{Painter, Span, columns},
    window::window,
};

/// The column where the values below the table start.
const LABEL: usize = 14;

/// The minimum number of lines about a profile if there are several profiles.
const MIN_ABOUT: usize = 5;

type Line = Vec<Span<'static>>;

pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect, at: usize) {
    let theme = painter.theme;
    let width = usize::from(screen.width.saturating_sub(8)).clamp(10, 88);
    let profiles = &app.settings.profiles;
    let mut about = about(app, painter, width);
    if profiles.len() > 1 {
        // The window must keep its size when the cursor moves.
        about.resize(about.len().max(MIN_ABOUT), Line::new());
    }
    let head = usize::from(!profiles.is_empty());
    let most = usize::from(screen.height.saturating_sub(4)).max(1);
    // If there is too little room, the profiles take precedence.
    let rows =
        profiles.len().min(most.saturating_sub(head + 1 + about.len()).max(3).min(most - head.min(most - 1)));
    let height = (head + rows + usize::from(rows > 0) + about.len()).min(most);
    let inside = window(painter, screen, "Profiles and sign-in", width, height);
    let bottom = inside.y + inside.height;
    let mut y = inside.y;
    if head > 0 {
        let layout = layout(profiles, usize::from(inside.width));
        for (name, x, room) in &layout {
            painter.put(inside.x + *x, y, *room, name, theme.dim);
        }
        y += 1;
        let from = (at + 1).saturating_sub(rows);
        for (nth, profile) in profiles.iter().enumerate().skip(from).take(rows) {
            if y >= bottom {
                break;
            }
            let current = app.feeds.iter().any(|feed| feed.settings.profile == profile.name);
            painter.put(inside.x, y, 1, if current { "*" } else { " " }, theme.accent);
            for (name, x, room) in &layout {
                let style = if *name == "PROFILE" && current { theme.strong } else { theme.text };
                painter.put(inside.x + *x, y, *room, value(profile, name), style);
            }
            if nth == at {
                painter.patch_style(inside.x, y, inside.width, theme.cursor);
            }
            y += 1;
        }
        y += 1;
    }
    for (y, line) in (y..bottom).zip(&about) {
        painter.put_spans(inside.x, y, inside.width, line);
    }
}

fn value<'a>(profile: &'a ProfileLine, column: &str) -> &'a str {
    match column {
        "PROFILE" => &profile.name,
        "TENANT" => &profile.tenant,
        "CLOUD" => &profile.cloud,
        _ => &profile.auth,
    }
}

/// Returns the columns that fit, with their positions and widths. The sign-in column is omitted
/// first, then the cloud column. The tenant is truncated before the other columns.
fn layout(profiles: &[ProfileLine], width: usize) -> Vec<(&'static str, u16, u16)> {
    const MIN_TENANT: usize = 16;
    let widest = |name: &str| {
        profiles
            .iter()
            .map(|profile| columns(value(profile, name)))
            .max()
            .unwrap_or(0)
            .max(name.len())
            .min(40)
    };
    let mut names = vec!["PROFILE", "TENANT", "CLOUD", "SIGN-IN"];
    let others = |names: &[&str]| -> usize {
        names.iter().filter(|name| **name != "TENANT").map(|name| widest(name) + 2).sum()
    };
    while names.len() > 2 && others(&names) + MIN_TENANT + 2 > width {
        names.pop();
    }
    let tenant = widest("TENANT").min(width.saturating_sub(others(&names) + 2));
    let mut x = 2;
    let column = |name: &'static str| {
        let room = if name == "TENANT" { tenant } else { widest(name) };
        let room = room.min(width.saturating_sub(x));
        let at = x;
        x += room + 2;
        (name, at as u16, room as u16)
    };
    names.into_iter().map(column).collect()
}

/// Returns the lines about the signed-in account.
fn about(app: &App, painter: &Painter<'_>, width: usize) -> Vec<Line> {
    let theme = painter.theme;
    let room = width.saturating_sub(LABEL);
    let mut lines = Vec::new();
    let mut fact = |label: &str, text: &str, style| {
        for (at, part) in wrap(text, room).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            lines.push(vec![Span::new(format!("{label:LABEL$}"), theme.dim), Span::new(part, style)]);
        }
    };
    let Some(feed) = app.described_feed() else {
        let keymap = &app.ui.keymap;
        let (only, add) = (keymap.key("profiles.switch"), keymap.key("profiles.toggle"));
        let what = format!("not in the list; {only} shows only this tenant's alerts, {add} adds them");
        fact("alerts", &what, theme.text);
        return lines;
    };
    if app.settings.profiles.is_empty() {
        fact(
            "connection",
            &format!("{} {} {}", feed.settings.tenant, theme.symbols.dot, feed.settings.origin),
            theme.text,
        );
        if feed.settings.service {
            fact("profiles", "none; `alertdeck config path` prints where the config file is", theme.text);
        }
    }
    if !feed.settings.service {
        fact("signed in", "not signed in (saved alerts)", theme.text);
        return lines;
    }
    let keymap = &app.ui.keymap;
    let (browser, code) = (keymap.key("profiles.sign-in"), keymap.key("profiles.device-code"));
    match &feed.sign_in.identity {
        _ if feed.sign_in.signed_out => {
            let what = if feed.settings.signs_in {
                format!("signed out; press {browser} to sign in with a browser, {code} with a device code")
            } else {
                "signed out".into()
            };
            fact("signed in", &what, theme.error);
        }
        None if !feed.settings.signs_in => {
            fact("signed in", "unknown account (external token)", theme.dim);
        }
        None => fact("signed in", "unknown", theme.dim),
        Some(identity) => {
            let account = identity
                .account
                .as_ref()
                .map_or_else(|| "account without a name".into(), alertdeck_model::SafeText::head);
            fact("signed in", &account, theme.strong);
            if let Some(tenant) = &identity.tenant {
                fact("tenant", &tenant.head(), theme.text);
            }
            let (reads, style) = reads(identity, theme.text, theme.error);
            fact("read alerts", reads, style);
            if !identity.permissions.is_empty() {
                let names: Vec<_> =
                    identity.permissions.iter().map(alertdeck_model::SafeText::head).collect();
                fact("permissions", &names.join(", "), theme.text);
            }
            if let Some(expires) = identity.expires {
                fact("token expires", &app.clock.full(expires), theme.text);
            }
        }
    }
    if !feed.settings.signs_in {
        let from = app.profile_of(feed).map_or("a variable or a command", |profile| profile.auth.as_str());
        fact("token", &format!("external ({from})"), theme.text);
    }
    lines
}

/// Describes in words whether the token permits reading alerts. Also returns the style.
fn reads<S>(identity: &Identity, text: S, error: S) -> (&'static str, S) {
    match identity.reads {
        Some(true) => ("yes", text),
        Some(false) => ("no: SecurityAlert.Read.All is missing", error),
        None => ("unknown (not in the token)", text),
    }
}
