//! Whole screens as text, at common sizes, and the styles that the text does not show.

use std::time::Duration;

use alertdeck::{
    app::{Failure, FailureKind, LoadEvent, Message, NotWritten},
    triage::WriteMode,
    ui::{Depth, Theme, ThemeKind},
};
use alertdeck_graph::{ClientEvent, WaitCause};
use alertdeck_model::Timestamp;
use alertdeck_simulator as simulator;
use alertdeck_simulator::Simulator;
use ratatui::{
    buffer::{Buffer, Cell},
    style::Modifier,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    exporting,
    harness::{Harness, START, Settings, alert, settings, theme, with},
    invented, requests, signing_in, triage_screens,
};

/// Returns the simulated tenant's alerts.
pub(crate) fn tenant(alerts: usize) -> Vec<Value> {
    let now = Timestamp::parse(START).unwrap();
    let settings = simulator::Settings { alerts, seed: 7, ..simulator::Settings::new(now) };
    Simulator::start(settings).unwrap().alerts()
}

/// The screens that are checked with snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    List,
    Detail,
    Json,
    Timeline,
    Find,
    Found,
    Editing,
    FilterError,
    Values,
    Menu,
    Copy,
    PivotMenu,
    Pivot,
    PivotAgain,
    Help,
    Loading,
    Waiting,
    Failed,
    NoneMatch,
    SignedOut,
    SignIn,
    Browser,
    DeviceCode,
    SignInFailed,
    Profiles,
    Requests,
    NoRequests,
    Marked,
    Export,
    ExportExists,
    ExportFailed,
    Jobs,
    Palette,
    Overview,
    ColumnChooser,
    Views,
    Grouped,
    // With invented alerts.
    Columns,
    Processes,
    CopyOfNode,
    ValuesOfNode,
    Link,
    Slip,
    Excluded,
    Refreshed,
    GuessedOwner,
    Offline,
    Proxy,
    Times,
    ExactOwner,
    Live,
    SecondLook,
    // Of a console that may change alerts.
    Close,
    Confirm,
    ConfirmMany,
    Comment,
    Form,
    Sending,
    Results,
    Undo,
    Journal,
}

impl State {
    pub(crate) const ALL: [Self; 61] = [
        Self::List,
        Self::Detail,
        Self::Json,
        Self::Timeline,
        Self::Find,
        Self::Found,
        Self::Editing,
        Self::FilterError,
        Self::Values,
        Self::Menu,
        Self::Copy,
        Self::PivotMenu,
        Self::Pivot,
        Self::PivotAgain,
        Self::Help,
        Self::Loading,
        Self::Waiting,
        Self::Failed,
        Self::NoneMatch,
        Self::SignedOut,
        Self::SignIn,
        Self::Browser,
        Self::DeviceCode,
        Self::SignInFailed,
        Self::Profiles,
        Self::Requests,
        Self::NoRequests,
        Self::Marked,
        Self::Export,
        Self::ExportExists,
        Self::ExportFailed,
        Self::Jobs,
        Self::Palette,
        Self::Overview,
        Self::ColumnChooser,
        Self::Views,
        Self::Grouped,
        Self::Columns,
        Self::Processes,
        Self::CopyOfNode,
        Self::ValuesOfNode,
        Self::Link,
        Self::Slip,
        Self::Excluded,
        Self::Refreshed,
        Self::GuessedOwner,
        Self::Offline,
        Self::Proxy,
        Self::Times,
        Self::ExactOwner,
        Self::Live,
        Self::SecondLook,
        Self::Close,
        Self::Confirm,
        Self::ConfirmMany,
        Self::Comment,
        Self::Form,
        Self::Sending,
        Self::Results,
        Self::Undo,
        Self::Journal,
    ];

    /// Brings a newly opened console to this screen.
    /// Returns the settings of the console that shows the state.
    pub(crate) fn settings(self) -> Settings {
        let writes = if self as u8 >= Self::Close as u8 { WriteMode::On } else { WriteMode::Off };
        Settings { writes, ..settings("severity>=medium") }
    }

