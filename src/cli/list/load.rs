//! Loads a list's alerts from the service or from files.

use std::cell::RefCell;

use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use tokio::task::spawn_blocking;

use super::saved;
use crate::{
    cli::{Failure, Service, Source, invalid_filter, notify, notify_waits},
    files::{Paths, workers},
};
use alertdeck_graph::{Client, ClientEvent, Error, Kind, ListQuery, Load, LoadEvent, OwnerComparison};
use alertdeck_model::RawAlert;
use alertdeck_odata::Feature;
use alertdeck_query as query;
use alertdeck_query::{Context, Matcher, OwnerCase, Plan};
use alertdeck_store::{Batch, FeedId, Row, RowSet, Store};

/// The largest page size that Graph honours (docs/graph-api.md, "Paging").
const PAGE_SIZE: u32 = 1000;
/// The smallest page size to request.
const SMALLEST_PAGE: u32 = 50;

/// The alerts that were read, and whether the list is complete.
pub(in crate::cli) struct Loaded {
    pub(in crate::cli) store: Store,
    /// Rows to omit from the result because a later state of the same alert does not match.
    pub(in crate::cli) superseded: RowSet,
    /// The number of alerts that could not be decoded.
    pub(super) unreadable: usize,
    /// The number of alerts with unreadable dates.
    pub(super) odd_dates: usize,
    pub(in crate::cli) outcome: Result<(), Failure>,
}

impl Loaded {
    /// Creates the result of a load that kept every alert in the store. Counts the unreadable
    /// alerts and dates in the store.
    pub(super) fn new(store: Store, outcome: Result<(), Failure>) -> Self {
        let count = |test: &dyn Fn(Row) -> bool| store.rows().iter().filter(|row| test(*row)).count();
        let unreadable = count(&|row| !store.is_readable(row));
        let odd_dates = count(&|row| store.has_odd_date(row));
        Self { store, superseded: RowSet::default(), unreadable, odd_dates, outcome }
    }
}

/// Reads all alerts that may match the filter. If `limit` is given, stops once that many alerts
/// match. `contexts` contains one context per service. Fails if nothing could be read at all.
pub(in crate::cli) async fn load(
    source: &Source,
    plan: &Plan,
    (filter, limit): (&str, Option<usize>),
    contexts: Vec<Context>,
) -> Result<Loaded, Failure> {
    if let Source::Files { paths, .. } = source {
        return saved::load(&Paths::new(paths), &plan.test, limit);
    }
    let mut store = Store::default();
    for tenant in source.tenants() {
        store.name_feed(tenant.feed, tenant.name);
    }
    let store = RefCell::new(store);
    let several = contexts.len() > 1;
    let fetches = source.services().zip(contexts).map(|((_, service), context)| {
        let (name, store) = (service.name(), &store);
        let mut waits = notify_waits(several.then_some(name));
        async move { (name, fetch(service, (filter, limit), context, store, &mut waits).await) }
    });
    let outcome = combine(join_all(fetches).await)?;
    Ok(Loaded::new(store.into_inner(), outcome))
}

/// Combines the outcomes for several tenants. Fails if nothing could be read from any tenant. If
/// only some alerts are missing, the inner result is an error that names the tenants.
fn combine(mut outcomes: Vec<(&str, Result<(), Missing>)>) -> Result<Result<(), Failure>, Failure> {
    if outcomes.len() == 1 {
        return match outcomes.remove(0).1 {
            Ok(()) => Ok(Ok(())),
            Err(Missing::Part(line)) => Ok(Err(Failure::Incomplete(line))),
            Err(Missing::Everything(failure)) => Err(failure),
        };
    }
    let count = outcomes.len();
    let (mut parts, mut failures) = (Vec::new(), Vec::new());
    for (name, outcome) in outcomes {
        match outcome {
            Ok(()) => {}
            Err(Missing::Part(line)) => parts.push(format!("{name}: {line}")),
            Err(Missing::Everything(failure)) => failures.push(failure.in_tenant(name)),
        }
    }
    if failures.len() == count {
        let first = failures.remove(0);
        failures.iter().for_each(notify);
        return Err(first);
    }
    parts.extend(failures.iter().map(ToString::to_string));
    Ok(if parts.is_empty() { Ok(()) } else { Err(Failure::Incomplete(parts.join("\n"))) })
}

