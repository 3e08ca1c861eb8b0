//! CSV (RFC 4180) with cells that spreadsheets do not evaluate as formulas.

use std::io::{Result, Write};

use alertdeck_store::Column;

/// Writes a header row and the rows.
pub(super) fn write(
    columns: &[Column],
    rows: impl Iterator<Item = Vec<String>>,
    out: &mut dyn Write,
) -> Result<()> {
    let header = columns.iter().map(|column| column.name().to_owned()).collect();
    for row in std::iter::once(header).chain(rows) {
        let cells: Vec<_> = row.iter().map(|cell| field(cell)).collect();
        write!(out, "{}\r\n", cells.join(","))?;
    }
    Ok(())
}

/// The characters that start a formula. Spreadsheets for East Asian languages also accept the
/// full-width forms.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Formats a cell. Attackers control alert text, so text that looks like a formula gets a leading
/// apostrophe, which makes spreadsheets treat it as text. A cell that contains a semicolon or a tab
/// is also quoted, since spreadsheets may be configured to split cells there.
fn field(text: &str) -> String {
    let is_formula = text.trim_start().starts_with(FORMULA);
    let guard = if is_formula || text.starts_with(['\t', '\r']) { "'" } else { "" };
    if text.contains(['"', ',', ';', '\t', '\r', '\n']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("plain text", "plain text")]
    #[case("", "")]
    #[case("a,b", "\"a,b\"")]
    #[case("say \"hi\"", "\"say \"\"hi\"\"\"")]
    #[case("a\r\nb", "\"a\r\nb\"")]
    #[case("=1+1", "'=1+1")]
    #[case("=cmd|'/C calc'!A0,x", "\"'=cmd|'/C calc'!A0,x\"")]
    #[case("+1", "'+1")]
    #[case("-1", "'-1")]
    #[case("@SUM(A1)", "'@SUM(A1)")]
    #[case("\t=1", "\"'\t=1\"")]
    #[case(" =1", "' =1")]
    #[case("＝1+1", "'＝1+1")]
    #[case("＋1", "'＋1")]
    #[case("－1", "'－1")]
    #[case("＠SUM(A1)", "'＠SUM(A1)")]
    #[case("a;=1", "\"a;=1\"")]
    #[case("a\t=1", "\"a\t=1\"")]
    #[case("\r=1", "\"'\r=1\"")]
    #[case("a=1", "a=1")]
    fn cells_are_quoted_and_guarded(#[case] text: &str, #[case] written: &str) {
        assert_eq!(field(text), written);
    }

    #[test]
    fn lines_end_with_carriage_return_and_line_feed() {
        let mut out = Vec::new();
        write(&[Column::Id, Column::Owner], [vec!["a".into(), "b".into()]].into_iter(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "id,assigned\r\na,b\r\n");
    }
}
