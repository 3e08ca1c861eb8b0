//! Measures building the evidence tree and reading an alert in the console.
//!
//! The key figure for the tree is the time per item: if it is much higher for an alert with 5,000
//! items than for ordinary alerts, some step is quadratic. For the console, the bench prints the
//! time from each key to the drawn screen, to be compared with a frame of 16 ms.

#![expect(clippy::expect_used, reason = "a bench whose set-up fails has nothing to measure")]

mod tenant;

use std::{hint::black_box, time::Instant};

use alertdeck_evidence::Tree;
use alertdeck_model::{Alert, RawAlert, defang};
use criterion::{Criterion, Throughput};
use serde_json::{Value, json};
use tenant::Console;

const ITEMS: usize = 5_000;

/// Returns an alert with 50 devices, each with a tree of processes.
fn large() -> RawAlert {
    let kind = |name: &str| format!("#microsoft.graph.security.{name}Evidence");
    let evidence: Vec<Value> = (0..ITEMS / 100)
        .flat_map(|device| {
            let device_id = format!("{device:040x}");
            let host = json!({"@odata.type": kind("device"), "mdeDeviceId": device_id,
                "deviceDnsName": format!("srv-{device:03}.contoso.example")});
            let processes = (1..100).map(move |number: usize| {
                json!({"@odata.type": kind("process"), "mdeDeviceId": device_id,
                    "processId": 1_000 + number, "parentProcessId": 1_000 + number / 3,
                    "processCommandLine": format!("worker.exe --number {number}"),
                    "processCreationDateTime": format!("2026-11-20T11:{:02}:{:02}Z", number / 60, number % 60),
                    "imageFile": {"fileName": "worker.exe", "sha256": format!("{:064x}", number % 7)}})
            });
            std::iter::once(host).chain(processes)
        })
        .collect();
    let alert = json!({"id": "large", "title": "large", "createdDateTime": "2026-11-20T11:30:00Z",
        "description": "A large alert.", "evidence": evidence});
    RawAlert(alert.to_string().into())
}

/// Returns an alert with one process whose command line is 1 MB long.
fn long() -> RawAlert {
    let kind = "#microsoft.graph.security.processEvidence";
    let line = format!("powershell.exe -enc {} -End", "QWxlcnREZWNr".repeat((1 << 20) / 12));
    let alert = json!({"id": "long", "title": "long", "createdDateTime": "2026-11-20T11:30:00Z",
        "description": line, "evidence": [{"@odata.type": kind, "processId": 1,
        "imageFile": {"fileName": "powershell.exe"}, "processCommandLine": line}]});
    RawAlert(alert.to_string().into())
}

/// Presses keys in an alert and prints the time from each key until the screen is drawn.
fn read(what: &str, alert: RawAlert, steps: &[(&str, &str)]) {
    let mut console = Console::open(&[alert], (200, 50));
    console.press("Enter");
    for (step, key) in steps {
        let began = Instant::now();
        console.press(key);
        let pressed = began.elapsed();
        console.draw();
        println!("alert {what}, {step}: {pressed:.1?}, drawn after {:.1?}", began.elapsed());
    }
}

fn read_large() {
    // The console does this when it starts.
    defang::prepare();
    let steps = [
        ("expand all", "+"),
        ("down", "j"),
        ("to the end", "G"),
        ("to the top", "g"),
        ("collapse one", "h"),
        ("expand one", "l"),
        ("next suspicious", "]"),
        ("find: open", "/"),
        ("find: a letter", "w"),
        ("find: another", "9"),
        ("find: next", "↓"),
        ("find: accept", "Enter"),
        ("find: previous", "N"),
        ("collapse all", "-"),
        ("timeline", "t"),
        ("back", "t"),
        ("JSON with active search", "v"),
        ("JSON: next", "n"),
        ("JSON: end search", "Esc"),
        ("JSON: find: open", "/"),
        ("JSON: find: a letter", "e"),
        ("JSON: find: another", "v"),
        ("JSON: find: next", "↓"),
        ("JSON: find: cancel", "Esc"),
        ("back", "v"),
        ("copy menu", "y"),
    ];
    read(&format!("with {ITEMS} items"), large(), &steps);
    let steps = [
        ("down", "j"),
        ("down", "j"),
        ("properties", "Enter"),
        ("back", "Esc"),
        ("find: open", "/"),
        ("find: a letter", "-"),
        ("find: another, at the end", "E"),
        ("find: another, at the end", "n"),
        ("find: another, at the end", "d"),
        ("find: next", "↓"),
        ("find: next", "↓"),
        ("find: accept", "Enter"),
        ("down", "j"),
        ("JSON with active search", "v"),
        ("JSON: next", "n"),
        ("JSON: find: open", "/"),
        ("JSON: find: a letter", "e"),
        ("JSON: find: another", "n"),
        ("JSON: find: cancel", "Esc"),
        ("timeline", "t"),
    ];
    read("with a command line of 1 MB", long(), &steps);
}

fn bench(criterion: &mut Criterion) {
    let ordinary: Vec<Alert> =
        tenant::alerts(1_000).iter().map(|raw| raw.decode().expect("an alert")).collect();
    let mut group = criterion.benchmark_group("tree");
    let items: usize = ordinary.iter().map(|alert| alert.evidence.len()).sum();
    group.throughput(Throughput::Elements(items as u64));
    group.bench_function("1,000 ordinary alerts", |bencher| {
        bencher.iter(|| {
            for alert in &ordinary {
                black_box(Tree::new(&alert.evidence));
            }
        });
    });
    let large: Alert = large().decode().expect("an alert");
    group.throughput(Throughput::Elements(large.evidence.len() as u64));
    group.bench_function("one alert with 5,000 items", |bencher| {
        bencher.iter_with_large_drop(|| Tree::new(black_box(&large.evidence)));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    bench(&mut criterion);
    criterion.final_summary();
    read_large();
}
