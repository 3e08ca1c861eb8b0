//! The list: its commands and its cursor, which stays on the same alert and screen line when other
//! alerts arrive (docs/console.md, "Cursor").

use super::{
    App, Pane,
    arrivals::{Found, Notification},
    columns::ListColumn,
    command::{Context, Hint, Motion, hint, run},
    groups::Lines,
    scroll::Scroll,
};
use alertdeck_store::{Row, RowSet, Sort, Store};

/// The commands of the list.
pub(super) static CONTEXT: Context = Context {
    name: "list",
    heading: "List",
    commands: &[
        run("list.filter", "edit the filter", |app, _| app.edit_filter()),
        run("list.read", "read the alert", |app, _| app.focus_on(Pane::Detail)),
        run("list.sort", "sort by column", |app, _| {
            let menu = app.sort_menu();
            app.ui.open(menu);
        }),
        run("list.reverse", "reverse the order", |app, _| {
            let sort = app.view.sort();
            app.change_sort(Sort { descending: !sort.descending, ..sort });
        }),
        run("list.mark-range", "mark a range (Space marks it)", |app, _| app.begin_range()),
        run("list.mark-all", "mark all matching alerts", |app, _| app.mark_matching()),
        run("list.mark-similar", "mark similar open alerts", |app, _| app.mark_similar()),
        run("list.invert-marks", "invert the marks on matching alerts", |app, _| app.invert_marks()),
        run("list.seen", "mark new and changed alerts as seen", |app, _| app.mark_seen()),
        run("list.clear-marks", "clear all marks", |app, _| app.clear_marks()),
        run("list.group", "group by a value", |app, _| {
            let menu = app.group_menu();
            app.ui.open(menu);
        }),
        run("list.scroll-right", "unfold the group, or scroll titles right", |app, _| {
            if !app.fold_group(true) && app.groups.is_none() {
                app.list.shift(true);
            }
        }),
        run("list.scroll-left", "fold the group, or scroll titles left", |app, _| {
            if app.groups.is_none() || app.list.shift > 0 {
                app.list.shift(false);
            } else {
                app.fold_group(false);
            }
        }),
    ],
};

/// Returns the key bar hints. The last hint shows the help key or, while a range is being marked,
/// the key that cancels it.
pub(super) fn hints(app: &App) -> Vec<Hint> {
    let moving = hint(&["move.down", "move.up"], "move");
    if app.range().is_some() {
        return vec![hint(&["alert.mark"], "mark"), moving, hint(&["app.back"], "cancel")];
    }
    let writes = app.selected().is_some_and(|row| app.why_read_only(app.store.feed(row)).is_none());
    let triage =
        [hint(&["alert.take"], "take"), hint(&["alert.close"], "close"), hint(&["alert.comment"], "comment")];
    let triage = triage.into_iter().filter(|_| writes);
    let next_new = (!app.list.new.is_empty()).then_some(hint(&["panes.next-new"], "next new"));
    let fold = app.groups.is_some().then_some(hint(&["list.scroll-left", "list.scroll-right"], "fold"));
    let first = [hint(&["list.read"], "read"), hint(&["list.filter"], "filter")];
    let always = [
        hint(&["alert.include"], "include"),
        hint(&["alert.pivot"], "pivot"),
        hint(&["list.sort"], "sort"),
        hint(&["alert.open-in-browser"], "open"),
        hint(&["alert.copy"], "copy"),
        hint(&["panes.refresh"], "refresh"),
        hint(&["open.help"], "keys"),
    ];
    std::iter::once(moving).chain(next_new).chain(fold).chain(first).chain(triage).chain(always).collect()
}

/// The state of the list.
#[derive(Debug, Default)]
pub struct List {
    /// The cursor and the window.
    pub scroll: Scroll,
    /// The number of columns by which titles are scrolled.
    pub shift: usize,
    /// The columns that the user has chosen; `None` for those that the width of the list
    /// determines.
    pub columns: Option<Vec<ListColumn>>,
    /// The alerts that have arrived since the list was loaded and have not been read yet.
    pub new: RowSet,
    /// The alerts that have changed since the list was loaded and have not been read since they
    /// changed.
    pub changed: RowSet,
    /// The numbers of new and changed alerts found so far by the current refresh; `None` if no
    /// refresh is running.
    pub(super) found: Option<Found>,
    /// The notification to send for the alerts that the current poll has found.
    pub(super) notification: Notification,
    /// The alert under the cursor.
    cursor: Option<Row>,
    /// The cursor's line within the window.
    line: usize,
    /// Whether the user has moved the cursor. Until then, it stays on the newest alert.
    moved: bool,
    revision: u64,
}