/// The alerts that could not be read from a service.
enum Missing {
    /// Some of the alerts, with the reason in one line.
    Part(String),
    /// All alerts, with the reason.
    Everything(Failure),
}

impl From<Error> for Missing {
    fn from(error: Error) -> Self {
        Self::Everything(error.into())
    }
}

/// Fetches alerts from a service into the context's feed. If the service rejects a construct that
/// is not documented for alerts (docs/graph-api.md, "Filtering"), replans the filter so that the
/// construct is evaluated locally, and tries again.
async fn fetch(
    service: &Service,
    (filter, limit): (&str, Option<usize>),
    mut context: Context,
    store: &RefCell<Store>,
    waits: &mut (dyn FnMut(ClientEvent) + Send),
) -> Result<(), Missing> {
    let mut guess = Guess::Open;
    loop {
        let plan = query::compile(filter, &context)
            .map_err(|diagnostics| Missing::Everything(invalid_filter(filter, &diagnostics)))?;
        if plan.guesses_owner && guess == Guess::Open {
            (context.owner_case, guess) = compare_owners(&service.client, waits).await?;
            continue;
        }
        if plan.excludes_feed {
            return Ok(());
        }
        if let Some(id) = &plan.id {
            return match service.client.get(id, waits).await {
                Ok(alert) => {
                    store.borrow_mut().decode(context.feed, [alert]);
                    Ok(())
                }
                Err(error) if error.kind == Kind::NotFound => Ok(()),
                Err(error) => Err(error.into()),
            };
        }
        let fetched = match limit {
            None => fetch_all(&service.client, &plan, context.feed, store, waits).await,
            Some(limit) => fetch_some(&service.client, &plan, (context.feed, limit), store, waits).await,
        };
        let error = match fetched {
            Ok(None) if plan.guesses_owner && guess == Guess::Unconfirmed => {
                return Err(Missing::Part(
                    "alerts whose owner is spelled differently may be missing: the service does not say \
                     whether it ignores case"
                        .into(),
                ));
            }
            Ok(None) => return Ok(()),
            Ok(Some(missing)) => return Err(Missing::Part(missing)),
            Err(error) => error,
        };
        let uses = |feature: &Feature| plan.pushed.as_ref().is_some_and(|pushed| pushed.uses(*feature));
        match Feature::ALL.into_iter().find(uses) {
            Some(unverified) if error.kind == Kind::Filter => {
                let name = unverified.name();
                notify(format_args!("the service refused `{name}`; applying that part locally"));
                context.refused.push(unverified);
            }
            _ => return Err(error.into()),
        }
    }
}

/// The state of a guess about how an owner's name is written ([`Plan::guesses_owner`]).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guess {
    /// The service has not been asked yet.
    Open,
    /// The guess is right or makes no difference.
    Confirmed,
    /// The service's answer is inconclusive.
    Unconfirmed,
}

/// Determines how a service compares owners.
async fn compare_owners(
    client: &Client,
    waits: &mut (dyn FnMut(ClientEvent) + Send),
) -> Result<(OwnerCase, Guess), Error> {
    Ok(match client.compare_owners(None, waits).await? {
        OwnerComparison::IgnoresCase => (OwnerCase::Ignored, Guess::Confirmed),
        OwnerComparison::Exact => (OwnerCase::Exact, Guess::Confirmed),
        OwnerComparison::NoOwners => (OwnerCase::Unknown, Guess::Confirmed),
        OwnerComparison::Unclear => (OwnerCase::Unknown, Guess::Unconfirmed),
    })
}

