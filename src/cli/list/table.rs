//! A table of aligned columns.

use std::io::{Result, Write};

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use alertdeck_store::Column;

/// The number of spaces between columns.
const GAP: usize = 2;
/// The minimum width of a narrowed column.
const MIN_WIDTH: usize = 8;
/// The maximum width of a column. Every row is padded to the longest value, so without a maximum, a
/// single one-megabyte title could fill a disk.
const MAX_WIDTH: usize = 250;

/// Writes a header row and the rows. No column is wider than `MAX_WIDTH`, and no line is wider than
/// `width`, if given.
pub(super) fn write(
    columns: &[Column],
    rows: impl Iterator<Item = Vec<String>>,
    width: Option<usize>,
    out: &mut dyn Write,
) -> Result<()> {
    let header = columns.iter().map(|column| column.name().to_uppercase()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    let mut widths: Vec<usize> = (0..columns.len())
        .map(|at| rows.iter().map(|row| row[at].width()).max().unwrap_or_default().min(MAX_WIDTH))
        .collect();
    if let Some(width) = width {
        narrow(columns, &mut widths, width);
    }
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let cell = truncate(cell, *width);
            let blanks = width - cell.width() + GAP;
            line.push_str(&cell);
            line.extend(std::iter::repeat_n(' ', blanks));
        }
        let line = line.trim_end();
        writeln!(out, "{}", width.map_or_else(|| line.to_owned(), |width| truncate(line, width)))?;
    }
    Ok(())
}

/// Narrows the widest columns until a row fits. IDs are never truncated, since a partial ID is
/// useless.
fn narrow(columns: &[Column], widths: &mut [usize], width: usize) {
    while widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) > width {
        let flexible = columns.iter().zip(widths.iter_mut()).filter(|(column, _)| **column != Column::Id);
        match flexible.map(|(_, width)| width).max() {
            Some(widest) if *widest > MIN_WIDTH => *widest -= 1,
            _ => break,
        }
    }
}

/// Truncates text to a number of screen columns, at a grapheme boundary.
fn truncate(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for cluster in text.graphemes(true) {
        if kept.width() + cluster.width() + 1 > width {
            break;
        }
        kept.push_str(cluster);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(rows: &[[&str; 3]], width: Option<usize>) -> String {
        let rows = rows.iter().map(|row| row.map(str::to_owned).to_vec());
        let mut out = Vec::new();
        write(&[Column::Title, Column::Owner, Column::Id], rows, width, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(
            table(&[["不審な", "me", "1"], ["a title", "", "22"]], None),
            "TITLE    ASSIGNED  ID\n不審な   me        1\na title            22\n"
        );
        assert_eq!(table(&[], None), "TITLE  ASSIGNED  ID\n");
    }

    #[test]
    fn the_widest_column_is_narrowed_and_ids_are_not_cut() {
        let shown = table(&[["a title that is rather long", "someone", "da1234567890"]], Some(40));
        assert_eq!(shown, "TITLE             ASSIGNED  ID\na title that is…  someone   da1234567890\n");
    }

    #[test]
    fn a_long_value_does_not_widen_the_other_rows_without_end() {
        let shown = table(&[[&"x".repeat(1_000_000), "me", &"1".repeat(1_000)], ["b", "", "2"]], None);
        assert!(shown.lines().all(|line| line.width() <= 2 * MAX_WIDTH + 20), "{} bytes", shown.len());
        assert!(shown.contains("x…  me"));
    }

    proptest! {
        #[test]
        fn no_line_exceeds_the_width(title in "\\PC{0,40}", width in 0usize..60) {
            for line in table(&[[&title, "x", "id"]], Some(width)).lines() {
                prop_assert!(line.width() <= width, "{line:?}");
            }
        }
    }
}
