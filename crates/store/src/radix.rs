//! A stable radix sort that runs in slices.

/// The maximum number of bits in a digit. A pass writes to one place for each digit value, and all
/// these places must fit into the processor's cache.
const DIGIT: u32 = 11;

/// A sort in progress. Items whose keys are equal keep their order.
#[derive(Debug)]
pub(crate) struct Radix {
    items: Vec<u64>,
    /// The buffer to which the current pass moves the items.
    next: Vec<u64>,
    /// The number of low bits that are not part of an item's key.
    low: u32,
    /// The number of bits in a digit.
    width: u32,
    /// The digits left to sort by, lowest first.
    digits: std::ops::Range<u32>,
    /// The number of items that the current step has processed.
    at: usize,
    /// For each digit value, the number of items that have it or, while items are being moved, the
    /// place for the next item that has it.
    places: Vec<u32>,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Count,
    Move,
}

impl Radix {
    /// Prepares to sort items. The lowest `low` bits of an item are not part of its key. The bits
    /// above them are the key, which is at most `largest`.
    pub(crate) fn new(items: Vec<u64>, low: u32, largest: u64) -> Self {
        let bits = u64::BITS - largest.leading_zeros();
        let passes = bits.div_ceil(DIGIT);
        let width = bits.div_ceil(passes.max(1));
        let places = vec![0; 1 << width];
        Self { items, next: Vec::new(), low, width, digits: 0..passes, at: 0, places, step: Step::Count }
    }

    /// Continues the sort. Processing an item once is one unit of work. Returns the items once they
    /// are sorted.
    pub(crate) fn advance(&mut self, work: &mut usize) -> Option<Vec<u64>> {
        while !self.digits.is_empty() {
            if *work == 0 {
                return None;
            }
            let (shift, mask) = (self.low + self.digits.start * self.width, self.places.len() as u64 - 1);
            let digit = |item: &u64| (item >> shift & mask) as usize;
            let end = self.items.len().min(self.at.saturating_add(*work));
            let items = &self.items[self.at..end];
            match self.step {
                Step::Count => items.iter().for_each(|item| self.places[digit(item)] += 1),
                Step::Move => {
                    for item in items {
                        let place = &mut self.places[digit(item)];
                        self.next[*place as usize] = *item;
                        *place += 1;
                    }
                }
            }
            *work -= end - self.at;
            self.at = end;
            if end == self.items.len() {
                self.step();
            }
        }
        Some(std::mem::take(&mut self.items))
    }

    /// Starts the next step.
    fn step(&mut self) {
        self.at = 0;
        if self.step == Step::Count {
            let mut place = 0;
            for count in &mut self.places {
                place += std::mem::replace(count, place);
            }
            // Only the length matters, because every item will be overwritten.
            self.next.resize(self.items.len(), 0);
            self.step = Step::Move;
        } else {
            std::mem::swap(&mut self.items, &mut self.next);
            self.places.fill(0);
            self.digits.start += 1;
            self.step = Step::Count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn items_are_sorted_by_key_and_equal_ones_stay_in_order(
            keys in prop::collection::vec(prop_oneof![0u64..4, 0..1u64 << 58], 0..60),
            unused in 0u32..58,
            slice in 1usize..40,
        ) {
            let items: Vec<_> = keys.iter().zip(0..).map(|(key, at)| key >> unused << 6 | at).collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            let mut radix = Radix::new(items, 6, ((1 << 58) - 1) >> unused);
            let sorted = loop {
                let mut work = slice;
                if let Some(sorted) = radix.advance(&mut work) {
                    break sorted;
                }
                prop_assert_eq!(work, 0);
            };
            prop_assert_eq!(sorted, expected);
        }
    }
}
