//! The JSON of alerts as received.
//!
//! The JSON of nearly all alerts is restored from their contents: a shape and values, which the
//! store keeps anyway. Other JSON, such as JSON with white space or unusual escapes, is compressed
//! in blocks. Reading it means decompressing the entire block, which takes about a millisecond, so
//! only workers and output writers read bodies.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use bytes::Bytes;
use zstd::bulk::Compressor;

use alertdeck_model::RawAlert;

use crate::{
    json,
    shape::{Leaf, Shapes},
    values::{Chunk, raw_of},
};

/// The size of a block before compression, in bytes. The alerts in a block resemble each other, so
/// they compress well.
const BLOCK: usize = 512 * 1024;
/// The fastest regular compression level. Higher levels take longer and save almost nothing.
const LEVEL: i32 = 1;

/// A compressed block of alerts.
#[derive(Debug)]
struct Block {
    compressed: Vec<u8>,
    /// Where each alert ends in the decompressed block.
    ends: Vec<u32>,
}

impl Block {
    fn read(&self) -> Bytes {
        let size = self.ends.last().map_or(0, |end| *end as usize);
        zstd::bulk::decompress(&self.compressed, size).unwrap_or_default().into()
    }

    fn range(&self, at: u32) -> std::ops::Range<usize> {
        let (ends, at) = (&self.ends, at as usize);
        at.checked_sub(1).map_or(0, |before| ends[before] as usize)..ends[at] as usize
    }
}

/// The shapes and values for writing the JSON of alerts, as they were when the snapshot was taken.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) shapes: Shapes,
    /// The values under each name.
    pub(crate) values: Vec<Vec<Arc<Chunk>>>,
}

impl Snapshot {
    fn write(&self, contents: &[u8]) -> Bytes {
        let value = |Leaf { name, .. }: Leaf, index| raw_of(&self.values[name.index()], index);
        json::write(&self.shapes, contents, value).into()
    }
}

/// The JSON of one alert. Any thread can read it, and changes to the store do not affect it.
#[derive(Clone, Debug)]
pub struct StoredAlert(Body);

#[derive(Clone, Debug)]
enum Body {
    /// A block and the alert's position in it.
    Block(Arc<Block>, u32),
    /// The alert's contents, and the source of its JSON.
    Contents(Box<[u8]>, Json),
}

#[derive(Clone, Debug)]
enum Json {
    Written(Bytes),
    Deferred(Arc<Snapshot>),
}

impl StoredAlert {
    /// Compresses alerts without adding them to a store.
    pub fn compress<'a>(alerts: impl IntoIterator<Item = &'a RawAlert>) -> Vec<Self> {
        let mut writer = StoredWriter::default();
        alerts.into_iter().for_each(|alert| writer.push(&alert.0));
        writer.finish()
    }

    /// Creates an alert from its contents and its JSON.
    pub(crate) fn written(contents: &[u8], json: Vec<u8>) -> Self {
        Self(Body::Contents(contents.into(), Json::Written(json.into())))
    }

    /// Creates an alert from its contents. Its JSON is written each time it is read.
    pub(crate) fn deferred(contents: &[u8], snapshot: Arc<Snapshot>) -> Self {
        Self(Body::Contents(contents.into(), Json::Deferred(snapshot)))
    }

    /// Returns whether the alert is stored as contents and the given contents start with them.
    pub(crate) fn is_contents(&self, contents: &[u8]) -> bool {
        matches!(&self.0, Body::Contents(own, _) if contents.starts_with(own))
    }

    /// Returns the size of the JSON in bytes.
    pub fn size(&self) -> usize {
        match &self.0 {
            Body::Block(block, at) => block.range(*at).len(),
            Body::Contents(_, Json::Written(json)) => json.len(),
            Body::Contents(contents, Json::Deferred(snapshot)) => snapshot.write(contents).len(),
        }
    }

    /// Reads the alert. If it is in a block, decompresses the entire block.
    pub fn read(&self) -> RawAlert {
        StoredReader::default().read(self)
    }
}

