//! The memory limit for a load's pages. A page counts towards the limit from the moment it is
//! requested until the receiver drops it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The maximum total size of the pages, in KB.
const MOST: u32 = 64 << 10;
/// The assumed size of a page until the first one has arrived, in KB.
const TYPICAL: u32 = 6 << 10;

/// The memory available to a load. Before a page is requested, as much memory as the largest page
/// so far needed is reserved for it, so only a page larger than all earlier ones can exceed the
/// limit.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    free: Arc<Semaphore>,
    /// The size of the largest page so far, in KB.
    largest: Arc<AtomicU32>,
}

/// The memory reserved for a page. Dropping it releases the memory.
#[derive(Debug)]
pub struct Room(Option<OwnedSemaphorePermit>);

impl Memory {
    pub(super) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(MOST as usize)), largest: Arc::new(AtomicU32::new(0)) }
    }

    /// Reserves memory for a page, waiting until enough is free.
    pub(super) async fn reserve(&self) -> Room {
        let expected = match self.largest.load(Ordering::Relaxed) {
            0 => TYPICAL,
            largest => largest.min(MOST),
        };
        // The semaphore is never closed.
        Room(Arc::clone(&self.free).acquire_many_owned(expected).await.ok())
    }

    /// Releases the memory that a page did not need, or reserves the additional memory that it
    /// needed if that much is free.
    pub(super) fn settle(&self, room: &mut Room, bytes: u64) {
        let Some(permit) = &mut room.0 else { return };
        let needed = u32::try_from(bytes >> 10).unwrap_or(MOST) + 1;
        self.largest.fetch_max(needed, Ordering::Relaxed);
        let has = u32::try_from(permit.num_permits()).unwrap_or(MOST);
        if let Some(excess) = has.checked_sub(needed) {
            drop(permit.split(excess as usize));
        } else if let Ok(more) = Arc::clone(&self.free).try_acquire_many_owned(needed - has) {
            permit.merge(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn pages_beyond_the_limit_wait_until_others_are_dropped() {
        let memory = Memory::new();
        let page = async |bytes: u64| {
            let mut room = memory.reserve().await;
            memory.settle(&mut room, bytes);
            room
        };
        let mut pages = Vec::new();
        while let Some(room) = page(7 << 20).now_or_never() {
            pages.push(room);
        }
        assert_eq!(pages.len(), 9, "64 MB hold nine pages of 7 MB");
        assert!(memory.reserve().now_or_never().is_none());
        pages.pop();
        assert!(memory.reserve().now_or_never().is_some());
    }

    #[tokio::test]
    async fn small_pages_hold_little() {
        let memory = Memory::new();
        let mut pages = Vec::new();
        for _ in 0..100 {
            let mut room = memory.reserve().now_or_never().unwrap();
            memory.settle(&mut room, 20 << 10);
            pages.push(room);
        }
    }
}
