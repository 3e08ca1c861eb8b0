//! Commands for the alert under the cursor, such as opening it, copying it, filtering by its values
//! and pivoting on them.

use std::{borrow::Cow, sync::Arc};

use super::{
    AlertText, App, Detail, Effect, Feed, JobKind, Menu, MenuAction, MenuItem, Pane, Scope, Value, Values,
    command::{Context, run},
    format::{bytes, thousands},
    notice::NO_TERM,
    pivot::ByValue,
};
use crate::report;
use alertdeck_evidence::Tree;
use alertdeck_model::{Alert, PortalUrl, RawText, SafeText, defang::Defanger, one_line};
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_query as query;
use alertdeck_store::{Cell, Column, Row};

/// The commands for the alert under the cursor, available in the list and the detail pane.
pub(super) static CONTEXT: Context = Context {
    name: "alert",
    heading: "The alert under the cursor",
    commands: &[
        run("alert.mark", "mark or unmark the alert", |app, _| app.mark()),
        run("alert.open-in-browser", "open the alert in the browser", |app, effects| {
            app.open(false, effects);
        }),
        run("alert.open-incident", "open the incident in the browser", |app, effects| {
            app.open(true, effects);
        }),
        run("alert.copy", "copy: value, indicators, row, JSON, links", |app, _| {
            if let Some(row) = app.selected_or_notify() {
                let menu = app.copy_menu(row);
                app.ui.open(menu);
            }
        }),
        run("alert.include", "filter: include a value", |app, _| app.offer_terms(false)),
        run("alert.exclude", "filter: exclude a value", |app, _| app.offer_terms(true)),
        run("alert.pivot", "pivot: all alerts with the same value, whatever their status", |app, _| {
            app.offer_pivots();
        }),
        run("alert.incident", "pivot: all alerts in the incident", App::show_incident),
        run("alert.take", "take: assign to me, in progress", |app, _| app.take()),
        run("alert.assign", "assign to someone", |app, _| app.offer_owners()),
        run("alert.close", "close: classify and resolve", |app, _| app.offer_closing()),
        run("alert.form", "edit: status, classification, owner, comment", |app, _| app.open_form()),
        run("alert.comment", "comment", |app, _| app.write_comment()),
        run("alert.note", "local note for the shift handover", |app, _| app.write_note()),
        run("alert.undo", "undo the last change", |app, _| app.undo()),
    ],
};

/// The columns offered by the filter and sort menus, with their menu letters.
const LETTERS: [(char, Column); 15] = [
    ('m', Column::Tenant),
    ('s', Column::Severity),
    ('u', Column::Status),
    ('c', Column::Created),
    ('p', Column::Updated),
    ('t', Column::Title),
    ('d', Column::Device),
    ('n', Column::User),
    ('o', Column::Owner),
    ('r', Column::Source),
    ('g', Column::Category),
    ('e', Column::Techniques),
    ('i', Column::Incident),
    ('l', Column::Classification),
    ('a', Column::Id),
];

impl App {
    /// Returns the alert under the cursor, or notifies the user that there is none.
    pub(super) fn selected_or_notify(&mut self) -> Option<Row> {
        let row = self.selected();
        if row.is_none() {
            self.notify("no alert selected");
        }
        row
    }

    fn show_incident(&mut self, effects: &mut Vec<Effect>) {
        let Some(row) = self.selected_or_notify() else { return };
        match self.store.cell(row, Column::Incident) {
            Cell::Text(incident) => match self.term(row, "incident", incident.raw(), false) {
                Some(term) => self.apply_local_filter(&term, effects),
                None => self.notify(NO_TERM),
            },
            _ => self.notify("this alert has no incident"),
        }
    }

    /// Opens the link to the alert or its incident in the browser, provided that the link leads to
    /// the portal.
    fn open(&mut self, incident: bool, effects: &mut Vec<Effect>) {
        let Some(row) = self.selected_or_notify() else { return };
        let what = if incident { "incident" } else { "alert" };
        let Some(link) = self.link(row, incident) else {
            return self.notify(format!("the {what} has no link"));
        };
        match PortalUrl::check(link.raw(), &self.feed_of(row).settings.portal_host) {
            Ok(url) => effects.push(Effect::Open(url)),
            Err(refusal) => {
                let copy = self.ui.keymap.key("alert.copy");
                self.notify_error(format!("link not opened: {refusal}; press {copy} to copy it"));
            }
        }
    }

