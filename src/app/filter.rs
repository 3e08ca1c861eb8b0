//! The filter bar: the filter being typed, the active filter, the filter last requested from the
//! service, and the history.
//!
//! The *active* filter is the last valid text and determines which rows are shown. The *committed*
//! filter is the one that was run most recently. The *requested* filter is the one that the list
//! was fetched with. A pivot commits a filter without requesting it.

use std::sync::Arc;

use tui_input::{Input as TextField, InputRequest};

use super::{
    App,
    command::{Context as Commands, Hint, hint, run},
    feed::ListRequest,
    format::thousands,
    job::Scope,
    key::{Key, KeyCode},
};
use alertdeck_query as query;
use alertdeck_query::{Completion, Context, Diagnostic, DiagnosticKind, Matcher, Plan, Query};
use alertdeck_store::{FeedId, Filter, Store};

/// The commands of the filter bar.
pub(super) static CONTEXT: Commands = Commands {
    name: "filter",
    heading: "Filter bar",
    commands: &[
        run("filter.run", "run the filter (queries the service)", App::run_typed_filter),
        run("filter.restore", "cancel: restore the last filter", |app, _| app.restore_filter()),
        run("filter.complete", "accept the completion or fix", |app, _| {
            if app.filter.complete() {
                app.apply_filter();
            }
        }),
        run("filter.next-completion", "next completion", |app, _| app.filter.choose(true)),
        run("filter.previous-completion", "previous completion", |app, _| app.filter.choose(false)),
        run("filter.older", "older filter", |app, _| app.recall_filter(true)),
        run("filter.newer", "newer filter", |app, _| app.recall_filter(false)),
    ],
};

/// Returns the key bar hints.
pub(super) fn hints() -> Vec<Hint> {
    vec![
        hint(&["filter.run"], "run"),
        hint(&["filter.restore"], "cancel"),
        hint(&["filter.complete"], "complete"),
        hint(&["filter.next-completion", "filter.previous-completion"], "choose"),
        hint(&["filter.older"], "history"),
    ]
}

/// The maximum number of filters in the history.
const MAX_HISTORY: usize = 200;

/// The fields whose loaded values are offered as completions, each with the property that has them.
const VALUES: [(&str, &str); 7] = [
    ("title", "title"),
    ("device", "deviceDnsName"),
    ("user", "userPrincipalName"),
    ("assigned", "assignedTo"),
    ("incident", "incidentId"),
    ("file", "fileName"),
    ("product", "productName"),
];
/// The maximum number of loaded values to offer.
const MAX_VALUES: usize = 20;
/// The maximum length of an offered value, in bytes. Attackers can make values megabytes long.
const MAX_VALUE: usize = 256;

/// The filter bar.
#[derive(Debug, Default)]
pub struct FilterBar {
    /// The filter that was run most recently.
    pub committed: String,
    /// The text field, while the filter is being edited.
    pub editor: Option<Editor>,
    /// The plans for the active filter, one for each active feed; empty if there is no filter.
    plans: Plans,
    /// The errors in the bar's text.
    pub diagnostics: Vec<Diagnostic>,
    /// The active filter with its implied parentheses written out, if that changes its text.
    pub grouped: Option<String>,
    /// Finds the matches of the active filter in displayed text.
    pub highlighter: Option<Matcher>,
    /// The text of the active filter.
    active: Option<String>,
    /// The filter that was last requested from the service. Neither typing nor pivoting sends a
    /// request.
    requested: String,
    /// The plans for the requested filter.
    requested_plans: Plans,
    history: Vec<String>,
}

/// The plans for a filter, in the same order as the feeds. They have the same meaning but differ in
/// what is pushed to the service.
#[derive(Clone, Debug, Default)]
struct Plans(Vec<(FeedId, Arc<Plan>)>);

impl Plans {
    /// Plans a filter for each feed. The errors in an invalid filter are the same for all feeds.
    fn new(query: &Query, contexts: &[Context]) -> Result<Self, Vec<Diagnostic>> {
        let plan = |context: &Context| Ok((context.feed, Arc::new(query::plan(query, context)?)));
        contexts.iter().map(plan).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the plan for the first feed that the filter does not exclude.
    fn first(&self) -> Option<&(FeedId, Arc<Plan>)> {
        self.0.iter().find(|(_, plan)| !plan.excludes_feed).or(self.0.first())
    }

    fn of(&self, feed: FeedId) -> Option<&Plan> {
        self.0.iter().find(|(of, _)| *of == feed).map(|(_, plan)| plan.as_ref())
    }
}

/// A text field with completions.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    field: TextField,
    /// The completions available at the cursor.
    pub completions: Vec<Completion>,
    /// The index of the selected completion.
    pub choice: usize,
    /// The position in the history, counted from the newest entry, and the text that was in the
    /// field before the history was opened.
    recalled: Option<(usize, String)>,
}

