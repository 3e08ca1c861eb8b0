//! The journal: an append-only file of the changes made from this computer, and of notes.
//!
//! Each line is an [`Entry`] as JSON. A change is recorded before it is sent, so no change is
//! missing if the program ends unexpectedly (docs/triage.md, "Journal"). Several processes may
//! append at the same time.

use std::{
    io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    sync::Arc,
};

use alertdeck_platform::{FileError, append_private, private_folder, state_folder};

use crate::triage::Entry;

/// The file's name in the state folder.
const NAME: &str = "journal.jsonl";
/// The maximum length of a line, in bytes. A longer line was not written by this program.
const MAX_LINE: u64 = 4 << 20;

/// The reason the journal cannot be used, as one line that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The system has no folder for the journal.
    #[error("no folder for the journal on this system; set HOME")]
    NoFolder,
    /// The file cannot be used.
    #[error("the journal cannot be used: {0}")]
    File(#[from] FileError),
}

/// The journal of changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    path: Arc<PathBuf>,
    /// Removes the folder of a temporary journal when dropped.
    _folder: Option<Arc<tempfile::TempDir>>,
}

/// The contents of the journal.
#[derive(Debug, Default)]
pub struct Entries {
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// The number of lines that are not valid entries.
    pub unreadable: usize,
}

impl Journal {
    /// Returns the user's journal.
    ///
    /// # Errors
    ///
    /// Fails if the system has no folder for the journal. The file is not opened yet.
    pub fn of_user() -> Result<Self, JournalError> {
        let folder = state_folder().ok_or(JournalError::NoFolder)?;
        Ok(Self { path: Arc::new(folder.join(NAME)), _folder: None })
    }

    /// Creates a journal that is removed when the program ends, for simulated tenants.
    ///
    /// # Errors
    ///
    /// Fails if no temporary folder can be created.
    pub fn temporary() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("alertdeck-").tempdir()?;
        Ok(Self { path: Arc::new(folder.path().join(NAME)), _folder: Some(Arc::new(folder)) })
    }

    /// Returns the file's path.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Appends an entry and flushes it to the disk.
    ///
    /// # Errors
    ///
    /// Fails if the file or its folder cannot be created, is not private, or cannot be written.
    pub fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        if let Some(folder) = self.path.parent() {
            private_folder(folder)?;
        }
        let mut file = append_private(&self.path)?;
        let failed = |error: std::io::Error| FileError::io("written", &self.path, &error);
        let mut line = Vec::new();
        if !ends_line(&mut file).map_err(failed)? {
            // An earlier write was cut off.
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, entry).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        // Use a single write, so that lines from several processes do not mix.
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(failed)?;
        Ok(())
    }

    /// Reads all entries. Returns none if the file does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or if other users can read or change it.
    pub fn read(&self) -> Result<Entries, JournalError> {
        let mut read = Entries::default();
        let Some(file) = alertdeck_platform::open_private(&self.path)? else { return Ok(read) };
        let failed = |error: std::io::Error| FileError::io("read", &self.path, &error);
        let mut lines = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(failed)?;
            if length == 0 {
                return Ok(read);
            }
            match serde_json::from_slice(&line) {
                Ok(entry) => read.entries.push(entry),
                Err(_) if line.trim_ascii().is_empty() => {}
                Err(_) => read.unreadable += 1,
            }
        }
    }
}

/// Returns whether a file is empty or ends with a line break.
fn ends_line(file: &mut std::fs::File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::{EntryId, EntryKind};
    use alertdeck_model::Timestamp;

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let path = Arc::new(folder.path().join("state").join(NAME));
        (folder, Journal { path, _folder: None })
    }

    fn note(text: &str) -> Entry {
        let entry = Entry::new(EntryKind::Note, Timestamp::from_seconds(9), EntryId::random());
        Entry { text: Some(text.to_owned()), ..entry }
    }

    #[test]
    fn records_are_appended_and_read() {
        let (_folder, journal) = journal();
        assert!(journal.read().unwrap().entries.is_empty());
        let (one, other) = (note("a\nb"), note("c"));
        journal.append(&one).unwrap();
        journal.append(&other).unwrap();
        assert_eq!(journal.read().unwrap().entries, [one, other]);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, journal) = journal();
        journal.append(&note("a")).unwrap();
        let mode = journal.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(journal.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(journal.read(), Err(JournalError::File(_))));
    }

    #[test]
    fn lines_that_are_no_records_are_counted() {
        let (_folder, journal) = journal();
        journal.append(&note("a")).unwrap();
        let mut file = std::fs::OpenOptions::new().append(true).open(journal.path()).unwrap();
        file.write_all(b"{\"id\":\"cut\n\n[]\n{\"id\":").unwrap();
        journal.append(&note("b")).unwrap();
        let read = journal.read().unwrap();
        assert_eq!((read.entries.len(), read.unreadable), (2, 3));
    }

    #[test]
    fn a_journal_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let path = Arc::new(folder.path().join("file").join(NAME));
        let journal = Journal { path, _folder: None };
        assert!(journal.append(&note("a")).unwrap_err().to_string().contains("file"));
    }
}
