//! The serialised form of a batch, for the cache.
//!
//! A batch is serialised with postcard, a compact format that stores neither names nor types, and
//! is then compressed. [`EncodedBatch::FORMAT`] is the version of the structure. It must be
//! incremented whenever the structure changes or alerts are decoded differently.
//!
//! The data may be damaged, or modified by anyone who can write to the file. Every code is
//! therefore checked before it is used as an index.

use std::{collections::HashSet, sync::Arc};

use serde::{Deserialize, Serialize};

use alertdeck_model::{Classification, Determination, ServiceSource, Severity, Status, Timestamp};

use super::{Batch, BatchAlert, Codes, fingerprint};
use crate::{
    contents,
    decode::{DEVICES, Fields, IDENTITIES, USERS},
    dictionary::{Key, NameCode, Properties},
    shape::{Leaf, Shapes, Token},
    stored::{StoredWriter, compress},
    texts::{TextCode, Texts},
    values::Folder,
};

/// A serialised batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBatch {
    /// The format version, a checksum and the uncompressed size, followed by the compressed batch.
    pub data: Vec<u8>,
    /// The identity and state of each alert. Not needed to decode the batch.
    pub alerts: Vec<AlertState>,
}

/// Identifies an alert and one of its states, so that the newest state can be determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertState {
    /// A hash of the ID, which is the same in every run.
    pub id: u64,
    /// When the alert was created, in ticks; `None` if unknown.
    pub created: Option<i64>,
    /// When the alert was last updated, in ticks; `None` if unknown.
    pub updated: Option<i64>,
}

/// The error for a serialised batch that is damaged or has a different format version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch is damaged")]
pub struct DamagedBatch;

/// The maximum size of a batch before compression, in bytes.
const MAX_SIZE: usize = 1 << 30;

/// The serialised structure of a [`Batch`] and its [`Codes`].
#[derive(Debug, Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    names: Vec<&'a str>,
    /// Each property's evidence type and path.
    keys: Vec<(Option<&'a str>, &'a str)>,
    /// Each distinct value's name and length in bytes.
    texts: Vec<(NameCode, u32)>,
    /// The values as received, concatenated. Their folded forms are recomputed when the batch is
    /// read.
    raw: String,
    labels: Vec<&'a str>,
    shapes: Vec<Vec<Token>>,
    contents: &'a [u8],
    alerts: Vec<WireAlert<'a>>,
}

/// The serialised structure of a [`BatchAlert`] and its [`Fields`].
#[derive(Debug, Serialize, Deserialize)]
struct WireAlert<'a> {
    #[serde(borrow)]
    members: [Option<&'a str>; 5],
    dates: [Option<i64>; 5],
    has_odd_date: bool,
    /// The ID, title, category, incident, product and owner.
    texts: [Option<TextCode>; 6],
    /// The techniques, devices, users, device identities and user identities.
    lists: [Vec<TextCode>; 5],
    end: u64,
    /// The JSON, if it cannot be restored exactly from the contents.
    body: Option<Vec<u8>>,
    fingerprint: u64,
    is_readable: bool,
}

impl EncodedBatch {
    /// The format version.
    pub const FORMAT: u8 = 2;

    /// Decodes the batch.
    pub fn decode(&self) -> Result<Batch, DamagedBatch> {
        unseal(&self.data).and_then(|data| read(&data)).ok_or(DamagedBatch)
    }
}

impl Batch {
    /// Serialises the batch and stores the result in it, for [`Batch::encoded`].
    #[must_use]
    pub fn with_encoded(mut self) -> Self {
        self.encoded = self.encode().map(Arc::new);
        self
    }

    /// Returns the serialised form if [`Batch::with_encoded`] added it.
    pub fn encoded(&self) -> Option<&Arc<EncodedBatch>> {
        self.encoded.as_ref()
    }

    /// Serialises the batch. Returns `None` if it is too large.
    pub fn encode(&self) -> Option<EncodedBatch> {
        let Codes { properties, texts, shapes } = &*self.codes;
        let mut raw = String::new();
        let codes = (0..texts.len() as u32).map(TextCode);
        let texts = codes.map(|code| {
            let text = texts.raw(code);
            raw.push_str(text);
            (texts.name(code), text.len() as u32)
        });
        let wire = Wire {
            texts: texts.collect(),
            raw,
            names: properties.names().map(|name| &**name).collect(),
            keys: properties.keys().map(|Key { kind, path }| (kind.as_deref(), &**path)).collect(),
            labels: shapes.labels().map(|label| &**label).collect(),
            shapes: shapes.all().map(|shape| shape.to_vec()).collect(),
            contents: &self.contents,
            alerts: self.alerts.iter().map(WireAlert::new).collect(),
        };
        let data = postcard::to_allocvec(&wire).ok()?;
        Some(EncodedBatch { data: seal(&data)?, alerts: self.states() })
    }

