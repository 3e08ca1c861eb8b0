//! Alerts that are similar to the one under the cursor, and how they were classified
//! (docs/triage.md, "Similar alerts").
//!
//! Alerts are similar if the same detector raised them and their titles are the same apart from
//! numbers, quoted names and case. They are counted a few thousand rows at a time. No alert is
//! classified automatically: the usual classification is only shown and preselected.

use std::{collections::HashMap, time::Duration};

use alertdeck_model::{Classification, Determination, Status};
use alertdeck_store::{Column, Row, RowSet, Store};

use super::{App, format::thousands};

/// The property that contains the detector's id.
const DETECTOR: &str = "detectorId";
/// The minimum time between recounts when alerts arrive.
const RECOUNT_AFTER: Duration = Duration::from_secs(1);
/// The maximum number of alerts to compare at once when marking similar alerts.
const MAX_MARKED: usize = 200_000;
/// The maximum number of title characters to compare.
const MAX_TITLE: usize = 500;
/// The maximum number of cached title comparisons.
const MAX_TITLES: usize = 1_000;

/// The alerts that are similar to a given alert, and their classifications.
#[derive(Debug, Default)]
pub struct Similar {
    of: Option<Row>,
    /// The store version that the counts are based on.
    version: (u64, usize),
    title: String,
    /// The rows that may be similar. Those with an index below `next` have been compared.
    candidates: RowSet,
    next: usize,
    is_done: bool,
    /// The cached comparison results: for each title, whether it is similar.
    titles: HashMap<String, bool>,
    /// The similar alerts, including the alert itself.
    rows: RowSet,
    classified: HashMap<(Classification, Determination), usize>,
    /// The earliest time to recount after alerts arrive, measured from startup.
    until: Duration,
}

/// The most common classification among similar alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usual {
    /// The classification.
    pub classification: Classification,
    /// The determination.
    pub determination: Determination,
    /// The number of similar alerts with this classification and determination.
    pub count: usize,
    /// The number of similar alerts that are classified.
    pub classified: usize,
}

impl Similar {
    fn new(store: &Store, row: Row) -> Self {
        let title = store.cell(row, Column::Title).text();
        let candidates = match store.property(row, DETECTOR).filter(|detector| !detector.is_blank()) {
            Some(detector) => store.rows_with_text(DETECTOR, detector.raw()),
            None => store.rows_with_text("title", &title),
        };
        let (version, title) = (store.version(), normal_title(&title));
        Self { of: Some(row), version, title, candidates, ..Self::default() }
    }

    /// Compares up to `work` rows.
    fn advance(&mut self, store: &Store, mut work: usize) {
        let mut compared = None;
        for row in self.candidates.iter_from(self.next) {
            if work == 0 {
                break;
            }
            work -= 1;
            compared = Some(row.index());
            let title = store.cell(row, Column::Title).text();
            let is_similar = match self.titles.get(&title) {
                Some(known) => *known,
                None => {
                    let is_similar = normal_title(&title) == self.title;
                    if self.titles.len() < MAX_TITLES {
                        self.titles.insert(title, is_similar);
                    }
                    is_similar
                }
            };
            if is_similar {
                self.rows.insert(row);
                let facts = store.facts(row);
                if *facts.classification() != Classification::Unknown && Some(row) != self.of {
                    let key = (facts.classification().clone(), facts.determination().in_metadata());
                    *self.classified.entry(key).or_default() += 1;
                }
            }
        }
        match compared {
            Some(last) if work == 0 => self.next = last + 1,
            _ => self.is_done = true,
        }
    }

    /// Returns whether rows are left to compare.
    pub(super) fn has_work(&self) -> bool {
        self.of.is_some() && !self.is_done
    }

    /// Returns the most common classification among the similar alerts; `None` if none of them is
    /// classified, or if some rows have not been compared yet.
    pub fn usual(&self) -> Option<Usual> {
        let classified = self.classified.values().sum();
        let most = |(_, count): &(&(Classification, Determination), &usize)| **count;
        let ((classification, determination), count) =
            self.classified.iter().filter(|_| self.is_done).max_by_key(most)?;
        let (classification, determination) = (classification.clone(), determination.clone());
        Some(Usual { classification, determination, count: *count, classified })
    }
}

impl App {
    /// Compares up to `work` rows with the alert under the cursor. Starts over if the cursor is on
    /// another alert or the counts are out of date.
    pub(super) fn count_similar(&mut self, work: usize) {
        let Some(row) = self.selected() else { return };
        let mono = self.clock.now.mono;
        let is_old = self.counts.similar.version != self.store.version() && mono >= self.counts.similar.until;
        if self.counts.similar.of != Some(row) || is_old {
            self.counts.similar = Similar { until: mono + RECOUNT_AFTER, ..Similar::new(&self.store, row) };
        }
        if self.counts.similar.has_work() {
            self.counts.similar.advance(&self.store, work);
        }
    }

