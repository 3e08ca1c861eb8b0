//! The content of an overlay as lines, for overlays without drawing code of their own.

use crate::app::Editor;

/// The content of an overlay's window.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// The title shown in the border.
    pub title: String,
    /// The preferred inner width, in columns.
    pub width: usize,
    /// The text field at the top, if any.
    pub field: Option<Editor>,
    /// Lines that stay at the top.
    pub heading: Vec<PanelLine>,
    /// The lines that scroll.
    pub lines: Vec<PanelLine>,
    /// The index of the first visible line.
    pub top: usize,
    /// The index of the line under the cursor, if any.
    pub cursor: Option<usize>,
    /// Lines that stay at the bottom.
    pub footer: Vec<PanelLine>,
}

/// A line, made up of spans from left to right.
pub type PanelLine = Vec<PanelSpan>;

/// A styled part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanelSpan {
    /// The text, sanitised for display.
    pub text: String,
    /// The style.
    pub role: Role,
    /// The width in columns; `None` for the width of the text.
    pub width: Option<usize>,
}

/// The style of a span.
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
    /// A sign of the list, or text that explains one.
    Sign,
    /// A bar, whose text has one `#` for each column.
    Bar,
}

impl PanelSpan {
    /// Creates a span that is as wide as its text.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role, width: None }
    }

    /// Creates a span of a fixed width, as in a column.
    pub fn column(text: impl Into<String>, role: Role, width: usize) -> Self {
        Self { text: text.into(), role, width: Some(width) }
    }
}
