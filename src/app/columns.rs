//! The columns of the list: which ones are shown, in which order and how wide.
//!
//! Until the user chooses columns, the width of the list determines them. This module knows the
//! width but nothing about drawing.

use super::{App, TimeFormat};
use alertdeck_store::{Column, Sort};
use unicode_width::UnicodeWidthStr as _;

/// A column that the user has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListColumn {
    /// The column.
    pub column: Column,
    /// The width in terminal columns; `None` for a width that depends on the width of the list.
    pub width: Option<u16>,
}

impl ListColumn {
    /// The widths that a column can be set to.
    pub const WIDTHS: std::ops::RangeInclusive<u16> = 3..=200;
}

/// A column with its position and width in terminal columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnLayout {
    /// The column.
    pub column: Column,
    /// The heading.
    pub heading: &'static str,
    /// The distance from the left edge of the list.
    pub x: u16,
    /// The width.
    pub width: u16,
    /// Whether the column is right-aligned.
    pub right: bool,
}

/// The total width of the cursor, the mark and the sign for new alerts, which precede the columns.
pub const GUTTER: u16 = 2;
/// The minimum width of the title, unless the user has set another.
const LEAST_TITLE: u16 = 20;

impl App {
    /// Returns the columns to show in a list that is `width` columns wide. If there is too little
    /// room, columns are omitted: the least important ones or, if the user has chosen the columns,
    /// those at the end.
    pub fn columns(&self, width: u16) -> Vec<ColumnLayout> {
        match &self.list.columns {
            Some(chosen) => self.lay_out_chosen(chosen, width),
            None => self.lay_out_automatic(width),
        }
    }

    /// Returns the width of the list or, if it is hidden, the width that it would have.
    pub(super) fn list_width(&self) -> u16 {
        self.layout_with(super::Pane::List).list.map_or(self.ui.size.0, |area| area.width)
    }

    /// Returns the columns that are shown now, as a choice.
    pub(super) fn shown_columns(&self) -> Vec<ListColumn> {
        let shown = || self.lay_out_automatic(self.list_width()).into_iter();
        let automatic = || shown().map(|layout| ListColumn { column: layout.column, width: None }).collect();
        self.list.columns.clone().unwrap_or_else(automatic)
    }

    /// Chooses the columns; `None` lets the width of the list determine them. If the column that
    /// the list is sorted by is no longer shown, the list is sorted by age.
    pub(super) fn choose_columns(&mut self, columns: Option<Vec<ListColumn>>) {
        let sort = self.view.sort().column;
        let is_hidden =
            columns.as_ref().is_some_and(|columns| columns.iter().all(|shown| shown.column != sort));
        self.list.columns = columns;
        if is_hidden && sort != Sort::default().column {
            self.sort(Sort::default());
        }
    }

    fn lay_out_automatic(&self, width: u16) -> Vec<ColumnLayout> {
        let mut layout = Columns { app: self, x: GUTTER, layout: Vec::new() };
        let time = self.time_width();
        let tenant = if self.feeds.len() < 2 { 0 } else { self.tenant_width(width) };
        if tenant > 0 {
            layout.add(Column::Tenant, tenant);
        }
        layout.add(Column::Severity, 6);
        layout.add(Column::Status, 4);
        layout.add(Column::Created, time);
        let rest = width.saturating_sub(layout.x);
        let optional = |enough: u16, share: u16, least: u16, most: u16| {
            if rest >= enough { (rest * share / 100).clamp(least, most) } else { 0 }
        };
        let others = [
            (Column::Device, optional(34, 24, 12, 26)),
            (Column::User, optional(86, 18, 14, 26)),
            (Column::Category, optional(130, 12, 12, 20)),
            (Column::Owner, optional(52, 12, 9, 16)),
            (Column::Classification, optional(96, 0, 9, 9)),
            (Column::Incident, optional(106, 0, 8, 8)),
        ];
        let others = others.into_iter().filter(|(_, width)| *width > 0);
        let used: u16 = others.clone().map(|(_, width)| width + 1).sum();
        layout.add(Column::Title, rest.saturating_sub(used));
        for (column, width) in others {
            layout.add(column, width);
        }
        layout.layout
    }

