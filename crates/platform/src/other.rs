//! Support for platforms other than Unix, within the limits of the standard library.
//!
//! A folder inside one of the user's own folders is equally private, so owners and permissions are
//! not checked. Links are checked before a file is opened, not atomically while opening it.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions},
    io,
    path::Path,
};

use process_wrap::std::CommandWrap;

use super::FileError;

pub(super) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    refuse_link(path)?;
    options.open(path)
}

/// Checks a folder. Only its path is kept, because the standard library cannot open folders on
/// these platforms.
pub(super) fn open_folder(path: &Path) -> io::Result<Folder> {
    refuse_link(path)?;
    if path.is_dir() { Ok(Folder(path.to_owned())) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// A folder that is known to exist.
pub(super) struct Folder(std::path::PathBuf);

impl Folder {
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn check_owner(_: &Metadata, _: &Path) -> Result<(), FileError> {
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn check_mode(_: &Metadata, _: &Path) -> Result<(), FileError> {
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn restrict_mode<T>(_: &T, _: &Metadata) -> io::Result<()> {
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn restrict_path(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Folders cannot be synced on these platforms.
#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Compares creation times, because the standard library cannot identify files.
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    matches!((one.created(), other.created()), (Ok(one), Ok(other)) if one == other)
}

fn refuse_link(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(data) if data.is_symlink() => Err(io::ErrorKind::InvalidInput.into()),
        _ => Ok(()),
    }
}

/// There are no sessions on these platforms.
pub(super) fn in_session(command: CommandWrap) -> CommandWrap {
    command
}

pub(super) fn end_session(_: u32) {}

pub(super) fn changeable_by_others(_: &Metadata) -> Option<u32> {
    None
}

pub(super) fn has_display() -> bool {
    true
}