    pub(crate) fn show(self, console: &mut Harness, alerts: &[Value]) {
        if invented::show(console, self) || triage_screens::show(console, self, alerts) {
            return;
        }
        match self {
            Self::Loading => return,
            Self::Waiting => {
                return console.load(LoadEvent::Client(ClientEvent::Waiting {
                    delay: Duration::from_secs(7),
                    cause: WaitCause::Throttled,
                }));
            }
            Self::Failed => {
                let line =
                    "cannot reach graph.microsoft.com: no route to host; check your network connection";
                return console
                    .load(LoadEvent::Failed(Failure { kind: FailureKind::Offline, line: line.into() }));
            }
            _ => {}
        }
        console.load(LoadEvent::Page { total: Some(alerts.len() as u64), partial: None, server_time: None });
        console.arrive(alerts);
        console.done();
        console.keys("j j");
        match self {
            Self::Detail => console.keys("Enter ]"),
            Self::Json => console.keys("Enter v"),
            Self::Timeline => console.keys("Enter t j"),
            Self::Find => {
                console.keys("Enter /");
                console.type_text("e");
            }
            Self::Found => console.keys("Enter / x Enter + n"),
            Self::Values => console.keys("Enter ] Enter"),
            Self::Menu => console.keys("f"),
            Self::Copy => console.keys("y"),
            Self::PivotMenu => console.keys("Enter ] p"),
            Self::Pivot => console.keys("p d"),
            Self::PivotAgain => console.keys("p d Enter ] p d"),
            Self::Help => console.keys("?"),
            Self::SignedOut => {
                signing_in::needed(console);
                console.keys("Esc");
                console.fail(FailureKind::SignIn);
            }
            Self::SignIn => signing_in::needed(console),
            Self::Browser => {
                signing_in::needed(console);
                console.keys("Enter");
                signing_in::address(console, Ok(()));
            }
            Self::DeviceCode => {
                signing_in::needed(console);
                console.keys("d");
                signing_in::code(console);
            }
            Self::SignInFailed => {
                signing_in::needed(console);
                console.keys("d");
                signing_in::failed(console, true);
            }
            Self::Profiles => {
                console.identity(signing_in::ana());
                console.keys("P j");
            }
            Self::Requests => {
                console.keys("R");
                console.send(Message::Requests(requests::sample()));
                console.keys("j");
            }
            Self::NoRequests => {
                console.keys("R");
                console.send(Message::Requests(Vec::new()));
            }
            Self::Marked => {
                console.keys("Space Space /");
                console.type_text(" severity:high");
                console.keys("Enter j Space V j");
            }
            Self::Export => {
                console.keys("Space j Space /");
                console.type_text(" severity:high");
                console.keys("Enter E c");
            }
            Self::ExportExists => {
                console.keys("Space Space E t Enter");
                exporting::finish(console, Err(NotWritten::Exists));
            }
            Self::ExportFailed => {
                console.keys("E c Tab Ctrl-u");
                console.type_text(
                    "/srv/reports/2026/november/a-rather-long-name-for-the-weekly-report-file.csv",
                );
                console.keys("Enter");
                let line = "\"/srv/reports/2026/november/a-rather-long-name-for-the-weekly-report-file.csv\" cannot be written: No space left on device (os error 28)";
                exporting::finish(console, Err(NotWritten::Refused(line.into())));
            }
            Self::Jobs => console.keys("X j"),
            Self::Palette => console.keys(": m a r k"),
            Self::Overview => console.keys("d"),
            Self::Views => console.keys("'"),
            Self::Grouped => console.keys("b t j l j Space"),
            Self::ColumnChooser => console.keys("C Space j K G Space"),
            Self::Editing => {
                console.keys("/");
                console.type_text(" device:srv se");
            }
            Self::FilterError => {
                console.keys("/");
                console.type_text(" ");
                console.paste("sevrity:high");
            }
            Self::NoneMatch => {
                console.keys("/");
                console.type_text(" nothing-like-this");
                console.keys("Enter");
            }
            _ => {}
        }
    }
}

