//! Reads files on one thread while other threads process their parts.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use super::{Files, Part};

/// The maximum number of threads that process parts.
const MAX_WORKERS: usize = 4;

/// Returns the number of threads that process parts.
pub fn workers() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_WORKERS)
}

/// Processes file parts in parallel on up to four threads. Calls `take` with the results on the
/// calling thread, in the order of the parts. Only a few parts are in memory at any time.
pub fn for_each_part<T: Send>(mut files: Files, work: impl Fn(Part) -> T + Sync, mut take: impl FnMut(T)) {
    let (parts, queue) = sync_channel::<(Part, SyncSender<T>)>(workers());
    let queue = Mutex::new(queue);
    // The results are taken in the order in which their receivers arrive.
    let (receivers, results) = sync_channel(workers());
    thread::scope(|scope| {
        for _ in 0..workers() {
            scope.spawn(|| {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                while let Ok((part, result)) = next() {
                    // The receiver is gone only if the thread that takes the results has panicked.
                    let _ = result.send(work(part));
                }
            });
        }
        scope.spawn(move || {
            while let Some(part) = files.next_part() {
                let (result, receiver) = sync_channel::<T>(1);
                if receivers.send(receiver).is_err() || parts.send((part, result)).is_err() {
                    return;
                }
            }
        });
        for result in results {
            if let Ok(result) = result.recv() {
                take(result);
            }
        }
    });
}
