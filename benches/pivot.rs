//! Measures a pivot with 100,000 loaded alerts, and the cost of the index behind it.
//!
//! The key figures are ratios: of a pivot's time to a frame of 16 ms, and of absorbing alerts with
//! the index to doing so without. The user waits for the first rows of a pivot: handling the key,
//! one slice of work, and drawing. Devices and classifications are counted later, in slices,
//! because that takes time in proportion to the rows.

mod tenant;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use alertdeck::app::{Effect, Menu, MenuAction, MenuItem, Message};
use alertdeck_model::RawAlert;
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_store::{Batch, PostingId, Store, Tally};
use criterion::Criterion;
use tenant::{BATCH, Console, SLICE, percentile};

const ALERTS: usize = 100_000;
const FRAME: Duration = Duration::from_millis(16);
const ROUNDS: usize = 40;

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = work();
    (result, began.elapsed())
}

/// Returns three values in the evidence: with one alert, with about 1,000 and with the most.
fn values(console: &Console) -> [(&'static str, Indicator, PostingId); 3] {
    let store = &console.app.store;
    let mut values = Vec::new();
    for row in store.rows().step_by(97) {
        for (_, text) in &store.facts(row).terms {
            let value = store.dictionary().text(*text).text;
            for (kind, _) in IndicatorKind::ALL {
                let indicator = Indicator { kind, value: value.clone() };
                if let Some(posting) = store.posting(&indicator) {
                    values.push((store.postings(posting).len(), indicator, posting));
                }
            }
        }
    }
    values.sort_by_key(|(count, ..)| *count);
    let near = |count: usize| {
        let at = values.partition_point(|(alerts, ..)| *alerts < count).min(values.len() - 1);
        let (_, indicator, posting) = values[at].clone();
        (indicator, posting)
    };
    [("rare", 1), ("common", 1_000), ("most common", usize::MAX)].map(|(name, count)| {
        let (indicator, posting) = near(count);
        (name, indicator, posting)
    })
}

/// Counts the devices and classifications of a value.
fn count(store: &Store, posting: PostingId) -> Tally {
    let mut tally = Tally::default();
    while tally.has_work(store, posting) {
        tally.advance(store, posting, &mut { SLICE });
    }
    tally
}

/// Pivots to the alerts of a value through the menu, and goes back. Returns the time until the
/// first rows are drawn, and until all rows are found and everything is counted.
fn pivot(console: &mut Console, indicator: &Indicator) -> (Duration, Duration) {
    let item = MenuItem {
        key: 'a',
        label: indicator.kind.field().into(),
        preview: indicator.value.line(),
        action: MenuAction::Pivot(indicator.clone()),
    };
    console.app.ui.open(Menu { title: "Alerts with".into(), items: vec![item], at: 0 });
    let (mut effects, mut first) = timed(|| console.press("a"));
    if let Some(more) = effects.iter().position(|effect| *effect == Effect::More) {
        effects.remove(more);
        let (left, slice) = timed(|| console.send(Message::Work(SLICE)));
        effects.extend(left);
        first += slice;
    }
    first += timed(|| console.draw()).1;
    let rest = console.run(effects);
    let effects = console.press("Backspace");
    console.run(effects);
    (first, first + rest)
}

/// Returns the number of alerts with a value.
fn alert_count(store: &Store, indicator: &Indicator) -> Option<usize> {
    store.posting(indicator).map(|posting| store.postings(posting).len())
}

fn bench(criterion: &mut Criterion, console: &Console, values: &[(&str, Indicator, PostingId)]) {
    let mut group = criterion.benchmark_group("prevalence of a value");
    group.sample_size(10);
    for (name, indicator, posting) in values {
        let store = &console.app.store;
        group.bench_function(format!("{name}: number of alerts"), |bencher| {
            bencher.iter(|| black_box(alert_count(store, black_box(indicator))));
        });
        group.bench_function(format!("{name}: all counts"), |bencher| {
            bencher.iter(|| black_box(count(store, *posting)));
        });
    }
    group.finish();
}

/// Prints the cost of pivots in percent of a frame.
fn report(console: &mut Console, values: &[(&str, Indicator, PostingId)]) {
    let of_frame = |time: Duration| format!("{:.1} %", 100.0 * time.as_secs_f64() / FRAME.as_secs_f64());
    println!("\n{ALERTS} alerts, 200x50 cells; percent of a frame of {FRAME:?}, 95th percentile of {ROUNDS}");
    println!(
        "{:<12} {:>8} {:>10} {:>12} {:>12} {:>12}",
        "value", "alerts", "count", "all counts", "first rows", "all rows"
    );
    for (name, indicator, posting) in values {
        let store = &console.app.store;
        let high = |mut times: Vec<Duration>| percentile(&mut times, 95);
        let times = |work: &dyn Fn()| (0..ROUNDS).map(|_| timed(work).1).collect();
        let number = high(times(&|| {
            black_box(alert_count(store, indicator));
        }));
        let counted = high(times(&|| {
            black_box(count(store, *posting));
        }));
        let alerts = store.postings(*posting).len();
        let (first, all): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| pivot(console, indicator)).unzip();
        let [number, counted, first, all] = [number, counted, high(first), high(all)].map(of_frame);
        println!("{name:<12} {alerts:>8} {number:>10} {counted:>12} {first:>12} {all:>12}");
    }
}

/// Prints the cost of the index: its size, and the time to absorb alerts with and without it,
/// alternately.
fn report_index(alerts: &[RawAlert]) {
    let (mut plain, mut indexed) = (
        (Store::with_postings(&alertdeck_query::FieldPostings), Duration::ZERO),
        (Store::with_postings(&alertdeck_query::FieldPostings), Duration::ZERO),
    );
    for chunk in alerts.chunks(BATCH) {
        let (without, with) = (Batch::plain(chunk), Batch::decode(chunk, &alertdeck_query::FieldPostings));
        plain.1 += timed(|| plain.0.absorb(without)).1;
        indexed.1 += timed(|| indexed.0.absorb(with)).1;
    }
    let (store, plain, indexed) = (indexed.0, plain.1, indexed.1);
    let ratio = indexed.as_secs_f64() / plain.as_secs_f64();
    println!("absorbing: {plain:.0?} without the index, {indexed:.0?} with it: {ratio:.2} times as long");
    let (size, count) = (store.index_size(), store.len());
    println!("index: {:.0} MB, {} bytes per alert", size as f64 / 1e6, size / count);
}

fn main() {
    let alerts = tenant::alerts(ALERTS);
    report_index(&alerts);
    let mut console = Console::open(&alerts, (200, 50));
    let values = values(&console);
    let mut criterion = Criterion::default().configure_from_args();
    bench(&mut criterion, &console, &values);
    criterion.final_summary();
    report(&mut console, &values);
}
