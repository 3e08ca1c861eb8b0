//! Measures drawing the whole screen.
//!
//! The key figure is the time relative to that of a plain ratatui table of the same size in the
//! same run. This ratio does not depend on the machine. The screen shows more than the table:
//! header, filter, histogram, highlighted matches and the evidence next to the list. The cursor is
//! on the alert with the largest evidence tree, and the filter matches a frequent letter.

mod tenant;

use std::time::{Duration, Instant};

use alertdeck::app::Message;
use criterion::Criterion;
use ratatui::{
    Terminal,
    backend::TestBackend,
    layout::Constraint,
    style::{Color, Style},
    widgets::{Cell, Row, Table, TableState},
};
use tenant::{Console, percentile};

const SIZES: [(u16, u16); 3] = [(200, 50), (120, 35), (80, 24)];
const ROUNDS: usize = 300;
const FILTER: &str = "status:open a";

/// A table with fixed text, one row per line, with the colours of a list and a cursor.
struct PlainTable {
    screen: Terminal<TestBackend>,
    rows: Vec<[String; 5]>,
    cursor: TableState,
}

impl PlainTable {
    fn new((width, height): (u16, u16)) -> Self {
        let row = |number| {
            let cells = ["high", "new", "2h", "Suspicious execution of hidden file", "srv-db"];
            cells.map(|cell| format!("{cell} {number}"))
        };
        let screen = Terminal::new(TestBackend::new(width, height)).expect("a buffer cannot fail");
        let cursor = TableState::new().with_selected(usize::from(height / 2));
        Self { screen, rows: (0..height).map(row).collect(), cursor }
    }

    fn draw(&mut self) {
        let widths = [8, 8, 8, 40, 16].map(Constraint::Fill);
        let (bad, dim) = (Style::new().fg(Color::Red), Style::new().fg(Color::DarkGray));
        let styles = [bad, Style::new(), dim, Style::new(), Style::new()];
        let rows = self.rows.iter().map(|cells| {
            Row::new(cells.iter().zip(styles).map(|(cell, style)| Cell::new(cell.as_str()).style(style)))
        });
        let table = Table::new(rows, widths).row_highlight_style(Style::new().bg(Color::Blue));
        let cursor = &mut self.cursor;
        self.screen
            .draw(|frame| frame.render_stateful_widget(table, frame.area(), cursor))
            .expect("a buffer cannot fail");
    }
}

/// Opens a console with the filter applied and the cursor on the alert with the most evidence.
fn console(alerts: &[alertdeck_model::RawAlert], size: (u16, u16)) -> Console {
    let mut console = Console::open(alerts, size);
    console.press("/");
    for key in FILTER.chars() {
        let name = if key == ' ' { "Space".to_owned() } else { key.to_string() };
        let effects = console.press(&name);
        console.run(effects);
    }
    let effects = console.press("Enter");
    console.run(effects);
    let app = &console.app;
    let items = |row| app.store.stored(row).size();
    let rows = app.view.from(0).enumerate();
    let largest = rows.max_by_key(|(_, row)| items(*row)).map_or(0, |(at, _)| at);
    for _ in 0..largest {
        let effects = console.press("j");
        console.run(effects);
    }
    console.send_and_run(Message::Tick);
    let lines = console.app.current_detail().map_or(0, |detail| detail.lines().len());
    let pane = console.app.layout().detail.map_or(0, |area| usize::from(area.height));
    assert!(lines >= pane, "the evidence fills the pane: {lines} lines of {pane}");
    console
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
        let (mut console, mut plain) = (console(&alerts, size), PlainTable::new(size));
        let name = format!("draw {}x{}", size.0, size.1);
        let mut group = criterion.benchmark_group(&name);
        group.bench_function("plain table", |bencher| bencher.iter(|| plain.draw()));
        group.bench_function("screen", |bencher| bencher.iter(|| console.draw()));
        group.finish();
        let (table, screen) = (median(|| plain.draw()), median(|| console.draw()));
        let ratio = screen.as_secs_f64() / table.as_secs_f64();
        lines.push(format!("{name}: {screen:.1?}, {ratio:.2} times a plain table ({table:.1?})"));
    }
    criterion.final_summary();
    println!("\n{}", lines.join("\n"));
}
