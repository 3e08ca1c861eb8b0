//! Whole screens as text, at the sizes that people use, and the styles that text does not show.

use std::time::Duration;

use alertdeck::{
    app::{Failure, FailureKind, LoadEvent, Wait},
    model::Timestamp,
    simulator::{self, Simulator},
    ui::{Depth, Theme, ThemeKind},
};
use ratatui::{
    buffer::{Buffer, Cell},
    style::Modifier,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::desk::{Desk, START, alert, settings, theme, with};

/// The alerts of the simulated tenant.
pub(crate) fn tenant(alerts: usize) -> Vec<Value> {
    let now = Timestamp::parse(START).unwrap();
    let settings = simulator::Settings { alerts, seed: 7, ..simulator::Settings::new(now) };
    Simulator::start(settings).unwrap().alerts()
}

/// What is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    List,
    Detail,
    Json,
    Editing,
    Fault,
    Values,
    Menu,
    Copy,
    Help,
    Loading,
    Waiting,
    Failed,
    NoneMatch,
}

impl State {
    pub(crate) const ALL: [Self; 13] = [
        Self::List,
        Self::Detail,
        Self::Json,
        Self::Editing,
        Self::Fault,
        Self::Values,
        Self::Menu,
        Self::Copy,
        Self::Help,
        Self::Loading,
        Self::Waiting,
        Self::Failed,
        Self::NoneMatch,
    ];

    /// Brings a console that was just opened there.
    pub(crate) fn show(self, desk: &mut Desk, alerts: &[Value]) {
        match self {
            Self::Loading => return,
            Self::Waiting => {
                return desk.load(LoadEvent::Waiting { wait: Duration::from_secs(7), why: Wait::Throttled });
            }
            Self::Failed => {
                let line = "graph.microsoft.com cannot be reached: no route to host; check the network";
                return desk
                    .load(LoadEvent::Failed(Failure { kind: FailureKind::Offline, line: line.into() }));
            }
            _ => {}
        }
        desk.load(LoadEvent::Page { total: Some(alerts.len() as u64), partial: None, server_time: None });
        desk.arrive(alerts);
        desk.done();
        desk.keys("j j");
        match self {
            Self::Detail => desk.keys("Enter ]"),
            Self::Json => desk.keys("Enter v"),
            Self::Values => desk.keys("Enter ] Enter"),
            Self::Menu => desk.keys("f"),
            Self::Copy => desk.keys("y"),
            Self::Help => desk.keys("?"),
            Self::Editing => {
                desk.keys("/");
                desk.type_text(" device:srv se");
            }
            Self::Fault => {
                desk.keys("/");
                desk.type_text(" sevrity:high");
            }
            Self::NoneMatch => {
                desk.keys("/");
                desk.type_text(" nothing-like-this");
                desk.keys("Enter");
            }
            _ => {}
        }
    }
}

#[rstest]
#[case("200x50", State::List)]
#[case("200x50", State::Detail)]
#[case("120x35", State::List)]
#[case("120x35", State::Detail)]
#[case("120x35", State::Editing)]
#[case("120x35", State::Fault)]
#[case("120x35", State::Values)]
#[case("120x35", State::Menu)]
#[case("120x35", State::Copy)]
#[case("120x35", State::Help)]
#[case("80x24", State::List)]
#[case("80x24", State::Detail)]
#[case("80x24", State::Editing)]
#[case("80x24", State::Json)]
#[case("80x24", State::Waiting)]
#[case("80x24", State::Failed)]
#[case("60x15", State::List)]
#[case("60x15", State::Detail)]
#[case("60x15", State::Values)]
#[case("60x15", State::NoneMatch)]
#[case("60x15", State::Loading)]
fn screens(#[case] size: &str, #[case] state: State) {
    let (width, height) = size.split_once('x').unwrap();
    let mut desk =
        Desk::with(settings("severity>=medium"), (width.parse().unwrap(), height.parse().unwrap()));
    state.show(&mut desk, &tenant(60));
    let name = format!("{size}-{state:?}").to_lowercase();
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, desk.screen());
    });
}
