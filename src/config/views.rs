//! The saved views, in `views.toml` beside the config file.
//!
//! alertdeck reads this file at startup and rewrites it when the user saves or removes a view. The
//! file has one table for each view, in a fixed form, so that it can be kept under version control.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use super::{
    Config, ConfigError,
    diagnostic::{SpannedError, nearest},
    file, safe,
};
use crate::app::{Groups, ListColumn, MAX_NAME, MAX_VIEWS, SavedView, ViewChange, parse_sort, sort_name};
use alertdeck_platform::{Existing, FileError, write_new_file};
use alertdeck_store::{Column, Sort};

/// The name of the views file.
const NAME: &str = "views.toml";
/// The first lines of a file that alertdeck writes.
const HEAD: &str = "\
# Saved views of alertdeck. The keys 1 to 9 open the first nine. alertdeck rewrites this file when a
# view is saved or removed, without comments of yours.
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    view: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    #[serde(default)]
    filter: String,
    sort: Option<Spanned<String>>,
    group: Option<Spanned<String>>,
    columns: Option<Vec<Spanned<String>>>,
}

impl Config {
    /// Returns the path of the views file, which belongs beside the config file (see
    /// [`Config::path`]), whether or not it exists. Returns `None` if no config file is used.
    pub fn views_path(given: Option<&Path>) -> Option<PathBuf> {
        Self::path(given).ok().flatten().map(|config| config.with_file_name(NAME))
    }

    /// Reads the saved views. Without a file, these are [`SavedView::defaults`].
    ///
    /// Fails if the file cannot be read. If the file has errors, fails with
    /// [`ConfigError::Broken`], which lists the first one.
    pub fn views(given: Option<&Path>) -> Result<Vec<SavedView>, ConfigError> {
        Self::views_path(given).map_or_else(|| Ok(SavedView::defaults()), |path| read(&path))
    }
}

/// Changes the saved views in the file at `path`, and returns all of them. The file is read again,
/// because another console may have changed it. Fails with one line, and leaves the file as it was.
pub fn change_views(path: &Path, change: &ViewChange) -> Result<Vec<SavedView>, String> {
    let one_line = |error: ConfigError| error.to_string().lines().collect::<Vec<_>>().join(" ");
    let mut views = read(path).map_err(one_line)?;
    change.apply(&mut views)?;
    let failed = |error: FileError| error.to_string();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", safe(folder)))?;
    }
    let text = write(&views);
    write_new_file(path, Existing::Replace, |out| out.write_all(text.as_bytes())).map_err(failed)?;
    Ok(views)
}

fn read(path: &Path) -> Result<Vec<SavedView>, ConfigError> {
    let bytes = match file::read(path) {
        Err(ConfigError::Missing(_)) => return Ok(SavedView::defaults()),
        bytes => bytes?,
    };
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
    parse(&text).map_err(|error| ConfigError::Broken {
        path: path.to_owned(),
        errors: vec![error.locate(&text)],
        more: 0,
    })
}

/// Parses the text of a views file.
pub(super) fn parse(text: &str) -> Result<Vec<SavedView>, SpannedError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let expected = "expected [[view]] tables with name, filter, sort, group and columns";
        SpannedError::new(error.span().unwrap_or(0..0), error.message()).fix(expected)
    })?;
    let mut views: Vec<SavedView> = Vec::new();
    for entry in file.view {
        let (name, span) = (entry.name.get_ref().trim(), entry.name.span());
        if views.len() == MAX_VIEWS {
            let fix = format!("keep at most {MAX_VIEWS} views");
            return Err(SpannedError::new(span, "too many views").fix(fix));
        }
        if name.is_empty() || name.chars().count() > MAX_NAME {
            let fix = format!("use 1 to {MAX_NAME} characters");
            return Err(SpannedError::new(span, "invalid name").fix(fix));
        }
        if views.iter().any(|view| view.is_named(name)) {
            let fix = "names must be different, ignoring case: rename or remove one";
            return Err(SpannedError::new(span, "duplicate name").fix(fix));
        }
        let sort = match &entry.sort {
            None => Sort::default(),
            Some(sort) => parse_sort(sort.get_ref())
                .ok_or_else(|| unknown_column(sort.get_ref().trim_start_matches('-'), sort.span()))?,
        };
        let group = entry.group.map(|group| {
            let by = Groups::COLUMNS.into_iter().find(|column| column.name() == group.get_ref());
            by.ok_or_else(|| {
                let names = Groups::COLUMNS.map(Column::name);
                SpannedError::new(group.span(), "not a column to group by")
                    .fix(format!("use one of {}", names.join(", ")))
            })
        });
        let columns = entry.columns.map(|columns| read_columns(&columns));
        views.push(SavedView {
            name: name.to_owned(),
            filter: entry.filter,
            sort,
            group: group.transpose()?,
            columns: columns.transpose()?.filter(|columns| !columns.is_empty()),
        });
    }
    Ok(views)
}

