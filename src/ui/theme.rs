//! Styles and symbols, named by meaning.
//!
//! There is one accent colour. The colours for severities and verdicts are used for nothing else;
//! all other text is plain or dimmed, on the terminal's own background (docs/console.md, "Themes").
//! Information is never conveyed by colour alone.

use ratatui::style::{Color, Modifier, Style};

use alertdeck_model::{Severity, Verdict};

/// A set of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ThemeKind {
    /// For dark backgrounds.
    #[default]
    Dark,
    /// For light backgrounds.
    Light,
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

impl Theme {
    /// Creates a theme for a terminal with this number of colours, with Unicode or ASCII symbols.
    pub fn new(kind: ThemeKind, depth: Depth, ascii: bool) -> Self {
        let symbols = if ascii { ASCII } else { PLAIN };
        if kind == ThemeKind::Mono {
            return Self::mono(&symbols);
        }
        let of = |(rgb, xterm, basic): Shade| match depth {
            Depth::True => Color::Rgb(rgb.0, rgb.1, rgb.2),
            Depth::Xterm => Color::Indexed(xterm),
            Depth::Basic => basic,
        };
        let dark = kind == ThemeKind::Dark;
        let fg = |on_dark: Shade, on_light: Shade| Style::new().fg(of(if dark { on_dark } else { on_light }));
        let bg = |on_dark: Shade, on_light: Shade| Style::new().bg(of(if dark { on_dark } else { on_light }));
        let dim = fg(((128, 134, 145), 245, Color::DarkGray), ((106, 112, 122), 242, Color::DarkGray));
        let accent = fg(((86, 182, 240), 75, Color::Cyan), ((0, 98, 174), 25, Color::Blue));
        Self {
            text: Style::new(),
            dim,
            accent,
            strong: Style::new().add_modifier(Modifier::BOLD),
            mark: fg(((214, 120, 214), 176, Color::Magenta), ((150, 40, 150), 90, Color::Magenta))
                .add_modifier(Modifier::BOLD),
            matched: Modifier::UNDERLINED,
            found: accent.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            error: fg(((255, 110, 110), 203, Color::LightRed), ((190, 20, 30), 124, Color::Red)),
            // The basic colours include no shade close to the terminal's own background.
            cursor: if depth == Depth::Basic {
                Style::new().add_modifier(Modifier::REVERSED)
            } else {
                bg(((46, 54, 72), 237, Color::Black), ((216, 226, 240), 254, Color::Gray))
            },
            cursor_away: bg(((32, 36, 46), 235, Color::Black), ((236, 239, 244), 255, Color::Gray)),
            overlay: bg(((26, 29, 38), 234, Color::Black), ((246, 247, 250), 255, Color::White)),
            severity: [
                fg(((255, 95, 95), 203, Color::LightRed), ((200, 20, 30), 160, Color::Red))
                    .add_modifier(Modifier::BOLD),
                fg(((232, 170, 70), 215, Color::Yellow), ((170, 95, 0), 130, Color::Yellow)),
                fg(((110, 170, 225), 74, Color::Blue), ((30, 95, 165), 25, Color::Blue)),
                dim,
                dim,
            ],
            malicious: fg(((255, 95, 95), 203, Color::LightRed), ((200, 20, 30), 160, Color::Red)),
            suspicious: fg(((232, 170, 70), 215, Color::Yellow), ((170, 95, 0), 130, Color::Yellow)),
            clean: fg(((120, 190, 130), 108, Color::Green), ((30, 125, 60), 28, Color::Green)),
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