/// A cursor position.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListPosition {
    row: Option<Row>,
    line: usize,
    shift: usize,
}

impl ListPosition {
    /// Returns the alert under the cursor.
    pub(super) fn row(self) -> Option<Row> {
        self.row
    }
}

/// The maximum number of columns by which titles can be scrolled.
const MAX_SHIFT: usize = 400;

impl List {
    /// Returns the alert under the cursor. While the rows are being scanned, a cursor that the user
    /// has moved stays on its previous alert.
    pub fn selected(&self, lines: Lines<'_>) -> Option<Row> {
        let shown = lines.get(self.scroll.cursor);
        if self.moved && lines.is_scanning() { self.cursor.or(shown) } else { shown }
    }

    /// Clears an alert's new and changed signs, because the alert is being read.
    pub(super) fn read(&mut self, row: Row) {
        self.new.remove(row);
        self.changed.remove(row);
    }

    /// Moves the cursor.
    pub fn go(&mut self, lines: Lines<'_>, motion: Motion, height: usize) {
        self.moved = motion != Motion::Top;
        self.scroll.go(motion, lines.len(), height);
        self.remember_cursor(lines);
    }

    /// Moves the cursor to a line in the window.
    pub fn go_to_line(&mut self, lines: Lines<'_>, line: usize) {
        let at = self.scroll.top + line;
        if at < lines.len() {
            self.moved = true;
            self.scroll.cursor = at;
            self.remember_cursor(lines);
        }
    }

    /// Moves the cursor to the row at index `at` and scrolls a window of `height` lines to show it.
    pub(super) fn go_to(&mut self, lines: Lines<'_>, at: usize, height: usize) {
        self.moved = true;
        self.scroll.cursor = at;
        self.scroll.show(lines.len(), height);
        self.remember_cursor(lines);
    }

    /// Scrolls the window by so many lines; positive is down.
    pub fn wheel(&mut self, lines: Lines<'_>, by: i32, height: usize) {
        self.moved = true;
        self.scroll.wheel(by, lines.len(), height);
        self.remember_cursor(lines);
    }

    /// Returns the cursor position, to be restored later.
    pub(super) fn position(&self, lines: Lines<'_>) -> ListPosition {
        ListPosition { row: self.selected(lines), line: self.line, shift: self.shift }
    }

    /// Restores a cursor position, even if alerts have arrived since.
    pub(super) fn restore_position(&mut self, position: ListPosition) {
        self.moved = position.row.is_some();
        (self.cursor, self.line, self.shift) = (position.row, position.line, position.shift);
        // The next call to `settle` finds the alert.
        self.revision = u64::MAX;
    }

    /// Keeps the cursor on its alert even if the user has not moved it.
    pub(super) fn pin_cursor(&mut self, lines: Lines<'_>) {
        self.cursor = self.selected(lines);
        self.moved = self.cursor.is_some();
    }

    /// Scrolls the titles sideways.
    pub fn shift(&mut self, right: bool) {
        self.shift = if right { (self.shift + 8).min(MAX_SHIFT) } else { self.shift.saturating_sub(8) };
    }

    fn remember_cursor(&mut self, lines: Lines<'_>) {
        self.cursor = lines.get(self.scroll.cursor);
        self.line = self.scroll.cursor - self.scroll.top.min(self.scroll.cursor);
    }

