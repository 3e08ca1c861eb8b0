//! Styles and symbols, named by meaning.
//!
//! There is one accent colour. The colours for severities and verdicts are used for nothing else;
//! all other text is plain or dimmed, on the terminal's own background (docs/console.md, "Themes").
//! Information is never conveyed by colour alone.

use ratatui::style::{Color, Modifier, Style};

use alertdeck_model::{Severity, Verdict};

/// A set of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeKind {
    /// For dark backgrounds.
    #[default]
    Dark,
    /// For light backgrounds.
    Light,
    /// For dark backgrounds, with high contrast.
    HighContrastDark,
    /// For light backgrounds, with high contrast.
    HighContrastLight,
    /// No colour at all.
    Mono,
}

/// The number of colours that the terminal supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// 16 million colours.
    #[default]
    True,
    /// The 256 colours of xterm.
    Xterm,
    /// The 16 basic colours, in the user's own palette.
    Basic,
}

/// The symbols used on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Symbols {
    /// The symbols for high, medium, low, informational and unknown severity.
    pub severity: [&'static str; 5],
    /// Marks an unfolded line.
    pub open: &'static str,
    /// Marks a folded line.
    pub folded: &'static str,
    /// A horizontal rule.
    pub horizontal: &'static str,
    /// A vertical rule.
    pub vertical: &'static str,
    /// Separates the parts of a line.
    pub dot: &'static str,
    /// The ellipsis for truncated text.
    pub cut: &'static str,
    /// Marks a column as sorted in ascending or descending order.
    pub sorted: [&'static str; 2],
    /// Follows the label of a text field.
    pub prompt: &'static str,
    /// The bar symbols by height, from empty to full.
    pub bars: [&'static str; 9],
    /// Points to rows above the window.
    pub above: &'static str,
    /// Marks an alert that the user has changed.
    pub done: &'static str,
}

const PLAIN: Symbols = Symbols {
    severity: ["▲", "■", "◆", "○", "?"],
    open: "▾ ",
    folded: "▸ ",
    horizontal: "─",
    vertical: "│",
    dot: "·",
    cut: "…",
    sorted: ["▲", "▼"],
    prompt: "›",
    bars: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    above: "↑",
    done: "✓",
};

const ASCII: Symbols = Symbols {
    severity: ["!", "=", "-", ".", "?"],
    open: "v ",
    folded: "> ",
    horizontal: "-",
    vertical: "|",
    dot: "-",
    cut: "~",
    sorted: ["^", "v"],
    prompt: ">",
    bars: [" ", ".", ".", ":", ":", "|", "|", "#", "#"],
    above: "^",
    done: "v",
};

impl Symbols {
    /// Replaces the Unicode signs of the list in a text with these symbols.
    pub fn replace(&self, text: &str) -> String {
        let others = [(PLAIN.cut, self.cut), (PLAIN.done, self.done), (PLAIN.dot, self.dot)];
        let severities = PLAIN.severity.into_iter().zip(self.severity);
        let symbols = severities.take(4).chain(others);
        symbols.fold(text.to_owned(), |text, (plain, symbol)| text.replace(plain, symbol))
    }
}

/// A theme: styles, named by meaning, and symbols.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Secondary text: ids, times, labels.
    pub dim: Style,
    /// Focus, keys and links.
    pub accent: Style,
    /// Headings.
    pub strong: Style,
    /// Marks that replace unsafe characters in the data.
    pub mark: Style,
    /// Text that matches the filter; added to the text's style.
    pub matched: Modifier,
    /// Text that matches the search; added to the text's style.
    pub found: Style,
    /// Errors.
    pub error: Style,
    /// The line under the cursor in the focused pane.
    pub cursor: Style,
    /// The line under the cursor in the other pane.
    pub cursor_away: Style,
    /// The inside of an overlay.
    pub overlay: Style,
    /// The symbols.
    pub symbols: Symbols,
    severity: [Style; 5],
    malicious: Style,
    suspicious: Style,
    clean: Style,
}

/// A colour at each depth: RGB, xterm, basic.
type Shade = ((u8, u8, u8), u8, Color);

/// The colours of a theme. A test holds their contrast.
struct Palette {
    /// Ordinary text; `None` for the terminal's own colour.
    text: Option<Shade>,
    dim: Shade,
    accent: Shade,
    mark: Shade,
    error: Shade,
    high: Shade,
    medium: Shade,
    low: Shade,
    clean: Shade,
    /// The backgrounds of the cursor, of the cursor in the other pane and of overlays; `None` for
    /// the terminal's own background, with the cursor reversed.
    backgrounds: Option<[Shade; 3]>,
}

const DARK: Palette = Palette {
    text: None,
    dim: ((156, 162, 173), 248, Color::DarkGray),
    accent: ((86, 182, 240), 75, Color::Cyan),
    mark: ((222, 134, 222), 176, Color::Magenta),
    error: ((255, 122, 122), 210, Color::LightRed),
    high: ((255, 118, 118), 210, Color::LightRed),
    medium: ((232, 170, 70), 215, Color::Yellow),
    low: ((110, 170, 225), 74, Color::Blue),
    clean: ((120, 190, 130), 108, Color::Green),
    backgrounds: Some([
        ((46, 54, 72), 237, Color::Black),
        ((32, 36, 46), 235, Color::Black),
        ((26, 29, 38), 234, Color::Black),
    ]),
};

const LIGHT: Palette = Palette {
    text: None,
    dim: ((90, 96, 107), 240, Color::DarkGray),
    accent: ((0, 98, 174), 25, Color::Blue),
    mark: ((150, 40, 150), 90, Color::Magenta),
    error: ((190, 16, 28), 124, Color::Red),
    high: ((190, 16, 28), 124, Color::Red),
    medium: ((146, 80, 0), 94, Color::Yellow),
    low: ((30, 95, 165), 25, Color::Blue),
    clean: ((22, 108, 50), 22, Color::Green),
    backgrounds: Some([
        ((216, 226, 240), 254, Color::Gray),
        ((236, 239, 244), 255, Color::Gray),
        ((246, 247, 250), 255, Color::White),
    ]),
};

const HIGH_CONTRAST_DARK: Palette = Palette {
    text: Some(((255, 255, 255), 231, Color::White)),
    dim: ((215, 215, 215), 252, Color::Gray),
    accent: ((120, 210, 255), 117, Color::LightCyan),
    mark: ((255, 170, 255), 219, Color::LightMagenta),
    error: ((255, 160, 160), 217, Color::LightRed),
    high: ((255, 160, 160), 217, Color::LightRed),
    medium: ((255, 205, 100), 221, Color::LightYellow),
    low: ((150, 205, 255), 153, Color::LightBlue),
    clean: ((140, 230, 150), 157, Color::LightGreen),
    backgrounds: None,
};

const HIGH_CONTRAST_LIGHT: Palette = Palette {
    text: Some(((0, 0, 0), 16, Color::Black)),
    dim: ((50, 50, 50), 236, Color::Black),
    accent: ((0, 60, 130), 18, Color::Blue),
    mark: ((110, 0, 110), 53, Color::Magenta),
    error: ((140, 0, 10), 88, Color::Red),
    high: ((140, 0, 10), 88, Color::Red),
    medium: ((100, 50, 0), 52, Color::Black),
    low: ((0, 60, 130), 18, Color::Blue),
    clean: ((0, 75, 30), 22, Color::Black),
    backgrounds: None,
};

impl Theme {
    /// Creates a theme for a terminal with this number of colours, with Unicode or ASCII symbols.
    pub fn new(kind: ThemeKind, depth: Depth, ascii: bool) -> Self {
        let symbols = if ascii { ASCII } else { PLAIN };
        let palette = match kind {
            ThemeKind::Dark => &DARK,
            ThemeKind::Light => &LIGHT,
            ThemeKind::HighContrastDark => &HIGH_CONTRAST_DARK,
            ThemeKind::HighContrastLight => &HIGH_CONTRAST_LIGHT,
            ThemeKind::Mono => return Self::mono(&symbols),
        };
        let of = |(rgb, xterm, basic): Shade| match depth {
            Depth::True => Color::Rgb(rgb.0, rgb.1, rgb.2),
            Depth::Xterm => Color::Indexed(xterm),
            Depth::Basic => basic,
        };
        let fg = |shade: Shade| Style::new().fg(of(shade));
        let bg =
            |at: usize| palette.backgrounds.map_or_else(Style::new, |shades| Style::new().bg(of(shades[at])));
        let text = palette.text.map_or_else(Style::new, fg);
        let (dim, accent) = (fg(palette.dim), fg(palette.accent));
        // The basic colours include no shade close to the terminal's own background.
        let is_reversed = depth == Depth::Basic || palette.backgrounds.is_none();
        Self {
            text,
            dim,
            accent,
            strong: text.add_modifier(Modifier::BOLD),
            mark: fg(palette.mark).add_modifier(Modifier::BOLD),
            matched: Modifier::UNDERLINED,
            found: accent.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            error: fg(palette.error),
            cursor: if is_reversed { Style::new().add_modifier(Modifier::REVERSED) } else { bg(0) },
            cursor_away: bg(1),
            overlay: bg(2),
            severity: [
                fg(palette.high).add_modifier(Modifier::BOLD),
                fg(palette.medium),
                fg(palette.low),
                dim,
                dim,
            ],
            malicious: fg(palette.high),
            suspicious: fg(palette.medium),
            clean: fg(palette.clean),
            symbols,
        }
    }

    fn mono(symbols: &Symbols) -> Self {
        let plain = Style::new();
        let (dim, strong) = (plain.add_modifier(Modifier::DIM), plain.add_modifier(Modifier::BOLD));
        Self {
            text: plain,
            dim,
            accent: strong,
            strong,
            mark: plain.add_modifier(Modifier::REVERSED),
            matched: Modifier::UNDERLINED,
            found: strong.add_modifier(Modifier::UNDERLINED),
            error: strong,
            cursor: plain.add_modifier(Modifier::REVERSED),
            cursor_away: plain,
            overlay: plain,
            severity: [strong, plain, plain, dim, dim],
            malicious: strong,
            suspicious: strong,
            clean: plain,
            symbols: *symbols,
        }
    }

    /// Returns a severity's symbol, name and style.
    pub fn severity<'a>(&self, severity: &'a Severity) -> (&'static str, &'a str, Style) {
        let (at, word) = match severity {
            Severity::High => (0, "high"),
            Severity::Medium => (1, "med"),
            Severity::Low => (2, "low"),
            Severity::Informational => (3, "info"),
            Severity::Unknown => (4, "unk"),
            Severity::Undeclared(text) => (4, text.as_str()),
        };
        (self.symbols.severity[at], word, self.severity[at])
    }

    /// Returns the style of a histogram line, from 0 for high to 3 for informational.
    pub fn severity_at(&self, at: usize) -> Style {
        self.severity[at.min(4)]
    }

    /// Returns a verdict's style.
    pub fn verdict(&self, verdict: &Verdict) -> Style {
        match verdict {
            Verdict::Malicious => self.malicious,
            Verdict::Suspicious => self.suspicious,
            Verdict::NoThreatsFound => self.clean,
            Verdict::Unknown | Verdict::Undeclared(_) => self.dim,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    type Rgb = (u8, u8, u8);

    /// Returns the relative luminance of a colour (WCAG 2.2, "relative luminance").
    fn luminance((red, green, blue): Rgb) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// Returns the contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio").
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Returns the colour of a cell, of which xterm defines those from 16 on.
    fn rgb(color: Color) -> Option<Rgb> {
        match color {
            Color::Rgb(red, green, blue) => Some((red, green, blue)),
            Color::Indexed(gray @ 232..) => Some([8 + 10 * (gray - 232); 3].into()),
            Color::Indexed(at @ 16..) => {
                let part = |nth: u8| [0, 95, 135, 175, 215, 255][usize::from(nth % 6)];
                Some((part((at - 16) / 36), part((at - 16) / 6), part(at - 16)))
            }
            _ => None,
        }
    }

    /// The default text and background colours of terminals: of xterm, the Windows and VS Code
    /// terminals, One Dark and Solarized.
    const ON_DARK: [(Rgb, Rgb); 5] = [
        ((229, 229, 229), (0, 0, 0)),
        ((204, 204, 204), (12, 12, 12)),
        ((204, 204, 204), (30, 30, 30)),
        ((220, 223, 228), (40, 44, 52)),
        ((147, 161, 161), (0, 43, 54)),
    ];
    const ON_LIGHT: [(Rgb, Rgb); 3] =
        [((0, 0, 0), (255, 255, 255)), ((56, 58, 66), (250, 250, 250)), ((88, 110, 117), (253, 246, 227))];

    #[rstest]
    #[case(ThemeKind::Dark, &ON_DARK, 4.5)]
    #[case(ThemeKind::Light, &ON_LIGHT, 4.5)]
    #[case(ThemeKind::HighContrastDark, &ON_DARK[..3], 7.0)]
    #[case(ThemeKind::HighContrastLight, &ON_LIGHT[..2], 7.0)]
    fn every_colour_can_be_read_on_every_background(
        #[case] kind: ThemeKind,
        #[case] terminals: &[(Rgb, Rgb)],
        #[case] least: f64,
        #[values(Depth::True, Depth::Xterm)] depth: Depth,
    ) {
        let theme = Theme::new(kind, depth, false);
        let styles = [
            theme.text,
            theme.dim,
            theme.accent,
            theme.strong,
            theme.mark,
            theme.found,
            theme.error,
            theme.malicious,
            theme.suspicious,
            theme.clean,
        ];
        let mut poor = Vec::new();
        for (own_text, own_background) in terminals {
            let overlays = [theme.cursor, theme.cursor_away, theme.overlay];
            let backgrounds = overlays.iter().filter_map(|style| style.bg).filter_map(rgb);
            for background in std::iter::once(*own_background).chain(backgrounds) {
                for style in styles.iter().chain(&theme.severity) {
                    let text = match style.fg {
                        Some(color) => rgb(color).expect("a colour of known lightness"),
                        // Solarized has little contrast of its own.
                        None if contrast(*own_text, *own_background) < 7.0 => continue,
                        None => *own_text,
                    };
                    let found = contrast(text, background);
                    if found < least {
                        poor.push(format!("{text:?} on {background:?}: {found:.2}"));
                    }
                }
            }
        }
        assert!(poor.is_empty(), "less than {least}: {poor:#?}");
    }

    #[test]
    fn severities_and_states_have_words_or_signs_of_their_own() {
        for ascii in [false, true] {
            let symbols = Theme::new(ThemeKind::Mono, Depth::True, ascii).symbols;
            let mut signs = symbols.severity.to_vec();
            signs.sort_unstable();
            signs.dedup();
            assert_eq!(signs.len(), symbols.severity.len());
        }
    }
}