    fn states(&self) -> Vec<AlertState> {
        let state = |BatchAlert { fields, .. }: &BatchAlert| AlertState {
            id: fields.id.map_or(0, |id| fingerprint(self.codes.texts.raw(id).as_bytes())),
            created: fields.created.map(Timestamp::ticks),
            updated: fields.updated.map(Timestamp::ticks),
        };
        self.alerts.iter().map(state).collect()
    }
}

/// Compresses data and prepends the format version, a checksum and the uncompressed size. Returns
/// `None` if the data is too large.
pub(super) fn seal(data: &[u8]) -> Option<Vec<u8>> {
    let size = u32::try_from(data.len()).ok().filter(|size| *size as usize <= MAX_SIZE)?;
    let mut rest = size.to_le_bytes().to_vec();
    rest.extend(compress(data));
    let mut sealed = vec![EncodedBatch::FORMAT];
    sealed.extend(fingerprint(&rest).to_le_bytes());
    sealed.extend(rest);
    Some(sealed)
}

/// Reverses [`seal`]. Returns `None` if the data is damaged or has a different format version.
pub(super) fn unseal(sealed: &[u8]) -> Option<Vec<u8>> {
    let (format, sealed) = sealed.split_first()?;
    let (checksum, rest) = sealed.split_first_chunk()?;
    if *format != EncodedBatch::FORMAT || u64::from_le_bytes(*checksum) != fingerprint(rest) {
        return None;
    }
    let (size, compressed) = rest.split_first_chunk()?;
    let size = Some(u32::from_le_bytes(*size) as usize).filter(|size| *size <= MAX_SIZE)?;
    zstd::bulk::decompress(compressed, size).ok()
}

/// Reads a batch. Returns `None` if the data is not a valid batch.
fn read(data: &[u8]) -> Option<Batch> {
    let wire: Wire<'_> = postcard::from_bytes(data).ok()?;
    let properties = read_properties(&wire)?;
    let texts = read_texts(&wire)?;
    let shapes = read_shapes(&wire)?;
    let codes = Box::new(Codes { properties, texts, shapes });
    let names = ["mitreTechniques", DEVICES, USERS, IDENTITIES, IDENTITIES];
    let names = names.map(|name| codes.properties.name(name));
    let (mut alerts, mut bodies) = (Vec::new(), StoredWriter::default());
    let mut start = 0;
    for alert in &wire.alerts {
        let end = usize::try_from(alert.end).ok()?;
        check_contents(wire.contents.get(start..end)?, &codes)?;
        start = end;
        let has = |code: &TextCode| code.index() < codes.texts.len();
        let is_valid = alert.texts[0].is_some()
            && alert.texts.iter().flatten().all(has)
            // The store keeps only the index of each value in a list, so the name must be the
            // expected one.
            && alert.lists.iter().zip(names).all(|(list, name)| {
                list.iter().all(|code| has(code) && Some(codes.texts.name(*code)) == name)
            });
        if !is_valid {
            return None;
        }
        if let Some(body) = &alert.body {
            bodies.push(body);
        }
        alerts.push(alert.to_alert(end));
    }
    let with_body = alerts.iter_mut().zip(&wire.alerts).filter(|(_, wire)| wire.body.is_some());
    for ((alert, _), body) in with_body.zip(bodies.finish()) {
        alert.body = Some(body);
    }
    let is_whole = start == wire.contents.len();
    is_whole.then(|| Batch { codes, contents: wire.contents.to_vec(), alerts, encoded: None })
}

fn read_properties(wire: &Wire<'_>) -> Option<Properties> {
    let mut properties = Properties::default();
    for (at, name) in wire.names.iter().enumerate() {
        (properties.name_code(name).index() == at).then_some(())?;
    }
    for (at, (kind, path)) in wire.keys.iter().enumerate() {
        let key = Key { kind: kind.map(Into::into), path: (*path).into() };
        (properties.key_code(&key).index() == at).then_some(())?;
    }
    // Adding a property also adds its name, so the count is larger if a name was not listed.
    let is_complete = properties.names().len() == wire.names.len();
    is_complete.then_some(properties)
}