    fn link(&self, row: Row, incident: bool) -> Option<SafeText> {
        let link = self.store.property(row, if incident { "incidentWebUrl" } else { "alertWebUrl" });
        link.filter(|link| !link.is_blank())
    }

    /// Returns the detail view of an alert if a worker has read it. The alert need not be under the
    /// cursor, since a menu applies to the alert that it was opened for, even after the cursor has
    /// moved.
    fn detail_of(&self, row: Row) -> Option<&Detail> {
        self.detail.shown.as_ref().filter(|detail| detail.row == row)
    }

    /// Returns an alert, decoding it here if no worker has read it yet. Returns `None` if it cannot
    /// be decoded.
    fn decoded(&self, row: Row) -> Option<Arc<Alert>> {
        match self.detail_of(row) {
            Some(detail) => detail.body.alert.as_ref().ok().cloned(),
            None => self.store.stored(row).read().decode().ok().map(Arc::new),
        }
    }

    /// Opens an overlay with the values of the line under the cursor. If the line has no values,
    /// folds or unfolds the line instead.
    pub(super) fn show_values(&mut self) {
        let (width, _) = self.ui.overlay_size();
        let Some(detail) = self.current_detail() else { return };
        let Some(line) = detail.line() else { return };
        let values = detail.values(line);
        let title = match detail.node(line) {
            Some((id, node)) => format!("{} {}", node.label(), detail.body.tree.describe(id).name()),
            None => "Values".to_owned(),
        };
        if values.is_empty() {
            if let Some((_, folded)) = line.fold {
                self.fold(!folded);
            }
            return;
        }
        // If several indicators have the same value, use the first, which is the most specific.
        let node: ByValue<'_> =
            detail.indicators_of(line).iter().rev().map(|what| (&what.value, what)).collect();
        let row = detail.row;
        let with_indicator = |value: Value| {
            let what = self.indicator(row, &value, &node);
            (value, what)
        };
        let mut values: Vec<_> = values.into_iter().map(with_indicator).collect();
        // Place the values that an analyst is most likely to act on at the top. Values reported by
        // other items stay below the names of those items.
        let own = values.iter().position(|(value, _)| value.is_reporter()).unwrap_or(values.len());
        let place = |what: &Indicator| detail.indicators_of(line).iter().position(|known| known == what);
        values[..own].sort_by_key(|(value, what)| {
            (value.rank(what.is_some()), what.as_ref().and_then(place).unwrap_or(usize::MAX))
        });
        self.ui.open(Values::new(title, values, width));
    }

    /// Returns the values under the cursor with their menu letters. In the detail pane, these are
    /// the values of the line; in the list, those of the row's columns.
    pub(super) fn values_at_cursor(&self, row: Row) -> Vec<(char, Value)> {
        if self.ui.focus == Pane::Detail
            && let Some(detail) = self.current_detail()
            && let Some(line) = detail.line()
        {
            let letters = ('a'..='z').filter(|letter| !"jkq".contains(*letter));
            return letters.zip(detail.indicators(line)).collect();
        }
        let facts = self.store.facts(row);
        self.letters()
            .filter(|(_, column)| !matches!(column, Column::Created | Column::Updated))
            .filter_map(|(letter, column)| {
                let cell = self.store.cell(row, *column);
                let text = match cell {
                    Cell::Empty | Cell::Time(_) => return None,
                    Cell::Text(text) | Cell::More(text, _) => text,
                    Cell::Severity(severity) => severity.raw().into(),
                    Cell::Status(status) => status.raw().into(),
                    // The cell's text is sanitised, but the value must be exactly as received.
                    Cell::Member(_) if *column == Column::Source => facts.source().raw().into(),
                    Cell::Member(_) => facts.classification().raw().into(),
                };
                let name = column.name();
                Some((*letter, Value { label: name.to_owned(), field: Some(name.to_owned()), text }))
            })
            .collect()
    }

