//! Measures a large tenant: loading, memory, and how long a key keeps the event loop busy.
//!
//! Run with `cargo bench --bench scale -- FILE COPIES`, where the file contains one alert per line and is
//! read so many times, each time with other ids, hashes and fractions of seconds. Without a file, the
//! alerts come from a simulated tenant. "Frame" is the time from a key to a frame that shows it, "hits" that
//! to the first frame with a screenful of rows that match or all of them, and "longest" the longest single message, which is how
//! long the next key may have to wait. The filters are typed character by character, as users do.

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
use alertdeck_store::{Batch, Count};
use tenant::{BATCH, Console, SLICE, percentile};

const ALERTS: usize = 20_000;
const WORKERS: usize = 2;

/// Reads a file in batches of lines, so many times. Without a file, the alerts are those of a tenant.
fn batches(path: Option<&str>, copies: u64, mut each: impl FnMut(Vec<RawAlert>, u64)) {
    let Some(path) = path else {
        let alerts = tenant::alerts(ALERTS);
        return (0..copies)
            .for_each(|copy| alerts.chunks(BATCH).for_each(|batch| each(batch.to_vec(), copy)));
    };
    for copy in 0..copies {
        let file = BufReader::new(File::open(path).expect("the file can be read"));
        let mut lines = file.split(b'\n').map(|line| RawAlert(line.expect("the file can be read").into()));
        loop {
            let batch: Vec<_> = lines.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            each(batch, copy);
        }
    }
}

/// Gives an alert another id, other hashes and other fractions of seconds, of the same form.
fn vary(alert: &[u8], copy: u64) -> Vec<u8> {
    let mut varied = alert.to_vec();
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let mut at = 0;
    while copy > 0 && at < varied.len() {
        let len = varied[at..].iter().take_while(|byte| is_digit(byte)).count();
        let run = &mut varied[at..at + len];
        let is_decimal = run.iter().all(u8::is_ascii_digit);
        let is_fraction = len == 7 && is_decimal && at > 0 && alert[at - 1] == b'.';
        if len >= 8 || is_fraction {
            for (place, byte) in run.iter_mut().enumerate() {
                let add =
                    (copy.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(place as u32 * 7) >> 40) as u8;
                let digits: &[u8] = if is_decimal { b"0123456789" } else { b"0123456789abcdef" };
                let digit = digits.iter().position(|digit| digit == byte).unwrap_or_default();
                // A number in JSON must not begin with a zero.
                if place > 0 || !is_decimal {
                    *byte = digits[(digit + usize::from(add)) % digits.len()];
                }
            }
        }
        at += len.max(1);
    }
    varied
}

