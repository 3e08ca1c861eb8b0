//! Export formats: JSON, JSON lines, CSV, Markdown tables and Markdown tickets.
//!
//! The command line and the console share these functions, which write to any [`Write`] and neither
//! open files nor fetch alerts. Alert text is untrusted: JSON contains it as received, and all
//! other formats sanitise and escape it.

mod csv;
mod json;

use std::io::{Result, Write};

use crate::report::{Report, markdown};
use alertdeck_model::{RawAlert, SafeText};
use alertdeck_store::{Cell, Column, FeedId, Row, Store, StoredAlert, StoredReader};

/// The default columns. The first is omitted if all alerts are from one tenant.
const COLUMNS: [Column; 11] = [
    Column::Tenant,
    Column::Severity,
    Column::Status,
    Column::Created,
    Column::Title,
    Column::Device,
    Column::User,
    Column::Owner,
    Column::Classification,
    Column::Incident,
    Column::Id,
];

/// A tenant whose alerts are exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's feed.
    pub feed: FeedId,
    /// The tenant's name.
    pub name: SafeText,
    /// The only host that links may lead to.
    pub portal_host: String,
}

impl Tenant {
    /// Returns a feed's portal host. If the feed is unknown, returns an empty string, so that no
    /// link is clickable.
    fn host_of(tenants: &[Self], feed: FeedId) -> &str {
        tenants.iter().find(|tenant| tenant.feed == feed).map_or("", |tenant| &tenant.portal_host)
    }
}

/// Returns the default columns for alerts of these tenants.
pub fn default_columns(tenants: &[Tenant]) -> &'static [Column] {
    if tenants.len() > 1 { &COLUMNS } else { &COLUMNS[1..] }
}

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
    /// Each alert's full report, for tickets.
    Tickets,
}

impl Format {
    /// All formats, in the order in which the menu lists them.
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
            Self::Csv => "a row for each alert, for spreadsheets",
            Self::Markdown => "a row for each alert, for chats and wikis",
            Self::Tickets => "one full report per alert",
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

/// Writes rows from a store in the given order. `columns` applies to CSV and Markdown tables. In
/// tickets, only links to the portal of an alert's own tenant are clickable.
pub fn write(
    format: Format,
    columns: &[Column],
    (store, rows): (&Store, &[Row]),
    tenants: &[Tenant],
    out: &mut dyn Write,
) -> Result<()> {
    let mut reader = StoredReader::default();
    let alerts = rows.iter().map(|row| reader.read(&store.stored(*row)));
    let cells = || rows.iter().map(|row| columns.iter().map(|column| store.cell(*row, *column)));
    match format {
        Format::Json => json::array(alerts, out),
        Format::Lines => json::lines(alerts, out),
        Format::Csv => {
            let texts = |row: &Row| columns.iter().map(|column| store.full_text(*row, *column)).collect();
            csv::write(columns, rows.iter().map(texts), out)
        }
        Format::Markdown => {
            out.write_all(markdown::head(columns.iter().map(|column| column.name())).as_bytes())?;
            for row in cells() {
                out.write_all(markdown::row(&row.map(markdown_cell).collect::<Vec<_>>()).as_bytes())?;
            }
            Ok(())
        }
        Format::Tickets => {
            let hosts = rows.iter().map(|row| Tenant::host_of(tenants, store.feed(*row)));
            tickets(alerts.zip(hosts), out)
        }
    }
}

/// Writes alerts in the given order, without access to their store. `columns` applies to CSV and
/// Markdown tables, which require decoding, so call this on a worker.
pub fn write_alerts(
    format: Format,
    columns: &[Column],
    alerts: &[(FeedId, StoredAlert)],
    tenants: &[Tenant],
    out: &mut dyn Write,
) -> Result<()> {
    let mut reader = StoredReader::default();
    let raw = alerts.iter().map(|(_, alert)| reader.read(alert));
    match format {
        Format::Json => json::array(raw, out),
        Format::Lines => json::lines(raw, out),
        Format::Tickets => {
            let hosts = alerts.iter().map(|(feed, _)| Tenant::host_of(tenants, *feed));
            tickets(raw.zip(hosts), out)
        }
        Format::Csv | Format::Markdown => {
            let (store, rows) = decode(alerts, tenants);
            write(format, columns, (&store, &rows), tenants, out)
        }
    }
}

/// Decodes alerts into a store. Returns the store and the alerts' rows, in the same order.
fn decode(alerts: &[(FeedId, StoredAlert)], tenants: &[Tenant]) -> (Store, Vec<Row>) {
    let (mut store, mut reader) = (Store::default(), StoredReader::default());
    let mut rows = Vec::new();
    for tenant in tenants {
        store.name_feed(tenant.feed, tenant.name.clone());
        let own = || alerts.iter().enumerate().filter(|(_, (feed, _))| *feed == tenant.feed);
        let decoded = store.decode(tenant.feed, own().map(|(_, (_, alert))| reader.read(alert)));
        rows.extend(own().map(|(at, _)| at).zip(decoded));
    }
    rows.sort_unstable();
    (store, rows.into_iter().map(|(_, row)| row).collect())
}

/// Writes each alert's report, with horizontal rules between them.
fn tickets<'a>(alerts: impl Iterator<Item = (RawAlert, &'a str)>, out: &mut dyn Write) -> Result<()> {
    for (at, (alert, portal_host)) in alerts.enumerate() {
        if at > 0 {
            out.write_all(b"\n---\n\n")?;
        }
        out.write_all(Report::read(&alert, portal_host).markdown().as_bytes())?;
    }
    Ok(())
}

