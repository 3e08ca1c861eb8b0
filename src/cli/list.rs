//! `alertdeck list`: prints the alerts that match a filter, newest first.
//!
//! Graph sends the newest alerts first, but does not document which timestamp it sorts by
//! (docs/graph-api.md, "Query options"). `--limit` accepts that order, so fetching stops as soon as
//! enough alerts match.

pub(super) mod load;
mod saved;
mod table;

use std::io::{IsTerminal as _, Write};

use load::Loaded;

use super::{Failure, Origin, Output, Source, invalid_filter, line, notify, notify_excluded, parse_filter};
use crate::export::{self, Format, Tenant};
use alertdeck_query as query;
use alertdeck_query::Matcher;
use alertdeck_store::{Column, Row, RowSet, Sort, Store};

/// Prints the alerts that match a filter, newest first.
#[derive(Clone, Debug, clap::Args)]
pub struct List {
    /// Filter; without it, all alerts are printed
    #[arg(value_name = "FILTER", value_parser = parse_filter)]
    pub filter: Vec<String>,
    /// Output format: table, json, ndjson, csv or markdown
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: ListFormat,
    /// Print at most N alerts, and stop fetching once that many match; Graph sends the newest first
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Columns for table, CSV or Markdown output, in order
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', value_parser = parse_column)]
    pub columns: Vec<Column>,
    /// The output file.
    #[command(flatten)]
    pub output: Output,
    /// The source of the alerts.
    #[command(flatten)]
    pub origin: Origin,
}

/// The output format of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ListFormat {
    /// Aligned columns, truncated to the width of the terminal.
    #[default]
    Table,
    /// An array of the alerts as received, byte for byte.
    Json,
    /// The alerts as received, one per line.
    Ndjson,
    /// RFC 4180 with a header row, safe to open in a spreadsheet.
    Csv,
    /// A table for tickets and chats.
    Markdown,
}

/// Parses a column name, ignoring case.
fn parse_column(name: &str) -> Result<Column, String> {
    Column::named(name).ok_or_else(|| {
        let names: Vec<_> = Column::ALL.iter().map(|(known, _)| *known).collect();
        let typed = name.to_lowercase();
        let nearest = names.iter().min_by_key(|known| strsim::osa_distance(known, &typed));
        format!("did you mean {}? Available columns: {}", nearest.unwrap_or(&""), names.join(", "))
    })
}

impl List {
    /// Reads the alerts, applies the entire filter locally, and sorts and prints the matches.
    ///
    /// If part of the result is missing, prints the rest and fails with [`Failure::Incomplete`].
    pub async fn run(&self, source: &mut Source, out: &mut impl Write) -> Result<(), Failure> {
        let as_received = matches!(self.format, ListFormat::Json | ListFormat::Ndjson);
        if as_received && !self.columns.is_empty() {
            return Err(Failure::Usage(
                "--columns applies to table, csv and markdown only: JSON is printed as received".into(),
            ));
        }
        self.output.check()?;
        let Matching { store, rows, outcome } =
            Matching::load(source, &self.filter.join(" "), self.limit).await?;
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_unstable_by(|a, b| store.compare(Sort::default(), *a, *b));
        rows.truncate(self.limit.unwrap_or(usize::MAX));
        self.output.write_result(out, |out| self.print((&store, &rows), &source.tenants(), out))?;
        outcome
    }

    fn print(
        &self,
        (store, rows): (&Store, &[Row]),
        tenants: &[Tenant],
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let columns = match self.columns.as_slice() {
            [] => export::default_columns(tenants),
            columns => columns,
        };
        let format = match self.format {
            ListFormat::Json => Format::Json,
            ListFormat::Ndjson => Format::Lines,
            ListFormat::Csv => Format::Csv,
            ListFormat::Markdown => Format::Markdown,
            ListFormat::Table => {
                let text = |row, column| store.cell(row, column).text();
                let texts = rows.iter().map(|row| columns.iter().map(|column| text(*row, *column)).collect());
                let width = self.output.is_standard().then(terminal_width).flatten();
                return table::write(columns, texts, width, out);
            }
        };
        export::write(format, columns, (store, rows), tenants, out)
    }
}

/// The alerts that match a filter.
pub(super) struct Matching {
    pub(super) store: Store,
    pub(super) rows: RowSet,
    /// An error if some matching alerts may be missing.
    pub(super) outcome: Result<(), Failure>,
}

impl Matching {
    /// Reads the alerts and applies the entire filter locally. If `limit` is given, reads only
    /// until that many alerts match. Prints hints about the result to standard error. Fails if
    /// nothing could be read at all.
    pub(super) async fn load(
        source: &mut Source,
        filter: &str,
        limit: Option<usize>,
    ) -> Result<Self, Failure> {
        source.load_accounts(filter).await;
        let contexts = source.contexts();
        let plan = query::compile(filter, &contexts[0])
            .map_err(|diagnostics| invalid_filter(filter, &diagnostics))?;
        // The filter's test is the same for all feeds.
        let mut matcher = Matcher::new(&plan.test);
        let loaded = load::load(source, &plan, (filter, limit), contexts).await?;
        let Loaded { store, superseded, unreadable, odd_dates, outcome } = loaded;
        let mut rows = matcher.rows(&store);
        rows.subtract(&superseded);
        if !filter.is_empty() {
            // No filter matches unreadable alerts.
            if unreadable > 0 {
                notify(format_args!("unreadable alerts: {unreadable}; run without a filter to list them"));
            }
            notify_excluded(&plan.excluded);
            if let Some(term) = plan.whole.first().filter(|_| rows.is_empty()) {
                notify(format_args!(
                    "`=` compares the whole value; to find a part of it, write {}",
                    line(term)
                ));
            }
        }
        notify_odd_dates(odd_dates);
        Ok(Self { store, rows, outcome })
    }
}

/// Reports how many alerts have unreadable dates. Date filters do not match these alerts.
fn notify_odd_dates(count: usize) {
    match count {
        0 => {}
        1 => notify("1 alert has a time that cannot be read; it is shown as received and sorted last"),
        count => notify(format_args!(
            "{count} alerts have a time that cannot be read; it is shown as received and sorted last"
        )),
    }
}

/// Returns the terminal's width in columns, if standard output is a terminal.
fn terminal_width() -> Option<usize> {
    let (width, _) = std::io::stdout().is_terminal().then(crossterm::terminal::size)?.ok()?;
    Some(usize::from(width)).filter(|width| *width > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names_ignore_case_and_typos_get_a_suggestion() {
        for (name, expected) in Column::ALL {
            assert_eq!(parse_column(&name.to_uppercase()), Ok(expected));
        }
        let error = parse_column("titel").unwrap_err();
        assert!(
            error.starts_with("did you mean title? Available columns: tenant, severity, status"),
            "{error}"
        );
    }
}
