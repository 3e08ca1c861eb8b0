//! The report for an alert contains every value, and no value breaks out of the ticket.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod campaigns;
mod schema;
mod ticket;
mod values;

use alertdeck::report::Report;
use alertdeck_model::{Alert, RawAlert};
use pulldown_cmark::{Options, Parser};
use serde_json::Value;

const PORTAL: &str = "security.microsoft.com";

fn decode(alert: &Value) -> Alert {
    RawAlert(alert.to_string().into()).decode().unwrap()
}

fn report(alert: &Value) -> Report {
    Report::new(&decode(alert), PORTAL)
}

/// Parses Markdown with all extensions that a ticket system may support.
fn parse(markdown: &str) -> Parser<'_> {
    let odd = Options::ENABLE_SMART_PUNCTUATION
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_OLD_FOOTNOTES;
    Parser::new_ext(markdown, Options::all() - odd)
}
