//! The screen layout, computed from the screen size and the state of the panes and the filter bar.

/// A rectangle of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are plain")]
pub struct Area {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

impl Area {
    /// Returns whether the rectangle contains a cell.
    pub fn contains(self, x: u16, y: u16) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }

    /// Cuts up to `rows` rows off the top and returns them.
    fn take_top(&mut self, rows: u16) -> Self {
        let rows = rows.min(self.height);
        let top = Self { height: rows, ..*self };
        self.y += rows;
        self.height -= rows;
        top
    }

    /// Cuts up to `rows` rows off the bottom and returns them.
    fn take_bottom(&mut self, rows: u16) -> Self {
        let rows = rows.min(self.height);
        self.height -= rows;
        Self { y: self.y + self.height, height: rows, ..*self }
    }
}

/// A pane that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The list of alerts.
    List,
    /// The details of the alert under the cursor.
    Detail,
}

/// How the panes are arranged (docs/console.md, "Layout").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Fewer than 20 columns or 5 rows: only a message is shown.
    TooSmall,
    /// Only the focused pane.
    Small,
    /// The list above the detail pane.
    Narrow,
    /// The list beside the detail pane.
    Wide,
}

/// The inputs to the layout.
#[derive(Clone, Copy, Debug)]
pub struct LayoutInput {
    /// The width of the screen in columns.
    pub width: u16,
    /// The height of the screen in rows.
    pub height: u16,
    /// The focused pane. On a small screen, only this pane is visible.
    pub focus: Pane,
    /// Whether the focused pane fills the screen.
    pub zoom: bool,
    /// Whether the filter is being edited.
    pub editing: bool,
    /// The list's share of the screen width in per cent when the panes are side by side.
    pub split: u16,
    /// Whether there are saved views to show as tabs.
    pub tabs: bool,
    /// The number of severities with alerts, each of which has a row in the histogram.
    pub severities: u16,
}

/// The areas of the screen; hidden ones are `None` or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How the panes are arranged.
    pub shape: Shape,
    /// The header: tenant, counts, completeness.
    pub header: Area,
    /// The saved views; `None` if there is no room for them.
    pub tabs: Option<Area>,
    /// The filter bar.
    pub filter: Area,
    /// The compiled filter.
    pub compiled: Option<Area>,
    /// The histogram, which has no rows if there are no alerts; `None` if there is no room for it.
    pub histogram: Option<Area>,
    /// The list's column headings.
    pub list_head: Option<Area>,
    /// The rows of the list.
    pub list: Option<Area>,
    /// The horizontal rule that shows the detail pane's title.
    pub detail_head: Option<Area>,
    /// The lines of the detail pane.
    pub detail: Option<Area>,
    /// The divider, if the panes are side by side.
    pub divider: Option<Area>,
    /// The key bar, which also shows notices.
    pub keys: Area,
}

/// The minimum width of each pane when the panes are side by side.
const MIN_PANE: u16 = 40;

impl Layout {
    /// Lays out the screen.
    pub fn new(input: LayoutInput) -> Self {
        let LayoutInput { width, height, focus, zoom, editing, split, tabs, severities } = input;
        let mut rest = Area { x: 0, y: 0, width, height };
        let shape = match (width, height) {
            _ if width < 20 || height < 5 => Shape::TooSmall,
            (110.., 10..) => Shape::Wide,
            (60.., 18..) => Shape::Narrow,
            _ => Shape::Small,
        };
        let nothing = Area::default();
        let mut layout = Self {
            shape,
            header: nothing,
            tabs: None,
            filter: nothing,
            compiled: None,
            histogram: None,
            list_head: None,
            list: None,
            detail_head: None,
            detail: None,
            divider: None,
            keys: nothing,
        };
        if shape == Shape::TooSmall {
            return layout;
        }
        layout.header = rest.take_top(1);
        if tabs && height >= 30 && shape != Shape::Small {
            layout.tabs = Some(rest.take_top(1));
        }
        layout.filter = rest.take_top(1);
        layout.keys = rest.take_bottom(1);
        if (shape == Shape::Wide || editing) && rest.height > 3 {
            layout.compiled = Some(rest.take_top(1));
        }
        if height >= 30 && shape != Shape::Small {
            layout.histogram = Some(rest.take_top(severities));
        }
        let one = zoom || shape == Shape::Small;
        match shape {
            _ if one && focus == Pane::List => layout.place_list(rest),
            _ if one => layout.place_detail(rest),
            Shape::Wide => {
                let share = u32::from(width) * u32::from(split.clamp(10, 90)) / 100;
                let list = (share as u16).clamp(MIN_PANE, width - MIN_PANE);
                layout.divider = Some(Area { x: list, width: 1, ..rest });
                layout.place_list(Area { width: list - 1, ..rest });
                layout.place_detail(Area { x: list + 2, width: width - list - 2, ..rest });
            }
            _ => {
                let detail = rest.take_bottom(rest.height / 2);
                layout.place_list(rest);
                layout.place_detail(detail);
            }
        }
        layout
    }

    fn place_list(&mut self, mut area: Area) {
        self.list_head = Some(area.take_top(1));
        self.list = Some(area);
    }

    fn place_detail(&mut self, mut area: Area) {
        self.detail_head = Some(area.take_top(1));
        self.detail = Some(area);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn areas(layout: &Layout) -> Vec<Area> {
        let optional = [
            layout.tabs,
            layout.compiled,
            layout.histogram,
            layout.list_head,
            layout.list,
            layout.detail_head,
            layout.detail,
            layout.divider,
        ];
        let mut areas: Vec<_> = optional.into_iter().flatten().collect();
        areas.extend([layout.header, layout.filter, layout.keys]);
        areas
    }

    #[test]
    fn areas_never_overlap_or_leave_the_screen() {
        for width in 0..=220 {
            for height in 0..=60 {
                for (focus, zoom, editing, split, tabs, severities) in [
                    (Pane::List, false, false, 45, true, 4),
                    (Pane::Detail, false, true, 99, false, 0),
                    (Pane::Detail, true, true, 0, true, 2),
                ] {
                    let layout = Layout::new(LayoutInput {
                        width,
                        height,
                        focus,
                        zoom,
                        editing,
                        split,
                        tabs,
                        severities,
                    });
                    let mut cells = vec![false; usize::from(width) * usize::from(height)];
                    for area in areas(&layout) {
                        for y in area.y..area.y + area.height {
                            for x in area.x..area.x + area.width {
                                assert!(x < width && y < height, "{width}x{height} {area:?}");
                                let at = usize::from(y) * usize::from(width) + usize::from(x);
                                assert!(
                                    !std::mem::replace(&mut cells[at], true),
                                    "{width}x{height} {area:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn shapes_start_at_their_sizes() {
        let shape = |width, height| {
            Layout::new(LayoutInput {
                width,
                height,
                focus: Pane::List,
                zoom: false,
                editing: false,
                split: 45,
                tabs: true,
                severities: 4,
            })
            .shape
        };
        assert_eq!(shape(110, 24), Shape::Wide);
        assert_eq!(shape(109, 24), Shape::Narrow);
        assert_eq!(shape(60, 18), Shape::Narrow);
        assert_eq!(shape(60, 17), Shape::Small);
        assert_eq!(shape(59, 50), Shape::Small);
        assert_eq!(shape(20, 5), Shape::Small);
        assert_eq!(shape(19, 5), Shape::TooSmall);
        assert_eq!(shape(200, 4), Shape::TooSmall);
        assert_eq!(shape(u16::MAX, 50), Shape::Wide);
    }
}
