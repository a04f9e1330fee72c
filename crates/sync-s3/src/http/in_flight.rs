//! How many bytes the requests under way have moved: what there is to see of a
//! part before it is complete, which may take a minute on a narrow line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of all requests under way of a store. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<AtomicU64>);

impl InFlight {
    /// Bytes that requests have sent or received which have not ended. Whether
    /// one succeeds or not, its bytes are no longer among them then.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// For one more request.
    pub(crate) fn request(&self) -> Moved {
        Moved {
            all: Arc::clone(&self.0),
            mine: AtomicU64::new(0),
        }
    }
}

/// What one request has moved, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    all: Arc<AtomicU64>,
    mine: AtomicU64,
}

impl Moved {
    pub(crate) fn add(&self, bytes: usize) {
        let bytes = bytes as u64;
        self.mine.fetch_add(bytes, Ordering::Relaxed);
        self.all.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        self.all.fetch_sub(*self.mine.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_has_moved_counts_until_it_ends() {
        let under_way = InFlight::default();
        let (one, other) = (under_way.request(), under_way.request());
        one.add(3);
        other.add(4);
        one.add(5);
        assert_eq!(under_way.bytes(), 12);
        drop(one);
        assert_eq!(under_way.bytes(), 4);
        drop(other);
        assert_eq!(under_way.bytes(), 0);
    }
}
