//! Brings the alerts of a list together, all of them, from the service or from files.

use crate::cli::{Failure, Service, Source, files, say, tell, wrong_filter};
use alertdeck_graph::{Client, Error, Kind, ListQuery};
use alertdeck_model::RawAlert;
use alertdeck_odata::Feature;
use alertdeck_query as query;
use alertdeck_query::{Context, Plan};
use alertdeck_store::{Batch, Store};

/// The largest `$top` that is honoured (QUIRKS.md).
const LARGEST: u32 = 1000;

/// What was read, and whether that was all.
pub(super) struct Loaded {
    pub(super) store: Store,
    pub(super) outcome: Result<(), Failure>,
}

/// Reads everything that the plan asks for. Fails where nothing at all could be read.
pub(super) async fn load(
    source: &Source,
    filter: &str,
    plan: Plan,
    context: &mut Context,
) -> Result<Loaded, Failure> {
    match source {
        Source::Service(service) => ask(service, filter, plan, context).await,
        Source::Files { paths, .. } => {
            let saved = files::read(paths).or_fail()?;
            Ok(Loaded { store: held(&saved.alerts), outcome: saved.outcome() })
        }
    }
}

/// Asks the service. Where it refuses a construct that is unproven on this collection (API.md 2),
/// the filter is planned again without it, and that part is left to do here.
async fn ask(
    service: &Service,
    filter: &str,
    mut plan: Plan,
    context: &mut Context,
) -> Result<Loaded, Failure> {
    if let Some(id) = &plan.id {
        return match service.client.get(id, &mut tell).await {
            Ok(alert) => Ok(Loaded { store: held(&[alert]), outcome: Ok(()) }),
            Err(error) if error.kind == Kind::NotFound => {
                Ok(Loaded { store: Store::default(), outcome: Ok(()) })
            }
            Err(error) => Err(error.into()),
        };
    }
    loop {
        let error = match read(&service.client, &plan).await {
            Ok(loaded) => return Ok(loaded),
            Err(error) => error,
        };
        let uses = |feature: &Feature| plan.pushed.as_ref().is_some_and(|pushed| pushed.uses(*feature));
        match Feature::ALL.into_iter().find(uses) {
            Some(unproven) if error.kind == Kind::Filter => {
                say(format_args!("the service refused `{}`: that part is filtered here", unproven.name()));
                context.refused.push(unproven);
                plan = query::compile(filter, context)
                    .map_err(|diagnostics| wrong_filter(filter, &diagnostics))?;
            }
            _ => return Err(error.into()),
        }
    }
}

/// Reads the pages of a list. An error on the first page is returned; on a later one it makes
/// the list incomplete.
async fn read(client: &Client, plan: &Plan) -> Result<Loaded, Error> {
    let filter = plan.pushed.as_ref().map(ToString::to_string);
    let mut pages = client.pages(&ListQuery { filter, top: Some(LARGEST), count: false });
    let mut store = Store::default();
    let mut read = 0;
    let mut missing = None;
    while let Some(page) = pages.next(&mut tell).await {
        match page {
            Ok(page) => {
                read += 1;
                store.absorb(Batch::plain(&page.raw.alerts));
                if let Some(warning) = page.partial {
                    missing = Some(format!("the service sent partial results: {}", warning.line()));
                }
            }
            Err(error) if read == 0 => return Err(error),
            Err(error) => missing = Some(format!("stopped after page {read}: {error}")),
        }
    }
    let outcome = missing.map_or(Ok(()), |why| Err(Failure::Incomplete(why)));
    Ok(Loaded { store, outcome })
}

fn held(alerts: &[RawAlert]) -> Store {
    let mut store = Store::default();
    store.absorb(Batch::plain(alerts));
    store
}
