//! Batches of alerts that workers decode for the store.

mod encode;

use std::{borrow::Cow, hash::Hasher as _, sync::Arc};

use alertdeck_model::{RawAlert, Timestamp};
use rustc_hash::FxHasher;

pub use encode::{AlertState, DamagedBatch, EncodedBatch};

use crate::{
    FeedId, Row, Store,
    decode::{Decoder, Fields},
    dictionary::Properties,
    json,
    shape::Shapes,
    stored::{StoredAlert, StoredWriter},
    texts::{TextCode, Texts},
    values::hash,
};

/// Decoded alerts. A batch has its own codes, so decoding does not need access to the store.
#[derive(Debug)]
pub struct Batch {
    pub(crate) codes: Box<Codes>,
    /// The contents of all alerts, concatenated.
    pub(crate) contents: Vec<u8>,
    pub(crate) alerts: Vec<BatchAlert>,
    /// The serialised form, if [`Batch::with_encoded`] added it.
    encoded: Option<Arc<EncodedBatch>>,
}

/// The properties, values and shapes that a batch's codes refer to.
#[derive(Debug)]
pub(crate) struct Codes {
    pub(crate) properties: Properties,
    pub(crate) texts: Texts,
    pub(crate) shapes: Shapes,
}

/// One alert in a batch. It uses the batch's codes.
#[derive(Debug)]
pub(crate) struct BatchAlert {
    pub(crate) fields: Fields,
    /// The end of the alert's contents, which start where the previous alert's contents end.
    pub(crate) end: usize,
    /// The JSON, if it cannot be restored exactly from the contents.
    pub(crate) body: Option<StoredAlert>,
    /// A [`fingerprint`] of the JSON, which distinguishes an alert's states.
    pub(crate) fingerprint: u64,
    /// Whether the alert could be decoded. If not, its title says why.
    pub(crate) is_readable: bool,
}

/// Identifies one state of one alert. The store keeps the most recently updated state of each
/// alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// A hash of the ID. Equal IDs have equal hashes only within the same process.
    pub id: u64,
    /// When the alert was created. Alerts that share an ID but were created in different seconds
    /// are different alerts.
    pub created: Option<Timestamp>,
    /// When the alert was last updated.
    pub updated: Option<Timestamp>,
}

impl Batch {
    /// Lists the versions of the alerts, in batch order.
    pub fn versions(&self) -> impl Iterator<Item = Version> {
        self.alerts.iter().map(|alert| {
            let BatchAlert { fields, fingerprint, .. } = alert;
            let id = fields.id.map(|id| hash(self.codes.texts.raw(id).as_bytes()));
            Version { id: id.unwrap_or(*fingerprint), created: fields.created, updated: fields.updated }
        })
    }

    /// Decodes alerts. An alert that cannot be decoded gets a title that says why.
    pub fn decode<'a>(alerts: impl IntoIterator<Item = &'a RawAlert>) -> Self {
        let alerts = alerts.into_iter();
        let mut decoder = Decoder::new(alerts.size_hint().0);
        let (mut bodies, mut decoded) = (StoredWriter::default(), Vec::new());
        for raw in alerts {
            let (mut fields, is_exact, is_readable) = match decoder.decode(raw) {
                Ok((fields, is_exact)) => (fields, is_exact, true),
                Err(error) => {
                    decoder.skip();
                    let title = Some(decoder.title(&error.to_string()));
                    (Fields { title, ..Fields::default() }, false, false)
                }
            };
            if !is_exact {
                bodies.push(&raw.0);
            }
            fields.id.get_or_insert_with(|| decoder.id(&content_id(raw)));
            decoded.push((fields, decoder.size(), is_exact, fingerprint(&raw.0), is_readable));
        }
        let mut bodies = bodies.finish().into_iter();
        let alerts = decoded.into_iter().map(|(fields, end, is_exact, fingerprint, is_readable)| {
            let body = if is_exact { None } else { bodies.next() };
            BatchAlert { fields, end, body, fingerprint, is_readable }
        });
        let alerts = alerts.collect();
        let (codes, contents) = decoder.finish();
        Self { codes: Box::new(codes), contents, alerts, encoded: None }
    }

    /// Returns the JSON of the alert at the given position, as received.
    pub fn json(&self, at: usize) -> Option<RawAlert> {
        let BatchAlert { body, end, .. } = self.alerts.get(at)?;
        if let Some(body) = body {
            return Some(body.read());
        }
        let start = at.checked_sub(1).map_or(0, |before| self.alerts[before].end);
        let Codes { texts, shapes, .. } = &*self.codes;
        let value = |_, code| Cow::Borrowed(texts.raw(TextCode(code)));
        Some(RawAlert(json::write(shapes, &self.contents[start..*end], value).into()))
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
        /// The maximum number of alerts in a batch, which equals the service's maximum page size.
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

/// Returns a hash that is the same in every run. Attackers can construct collisions, so it must not
/// be used where a collision would benefit them.
fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

/// Returns an id for an alert that has none. The id depends only on the bytes, so reading a page
/// twice does not duplicate the alert.
fn content_id(raw: &RawAlert) -> String {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    hasher.write(&raw.0);
    format!("(no id, content {:016x})", hasher.finish())
}

#[cfg(test)]
mod tests;