    /// Returns the number of similar alerts and how they were classified, in words. The
    /// text is sanitised for display.
    pub fn similar_words(&self) -> String {
        let similar = &self.counts.similar;
        if similar.of != self.selected() || !similar.is_done {
            return "counting".to_owned();
        }
        let others = similar.rows.len().saturating_sub(1);
        let alerts = match others {
            0 => return "none loaded".to_owned(),
            1 => "1 alert".to_owned(),
            _ => format!("{} alerts", thousands(others)),
        };
        let Some(usual) = similar.usual() else {
            return format!("{alerts}, {} classified", if others == 1 { "not" } else { "none" });
        };
        let Usual { count, classified, .. } = usual;
        let of = if count == classified { String::new() } else { format!("{} of ", thousands(count)) };
        if others == 1 {
            return format!("{alerts}, classified {}", usual.words());
        }
        format!("{alerts}; {of}{} classified: {}", thousands(classified), usual.words())
    }

    /// Returns the most common classification among the alerts similar to the one in `row`, if it
    /// is known.
    pub(super) fn usual(&self, row: Row) -> Option<Usual> {
        self.counts.similar.usual().filter(|_| self.counts.similar.of == Some(row))
    }

    /// Marks the open alerts that are similar to the one under the cursor.
    pub(super) fn mark_similar(&mut self) {
        if self.selected_or_notify().is_none() {
            return;
        }
        // Alerts may have arrived since the last count, so count again.
        if !self.counts.similar.has_work() {
            self.counts.similar = Similar::default();
        }
        self.count_similar(MAX_MARKED);
        if self.counts.similar.has_work() {
            return self.notify("similar alerts are still being counted; try again in a moment");
        }
        let is_open = |row: &Row| *self.store.facts(*row).status() != Status::Resolved;
        let open: Vec<_> = self.counts.similar.rows.iter().filter(is_open).collect();
        let hidden = open.iter().filter(|row| !self.view.shown().contains(**row)).count();
        let count = open.len();
        self.marks.mark(open);
        let line = match count {
            0 => "no similar open alerts".to_owned(),
            1 => "1 similar open alert marked".to_owned(),
            _ => format!("{} similar open alerts marked", thousands(count)),
        };
        let hidden = (hidden > 0).then(|| format!(", {} of them not in the list", thousands(hidden)));
        self.notify(line + &hidden.unwrap_or_default());
    }
}

impl Usual {
    /// Returns the classification and determination in words, sanitised for display.
    pub fn words(&self) -> String {
        match &self.determination {
            Determination::Unknown => self.classification.words(),
            determination => format!("{}, {}", self.classification.words(), determination.words()),
        }
    }
}

/// Returns a normalised title, in which numbers and quoted names are replaced by placeholders and
/// letters are lower case. Similar alerts have the same normalised title.
fn normal_title(title: &str) -> String {
    let title = title.char_indices().nth(MAX_TITLE).map_or(title, |(end, _)| &title[..end]);
    let mut normal = String::with_capacity(title.len());
    let mut chars = title.char_indices();
    while let Some((at, c)) = chars.next() {
        if c.is_ascii_digit() {
            if !normal.ends_with('#') {
                normal.push('#');
            }
        } else if let Some(end) = closing_quote(title, at, c) {
            normal.push('\'');
            while chars.next().is_some_and(|(at, _)| at < end) {}
        } else {
            normal.extend(c.to_lowercase());
        }
    }
    normal
}

/// Returns the index of the closing quote if `c`, the character at `start`, opens a quoted name. An
/// apostrophe within a word does not open a name.
fn closing_quote(title: &str, start: usize, c: char) -> Option<usize> {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    if !matches!(c, '\'' | '"') || is_word(title[..start].chars().next_back()) {
        return None;
    }
    let inside = start + c.len_utf8();
    let ends = title[inside..].match_indices(c).map(|(at, _)| inside + at);
    ends.into_iter().find(|end| !is_word(title[end + c.len_utf8()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("'Wacapew' found on host 12", "\u{27}Emotet' found on Host 345", true)]
    #[case("Sign-in from 203.0.113.7", "Sign-in from 198.51.100.23", true)]
    #[case("Malware was prevented", "Malware was detected", false)]
    #[case("the user's mailbox", "the user's device", false)]
    #[case("'o'brien.exe' ran", "\"x\" ran", true)]
    #[case("", "x", false)]
    fn titles_are_compared_without_numbers_and_names(
        #[case] one: &str,
        #[case] other: &str,
        #[case] is_same: bool,
    ) {
        assert_eq!(normal_title(one) == normal_title(other), is_same);
    }
}
