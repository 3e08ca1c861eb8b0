//! `alertdeck explain`: how a filter is carried out.

use std::io::Write;

use super::{Failure, context, filter_text, wrong_filter};
use alertdeck_model::Timestamp;
use alertdeck_query as query;
use alertdeck_query::Context;

/// Shows what of a filter Graph is asked and what is left to do here.
#[derive(Clone, Debug, clap::Args)]
pub struct Explain {
    /// The filter
    #[arg(value_name = "FILTER", allow_hyphen_values = true, value_parser = filter_text)]
    pub filter: String,
    /// How to print it: text or json
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: ExplainFormat,
    /// The moment that ages and `today` count from, as in 2026-11-20T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub now: Option<Timestamp>,
}

/// How an explanation is printed.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum ExplainFormat {
    /// Four labelled lines.
    #[default]
    Text,
    /// An object with the keys odata, local, exact and request.
    Json,
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).ok_or("not a time such as 2026-11-20T12:00:00Z")
}

impl Explain {
    /// Prints the explanation, for `me` as the signed-in user.
    pub fn run(&self, me: Option<&str>, out: &mut impl Write) -> Result<(), Failure> {
        let context = context(me);
        let context = Context { now: self.now.unwrap_or(context.now), ..context };
        let explanation = query::explain(&self.filter, &context)
            .map_err(|diagnostics| wrong_filter(&self.filter, &diagnostics))?;
        match self.format {
            ExplainFormat::Text => write!(out, "{explanation}")?,
            ExplainFormat::Json => {
                serde_json::to_writer(&mut *out, &explanation).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        Ok(())
    }
}
