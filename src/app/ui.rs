//! The state of the screen: size, focus, overlays, notices and keys.

use std::time::Duration;

use super::{Key, Keymap, Notices, Overlay, Pane};

/// The state of the screen.
#[derive(Debug)]
pub struct Ui {
    /// The screen size in columns and rows.
    pub size: (u16, u16),
    /// The focused pane.
    pub focus: Pane,
    /// Whether the focused pane fills the screen.
    pub zoom: bool,
    /// The list's share of the screen width in per cent when the panes are side by side.
    pub split: u16,
    /// Whether the mouse is captured.
    pub mouse: bool,
    /// The key bindings.
    pub keymap: Keymap,
    /// The notices.
    pub notices: Notices,
    /// The open overlays. The last one has the focus.
    pub(super) overlays: Vec<Overlay>,
    /// The most recently scheduled wake-up, measured from startup.
    pub(super) wake: Option<Duration>,
    /// Whether the divider is being dragged.
    pub(super) dragging: bool,
    /// The key that was pressed last.
    pub(super) last_key: Option<Key>,
    /// Whether the last key was a request to quit while changes were being sent. If so, pressing
    /// the key again quits.
    pub(super) quits: bool,
}

impl Ui {
    pub(super) fn new(size: (u16, u16), keymap: Keymap) -> Self {
        Self {
            size,
            focus: Pane::List,
            zoom: false,
            split: 55,
            mouse: true,
            keymap,
            notices: Notices::default(),
            overlays: Vec::new(),
            wake: None,
            dragging: false,
            last_key: None,
            quits: false,
        }
    }

    /// Returns the focused overlay, if one is open.
    pub fn overlay(&self) -> Option<&Overlay> {
        self.overlays.last()
    }

    pub(super) fn overlay_mut(&mut self) -> Option<&mut Overlay> {
        self.overlays.last_mut()
    }

    /// Opens an overlay on top of all others.
    pub fn open(&mut self, overlay: impl Into<Overlay>) {
        self.overlays.push(overlay.into());
    }

    /// Closes the focused overlay.
    pub(super) fn close(&mut self) {
        self.overlays.pop();
    }

    /// Closes all overlays.
    pub(super) fn close_all(&mut self) {
        self.overlays.clear();
    }

    /// Closes the overlays that may lead to a change to alerts: confirmations, forms, text prompts
    /// and menus.
    pub(super) fn close_changes(&mut self) {
        let leads_to_change = |overlay: &Overlay| {
            matches!(
                overlay,
                Overlay::Confirm(_) | Overlay::Form(_) | Overlay::TextPrompt(_) | Overlay::Menu(_)
            )
        };
        self.overlays.retain(|overlay| !leads_to_change(overlay));
    }

    /// Returns the inner size of the largest possible overlay in columns and rows.
    pub fn overlay_size(&self) -> (usize, usize) {
        let (width, height) = (usize::from(self.size.0), usize::from(self.size.1));
        (width.saturating_sub(8).clamp(10, 120), height.saturating_sub(6).max(1))
    }
}
