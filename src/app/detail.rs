//! The detail pane: one alert as a list of foldable lines, from its facts to its last property.
//!
//! Everything in the alert is accessible here: facts, the evidence tree with all of each node's
//! values, descriptions, comments, all properties, and the JSON.

mod fact;
mod find;
mod outline;
mod pane;
mod values;

use std::collections::HashMap;

pub use fact::{Fact, FactValue};
pub use find::Find;
pub use outline::{DECODED_LABEL, Indentation, command_line};
pub use pane::DetailPane;
pub(super) use pane::DetailPosition;
pub(super) use pane::{CONTEXT, FIND, hints};
pub use values::Value;

use self::{
    find::{FindOrigin, Hit},
    outline::{Outline, SuspiciousPaths},
};
use super::{command::Motion, message::Body, scroll::Scroll};
use alertdeck_evidence::{Node, NodeId};
use alertdeck_model::{Property, SafeText, Timestamp, Verdict};
use alertdeck_store::{Row, StoredAlert};

/// The key of a foldable line. A line has the same key each time its alert is shown.
pub type FoldKey = u64;

/// The lines that the user has folded (`true`) or unfolded. All other lines are in their initial
/// state.
pub type Folds = HashMap<FoldKey, bool>;

/// The id of a block of lines, such as wrapped text. Does not depend on folds or width.
type BlockId = u64;

/// The id of a line: its block and its index within the block. Does not depend on folds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LineId {
    block: BlockId,
    nth: usize,
}

impl LineId {
    /// Returns the id of the first line of a block, which is usually its only line.
    fn first(block: BlockId) -> Self {
        Self { block, nth: 0 }
    }
}

/// A view of an alert in the detail pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetailView {
    /// The facts, the evidence and the descriptions.
    #[default]
    Alert,
    /// The alert's timeline.
    Timeline,
    /// The alert's JSON as received.
    Json,
}

/// One line of the pane.
#[derive(Clone, Debug)]
pub struct Line {
    /// The indentation level.
    pub depth: usize,
    /// The content of the line.
    pub kind: LineKind,
    /// The fold key, and whether the line is folded. `None` if nothing is nested below the line.
    pub fold: Option<(FoldKey, bool)>,
    /// The id, which stays the same when folds or the width change.
    id: LineId,
}

/// The content of a line.
#[derive(Clone, Debug)]
pub enum LineKind {
    /// Facts with labels, side by side.
    Facts(Vec<Fact>),
    /// A section heading, with the number of items in the section if they are counted.
    Section(&'static str, Option<usize>),
    /// A node in the evidence tree.
    Node(NodeId),
    /// One line of a process's wrapped command line, shown below the process's node.
    CommandLine(NodeId, String),
    /// One line of text that a process's command line carries in Base64, decoded. The flag tells
    /// whether a decoded text starts here.
    Decoded(NodeId, bool, String),
    /// Grouped nodes of the same kind that are not suspicious: their number and the kind's plural
    /// name.
    Group(usize, String),
    /// One of the alert's indicators, by index.
    Indicator(usize),
    /// An entry of the timeline, by index.
    TimelineEntry(usize),
    /// A line of text wrapped to the pane's width.
    Text {
        /// The text of the line.
        line: String,
        /// The number of spaces between this line and the previous one; 0 if the line break splits
        /// a word.
        gap: usize,
        /// The alert property that contains this text; empty if there is none.
        property: &'static str,
        /// The full text.
        full_text: SafeText,
    },
    /// The remainder of text that is too long to lay out in full.
    Rest {
        /// The byte offset in the displayed text at which the remainder starts.
        from: usize,
        /// The alert property that contains this text; empty if there is none.
        property: &'static str,
        /// The full text.
        full_text: SafeText,
    },
    /// A comment's author and time.
    Comment(Option<SafeText>, Option<Timestamp>),
    /// A property with its path.
    Property(Property),
    /// An empty line.
    Blank,
}

/// The displayed alert and the state of its view.
#[derive(Debug)]
pub struct Detail {
    /// The alert's row.
    pub row: Row,
    /// The version of the alert that was read. Updating an alert changes its version.
    pub stored: StoredAlert,
    /// The alert, prepared for display.
    pub body: Body,
    /// The cursor and the window.
    pub scroll: Scroll,
    /// The search in the alert, if any.
    pub find: Option<Find>,
    view: DetailView,
    /// The cursor and window of each view, saved while another view is shown.
    scrolls: [Scroll; 3],
    lines: Vec<Line>,
    /// The key that `lines` was laid out with.
    layout_key: Option<LayoutKey>,
    suspicious_paths: SuspiciousPaths,
}

/// The inputs to the layout other than the alert and the view.
#[derive(Debug)]
struct LayoutKey {
    folds: Folds,
    width: usize,
}

impl Detail {
    /// Creates an alert's detail view with no lines; `lay_out` adds them.
    pub fn new(row: Row, stored: StoredAlert, body: Body) -> Self {
        let suspicious_paths = SuspiciousPaths::new(&body.tree);
        Self {
            row,
            stored,
            body,
            scroll: Scroll::default(),
            find: None,
            view: DetailView::default(),
            scrolls: [Scroll::default(); 3],
            lines: Vec::new(),
            layout_key: None,
            suspicious_paths,
        }
    }