/// Fetches an entire list. Fails if the first page fails. If a later page fails, returns a
/// description of what is missing.
async fn fetch_all(
    client: &Client,
    plan: &Plan,
    feed: FeedId,
    store: &RefCell<Store>,
    waits: &mut (dyn FnMut(ClientEvent) + Send),
) -> Result<Option<String>, Error> {
    let most = workers() + 1;
    let mut load = Load::start_whole(client.clone(), plan.pushed.clone());
    // Pages are decoded on other threads while more pages arrive.
    let mut decoding = FuturesUnordered::new();
    let mut end = None;
    loop {
        tokio::select! {
            biased;
            Some(batch) = decoding.next() => match batch {
                Ok(batch) => drop(store.borrow_mut().absorb(feed, batch)),
                Err(_) => return Ok(Some("a page could not be decoded".to_owned())),
            },
            event = load.next(), if end.is_none() && decoding.len() < most => match event {
                Some(LoadEvent::Page(page, room)) => decoding.push(spawn_blocking(move || {
                    let batch = Batch::decode(&page.raw.alerts);
                    drop((page, room));
                    batch
                })),
                Some(LoadEvent::Client(event)) => waits(event),
                Some(LoadEvent::Failed(error, coverage)) if coverage.pages == 0 => end = Some(Err(error)),
                Some(LoadEvent::Done(coverage) | LoadEvent::Failed(_, coverage)) => {
                    end = Some(Ok(coverage.incomplete));
                }
                None => end = Some(Ok(Some("loading was cancelled".to_owned()))),
            },
            else => return end.unwrap_or(Ok(None)),
        }
    }
}

/// Fetches the pages of a list in the service's order until `limit` alerts match. Fails if the
/// first page fails. If a later page fails, returns a description of what is missing.
async fn fetch_some(
    client: &Client,
    plan: &Plan,
    (feed, limit): (FeedId, usize),
    store: &RefCell<Store>,
    waits: &mut (dyn FnMut(ClientEvent) + Send),
) -> Result<Option<String>, Error> {
    let filter = plan.pushed.as_ref().map(ToString::to_string);
    // If Graph applies the entire filter, a page of `limit` alerts is usually enough.
    let needed = Some(limit).filter(|_| plan.is_exact()).and_then(|limit| u32::try_from(limit).ok());
    let top = needed.map_or(PAGE_SIZE, |needed| needed.clamp(SMALLEST_PAGE, PAGE_SIZE));
    let mut pages = client.pages(&ListQuery { filter, top: Some(top), count: false });
    let mut read = 0;
    let mut missing = None;
    while let Some(page) = pages.next(waits).await {
        match page {
            Ok(page) => {
                read += 1;
                if let Some(warning) = page.partial {
                    missing = Some(format!("the service sent partial results: {}", warning.line()));
                }
                let mut store = store.borrow_mut();
                store.decode(feed, matching(plan, feed, page.raw.alerts));
                let rows = Matcher::new(&plan.test).rows(&store).common(&store.rows_of_feeds(&[feed]));
                if rows >= limit {
                    break;
                }
            }
            Err(error) if read == 0 => return Err(error),
            Err(error) => missing = Some(format!("stopped after page {read}: {error}")),
        }
    }
    Ok(missing)
}

/// Returns the alerts that match and those that are unreadable. The others need not be kept in
/// memory.
fn matching(plan: &Plan, feed: FeedId, alerts: Vec<RawAlert>) -> Vec<RawAlert> {
    let mut page = Store::default();
    let rows = page.decode(feed, alerts.iter().cloned());
    let matching = Matcher::new(&plan.test).rows(&page);
    let is_kept = |row: Row| matching.contains(row) || !page.is_readable(row);
    alerts.into_iter().zip(rows).filter(|(_, row)| is_kept(*row)).map(|(alert, _)| alert).collect()
}