    /// Returns the columns offered by the menus, with their letters. The tenant column is offered
    /// only if there is more than one feed.
    fn letters(&self) -> impl Iterator<Item = &'static (char, Column)> + use<> {
        let several = self.feeds.len() > 1;
        LETTERS.iter().filter(move |(_, column)| several || *column != Column::Tenant)
    }

    /// Returns a filter term for a field's value that matches the given alert or, with `exclude`,
    /// the negation of that term. Returns `None` if the filter language cannot express the value.
    pub(super) fn term(&self, row: Row, field: &str, value: &str, exclude: bool) -> Option<String> {
        let context = self.query_context();
        let matches_row = |term: &String| {
            query::compile(term, &context).is_ok_and(|plan| plan.test.matches(&self.store, row))
        };
        let term = query::candidate_terms(field, value).into_iter().find(matches_row)?;
        // A value from one tenant must not be sent to the services of other tenants, and incident
        // numbers are unique only within a tenant.
        let field = query::find_field(field).map_or(field, |field| field.name);
        if self.feeds.len() > 1 && matches!(field, "assigned" | "id" | "incident") {
            let tenant = format!("tenant={}", query::literal(self.feed_of(row).name()));
            return Some(if exclude { format!("-({tenant} {term})") } else { format!("{tenant} {term}") });
        }
        Some(if exclude { format!("-{term}") } else { term })
    }

    /// Opens a menu that filters by one of the values under the cursor.
    fn offer_terms(&mut self, exclude: bool) {
        let Some(row) = self.selected_or_notify() else { return };
        let terms = self.values_at_cursor(row).into_iter().filter_map(|(key, value)| {
            let term = self.term(row, value.field.as_ref()?, value.text.raw(), exclude)?;
            Some(MenuItem {
                key,
                label: value.label,
                preview: value.text.line(),
                action: MenuAction::Filter(term),
            })
        });
        let mut items: Vec<_> = terms.collect();
        if self.ui.focus == Pane::List && self.store.cell(row, Column::Owner) == Cell::Empty {
            items.push(Self::no_owner(exclude));
            items.sort_by_key(|item| LETTERS.iter().position(|(letter, _)| *letter == item.key));
        }
        if items.is_empty() {
            return self.notify(NO_TERM);
        }
        let title = if exclude { "Exclude" } else { "Include" };
        self.ui.open(Menu { title: title.into(), items, at: 0 });
    }

    /// Returns the menu item that includes or excludes alerts without an owner.
    fn no_owner(exclude: bool) -> MenuItem {
        let key = LETTERS.iter().find(|(_, column)| *column == Column::Owner).map_or('o', |(key, _)| *key);
        MenuItem {
            key,
            label: Column::Owner.name().to_owned(),
            preview: "none".into(),
            action: MenuAction::Filter(if exclude { "-assigned:none" } else { "assigned:none" }.into()),
        }
    }

    /// Returns the menu of sort columns, with the cursor on the current column. If the user has
    /// chosen the columns of the list, only those are offered.
    pub(super) fn sort_menu(&self) -> Menu {
        let sort = self.view.sort();
        let is_offered = |column: Column| {
            let is_shown =
                |columns: &Vec<super::ListColumn>| columns.iter().any(|shown| shown.column == column);
            column == sort.column || self.list.columns.as_ref().is_none_or(is_shown)
        };
        let letters = || self.letters().filter(|(_, column)| is_offered(*column));
        let items = letters().map(|(key, column)| MenuItem {
            key: *key,
            label: column.name().to_owned(),
            preview: match (sort.column == *column, sort.descending) {
                (true, true) => "▼ current".into(),
                (true, false) => "▲ current".into(),
                (false, _) => String::new(),
            },
            action: MenuAction::Sort(*column),
        });
        let at = letters().position(|(_, column)| *column == sort.column).unwrap_or(0);
        Menu { title: "Sort by".into(), items: items.collect(), at }
    }

    /// Returns the copy menu (docs/console.md, "Clipboard"). Previews are short; text that may be
    /// megabytes long is generated only when chosen.
    fn copy_menu(&self, row: Row) -> Menu {
        let item = |key, label: &str, preview: String, action| MenuItem {
            key,
            label: label.to_owned(),
            preview,
            action,
        };
        let text = |key, label: &str, text: &str, preview: String| {
            let described = format!("{label}, {}", describe_size(text));
            item(key, label, preview, MenuAction::Copy(for_clipboard(text), described))
        };
        let deferred = |key, label: &str, preview: String, what| {
            item(key, label, preview, MenuAction::CopyAlert(row, what))
        };
        let mut items = Vec::new();
        let in_detail = self.ui.focus == Pane::Detail;
        let values = self.values_at_cursor(row).into_iter().map(|(_, value)| value);
        let mut values = values.filter(|value| in_detail || value.label == Column::Title.name());
        if let Some(value) = values.next() {
            let (safe, raw) = (value.text.as_str(), value.text.raw());
            // Hidden characters are copied as visible marks unless the raw text is chosen.
            items.push(text('v', &value.label, safe, preview(safe)));
            let defanged = self.defanged(row, &value);
            items.push(text('d', "defanged", &defanged, preview(&defanged)));
            if value.text.is_marked() {
                items.push(text('s', "raw text, with hidden characters", raw, String::new()));
            }
            // The other values are copied as shown, with hidden characters as visible marks.
            let others = ('2'..='9').zip(values);
            items.extend(others.map(|(key, value)| {
                let safe = value.text.as_str();
                text(key, &value.label, safe, preview(safe))
            }));
        }
        if let Some((detail, line)) =
            self.current_detail().filter(|_| in_detail).and_then(|detail| Some((detail, detail.line()?)))
            && detail.node(line).is_some()
        {
            let all = detail
                .values(line)
                .into_iter()
                .map(|value| format!("{}: {}", value.label, value.text.line()));
            let all: Vec<_> = all.collect();
            items.push(text('n', "all values on the line", &all.join("\n"), thousands(all.len())));
        }
        let indicators = self.indicators_of(row).len();
        if indicators > 0 {
            items.push(deferred('a', "all indicators", thousands(indicators), AlertText::Indicators));
        }
        let cells =
            [Column::Severity, Column::Status, Column::Created, Column::Title, Column::Device, Column::Owner];
        let line = cells.map(|column| self.store.cell(row, column).text()).join("\t");
        items.push(text('r', "row", &line, preview(&line)));
        let id = self.store.facts(row).id();
        items.push(text('i', "alert ID", id.raw(), preview(id.text().as_str())));
        items.push(deferred('j', "JSON", bytes(self.store.stored(row).size()), AlertText::Json));
        items.push(deferred('m', "Markdown", "full report".into(), AlertText::Ticket));
        for (key, label, incident) in [('l', "alert link", false), ('L', "incident link", true)] {
            if let Some(link) = self.link(row, incident) {
                items.push(text(key, label, link.as_str(), preview(link.as_str())));
            }
        }
        let feed = self.feed_of(row);
        items.extend(self.copied_filter(feed).into_iter().map(|(key, label, copied)| {
            let shown: Vec<_> = copied.lines().filter(|line| !line.starts_with("//")).collect();
            let shown = preview(SafeText::new(&shown.join(" ")).line().as_str());
            text(key, &label, &copied, shown)
        }));
        let scope = self.filter.scope(feed.id);
        if let Scope::Filter(pushed) = &scope {
            let pushed = pushed.to_string();
            items.push(text('q', "$filter", &pushed, preview(SafeText::new(&pushed).as_str())));
        }
        if feed.settings.service {
            let id = self.store.facts(row).id();
            for (key, label, scope) in
                [('u', "curl for this alert", Scope::One(id)), ('U', "curl for the list", scope)]
            {
                items.push(item(
                    key,
                    label,
                    "without the token".into(),
                    MenuAction::CopyCurl(feed.id, scope),
                ));
            }
        }
        Menu { title: "Copy".into(), items, at: 0 }
    }

    /// Returns the filter as text, with the key and name of each form. `$filter` and curl commands
    /// depend on what has been requested, so they are not among these.
    fn copied_filter(&self, feed: &Feed) -> Vec<(char, String, String)> {
        let filter = &self.filter.committed;
        let context = self.context_of(feed, self.tenants());
        let (Ok(kql), false) = (query::kql(filter, &context), filter.trim().is_empty()) else {
            return Vec::new();
        };
        let left_out = match kql.left_out.as_slice() {
            [] => String::new(),
            names => format!(" without {}", names.join(", ")),
        };
        let forms = [
            ('f', "filter".to_owned(), filter.clone()),
            ('h', format!("hunting query (KQL){left_out}"), kql.query),
        ];
        let request = query::explain(filter, &context).ok().filter(|_| feed.settings.service);
        forms.into_iter().chain(request.map(|it| ('e', "request".to_owned(), it.request))).collect()
    }

    /// Returns the indicators in an alert's evidence, decoding the alert here if no worker has read
    /// it yet.
    fn indicators_of(&self, row: Row) -> Cow<'_, [Indicator]> {
        match self.detail_of(row) {
            Some(detail) => (&*detail.body.indicators).into(),
            None => self
                .decoded(row)
                .map_or_else(Vec::new, |alert| Tree::new(&alert.evidence).indicators())
                .into(),
        }
    }

    /// Defangs a value the same way a ticket does.
    fn defanged(&self, row: Row, value: &Value) -> String {
        let defanger = match self.decoded(row) {
            Some(alert) => report::defanger(&alert, &*self.indicators_of(row)),
            None => Defanger::default(),
        };
        let text = value.text.as_str();
        let kind = value.field.as_deref().and_then(IndicatorKind::of_field);
        kind.map_or_else(|| defanger.text(text), |kind| defanger.indicator(kind, text))
    }

    /// Copies text about an alert, generating it on demand.
    pub(super) fn copy_alert(&mut self, row: Row, what: AlertText, effects: &mut Vec<Effect>) {
        let (label, text) = match what {
            AlertText::Ticket => {
                let (feed, alert) = (self.feed_of(row), self.store.stored(row));
                let (feed, portal_host) = (feed.id, feed.settings.portal_host.clone());
                self.start_job(feed, JobKind::Ticket { alert, portal_host }, effects);
                return self.notify("writing the Markdown report");
            }
            AlertText::Json => {
                ("JSON", String::from_utf8_lossy(&self.store.stored(row).read().0).into_owned())
            }
            AlertText::Indicators => {
                let line =
                    |indicator: &Indicator| format!("{}\t{}\n", indicator.kind.field(), indicator.value);
                ("all indicators", self.indicators_of(row).iter().map(line).collect())
            }
        };
        self.notify(format!("copied {label}, {}", describe_size(&text)));
        effects.push(Effect::Copy(for_clipboard(&text)));
    }

    /// Copies a ticket that a worker has generated.
    pub(super) fn copy_ticket(&mut self, ticket: &str, effects: &mut Vec<Effect>) {
        effects.push(Effect::Copy(for_clipboard(ticket)));
        self.notify(format!("copied Markdown, {}", describe_size(ticket)));
    }

    /// Copies a value, replacing hidden characters with visible marks.
    pub(super) fn copy(&mut self, value: &Value, effects: &mut Vec<Effect>) {
        let text = value.text.as_str();
        effects.push(Effect::Copy(for_clipboard(text)));
        let hidden = if value.text.is_marked() { " (hidden characters shown as marks)" } else { "" };
        self.notify(format!("copied {}, {}{hidden}", value.label, describe_size(text)));
    }
}

