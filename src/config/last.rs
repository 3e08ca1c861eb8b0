//! The last view and the filter history, which the console restores at startup.
//!
//! They are kept in the state folder, since they are neither configuration nor meant to be edited.
//! A file that cannot be read is ignored: nothing but the last view is lost.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{file, views};
use crate::app::{LastView, SavedView};
use alertdeck_platform::{Existing, private_folder, state_folder, write_new_file};

/// The name of the file.
const NAME: &str = "last-view.toml";
/// The name of the view in the file, which is never shown.
const VIEW: &str = "last";

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    history: Vec<String>,
}

/// Returns the path of the file, whether or not it exists, or `None` if there is no home folder.
pub fn last_view_path() -> Option<PathBuf> {
    state_folder().map(|folder| folder.join(NAME))
}

/// Reads the last view. Returns `None` if the file is missing or cannot be read.
pub fn read_last_view(path: &Path) -> Option<LastView> {
    let text = String::from_utf8(file::read(path).ok()?).ok()?;
    // Strings have no line breaks, so the table cannot begin within one.
    let view = text.find("\n[[view]]\n")?;
    let history = toml::from_str::<File>(&text[..view]).ok()?.history;
    let view = views::parse(&text[view..]).ok()?.pop()?;
    Some(LastView { filter: view.filter, sort: view.sort, group: view.group, columns: view.columns, history })
}

/// Writes the last view, so that only the user can read it. An error is one line.
pub fn write_last_view(path: &Path, last: &LastView) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        private_folder(folder).map_err(|error| error.to_string())?;
    }
    let LastView { filter, sort, group, columns, history } = last.clone();
    let history: Vec<_> = history.iter().map(|filter| format!("  {},\n", views::quoted(filter))).collect();
    let view = SavedView { name: VIEW.to_owned(), filter, sort, group, columns };
    let text = format!("history = [\n{}]\n{}", history.concat(), views::tables(&[view]));
    let written = write_new_file(path, Existing::Replace, |out| out.write_all(text.as_bytes()));
    written.map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_that_cannot_be_read_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        assert_eq!(read_last_view(&path), None);
        for text in ["", "history = [", "[[view]]\nname = 1", "history = [1]\n[[view]]\nname = \"a\""] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_last_view(&path), None, "{text}");
        }
        std::fs::write(&path, b"\xff").unwrap();
        assert_eq!(read_last_view(&path), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_last_view_is_read_as_it_was_written(
            filter: String,
            history in prop::collection::vec("\\PC*|\\[\\[view\\]\\]", 0..4),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("state").join(NAME);
            let last = LastView { filter, history, ..LastView::default() };
            write_last_view(&path, &last).unwrap();
            let read = read_last_view(&path);
            prop_assert_eq!(read, Some(last));
        }
    }
}
