//! What drawing the whole screen costs.
//!
//! The figure to look at is the ratio to a plain ratatui table of the same size drawn in the same
//! run: the machine cancels out. The screen holds more than the table: header, filter, time line,
//! matches looked for in every text, and the evidence beside the list.

mod tenant;

use std::time::{Duration, Instant};

use alertdeck::app::Message;
use criterion::Criterion;
use ratatui::{
    Terminal,
    backend::TestBackend,
    layout::Constraint,
    widgets::{Row, Table},
};
use tenant::{Desk, percentile};

const SIZES: [(u16, u16); 2] = [(200, 50), (80, 24)];
const ROUNDS: usize = 300;

/// A table of ready texts, one row a line.
struct Plain {
    screen: Terminal<TestBackend>,
    rows: Vec<[String; 5]>,
}

impl Plain {
    fn new((width, height): (u16, u16)) -> Self {
        let row = |number| {
            let cells = ["high", "new", "2h", "Suspicious execution of hidden file", "srv-db"];
            cells.map(|cell| format!("{cell} {number}"))
        };
        let screen = Terminal::new(TestBackend::new(width, height)).expect("a buffer cannot fail");
        Self { screen, rows: (0..height).map(row).collect() }
    }

    fn draw(&mut self) {
        let widths = [8, 8, 8, 40, 16].map(Constraint::Fill);
        let rows = self.rows.iter().map(|cells| Row::new(cells.iter().map(String::as_str)));
        let table = Table::new(rows, widths);
        self.screen.draw(|frame| frame.render_widget(table, frame.area())).expect("a buffer cannot fail");
    }
}

fn median(mut draw: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            draw();
            began.elapsed()
        })
        .collect();
    percentile(&mut times, 50)
}

fn main() {
    let alerts = tenant::alerts(2_000);
    let mut criterion = Criterion::default().configure_from_args();
    let mut lines = Vec::new();
    for size in SIZES {
        let (mut desk, mut plain) = (Desk::open(&alerts, size), Plain::new(size));
        desk.press("/");
        for key in "status:open a".chars() {
            let name = if key == ' ' { "Space".to_owned() } else { key.to_string() };
            let effects = desk.press(&name);
            desk.rest(effects);
        }
        let effects = desk.press("Enter");
        desk.rest(effects);
        desk.settle(Message::Tick);
        let name = format!("draw {}x{}", size.0, size.1);
        let mut group = criterion.benchmark_group(&name);
        group.bench_function("plain table", |bencher| bencher.iter(|| plain.draw()));
        group.bench_function("the screen", |bencher| bencher.iter(|| desk.draw()));
        group.finish();
        let (table, screen) = (median(|| plain.draw()), median(|| desk.draw()));
        let ratio = screen.as_secs_f64() / table.as_secs_f64();
        lines.push(format!("{name}: {screen:.1?}, {ratio:.1} times a plain table ({table:.1?})"));
    }
    criterion.final_summary();
    println!("\n{}", lines.join("\n"));
}
