//! Threads that drive requests beside the thread of the caller.
//!
//! One thread drives many small requests at less cost than several, which wake each
//! other; but it is full at some 6 Gbit/s, or at 10,000 requests a second. So each lane
//! is a thread with a runtime of its own, and with connections of its own: TLS,
//! signature and checksums of a request are computed where it is driven.
//!
//! A large request goes to the lane that has the least to move; the caller's thread
//! counts as one of them. A small one stays with the caller as long as that thread has
//! time left ([`share`]). Lanes are started when they are first needed.

mod share;

use std::cell::Cell;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::{io, thread};

use futures::StreamExt;
use parking_lot::Mutex;
use sync_core::{ErrorKind, Result, StoreError, store::Chunks};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::abort_on_drop::AbortOnDrop;
use share::Share;

/// The most threads: more would only wait for a store.
pub(crate) const MOST: usize = 64;

/// From this size on, in bytes, a hop to another thread costs little beside the rest.
const LARGE: u64 = 1 << 20;

/// What a request counts for besides its content, in bytes.
const REQUEST: u64 = 64 << 10;

thread_local! {
    /// The number of the lane that this thread drives; 0 for all other threads.
    static LANE: Cell<usize> = const { Cell::new(0) };
}

/// The number of the lane that the current thread drives, below [`MOST`]; 0 if it is the
/// caller's.
pub(crate) fn current() -> usize {
    LANE.get()
}

/// The lanes of a store.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// How many threads there may be, the caller's among them.
    most: usize,
    started: OnceLock<Vec<Lane>>,
    /// What the caller's thread has to move.
    own: Load,
    share: Mutex<Share>,
}

/// A thread that drives requests. It ends when this is dropped.
#[derive(Debug)]
struct Lane {
    runtime: Handle,
    load: Load,
    _stop: oneshot::Sender<()>,
}

/// The bytes that a lane has to move.
#[derive(Debug, Clone, Default)]
struct Load(Arc<AtomicU64>);

/// Where a request is driven. It counts there until this is dropped.
pub(crate) struct Place {
    lane: Option<Handle>,
    load: Load,
    bytes: u64,
}

impl Lanes {
    /// At most `threads`, the caller's among them.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            most: threads.clamp(1, MOST),
            started: OnceLock::new(),
            own: Load::default(),
            share: Mutex::default(),
        }
    }

    /// The place for a request that moves `bytes` of content.
    pub(crate) fn place(&self, bytes: u64) -> Place {
        let lane = self.lane_for(bytes);
        let load = lane.map_or(&self.own, |lane| &lane.load).clone();
        let bytes = bytes + REQUEST;
        load.0.fetch_add(bytes, Ordering::Relaxed);
        Place {
            lane: lane.map(|lane| lane.runtime.clone()),
            load,
            bytes,
        }
    }

    /// The lane for a request of `bytes`; none if the caller's thread is the place.
    fn lane_for(&self, bytes: u64) -> Option<&Lane> {
        // What a lane asks for in turn stays where it is.
        if self.most == 1 || current() != 0 {
            return None;
        }
        let is_large = bytes >= LARGE;
        if !is_large && !self.share.lock().is_to_leave() {
            return None;
        }
        let lanes = self.started.get_or_init(|| start(self.most - 1));
        let least = lanes.iter().min_by_key(|lane| lane.load.bytes())?;
        (!is_large || least.load.bytes() <= self.own.bytes()).then_some(least)
    }
}

