//! The detail pane: one alert as a list of lines that fold, from the facts to the last property.
//!
//! Everything that the alert holds is reachable from here: facts, the evidence tree with all
//! values of each node, texts, comments, all properties, and the JSON.

mod fact;
mod find;
mod outline;
mod pane;
mod values;

use std::collections::HashMap;

pub use fact::{Fact, FactValue};
pub use find::Find;
pub use pane::DetailPane;
pub(super) use pane::{CONTEXT, FIND, hints};
pub use values::Value;

use self::{
    find::{Before, Hit},
    outline::{Outline, SuspiciousPaths},
};
use super::{command::Motion, message::Body, scroll::Scroll};
use alertdeck_evidence::{Node, NodeId};
use alertdeck_model::{Property, SafeText, Timestamp, Verdict};
use alertdeck_store::Row;

/// What folds a line: the same for the same thing whenever the alert is shown.
pub type FoldKey = u64;

/// What the user folded (`true`) and unfolded; everything else is as it is laid out at first.
pub type Folds = HashMap<FoldKey, bool>;

/// What a line is of, the same whatever is folded and however wide the pane is.
type Place = u64;

/// A line, told apart by the thing that it is of and its place among that thing's lines: the same
/// whatever is folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spot {
    place: Place,
    nth: usize,
}

impl Spot {
    /// The first line, mostly the only one, of a thing.
    fn of(place: Place) -> Self {
        Self { place, nth: 0 }
    }
}

/// What of the alert the pane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetailView {
    /// Facts, evidence, texts.
    #[default]
    Alert,
    /// What happened when.
    Timeline,
    /// The alert as it was sent.
    Json,
}

/// One line of the pane.
#[derive(Clone, Debug)]
pub struct Line {
    /// Levels of indentation.
    pub depth: usize,
    /// What stands in it.
    pub kind: LineKind,
    /// What folds it and whether it is folded, where something is below it.
    pub fold: Option<(FoldKey, bool)>,
    /// What it is of: a text takes more lines in a narrow pane than in a wide one.
    spot: Spot,
}

/// What stands in a line.
#[derive(Clone, Debug)]
pub enum LineKind {
    /// Labelled facts side by side.
    Facts(Vec<Fact>),
    /// The heading of a section, with how much is in it.
    Section(&'static str, Option<usize>),
    /// A node of the evidence tree.
    Node(NodeId),
    /// So many quiet nodes of a kind, with what they are called.
    Group(usize, String),
    /// One of the alert's indicators, by its place among them.
    Indicator(usize),
    /// An entry of the timeline, by its place in it.
    Moment(usize),
    /// A line of text, wrapped to the pane.
    Text {
        /// The line.
        line: String,
        /// The blanks of the text between it and the line before: none where a word goes on.
        gap: usize,
        /// The alert's property that it is of; empty where it is of none.
        property: &'static str,
        /// The whole text.
        whole: SafeText,
    },
    /// What of a text is too long to be laid out.
    Rest {
        /// Where in the shown text it begins, in bytes.
        from: usize,
        /// The alert's property that it is of; empty where it is of none.
        property: &'static str,
        /// The whole text.
        whole: SafeText,
    },
    /// Who commented when.
    Comment(Option<SafeText>, Option<Timestamp>),
    /// A value with its path.
    Property(Property),
    /// Nothing.
    Blank,
}

/// The alert that is shown, and where in it the reader is.
#[derive(Debug)]
pub struct Detail {
    /// The alert's row.
    pub row: Row,
    /// The alert.
    pub body: Body,
    /// Where the reader is.
    pub scroll: Scroll,
    /// What is looked for in it.
    pub find: Option<Find>,
    view: DetailView,
    /// Where the reader was in the views that are not shown.
    places: [Scroll; 3],
    lines: Vec<Line>,
    /// What the lines were made for.
    laid: Option<Laid>,
    suspicious_paths: SuspiciousPaths,
}

/// What lines were made for, beside the alert: they are the same for the same.
#[derive(Debug)]
struct Laid {
    folds: Folds,
    width: usize,
}

impl Detail {
    /// Shows an alert, once it is laid out.
    pub fn new(row: Row, body: Body) -> Self {
        let suspicious_paths = SuspiciousPaths::new(&body.tree);
        Self {
            row,
            body,
            scroll: Scroll::default(),
            find: None,
            view: DetailView::default(),
            places: [Scroll::default(); 3],
            lines: Vec::new(),
            laid: None,
            suspicious_paths,
        }
    }

