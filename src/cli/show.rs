//! `alertdeck show`: prints one alert with its evidence.

use std::io::Write;

use futures_util::future::join_all;

use super::{Failure, Origin, Output, Service, Source, notify, notify_waits};
use crate::{
    files::{Part, Paths, Saved, for_each_part},
    report::Report,
};
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
    /// Finds the alert and prints it. Fails with [`Failure::NotFound`] if no alert has this ID.
    pub async fn run(&self, source: &Source, out: &mut impl Write) -> Result<(), Failure> {
        self.output.check()?;
        let id = AlertId::new(&self.id);
        let (raw, portal_host, outcome) = match source {
            Source::Services(services) => {
                let (service, raw) = find(services, &id).await?;
                (raw, service.portal_host, Ok(()))
            }
            Source::Files { paths, portal_host, .. } => {
                let saved = read(&Paths::new(paths), &id)?;
                let outcome = Failure::if_errors(&saved.errors());
                let Some(raw) = newest(saved.alerts, &id) else {
                    outcome.unwrap_or_else(notify);
                    return Err(Failure::NotFound(id));
                };
                (raw, *portal_host, outcome)
            }
        };
        self.output.write_result(out, |out| self.print(&raw, portal_host, out))?;
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

/// Looks up an alert in all services. An ID is unique only within its tenant. If several tenants
/// have an alert with this ID, the failure names them.
async fn find<'a>(services: &'a [Service], id: &AlertId) -> Result<(&'a Service, RawAlert), Failure> {
    let several = services.len() > 1;
    let requests = services.iter().map(|service| async move {
        let mut waits = notify_waits(several.then_some(service.name()));
        (service, service.client.get(id, &mut waits).await)
    });
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for (service, outcome) in join_all(requests).await {
        match outcome {
            Ok(raw) => found.push((service, raw)),
            Err(error) if error.kind == Kind::NotFound => {}
            Err(error) if services.len() == 1 => return Err(error.into()),
            Err(error) => failures.push(Failure::from(error).in_tenant(service.name())),
        }
    }
    if found.len() > 1 {
        let names: Vec<_> = found.iter().map(|(service, _)| service.name()).collect();
        return Err(Failure::Usage(format!(
            "several tenants have an alert with this ID; select one with --profile: {}",
            names.join(", ")
        )));
    }
    let failure = if found.is_empty() && !failures.is_empty() { Some(failures.remove(0)) } else { None };
    failures.iter().for_each(notify);
    match (found.pop(), failure) {
        (Some(found), _) => Ok(found),
        (None, Some(failure)) => Err(failure),
        (None, None) => Err(Failure::NotFound(id.clone())),
    }
}

/// Reads the alerts that may have this ID. Fails if nothing could be read at all.
fn read(paths: &Paths, id: &AlertId) -> Result<Saved, Failure> {
    // An alert without an ID is given one derived from the entire alert, not just its outline.
    let may_have_id = |raw: &RawAlert| {
        let outline = raw.outline(&["id"]).and_then(|outline| outline.decode().ok());
        outline.is_none_or(|alert| alert.id.raw().is_empty() || alert.id == *id)
    };
    let select = |part: Part| {
        let mut saved = part.read();
        let is_any = !saved.alerts.is_empty();
        saved.alerts.retain(may_have_id);
        (is_any, saved)
    };
    let (mut is_any, mut all) = (false, Saved::default());
    for_each_part(paths.open(), select, |(part_has_any, saved)| {
        is_any |= part_has_any;
        all.extend(saved);
    });
    Failure::if_nothing(&all, is_any)?;
    Ok(all)
}

/// Returns the newest state of the alert with this ID, since several files may contain the alert.
fn newest(alerts: Vec<RawAlert>, id: &AlertId) -> Option<RawAlert> {
    let (mut store, feed) = (Store::default(), FeedId::default());
    store.decode(feed, alerts);
    let count = store.rows().iter().filter(|row| store.facts(*row).id() == *id).count();
    if count > 1 {
        notify(format_args!("{count} alerts have this ID, created at different times; showing the first"));
    }
    store.row(feed, id).map(|row| store.stored(row).read())
}