impl Editor {
    pub(super) fn new(text: &str) -> Self {
        Self { field: TextField::new(text.to_owned()), ..Self::default() }
    }

    /// Returns the text in the field.
    pub fn text(&self) -> &str {
        self.field.value()
    }

    /// Returns the cursor's position in characters.
    pub fn cursor(&self) -> usize {
        self.field.cursor()
    }

    /// Returns the cursor's position in bytes.
    fn cursor_byte(&self) -> usize {
        let text = self.text();
        text.char_indices().nth(self.cursor()).map_or(text.len(), |(at, _)| at)
    }

    /// Applies an editing key to the field. Returns `false` if the key is not an editing key.
    pub(super) fn edit(&mut self, key: Key) -> bool {
        if key.alt {
            return false;
        }
        let request = match (key.code, key.ctrl) {
            (KeyCode::Char(c), false) => InputRequest::InsertChar(c),
            (KeyCode::Backspace | KeyCode::Char('h'), _) => InputRequest::DeletePrevChar,
            (KeyCode::Delete, _) | (KeyCode::Char('d'), true) => InputRequest::DeleteNextChar,
            (KeyCode::Left, true) => InputRequest::GoToPrevWord,
            (KeyCode::Right, true) => InputRequest::GoToNextWord,
            (KeyCode::Left, false) => InputRequest::GoToPrevChar,
            (KeyCode::Right, false) => InputRequest::GoToNextChar,
            (KeyCode::Home, _) => InputRequest::GoToStart,
            (KeyCode::End, _) | (KeyCode::Char('e'), true) => InputRequest::GoToEnd,
            (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
            (KeyCode::Char('u'), true) => InputRequest::DeleteFromStart,
            (KeyCode::Char('k'), true) => InputRequest::DeleteTillEnd,
            _ => return false,
        };
        self.field.handle(request);
        true
    }

    /// Moves the cursor to a position in characters.
    pub(super) fn set_cursor(&mut self, cursor: usize) {
        self.field.handle(InputRequest::SetCursor(cursor));
    }

    pub(super) fn insert(&mut self, text: &str) {
        let (mut full, at) = (self.text().to_owned(), self.cursor_byte());
        full.insert_str(at, text);
        let cursor = self.cursor() + text.chars().count();
        self.field = TextField::new(full).with_cursor(cursor);
    }

    /// Truncates the text to `most` characters. Returns whether the text was longer.
    pub(super) fn truncate(&mut self, most: usize) -> bool {
        let end = self.text().char_indices().nth(most).map(|(end, _)| end);
        if let Some(end) = end {
            let cursor = self.cursor().min(most);
            self.field = TextField::new(self.text()[..end].to_owned()).with_cursor(cursor);
        }
        end.is_some()
    }
}

impl FilterBar {
    /// Creates a bar with a filter that has not been compiled yet.
    pub fn new(filter: &str) -> Self {
        let filter = filter.trim().to_owned();
        Self { committed: filter.clone(), requested: filter, ..Self::default() }
    }

    /// Returns the text in the bar.
    pub fn text(&self) -> &str {
        self.editor.as_ref().map_or(&self.committed, Editor::text)
    }

    /// Starts editing, with the cursor at the end.
    pub fn edit(&mut self) {
        if self.editor.is_none() {
            self.editor = Some(Editor::new(&self.committed));
        }
    }

    /// Replaces the text in the bar without running it.
    pub fn set(&mut self, text: &str) {
        self.editor = Some(Editor::new(text));
    }

    /// Handles an editing key. Returns whether the text or the cursor has changed, since
    /// completions depend on both.
    pub fn key(&mut self, key: Key) -> bool {
        let Some(editor) = &mut self.editor else { return false };
        let before = (editor.text().to_owned(), editor.cursor());
        editor.edit(key);
        (editor.text(), editor.cursor()) != (before.0.as_str(), before.1)
    }

