//! Pictures of all screens, for visual inspection; `scripts/pictures` runs this.

use std::{fmt::Write as _, fs, path::Path};

use alertdeck::ui::{Depth, Theme, ThemeKind};
use ratatui::{
    buffer::{Buffer, Cell, CellWidth as _},
    style::{Color, Modifier},
};

use super::{
    harness::Harness,
    screens::{State, tenant},
};

const SIZES: [(u16, u16); 4] = [(200, 50), (120, 35), (80, 24), (60, 15)];
/// The size of a cell in pixels.
const CELL: (u16, u16) = (9, 19);

/// The themes, with the terminal's text and background colours.
const THEMES: [(&str, ThemeKind, (&str, &str)); 3] = [
    ("dark", ThemeKind::Dark, ("#d4d7dd", "#101218")),
    ("light", ThemeKind::Light, ("#24292e", "#ffffff")),
    ("mono", ThemeKind::Mono, ("#d4d7dd", "#101218")),
];

#[test]
#[ignore = "writes pictures: scripts/pictures"]
fn draw_every_screen() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    fs::create_dir_all(&folder).unwrap();
    let alerts = tenant(60);
    for (width, height) in SIZES {
        for state in State::ALL {
            let mut console = Harness::with(state.settings(), (width, height));
            state.show(&mut console, &alerts);
            for (name, kind, terminal) in THEMES {
                let buffer = console.draw(&Theme::new(kind, Depth::True, false));
                let file = format!("{width}x{height}-{state:?}-{name}.svg").to_lowercase();
                fs::write(folder.join(file), svg(&buffer, terminal)).unwrap();
            }
        }
    }
    println!("{}", folder.display());
}

/// Draws a screen as an SVG image.
fn svg(buffer: &Buffer, (text, background): (&str, &str)) -> String {
    let (width, height) = (buffer.area.width * CELL.0, buffer.area.height * CELL.1);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' \
         font-family='DejaVu Sans Mono, monospace' font-size='15'>\n\
         <rect width='100%' height='100%' fill='{background}'/>\n"
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let cell = &buffer[(x, y)];
            let columns = cell.symbol().cell_width().max(1);
            draw(&mut svg, cell, (x * CELL.0, y * CELL.1, columns * CELL.0), (text, background));
            x += columns;
        }
    }
    svg + "</svg>\n"
}

fn draw(svg: &mut String, cell: &Cell, (x, y, width): (u16, u16, u16), (text, background): (&str, &str)) {
    let mut colours = (colour(cell.fg, text), colour(cell.bg, background));
    if cell.modifier.contains(Modifier::REVERSED) {
        colours = (colours.1, colours.0);
    }
    let (fill, back) = colours;
    if back != background {
        let _ = writeln!(svg, "<rect x='{x}' y='{y}' width='{width}' height='{}' fill='{back}'/>", CELL.1);
    }
    if cell.symbol().trim().is_empty() {
        return;
    }
    let has = |modifier| cell.modifier.contains(modifier);
    let weight = if has(Modifier::BOLD) { " font-weight='bold'" } else { "" };
    let line = if has(Modifier::UNDERLINED) { " text-decoration='underline'" } else { "" };
    let faint = if has(Modifier::DIM) { " opacity='0.6'" } else { "" };
    let symbol = cell.symbol().replace('&', "&amp;").replace('<', "&lt;");
    let base = y + CELL.1 - 5;
    let _ = writeln!(svg, "<text x='{x}' y='{base}' fill='{fill}'{weight}{line}{faint}>{symbol}</text>");
}

fn colour(colour: Color, default: &str) -> String {
    match colour {
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        Color::Reset => default.to_owned(),
        // Themes for a terminal with all colours use no other kinds of colour.
        other => panic!("{other:?} is not used by the themes"),
    }
}
