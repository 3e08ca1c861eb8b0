//! Batches of alerts that workers decode for the store.

use alertdeck_model::RawAlert;

use crate::{
    FeedId, Row, Store,
    decode::{Decoder, Fields},
    dictionary::{Dictionary, KeyCode},
    stored::{StoredAlert, StoredWriter},
    values::hash,
};

/// Decoded alerts with their own dictionary, so that decoding does not need the store.
#[derive(Debug)]
pub struct Batch {
    pub(crate) dictionary: Dictionary,
    pub(crate) alerts: Vec<BatchAlert>,
}

/// One alert in a batch, with codes from the batch's dictionary.
#[derive(Debug)]
pub(crate) struct BatchAlert {
    pub(crate) fields: Fields,
    /// Every value in the alert and its evidence, as the property and the value's index among all
    /// values under the property's name. Sorted, without duplicates.
    pub(crate) terms: Box<[(KeyCode, u32)]>,
    pub(crate) body: StoredAlert,
    /// A hash of the JSON, for telling different states of an alert apart.
    pub(crate) fingerprint: u64,
    /// Whether the alert could be decoded. If not, its title says why.
    pub(crate) is_readable: bool,
}

impl Batch {
    /// Decodes alerts. An alert that cannot be decoded gets a title that says why.
    pub fn decode<'a>(alerts: impl IntoIterator<Item = &'a RawAlert>) -> Self {
        let (mut decoder, mut bodies, mut decoded) = (Decoder::new(), StoredWriter::default(), Vec::new());
        for raw in alerts {
            bodies.push(&raw.0);
            let (terms, mut fields, is_readable) = match decoder.decode(raw) {
                Ok((terms, fields)) => (terms, fields, true),
                Err(error) => {
                    let title = Some(decoder.title(&error.to_string()));
                    (Box::default(), Fields { title, ..Fields::default() }, false)
                }
            };
            fields.id.get_or_insert_with(|| decoder.id(&content_id(raw)));
            decoded.push((fields, terms, hash(&raw.0), is_readable));
        }
        let bodies = bodies.finish();
        let alerts = decoded.into_iter().zip(bodies).map(|(alert, body)| {
            let (fields, terms, fingerprint, is_readable) = alert;
            BatchAlert { fields, terms, body, fingerprint, is_readable }
        });
        let alerts = alerts.collect();
        Self { dictionary: decoder.dictionary, alerts }
    }

    /// Returns the number of alerts.
    pub fn len(&self) -> usize {
        self.alerts.len()
    }

    /// Returns whether the batch is empty.
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }
}

impl Store {
    /// Decodes any number of alerts and adds them one batch at a time, for callers without workers.
    /// Returns the row of each alert, in the order given.
    pub fn decode(&mut self, feed: FeedId, alerts: impl IntoIterator<Item = RawAlert>) -> Vec<Row> {
        /// The number of alerts in a batch, which is the service's maximum page size.
        const SIZE: usize = 1_000;
        let (mut alerts, mut rows) = (alerts.into_iter(), Vec::new());
        loop {
            let batch: Vec<_> = alerts.by_ref().take(SIZE).collect();
            if batch.is_empty() {
                return rows;
            }
            rows.extend(self.absorb(feed, Batch::decode(&batch)).seen);
        }
    }
}

/// Returns an id for an alert that has none. The id depends only on the bytes, so reading a page
/// twice does not duplicate the alert.
fn content_id(raw: &RawAlert) -> String {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    hasher.write(&raw.0);
    format!("(no id, content {:016x})", hasher.finish())
}
