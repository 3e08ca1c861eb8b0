//! `alertdeck list`: the alerts that match a filter, newest first, for people and scripts.
//!
//! The service's order is not documented (API.md 2), so which alerts are the newest is known only
//! when all of them were read: `--limit` cuts what is printed, not what is fetched.

mod load;
mod table;

use std::io::{IsTerminal as _, Write};

use load::Loaded;

use super::{Failure, Origin, Output, Source, context, filter_text, say, wrong_filter};
use crate::export::{self, COLUMNS, Format};
use alertdeck_query as query;
use alertdeck_query::Matcher;
use alertdeck_store::{Column, Row, Sort, Store};

/// Prints the alerts that match a filter, newest first.
#[derive(Clone, Debug, clap::Args)]
pub struct List {
    /// The filter; without it, all alerts
    #[arg(value_name = "FILTER", allow_hyphen_values = true, value_parser = filter_text)]
    pub filter: Option<String>,
    /// How to print them: table, json, ndjson, csv or markdown
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: ListFormat,
    /// Print the newest N only; all are read nevertheless, since the service's order is not defined
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// The columns of a table, of CSV or of Markdown, in their order
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', value_parser = column)]
    pub columns: Vec<Column>,
    /// Where they go.
    #[command(flatten)]
    pub output: Output,
    /// Where they come from.
    #[command(flatten)]
    pub origin: Origin,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ListFormat {
    /// Aligned columns, cut to the width of a terminal.
    #[default]
    Table,
    /// An array of the alerts as received, byte for byte.
    Json,
    /// The alerts as received, one a line.
    Ndjson,
    /// RFC 4180 with a header row, safe to open in a spreadsheet.
    Csv,
    /// A table for tickets and chats.
    Markdown,
}

/// Finds a column by its name.
fn column(name: &str) -> Result<Column, String> {
    let found = Column::ALL.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, column)| column).ok_or_else(|| {
        let names: Vec<_> = Column::ALL.iter().map(|(known, _)| *known).collect();
        let typed = name.to_lowercase();
        let nearest = names.iter().min_by_key(|known| strsim::osa_distance(known, &typed));
        format!("did you mean {}? There are: {}", nearest.unwrap_or(&""), names.join(", "))
    })
}

impl List {
    /// Reads, filters here with the whole filter, sorts and prints.
    ///
    /// What was read is printed even where not everything could be: [`Failure::Incomplete`].
    pub async fn run(&self, source: &Source, out: &mut impl Write) -> Result<(), Failure> {
        let as_received = matches!(self.format, ListFormat::Json | ListFormat::Ndjson);
        if as_received && !self.columns.is_empty() {
            return Err(Failure::Usage(
                "--columns is for table, csv and markdown: JSON is printed as received".into(),
            ));
        }
        self.output.check()?;
        let filter = self.filter.as_deref().unwrap_or_default();
        let mut context = context(source.me());
        if query::compile(filter, &context).is_err() {
            // It may speak of `me`: whoever signed in before.
            context.me = source.recall().await;
        }
        let plan =
            query::compile(filter, &context).map_err(|diagnostics| wrong_filter(filter, &diagnostics))?;
        let mut matcher = Matcher::new(&plan.test);
        let Loaded { store, outcome } = load::load(source, filter, plan, &mut context).await?;
        let mut rows: Vec<_> =
            store.rows().filter(|row| matcher.matches(store.dictionary(), store.facts(*row))).collect();
        if self.filter.is_some() {
            tell_unreadable(&store);
        }
        rows.sort_unstable_by(|a, b| store.compare(Sort::default(), *a, *b));
        rows.truncate(self.limit.unwrap_or(usize::MAX));
        self.output.put(out, |out| self.print((&store, &rows), source.portal_host(), out))?;
        outcome
    }

    fn print(
        &self,
        (store, rows): (&Store, &[Row]),
        portal_host: &str,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let columns = if self.columns.is_empty() { &COLUMNS } else { self.columns.as_slice() };
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
        export::write(format, columns, (store, rows), portal_host, out)
    }
}

/// No filter can look into an alert that cannot be read.
fn tell_unreadable(store: &Store) {
    let unreadable = store.rows().filter(|row| store.entry(*row).error.is_some()).count();
    if unreadable > 0 {
        say(format_args!("unreadable alerts: {unreadable}; they are listed only without a filter"));
    }
}

/// The columns of the terminal, where standard output is one.
fn terminal_width() -> Option<usize> {
    let (width, _) = std::io::stdout().is_terminal().then(crossterm::terminal::size)?.ok()?;
    Some(usize::from(width)).filter(|width| *width > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_or_the_nearest_is_named() {
        for (name, expected) in Column::ALL {
            assert_eq!(column(&name.to_uppercase()), Ok(expected));
        }
        let fault = column("titel").unwrap_err();
        assert!(fault.starts_with("did you mean title? There are: severity, status"), "{fault}");
    }
}
