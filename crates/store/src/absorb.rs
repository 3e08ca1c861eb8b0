//! Adds batches to the store.

use alertdeck_model::SafeText;

use crate::{
    Batch, DateColumn, FeedId, Row, Store, StoredReader,
    batch::{BatchAlert, Codes},
    columns,
    contents::{self, Step, Steps},
    dictionary::CodeMap,
    id_hash,
    shape::Shapes,
    stored::StoredWriter,
    terms,
    texts::{TextCode, Texts},
};

/// The effect of adding a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// The rows of new alerts.
    pub new: Vec<Row>,
    /// The rows of alerts that were replaced by a newer state.
    pub changed: Vec<Row>,
    /// The rows of all alerts in the batch, including unchanged ones.
    pub seen: Vec<Row>,
}

impl Absorbed {
    /// Lists the rows that views must test again.
    pub fn touched(&self) -> Vec<Row> {
        self.new.iter().chain(&self.changed).copied().collect()
    }
}

/// Maps a batch's codes to the store's codes.
struct Mapped<'a> {
    map: &'a CodeMap,
    /// The batch's values.
    texts: &'a Texts,
    /// The batch's shapes.
    shapes: &'a Shapes,
    /// The store's number for each shape in the batch.
    numbers: Vec<u32>,
}

impl Store {
    /// Adds a decoded batch. An alert that is already in the store is replaced, unless the new
    /// state is older according to `lastUpdateDateTime`.
    pub fn absorb(&mut self, feed: FeedId, batch: Batch) -> Absorbed {
        // If the snapshot were kept, tidying would have to copy the chunks that it shares.
        self.snapshot.take();
        let Batch { codes, contents, alerts, .. } = batch;
        let Codes { properties, texts, shapes } = *codes;
        let map = self.dictionary.merge(&properties, &texts);
        self.postings.warm(map.values());
        let numbers = self.shapes.merge(&shapes, &map);
        let mapped = Mapped { map: &map, texts: &texts, shapes: &shapes, numbers };
        // Do more tidying than a single batch requires, so that no backlog builds up.
        for _ in 0..3 {
            self.dictionary.tidy();
        }
        let mut absorbed = Absorbed::default();
        let received = alerts.len();
        let mut start = 0;
        for alert in alerts {
            let contents = &contents[std::mem::replace(&mut start, alert.end)..alert.end];
            self.absorb_alert(feed, alert, contents, &mapped, &mut absorbed);
        }
        let kept = absorbed.touched();
        if kept.len() * 2 < received {
            self.move_bodies(&kept);
        }
        absorbed
    }

    fn absorb_alert(
        &mut self,
        feed: FeedId,
        alert: BatchAlert,
        contents: &[u8],
        mapped: &Mapped<'_>,
        absorbed: &mut Absorbed,
    ) {
        let BatchAlert { fields, body, fingerprint, is_readable, .. } = alert;
        let Some(id) = fields.id else { return };
        let hash = id_hash(feed, mapped.texts.raw(id));
        let id = mapped.map.value(id);
        let columns = &self.columns;
        // The creation time of an alert never changes. Alerts with different creation times are
        // therefore different alerts, even if they share an ID, as in anonymised files. Fractions
        // of seconds are ignored, because some tools drop them.
        let is_same_time = |row| match (columns.date(DateColumn::Created, row), fields.created) {
            (Some(known), Some(created)) => known.seconds() == created.seconds(),
            _ => true,
        };
        let is_same = |row: Row| {
            columns.feeds[row.index()] == feed && columns.id[row.index()] == id && is_same_time(row)
        };
        let known = self.by_id.find(hash, is_same);
        let row = known.unwrap_or_else(|| Row(u32::try_from(self.columns.len()).unwrap_or(u32::MAX)));
        absorbed.seen.push(row);
        if known.is_some() {
            let updated = self.columns.date(DateColumn::LastUpdate, row);
            let is_same = self.columns.fingerprints[row.index()] == fingerprint && fields.updated == updated;
            if is_same || fields.updated < updated {
                return;
            }
            for (_, value) in terms(self.shapes.shapes(), &self.dictionary, self.contents.get(row)) {
                self.postings.remove(value, row);
            }
            self.changes += 1;
            if !absorbed.new.contains(&row) && !absorbed.changed.contains(&row) {
                absorbed.changed.push(row);
            }
        } else {
            self.by_id.insert(hash, row);
            self.feeds.entry(feed).or_default().insert(row);
            if !self.hidden.contains(&feed) {
                self.visible.insert(row);
            }
            absorbed.new.push(row);
        }
        if let Some(owner) = fields.owner {
            let owners = self.owners.entry(feed).or_default();
            if owners.codes.insert(mapped.map.value(owner)) {
                owners.names.insert(SafeText::new(mapped.texts.raw(owner)));
            }
        }
        self.absorb_contents(row, contents, mapped);
        self.columns.set(row, feed, fields, body, mapped.map);
        columns::set(&mut self.columns.fingerprints, row, fingerprint);
        if is_readable {
            self.columns.unreadable.remove(row);
        } else {
            self.columns.unreadable.insert(row);
        }
    }

    /// Stores an alert's contents, converted to this store's codes, and adds the row to the
    /// postings for its values.
    fn absorb_contents(&mut self, row: Row, contents: &[u8], mapped: &Mapped<'_>) {
        let Mapped { map, shapes, numbers, .. } = mapped;
        let mut own = Vec::with_capacity(contents.len() * 2);
        let mut write = |number| contents::write(&mut own, number);
        for step in Steps::new(shapes, contents) {
            let (key, code) = match step {
                Step::Alert(shape) => {
                    write(numbers[shape as usize]);
                    continue;
                }
                Step::Item(shape) => {
                    write(numbers[shape as usize] + 1);
                    continue;
                }
                Step::EndItems(_) => {
                    write(0);
                    continue;
                }
                Step::End(count) => {
                    write(count);
                    continue;
                }
                Step::Items | Step::Token(_) => continue,
                Step::Text(leaf, code) | Step::Literal(leaf, code) => (map.key(leaf.key), code),
                Step::Derived(key, code) => {
                    let key = map.key(key);
                    write(u32::from(key.0));
                    (key, code)
                }
            };
            let value = map.value(TextCode(code));
            write(value.index);
            // If a property has no code of its own, its values cannot be searched for.
            if self.dictionary.name_of(key) == value.name && self.postings.add(value, key, row) {
                self.index.add(&self.dictionary, key, value);
            }
        }
        self.contents.set(row, &own);
    }

    /// Moves bodies into new blocks, so that a few alerts do not keep an entire page's block in
    /// memory.
    fn move_bodies(&mut self, rows: &[Row]) {
        let (mut reader, mut writer) = (StoredReader::default(), StoredWriter::default());
        let rows: Vec<_> = rows.iter().filter(|row| self.columns.bodies.contains_key(*row)).collect();
        for row in &rows {
            writer.push(&reader.read(&self.columns.bodies[*row]).0);
        }
        for (row, body) in rows.into_iter().zip(writer.finish()) {
            self.columns.bodies.insert(*row, body);
        }
    }
}
