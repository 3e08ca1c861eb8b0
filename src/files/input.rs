//! Reads a file or standard input as decompressed UTF-8. Knows nothing about JSON.

use std::{
    fs::File,
    io::{self, BufReader, Chain, Cursor, Read, Stdin, stdin},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The size of the first piece, in bytes. A small piece lets the first alerts appear immediately.
const FIRST: usize = 1 << 20;
/// The size of the other pieces, in bytes. Decoding the alerts of a large piece together saves
/// work.
pub(super) const PIECE: usize = 4 << 20;
/// The size of the buffers for decompression and conversion, in bytes.
const BUFFER: usize = 128 << 10;
/// The largest zstd window to accept, as a power of two. The reader must keep the entire window in
/// memory; `zstd` itself rejects larger windows without `--long`.
const MAX_WINDOW_LOG: u32 = 27;

/// The path that means standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// A file that is being read.
pub(super) struct Input {
    stream: Box<dyn Read + Send>,
    /// The number of bytes that were read from the file.
    read: Arc<AtomicU64>,
    /// The size of the file when it was opened; `None` if it is not a regular file.
    size: Option<u64>,
    is_begun: bool,
    /// Whether data is passed on as it arrives instead of in full pieces.
    is_live: bool,
}

impl Input {
    /// Opens a file and recognises its encoding. Blocks until data is available.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let (source, size) = if path.as_os_str() == STANDARD_INPUT {
            (Source::Input(stdin()), None)
        } else {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            (Source::File(file), metadata.is_file().then_some(metadata.len()))
        };
        let read = Arc::new(AtomicU64::new(0));
        let mut source = Counted { source, read: read.clone() };
        let start = head(&mut source)?;
        let (stream, is_plain) = decompressed(&start, source)?;
        let mut input = Self { stream, read, size, is_begun: false, is_live: size.is_none() && is_plain };
        input.stream = transcoded(input.stream);
        Ok(input)
    }

    /// Returns the number of bytes that were read from the file, before decompression.
    pub(super) fn position(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Appends the next piece to `text`. Returns `false` at the end of the file.
    pub(super) fn read_piece(&mut self, text: &mut Vec<u8>) -> io::Result<bool> {
        let before = text.len();
        let size = if std::mem::replace(&mut self.is_begun, true) { PIECE } else { FIRST };
        text.reserve(size);
        if self.is_live {
            // Take whatever the pipe contains, since more data may be slow to arrive.
            let mut piece = vec![0; 64 << 10];
            let count = self.stream.read(&mut piece)?;
            text.extend_from_slice(&piece[..count]);
        } else {
            // If reading fails, the data read before the error stays in `text`.
            self.stream.by_ref().take(size as u64).read_to_end(text)?;
        }
        Ok(text.len() > before)
    }

    /// Returns how the file's size changed while it was being read, if it did. Call this at the end
    /// of the file.
    pub(super) fn change(&self) -> Option<Change> {
        let (size, read) = (self.size?, self.position());
        if read < size {
            return Some(Change::Shrunk { size, read });
        }
        (read > size).then_some(Change::Grown)
    }
}

/// How a file's size changed while it was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The file is shorter than when it was opened.
    Shrunk { size: u64, read: u64 },
    /// The file is longer than when it was opened.
    Grown,
}

/// The source of the bytes.
enum Source {
    File(File),
    Input(Stdin),
}

/// Counts the bytes read from a source.
struct Counted {
    source: Source,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.source {
            Source::File(file) => file.read(buffer)?,
            Source::Input(input) => input.read(buffer)?,
        };
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Reads the first four bytes, or fewer if there are no more.
fn head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    stream.take(4).read_to_end(&mut head)?;
    Ok(head)
}

/// Returns the decompressed content of a stream, and whether the stream was not compressed. `start`
/// contains the bytes that have already been read from the stream.
fn decompressed(start: &[u8], source: Counted) -> io::Result<(Box<dyn Read + Send>, bool)> {
    let whole = Cursor::new(start.to_vec()).chain(source);
    let is_zstd = match *start {
        [0x28, 0xb5, 0x2f, 0xfd] => true,
        // A skippable frame. Some programs write one first.
        [first, 0x2a, 0x4d, 0x18] => first & 0xf0 == 0x50,
        _ => false,
    };
    if is_zstd {
        return Ok((Box::new(Zstd::new(whole)?), false));
    }
    if start.starts_with(b"\x1f\x8b") {
        let buffered = BufReader::with_capacity(BUFFER, whole);
        return Ok((Box::new(flate2::bufread::MultiGzDecoder::new(buffered)), false));
    }
    Ok((Box::new(whole), true))
}

/// A zstd stream with any number of frames.
struct Zstd(zstd::stream::read::Decoder<'static, BufReader<Chain<Cursor<Vec<u8>>, Counted>>>);

impl Zstd {
    fn new(stream: Chain<Cursor<Vec<u8>>, Counted>) -> io::Result<Self> {
        let mut decoder = zstd::stream::read::Decoder::new(stream)?;
        decoder.window_log_max(MAX_WINDOW_LOG)?;
        Ok(Self(decoder))
    }
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            // The library has no separate error kind for this.
            if !error.to_string().contains("too much memory") {
                return error;
            }
            let size = 1 << (MAX_WINDOW_LOG - 20);
            io::Error::other(format!(
                "zstd with a window of more than {size} MB; decompress it with `zstd -d --long=31` first"
            ))
        })
    }
}

/// Converts a stream to UTF-8 if it is UTF-16, which PowerShell writes.
fn transcoded(mut stream: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    let start = match head(&mut stream) {
        Ok(start) => start,
        // The first read from the returned stream reports the error.
        Err(error) => return Box::new(Failing(Some(error))),
    };
    let (is_little, mark) = match *start.as_slice() {
        [0xff, 0xfe, ..] => (true, 2),
        [0xfe, 0xff, ..] => (false, 2),
        // JSON without a byte order mark.
        [b'{' | b'[', 0, _, 0] => (true, 0),
        [0, b'{' | b'[', 0, _] => (false, 0),
        _ => return Box::new(Cursor::new(start).chain(stream)),
    };
    let pending = start[mark..].to_vec();
    Box::new(Utf16 { stream, is_little, pending, text: Cursor::default() })
}

/// A stream whose first read fails with this error.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Reads UTF-16 as UTF-8.
struct Utf16 {
    stream: Box<dyn Read + Send>,
    is_little: bool,
    /// The bytes that have not been converted yet.
    pending: Vec<u8>,
    /// The converted text.
    text: Cursor<Vec<u8>>,
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.text.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let is_last = self.stream.by_ref().take(BUFFER as u64).read_to_end(&mut self.pending)? == 0;
            if is_last && self.pending.is_empty() {
                return Ok(0);
            }
            self.convert(is_last);
        }
    }
}

impl Utf16 {
    /// Converts the pending bytes. Unless `is_last`, keeps an incomplete character at the end.
    fn convert(&mut self, is_last: bool) {
        let unit = |pair: &[u8]| {
            let pair = [pair[0], pair[1]];
            if self.is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
        };
        let mut units: Vec<u16> = self.pending.chunks_exact(2).map(unit).collect();
        let is_half = units.last().is_some_and(|last| (0xd800..0xdc00).contains(last));
        if is_half && !is_last {
            units.pop();
        }
        let text =
            char::decode_utf16(units.iter().copied()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
        self.text = Cursor::new(text.collect::<String>().into_bytes());
        self.pending.drain(..units.len() * 2);
        if is_last {
            self.pending.clear();
        }
    }
}
