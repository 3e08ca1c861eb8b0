//! Removes superseded alert states, removes alerts that exceed the age or size limit, and joins
//! small batches.
//!
//! Maintenance runs in one process at a time, in transactions of a few batches, so that other
//! processes can write in between. The floor is the time before which alerts may have been removed.
//! A state is removed only if the file contains a newer state of the alert, or once the floor has
//! been raised above the alert's creation time.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior};

use alertdeck_model::Timestamp;
use alertdeck_platform::Lock;
use alertdeck_store::{AlertState, Batch, EncodedBatch};

use super::{CacheError, Retention, database};

/// The target number of alerts in a rewritten batch: as many as the console reads at once.
const BATCH: usize = 128;
/// Batches with fewer alerts than this are joined if there are at least [`MANY`] of them.
const SMALL: usize = 32;
const MANY: usize = 16;
/// The minimum time between integrity checks of the entire file.
const CHECK: Duration = Duration::from_secs(24 * 60 * 60);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A batch, with the positions of the alerts to keep.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    batch: i64,
    count: usize,
    kept: Vec<u32>,
}

/// Performs maintenance, unless another process is already performing it.
pub(crate) fn run(
    connection: &mut Connection,
    path: &Path,
    retention: Retention,
    now: Timestamp,
) -> Result<(), CacheError> {
    let Some(_lock) = Lock::try_acquire(&path.with_extension("lock"))? else { return Ok(()) };
    let oldest = now.before(DAY.saturating_mul(retention.days));
    let batches = states(connection)?;
    let (plans, removes_old) = plan(&batches, oldest);
    if removes_old {
        raise_floor(connection, oldest)?;
    }
    rewrite(connection, plans)?;
    shrink(connection, retention.bytes)?;
    // Each step frees one page.
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut steps = vacuum.query([])?;
    while steps.next()?.is_some() {}
    drop(steps);
    drop(vacuum);
    // A passive checkpoint does not wait for processes that are reading.
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    check(connection, now)
}

/// Reads the alert states of each batch, in the order in which the batches were added.
fn states(connection: &Connection) -> Result<Vec<(i64, Vec<AlertState>)>, CacheError> {
    let mut list = connection.prepare("SELECT id, states FROM batch ORDER BY id")?;
    let rows = list.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let mut batches = Vec::new();
    for row in rows {
        let (batch, states) = row?;
        batches.push((batch, postcard::from_bytes(&states).map_err(|_| CacheError::Damaged)?));
    }
    Ok(batches)
}

/// Decides which states to keep: the newest state of each alert, unless the alert was created
/// before `oldest`. Returns the batches worth rewriting, and whether any alert is to be removed
/// because of its age.
fn plan(batches: &[(i64, Vec<AlertState>)], oldest: Timestamp) -> (Vec<Plan>, bool) {
    // As in the store, alerts with the same ID that were created in different seconds are distinct.
    let key = |state: &AlertState| (state.id, state.created.map(|at| Timestamp::from_ticks(at).seconds()));
    let mut newest: HashMap<_, (Option<i64>, usize, usize)> = HashMap::new();
    for (at, (_, states)) in batches.iter().enumerate() {
        for (position, state) in states.iter().enumerate() {
            match newest.entry(key(state)) {
                Entry::Occupied(mut known) if known.get().0 <= state.updated => {
                    known.insert((state.updated, at, position));
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(free) => {
                    free.insert((state.updated, at, position));
                }
            }
        }
    }
    let is_old = |state: &AlertState| state.created.is_some_and(|at| at < oldest.ticks());
    let mut removes_old = false;
    let mut plans = Vec::new();
    for (at, (batch, states)) in batches.iter().enumerate() {
        let mut kept = Vec::new();
        for (position, state) in states.iter().enumerate() {
            let is_newest = newest.get(&key(state)).is_some_and(|known| (known.1, known.2) == (at, position));
            let is_old = is_old(state);
            removes_old |= is_newest && is_old;
            if is_newest && !is_old {
                kept.push(position as u32);
            }
        }
        plans.push(Plan { batch: *batch, count: states.len(), kept });
    }
    let small = plans.iter().filter(|plan| plan.kept.len() < SMALL).count();
    plans.retain(|plan| {
        let is_small = small >= MANY && plan.kept.len() < SMALL;
        plan.kept.len() * 2 < plan.count || plan.kept.is_empty() || is_small
    });
    (plans, removes_old)
}

/// Writes the alerts to keep into new batches, and removes the old batches.
fn rewrite(connection: &mut Connection, plans: Vec<Plan>) -> Result<(), CacheError> {
    let mut group: Vec<Plan> = Vec::new();
    let mut alerts = 0;
    for plan in plans {
        if alerts + plan.kept.len() > BATCH {
            replace(connection, &std::mem::take(&mut group))?;
            alerts = 0;
        }
        alerts += plan.kept.len();
        group.push(plan);
    }
    replace(connection, &group)
}

/// Replaces several batches with a single one.
fn replace(connection: &mut Connection, plans: &[Plan]) -> Result<(), CacheError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut parts = Vec::new();
    for plan in plans {
        if !plan.kept.is_empty() {
            // Another process may have removed the batch.
            let Some(batch) = database::read(&transaction, plan.batch)? else { continue };
            parts.push((batch.decode().map_err(|_| CacheError::Damaged)?, &plan.kept[..]));
        }
        database::remove(&transaction, plan.batch)?;
    }
    if !parts.is_empty() {
        let joined = select(parts.iter().map(|(batch, kept)| (batch, *kept)));
        database::insert(&transaction, &joined.ok_or(CacheError::Damaged)?)?;
    }
    Ok(transaction.commit()?)
}