#[rstest]
#[case("200x50", State::List)]
#[case("120x35", State::List)]
#[case("80x24", State::List)]
#[case("60x15", State::List)]
#[case("200x50", State::Detail)]
#[case("120x35", State::Detail)]
#[case("80x24", State::Detail)]
#[case("60x15", State::Detail)]
#[case("120x35", State::Editing)]
#[case("120x35", State::FilterError)]
#[case("80x24", State::Values)]
#[case("120x35", State::Menu)]
#[case("120x35", State::Copy)]
#[case("80x24", State::PivotMenu)]
#[case("120x35", State::Pivot)]
#[case("80x24", State::Pivot)]
#[case("80x24", State::PivotAgain)]
#[case("120x35", State::Help)]
#[case("80x24", State::Json)]
#[case("80x24", State::Waiting)]
#[case("80x24", State::Failed)]
#[case("60x15", State::NoneMatch)]
#[case("60x15", State::Loading)]
#[case("120x35", State::SignedOut)]
#[case("80x24", State::SignIn)]
#[case("120x35", State::Browser)]
#[case("60x15", State::Browser)]
#[case("80x24", State::DeviceCode)]
#[case("120x35", State::SignInFailed)]
#[case("120x35", State::Profiles)]
#[case("60x15", State::Profiles)]
#[case("120x35", State::Requests)]
#[case("60x15", State::Requests)]
#[case("80x24", State::NoRequests)]
#[case("80x24", State::Marked)]
#[case("120x35", State::Export)]
#[case("60x15", State::Export)]
#[case("80x24", State::ExportExists)]
#[case("60x15", State::ExportFailed)]
#[case("120x35", State::Jobs)]
#[case("60x15", State::Jobs)]
#[case("80x24", State::Palette)]
#[case("60x15", State::Palette)]
#[case("120x35", State::Overview)]
#[case("80x24", State::Overview)]
#[case("60x15", State::Overview)]
#[case("200x50", State::Views)]
#[case("120x35", State::Views)]
#[case("80x24", State::Views)]
#[case("60x15", State::Views)]
#[case("200x50", State::Grouped)]
#[case("120x35", State::Grouped)]
#[case("80x24", State::Grouped)]
#[case("60x15", State::Grouped)]
#[case("200x50", State::ColumnChooser)]
#[case("120x35", State::ColumnChooser)]
#[case("80x24", State::ColumnChooser)]
#[case("60x15", State::ColumnChooser)]
#[case("120x35", State::Close)]
#[case("80x24", State::Confirm)]
#[case("120x35", State::ConfirmMany)]
#[case("80x24", State::ConfirmMany)]
#[case("60x15", State::ConfirmMany)]
#[case("80x24", State::Comment)]
#[case("80x24", State::Form)]
#[case("120x35", State::Sending)]
#[case("120x35", State::Results)]
#[case("60x15", State::Results)]
#[case("80x24", State::Undo)]
#[case("120x35", State::Journal)]
#[case("60x15", State::Journal)]
fn screens(#[case] size: &str, #[case] state: State) {
    let (width, height) = size.split_once('x').unwrap();
    let mut console = Harness::with(state.settings(), (width.parse().unwrap(), height.parse().unwrap()));
    state.show(&mut console, &tenant(60));
    let name = format!("{size}-{state:?}").to_lowercase();
    insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, console.screen());
    });
}

/// Returns the cells of the given text on the screen. If it occurs several times, the lowest
/// occurrence is used.
pub(crate) fn cells<'a>(buffer: &'a Buffer, text: &str) -> Vec<&'a Cell> {
    let area = buffer.area;
    for y in (0..area.height).rev() {
        let row: Vec<&Cell> = (0..area.width).map(|x| &buffer[(x, y)]).collect();
        let count = text.chars().count();
        let found = row
            .windows(count)
            .find(|cells| cells.iter().map(|cell| cell.symbol()).collect::<String>() == text);
        if let Some(cells) = found {
            return cells.to_vec();
        }
    }
    panic!("{text:?} is not on the screen:\n{}", super::harness::lines(buffer).join("\n"));
}

