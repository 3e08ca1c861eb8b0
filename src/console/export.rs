//! Writes exports to files.

use std::path::Path;

use crate::{
    app::{Export, NotWritten, Written},
    export::write_alerts,
};
use alertdeck_model::SafeText;
use alertdeck_platform::{Existing, FileError, expand_home, write_new_file};

/// Writes an export. Blocks.
pub(super) fn write(export: &Export) -> Result<Written, NotWritten> {
    let not_written = |error| match error {
        FileError::Exists(_) => NotWritten::Exists,
        error => NotWritten::Refused(error.to_string()),
    };
    let Some(path) = expand_home(&export.path) else {
        let line = format!("no home folder to expand {:?}: enter the full path", export.path);
        return Err(NotWritten::Refused(line));
    };
    let existing = if export.overwrite { Existing::Replace } else { Existing::Keep };
    let bytes = write_new_file(&path, existing, |out| {
        write_alerts(export.format, &export.alerts, &export.portal_host, out)
    });
    let path = display_path(&path);
    bytes.map(|bytes| Written { alerts: export.alerts.len(), bytes, path }).map_err(not_written)
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
    use alertdeck_store::StoredAlert;

    #[test]
    fn an_existing_export_is_replaced_only_with_overwrite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json").to_str().unwrap().to_owned();
        let alerts = StoredAlert::compress(&[RawAlert("{\"id\":\"a\"}".into())]);
        let mut export = Export {
            number: 1,
            alerts,
            format: Format::Lines,
            path: path.clone(),
            overwrite: false,
            portal_host: "security.microsoft.com".into(),
        };
        assert_eq!(write(&export), Ok(Written { alerts: 1, bytes: 11, path: path.clone() }));
        assert_eq!(write(&export), Err(NotWritten::Exists));
        (export.overwrite, export.format) = (true, Format::Json);
        assert_eq!(write(&export), Ok(Written { alerts: 1, bytes: 15, path: path.clone() }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[\n{\"id\":\"a\"}\n]\n");
        export.path = "-".into();
        assert!(
            matches!(write(&export), Err(NotWritten::Refused(line)) if line.contains("cannot be used as a file"))
        );
    }

    #[test]
    fn a_bare_file_name_is_shown_with_the_current_folder() {
        assert_eq!(display_path(Path::new("a\u{1b}.csv")), format!(".{}a␛.csv", std::path::MAIN_SEPARATOR));
        assert_eq!(display_path(Path::new("b/a.csv")), "b/a.csv");
    }
}
