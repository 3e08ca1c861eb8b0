//! Writes exports to files.

use std::{
    convert::Infallible,
    io::{Error, Result as IoResult, Write},
    path::Path,
};

use tokio::sync::oneshot::{Receiver, error::TryRecvError};

use crate::{
    app::{Export, NotWritten, Written},
    export::{default_columns, write_alerts},
};
use alertdeck_model::SafeText;
use alertdeck_platform::{Existing, FileError, expand_home, write_new_file};

/// Writes an export. Blocks. Ends early, without a file, once the sender of `stopped` is dropped.
pub(super) fn write(export: &Export, mut stopped: Receiver<Infallible>) -> Result<Written, NotWritten> {
    let Some(path) = expand_home(&export.path) else {
        let line = format!("no home folder to expand {:?}: enter the full path", export.path);
        return Err(NotWritten::Refused(line));
    };
    let existing = if export.overwrite { Existing::Replace } else { Existing::Keep };
    let bytes = write_new_file(&path, existing, |out| {
        let mut out = Stoppable { out, stopped: &mut stopped };
        let columns = export.columns.as_deref().unwrap_or(default_columns(&export.tenants));
        write_alerts(export.format, columns, &export.alerts, &export.tenants, &mut out)
    });
    let path = display_path(&path);
    match bytes {
        Ok(bytes) => Ok(Written { alerts: export.alerts.len(), bytes, path }),
        Err(FileError::Exists(_)) => Err(NotWritten::Exists),
        Err(_) if is_stopped(&mut stopped) => Err(NotWritten::Stopped),
        Err(error) => Err(NotWritten::Refused(error.to_string())),
    }
}

/// A writer that fails once it is stopped.
struct Stoppable<'a> {
    out: &'a mut dyn Write,
    stopped: &'a mut Receiver<Infallible>,
}

impl Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        if is_stopped(self.stopped) { Err(Error::other("stopped")) } else { self.out.write(bytes) }
    }

    fn flush(&mut self) -> IoResult<()> {
        self.out.flush()
    }
}

fn is_stopped(stopped: &mut Receiver<Infallible>) -> bool {
    matches!(stopped.try_recv(), Err(TryRecvError::Closed))
}

/// Returns a path for display, with `./` before a bare file name.
fn display_path(path: &Path) -> String {
    let text = SafeText::new(&path.to_string_lossy()).line();
    let is_bare = path.parent().is_some_and(|folder| folder.as_os_str().is_empty());
    if is_bare { format!(".{}{text}", std::path::MAIN_SEPARATOR) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Format;
    use alertdeck_model::RawAlert;
    use alertdeck_store::{FeedId, StoredAlert};
    use tokio::sync::oneshot;

    fn export(path: &str) -> Export {
        Export {
            alerts: StoredAlert::compress(&[RawAlert("{\"id\":\"a\"}".into())])
                .into_iter()
                .map(|alert| (FeedId::default(), alert))
                .collect(),
            format: Format::Lines,
            columns: None,
            path: path.to_owned(),
            overwrite: false,
            tenants: Vec::new(),
        }
    }

    /// Writes an export that is never stopped.
    fn write_all(export: &Export) -> Result<Written, NotWritten> {
        let (_running, stopped) = oneshot::channel();
        write(export, stopped)
    }

    #[test]
    fn an_existing_export_is_replaced_only_with_overwrite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json").to_str().unwrap().to_owned();
        let mut export = export(&path);
        assert_eq!(write_all(&export), Ok(Written { alerts: 1, bytes: 11, path: path.clone() }));
        assert_eq!(write_all(&export), Err(NotWritten::Exists));
        (export.overwrite, export.format) = (true, Format::Json);
        assert_eq!(write_all(&export), Ok(Written { alerts: 1, bytes: 15, path: path.clone() }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[\n{\"id\":\"a\"}\n]\n");
        export.path = "-".into();
        assert!(
            matches!(write_all(&export), Err(NotWritten::Refused(line)) if line.contains("cannot be used as a file"))
        );
    }

    #[test]
    fn a_stopped_export_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (running, stopped) = oneshot::channel();
        drop(running);
        let export = export(folder.path().join("a.json").to_str().unwrap());
        assert_eq!(write(&export, stopped), Err(NotWritten::Stopped));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_bare_file_name_is_shown_with_the_current_folder() {
        assert_eq!(display_path(Path::new("a\u{1b}.csv")), format!(".{}a␛.csv", std::path::MAIN_SEPARATOR));
        assert_eq!(display_path(Path::new("b/a.csv")), "b/a.csv");
    }
}
