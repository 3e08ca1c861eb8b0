//! Unix support: owners, permission bits, opening files without following links, and sessions.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use process_wrap::std::{CommandWrap, ProcessSession};
use rustix::{
    fs::OFlags,
    process::{Pid, Signal, geteuid, kill_process_group},
};

use super::FileError;

/// The modes of private files and folders.
const FILE: u32 = 0o600;
const FOLDER: u32 = 0o700;
/// The permission bits for the group and others.
const OTHERS: u32 = 0o077;
/// The bits that let the group and others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Opens a file without following links or blocking, so that opening a pipe cannot hang.
pub(super) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.mode(FILE).custom_flags(flags.bits() as i32).open(path)
}

/// Opens a folder without following links.
pub(super) fn open_folder(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::DIRECTORY;
    OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}

/// Creates a private folder and its missing parents, which are also private.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// Refuses a file or folder that belongs to another user.
pub(super) fn check_owner(data: &Metadata, path: &Path) -> Result<(), FileError> {
    if data.uid() == geteuid().as_raw() { Ok(()) } else { Err(FileError::OtherOwner(path.to_owned())) }
}

/// Refuses a file that other users may read or change.
pub(super) fn check_mode(data: &Metadata, path: &Path) -> Result<(), FileError> {
    let mode = data.mode() & 0o777;
    if mode & OTHERS == 0 { Ok(()) } else { Err(FileError::Exposed { path: path.to_owned(), mode }) }
}

/// Removes any permissions that the group and others have on an open file or folder.
pub(super) fn restrict_mode(file: &File, data: &Metadata) -> io::Result<()> {
    if data.mode() & OTHERS == 0 {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(if data.is_dir() { FOLDER } else { FILE }))
}

/// Removes any permissions that the group and others have on a file in a private folder.
pub(super) fn restrict_path(path: &Path, data: &Metadata) -> io::Result<()> {
    if data.mode() & OTHERS == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(FILE))
}

/// Syncs a folder, so that a rename in it survives a power loss.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Returns whether two sets of metadata describe the same file.
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Makes a program start in a new session.
pub(super) fn in_session(mut command: CommandWrap) -> CommandWrap {
    command.wrap(ProcessSession);
    command
}

/// Ends all programs in the process group of a session's first program.
pub(super) fn end_session(id: u32) {
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // The group may already have finished.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Returns a file's permission bits if other users can change the file: because the bits allow it,
/// or because the file belongs to neither this user nor the administrator.
pub(super) fn changeable_by_others(data: &Metadata) -> Option<u32> {
    let is_foreign = data.uid() != geteuid().as_raw() && data.uid() != 0;
    (is_foreign || data.mode() & WRITABLE_BY_OTHERS != 0).then_some(data.mode() & 0o777)
}

/// Returns whether a browser can show a window. Without a display, openers fall back to text
/// browsers, which would use this terminal.
pub(super) fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(set)
}