/// Creates a batch from the alerts at the given positions in other batches. Returns `None` if the
/// batch would be too large.
pub(crate) fn select<'a>(parts: impl IntoIterator<Item = (&'a Batch, &'a [u32])>) -> Option<EncodedBatch> {
    let json = |(batch, positions): (&'a Batch, &'a [u32])| {
        positions.iter().filter_map(|at| batch.json(*at as usize))
    };
    let alerts: Vec<_> = parts.into_iter().flat_map(json).collect();
    Batch::decode(&alerts).encode()
}

/// Removes the oldest batches until the file's content takes up at most `limit` bytes.
fn shrink(connection: &mut Connection, limit: u64) -> Result<(), CacheError> {
    while size(connection)? > limit {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Remove only a few at a time, because the resulting size is known only afterwards.
        let some =
            "SELECT id, newest FROM batch ORDER BY newest, id LIMIT (SELECT 1 + count(*) / 64 FROM batch)";
        let mut list = transaction.prepare(some)?;
        let rows = list.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let oldest: Vec<(i64, i64)> = rows.collect::<Result<_, _>>()?;
        drop(list);
        let Some((_, newest)) = oldest.last() else { return Ok(()) };
        set_floor(&transaction, Timestamp::from_ticks(newest.saturating_add(1)))?;
        for (batch, _) in &oldest {
            database::remove(&transaction, *batch)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Returns the file's size in bytes, excluding free pages.
fn size(connection: &Connection) -> Result<u64, CacheError> {
    let [pages, free, size] = [
        database::pragma::<i64>(connection, "page_count")?,
        database::pragma(connection, "freelist_count")?,
        database::pragma(connection, "page_size")?,
    ];
    Ok(u64::try_from((pages - free) * size).unwrap_or_default())
}

fn raise_floor(connection: &mut Connection, to: Timestamp) -> Result<(), CacheError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    set_floor(&transaction, to)?;
    Ok(transaction.commit()?)
}

fn set_floor(connection: &Connection, to: Timestamp) -> Result<(), CacheError> {
    let floor = database::floor(connection)?.map_or(to, |floor| floor.max(to));
    database::set(connection, "floor", floor.ticks())
}

/// Checks the integrity of the entire file, unless it was checked within the last day.
fn check(connection: &Connection, now: Timestamp) -> Result<(), CacheError> {
    let checked = database::get::<i64>(connection, "checked_at")?.map(Timestamp::from_ticks);
    if checked.and_then(|at| now.since(at)).is_some_and(|age| age < CHECK) {
        return Ok(());
    }
    let result: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if result != "ok" {
        return Err(CacheError::Damaged);
    }
    database::set(connection, "checked_at", now.ticks())
}