/// Two alerts from the same store are equal if the same bytes were received for both. Alerts in
/// blocks must also be at the same position in the same block.
impl PartialEq for StoredAlert {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Body::Block(a, at), Body::Block(b, other)) => Arc::ptr_eq(a, b) && at == other,
            (Body::Contents(a, _), Body::Contents(b, _)) => a == b,
            (Body::Block(..), Body::Contents(..)) | (Body::Contents(..), Body::Block(..)) => false,
        }
    }
}

impl Eq for StoredAlert {}

/// Reads bodies one at a time. Decompresses a block only once if consecutive alerts are in it.
#[derive(Debug, Default)]
pub struct StoredReader {
    last: Option<(Arc<Block>, Bytes)>,
}

impl StoredReader {
    /// Reads an alert.
    pub fn read(&mut self, alert: &StoredAlert) -> RawAlert {
        let (block, at) = match &alert.0 {
            Body::Contents(_, Json::Written(json)) => return RawAlert(json.clone()),
            Body::Contents(contents, Json::Deferred(snapshot)) => {
                return RawAlert(snapshot.write(contents));
            }
            Body::Block(block, at) => (block, *at),
        };
        let is_same = |(last, _): &&(Arc<Block>, Bytes)| Arc::ptr_eq(last, block);
        let bytes = match self.last.as_ref().filter(is_same) {
            Some((_, bytes)) => bytes.clone(),
            None => {
                let bytes = block.read();
                self.last = Some((block.clone(), bytes.clone()));
                bytes
            }
        };
        // If there was not enough memory to decompress the block, return an empty alert.
        let range = Some(block.range(at)).filter(|range| range.end <= bytes.len());
        RawAlert(range.map(|range| bytes.slice(range)).unwrap_or_default())
    }
}

/// Compresses a block. Each thread keeps its own compressor, because creating a compressor takes
/// longer than using one.
pub(crate) fn compress(block: &[u8]) -> Vec<u8> {
    thread_local! {
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL).ok());
    }
    let compressed = COMPRESSOR.with_borrow_mut(|compressor| Some(compressor.as_mut()?.compress(block)));
    // Compressing into memory fails only if memory runs out.
    compressed.and_then(Result::ok).unwrap_or_default()
}

/// Collects alerts into blocks.
#[derive(Debug)]
pub(crate) struct StoredWriter {
    open: Vec<u8>,
    ends: Vec<u32>,
    bodies: Vec<StoredAlert>,
}

thread_local! {
    /// The buffer from this thread's last writer, kept for reuse.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Default for StoredWriter {
    fn default() -> Self {
        Self { open: BUFFER.take(), ends: Vec::new(), bodies: Vec::new() }
    }
}

impl StoredWriter {
    pub(crate) fn push(&mut self, alert: &[u8]) {
        if !self.open.is_empty() && self.open.len() + alert.len() > BLOCK {
            self.close();
        }
        self.open.extend_from_slice(alert);
        self.ends.push(u32::try_from(self.open.len()).unwrap_or(u32::MAX));
    }

    /// Returns the bodies in the order in which they were pushed.
    pub(crate) fn finish(mut self) -> Vec<StoredAlert> {
        self.close();
        BUFFER.set(self.open);
        self.bodies
    }

    fn close(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let mut compressed = compress(&self.open);
        compressed.shrink_to_fit();
        let ends = std::mem::take(&mut self.ends);
        let count = ends.len() as u32;
        let block = Arc::new(Block { compressed, ends });
        self.bodies.extend((0..count).map(|at| StoredAlert(Body::Block(block.clone(), at))));
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_returned_as_received() {
        let mut writer = StoredWriter::default();
        let alerts: Vec<String> =
            (0..500).map(|at| format!("{{\"id\":\"{at}\",\"x\":\"{}\"}}", "y".repeat(at * 17))).collect();
        for alert in &alerts {
            writer.push(alert.as_bytes());
        }
        let bodies = writer.finish();
        let mut reader = StoredReader::default();
        for (body, alert) in bodies.iter().zip(&alerts) {
            assert_eq!(reader.read(body).0, alert.as_bytes());
        }
        assert_eq!(bodies[321].read().0, alerts[321].as_bytes());
        assert!(bodies[1] == bodies[1].clone() && bodies[1] != bodies[2]);
        assert!(StoredWriter::default().finish().is_empty());
    }
}