/// Parses columns, each of which may occur only once.
fn read_columns(texts: &[Spanned<String>]) -> Result<Vec<ListColumn>, SpannedError> {
    let mut columns: Vec<ListColumn> = Vec::new();
    for text in texts {
        let next = column(text)?;
        if columns.iter().any(|shown| shown.column == next.column) {
            return Err(SpannedError::new(text.span(), "duplicate column").fix("remove it"));
        }
        columns.push(next);
    }
    Ok(columns)
}

/// Parses a column and, after a colon, its width.
fn column(text: &Spanned<String>) -> Result<ListColumn, SpannedError> {
    let (name, width) = match text.get_ref().split_once(':') {
        Some((name, width)) => (name, Some(width)),
        None => (text.get_ref().as_str(), None),
    };
    let column = Column::named(name).ok_or_else(|| unknown_column(name, text.span()))?;
    let width = width.map(|width| width.parse().ok().filter(|width| ListColumn::WIDTHS.contains(width)));
    if width == Some(None) {
        let (least, most) = (ListColumn::WIDTHS.start(), ListColumn::WIDTHS.end());
        let fix = format!("use a number from {least} to {most}, as in \"title:40\"");
        return Err(SpannedError::new(text.span(), "invalid width").fix(fix));
    }
    Ok(ListColumn { column, width: width.flatten() })
}

fn unknown_column(name: &str, span: std::ops::Range<usize>) -> SpannedError {
    let names: Vec<_> = Column::ALL.iter().map(|(name, _)| *name).collect();
    let fix = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("available columns: {}", names.join(", ")),
    };
    SpannedError::new(span, "unknown column").fix(fix)
}

/// Formats the views as a file.
fn write(views: &[SavedView]) -> String {
    format!("{HEAD}{}", tables(views))
}

/// Formats the views as tables.
pub(super) fn tables(views: &[SavedView]) -> String {
    let mut text = String::new();
    for SavedView { name, filter, sort, group, columns } in views {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[[view]]\nname = {}\nfilter = {}\n", quoted(name), quoted(filter));
        if *sort != Sort::default() {
            let _ = writeln!(text, "sort = {}", quoted(&sort_name(*sort)));
        }
        if let Some(group) = group {
            let _ = writeln!(text, "group = {}", quoted(group.name()));
        }
        if let Some(columns) = columns {
            let column = |shown: &ListColumn| match shown.width {
                Some(width) => quoted(&format!("{}:{width}", shown.column.name())),
                None => quoted(shown.column.name()),
            };
            let columns: Vec<_> = columns.iter().map(column).collect();
            let _ = writeln!(text, "columns = [{}]", columns.join(", "));
        }
    }
    text
}

