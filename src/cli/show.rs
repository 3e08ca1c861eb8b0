//! `alertdeck show`: one alert with its evidence.

use std::io::Write;

use super::{Failure, Origin, Output, Source, notify, notify_wait};
use crate::{files, report::Report};
use alertdeck_graph::Kind;
use alertdeck_model::{AlertId, RawAlert};
use alertdeck_store::{FeedId, Store};

/// Prints one alert with its evidence.
#[derive(Clone, Debug, clap::Args)]
pub struct Show {
    /// Alert ID
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub id: String,
    /// Output format: text, json or markdown
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: ShowFormat,
    /// The output file.
    #[command(flatten)]
    pub output: Output,
    /// The source of the alert.
    #[command(flatten)]
    pub origin: Origin,
}

/// The output format of an alert.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum ShowFormat {
    /// Summary, facts, evidence tree, indicators, timeline, descriptions, comments and all other
    /// values.
    #[default]
    Text,
    /// The alert as received, byte for byte.
    Json,
    /// The same as Markdown for a ticket, with addresses defanged.
    Markdown,
}

impl Show {
    /// Finds the alert and prints it. Fails with [`Failure::NotFound`] if no alert has this id.
    pub async fn run(&self, source: &Source, out: &mut impl Write) -> Result<(), Failure> {
        self.output.check()?;
        let id = AlertId::new(&self.id);
        let (raw, outcome) = match source {
            Source::Service(service) => match service.client.get(&id, &mut notify_wait).await {
                Ok(raw) => (raw, Ok(())),
                Err(error) if error.kind == Kind::NotFound => return Err(Failure::NotFound(id)),
                Err(error) => return Err(error.into()),
            },
            Source::Files { paths, .. } => {
                let saved = Failure::if_nothing(files::read(paths))?;
                let outcome = Failure::if_errors(&saved.errors);
                let Some(raw) = newest(saved.alerts, &id) else {
                    outcome.unwrap_or_else(notify);
                    return Err(Failure::NotFound(id));
                };
                (raw, outcome)
            }
        };
        self.output.write_result(out, |out| self.print(&raw, source.portal_host(), out))?;
        outcome
    }

    fn print(&self, raw: &RawAlert, portal_host: &str, out: &mut dyn Write) -> std::io::Result<()> {
        let report = || Report::read(raw, portal_host);
        match self.format {
            ShowFormat::Json => {
                out.write_all(&raw.0)?;
                out.write_all(b"\n")
            }
            ShowFormat::Text => out.write_all(report().text().as_bytes()),
            ShowFormat::Markdown => out.write_all(report().markdown().as_bytes()),
        }
    }
}

/// Returns the newest version of the alert with this id, since several files may contain it.
fn newest(alerts: Vec<RawAlert>, id: &AlertId) -> Option<RawAlert> {
    let (mut store, feed) = (Store::default(), FeedId::default());
    store.decode(feed, alerts);
    store.row(feed, id).map(|row| store.stored(row).read())
}