    /// Keeps the cursor on its alert after the view has changed. If the alert has left the list,
    /// the cursor moves to the row below (docs/console.md, "Cursor" and "Rows that no longer
    /// match").
    pub fn settle(&mut self, store: &Store, lines: Lines<'_>, height: usize) {
        let len = lines.len();
        if self.revision != lines.revision() {
            self.revision = lines.revision();
            match self.cursor.filter(|_| self.moved) {
                None => {
                    self.scroll.cursor = 0;
                    self.remember_cursor(lines);
                }
                Some(row) => {
                    let index = lines.nearest(store, row);
                    let found = lines.get(index) == Some(row);
                    if found || !lines.is_scanning() {
                        self.scroll.cursor = index.min(len.saturating_sub(1));
                        self.scroll.top = self.scroll.cursor.saturating_sub(self.line);
                    }
                    if !found && !lines.is_scanning() && len > 0 {
                        self.cursor = lines.get(self.scroll.cursor);
                    }
                }
            }
        }
        self.scroll.show(len, height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::{AlertId, RawAlert};
    use alertdeck_store::{Batch, FeedId, Filter, View};
    use bytes::Bytes;
    use serde_json::json;

    const FEED: FeedId = FeedId::new(0);

    /// Matches alerts with an even id, doing the work in several steps.
    #[derive(Debug)]
    struct Even(usize);

    impl Filter for Even {
        fn reuse(&mut self, _: Box<dyn std::any::Any>) {}

        fn restart(&mut self) {
            self.0 = 0;
        }

        fn evaluate(&mut self, store: &Store, work: &mut usize) -> Option<RowSet> {
            self.0 += std::mem::take(work);
            let is_complete = self.0 > store.len();
            is_complete.then(|| store.rows().iter().filter(|row| self.matches(store, *row)).collect())
        }

        fn found_so_far(&self, _: &Store) -> Option<RowSet> {
            None
        }

        fn matches(&mut self, store: &Store, row: Row) -> bool {
            store.facts(row).id().raw().parse::<u32>().unwrap() % 2 == 0
        }
    }

    struct Harness {
        store: Store,
        view: View,
        list: List,
    }

    impl Harness {
        fn new() -> Self {
            Self { store: Store::default(), view: View::default(), list: List::default() }
        }

        fn arrive(&mut self, minutes: impl IntoIterator<Item = u32>) {
            let raw: Vec<_> = minutes
                .into_iter()
                .map(|m| json!({"id": m.to_string(), "createdDateTime": format!("2026-11-01T{:02}:{:02}:00Z", m / 60, m % 60)}))
                .map(|alert| RawAlert(Bytes::from(alert.to_string())))
                .collect();
            let touched = self.store.absorb(FEED, Batch::decode(&raw)).touched();
            self.view.touch(&self.store, &touched);
            self.list.settle(&self.store, Lines::new(&self.view, None), 5);
        }

        fn filter(&mut self, even: bool) {
            self.view.filter(&self.store, even.then(|| -> Box<dyn Filter> { Box::new(Even(0)) }));
            while self.view.advance(&self.store, 2) {
                self.list.settle(&self.store, Lines::new(&self.view, None), 5);
            }
            self.list.settle(&self.store, Lines::new(&self.view, None), 5);
        }

        fn selected(&self) -> String {
            let row = self.list.selected(Lines::new(&self.view, None)).unwrap();
            self.store.facts(row).id().raw().to_owned()
        }

        fn line(&self) -> usize {
            self.list.scroll.cursor - self.list.scroll.top
        }
    }

    #[test]
    fn cursor_keeps_its_alert_and_line() {
        let mut harness = Harness::new();
        harness.arrive(20..40);
        for _ in 0..3 {
            harness.list.go(Lines::new(&harness.view, None), Motion::Down, 5);
        }
        assert_eq!((harness.selected(), harness.line()), ("36".into(), 3));
        harness.arrive(40..90);
        assert_eq!((harness.selected(), harness.line()), ("36".into(), 3));
        harness.arrive(0..20);
        assert_eq!((harness.selected(), harness.line()), ("36".into(), 3));
    }

    #[test]
    fn rescan_keeps_cursor_alert_and_line() {
        let mut harness = Harness::new();
        harness.arrive(0..200);
        for _ in 0..3 {
            harness.list.go(Lines::new(&harness.view, None), Motion::PageDown, 5);
        }
        harness.list.go(Lines::new(&harness.view, None), Motion::Up, 5);
        let (alert, line) = (harness.selected(), harness.line());
        assert!(line > 0);
        harness.view.filter(&harness.store, Some(Box::new(Even(0))));
        harness.list.settle(&harness.store, Lines::new(&harness.view, None), 5);
        assert_eq!(harness.selected(), alert, "before the filter is evaluated");
        while harness.view.advance(&harness.store, 2) {
            harness.list.settle(&harness.store, Lines::new(&harness.view, None), 5);
            assert_eq!(harness.selected(), alert);
        }
        harness.list.settle(&harness.store, Lines::new(&harness.view, None), 5);
        assert_eq!((harness.selected(), harness.line()), (alert, line));
    }

    #[test]
    fn unmoved_cursor_stays_on_the_newest() {
        let mut harness = Harness::new();
        harness.arrive(20..40);
        harness.arrive(40..50);
        assert_eq!(harness.selected(), "49");
        harness.list.go(Lines::new(&harness.view, None), Motion::Down, 5);
        harness.list.go(Lines::new(&harness.view, None), Motion::Top, 5);
        harness.arrive(50..60);
        assert_eq!(harness.selected(), "59");
    }

    #[test]
    fn cursor_moves_to_the_row_below_a_removed_one() {
        let mut harness = Harness::new();
        harness.arrive(20..40);
        harness.list.go(Lines::new(&harness.view, None), Motion::Bottom, 5);
        harness.list.go(Lines::new(&harness.view, None), Motion::Up, 5);
        assert_eq!(harness.selected(), "21");
        harness.filter(true);
        assert_eq!(harness.selected(), "20");
        assert!(harness.store.row(FEED, &AlertId::new("21")).is_some());
    }
}
