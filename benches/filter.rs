//! Measures a keystroke in the filter bar with 20,000 loaded alerts.
//!
//! The key figure is the 95th percentile over all keystrokes of a filter typed character by
//! character, compared with a frame of 16 ms. "First hits" is the time that the user waits:
//! handling the key, one slice of filtering, and drawing. "All hits" adds the rest of the
//! filtering, which the next key would interrupt. Criterion's figures are for a complete filter and
//! show the cost of planning compared with filtering all rows.

mod tenant;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use alertdeck::app::{Effect, Message};
use alertdeck_query::compile;
use criterion::{Criterion, Throughput};
use tenant::{Console, SLICE, percentile};

const FILTER: &str = "status:open severity>=medium powershell device:srv-";
const ALERTS: usize = 20_000;
const FRAME: Duration = Duration::from_millis(16);

/// The time taken by each part of a keystroke.
#[derive(Default)]
struct Keystroke {
    key: Duration,
    slice: Duration,
    draw: Duration,
    rest: Duration,
    redraw: Duration,
}

impl Keystroke {
    fn first_hits(&self) -> Duration {
        self.key + self.slice + self.draw
    }

    fn all_hits(&self) -> Duration {
        self.first_hits() + self.rest + self.redraw
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = work();
    (result, began.elapsed())
}

fn empty_bar(console: &mut Console) {
    console.press("/");
    let effects = console.press("Ctrl-u");
    console.run(effects);
    console.draw();
}

fn press(console: &mut Console, c: char) -> Keystroke {
    let name = if c == ' ' { "Space".to_owned() } else { c.to_string() };
    let (mut effects, key) = timed(|| console.press(&name));
    let more = effects.iter().position(|effect| *effect == Effect::More);
    let mut stroke = Keystroke { key, ..Keystroke::default() };
    if let Some(more) = more {
        effects.remove(more);
        let (left, slice) = timed(|| console.send(Message::Work(SLICE)));
        effects.extend(left);
        stroke.slice = slice;
    }
    stroke.draw = timed(|| console.draw()).1;
    stroke.rest = console.run(effects);
    stroke.redraw = timed(|| console.draw()).1;
    stroke
}

fn type_filter(console: &mut Console) -> Vec<Keystroke> {
    empty_bar(console);
    FILTER.chars().map(|c| press(console, c)).collect()
}

fn bench(criterion: &mut Criterion, console: &mut Console) {
    let mut group = criterion.benchmark_group("filter typed letter by letter");
    group.throughput(Throughput::Elements(FILTER.len() as u64)).sample_size(20);
    let context = console.app.query_context();
    group.bench_function("planning", |bencher| {
        bencher.iter(|| {
            for end in 1..=FILTER.len() {
                let _ = black_box(compile(&FILTER[..end], &context));
            }
        });
    });
    for (name, time) in [
        ("first hits", Keystroke::first_hits as fn(&Keystroke) -> Duration),
        ("all hits", Keystroke::all_hits),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                (0..times).flat_map(|_| type_filter(console)).map(|stroke| time(&stroke)).sum()
            });
        });
    }
    group.finish();
}

/// Prints the percentiles of single keystrokes.
fn report(console: &mut Console) {
    let strokes: Vec<_> = (0..20).flat_map(|_| type_filter(console)).collect();
    println!("\n{} keystrokes, {ALERTS} alerts, 200x50 cells; a frame is {FRAME:?}", strokes.len());
    println!("{:<12} {:>10} {:>10} {:>10}", "", "median", "95 %", "max");
    let line = |name: &str, of: &dyn Fn(&Keystroke) -> Duration| {
        let mut times: Vec<_> = strokes.iter().map(of).collect();
        let [median, high, max] = [50, 95, 100].map(|percent| percentile(&mut times, percent));
        println!("{name:<12} {median:>10.1?} {high:>10.1?} {max:>10.1?}");
        high
    };
    let first = line("first hits", &Keystroke::first_hits);
    line("  key", &|stroke| stroke.key);
    line("  slice", &|stroke| stroke.slice);
    line("  drawing", &|stroke| stroke.draw);
    let all = line("all hits", &Keystroke::all_hits);
    line("  rest", &|stroke| stroke.rest);
    line("  drawing", &|stroke| stroke.redraw);
    let of_frame = |time: Duration| 100.0 * time.as_secs_f64() / FRAME.as_secs_f64();
    println!("95 % of keystrokes: {:.0} % of a frame, {:.0} % with all hits", of_frame(first), of_frame(all));
}

fn main() {
    let mut console = Console::open(&tenant::alerts(ALERTS), (200, 50));
    let mut criterion = Criterion::default().configure_from_args();
    bench(&mut criterion, &mut console);
    criterion.final_summary();
    report(&mut console);
}