    /// Adopts the current view and the search from the previously shown alert. If that is the same
    /// alert, also adopts its cursors and windows.
    pub(super) fn inherit_view(&mut self, former: Self) {
        self.view = former.view;
        self.find = former.find;
        if former.row == self.row {
            (self.scroll, self.scrolls) = (former.scroll, former.scrolls);
        }
    }

    /// Returns the lines from top to bottom.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns the line under the cursor.
    pub fn line(&self) -> Option<&Line> {
        self.lines.get(self.scroll.cursor)
    }

    /// Returns the current view.
    pub fn view(&self) -> DetailView {
        self.view
    }

    /// Switches to another view and restores the cursor to where it last was in that view.
    pub(super) fn show(&mut self, view: DetailView, folds: &Folds, (width, height): (usize, usize)) {
        self.scrolls[self.view as usize] = self.scroll;
        self.view = view;
        self.scroll = self.scrolls[view as usize];
        self.lines.clear();
        self.layout_key = None;
        self.lay_out(folds, width);
        self.scroll.show(self.lines.len(), height);
    }

    /// Lays the lines out again if the folds or the width have changed. The cursor stays on its
    /// line, or moves to the folded line that now contains it.
    pub(super) fn lay_out(&mut self, folds: &Folds, width: usize) {
        let layout_key = self.layout_key.as_ref().filter(|layout_key| layout_key.width == width);
        if layout_key.is_some_and(|layout_key| layout_key.folds == *folds) {
            return;
        }
        let is_new_layout = layout_key.is_none();
        self.layout_key = Some(LayoutKey { folds: folds.clone(), width });
        let lines = Outline::new(Some(folds), width).lines(&self.body, self.view, &self.suspicious_paths);
        let before = std::mem::replace(&mut self.lines, lines);
        // The search covers the lines as displayed, so they must be indexed again.
        if is_new_layout && let Some(mut find) = self.find.take() {
            find.index(self.all_lines(), &self.body);
            self.find = Some(find);
        }
        let mut candidate = (self.scroll.cursor < before.len()).then_some(self.scroll.cursor);
        while let Some(at) = candidate {
            if let Some(cursor) = index_of(&self.lines, before[at].id) {
                // Keep the cursor at the same position in the window if possible.
                self.scroll.top = (self.scroll.top + cursor).saturating_sub(self.scroll.cursor);
                self.scroll.cursor = cursor;
                return;
            }
            candidate = parent_line(&before, at);
        }
    }

    /// Moves the cursor.
    pub fn go(&mut self, motion: Motion, height: usize) {
        self.scroll.go(motion, self.lines.len(), height);
        if matches!(motion, Motion::Down | Motion::HalfDown | Motion::PageDown) {
            let from = self.scroll.cursor;
            let next = self.lines[from.min(self.lines.len())..].iter().position(Line::takes_cursor);
            self.scroll.cursor += next.unwrap_or_default();
        }
        self.settle_cursor(height);
    }

    /// If the cursor is on a line where it cannot stop, such as a command line, moves it up to the
    /// line's node. Then scrolls to show as many of the node's lines as fit in the window.
    pub(super) fn settle_cursor(&mut self, height: usize) {
        while self.scroll.cursor > 0 && self.line().is_some_and(|line| !line.takes_cursor()) {
            self.scroll.cursor -= 1;
        }
        self.scroll.show(self.lines.len(), height);
        let is_command = |line: &Line| matches!(line.kind, LineKind::CommandLine(..) | LineKind::Decoded(..));
        let below = self.lines.iter().skip(self.scroll.cursor + 1).take_while(|line| is_command(line));
        let end = self.scroll.cursor + 1 + below.count();
        self.scroll.top = self.scroll.top.max(end.saturating_sub(height)).min(self.scroll.cursor);
    }

