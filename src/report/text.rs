//! The report as plain text for a terminal. Values are not defanged.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{Cell, Part, Report};

impl Report {
    /// Returns the report as plain text.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n{}\n\n", self.title, self.summary);
        let width = self.facts.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
        for (label, value) in &self.facts {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{label:width$}  {value}");
        }
        for section in &self.sections {
            let _ = writeln!(out, "\n{}", section.title);
            for part in &section.parts {
                write(&mut out, part);
            }
        }
        out
    }
}

fn write(out: &mut String, part: &Part) {
    match part {
        Part::Lines(lines) => indent(out, lines),
        Part::Prose(text) => indent(out, text.as_str()),
        Part::Note(note) => indent(out, note),
        Part::Comment(by, text) => {
            indent(out, &format!("{by}:"));
            indent(out, text.as_str());
        }
        Part::Table(_, rows) => {
            let rows: Vec<Vec<&str>> =
                rows.iter().map(|row| row.iter().map(Cell::as_str).collect()).collect();
            let columns = rows.first().map_or(0, Vec::len);
            // Very long cells do not widen their column.
            let widths: Vec<usize> = (0..columns)
                .map(|at| {
                    rows.iter().map(|row| row[at].width()).filter(|width| *width <= 64).max().unwrap_or(0)
                })
                .collect();
            for row in rows {
                let mut line = String::new();
                for (cell, width) in row.iter().zip(&widths) {
                    let blanks = width.saturating_sub(cell.width()) + 2;
                    line.push_str(cell);
                    line.extend(std::iter::repeat_n(' ', blanks));
                }
                indent(out, line.trim_end());
            }
        }
        Part::Links(links) => {
            for link in links {
                let remark = if link.portal.is_some() { "" } else { "  (not a link to the portal)" };
                indent(out, &format!("{:8}  {}{remark}", link.label, link.shown));
            }
        }
        Part::Values(all) => {
            for group in all {
                indent(out, &group.label);
                for (path, value) in &group.values {
                    indent(out, &format!("  {path}: {value}"));
                }
            }
        }
    }
}

fn indent(out: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{}", if line.is_empty() { String::new() } else { format!("  {line}") });
    }
}
