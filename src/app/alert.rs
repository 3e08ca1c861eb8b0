//! What can be done with the alert under the cursor: open, copy, look for its values.

use std::{borrow::Cow, sync::Arc};

use super::{
    App, Detail, Effect, Menu, MenuAction, MenuItem, Pane, Scope, Value, Values, WholeAlert,
    command::{Context, run},
    format::{bytes, thousands},
    pivot::ByValue,
};
use alertdeck_evidence::Tree;
use alertdeck_model::{Alert, PortalUrl, RawText, SafeText, defang, one_line};
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_query as query;
use alertdeck_store::{Cell, Column, Row};

/// The commands for the alert under the cursor, in list and detail.
pub(super) static CONTEXT: Context = Context {
    name: "alert",
    heading: "The alert under the cursor",
    commands: &[
        run("alert.mark", "mark the alert, or remove its mark", |app, _| app.mark()),
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
        run("alert.include", "narrow the filter to a value", |app, _| app.offer_terms(false)),
        run("alert.exclude", "exclude a value", |app, _| app.offer_terms(true)),
        run("alert.pivot", "a value's alerts, of any status", |app, _| app.offer_pivots()),
        run("alert.incident", "the incident's alerts", App::show_incident),
    ],
};

/// The columns that `f`, `F` and `s` offer, each with its letter.
const LETTERS: [(char, Column); 14] = [
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

/// Said where a value cannot be searched for.
pub(super) const NO_TERM: &str = "no filter can ask for what is here";

impl App {
    /// Returns the alert under the cursor, or says that there is none.
    pub(super) fn selected_or_notify(&mut self) -> Option<Row> {
        let row = self.selected();
        if row.is_none() {
            self.notify("no alert is selected");
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
            _ => self.notify("this alert belongs to no incident"),
        }
    }

    /// Opens a link of the alert, if it is one of the portal's.
    fn open(&mut self, incident: bool, effects: &mut Vec<Effect>) {
        let Some(row) = self.selected_or_notify() else { return };
        let what = if incident { "incident" } else { "alert" };
        let Some(link) = self.link(row, incident) else {
            return self.notify(format!("the {what} has no link"));
        };
        match PortalUrl::check(link.raw(), &self.settings.portal_host) {
            Ok(url) => effects.push(Effect::Open(url)),
            Err(refusal) => self.notify_error(format!("not opened: {refusal}; y l copies it")),
        }
    }

    fn link(&self, row: Row, incident: bool) -> Option<SafeText> {
        let alert = self.read(row)?;
        let link = if incident { &alert.incident_web_url } else { &alert.alert_web_url };
        link.clone().filter(|link| !link.is_blank())
    }

    /// Returns what a worker has read of an alert. A menu is of its alert, whatever the cursor is on
    /// by now.
    fn detail_of(&self, row: Row) -> Option<&Detail> {
        self.detail.shown.as_ref().filter(|detail| detail.row == row)
    }

    /// Returns an alert, which is decoded here where no worker has read it yet.
    fn read(&self, row: Row) -> Option<Arc<Alert>> {
        match self.detail_of(row) {
            Some(detail) => detail.body.alert.as_ref().ok().cloned(),
            None => self.store.raw(row).decode().ok().map(Arc::new),
        }
    }

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
        // The most telling one of those with one value counts.
        let node: ByValue<'_> =
            detail.indicators_of(line).iter().rev().map(|what| (&what.value, what)).collect();
        let row = detail.row;
        let with_indicator = |value: Value| {
            let what = self.indicator(row, &value, &node);
            (value, what)
        };
        let values = values.into_iter().map(with_indicator).collect();
        self.ui.open(Values::new(title, values, width));
    }

    /// The values that a key on the alert may mean: those of the line in the detail pane, or
    /// the columns of the row.
    pub(super) fn values_here(&self, row: Row) -> Vec<(char, Value)> {
        if self.ui.focus == Pane::Detail
            && let Some(detail) = self.current_detail()
            && let Some(line) = detail.line()
        {
            let letters = ('a'..='z').filter(|letter| !"jkq".contains(*letter));
            return letters.zip(detail.indicators(line)).collect();
        }
        let facts = self.store.facts(row);
        LETTERS
            .iter()
            .filter(|(_, column)| !matches!(column, Column::Created | Column::Updated))
            .filter_map(|(letter, column)| {
                let cell = self.store.cell(row, *column);
                let text = match cell {
                    Cell::Empty | Cell::Time(_) => return None,
                    Cell::Text(text) | Cell::More(text, _) => text.clone(),
                    Cell::Severity(severity) => severity.raw().into(),
                    Cell::Status(status) => status.raw().into(),
                    // What the cell shows is neutralised already: the value is as it was sent.
                    Cell::Member(_) if *column == Column::Source => facts.service_source.raw().into(),
                    Cell::Member(_) => facts.classification.raw().into(),
                };
                let name = column.name();
                Some((*letter, Value { label: name.to_owned(), field: Some(name.to_owned()), text }))
            })
            .collect()
    }

    /// Writes a term that holds for the alert that the value is of, or, to exclude it, does not.
    /// `None` where the language cannot ask for the value.
    pub(super) fn term(&self, row: Row, field: &str, value: &str, exclude: bool) -> Option<String> {
        let context = self.query_context();
        let (dictionary, facts) = (self.store.dictionary(), self.store.facts(row));
        let asks_for_it = |term: &String| {
            query::compile(term, &context).is_ok_and(|plan| plan.test.matches(dictionary, facts))
        };
        let term = query::candidate_terms(field, value).into_iter().find(asks_for_it)?;
        Some(if exclude { format!("-{term}") } else { term })
    }

    /// Offers the values of the line or the row as terms of the filter.
    fn offer_terms(&mut self, exclude: bool) {
        let Some(row) = self.selected_or_notify() else { return };
        let terms = self.values_here(row).into_iter().filter_map(|(key, value)| {
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
        let title = if exclude { "Exclude alerts with" } else { "Only alerts with" };
        self.ui.open(Menu { title: title.into(), items, at: 0 });
    }

    /// The entry of an alert without an owner.
    fn no_owner(exclude: bool) -> MenuItem {
        let key = LETTERS.iter().find(|(_, column)| *column == Column::Owner).map_or('o', |(key, _)| *key);
        MenuItem {
            key,
            label: Column::Owner.name().to_owned(),
            preview: "nobody".into(),
            action: MenuAction::Filter(if exclude { "-assigned:none" } else { "assigned:none" }.into()),
        }
    }

    pub(super) fn sort_menu(&self) -> Menu {
        let sort = self.view.sort();
        let items = LETTERS.iter().map(|(key, column)| MenuItem {
            key: *key,
            label: column.name().to_owned(),
            preview: match (sort.column == *column, sort.descending) {
                (true, true) => "▼ now".into(),
                (true, false) => "▲ now".into(),
                (false, _) => String::new(),
            },
            action: MenuAction::Sort(*column),
        });
        let at = LETTERS.iter().position(|(_, column)| *column == sort.column).unwrap_or(0);
        Menu { title: "Sort by".into(), items: items.collect(), at }
    }

    /// The menu of `y` (UX.md A). Previews are short, and what may be megabytes is written when it is
    /// asked for.
    fn copy_menu(&self, row: Row) -> Menu {
        let item = |key, label: &str, preview: String, action| MenuItem {
            key,
            label: label.to_owned(),
            preview,
            action,
        };
        let text = |key, label: &str, text: &str, preview: String| {
            let told = format!("{label}, {}", measure(text));
            item(key, label, preview, MenuAction::Copy(for_clipboard(text), told))
        };
        let whole = |key, label: &str, preview: String, what| {
            item(key, label, preview, MenuAction::CopyWhole(row, what))
        };
        let mut items = Vec::new();
        if let Some((_, value)) = self
            .values_here(row)
            .into_iter()
            .find(|(_, value)| self.ui.focus == Pane::Detail || value.label == Column::Title.name())
        {
            let (safe, raw) = (value.text.as_str(), value.text.raw());
            // What hides characters is copied with them made visible, unless asked otherwise.
            items.push(text('v', &value.label, safe, preview(safe)));
            let defanged = defanged(&value);
            items.push(text('d', "defanged", &defanged, preview(&defanged)));
            if value.text.is_marked() {
                items.push(text('s', "as sent, with its hidden characters", raw, String::new()));
            }
        }
        let indicators = self.indicators_of(row).len();
        if indicators > 0 {
            items.push(whole('a', "all indicators", thousands(indicators), WholeAlert::Indicators));
        }
        let cells =
            [Column::Severity, Column::Status, Column::Created, Column::Title, Column::Device, Column::Owner];
        let line = cells.map(|column| self.store.cell(row, column).text()).join("\t");
        items.push(text('r', "row", &line, preview(&line)));
        let id = &self.store.facts(row).id;
        items.push(text('i', "alert id", id.raw(), preview(id.text().as_str())));
        items.push(whole('j', "JSON", bytes(self.store.raw(row).0.len()), WholeAlert::Json));
        items.push(whole('m', "Markdown", "a ticket".into(), WholeAlert::Ticket));
        for (key, label, incident) in [('l', "alert link", false), ('L', "incident link", true)] {
            if let Some(link) = self.link(row, incident) {
                items.push(text(key, label, link.as_str(), preview(link.as_str())));
            }
        }
        let scope = self.filter.scope();
        if let Scope::Filter(pushed) = &scope {
            items.push(text('q', "$filter", pushed, preview(SafeText::new(pushed).as_str())));
        }
        if self.settings.service {
            let id = self.store.facts(row).id.clone();
            for (key, label, scope) in
                [('u', "curl for this alert", Scope::One(id)), ('U', "curl for the list", scope)]
            {
                items.push(item(key, label, "without the token".into(), MenuAction::CopyCurl(scope)));
            }
        }
        Menu { title: "Copy".into(), items, at: 0 }
    }

    /// The indicators of an alert's evidence, which is read here where no worker has read it yet.
    fn indicators_of(&self, row: Row) -> Cow<'_, [Indicator]> {
        match self.detail_of(row) {
            Some(detail) => (&*detail.body.indicators).into(),
            None => {
                self.read(row).map_or_else(Vec::new, |alert| Tree::new(&alert.evidence).indicators()).into()
            }
        }
    }

    pub(super) fn copy_whole(&mut self, row: Row, what: WholeAlert, effects: &mut Vec<Effect>) {
        let (label, text) = match what {
            WholeAlert::Ticket => {
                let raw = self.store.raw(row).clone();
                effects.push(Effect::CopyTicket(raw, self.settings.portal_host.clone()));
                return self.notify("writing the ticket");
            }
            WholeAlert::Json => ("JSON", String::from_utf8_lossy(&self.store.raw(row).0).into_owned()),
            WholeAlert::Indicators => {
                let line =
                    |indicator: &Indicator| format!("{}\t{}\n", indicator.kind.field(), indicator.value);
                ("all indicators", self.indicators_of(row).iter().map(line).collect())
            }
        };
        self.notify(format!("copied {label}, {}", measure(&text)));
        effects.push(Effect::Copy(for_clipboard(&text)));
    }

    pub(super) fn copy_ticket(&mut self, ticket: &str, effects: &mut Vec<Effect>) {
        effects.push(Effect::Copy(for_clipboard(ticket)));
        self.notify(format!("copied Markdown, {}", measure(ticket)));
    }

    pub(super) fn copy(&mut self, value: &Value, effects: &mut Vec<Effect>) {
        let text = value.text.as_str();
        effects.push(Effect::Copy(for_clipboard(text)));
        let hidden = if value.text.is_marked() { ", hidden characters made visible" } else { "" };
        self.notify(format!("copied {}, {}{hidden}", value.label, measure(text)));
    }
}

/// What a text that is safe to show begins with, on one line: enough to tell it from others.
fn preview(shown: &str) -> String {
    /// Characters that a glance takes in.
    const MOST: usize = 60;
    match shown.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", one_line(&shown[..end])),
        None => one_line(shown),
    }
}

