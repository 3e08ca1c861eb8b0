//! Writes the report as Markdown for a ticket. Alert text is escaped so that it does not form
//! Markdown constructs, and addresses are defanged. Only links to the Defender portal are
//! clickable.

use std::fmt::Write as _;

use super::{Cell, Part, Report, markdown};

impl Report {
    /// Returns the report as Markdown for a ticket.
    pub fn markdown(&self) -> String {
        let text = |shown: &str| markdown::text(&self.defanger.text(shown));
        let mut out = format!("# {}\n\n{}\n", text(&self.title), text(&self.summary));
        if !self.facts.is_empty() {
            out.push_str("\n## Details\n\n");
            out.push_str(&markdown::head(["property", "value"]));
            for (label, value) in &self.facts {
                out.push_str(&markdown::row(&[(*label).to_owned(), text(value)]));
            }
        }
        for section in &self.sections {
            // Writing to a string cannot fail.
            let _ = write!(out, "\n## {}\n\n", section.title);
            let parts: Vec<_> = section.parts.iter().map(|part| self.part(part)).collect();
            out.push_str(&parts.join("\n"));
        }
        out
    }

    fn part(&self, part: &Part) -> String {
        let text = |shown: &str| markdown::text(&self.defanger.text(shown));
        match part {
            Part::Lines(lines) => markdown::block(&self.defanger.text(lines)),
            Part::Prose(prose) => markdown::paragraphs(&self.defanger.text(prose.as_str())),
            Part::Note(note) => format!("{note}\n"),
            Part::Comment(by, comment) => {
                let comment = markdown::paragraphs(&self.defanger.text(comment.as_str()));
                let quoted = comment.lines().flat_map(|line| ["> ", line, "\n"]).collect::<String>();
                format!("{}:\n\n{quoted}", text(by))
            }
            Part::Table(head, rows) => {
                let mut out = markdown::head(head.iter().copied());
                for row in rows {
                    let cell = |cell: &Cell| match cell {
                        Cell::Literal(literal) => literal.clone(),
                        Cell::Text(shown) => text(shown),
                        Cell::Value(kind, value) => markdown::cell(&kind.map_or_else(
                            || self.defanger.text(value),
                            |kind| self.defanger.indicator(kind, value),
                        )),
                    };
                    out.push_str(&markdown::row(&row.iter().map(cell).collect::<Vec<_>>()));
                }
                out
            }
            Part::Links(links) => links.iter().fold(String::new(), |mut out, link| {
                let _ = match &link.portal {
                    Some(url) => writeln!(out, "- {}: <{url}>", link.label),
                    None => {
                        let shown = markdown::code(&self.defanger.link(&link.shown));
                        writeln!(out, "- {}: {shown} \\(not a link to the portal\\)", link.label)
                    }
                };
                out
            }),
            Part::Values(all) => all.iter().fold(String::new(), |mut out, group| {
                let value = |(path, value): &(String, String)| {
                    format!("{} {}", text(path), markdown::code(&self.defanger.text(value)))
                };
                let values: Vec<_> = group.values.iter().map(value).collect();
                let _ = writeln!(out, "- {}: {}", text(&group.label), values.join("; "));
                out
            }),
        }
    }
}
