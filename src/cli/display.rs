//! Options that control how the console is displayed.

use clap::builder::FalseyValueParser;

use crate::ui::{Depth, Theme, ThemeKind};

/// The name of a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ThemeChoice {
    /// Dark or light, like the terminal's background.
    Auto,
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// With high contrast, for the terminal's background.
    HighContrast,
    /// No colour at all.
    Mono,
}

/// Options for how the console is displayed.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Console")]
pub struct DisplayArgs {
    /// Colour theme: auto, dark, light, high-contrast or mono [default: auto, or mono if NO_COLOR is set]
    #[arg(
        long,
        global = true,
        env = "ALERTDECK_THEME",
        hide_env_values = true,
        value_name = "NAME",
        hide_possible_values = true
    )]
    pub theme: Option<ThemeChoice>,
    /// Disable mouse capture
    #[arg(long, global = true, env = "ALERTDECK_NO_MOUSE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub no_mouse: bool,
}

impl DisplayArgs {
    /// Returns the theme, adapted to the terminal. If the theme depends on the terminal's
    /// background, also returns the theme for a light background.
    pub fn themes(&self) -> (Theme, Option<Box<Theme>>) {
        themes(self.theme, |name| std::env::var(name).ok())
    }
}

/// Selects the themes. The option overrides `NO_COLOR`.
fn themes(
    option: Option<ThemeChoice>,
    variable: impl Fn(&str) -> Option<String>,
) -> (Theme, Option<Box<Theme>>) {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let theme = |kind| Theme::new(kind, depth(set), !is_utf8(set));
    let choice = option.unwrap_or(match set("NO_COLOR") {
        Some(_) => ThemeChoice::Mono,
        None => ThemeChoice::Auto,
    });
    let (dark, light) = match choice {
        ThemeChoice::Mono => return (theme(ThemeKind::Mono), None),
        ThemeChoice::Dark => return (theme(ThemeKind::Dark), None),
        ThemeChoice::Light => return (theme(ThemeKind::Light), None),
        ThemeChoice::Auto => (ThemeKind::Dark, ThemeKind::Light),
        ThemeChoice::HighContrast => (ThemeKind::HighContrastDark, ThemeKind::HighContrastLight),
    };
    if is_light(set) { (theme(light), None) } else { (theme(dark), Some(Box::new(theme(light)))) }
}

/// Returns whether the background is light according to `COLORFGBG`, which some terminals set to
/// their foreground and background colours, as in `0;15`.
fn is_light(set: impl Fn(&'static str) -> Option<String>) -> bool {
    set("COLORFGBG").is_some_and(|colours| matches!(colours.rsplit(';').next(), Some("7" | "15")))
}

/// Returns the terminal's colour depth.
fn depth(set: impl Fn(&'static str) -> Option<String>) -> Depth {
    let contains =
        |name, words: &[&str]| set(name).is_some_and(|value| words.iter().any(|word| value.contains(word)));
    if contains("COLORTERM", &["truecolor", "24bit"]) || contains("TERM", &["-direct"]) {
        Depth::True
    } else if contains("TERM", &["256color"]) {
        Depth::Xterm
    } else {
        Depth::Basic
    }
}

/// Returns whether the locale's encoding is UTF-8, according to the first variable that is set
/// (POSIX, "Internationalization Variables").
fn is_utf8(set: impl Fn(&'static str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    let is_utf8 = |locale: String| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    // Other platforms do not set these variables and use UTF-8.
    locale.map_or(!cfg!(unix), is_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn with(variables: &[(&'static str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[rstest]
    #[case(&[("TERM", "xterm"), ("COLORTERM", "truecolor")], Depth::True)]
    #[case(&[("TERM", "xterm-256color"), ("COLORTERM", "")], Depth::Xterm)]
    #[case(&[("TERM", "xterm-direct")], Depth::True)]
    #[case(&[("TERM", "vt220")], Depth::Basic)]
    #[case(&[], Depth::Basic)]
    fn colour_depth_follows_the_terminal(
        #[case] variables: &[(&'static str, &str)],
        #[case] expected: Depth,
    ) {
        assert_eq!(depth(|name| with(variables)(name)), expected);
    }

    #[rstest]
    #[case(&[("LANG", "en_GB.UTF-8")], true)]
    #[case(&[("LANG", "C.utf8")], true)]
    #[case(&[("LANG", "en_GB.UTF-8"), ("LC_ALL", "C")], false)]
    #[case(&[("LANG", "C")], false)]
    #[case(&[], !cfg!(unix))]
    fn symbols_follow_the_locale(#[case] variables: &[(&'static str, &str)], #[case] expected: bool) {
        assert_eq!(is_utf8(|name| with(variables)(name)), expected);
    }

    #[rstest]
    #[case(None, "", false)]
    #[case(None, "1", true)]
    #[case(Some(ThemeChoice::Light), "1", false)]
    #[case(Some(ThemeChoice::Auto), "1", false)]
    #[case(Some(ThemeChoice::HighContrast), "1", false)]
    #[case(Some(ThemeChoice::Mono), "", true)]
    fn the_theme_option_overrides_no_color(
        #[case] option: Option<ThemeChoice>,
        #[case] no_color: &str,
        #[case] mono: bool,
    ) {
        let (theme, light) = themes(option, with(&[("NO_COLOR", no_color), ("LANG", "C.UTF-8")]));
        assert_eq!(theme.accent.fg.is_none(), mono);
        // The background selects the theme only if nothing else does.
        let asks = matches!(option, None | Some(ThemeChoice::Auto | ThemeChoice::HighContrast));
        assert_eq!(light.is_some(), asks && !mono);
    }

    #[rstest]
    #[case("15;0", false)]
    #[case("0;15", true)]
    #[case("0;default;7", true)]
    #[case("", false)]
    fn the_variable_of_some_terminals_tells_the_background(
        #[case] colours: &'static str,
        #[case] light: bool,
    ) {
        let (theme, later) = themes(None, with(&[("COLORFGBG", colours), ("COLORTERM", "truecolor")]));
        let expected = Theme::new(if light { ThemeKind::Light } else { ThemeKind::Dark }, Depth::True, true);
        assert_eq!((theme.accent, later.is_none()), (expected.accent, light));
    }
}