fn read_texts(wire: &Wire<'_>) -> Option<Texts> {
    let (mut texts, mut folder, mut rest) = (Texts::default(), Folder::default(), wire.raw.as_str());
    for (name, length) in &wire.texts {
        let (raw, after) = rest.split_at_checked(*length as usize)?;
        rest = after;
        (name.index() < wire.names.len()).then(|| texts.push(*name, raw, None, &mut folder))?;
    }
    rest.is_empty().then_some(texts)
}

fn read_shapes(wire: &Wire<'_>) -> Option<Shapes> {
    let mut shapes = Shapes::default();
    let mut known = HashSet::new();
    for label in &wire.labels {
        shapes.push_label((*label).into());
        known.insert(*label).then_some(())?;
    }
    for shape in &wire.shapes {
        let is_valid = |token: &Token| match token {
            Token::Label(label) => (*label as usize) < wire.labels.len(),
            Token::Text(leaf) | Token::Literal(leaf) => {
                leaf.key.index() < wire.keys.len() && leaf.name.index() < wire.names.len()
            }
            _ => true,
        };
        shape.iter().all(is_valid).then(|| shapes.push(shape.as_slice().into()))?;
    }
    Some(shapes)
}

/// Checks the contents of an alert. Returns `None` unless all codes in them exist and nothing is
/// missing or left over.
fn check_contents(mut contents: &[u8], Codes { properties, texts, shapes }: &Codes) -> Option<()> {
    let rest = &mut contents;
    let value = |rest: &mut &[u8], name: NameCode| {
        let code = TextCode(contents::read_number(rest)?);
        (code.index() < texts.len() && texts.name(code) == name).then_some(())
    };
    let values = |rest: &mut &[u8], token: &Token| match token {
        Token::Text(Leaf { name, .. }) | Token::Literal(Leaf { name, .. }) => value(rest, *name),
        _ => Some(()),
    };
    let alert = shapes.find(contents::read_number(rest)?)?;
    for token in alert {
        if !matches!(token, Token::Items | Token::Item) {
            values(rest, token)?;
            continue;
        }
        while let Some(item) = contents::read_number(rest)?.checked_sub(1) {
            shapes.find(item)?.iter().try_for_each(|token| values(rest, token))?;
        }
    }
    for _ in 0..contents::read_number(rest)? {
        let key = properties.key_at(contents::read_number(rest)?)?;
        value(rest, properties.name_of(key))?;
    }
    rest.is_empty().then_some(())
}

impl<'a> WireAlert<'a> {
    fn new(alert: &'a BatchAlert) -> Self {
        let Fields {
            id,
            severity,
            status,
            classification,
            determination,
            source,
            created,
            updated,
            resolved,
            first_activity,
            last_activity,
            has_odd_date,
            title,
            category,
            incident,
            product,
            owner,
            techniques,
            devices,
            users,
            device_ids,
            user_ids,
        } = &alert.fields;
        let dates = [created, updated, resolved, first_activity, last_activity];
        Self {
            members: [
                severity.as_ref().map(Severity::raw),
                status.as_ref().map(Status::raw),
                classification.as_ref().map(Classification::raw),
                determination.as_ref().map(Determination::raw),
                source.as_ref().map(ServiceSource::raw),
            ],
            dates: dates.map(|date| date.map(Timestamp::ticks)),
            has_odd_date: *has_odd_date,
            texts: [*id, *title, *category, *incident, *product, *owner],
            lists: [techniques, devices, users, device_ids, user_ids].map(Clone::clone),
            end: alert.end as u64,
            body: alert.body.as_ref().map(|body| body.read().0.to_vec()),
            fingerprint: alert.fingerprint,
            is_readable: alert.is_readable,
        }
    }

    /// Converts everything except the body. `end` is the end of the alert's contents.
    fn to_alert(&self, end: usize) -> BatchAlert {
        let [severity, status, classification, determination, source] = self.members;
        let [created, updated, resolved, first_activity, last_activity] =
            self.dates.map(|date| date.map(Timestamp::from_ticks));
        let [id, title, category, incident, product, owner] = self.texts;
        let [techniques, devices, users, device_ids, user_ids] = self.lists.clone();
        let fields = Fields {
            id,
            severity: severity.map(Severity::read),
            status: status.map(Status::read),
            classification: classification.map(Classification::read),
            determination: determination.map(Determination::read),
            source: source.map(ServiceSource::read),
            created,
            updated,
            resolved,
            first_activity,
            last_activity,
            has_odd_date: self.has_odd_date,
            title,
            category,
            incident,
            product,
            owner,
            techniques,
            devices,
            users,
            device_ids,
            user_ids,
        };
        let Self { fingerprint, is_readable, .. } = *self;
        BatchAlert { fields, end, body: None, fingerprint, is_readable }
    }
}
