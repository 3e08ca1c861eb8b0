//! Export formats: JSON, JSON lines, CSV, Markdown tables and Markdown tickets.
//!
//! The command line and the console share these functions, which write to any [`Write`] and neither
//! open files nor fetch alerts. Alert text is untrusted: JSON contains it as received, and all
//! other formats neutralise and escape it.

mod csv;
mod json;

use std::io::{Result, Write};

use crate::report::{Report, markdown};
use alertdeck_model::RawAlert;
use alertdeck_store::{Cell, Column, FeedId, Row, Store, StoredAlert, StoredReader};

/// The default columns.
pub const COLUMNS: [Column; 7] = [
    Column::Severity,
    Column::Status,
    Column::Created,
    Column::Title,
    Column::Device,
    Column::Owner,
    Column::Id,
];

/// An export format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// An array of the alerts as received, byte for byte.
    #[default]
    Json,
    /// The alerts as received, one per line.
    Lines,
    /// RFC 4180 with a header row, safe to open in a spreadsheet.
    Csv,
    /// A table for tickets and chats.
    Markdown,
    /// The full report of each alert, for tickets.
    Tickets,
}

impl Format {
    /// All formats, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::Json, Self::Lines, Self::Csv, Self::Markdown, Self::Tickets];

    /// Returns the format's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Lines => "JSON lines",
            Self::Csv => "CSV",
            Self::Markdown => "Markdown table",
            Self::Tickets => "Markdown tickets",
        }
    }

    /// Returns a short description of the format.
    pub fn about(self) -> &'static str {
        match self {
            Self::Json => "as received, as one array",
            Self::Lines => "as received, one per line",
            Self::Csv => "columns, for spreadsheets",
            Self::Markdown => "columns, for chats and wikis",
            Self::Tickets => "full report per alert",
        }
    }

    /// Returns the file name extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Lines => "ndjson",
            Self::Csv => "csv",
            Self::Markdown | Self::Tickets => "md",
        }
    }
}

/// Writes rows of a store in the given order. `columns` applies to CSV and Markdown tables. In
/// tickets, only links to `portal_host` are clickable.
pub fn write(
    format: Format,
    columns: &[Column],
    (store, rows): (&Store, &[Row]),
    portal_host: &str,
    out: &mut dyn Write,
) -> Result<()> {
    let mut reader = StoredReader::default();
    let alerts = rows.iter().map(|row| reader.read(store.stored(*row)));
    let cells = || rows.iter().map(|row| columns.iter().map(|column| store.cell(*row, *column)));
    match format {
        Format::Json => json::array(alerts, out),
        Format::Lines => json::lines(alerts, out),
        Format::Csv => csv::write(columns, cells().map(|row| row.map(|cell| cell.text()).collect()), out),
        Format::Markdown => {
            out.write_all(markdown::head(columns.iter().map(|column| column.name())).as_bytes())?;
            for row in cells() {
                out.write_all(markdown::row(&row.map(markdown_cell).collect::<Vec<_>>()).as_bytes())?;
            }
            Ok(())
        }
        Format::Tickets => tickets(alerts, portal_host, out),
    }
}

/// Writes alerts in the given order, without access to the store that they come from. CSV and
/// Markdown tables require decoding, so call this on a worker.
pub fn write_alerts(
    format: Format,
    alerts: &[StoredAlert],
    portal_host: &str,
    out: &mut dyn Write,
) -> Result<()> {
    let mut reader = StoredReader::default();
    let raw = alerts.iter().map(|alert| reader.read(alert));
    match format {
        Format::Json => json::array(raw, out),
        Format::Lines => json::lines(raw, out),
        Format::Tickets => tickets(raw, portal_host, out),
        Format::Csv | Format::Markdown => {
            let mut store = Store::default();
            let rows = store.decode(FeedId::default(), raw);
            write(format, &COLUMNS, (&store, &rows), portal_host, out)
        }
    }
}

/// Writes the report of each alert, separated by horizontal rules.
fn tickets(alerts: impl Iterator<Item = RawAlert>, portal_host: &str, out: &mut dyn Write) -> Result<()> {
    for (at, alert) in alerts.enumerate() {
        if at > 0 {
            out.write_all(b"\n---\n\n")?;
        }
        out.write_all(Report::read(&alert, portal_host).markdown().as_bytes())?;
    }
    Ok(())
}

/// Writes a cell for Markdown. Times need no escaping.
fn markdown_cell(cell: Cell<'_>) -> String {
    match cell {
        Cell::Time(at) => at.to_second(),
        other => markdown::text(&other.text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HOST: &str = "security.microsoft.com";

    fn alerts() -> Vec<RawAlert> {
        let alert = |n: u32| {
            json!({"id": format!("a{n}"), "title": format!("=Title | {n}"), "severity": "high",
                "createdDateTime": format!("2026-11-0{n}T00:00:00Z")})
        };
        (1..4).map(|n| RawAlert(alert(n).to_string().into())).collect()
    }

    #[test]
    fn rows_and_raw_alerts_are_written_alike_and_in_order() {
        let alerts = alerts();
        let mut store = Store::default();
        store.decode(FeedId::default(), alerts.clone());
        let (rows, compressed): (Vec<_>, _) = (store.rows().iter().collect(), StoredAlert::compress(&alerts));
        for format in Format::ALL {
            let (mut stored, mut raw) = (Vec::new(), Vec::new());
            write(format, &COLUMNS, (&store, &rows), HOST, &mut stored).unwrap();
            write_alerts(format, &compressed, HOST, &mut raw).unwrap();
            let text = String::from_utf8(raw).unwrap();
            assert_eq!(String::from_utf8(stored).unwrap(), text, "{format:?}");
            let positions: Vec<_> = ["a1", "a2", "a3"].map(|id| text.find(id).unwrap()).to_vec();
            assert!(positions.is_sorted(), "{text}");
        }
    }

    #[test]
    fn tickets_are_separated_by_rules() {
        let mut out = Vec::new();
        write_alerts(Format::Tickets, &StoredAlert::compress(&alerts()), HOST, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("\n---\n\n# ").count(), 2);
        assert!(text.starts_with("# \\=Title \\| 1\n"), "{text}");
    }
}
