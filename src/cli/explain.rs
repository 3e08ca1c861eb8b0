//! `alertdeck explain`: explains how a filter is evaluated.

use std::io::Write;

use super::{Failure, context, invalid_filter, parse_filter};
use alertdeck_model::Timestamp;
use alertdeck_query as query;
use alertdeck_query::Context;

/// Shows which part of a filter is sent to Graph and which part is applied locally.
#[derive(Clone, Debug, clap::Args)]
pub struct Explain {
    /// Filter to explain
    #[arg(value_name = "FILTER", required = true, value_parser = parse_filter)]
    pub filter: Vec<String>,
    /// Output format: text, json, or kql for a query to use in advanced hunting
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: ExplainFormat,
    /// Time to use as the current time when evaluating `age` and `today`, such as 2026-11-20T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub now: Option<Timestamp>,
}

/// The output format of an explanation.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum ExplainFormat {
    /// Four labelled lines.
    #[default]
    Text,
    /// An object with the keys `odata`, `local`, `exact` and `request`.
    Json,
    /// A query for advanced hunting. Fields that its tables lack are left out and named in a comment.
    Kql,
}

fn parse_time(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).ok_or("not a time such as 2026-11-20T12:00:00Z")
}

impl Explain {
    /// Prints the explanation, with `me` as the signed-in user.
    pub fn run(&self, me: Option<&str>, out: &mut impl Write) -> Result<(), Failure> {
        let context = context().with_me(me);
        let context = Context { now: self.now.unwrap_or(context.now), ..context };
        let filter = self.filter.join(" ");
        let explanation =
            query::explain(&filter, &context).map_err(|diagnostics| invalid_filter(&filter, &diagnostics))?;
        match self.format {
            ExplainFormat::Kql => {
                let kql = query::kql(&filter, &context)
                    .map_err(|diagnostics| invalid_filter(&filter, &diagnostics))?;
                out.write_all(kql.query.as_bytes())?;
            }
            ExplainFormat::Text => write!(out, "{explanation}")?,
            ExplainFormat::Json => {
                serde_json::to_writer(&mut *out, &explanation).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        Ok(())
    }
}
