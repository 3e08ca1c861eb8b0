//! Unix: owners, permission bits, opening without following links, groups of processes.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::{fs::OFlags, process::geteuid};

use super::FileError;

/// Nobody but the owner.
const FILE: u32 = 0o600;
const FOLDER: u32 = 0o700;
/// What group and others may do.
const OTHERS: u32 = 0o077;

/// Completes how a file is opened. Non-blocking, so that a pipe in its place holds nobody up.
pub(super) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.mode(FILE).custom_flags(flags.bits() as i32).open(path)
}

/// Opens a folder, no link to one.
pub(super) fn open_folder(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::DIRECTORY;
    OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}

/// Creates a folder and its parents, all private.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// Refuses what belongs to someone else.
pub(super) fn check_owner(data: &Metadata, path: &Path) -> Result<(), FileError> {
    if data.uid() == geteuid().as_raw() { Ok(()) } else { Err(FileError::Foreign(path.to_owned())) }
}

/// Refuses a file that others may read or change.
pub(super) fn check_mode(data: &Metadata, path: &Path) -> Result<(), FileError> {
    let mode = data.mode() & 0o777;
    if mode & OTHERS == 0 { Ok(()) } else { Err(FileError::Exposed { path: path.to_owned(), mode }) }
}

/// Takes group's and others' permissions from a file or folder of ours, where it has any.
pub(super) fn mend_mode(file: &File, data: &Metadata) -> io::Result<()> {
    if data.mode() & OTHERS == 0 {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(if data.is_dir() { FOLDER } else { FILE }))
}

/// Makes a rename in a folder outlast a loss of power.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Tells whether two descriptions are of one file.
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Keeps a program that is to be started apart from this terminal's signals.
pub(super) fn detach(command: &mut std::process::Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Tells whether a browser could show a window: without a display, openers fall back to browsers
/// for the terminal, which is ours.
pub(super) fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(set)
}
