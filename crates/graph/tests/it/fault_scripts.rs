//! Complete loads from tenants that misbehave, each in a way determined by its seed.
//!
//! Whatever a tenant does, the load ends, and either every alert has arrived or the coverage says
//! why not. There are 200 tenants by default; `ALERTDECK_FAULT_RUNS` sets another number, and
//! `ALERTDECK_FAULT_SEED` the first seed. With `--nocapture`, the test prints how often each outcome
//! occurred.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod run;

use std::{collections::BTreeMap, mem::discriminant, sync::Arc, time::Instant};

use alertdeck_simulator::Faults;
use tokio::{sync::Semaphore, task::JoinSet};

use run::{End, Run, Way, play};

/// How many tenants run at once. A part of a run is spent waiting.
const AT_ONCE: usize = 12;

/// Returns the fault profile for a seed. Most are flaky; one in seven has a fault that no retry can
/// fix.
fn faults(seed: u64) -> Faults {
    match seed % 14 {
        0 | 7 => Faults::Hostile,
        3 => Faults::Throttled,
        10 => Faults::Offline,
        _ => Faults::Flaky,
    }
}

/// Returns how to load the tenant of a seed. One in five is read as one chain.
fn way(seed: u64) -> Way {
    if seed % 5 == 4 { Way::Chain } else { Way::Windows }
}

#[test]
fn every_load_is_complete_or_explains_why_not() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let runs = number("ALERTDECK_FAULT_RUNS").unwrap_or(200);
    let seeds = number("ALERTDECK_FAULT_SEED").unwrap_or(0)..;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let began = Instant::now();
    let ended = runtime.block_on(play_all(seeds.take(runs as usize)));
    let took = began.elapsed();

    let mut outcomes = BTreeMap::<String, u32>::new();
    let mut faults = Vec::new();
    for run in &ended {
        let outcome = match &run.end {
            End::Whole => "whole".to_owned(),
            End::Incomplete(kind, _) => format!("incomplete: {kind:?}"),
            End::Hung => "hung".to_owned(),
        };
        *outcomes.entry(format!("{:<10}{outcome}", run.faults.to_string())).or_default() += 1;
        faults.extend(run.objections().into_iter().map(|what| format!("seed {}: {what}", run.seed)));
    }
    let requests: usize = ended.iter().map(|run| run.requests).sum();
    let in_windows = ended.iter().filter(|run| run.windows > 0).count();
    println!("{runs} loads, {in_windows} in windows, {requests} requests, {:.1} s", took.as_secs_f64());
    for (outcome, count) in &outcomes {
        println!("{count:>6}  {outcome}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(ended.len() as u64, runs);

    // The test is meaningful only if both outcomes occur.
    let count = |words: &str| -> u32 {
        outcomes.iter().filter(|(name, _)| name.contains(words)).map(|(_, count)| count).sum()
    };
    if runs >= 100 {
        let whole = f64::from(count("whole")) / runs as f64;
        assert!((0.3..0.97).contains(&whole), "{outcomes:#?}");
        assert!(in_windows as u64 * 2 > runs, "{in_windows} of {runs} in windows");
        for kind in [
            "hostile   incomplete: ForeignLink",
            "hostile   incomplete: Loop",
            "hostile   incomplete: Protocol",
            "hostile   incomplete: TooLarge",
        ] {
            assert!(count(kind) > 0, "no {kind}: {outcomes:#?}");
        }
    }
}

async fn play_all(seeds: impl Iterator<Item = u64>) -> Vec<Run> {
    let (slots, mut tasks) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for seed in seeds {
        let slots = Arc::clone(&slots);
        tasks.spawn(async move {
            let _slot = slots.acquire_owned().await.unwrap();
            play(seed, faults(seed), way(seed)).await
        });
    }
    let mut ended = Vec::new();
    while let Some(run) = tasks.join_next().await {
        ended.push(run.unwrap());
    }
    ended
}

/// The seed alone decides what a tenant does, so a failed load of one chain can be reproduced. What
/// several streams ask for also depends on which of them is answered first.
#[tokio::test]
async fn a_seed_gives_the_same_run_again() {
    for seed in [1, 2, 4] {
        let first = play(seed, faults(seed), Way::Chain).await;
        let second = play(seed, faults(seed), Way::Chain).await;
        assert_eq!(first.requests, second.requests, "seed {seed}");
        assert_eq!(discriminant(&first.end), discriminant(&second.end), "seed {seed}");
    }
}