/// Sends batches to workers and passes the decoded batches to `each`.
fn decode(path: Option<&str>, copies: u64, mut each: impl FnMut(Batch)) {
    let (lines, work) = sync_channel::<(Vec<RawAlert>, u64)>(2 * WORKERS);
    let work = std::sync::Arc::new(std::sync::Mutex::new(work));
    let (done, decoded) = sync_channel(2 * WORKERS);
    std::thread::scope(|scope| {
        // If a receiver is gone, a worker has panicked, which is reported at the end.
        scope.spawn(move || batches(path, copies, |batch, copy| drop(lines.send((batch, copy)))));
        for _ in 0..WORKERS {
            let (work, done) = (work.clone(), done.clone());
            scope.spawn(move || {
                loop {
                    let next = work.lock().map(|work| work.recv());
                    let Ok(Ok((alerts, copy))) = next else { return };
                    let alerts: Vec<_> =
                        alerts.iter().map(|alert| RawAlert(vary(&alert.0, copy).into())).collect();
                    if done.send(Batch::decode(&alerts)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        decoded.iter().for_each(&mut each);
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

/// What a message costs, including everything that follows from it.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    frame: Duration,
    hits: Duration,
    all: Duration,
    longest: Duration,
}

/// Handles a message and everything that follows from it.
fn run(console: &mut Console, message: Message) -> Cost {
    let (began, mut cost) = (Instant::now(), Cost::default());
    let mut slice = SLICE;
    let mut next = Some(message);
    while let Some(message) = next {
        let is_work = matches!(message, Message::Work(_));
        let start = Instant::now();
        let effects = console.send(message);
        let took = start.elapsed();
        cost.longest = cost.longest.max(took);
        if is_work {
            // The event loop does the same.
            let fitting = (slice as f64 * 0.003 / took.as_secs_f64().max(1e-5)) as usize;
            slice = usize::midpoint(slice, fitting).clamp(64, 500_000);
        } else {
            console.draw();
            cost.frame = began.elapsed();
        }
        let view = &console.app.view;
        let shows_hits = !view.has_work() || matches!(view.count(), Count::AtLeast(_));
        if cost.hits.is_zero() && shows_hits {
            if is_work {
                console.draw();
            }
            cost.hits = began.elapsed();
        }
        next = effects.contains(&Effect::More).then_some(Message::Work(slice));
    }
    cost.all = began.elapsed();
    cost
}

fn key(name: &str) -> Message {
    Message::Input(alertdeck::app::Input::Key(name.parse().expect("the name of a key")))
}

/// Returns a percentile of a part of the costs.
fn percent(costs: &[Cost], rank: usize, part: impl Fn(&Cost) -> Duration) -> Duration {
    percentile(&mut costs.iter().map(part).collect::<Vec<_>>(), rank)
}

/// Loads the alerts and prints what that costs.
fn load(console: &mut Console, path: Option<&str>, copies: u64) {
    let job = console.job;
    let load = |event| Message::Job(job, JobEvent::Fetch(event));
    let (began, cpu_before) = (Instant::now(), cpu());
    let (mut absorbing, mut longest, mut first) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    decode(path, copies, |batch| {
        let cost = run(console, load(LoadEvent::Batch(batch)));
        first = if first.is_zero() { began.elapsed() } else { first };
        (absorbing, longest) = (absorbing + cost.all, longest.max(cost.longest));
    });
    run(console, load(LoadEvent::Done));
    let (took, used) = (began.elapsed(), cpu().saturating_sub(cpu_before));
    let count = console.app.store.len();
    let per = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    println!("{count} alerts on {WORKERS} workers: first rows {first:.0?}, all {took:.1?}");
    println!("{:.0} µs of CPU an alert, {:.1} µs of the event loop", per(used), per(absorbing));
    println!("longest step while loading: {longest:.1?}");
    let (now, most) = memory();
    let parts = console.app.store.sizes().map(|(name, size)| format!("{name} {}", size / count));
    println!("memory: {} bytes an alert, {} at most; {}", now / count, most / count, parts.join(", "));
}

fn print(name: &str, cost: Cost) {
    let Cost { frame, hits, all, longest } = cost;
    println!("{name:<42} {frame:>10.1?} {hits:>10.1?} {all:>10.1?} {longest:>10.1?}");
}

/// Types filters and prints what the keys cost.
fn type_filters(console: &mut Console) {
    let mut costs = Vec::new();
    for filter in [
        "severity:high",
        "status:new severity>=medium",
        "created>=2026-11-01",
        "title:suspicious",
        "device:ws-",
        "user:ana",
        "powershell",
        "-powershell",
        "p",
        "deadbeef",
        "cmdline~who.m",
    ] {
        run(console, key("/"));
        run(console, key("Ctrl-u"));
        let typed = filter.chars().map(|c| if c == ' ' { "Space".to_owned() } else { c.to_string() });
        let of: Vec<_> = typed.map(|name| run(console, key(&name))).collect();
        run(console, key("Esc"));
        let worst = Cost {
            frame: percent(&of, 100, |cost| cost.frame),
            hits: percent(&of, 100, |cost| cost.hits),
            all: percent(&of, 100, |cost| cost.all),
            longest: percent(&of, 100, |cost| cost.longest),
        };
        print(&format!("slowest key of {filter}"), worst);
        costs.extend(of);
    }
    for rank in [50, 95] {
        let cost = Cost {
            frame: percent(&costs, rank, |cost| cost.frame),
            hits: percent(&costs, rank, |cost| cost.hits),
            all: percent(&costs, rank, |cost| cost.all),
            longest: percent(&costs, rank, |cost| cost.longest),
        };
        print(&format!("{rank}th percentile of {} keys", costs.len()), cost);
    }
}

/// Prints how long a search for one word in the JSON of the file takes, as a scale for the filters.
fn search_text(path: Option<&str>) {
    let Some(path) = path else { return };
    let text = std::fs::read(path).expect("the file can be read");
    let began = Instant::now();
    let count = memchr::memmem::find_iter(&text, "powershell").count();
    let took = began.elapsed();
    println!("for scale: memmem finds \"powershell\" {count} times in {} MB in {took:.1?}", text.len() >> 20);
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let path = arguments.first().map(String::as_str);
    let copies = arguments.get(1).map_or(1, |copies| copies.parse().expect("a number of copies"));
    search_text(path);
    let mut console = Console::loading((200, 50));
    load(&mut console, path, copies);
    println!("{:<42} {:>10} {:>10} {:>10} {:>10}", "", "frame", "hits", "all", "longest");
    type_filters(&mut console);
    for letter in ["s", "p", "t", "d", "n", "e", "i", "a", "c"] {
        run(&mut console, key("s"));
        let cost = run(&mut console, key(letter));
        print(&format!("sort by {:?}", console.app.view.sort().column), cost);
    }
    println!("{} lines to group", console.app.view.len());
    for (name, letter) in [("title", "t"), ("device", "d")] {
        run(&mut console, key("b"));
        print(&format!("group by {name}"), run(&mut console, key(letter)));
        print("unfold", run(&mut console, key("l")));
        run(&mut console, key("h"));
    }
    print("next line", run(&mut console, key("j")));
    run(&mut console, key("b"));
    run(&mut console, key("0"));
    for (name, letter) in [("device", "d"), ("user", "u")] {
        run(&mut console, key("p"));
        print(&format!("pivot on the {name}"), run(&mut console, key(letter)));
        run(&mut console, key("Backspace"));
    }
    print("mark all", run(&mut console, key("*")));
    let began = Instant::now();
    console.draw();
    println!("drawing {:.1?}", began.elapsed());
}