/// A text as it goes to the clipboard: without the line end at its end, which would run a command
/// line that is pasted into a shell.
fn for_clipboard(text: &str) -> RawText {
    RawText(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// How much a copied text is, in words. Terminals differ in how much they take (OSC 52): what may
/// be too much for some is said.
fn measure(text: &str) -> String {
    /// What xterm takes at least, in bytes of the text.
    const SAFE: usize = 74_000;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.len() > SAFE {
        return format!("{}: more than some terminals take", bytes(text.len()));
    }
    match text.lines().count() {
        0 | 1 => format!("{} characters", text.chars().count()),
        lines => format!("{} characters in {lines} lines", text.chars().count()),
    }
}

/// Makes what is an address unclickable, in the way of the value's kind.
fn defanged(value: &Value) -> String {
    let text = value.text.as_str();
    let kind = value.field.as_deref().and_then(IndicatorKind::of_field);
    kind.map_or_else(|| defang::prose(text), |kind| kind.defang(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_neutralised_once() {
        let marks = SafeText::new("a\u{202e}b\nc");
        assert_eq!(preview(marks.as_str()), "a⟨202E⟩b⏎c");
        assert_eq!(preview(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }

    #[test]
    fn a_line_end_at_the_end_is_not_copied() {
        assert_eq!(for_clipboard("calc.exe\r\n").0, "calc.exe");
        assert_eq!(for_clipboard("a\nb\n").0, "a\nb");
        assert_eq!(measure("calc.exe\n"), "8 characters");
        assert_eq!(measure("a\nb\n"), "3 characters in 2 lines");
    }
}