    /// Shows an alert the way the one before was shown: the same view, the same text looked for;
    /// an alert that has changed, at the same place.
    pub(super) fn follow(&mut self, former: Self) {
        self.view = former.view;
        self.find = former.find;
        if former.row == self.row {
            (self.scroll, self.places) = (former.scroll, former.places);
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

    /// Returns what of the alert is shown.
    pub fn view(&self) -> DetailView {
        self.view
    }

    /// Shows something else of the alert, at the place where the reader left it.
    pub(super) fn show(&mut self, view: DetailView, folds: &Folds, (width, height): (usize, usize)) {
        self.places[self.view as usize] = self.scroll;
        self.view = view;
        self.scroll = self.places[view as usize];
        self.lines.clear();
        self.laid = None;
        self.lay_out(folds, width);
        self.scroll.show(self.lines.len(), height);
    }

    /// Makes the lines anew, where there was a fold or the width is another. The cursor stays on
    /// what it is on, or goes to what that is folded into.
    pub(super) fn lay_out(&mut self, folds: &Folds, width: usize) {
        let laid = self.laid.as_ref().filter(|laid| laid.width == width);
        if laid.is_some_and(|laid| laid.folds == *folds) {
            return;
        }
        let is_other = laid.is_none();
        self.laid = Some(Laid { folds: folds.clone(), width });
        let lines = Outline::new(Some(folds), width).lines(&self.body, self.view, &self.suspicious_paths);
        let before = std::mem::replace(&mut self.lines, lines);
        // What is looked for is looked for in what is shown, laid out alike.
        if is_other && let Some(mut find) = self.find.take() {
            find.read(self.all_lines(), &self.body);
            self.find = Some(find);
        }
        let mut sought = (self.scroll.cursor < before.len()).then_some(self.scroll.cursor);
        while let Some(at) = sought {
            if let Some(cursor) = index_of(&self.lines, before[at].spot) {
                // The cursor's line stays where it is in the window, as far as there is room.
                self.scroll.top = (self.scroll.top + cursor).saturating_sub(self.scroll.cursor);
                self.scroll.cursor = cursor;
                return;
            }
            sought = above(&before, at);
        }
    }

    /// Moves the cursor.
    pub fn go(&mut self, motion: Motion, height: usize) {
        self.scroll.go(motion, self.lines.len(), height);
    }

    /// Moves the cursor to the line that the one under it hangs on.
    pub(super) fn go_to_parent(&mut self, height: usize) {
        if let Some(at) = above(&self.lines, self.scroll.cursor) {
            self.scroll.cursor = at;
            self.scroll.show(self.lines.len(), height);
        }
    }

    /// Moves the cursor to a line of all lines, unfolding the way there.
    fn reveal(&mut self, all: &[Line], at: usize, folds: &mut Folds, height: usize) {
        let mut way = above(all, at);
        while let Some(line) = way {
            folds.extend(all[line].fold.map(|(key, _)| (key, false)));
            way = above(all, line);
        }
        self.lay_out(folds, self.width());
        if let Some(cursor) = index_of(&self.lines, all[at].spot) {
            self.scroll.cursor = cursor;
        }
        self.scroll.show(self.lines.len(), height);
    }

    /// How wide the lines are.
    fn width(&self) -> usize {
        self.laid.as_ref().map_or(0, |laid| laid.width)
    }

    /// Lays out everything, with nothing folded.
    fn all_lines(&self) -> Vec<Line> {
        // A megabyte of text, which has no folds, is not wrapped twice.
        if self.lines.iter().all(|line| line.fold.is_none()) {
            return self.lines.clone();
        }
        Outline::new(None, self.width()).lines(&self.body, self.view, &self.suspicious_paths)
    }

    /// Returns the index, among all lines, of the one under the cursor.
    fn cursor_in(&self, all: &[Line]) -> usize {
        self.line().and_then(|here| index_of(all, here.spot)).unwrap_or(0)
    }

    /// Moves the cursor to the next node, or the one before, that the service suspects, unfolding
    /// the way there. Returns its number, from 1, and how many there are, if there is one.
    pub(super) fn go_to_suspicious(
        &mut self,
        forward: bool,
        folds: &mut Folds,
        height: usize,
    ) -> Option<(usize, usize)> {
        let all = self.all_lines();
        let here = self.cursor_in(&all);
        let is_suspicious = |line: &Line| self.node(line).is_some_and(|(_, node)| is_suspicious(node));
        let suspicious: Vec<usize> = (0..all.len()).filter(|at| is_suspicious(&all[*at])).collect();
        let nth = if forward {
            suspicious.partition_point(|at| *at <= here)
        } else {
            suspicious.partition_point(|at| *at < here).checked_sub(1)?
        };
        self.reveal(&all, *suspicious.get(nth)?, folds, height);
        Some((nth + 1, suspicious.len()))
    }

    /// Moves the cursor to a node of the tree.
    pub(super) fn go_to_node(&mut self, id: NodeId, folds: &mut Folds, height: usize) {
        let all = self.all_lines();
        if let Some(at) = all.iter().position(|line| matches!(line.kind, LineKind::Node(node) if node == id))
        {
            self.reveal(&all, at, folds, height);
        }
    }

    /// Folds or unfolds every node of the tree.
    pub(super) fn fold_tree(&mut self, fold: bool, folds: &mut Folds, height: usize) {
        let all = self.all_lines();
        let tree = all.iter().filter(|line| matches!(line.kind, LineKind::Node(_) | LineKind::Group(..)));
        folds.extend(tree.filter_map(|line| line.fold).map(|(key, _)| (key, fold)));
        self.lay_out(folds, self.width());
        self.scroll.show(self.lines.len(), height);
    }

    /// Begins to look for a text, from the cursor on.
    pub(super) fn begin_find(&mut self, folds: &Folds) {
        let spot = self.line().map(|line| line.spot).unwrap_or_default();
        let mut find = Find::begin(Before { folds: folds.clone(), scroll: self.scroll, spot });
        find.read(self.all_lines(), &self.body);
        self.find = Some(find);
    }

    /// Looks for what has been typed: goes to the first hit from where the reader was, or back
    /// there.
    pub(super) fn look_for_typed(&mut self, folds: &mut Folds, height: usize) {
        let Some(mut find) = self.find.take() else { return };
        let text = find.editor.as_ref().map(|editor| editor.text().to_owned()).unwrap_or_default();
        find.look_for(&text);
        folds.clone_from(&find.before.folds);
        let from = index_of(&find.lines, find.before.spot).unwrap_or(0);
        match find.first_from(from) {
            Some(hit) => self.reveal_hit(&find.lines, hit, folds, height),
            None => self.return_to(&find.before, folds, height),
        }
        self.find = Some(find);
    }

    /// Goes to the next hit, or the one before; tells whether there is one.
    pub(super) fn go_to_hit(&mut self, forward: bool, folds: &mut Folds, height: usize) -> bool {
        let Some(mut find) = self.find.take() else { return false };
        let hit = find.next_from(self.cursor_in(&find.lines), forward);
        if let Some(hit) = hit {
            self.reveal_hit(&find.lines, hit, folds, height);
        }
        self.find = Some(find);
        hit.is_some()
    }

    /// Moves the cursor to a hit, and the window so that it shows the whole of it if it can.
    fn reveal_hit(&mut self, all: &[Line], hit: Hit, folds: &mut Folds, height: usize) {
        self.reveal(all, hit.line, folds, height);
        let end = self.scroll.cursor + hit.last - hit.line + 1;
        self.scroll.top = self.scroll.top.max(end.saturating_sub(height)).min(self.scroll.cursor);
    }

    /// Leaves the text being typed: stays at the hit, or goes back to where the reader was.
    pub(super) fn end_find(&mut self, keep: bool, folds: &mut Folds, height: usize) {
        let Some(mut find) = self.find.take() else { return };
        if !keep {
            self.return_to(&find.before, folds, height);
        } else if !find.text().trim().is_empty() {
            find.editor = None;
            self.find = Some(find);
        }
    }

    fn return_to(&mut self, before: &Before, folds: &mut Folds, height: usize) {
        folds.clone_from(&before.folds);
        self.lay_out(folds, self.width());
        self.scroll = before.scroll;
        self.scroll.show(self.lines.len(), height);
    }

    /// Returns the node of a line.
    pub fn node(&self, line: &Line) -> Option<(NodeId, &Node)> {
        let id = match line.kind {
            LineKind::Node(id) => id,
            LineKind::Moment(at) => self.body.timeline.entries[at].node?,
            _ => return None,
        };
        Some((id, self.body.tree.node(id)))
    }
}

/// Tells whether the service suspects a node.
fn is_suspicious(node: &Node) -> bool {
    matches!(node.verdict, Verdict::Suspicious | Verdict::Malicious)
}

/// Returns the line that a line hangs on.
fn above(lines: &[Line], at: usize) -> Option<usize> {
    let depth = lines.get(at)?.depth;
    lines[..at].iter().rposition(|line| line.depth < depth && line.fold.is_some())
}

/// Returns the line at a spot; where its thing has fewer lines, the last of them.
fn index_of(lines: &[Line], spot: Spot) -> Option<usize> {
    let first = lines.iter().position(|line| line.spot.place == spot.place)?;
    let its = lines[first..].iter().take_while(|line| line.spot.place == spot.place);
    Some(first + its.take(spot.nth + 1).count() - 1)
}
