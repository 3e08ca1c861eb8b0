//! Measures a pivot with 100,000 loaded alerts.
//!
//! The key figure is a pivot's time relative to a frame of 16 ms. The user waits for the first rows
//! of a pivot: handling the key, one slice of work, and drawing. Devices and classifications are
//! counted later, in slices, because counting takes time proportional to the number of rows.

mod tenant;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use alertdeck::app::{Effect, Menu, MenuAction, MenuItem, Message};
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_store::{Store, Tally};
use criterion::Criterion;
use tenant::{Console, SLICE, percentile};

const ALERTS: usize = 100_000;
const FRAME: Duration = Duration::from_millis(16);
const ROUNDS: usize = 40;

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = work();
    (result, began.elapsed())
}

/// Returns three values from the evidence: one in a single alert, one in about 1,000 alerts, and
/// the most frequent one.
fn values(console: &Console) -> [(&'static str, Indicator); 3] {
    let store = &console.app.store;
    let mut values = Vec::new();
    for row in store.rows().iter().step_by(97) {
        for (_, value) in store.terms(row) {
            let value = store.dictionary().safe(value);
            for (kind, _) in IndicatorKind::ALL {
                let indicator = Indicator { kind, value: value.clone() };
                values.push((store.rows_with(&indicator).len(), indicator));
            }
        }
    }
    values.retain(|(count, _)| *count > 0);
    values.sort_by_key(|(count, ..)| *count);
    let near = |count: usize| {
        let at = values.partition_point(|(alerts, ..)| *alerts < count).min(values.len() - 1);
        values[at].1.clone()
    };
    [("rare", 1), ("common", 1_000), ("most common", usize::MAX)].map(|(name, count)| (name, near(count)))
}

/// Counts the devices and classifications for a value.
fn count(store: &Store, indicator: &Indicator) -> Tally {
    let (rows, mut tally) = (store.rows_with(indicator), Tally::default());
    while tally.has_work(store, &rows) {
        tally.advance(store, &rows, &mut { SLICE });
    }
    tally
}

/// Pivots through the menu to the alerts that contain a value and goes back. Returns the time until
/// the first rows are drawn and the time until all rows are found and everything is counted.
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

fn bench(criterion: &mut Criterion, console: &Console, values: &[(&str, Indicator)]) {
    let mut group = criterion.benchmark_group("prevalence of a value");
    group.sample_size(10);
    for (name, indicator) in values {
        let store = &console.app.store;
        group.bench_function(format!("{name}: number of alerts"), |bencher| {
            bencher.iter(|| black_box(store.rows_with(black_box(indicator)).len()));
        });
        group.bench_function(format!("{name}: all counts"), |bencher| {
            bencher.iter(|| black_box(count(store, indicator)));
        });
    }
    group.finish();
}

/// Prints the cost of pivots as a percentage of a frame.
fn report(console: &mut Console, values: &[(&str, Indicator)]) {
    let of_frame = |time: Duration| format!("{:.1} %", 100.0 * time.as_secs_f64() / FRAME.as_secs_f64());
    println!("\n{ALERTS} alerts, 200x50 cells; percent of a frame of {FRAME:?}, 95th percentile of {ROUNDS}");
    println!(
        "{:<12} {:>8} {:>10} {:>12} {:>12} {:>12}",
        "value", "alerts", "count", "all counts", "first rows", "all rows"
    );
    for (name, indicator) in values {
        let store = &console.app.store;
        let high = |mut times: Vec<Duration>| percentile(&mut times, 95);
        let times = |work: &dyn Fn()| (0..ROUNDS).map(|_| timed(work).1).collect();
        let number = high(times(&|| {
            black_box(store.rows_with(indicator).len());
        }));
        let counted = high(times(&|| {
            black_box(count(store, indicator));
        }));
        let alerts = store.rows_with(indicator).len();
        let (first, all): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| pivot(console, indicator)).unzip();
        let [number, counted, first, all] = [number, counted, high(first), high(all)].map(of_frame);
        println!("{name:<12} {alerts:>8} {number:>10} {counted:>12} {first:>12} {all:>12}");
    }
}

fn main() {
    let alerts = tenant::alerts(ALERTS);
    let mut console = Console::open(&alerts, (200, 50));
    let values = values(&console);
    let mut criterion = Criterion::default().configure_from_args();
    bench(&mut criterion, &console, &values);
    criterion.final_summary();
    report(&mut console, &values);
}