    /// Returns the displayed part of a node's command line as a single line; empty if the node has
    /// no command line.
    pub fn command_lines(&self, node: &Line) -> String {
        let below = self.lines.iter().skip_while(|line| line.id != node.id).skip(1);
        let mut lines = below.map_while(|line| match &line.kind {
            LineKind::CommandLine(_, text) => Some(text.as_str()),
            _ => None,
        });
        lines.next().map_or_else(String::new, |first| {
            lines.fold(first.to_owned(), |all, line| all + " " + line.trim_start())
        })
    }

    /// Moves the cursor to the current line's parent.
    pub(super) fn go_to_parent(&mut self, height: usize) {
        if let Some(at) = parent_line(&self.lines, self.scroll.cursor) {
            self.scroll.cursor = at;
            self.scroll.show(self.lines.len(), height);
        }
    }

    /// Moves the cursor to the line at index `at` in `all`, unfolding the line's parents.
    fn reveal(&mut self, all: &[Line], at: usize, folds: &mut Folds, height: usize) {
        let mut parent = parent_line(all, at);
        while let Some(line) = parent {
            folds.extend(all[line].fold.map(|(key, _)| (key, false)));
            parent = parent_line(all, line);
        }
        self.lay_out(folds, self.width());
        if let Some(cursor) = index_of(&self.lines, all[at].id) {
            self.scroll.cursor = cursor;
        }
        self.settle_cursor(height);
    }

    /// Returns the width that the lines were laid out for.
    fn width(&self) -> usize {
        self.layout_key.as_ref().map_or(0, |layout_key| layout_key.width)
    }

    /// Lays out all lines as if nothing were folded.
    fn all_lines(&self) -> Vec<Line> {
        // If no line can be folded, the lines are already complete. This avoids wrapping a megabyte
        // of text twice.
        if self.lines.iter().all(|line| line.fold.is_none()) {
            return self.lines.clone();
        }
        Outline::new(None, self.width()).lines(&self.body, self.view, &self.suspicious_paths)
    }

    /// Returns the index in `all` of the line under the cursor.
    fn cursor_in(&self, all: &[Line]) -> usize {
        self.line().and_then(|line| index_of(all, line.id)).unwrap_or(0)
    }

    /// Moves the cursor to the next or previous suspicious or malicious node and unfolds its
    /// parents. Returns the node's position among these nodes, counted from 1, and their total;
    /// `None` if there is no such node in that direction.
    pub(super) fn go_to_suspicious(
        &mut self,
        forward: bool,
        folds: &mut Folds,
        height: usize,
    ) -> Option<(usize, usize)> {
        let all = self.all_lines();
        let cursor = self.cursor_in(&all);
        let is_suspicious =
            |line: &Line| line.id.nth == 0 && self.node(line).is_some_and(|(_, node)| is_suspicious(node));
        let suspicious: Vec<usize> = (0..all.len()).filter(|at| is_suspicious(&all[*at])).collect();
        let nth = if forward {
            suspicious.partition_point(|at| *at <= cursor)
        } else {
            suspicious.partition_point(|at| *at < cursor).checked_sub(1)?
        };
        self.reveal(&all, *suspicious.get(nth)?, folds, height);
        Some((nth + 1, suspicious.len()))
    }

    /// Moves the cursor to a tree node and unfolds its parents.
    pub(super) fn go_to_node(&mut self, id: NodeId, folds: &mut Folds, height: usize) {
        let all = self.all_lines();
        if let Some(at) = all.iter().position(|line| matches!(line.kind, LineKind::Node(node) if node == id))
        {
            self.reveal(&all, at, folds, height);
        }
    }

    /// Folds or unfolds every node in the tree.
    pub(super) fn fold_tree(&mut self, fold: bool, folds: &mut Folds, height: usize) {
        let all = self.all_lines();
        let tree = all.iter().filter(|line| matches!(line.kind, LineKind::Node(_) | LineKind::Group(..)));
        folds.extend(tree.filter_map(|line| line.fold).map(|(key, _)| (key, fold)));
        self.lay_out(folds, self.width());
        self.scroll.show(self.lines.len(), height);
    }

