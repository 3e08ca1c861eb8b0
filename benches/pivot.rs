//! What a pivot costs with 100,000 alerts held, and what the index costs that answers it.
//!
//! The figures to look at are the ratios: of a pivot's time to a frame of 16 ms, and of taking in
//! alerts with the index to doing so without. A pivot is answered when its first rows are drawn:
//! the key, one slice of work, the drawing. Its devices and classifications, of which the number
//! of rows decides, are counted in slices meanwhile.

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

/// The values of the evidence with the most alerts, some, and one.
fn values(console: &Console) -> [(&'static str, Indicator, PostingId); 3] {
    let store = &console.app.store;
    let mut values = Vec::new();
    for row in store.rows().step_by(97) {
        for (_, text) in &store.facts(row).terms {
            let value = store.dictionary().text(*text).text;
            for (kind, _) in IndicatorKind::ALL {
                let what = Indicator { kind, value: value.clone() };
                if let Some(pivot) = store.posting(&what) {
                    values.push((store.postings(pivot).len(), what, pivot));
                }
            }
        }
    }
    values.sort_by_key(|(count, ..)| *count);
    let near = |count: usize| {
        let at = values.partition_point(|(held, ..)| *held < count).min(values.len() - 1);
        let (_, what, pivot) = values[at].clone();
        (what, pivot)
    };
    [("rare", 1), ("common", 1_000), ("most common", usize::MAX)].map(|(name, count)| {
        let (what, pivot) = near(count);
        (name, what, pivot)
    })
}

/// Counts a value's devices and classifications from the start.
fn count(store: &Store, pivot: PostingId) -> Tally {
    let mut tally = Tally::default();
    while tally.has_work(store, pivot) {
        tally.advance(store, pivot, &mut { SLICE });
    }
    tally
}

/// Opens the alerts of a value from the menu that offers it, and goes back. Returns the time until
/// the first rows are drawn, and until all are found and everything is counted.
fn pivot(console: &mut Console, what: &Indicator) -> (Duration, Duration) {
    let item = MenuItem {
        key: 'a',
        label: what.kind.field().into(),
        preview: what.value.line(),
        action: MenuAction::Pivot(what.clone()),
    };
    console.app.ui.open(Menu { title: "Alerts with".into(), items: vec![item], at: 0 });
    let (mut effects, mut first) = timed(|| console.press("a"));
    if let Some(more) = effects.iter().position(|effect| *effect == Effect::More) {
        effects.remove(more);
        let (left, slice) = timed(|| console.tell(Message::Work(SLICE)));
        effects.extend(left);
        first += slice;
    }
    first += timed(|| console.draw()).1;
    let rest = console.rest(effects);
    let effects = console.press("Backspace");
    console.rest(effects);
    (first, first + rest)
}

fn bench(criterion: &mut Criterion, console: &Console, values: &[(&str, Indicator, PostingId)]) {
    let mut group = criterion.benchmark_group("prevalence of a value");
    group.sample_size(10);
    for (name, what, pivot) in values {
        let store = &console.app.store;
        group.bench_function(format!("{name}: its alerts"), |bencher| {
            bencher
                .iter(|| black_box(store.posting(black_box(what)).map(|pivot| store.postings(pivot).len())));
        });
        group.bench_function(format!("{name}: everything"), |bencher| {
            bencher.iter(|| black_box(count(store, *pivot)));
        });
    }
    group.finish();
}

/// Prints what pivots cost, each as part of a frame.
fn report(console: &mut Console, values: &[(&str, Indicator, PostingId)]) {
    let of_frame = |time: Duration| format!("{:.1} %", 100.0 * time.as_secs_f64() / FRAME.as_secs_f64());
    println!("\n{ALERTS} alerts, 200x50 cells; parts of a frame of {FRAME:?}, 95th percentile of {ROUNDS}");
    println!(
        "{:<12} {:>8} {:>10} {:>12} {:>12} {:>12}",
        "a value", "alerts", "the number", "all counted", "first rows", "all rows"
    );
    for (name, what, pivot_of) in values {
        let store = &console.app.store;
        let high = |mut times: Vec<Duration>| percentile(&mut times, 95);
        let times = |work: &dyn Fn()| (0..ROUNDS).map(|_| timed(work).1).collect();
        let number = high(times(&|| {
            black_box(store.posting(what).map(|pivot| store.postings(pivot).len()));
        }));
        let counted = high(times(&|| {
            black_box(count(store, *pivot_of));
        }));
        let alerts = store.postings(*pivot_of).len();
        let (first, all): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| pivot(console, what)).unzip();
        let [number, counted, first, all] = [number, counted, high(first), high(all)].map(of_frame);
        println!("{name:<12} {alerts:>8} {number:>10} {counted:>12} {first:>12} {all:>12}");
    }
}

/// Prints what the index costs: taking in alerts with it and without, by turns, and its size.
fn report_index(alerts: &[RawAlert]) {
    let (mut plain, mut indexed) = (
        (Store::with_postings(&alertdeck_query::FieldPostings), Duration::ZERO),
        (Store::with_postings(&alertdeck_query::FieldPostings), Duration::ZERO),
    );
    for some in alerts.chunks(BATCH) {
        let (without, with) = (Batch::plain(some), Batch::decode(some, &alertdeck_query::FieldPostings));
        plain.1 += timed(|| plain.0.absorb(without)).1;
        indexed.1 += timed(|| indexed.0.absorb(with)).1;
    }
    let (store, plain, indexed) = (indexed.0, plain.1, indexed.1);
    let ratio = indexed.as_secs_f64() / plain.as_secs_f64();
    println!("absorbing: {plain:.0?} without the index, {indexed:.0?} with it: {ratio:.2} times");
    let (size, count) = (store.index_size(), store.len());
    println!("the index: {:.0} MB, {} bytes an alert", size as f64 / 1e6, size / count);
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
