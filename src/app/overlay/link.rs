//! A link that could not be opened in a browser, shown so that it can be read and copied.

use super::{Object, Panel, PanelSpan, Role};
use crate::app::{
    App, Effect, Overlay,
    command::{Context, Hint, hint, run},
    wrap,
};
use alertdeck_model::{PortalUrl, RawText};

/// The command that applies to the link.
pub(super) static CONTEXT: Context =
    Context { name: "link", heading: "Link", commands: &[run("link.copy", "copy the link", copy)] };

/// A link that was not opened.
#[derive(Clone, Debug)]
pub struct Link {
    /// The link.
    pub url: PortalUrl,
    /// The reason the link was not opened, sanitised for display.
    pub reason: String,
}

impl Object for Link {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![hint(&["link.copy"], "copy the link"), hint(&["app.back"], "close")]
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let width = usize::from(app.ui.size.0.saturating_sub(8)).clamp(10, 100);
        let text = |text: &str, role| {
            wrap(text, width).into_iter().map(move |line| vec![PanelSpan::new(line, role)])
        };
        let mut lines: Vec<_> = text(&self.reason, Role::Dim).collect();
        lines.push(Vec::new());
        lines.extend(text(self.url.as_str(), Role::Accent));
        Some(Panel { title: "Open this link in a browser".into(), width, lines, ..Panel::default() })
    }
}

fn copy(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Link(link)) = app.ui.overlay() else { return };
    effects.push(Effect::Copy(RawText(link.url.to_string())));
    app.ui.close();
    app.notify("link copied");
}
