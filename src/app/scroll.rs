//! A cursor and a window over a list of lines.

use super::command::Motion;

/// The cursor and the window over a list of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    /// The index of the line under the cursor.
    pub cursor: usize,
    /// The index of the first line in the window.
    pub top: usize,
}

impl Scroll {
    /// Moves the cursor in a list of `len` lines with a window of `height` lines.
    pub fn go(&mut self, motion: Motion, len: usize, height: usize) {
        let last = len.saturating_sub(1);
        let by = |lines: usize| lines.max(1);
        self.cursor = match motion {
            Motion::Up => self.cursor.saturating_sub(1),
            Motion::Down => self.cursor + 1,
            Motion::HalfUp => self.cursor.saturating_sub(by(height / 2)),
            Motion::HalfDown => self.cursor + by(height / 2),
            Motion::PageUp => self.cursor.saturating_sub(by(height.saturating_sub(1))),
            Motion::PageDown => self.cursor + by(height.saturating_sub(1)),
            Motion::Top => 0,
            Motion::Bottom => last,
        }
        .min(last);
        self.show(len, height);
    }

    /// Scrolls the window by `lines`; positive is down. The cursor stays within the window.
    pub fn wheel(&mut self, lines: i32, len: usize, height: usize) {
        let furthest = len.saturating_sub(height.max(1));
        self.top = self.top.saturating_add_signed(lines as isize).min(furthest);
        self.cursor = self
            .cursor
            .clamp(self.top, (self.top + height.max(1) - 1).min(len.saturating_sub(1)).max(self.top));
    }

    /// Scrolls the window as little as needed to show the cursor, without leaving empty lines after
    /// the last line.
    pub fn show(&mut self, len: usize, height: usize) {
        self.cursor = self.cursor.min(len.saturating_sub(1));
        let lowest = (self.cursor + 1).saturating_sub(height.max(1));
        self.top = self.top.clamp(lowest, self.cursor.max(lowest)).min(len.saturating_sub(height.max(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cursor_is_always_in_the_window(
            len in 0usize..40, height in 0usize..12, moves in prop::collection::vec(0u8..10, 0..30)
        ) {
            let mut scroll = Scroll::default();
            for step in moves {
                match step {
                    0 => scroll.go(Motion::Up, len, height),
                    1 => scroll.go(Motion::Down, len, height),
                    2 => scroll.go(Motion::HalfUp, len, height),
                    3 => scroll.go(Motion::HalfDown, len, height),
                    4 => scroll.go(Motion::PageUp, len, height),
                    5 => scroll.go(Motion::PageDown, len, height),
                    6 => scroll.go(Motion::Top, len, height),
                    7 => scroll.go(Motion::Bottom, len, height),
                    8 => scroll.wheel(3, len, height),
                    _ => scroll.wheel(-3, len, height),
                }
                prop_assert!(scroll.cursor < len.max(1));
                prop_assert!(scroll.top <= scroll.cursor && scroll.cursor < scroll.top + height.max(1), "{scroll:?}");
                prop_assert!(scroll.top <= len.saturating_sub(height.max(1)), "{scroll:?}");
            }
        }
    }
}
