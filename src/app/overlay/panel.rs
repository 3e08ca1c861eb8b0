//! The content of an overlay as lines, for overlays without drawing code of their own.

/// The content of an overlay's window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panel {
    /// The title in the border.
    pub title: String,
    /// The wanted width of the inside, in columns.
    pub width: usize,
    /// Lines that stay at the top.
    pub heading: Vec<PanelLine>,
    /// The lines, of which a window is shown.
    pub lines: Vec<PanelLine>,
    /// The first line that is shown.
    pub top: usize,
    /// The line under the cursor, if there is one.
    pub cursor: Option<usize>,
    /// Lines below a rule.
    pub footer: Vec<PanelLine>,
}

/// A line: parts from left to right.
pub type PanelLine = Vec<PanelSpan>;

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanelSpan {
    /// The text; safe to show.
    pub text: String,
    /// The style.
    pub role: Role,
    /// The width in columns; `None` takes the width of the text.
    pub width: Option<usize>,
}

/// The style of a part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Plain.
    Text,
    /// Dimmed.
    Dim,
    /// Bold.
    Strong,
    /// A key or a link.
    Accent,
    /// An error.
    Error,
}

impl PanelSpan {
    /// Makes a part that is as wide as its text.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role, width: None }
    }

    /// Makes a part of a fixed width, as in a column.
    pub fn column(text: impl Into<String>, role: Role, width: usize) -> Self {
        Self { text: text.into(), role, width: Some(width) }
    }
}