/// Returns text as a TOML string. TOML has the escape sequences of JSON, but also requires one for
/// DEL.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the first error in a file, with its position and fix.
    fn error(text: &str) -> String {
        let error = parse(text).unwrap_err().locate(text);
        format!("{}:{}: {}; {}", error.line, error.column, error.message, error.fix.unwrap_or_default())
    }

    #[test]
    fn errors_say_where_they_are_and_what_to_do() {
        for (text, expected) in [
            ("[[view]]\nname = \"a\"\nfilter = 1", "3:10: invalid type: integer `1`, expected a string"),
            ("[[view]]\nfilter = \"a\"", "missing field `name`"),
            ("[[view]]\nname = \"a\"\nfliter = \"\"", "3:1: unknown field `fliter`"),
            ("[[views]]\nname = \"a\"", "1:3: unknown field `views`"),
            ("[[view]]\nname = \" \"", "2:8: invalid name; use 1 to 40 characters"),
            (
                "[[view]]\nname = \"a\"\n[[view]]\nname = \"A\"",
                "4:8: duplicate name; names must be different",
            ),
            (
                "[[view]]\nname = \"a\"\ngroup = \"age\"",
                "3:9: not a column to group by; use one of incident, title, device, user, category, source, tenant",
            ),
            ("[[view]]\nname = \"a\"\nsort = \"-titel\"", "3:8: unknown column; did you mean `title`?"),
            (
                "[[view]]\nname = \"a\"\ncolumns = [\"id\", \"x\"]",
                "3:18: unknown column; available columns: ",
            ),
            (
                "[[view]]\nname = \"a\"\ncolumns = [\"id:2\"]",
                "3:12: invalid width; use a number from 3 to 200",
            ),
            ("[[view]]\nname = \"a\"\ncolumns = [\"id\", \"ID:9\"]", "3:18: duplicate column; remove it"),
            ("[[view]]\nname = \"a", "2:10: invalid basic string"),
        ] {
            assert!(error(text).contains(expected), "{text:?}: {}", error(text));
        }
        let many: Vec<_> = (0..=MAX_VIEWS).map(|at| format!("[[view]]\nname = \"{at}\"\n")).collect();
        assert!(error(&many.concat()).contains("too many views"));
    }

    #[test]
    fn changes_are_added_to_those_of_another_console() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join(NAME);
        let view = |name: &str| SavedView { name: name.into(), ..SavedView::defaults()[0].clone() };
        let names = |views: Vec<SavedView>| views.into_iter().map(|view| view.name).collect::<Vec<_>>();
        let saved = change_views(&path, &ViewChange::Save(view("mine"))).unwrap();
        assert_eq!(names(saved), ["my queue", "unassigned high", "last 7 days open", "mine"]);
        // Another console renames a view and adds one.
        std::fs::write(&path, "[[view]]\nname = \"theirs\"\n[[view]]\nname = \"MINE\"\n").unwrap();
        let saved = change_views(&path, &ViewChange::Save(view("mine"))).unwrap();
        assert_eq!(names(saved), ["theirs", "mine"]);
        assert_eq!(names(change_views(&path, &ViewChange::Remove("Theirs".into())).unwrap()), ["mine"]);
        assert_eq!(names(read(&path).unwrap()), ["mine"]);
    }

    #[test]
    fn a_file_with_errors_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        std::fs::write(&path, "[[view]]\nname = 1\n").unwrap();
        let line = change_views(&path, &ViewChange::Remove("a".into())).unwrap_err();
        assert!(line.contains("views.toml") && !line.contains('\n'), "{line}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[[view]]\nname = 1\n");
    }

    fn views() -> impl Strategy<Value = Vec<SavedView>> {
        let column = (0..Column::ALL.len(), prop::option::of(3u16..=200));
        let column = column.prop_map(|(at, width)| ListColumn { column: Column::ALL[at].1, width });
        let distinct = |mut columns: Vec<ListColumn>| {
            columns.sort_by_key(|shown| shown.column.name());
            columns.dedup_by_key(|shown| shown.column);
            columns
        };
        let columns = prop::option::of(prop::collection::vec(column, 1..5).prop_map(distinct));
        let sort = (0..Column::ALL.len(), any::<bool>())
            .prop_map(|(at, descending)| Sort { column: Column::ALL[at].1, descending });
        let group = prop::option::of(prop::sample::select(Groups::COLUMNS.to_vec()));
        let view = (".{0,30}", any::<String>(), sort, group, columns);
        prop::collection::vec(view, 0..6).prop_map(|views| {
            let numbered = views.into_iter().enumerate();
            let view = |(at, (name, filter, sort, group, columns)): (usize, (String, _, _, _, _))| {
                SavedView { name: format!("{at}{}", name.trim_end()), filter, sort, group, columns }
            };
            numbered.map(view).collect()
        })
    }

    proptest! {
        #[test]
        fn views_are_read_as_they_were_written(views in views()) {
            let text = write(&views);
            prop_assert_eq!(parse(&text).map_err(|error| error.message), Ok(views), "{}", text);
        }
    }
}