impl Load {
    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Does `work` at this place. Dropping the future aborts it.
    ///
    /// # Errors
    /// Those of `work`; `Stopped` if the runtime of the lane has ended.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        // Those of requests are large, and would be copied into larger ones.
        let work = Box::pin(work);
        let Some(runtime) = &self.lane else {
            return work.await;
        };
        let task = runtime.spawn(work);
        let _aborted = AbortOnDrop::from(&task);
        match task.await {
            Ok(done) => done,
            // As if it had been done by the caller's thread.
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(error) => {
                let message = "the thread that sends requests has ended";
                Err(StoreError::new(ErrorKind::Stopped, message).with_source(error))
            }
        }
    }

    /// `chunks`, which count here until all of them have come.
    pub(crate) fn holding(self, chunks: Chunks) -> Chunks {
        if self.bytes < LARGE {
            return chunks;
        }
        Chunks::new(chunks.inspect(move |_| {
            let _held = &self;
        }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Starts `count` lanes, or as many as the system permits.
fn start(count: usize) -> Vec<Lane> {
    let mut lanes = Vec::with_capacity(count);
    for number in 1..=count {
        match Lane::start(number) {
            Ok(lane) => lanes.push(lane),
            Err(error) => {
                tracing::warn!(%error, threads = number, "cannot start more threads for requests");
                break;
            }
        }
    }
    lanes
}

impl Lane {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new()
            .name(format!("s3mirror-{number}"))
            .spawn(move || {
                LANE.set(number);
                // It ends when the sender is dropped; nothing is ever sent.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_background();
            })?;
        Ok(Self {
            runtime: handle,
            load: Load::default(),
            _stop: stop,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lane_of(place: &Place) -> usize {
        place.run(async { Ok(current()) }).await.unwrap()
    }

    #[tokio::test]
    async fn large_requests_are_spread_and_small_ones_stay_with_the_caller() {
        let lanes = Lanes::new(3);
        let mut used = Vec::new();
        let mut held = Vec::new();
        for _ in 0..6 {
            let place = lanes.place(LARGE);
            used.push(lane_of(&place).await);
            held.push(place);
        }
        used.sort_unstable();
        assert_eq!(used, [0, 0, 1, 1, 2, 2]);
        assert_eq!(lane_of(&lanes.place(10)).await, 0);
        drop(held);
        assert_eq!(lanes.own.bytes(), 0);
    }

    #[tokio::test]
    async fn one_thread_is_that_of_the_caller() {
        let lanes = Lanes::new(1);
        let places = [lanes.place(LARGE), lanes.place(LARGE)];
        assert_eq!(lane_of(&places[1]).await, 0);
        assert!(lanes.started.get().is_none());
    }

    #[tokio::test]
    async fn what_a_lane_asks_for_in_turn_stays_there() {
        let lanes = Arc::new(Lanes::new(4));
        let place = lanes.place(LARGE);
        let inner = Arc::clone(&lanes);
        let nested = async move { Ok((current(), lane_of(&inner.place(LARGE)).await)) };
        let (outer, inner) = place.run(nested).await.unwrap();
        assert_eq!((outer, inner), (1, 1));
    }

    #[tokio::test]
    async fn a_request_that_nobody_waits_for_is_aborted() {
        struct Ended(Option<oneshot::Sender<()>>);
        impl Drop for Ended {
            fn drop(&mut self) {
                self.0.take().map(|ended| ended.send(()));
            }
        }
        let lanes = Lanes::new(2);
        let place = lanes.place(LARGE);
        let (ended, has_ended) = oneshot::channel();
        let (begun, has_begun) = oneshot::channel();
        let endless = async move {
            let _ended = Ended(Some(ended));
            begun.send(()).ok();
            std::future::pending::<Result<()>>().await
        };
        {
            let work = Box::pin(place.run(endless));
            let begun = Box::pin(has_begun);
            assert!(matches!(
                futures::future::select(work, begun).await,
                futures::future::Either::Right(_)
            ));
        }
        has_ended.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_of_a_lane_is_one_of_the_caller() {
        let lanes = Lanes::new(2);
        let place = lanes.place(LARGE);
        let work = place.run(async { std::panic::panic_any(7) });
        let caught: std::thread::Result<Result<()>> =
            futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(work)).await;
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&7));
    }

    #[tokio::test]
    async fn chunks_count_until_all_have_come() {
        let lanes = Lanes::new(2);
        let place = lanes.place(LARGE);
        let content = bytes::Bytes::from_static(b"content");
        let chunks = place.holding(content.into());
        let lane = &lanes.started.get().unwrap()[0];
        assert_eq!(lane.load.bytes(), LARGE + REQUEST);
        chunks.bytes().await.unwrap();
        assert_eq!(lane.load.bytes(), 0);
    }
}
