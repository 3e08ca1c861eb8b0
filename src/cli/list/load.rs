//! Loads the alerts of a list from the service or from files.

use crate::{
    cli::{Failure, Service, Source, invalid_filter, notify, notify_wait},
    files,
};
use alertdeck_graph::{Client, Error, Kind, ListQuery};
use alertdeck_model::RawAlert;
use alertdeck_odata::Feature;
use alertdeck_query as query;
use alertdeck_query::{Context, Plan};
use alertdeck_store::{FeedId, Store};

/// The largest page size that Graph honours (docs/graph-api.md, "Paging").
const PAGE_SIZE: u32 = 1000;

/// The alerts that were read, and whether the list is complete.
pub(super) struct Loaded {
    pub(super) store: Store,
    pub(super) outcome: Result<(), Failure>,
}

/// Reads all alerts that the plan selects. Fails if nothing could be read.
pub(super) async fn load(
    source: &Source,
    filter: &str,
    plan: Plan,
    context: &mut Context,
) -> Result<Loaded, Failure> {
    match source {
        Source::Service(service) => fetch(service, filter, plan, context).await,
        Source::Files { paths, .. } => {
            let saved = Failure::if_nothing(files::read(paths))?;
            let outcome = Failure::if_errors(&saved.errors);
            Ok(Loaded { store: store_of(saved.alerts), outcome })
        }
    }
}

/// Fetches the alerts from the service. If the service refuses a construct that is not verified to
/// work for alerts (docs/graph-api.md, "Filtering"), replans the filter and evaluates that part
/// locally.
async fn fetch(
    service: &Service,
    filter: &str,
    mut plan: Plan,
    context: &mut Context,
) -> Result<Loaded, Failure> {
    if let Some(id) = &plan.id {
        return match service.client.get(id, &mut notify_wait).await {
            Ok(alert) => Ok(Loaded { store: store_of([alert]), outcome: Ok(()) }),
            Err(error) if error.kind == Kind::NotFound => {
                Ok(Loaded { store: Store::default(), outcome: Ok(()) })
            }
            Err(error) => Err(error.into()),
        };
    }
    loop {
        let error = match fetch_pages(&service.client, &plan).await {
            Ok(loaded) => return Ok(loaded),
            Err(error) => error,
        };
        let uses = |feature: &Feature| plan.pushed.as_ref().is_some_and(|pushed| pushed.uses(*feature));
        match Feature::ALL.into_iter().find(uses) {
            Some(unverified) if error.kind == Kind::Filter => {
                let name = unverified.name();
                notify(format_args!("the service refused `{name}`; applying that part locally"));
                context.refused.push(unverified);
                plan = query::compile(filter, context)
                    .map_err(|diagnostics| invalid_filter(filter, &diagnostics))?;
            }
            _ => return Err(error.into()),
        }
    }
}

/// Fetches the pages of a list. Fails if the first page fails; an error on a later page makes the
/// list incomplete.
async fn fetch_pages(client: &Client, plan: &Plan) -> Result<Loaded, Error> {
    let filter = plan.pushed.as_ref().map(ToString::to_string);
    let mut pages = client.pages(&ListQuery { filter, top: Some(PAGE_SIZE), count: false });
    let mut store = Store::default();
    let mut read = 0;
    let mut missing = None;
    while let Some(page) = pages.next(&mut notify_wait).await {
        match page {
            Ok(page) => {
                read += 1;
                store.decode(FeedId::default(), page.raw.alerts);
                if let Some(warning) = page.partial {
                    missing = Some(format!("the service sent partial results: {}", warning.line()));
                }
            }
            Err(error) if read == 0 => return Err(error),
            Err(error) => missing = Some(format!("stopped after page {read}: {error}")),
        }
    }
    let outcome = missing.map_or(Ok(()), |reason| Err(Failure::Incomplete(reason)));
    Ok(Loaded { store, outcome })
}

fn store_of(alerts: impl IntoIterator<Item = RawAlert>) -> Store {
    let mut store = Store::default();
    store.decode(FeedId::default(), alerts);
    store
}