    /// Pastes text at the cursor, replacing line breaks with spaces.
    pub fn paste(&mut self, text: &str) {
        if let Some(editor) = &mut self.editor {
            let line =
                text.trim().split(['\r', '\n']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
            editor.insert(&line);
        }
    }

    /// Compiles the text in the bar unless it is already active. With `again`, compiles even active
    /// text, because time has passed or more is known about the service. Valid text becomes the
    /// active filter; invalid text leaves the previous filter active. `contexts` has one context
    /// for each active feed. Values in the store are offered as completions.
    ///
    /// Returns whether the filter returned by [`Self::matcher`] has been replaced. Errors are in
    /// [`Self::diagnostics`].
    pub fn compile(&mut self, contexts: &[Context], store: &Store, again: bool) -> bool {
        let is_other = self.parse(contexts, store, again);
        if self.editor.is_none() && self.is_requested() {
            if self.is_valid() {
                self.requested_plans.clone_from(&self.plans);
            }
        } else if again && let Ok(plans) = Plans::new(&query::parse(&self.requested), contexts) {
            self.requested_plans = plans;
        }
        is_other
    }

    /// Returns the active filter's plan for the first feed that it does not exclude; `None` if
    /// there is no filter.
    pub fn plan(&self) -> Option<&Plan> {
        self.plans.first().map(|(_, plan)| plan.as_ref())
    }

    /// Returns the feed whose plan is returned by [`Self::plan`]; `None` if there is no filter or
    /// all feeds are sent the same `$filter`.
    pub fn plan_feed(&self) -> Option<FeedId> {
        let (feed, plan) = self.plans.first()?;
        let differs = |(_, other): &(FeedId, Arc<Plan>)| {
            (other.excludes_feed, &other.pushed) != (plan.excludes_feed, &plan.pushed)
        };
        self.plans.0.iter().any(differs).then_some(*feed)
    }

    /// Returns the active filter for use by a view; `None` matches everything.
    pub fn matcher(&self) -> Option<Box<dyn Filter>> {
        Some(Box::new(Matcher::new(&self.plan()?.test)))
    }

    fn parse(&mut self, contexts: &[Context], store: &Store, again: bool) -> bool {
        let text = self.text().to_owned();
        if let Some(editor) = &mut self.editor {
            let tenants = contexts.first().map_or(&[][..], |context| context.tenants.as_slice());
            let mut completions = query::complete(&text, editor.cursor_byte(), tenants);
            completions.extend(loaded_values(store, &text, editor.cursor_byte()));
            if completions != editor.completions {
                // If only the counts of values have changed, the choice stays.
                let chosen = editor.completions.get(editor.choice).map(|chosen| &chosen.text);
                let is_chosen = |completion: &Completion| Some(&completion.text) == chosen;
                let is_same = completions.len() == editor.completions.len();
                let choice = completions.iter().position(is_chosen).filter(|_| is_same);
                editor.choice = choice.unwrap_or(0);
                editor.completions = completions;
            }
        }
        if !again && self.active.as_ref() == Some(&text) {
            self.diagnostics.clear();
            return false;
        }
        let query = query::parse(&text);
        if query.is_empty() && query.diagnostics().is_empty() {
            self.diagnostics.clear();
            self.active = Some(text);
            self.plans = Plans::default();
            self.grouped = None;
            self.highlighter = None;
            return true;
        }
        match Plans::new(&query, contexts) {
            Ok(plans) => {
                self.diagnostics.clear();
                self.active = Some(text.clone());
                self.grouped = Some(query.grouped()).filter(|grouped| *grouped != text.trim());
                self.highlighter = plans.first().map(|(_, plan)| Matcher::new(&plan.test));
                self.plans = plans;
                true
            }
            Err(diagnostics) => {
                self.diagnostics = diagnostics;
                false
            }
        }
    }

    /// Makes the committed filter the requested filter.
    pub fn request(&mut self) {
        self.requested.clone_from(&self.committed);
        self.requested_plans.clone_from(&self.plans);
    }

    /// Returns whether the committed filter has been requested from the service. Otherwise, the
    /// list shows only loaded alerts.
    pub fn is_requested(&self) -> bool {
        self.committed == self.requested
    }

    /// Returns whether the rows come from the requested filter rather than from a pivot or a filter
    /// that is being typed.
    pub fn shows_requested(&self) -> bool {
        let is_same = |text: &String| text.trim() == self.requested;
        self.is_requested() && self.active.as_ref().is_none_or(is_same)
    }

    /// Returns the requested filter.
    pub fn requested(&self) -> &str {
        &self.requested
    }

    /// Returns a feed's plan for the requested filter.
    pub fn requested_plan(&self, feed: FeedId) -> Option<&Plan> {
        self.requested_plans.of(feed)
    }

    /// Returns the scope to fetch from a feed for the requested filter.
    pub fn requested_scope(&self, feed: FeedId) -> Scope {
        scope(self.requested_plans.of(feed))
    }

    /// Returns the list to request from a feed for the requested filter.
    pub(super) fn requested_list(&self, feed: FeedId) -> ListRequest {
        let guess = self.requested_plans.of(feed).is_some_and(|plan| plan.guesses_owner);
        ListRequest { scope: self.requested_scope(feed), guess }
    }

    /// Returns the scope that the active filter would fetch from a feed.
    pub fn scope(&self, feed: FeedId) -> Scope {
        scope(self.plans.of(feed))
    }

    /// Commits a previous filter without adding it to the history.
    pub fn set_committed(&mut self, text: &str) {
        self.editor = None;
        text.clone_into(&mut self.committed);
    }

    /// Returns whether the text in the bar is valid.
    pub fn is_valid(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// Returns the filters that were run, newest last.
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// Replaces the history, of which the newest filters are kept.
    pub(super) fn set_history(&mut self, mut history: Vec<String>) {
        history.drain(..history.len().saturating_sub(MAX_HISTORY));
        self.history = history;
    }

    /// Ends editing, commits the text and adds it to the history.
    pub fn commit(&mut self) {
        if let Some(editor) = self.editor.take() {
            let text = editor.text().trim().to_owned();
            if !text.is_empty() {
                self.history.retain(|old| *old != text);
                self.history.push(text.clone());
                if self.history.len() > MAX_HISTORY {
                    self.history.remove(0);
                }
            }
            self.committed = text;
        }
    }

    /// Ends editing and discards what was typed.
    pub fn restore(&mut self) {
        self.editor = None;
        self.diagnostics.clear();
    }

    /// Accepts the selected completion or, if there is none, the fix for the first error. Returns
    /// whether the text has changed.
    pub fn complete(&mut self) -> bool {
        let fix = self.diagnostics.iter().find_map(|diagnostic| diagnostic.fix.clone());
        // If the text uses another tool's syntax, apply the fix: a completion would only extend
        // text that must be rewritten.
        let is_other_syntax =
            self.diagnostics.first().is_some_and(|first| first.kind == DiagnosticKind::OtherSyntax);
        let Some(editor) = &mut self.editor else { return false };
        let completion = editor.completions.get(editor.choice).filter(|_| !is_other_syntax || fix.is_none());
        let Some((span, text)) = completion.map(|found| (found.range.clone(), found.text.clone())).or(fix)
        else {
            return false;
        };
        let mut full = editor.text().to_owned();
        if full.get(span.clone()).is_none_or(|old| old == text) {
            return false;
        }
        full.replace_range(span.clone(), &text);
        let cursor = full[..span.start + text.len()].chars().count();
        editor.field = TextField::new(full).with_cursor(cursor);
        true
    }

    /// Selects the next or previous completion.
    pub fn choose(&mut self, forward: bool) {
        if let Some(editor) = &mut self.editor {
            let count = editor.completions.len().max(1);
            editor.choice = (editor.choice + if forward { 1 } else { count - 1 }) % count;
        }
    }

    /// Recalls an older or newer filter from the history. Returns whether the text has changed.
    pub fn recall(&mut self, older: bool) -> bool {
        let Some(editor) = &mut self.editor else { return false };
        let at = editor.recalled.as_ref().map_or(0, |(at, _)| *at);
        let next = if older { (at + 1).min(self.history.len()) } else { at.saturating_sub(1) };
        if next == at {
            return false;
        }
        let typed = editor.recalled.take().map_or_else(|| editor.text().to_owned(), |(_, typed)| typed);
        let text = if next == 0 { typed.clone() } else { self.history[self.history.len() - next].clone() };
        *editor = Editor::new(&text);
        editor.recalled = (next > 0).then_some((next, typed));
        true
    }
}

/// Returns the loaded values that contain what is typed before the cursor, those of most alerts
/// first.
fn loaded_values(store: &Store, text: &str, cursor: usize) -> Vec<Completion> {
    let Some(typed) = query::typed_value(text, cursor) else { return Vec::new() };
    let field = query::find_field(typed.field).map(|field| field.name);
    let property = VALUES.iter().find(|(name, _)| Some(*name) == field);
    let Some((_, property)) = property else { return Vec::new() };
    let values = store.frequent_values(property, typed.part, MAX_VALUES);
    let completion = |(value, alerts): (String, usize)| Completion {
        range: typed.range.clone(),
        text: query::literal(&value),
        help: if alerts == 1 { "1 alert".to_owned() } else { format!("{} alerts", thousands(alerts)) },
    };
    let values = values.into_iter().filter(|(value, _)| value.len() <= MAX_VALUE);
    values.map(completion).collect()
}

fn scope(plan: Option<&Plan>) -> Scope {
    let Some(plan) = plan else { return Scope::All };
    if plan.excludes_feed {
        return Scope::Nothing;
    }
    match (&plan.id, &plan.pushed) {
        (Some(id), _) => Scope::One(id.clone()),
        (None, Some(pushed)) => Scope::Filter(pushed.clone()),
        (None, None) => Scope::All,
    }
}