    /// Starts a search at the cursor.
    pub(super) fn begin_find(&mut self, folds: &Folds) {
        let line_id = self.line().map(|line| line.id).unwrap_or_default();
        let mut find = Find::begin(FindOrigin { folds: folds.clone(), scroll: self.scroll, line_id });
        find.index(self.all_lines(), &self.body);
        self.find = Some(find);
    }

    /// Searches for the typed text and goes to the first hit at or after the origin. If there are
    /// no hits, returns to the origin.
    pub(super) fn search_typed(&mut self, folds: &mut Folds, height: usize) {
        let Some(mut find) = self.find.take() else { return };
        let text = find.editor.as_ref().map(|editor| editor.text().to_owned()).unwrap_or_default();
        find.set_text(&text);
        folds.clone_from(&find.origin.folds);
        let from = index_of(&find.lines, find.origin.line_id).unwrap_or(0);
        match find.first_from(from) {
            Some(hit) => self.reveal_hit(&find.lines, hit, folds, height),
            None => self.restore_origin(&find.origin, folds, height),
        }
        self.find = Some(find);
    }

    /// Goes to the next or previous hit. Returns whether a hit was found.
    pub(super) fn go_to_hit(&mut self, forward: bool, folds: &mut Folds, height: usize) -> bool {
        let Some(mut find) = self.find.take() else { return false };
        let hit = find.next_from(self.cursor_in(&find.lines), forward);
        if let Some(hit) = hit {
            self.reveal_hit(&find.lines, hit, folds, height);
        }
        self.find = Some(find);
        hit.is_some()
    }

    /// Moves the cursor to a hit and scrolls the window to show the entire hit if possible.
    fn reveal_hit(&mut self, all: &[Line], hit: Hit, folds: &mut Folds, height: usize) {
        self.reveal(all, hit.line, folds, height);
        let end = self.scroll.cursor + hit.last - hit.line + 1;
        self.scroll.top = self.scroll.top.max(end.saturating_sub(height)).min(self.scroll.cursor);
    }

    /// Closes the search field. With `keep`, the cursor stays at the hit; otherwise, it returns to
    /// the origin.
    pub(super) fn end_find(&mut self, keep: bool, folds: &mut Folds, height: usize) {
        let Some(mut find) = self.find.take() else { return };
        if !keep {
            self.restore_origin(&find.origin, folds, height);
        } else if !find.text().trim().is_empty() {
            find.editor = None;
            self.find = Some(find);
        }
    }

    /// Restores the folds, cursor and window from before the search.
    fn restore_origin(&mut self, origin: &FindOrigin, folds: &mut Folds, height: usize) {
        folds.clone_from(&origin.folds);
        self.lay_out(folds, self.width());
        self.scroll = origin.scroll;
        self.scroll.show(self.lines.len(), height);
    }

    /// Returns the node that a line shows, if any.
    pub fn node(&self, line: &Line) -> Option<(NodeId, &Node)> {
        let id = match line.kind {
            LineKind::Node(id) | LineKind::CommandLine(id, _) | LineKind::Decoded(id, ..) => id,
            LineKind::TimelineEntry(at) => self.body.timeline.entries[at].node?,
            _ => return None,
        };
        Some((id, self.body.tree.node(id)))
    }
}

impl Line {
    /// Returns whether the cursor stops at the line. The cursor skips command lines, what they carry
    /// and blank lines, so that moving past them takes no extra key presses.
    fn takes_cursor(&self) -> bool {
        !matches!(self.kind, LineKind::CommandLine(..) | LineKind::Decoded(..) | LineKind::Blank)
    }
}

/// Returns whether a node's verdict is suspicious or malicious.
fn is_suspicious(node: &Node) -> bool {
    matches!(node.verdict, Verdict::Suspicious | Verdict::Malicious)
}

/// Returns the index of a line's parent.
fn parent_line(lines: &[Line], at: usize) -> Option<usize> {
    let depth = lines.get(at)?.depth;
    lines[..at].iter().rposition(|line| line.depth < depth && line.fold.is_some())
}

/// Returns the index of the line with this id. If its block now has fewer lines, returns the index
/// of the block's last line.
fn index_of(lines: &[Line], line_id: LineId) -> Option<usize> {
    let first = lines.iter().position(|line| line.id.block == line_id.block)?;
    let its = lines[first..].iter().take_while(|line| line.id.block == line_id.block);
    Some(first + its.take(line_id.nth + 1).count() - 1)
}
