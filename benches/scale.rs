//! Measures a large tenant: loading, memory, and how long a key keeps the event loop busy.
//!
//! Run with `cargo bench --bench scale -- FILE`, where the file contains one alert per line.
//! Without a file, the alerts come from a simulated tenant. The cost of a key is the total time for
//! all messages that it causes, until the list's count is final. "Longest" is the longest single
//! message, which is how long the next key may have to wait.

#![expect(clippy::expect_used, reason = "a bench whose set-up fails has nothing to measure")]

mod tenant;

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    sync::mpsc::sync_channel,
    time::{Duration, Instant},
};

use alertdeck::app::{Effect, JobEvent, LoadEvent, Message};
use alertdeck_model::RawAlert;
use alertdeck_store::Batch;
use tenant::{BATCH, Console, SLICE};

const ALERTS: usize = 20_000;
const WORKERS: usize = 2;

/// Sends batches of lines to workers and passes the decoded batches to `each`.
fn decode(path: Option<String>, mut each: impl FnMut(Batch)) {
    let (lines, work) = sync_channel::<Vec<RawAlert>>(2 * WORKERS);
    let work = std::sync::Arc::new(std::sync::Mutex::new(work));
    let (done, batches) = sync_channel(2 * WORKERS);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let send = |alerts: Vec<RawAlert>| lines.send(alerts).is_ok();
            let Some(path) = path else {
                tenant::alerts(ALERTS).chunks(BATCH).for_each(|chunk| {
                    send(chunk.to_vec());
                });
                return;
            };
            let mut batch = Vec::with_capacity(BATCH);
            let file = BufReader::new(File::open(path).expect("the file can be read"));
            for line in file.split(b'\n') {
                batch.push(RawAlert(line.expect("the file can be read").into()));
                if batch.len() == BATCH {
                    send(std::mem::take(&mut batch));
                }
            }
            send(batch);
        });
        for _ in 0..WORKERS {
            let (work, done) = (work.clone(), done.clone());
            scope.spawn(move || {
                loop {
                    let next = work.lock().map(|work| work.recv());
                    let Ok(Ok(alerts)) = next else { return };
                    if done.send(Batch::decode(&alerts)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        batches.iter().for_each(&mut each);
    });
}

/// Returns the current and peak resident memory in bytes; 0 where the system does not provide it.
fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
        number.unwrap_or_default() * 1_024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Returns the processor time that the process has used so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or_default();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// Handles a message and everything that follows from it. Returns the total time and the longest
/// single step.
fn run(console: &mut Console, message: Message) -> (Duration, Duration) {
    let (mut queue, mut total, mut longest) = (vec![message], Duration::ZERO, Duration::ZERO);
    let mut slice = SLICE;
    while let Some(message) = queue.pop() {
        let is_work = matches!(message, Message::Work(_));
        let began = Instant::now();
        let effects = console.send(message);
        let took = began.elapsed();
        (total, longest) = (total + took, longest.max(took));
        if is_work {
            // The event loop does the same.
            let fitting = (slice as f64 * 0.003 / took.as_secs_f64().max(1e-5)) as usize;
            slice = usize::midpoint(slice, fitting).clamp(64, 500_000);
        }
        queue.extend(
            effects.into_iter().filter(|effect| *effect == Effect::More).map(|_| Message::Work(slice)),
        );
    }
    (total, longest)
}

fn type_text(console: &mut Console, text: &str) -> (Duration, Duration) {
    let mut last = Default::default();
    for c in text.chars() {
        let name = if c == ' ' { "Space".to_owned() } else { c.to_string() };
        last = run(console, key(&name));
    }
    last
}

fn key(name: &str) -> Message {
    Message::Input(alertdeck::app::Input::Key(name.parse().expect("the name of a key")))
}

fn main() {
    let path = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let mut console = Console::open(&[], (200, 50));
    let job = console.job;
    let load = |event| Message::Job(job, JobEvent::Fetch(event));
    let (began, cpu_before) = (Instant::now(), cpu());
    let (mut absorbing, mut longest, mut first) = (Duration::ZERO, Duration::ZERO, None);
    decode(path, |batch| {
        let (total, most) = run(&mut console, load(LoadEvent::Batch(batch)));
        console.draw();
        first.get_or_insert_with(|| began.elapsed());
        (absorbing, longest) = (absorbing + total, longest.max(most));
    });
    let (took, used) = (began.elapsed(), cpu().saturating_sub(cpu_before));
    let count = console.app.store.len();
    let per = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    println!("{count} alerts on {WORKERS} workers: first rows {first:.0?}, all {took:.1?}");
    println!("{:.0} µs of CPU an alert, {:.1} µs of the event loop", per(used), per(absorbing));
    println!("longest step while loading: {longest:.1?}");
    let (now, most) = memory();
    let parts = console.app.store.sizes().map(|(name, size)| format!("{name} {}", size / count));
    println!("memory: {} bytes an alert, {} at most; {}", now / count, most / count, parts.join(", "));
    println!("{:<22} {:>10} {:>10}", "", "in all", "longest");
    let line = |name: &str, (total, longest): (Duration, Duration)| {
        println!("{name:<22} {total:>10.1?} {longest:>10.1?}");
    };
    for (name, before, last) in [
        ("enumeration", "severity:hig", "h"),
        ("title word", "title:suspiciou", "s"),
        ("bare word", "powershel", "l"),
        ("short bare word", "p", "o"),
        ("negated bare word", "-powershel", "l"),
        ("regular expression", "cmdline~who.m", "i"),
    ] {
        run(&mut console, key("/"));
        run(&mut console, key("Ctrl-u"));
        type_text(&mut console, before);
        line(name, type_text(&mut console, last));
        run(&mut console, key("Esc"));
    }
    for (name, letter) in [("sort by title", "t"), ("sort by update", "u"), ("sort by creation", "c")] {
        run(&mut console, key("s"));
        line(name, run(&mut console, key(letter)));
    }
    run(&mut console, key("p"));
    line("pivot on the device", run(&mut console, key("d")));
    line("mark all", run(&mut console, key("*")));
    let began = Instant::now();
    console.draw();
    println!("drawing {:.1?}", began.elapsed());
}
