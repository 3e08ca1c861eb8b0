//! `alertdeck stats`: counts the alerts that match a filter by day, age and value.

use std::{io::Write, num::NonZeroUsize};

use super::{Failure, Origin, Output, Source, list::Matching, parse_filter};
use crate::{
    overview::{Item, Section, sections},
    report::markdown,
};
use alertdeck_query as query;
use alertdeck_store::{AlertCount, Summary};
use serde_json::{Value, json};

/// Counts the alerts that match a filter, by day, age, title, device, user and more.
#[derive(Clone, Debug, clap::Args)]
pub struct Stats {
    /// Filter; without it, all alerts are counted
    #[arg(value_name = "FILTER", value_parser = parse_filter)]
    pub filter: Vec<String>,
    /// Output format: text, json or markdown
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: StatsFormat,
    /// List at most N values in each section
    #[arg(long, value_name = "N", default_value = "10")]
    pub top: NonZeroUsize,
    /// The output file.
    #[command(flatten)]
    pub output: Output,
    /// The source of the alerts.
    #[command(flatten)]
    pub origin: Origin,
}

/// The output format of statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum StatsFormat {
    /// Aligned columns.
    #[default]
    Text,
    /// An object.
    Json,
    /// Tables for reports and tickets.
    Markdown,
}

impl Stats {
    /// Reads the alerts, counts those that match and prints the counts.
    ///
    /// If some alerts are missing, prints the counts for the rest and fails with
    /// [`Failure::Incomplete`].
    pub async fn run(&self, source: &mut Source, out: &mut impl Write) -> Result<(), Failure> {
        self.output.check()?;
        let filter = self.filter.join(" ");
        let Matching { store, rows, outcome } = Matching::load(source, &filter, None).await?;
        let context = source.contexts().swap_remove(0);
        let mut summary = Summary::new(context.now);
        summary.advance(&store, &rows, usize::MAX);
        let sections = sections(&store, &summary, self.top.get());
        let counts = Counts { total: summary.total(), sections: &sections };
        self.output.write_result(out, |out| match self.format {
            StatsFormat::Text => counts.text(out),
            StatsFormat::Json => {
                let in_filter = |item: &Item| {
                    let term = item.filter(&context, &store, &rows)?;
                    Some(query::join(&filter, &term))
                };
                serde_json::to_writer_pretty(&mut *out, &counts.json(in_filter))?;
                writeln!(out)
            }
            StatsFormat::Markdown => counts.markdown(out),
        })?;
        outcome
    }
}

/// Describes a count, such as `3 alerts: 1 high, 2 medium, 3 open`.
fn words(count: AlertCount) -> String {
    let AlertCount { alerts, high, medium, open } = count;
    let alerts = if alerts == 1 { "1 alert".to_owned() } else { format!("{alerts} alerts") };
    format!("{alerts}: {high} high, {medium} medium, {open} open")
}

/// The counts to print.
struct Counts<'a> {
    total: AlertCount,
    sections: &'a [Section],
}

impl Counts<'_> {
    /// Writes the counts. The numbers come before the labels, so that long labels do not widen a
    /// column.
    fn text(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "{}", words(self.total))?;
        for Section { title, items, more, .. } in self.sections {
            writeln!(out, "\n{:>8}{:>8}{:>8}  {}", "alerts", "high", "open", title.to_uppercase())?;
            for item in items {
                let AlertCount { alerts, high, open, .. } = item.count;
                writeln!(out, "{alerts:>8}{high:>8}{open:>8}  {}", item.label)?;
            }
            if *more > 0 {
                writeln!(out, "{:26}and {more} more", "")?;
            }
        }
        Ok(())
    }

    fn json(&self, filter: impl Fn(&Item) -> Option<String>) -> Value {
        let numbers = |AlertCount { alerts, high, medium, open }: AlertCount| json!({ "alerts": alerts, "high": high, "medium": medium, "open": open });
        let sections = self.sections.iter().map(|Section { title, items, more, .. }| {
            let values = items.iter().map(
                |item| json!({ "name": item.label, "count": numbers(item.count), "filter": filter(item) }),
            );
            json!({ "title": title, "values": values.collect::<Vec<_>>(), "more": more })
        });
        json!({ "count": numbers(self.total), "sections": sections.collect::<Vec<_>>() })
    }

    fn markdown(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "{}", words(self.total))?;
        for Section { title, items, more, .. } in self.sections {
            writeln!(out, "\n## {title}\n")?;
            out.write_all(markdown::head(["", "alerts", "high", "medium", "open"]).as_bytes())?;
            for item in items {
                let AlertCount { alerts, high, medium, open } = item.count;
                let counts = [alerts, high, medium, open].map(|count| count.to_string());
                let cells: Vec<_> = [markdown::cell(&item.label)].into_iter().chain(counts).collect();
                out.write_all(markdown::row(&cells).as_bytes())?;
            }
            if *more > 0 {
                writeln!(out, "\nand {more} more")?;
            }
        }
        Ok(())
    }
}