/// Formats a cell for a Markdown table. Times need no escaping.
fn markdown_cell(cell: Cell<'_>) -> String {
    match cell {
        Cell::Time(at) => at.to_second(),
        other => markdown::unlinked(&other.text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FEED: FeedId = FeedId::new(0);

    fn tenant(index: u16) -> Tenant {
        Tenant {
            feed: FeedId::new(index),
            name: SafeText::new(&format!("t{index}")),
            portal_host: "security.microsoft.com".into(),
        }
    }

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
        store.decode(FEED, alerts.clone());
        let rows: Vec<_> = store.rows().iter().collect();
        let compressed: Vec<_> =
            StoredAlert::compress(&alerts).into_iter().map(|alert| (FEED, alert)).collect();
        let tenants = [tenant(0)];
        for format in Format::ALL {
            let (mut stored, mut raw) = (Vec::new(), Vec::new());
            write(format, default_columns(&tenants), (&store, &rows), &tenants, &mut stored).unwrap();
            write_alerts(format, default_columns(&tenants), &compressed, &tenants, &mut raw).unwrap();
            let text = String::from_utf8(raw).unwrap();
            assert_eq!(String::from_utf8(stored).unwrap(), text, "{format:?}");
            let positions: Vec<_> = ["a1", "a2", "a3"].map(|id| text.find(id).unwrap()).to_vec();
            assert!(positions.is_sorted(), "{text}");
        }
    }

    #[test]
    fn csv_holds_every_device_and_user_and_the_classification() {
        let device =
            |name| json!({"@odata.type": "#microsoft.graph.security.deviceEvidence", "hostName": name});
        let user = |name| json!({"@odata.type": "#microsoft.graph.security.userEvidence", "userAccount": {"accountName": name}});
        let alert = json!({"id": "a", "title": "t", "severity": "low", "status": "resolved", "incidentId": "7",
            "classification": "truePositive", "assignedTo": "bo@x.io",
            "evidence": [device("b"), device("a"), user("SYSTEM"), user("eve")]});
        let mut store = Store::default();
        store.decode(FEED, [RawAlert(alert.to_string().into())]);
        let rows: Vec<_> = store.rows().iter().collect();
        let tenants = [tenant(0)];
        let text = |format| {
            let mut out = Vec::new();
            write(format, default_columns(&tenants), (&store, &rows), &tenants, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            text(Format::Csv),
            "severity,status,created,title,device,user,assigned,class,incident,id\r\n\
             low,resolved,,t,\"b; a\",\"eve; SYSTEM\",bo@x.io,truePositive,7,a\r\n"
        );
        assert!(text(Format::Markdown).contains("| b +1 | eve +1 |"), "{}", text(Format::Markdown));
    }

    #[test]
    fn alerts_of_several_tenants_keep_their_order_and_name_their_tenant() {
        let feeds = [1, 0, 1].map(FeedId::new);
        let alerts: Vec<_> = feeds.into_iter().zip(StoredAlert::compress(&alerts())).collect();
        let mut out = Vec::new();
        write_alerts(Format::Csv, &COLUMNS, &alerts, &[tenant(0), tenant(1)], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let cells: Vec<_> = text.lines().map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(cells, ["tenant", "t1", "t0", "t1"], "{text}");
        assert!(text.find("a1").unwrap() < text.find("a2").unwrap(), "{text}");
    }

    #[test]
    fn links_are_clickable_only_on_the_portal_of_their_own_tenant() {
        let alert = RawAlert(r#"{"id":"a","alertWebUrl":"https://security.microsoft.com/alerts/a"}"#.into());
        let alerts: Vec<_> =
            [0, 1].map(FeedId::new).into_iter().zip(StoredAlert::compress(&[alert.clone(), alert])).collect();
        let other = Tenant { portal_host: "security.microsoft.us".into(), ..tenant(1) };
        let mut out = Vec::new();
        write_alerts(Format::Tickets, &COLUMNS, &alerts, &[tenant(0), other], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let clickable: Vec<_> = text
            .split("\n---\n")
            .map(|ticket| ticket.contains("<https://security.microsoft.com/alerts/a>"))
            .collect();
        assert_eq!(clickable, [true, false], "{text}");
    }

    #[test]
    fn a_markdown_table_has_no_links() {
        let text = r#"{"id":"a","title":"//evil.example https://evil.example www.evil.example [a](//evil.example) ///x"}"#;
        let mut store = Store::default();
        let rows = store.decode(FEED, [RawAlert(text.into())]);
        let mut out = Vec::new();
        write(Format::Markdown, &[Column::Title], (&store, &rows), &[tenant(0)], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let is_live = |start: &str| text.replace(&format!("\\{start}"), "").contains(start);
        assert!(!text.contains("//") && !text.contains("www.") && !is_live("]"), "{text}");
        assert!(text.contains(r"/\/evil.example https\:/\/evil.example"), "{text}");
    }

    #[test]
    fn tickets_are_separated_by_rules() {
        let mut out = Vec::new();
        let alerts: Vec<_> =
            StoredAlert::compress(&alerts()).into_iter().map(|alert| (FEED, alert)).collect();
        write_alerts(Format::Tickets, &COLUMNS, &alerts, &[tenant(0)], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("\n---\n\n# ").count(), 2);
        assert!(text.starts_with("# \\=Title \\| 1\n"), "{text}");
    }
}
