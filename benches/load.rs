//! Measures loading, from the bytes of a page to sorted rows.
//!
//! Decoding a page of 1,000 alerts is compared with a lower bound: parsing the same bytes with
//! serde_json. Absorbing batches is compared with decoding them; it blocks the event loop, so it
//! must be much cheaper. Keeping a view sorted is compared with sorting all rows once.

mod tenant;

use std::hint::black_box;

use alertdeck_model::{RawAlert, split_reply};
use alertdeck_store::{Batch, FeedId, Row, Sort, Store, View};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use tenant::BATCH;

const PAGE: usize = 1_000;
const ALERTS: usize = 10_000;

fn page(alerts: &[RawAlert]) -> Bytes {
    let alerts: Vec<_> = alerts.iter().map(|alert| &*alert.0).collect();
    [&br#"{"value":["#[..], &alerts.join(&b','), b"]}"].concat().into()
}

fn decode(criterion: &mut Criterion, alerts: &[RawAlert]) {
    let body = page(&alerts[..PAGE]);
    let mut group = criterion.benchmark_group("a page of 1,000 alerts");
    group.throughput(Throughput::Bytes(body.len() as u64)).sample_size(20);
    group.bench_function("serde_json alone", |bencher| {
        bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&body)));
    });
    group.bench_function("split", |bencher| bencher.iter(|| split_reply(black_box(&body).clone())));
    group.bench_function("split and decode", |bencher| {
        bencher.iter(|| split_reply(black_box(&body).clone()).map(|page| Batch::decode(&page.alerts)));
    });
    group.finish();
}

fn batches(alerts: &[RawAlert]) -> Vec<Batch> {
    alerts.chunks(BATCH).map(Batch::decode).collect()
}

fn absorb(criterion: &mut Criterion, alerts: &[RawAlert]) {
    let mut group = criterion.benchmark_group("10,000 alerts in batches of 128");
    group.throughput(Throughput::Elements(ALERTS as u64)).sample_size(10);
    group.bench_function("decode", |bencher| bencher.iter(|| batches(black_box(alerts))));
    group.bench_function("absorb", |bencher| {
        bencher.iter_batched(
            || batches(alerts),
            |batches| {
                let mut store = Store::new(&alertdeck_query::FieldPostings);
                for batch in batches {
                    store.absorb(FeedId::default(), batch);
                }
                store
            },
            BatchSize::PerIteration,
        );
    });
    let mut store = Store::new(&alertdeck_query::FieldPostings);
    let arrivals: Vec<Vec<Row>> =
        batches(alerts).into_iter().map(|batch| store.absorb(FeedId::default(), batch).touched()).collect();
    for (name, sort) in [
        ("keep newest first", Sort::default()),
        ("keep oldest first", Sort { descending: false, ..Sort::default() }),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut view = View::default();
                view.sort_by(&store, sort);
                for rows in &arrivals {
                    view.touch(&store, rows);
                }
                view
            });
        });
    }
    let mut view = View::default();
    view.touch(&store, &arrivals.concat());
    let mut descending = true;
    group.bench_function("sort once", |bencher| {
        bencher.iter(|| {
            descending = !descending;
            view.sort_by(&store, Sort { descending, ..Sort::default() });
        });
    });
    group.finish();
}

fn main() {
    let alerts = tenant::alerts(ALERTS);
    let mut criterion = Criterion::default().configure_from_args();
    decode(&mut criterion, &alerts);
    absorb(&mut criterion, &alerts);
    criterion.final_summary();
}
