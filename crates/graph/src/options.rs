//! Records the list options that a service has rejected, so that each is requested only once. This
//! module neither sends requests nor reads responses.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{error::ListOption, request::ListQuery};

/// The list options that a service has rejected. Cheap to clone; clones share the options.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusedOptions(Arc<Mutex<Refused>>);

#[derive(Debug, Default)]
struct Refused {
    /// The smallest page size that the service rejected, and the page size to request instead. If
    /// the latter is `None`, the service chooses.
    top: Option<(u32, Option<u32>)>,
    /// True if the service refused to count matches.
    count: bool,
}

impl RefusedOptions {
    /// Returns a query without the options that the service has rejected, or with smaller pages.
    pub(crate) fn left_out_of(&self, query: &ListQuery) -> ListQuery {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let top = match (query.top, refused.top) {
            (Some(asked), Some((limit, instead))) if asked >= limit => instead,
            (asked, _) => asked,
        };
        ListQuery { top, count: query.count && !refused.count, ..query.clone() }
    }

    /// Records an option of `query` that the service has rejected. Returns whether a modified query
    /// can be sent instead.
    pub(crate) fn add(&self, option: ListOption, query: &ListQuery) -> bool {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (option, query.top) {
            (ListOption::Top(limit), Some(asked)) => {
                let limit = limit.map(|limit| u32::from(limit.get()));
                refused.top = Some((asked, limit.filter(|limit| *limit < asked)));
                true
            }
            (ListOption::Top(_), None) => false,
            (ListOption::Count, _) => {
                refused.count = true;
                query.count
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU16;

    fn query(top: u32) -> ListQuery {
        ListQuery { filter: Some("x".to_owned()), top: Some(top), count: true }
    }

    #[test]
    fn a_refused_page_size_and_larger_ones_are_replaced() {
        let refused = RefusedOptions::default();
        assert_eq!(refused.left_out_of(&query(1000)), query(1000));
        assert!(refused.clone().add(ListOption::Top(NonZeroU16::new(100)), &query(500)));
        for (asked, sent) in [(50, 50), (499, 499), (500, 100), (1000, 100)] {
            assert_eq!(refused.left_out_of(&query(asked)), query(sent));
        }
        // The limit that the service named is rejected too.
        assert!(refused.add(ListOption::Top(NonZeroU16::new(100)), &query(100)));
        assert_eq!(refused.left_out_of(&query(1000)).top, None);
        assert!(!refused.add(ListOption::Top(None), &refused.left_out_of(&query(1000))));
    }

    #[test]
    fn a_refused_count_is_left_out() {
        let refused = RefusedOptions::default();
        assert!(refused.add(ListOption::Count, &query(50)));
        let sent = refused.left_out_of(&query(50));
        assert_eq!((sent.count, sent.top), (false, Some(50)));
        assert!(!refused.add(ListOption::Count, &sent));
    }
}