    fn lay_out_chosen(&self, chosen: &[ListColumn], width: u16) -> Vec<ColumnLayout> {
        let room = width.saturating_sub(GUTTER);
        let bounds = |shown: &ListColumn| match shown.width {
            Some(width) => (width, width),
            None => self.width_bounds(shown.column, width),
        };
        let mut bounds: Vec<_> = chosen.iter().map(bounds).collect();
        // The space between two columns is one column wide.
        let least =
            |bounds: &[(u16, u16)]| bounds.iter().map(|(least, _)| least + 1).sum::<u16>().saturating_sub(1);
        while bounds.len() > 1 && least(&bounds) > room {
            bounds.pop();
        }
        // Divide the rest among the columns in proportion to how much they can grow. The title has
        // no limit, so it takes half of the rest and whatever the others leave.
        let mut rest = room.saturating_sub(least(&bounds));
        let growth = |(least, most): &(u16, u16)| if *most == u16::MAX { 0 } else { most - least };
        let total: u16 = bounds.iter().map(growth).sum();
        let has_title = bounds.iter().any(|(_, most)| *most == u16::MAX);
        let share = if has_title { rest / 2 } else { rest }.min(total);
        let mut widths: Vec<_> = bounds.iter().map(|(least, _)| *least).collect();
        for (width, bounds) in widths.iter_mut().zip(&bounds) {
            let more = u32::from(growth(bounds)) * u32::from(share) / u32::from(total.max(1));
            *width += more as u16;
            rest -= more as u16;
        }
        if let Some(title) = bounds.iter().position(|(_, most)| *most == u16::MAX) {
            widths[title] += rest;
        }
        let mut layout = Columns { app: self, x: GUTTER, layout: Vec::new() };
        for (shown, width) in chosen.iter().zip(widths) {
            layout.add(shown.column, width.min(room));
        }
        layout.layout
    }

    /// Returns the minimum and the maximum width of a column in a list that is `width` columns wide.
    fn width_bounds(&self, column: Column, width: u16) -> (u16, u16) {
        match column {
            Column::Tenant => (self.tenant_width(width), self.tenant_width(width)),
            Column::Severity => (6, 6),
            Column::Status => (4, 4),
            Column::Created | Column::Updated => (self.time_width(), self.time_width()),
            Column::Title => (LEAST_TITLE, u16::MAX),
            Column::Device => (12, 26),
            Column::User => (14, 26),
            Column::Owner => (9, 16),
            Column::Source | Column::Product => (10, 32),
            Column::Category => (12, 20),
            Column::Techniques => (9, 14),
            Column::Incident => (8, 10),
            Column::Classification => (9, 9),
            Column::Determination => (10, 28),
            Column::Id => (12, 36),
        }
    }

    fn time_width(&self) -> u16 {
        u16::try_from(self.clock.cell_width()).unwrap_or(4)
    }

    fn tenant_width(&self, width: u16) -> u16 {
        let longest = self.feeds.iter().map(|feed| feed.name().width()).max().unwrap_or_default();
        let most = if width < 60 { 7 } else { (width / 8).clamp(9, 20) };
        u16::try_from(longest).unwrap_or(most).clamp(6, most)
    }

    /// Returns a column's heading, which depends on the time format.
    pub(super) fn heading(&self, column: Column) -> &'static str {
        match (column, self.clock.format) {
            (Column::Tenant, _) => "TENANT",
            (Column::Severity, _) => "SEV",
            (Column::Status, _) => "STAT",
            (Column::Created, TimeFormat::Age) => "AGE",
            (Column::Created, TimeFormat::Utc) => "CREATED UTC",
            (Column::Created, TimeFormat::Local) => "CREATED",
            (Column::Updated, TimeFormat::Age) => "UPD",
            (Column::Updated, TimeFormat::Utc) => "UPDATED UTC",
            (Column::Updated, TimeFormat::Local) => "UPDATED",
            (Column::Title, _) => "TITLE",
            (Column::Device, _) => "DEVICE",
            (Column::User, _) => "USER",
            (Column::Owner, _) => "OWNER",
            (Column::Source, _) => "SOURCE",
            (Column::Category, _) => "CATEGORY",
            (Column::Techniques, _) => "TECHNIQUE",
            (Column::Incident, _) => "INCIDENT",
            (Column::Product, _) => "PRODUCT",
            (Column::Classification, _) => "CLASS",
            (Column::Determination, _) => "DETERMINATION",
            (Column::Id, _) => "ID",
        }
    }
}

/// Columns laid out from left to right.
struct Columns<'a> {
    app: &'a App,
    x: u16,
    layout: Vec<ColumnLayout>,
}

impl Columns<'_> {
    fn add(&mut self, column: Column, width: u16) {
        let right = matches!(column, Column::Created | Column::Updated);
        let heading = self.app.heading(column);
        self.layout.push(ColumnLayout { column, heading, x: self.x, width, right });
        self.x += width + 1;
    }
}
