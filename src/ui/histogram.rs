//! The histogram: a line of bars for each severity.

use super::paint::Painter;
use crate::app::{App, Area, thousands, utc};

const NAMES: [&str; 4] = ["high", "med", "low", "info"];
/// The number of columns before the bars, for the name and the count.
pub(super) const LABEL: u16 = 19;
/// The width of a count, such as `1,000,000`.
const COUNT: u16 = 9;

pub(super) fn draw(app: &App, painter: &mut Painter<'_>, area: Area) {
    let theme = painter.theme;
    let histogram = &app.counts.histogram;
    let most = histogram.counts.iter().flatten().copied().max().unwrap_or(0);
    let lines = NAMES.iter().zip(&histogram.counts).zip(histogram.totals).enumerate();
    let lines = lines.filter(|(_, (_, total))| *total > 0);
    for (y, (at, ((name, counts), total))) in (area.y..area.y + area.height).zip(lines) {
        let style = theme.severity_at(at);
        let symbol = theme.symbols.severity[at];
        painter.put(area.x + 2, y, 6, &format!("{symbol} {name}"), style);
        painter.put_right(area.x + LABEL - 1, y, COUNT, &thousands(total as usize), theme.dim);
        for (bucket, count) in counts.iter().enumerate() {
            // Use one square-root scale for all severities, so that single alerts remain visible
            // next to a burst.
            let share = if most == 0 { 0.0 } else { (f64::from(*count) / f64::from(most)).sqrt() };
            let height = if *count == 0 { 0 } else { ((share * 8.0).round() as usize).clamp(1, 8) };
            let x = area.x + LABEL + bucket as u16;
            if x < area.x + area.width {
                painter.fill(x, y, 1, theme.symbols.bars[height], style);
            }
        }
    }
    let Some((first, last)) = histogram.range else { return };
    // Show the time range next to the bars if there is room.
    let x = area.x + LABEL + histogram.counts[0].len() as u16 + 2;
    let width = (area.x + area.width).saturating_sub(x);
    let [first, last] = [first, last].map(|at| utc(at)[..16].to_owned());
    if width >= 20 && area.height >= 2 {
        painter.put(x, area.y, width, &format!("from {first}"), theme.dim);
        painter.put(x, area.y + 1, width, &format!("to   {last}"), theme.dim);
    } else if width >= 41 && area.height == 1 {
        painter.put(x, area.y, width, &format!("from {first} to {last}"), theme.dim);
    }
}