fn queue() -> Harness {
    let of = |number, severity: &str, title: &str| {
        with(alert(number), json!({"severity": severity, "title": title}))
    };
    Harness::with_alerts(&[
        of(1, "high", "Beacon \u{202e}x"),
        of(2, "medium", "Other beacon"),
        of(3, "low", "Third"),
    ])
}

#[test]
fn severities_have_colours_and_titles_are_plain() {
    let console = queue();
    let buffer = console.draw(&theme());
    let colours: Vec<_> = ["▲ high", "■ med", "◆ low"].map(|text| cells(&buffer, text)[0].fg).to_vec();
    assert!(colours[0] != colours[1] && colours[1] != colours[2] && colours[0] != colours[2]);
    assert_eq!(cells(&buffer, "Other beacon")[0].fg, ratatui::style::Color::Reset);
}

#[test]
fn line_under_the_cursor_is_raised_over_its_full_width() {
    let mut console = queue();
    let raised = |console: &Harness, text: &str| cells(&console.draw(&theme()), text)[0].bg;
    let (list, plain) = (raised(&console, "Third"), raised(&console, "Other beacon"));
    assert_ne!(list, plain);
    let buffer = console.draw(&theme());
    let area = console.app.layout().list.unwrap();
    assert!((area.x..area.x + area.width).all(|x| buffer[(x, area.y)].bg == list));
    console.keys("Enter");
    let away = raised(&console, "Third");
    assert!(away != list && away != plain, "it stays visible while the detail has the focus");
}

#[test]
fn mono_has_no_colours_and_a_reversed_cursor() {
    let mut console = queue();
    console.keys("/");
    console.type_text("beacon");
    console.keys("Enter");
    let buffer = console.draw(&Theme::new(ThemeKind::Mono, Depth::True, false));
    let reset = ratatui::style::Color::Reset;
    assert!(buffer.content.iter().all(|cell| cell.fg == reset && cell.bg == reset));
    assert!(cells(&buffer, "Other b")[0].modifier.contains(Modifier::REVERSED));
    assert!(cells(&buffer, "▲ high")[0].modifier.contains(Modifier::BOLD));
}

#[test]
fn filter_matches_are_underlined() {
    let mut console = queue();
    console.keys("/");
    console.type_text("BEACON");
    let buffer = console.draw(&theme());
    let underlined =
        |text| cells(&buffer, text).iter().all(|cell| cell.modifier.contains(Modifier::UNDERLINED));
    assert!(underlined("Beacon") && underlined("beacon"));
    assert!(!underlined("Other"));
}

#[test]
fn filter_matches_are_underlined_in_the_facts_of_an_alert() {
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"id": "da-needle-1", "title": "Title"}))]);
    console.keys("/");
    console.type_text("id:da-needle-1");
    console.keys("Enter Enter");
    let buffer = console.draw(&theme());
    let id = cells(&buffer, "da-needle-1");
    let underlined = id.iter().filter(|cell| cell.modifier.contains(Modifier::UNDERLINED));
    assert_eq!(underlined.map(|cell| cell.symbol()).collect::<String>(), "da-needle-1");
}

#[test]
fn marks_have_their_own_style() {
    let buffer = queue().draw(&theme());
    let mark = cells(&buffer, "⟨202E⟩");
    let text = cells(&buffer, "Beacon ");
    assert!(mark.iter().all(|cell| cell.fg != text[0].fg));
}

#[test]
fn ascii_theme_draws_ascii_only() {
    let mut console = queue();
    for keys in ["", "Enter", "s", "Esc ?", "Esc Tab Enter", "Esc P", "Esc R", "Esc P s", "Esc Esc E"] {
        console.keys(keys);
        let buffer = console.draw(&Theme::new(ThemeKind::Dark, Depth::Basic, true));
        let text = super::harness::lines(&buffer).join("\n");
        // The names of arrow keys and sanitised characters are not decoration.
        let odd: String = text.chars().filter(|c| !c.is_ascii() && !"↓↑←→⟨⟩".contains(*c)).collect();
        assert_eq!(odd, "", "{text}");
    }
}
