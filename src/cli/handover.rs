//! `alertdeck handover`: prints the shift handover report, from the journal and the services.

use std::io::Write;

use futures_util::{StreamExt as _, future::join_all, stream};

use super::{
    Failure, Origin, Service, Source, context, invalid_filter,
    journal::{if_readable, parse_since},
    line,
    list::load,
    notify_waits, parse_filter,
};
use crate::{
    handover::{AlertState, Handover, Input, Tenant, named},
    journal::{Entries, Journal},
    triage::{Entry, EntryKind, Values, latest},
    writer::title_of,
};
use alertdeck_graph::Kind;
use alertdeck_model::{AlertId, PortalUrl, RawAlert, Timestamp};
use alertdeck_query as query;
use alertdeck_query::Matcher;
use alertdeck_store::{FeedId, Store, StoredReader};

/// The filter for the alerts to load in addition to those named in the journal.
const OPEN: &str = "status:open";
/// The maximum number of concurrent alert requests per tenant.
const CONCURRENT: usize = 4;

/// Prints a shift handover report.
#[derive(Clone, Debug, clap::Args)]
pub struct HandoverCommand {
    /// Include only alerts that match this filter
    #[arg(value_name = "FILTER", value_parser = parse_filter)]
    pub filter: Vec<String>,
    /// Start of the shift: 8h or 2d (ago), today, 2026-11-30 or 2026-11-30T06:00 (UTC)
    #[arg(long, value_name = "TIME", default_value = "8h", value_parser = parse_since)]
    pub since: Timestamp,
    /// Output format: markdown or json
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: HandoverFormat,
    /// Use a simulated tenant
    #[arg(long)]
    pub demo: bool,
}

/// The output format of a handover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum HandoverFormat {
    /// Tables.
    #[default]
    Markdown,
    /// An object.
    Json,
}

/// The alerts that were read from the services, and what is missing.
#[derive(Default)]
struct Read {
    store: Store,
    /// Descriptions of the missing data, one line each.
    missing: Vec<String>,
    /// The failure, if no alerts could be loaded at all.
    failure: Option<Failure>,
}

impl HandoverCommand {
    /// Returns the origin of the alerts, which is always a service.
    pub fn origin(&self) -> Origin {
        Origin { demo: self.demo, files: Vec::new() }
    }

