//! The limit of open files: raised to what a run can make use of, and bounds
//! on the requests in flight, and on the threads that send them, where it cannot be
//! raised so far.
//!
//! A shell often gives 1,024, macOS 256, while the hard limit is far higher; the
//! low ones are for programs that use select(2), which this one does not.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than a run ever opens.
const WANTED: u64 = 4_096;

/// For the standard streams, the runtime, locks, spools, the directories of a
/// walk, and what a library opens for a moment.
const RESERVED: u64 = 96;

/// What a request in flight may have open: its connection, the file and its
/// directory; of small files, one more waits to be put on disk.
const EACH: u64 = 4;

/// The handles of a limit for which there may be one thread that sends requests. It
/// needs four for its runtime, and keeps connections for itself.
const FOR_EACH_THREAD: u64 = 64;

/// Raises the limit as far as it may be; to be called before anything is opened.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(WANTED).min(WANTED);
    if limit.current.is_some_and(|current| current < most) {
        // Where it is refused, there are fewer requests at once.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(most),
                maximum: limit.maximum,
            },
        );
    }
}

/// The most requests in flight for which the limit suffices.
pub fn most_requests() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        let limit = getrlimit(Resource::Nofile).current;
        limit.map_or(usize::MAX, requests_within)
    })
}

/// The most threads that send requests for which the limit suffices.
pub fn most_threads() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, threads_within)
}

fn threads_within(limit: u64) -> usize {
    usize::try_from(limit / FOR_EACH_THREAD)
        .unwrap_or(usize::MAX)
        .max(1)
}

fn requests_within(limit: u64) -> usize {
    let requests = limit.saturating_sub(RESERVED) / EACH;
    usize::try_from(requests).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_stays_below_the_limit() {
        for limit in [128, 256, 1_024, 4_096] {
            let open = requests_within(limit) as u64 * EACH + RESERVED;
            assert!(open <= limit, "{open} of {limit}");
        }
        assert_eq!(requests_within(256), 40);
        assert!(requests_within(WANTED) >= sync_s3::MAX_CONCURRENCY);
        assert_eq!(requests_within(10), 1, "it is tried all the same");
    }

    #[test]
    fn threads_take_a_small_part_of_the_limit() {
        assert_eq!([120, 256, 1_024].map(threads_within), [1, 4, 16]);
        assert_eq!(threads_within(10), 1, "that of the caller");
    }
}