/// Returns the start of sanitised text as a single line.
fn preview(shown: &str) -> String {
    /// The maximum length of a preview, in characters.
    const MAX_CHARS: usize = 60;
    match shown.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", one_line(&shown[..end])),
        None => one_line(shown),
    }
}

/// Returns text for the clipboard without its final line break, which would make a shell run a
/// pasted command.
fn for_clipboard(text: &str) -> RawText {
    RawText(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Describes the size of copied text, and warns if it is more than some terminals accept (OSC 52).
fn describe_size(text: &str) -> String {
    /// The text length, in bytes, that xterm is certain to accept.
    const SAFE_BYTES: usize = 74_000;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.len() > SAFE_BYTES {
        return format!("{}: more than some terminals accept", bytes(text.len()));
    }
    match text.lines().count() {
        0 | 1 => format!("{} characters", text.chars().count()),
        lines => format!("{} characters in {lines} lines", text.chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preview_sanitises_once() {
        let marks = SafeText::new("a\u{202e}b\nc");
        assert_eq!(preview(marks.as_str()), "a⟨202E⟩b⏎c");
        assert_eq!(preview(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }

    #[test]
    fn trailing_line_ends_are_not_copied() {
        assert_eq!(for_clipboard("calc.exe\r\n").0, "calc.exe");
        assert_eq!(for_clipboard("a\nb\n").0, "a\nb");
        assert_eq!(describe_size("calc.exe\n"), "8 characters");
        assert_eq!(describe_size("a\nb\n"), "3 characters in 2 lines");
    }
}
