//! Draws the overlays. Each overlay either has its own file here or is drawn from its
//! [`Panel`](crate::app::Panel).

mod export;
mod menu;
mod panel;
mod profiles;
mod requests;
mod sign_in;
mod text_prompt;
mod values;

use ratatui::layout::{Position, Rect};

use super::paint::Painter;
use crate::app::{App, Overlay};

/// Draws the focused overlay. Returns its caret's position, if it has one.
pub(super) fn draw(app: &App, painter: &mut Painter<'_>, screen: Rect) -> Option<Position> {
    match app.ui.overlay()? {
        Overlay::Values(values) => values::draw(app, painter, screen, values),
        Overlay::Menu(menu) => menu::draw(app, painter, screen, menu),
        Overlay::Profiles(profiles) => profiles::draw(app, painter, screen, profiles.at),
        Overlay::SignInPrompt(prompt) => sign_in::draw(app, painter, screen, prompt),
        Overlay::Requests(requests) => requests::draw(app, painter, screen, requests),
        Overlay::TextPrompt(prompt) => return Some(text_prompt::draw(app, painter, screen, prompt)),
        Overlay::ExportForm(form) => return export::draw(app, painter, screen, form),
        _ => return panel::draw(app, painter, screen, &app.panel()?),
    }
    None
}