    /// Reads the journal and the services, and prints the report. If some alerts or journal lines
    /// cannot be read, prints the report without them and then fails.
    pub async fn run(
        &self,
        source: &mut Source,
        journal: &Journal,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let Entries { entries, unreadable } = journal.read()?;
        let filter = self.filter.join(" ");
        source.load_accounts(&filter).await;
        let tenants = tenants(source).await;
        let mut read = load_open(source, &filter).await?;
        if let Err(failure) = if_readable(unreadable, journal) {
            read.missing.push(failure.to_string());
        }
        for tenant in tenants.iter().filter(|tenant| tenant.me.is_none() && read.failure.is_none()) {
            let name = &tenant.name;
            read.missing
                .push(format!("{name}: your account is not known, so alerts assigned to you are missing"));
        }
        let services: Vec<_> = source.services().map(|(feed, service)| (feed, service.clone())).collect();
        let mut entries = of_services(latest(entries), &services).await;
        if read.failure.is_none() {
            load_named(&services, &named(&entries, self.since), &mut read).await;
            if !filter.is_empty() {
                retain_matching(source, &filter, &mut read.store, &mut entries)?;
            }
        }
        let page = Handover::compose(&Input {
            now: context().now,
            since: self.since,
            tenants: &tenants,
            entries: &entries,
            alerts: &states(&read.store, &services),
            missing: &read.missing,
        });
        match self.format {
            HandoverFormat::Markdown => out.write_all(page.markdown().as_bytes())?,
            HandoverFormat::Json => {
                serde_json::to_writer_pretty(&mut *out, &page.json()).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        out.flush()?;
        match read.failure {
            Some(failure) => Err(failure),
            None if read.missing.is_empty() => Ok(()),
            None => Err(Failure::Incomplete(read.missing.join("\n"))),
        }
    }
}

/// Returns the tenants and, where known, their users.
async fn tenants(source: &mut Source) -> Vec<Tenant> {
    let Source::Services(services) = source else { return Vec::new() };
    let tenants = services.iter_mut().map(|service| async move {
        // A missing token is not reported here, since loading the alerts reports it.
        let me = service.user().await.unwrap_or_default();
        Tenant { name: line(service.name()), me }
    });
    join_all(tenants).await
}

/// Loads the open alerts that match a filter.
async fn load_open(source: &Source, filter: &str) -> Result<Read, Failure> {
    let filter = query::join(filter, OPEN);
    let contexts = source.contexts();
    let plan =
        query::compile(&filter, &contexts[0]).map_err(|diagnostics| invalid_filter(&filter, &diagnostics))?;
    Ok(match load::load(source, &plan, (&filter, None), contexts).await {
        Ok(loaded) => {
            let missing = loaded.outcome.err().map(|failure| match failure {
                Failure::Incomplete(reason) => reason,
                other => other.to_string(),
            });
            Read { store: loaded.store, missing: missing.into_iter().collect(), failure: None }
        }
        Err(failure @ Failure::Usage(_)) => return Err(failure),
        Err(failure) => {
            let missing = vec![failure.to_string()];
            Read { missing, failure: Some(failure), ..Read::default() }
        }
    })
}

/// Returns the journal entries for the services' tenants and the notes on the shift as a whole.
/// Each entry is paired with the index of its service, if it has one.
async fn of_services(entries: Vec<Entry>, services: &[(FeedId, Service)]) -> Vec<(Option<usize>, Entry)> {
    let guids = services.iter().map(|(_, service)| async {
        service.client.tokens().claims().await.and_then(|claims| claims.tenant)
    });
    let guids = join_all(guids).await;
    let is_of = |entry: &Entry, at: usize| {
        let service = &services[at].1;
        // The profile may have been used for another tenant before.
        let is_tenant = |guid: &String| [guid, &service.tenant, ""].contains(&entry.tenant.as_str());
        entry.profile == service.profile && guids[at].as_ref().is_none_or(is_tenant)
    };
    let entries = entries.into_iter().filter_map(|entry| {
        let service = (0..services.len()).find(|at| is_of(&entry, *at));
        let is_local = entry.kind == EntryKind::Note && entry.profile.is_empty();
        (service.is_some() || is_local).then_some((service, entry))
    });
    entries.collect()
}

/// Fetches the alerts that are named in the journal but have not been loaded.
async fn load_named(services: &[(FeedId, Service)], named: &[(usize, String)], read: &mut Read) {
    for (at, (feed, service)) in services.iter().enumerate() {
        let own = named.iter().filter(|(tenant, _)| *tenant == at).map(|(_, id)| AlertId::new(id));
        let ids: Vec<_> = own.filter(|id| read.store.row(*feed, id).is_none()).collect();
        let several = services.len() > 1;
        let mut alerts = stream::iter(ids)
            .map(|id| async move {
                let mut waits = notify_waits(several.then_some(service.name()));
                service.client.get(&id, &mut waits).await
            })
            .buffered(CONCURRENT);
        while let Some(outcome) = alerts.next().await {
            match outcome {
                Ok(raw) => drop(read.store.decode(*feed, [raw])),
                Err(error) if error.kind == Kind::NotFound => {}
                Err(error) => {
                    let failure = Failure::from(error);
                    let failure = if several { failure.in_tenant(service.name()) } else { failure };
                    read.missing.push(failure.to_string());
                    break;
                }
            }
        }
    }
}

/// Removes the alerts that do not match a filter, and the journal entries about them. Entries about
/// alerts that could not be read are kept.
fn retain_matching(
    source: &Source,
    filter: &str,
    store: &mut Store,
    entries: &mut Vec<(Option<usize>, Entry)>,
) -> Result<(), Failure> {
    let contexts = source.contexts();
    let plan =
        query::compile(filter, &contexts[0]).map_err(|diagnostics| invalid_filter(filter, &diagnostics))?;
    let matching = Matcher::new(&plan.test).rows(store);
    super::notify_excluded(&plan.excluded);
    let feeds: Vec<_> = source.services().map(|(feed, _)| feed).collect();
    entries.retain(|(tenant, entry)| {
        let row = tenant.zip(entry.alert_id()).and_then(|(at, id)| store.row(feeds[at], &id));
        row.is_none_or(|row| matching.contains(row))
    });
    let mut reader = StoredReader::default();
    let mut kept = Store::default();
    for row in matching.iter() {
        kept.decode(store.feed(row), [reader.read(&store.stored(row))]);
    }
    *store = kept;
    Ok(())
}

/// Returns the states of the loaded alerts.
fn states(store: &Store, services: &[(FeedId, Service)]) -> Vec<AlertState> {
    let mut reader = StoredReader::default();
    let state = |row| {
        let tenant = services.iter().position(|(feed, _)| *feed == store.feed(row))?;
        let raw: RawAlert = reader.read(&store.stored(row));
        let alert = raw.decode().ok()?;
        let portal_host = services[tenant].1.portal_host;
        let link = alert.alert_web_url.as_ref();
        Some(AlertState {
            tenant,
            id: alert.id.raw().to_owned(),
            title: title_of(&alert),
            severity: alert.severity.clone(),
            values: Values::of(&alert),
            created: alert.created,
            updated: alert.last_update,
            link: link.and_then(|link| PortalUrl::check(link.raw(), portal_host).ok()),
        })
    };
    store.rows().iter().filter_map(state).collect()
}
