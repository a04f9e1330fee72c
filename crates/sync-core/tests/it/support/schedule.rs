//! A seeded executor: it decides which of the pending answers arrives next,
//! so one seed is one order of arrival, every time.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::Random;

/// Hands out pauses and ends them in an order that follows from the seed.
#[derive(Clone)]
pub(crate) struct Scheduler(Arc<Mutex<State>>);

struct State {
    random: Random,
    steps: usize,
    paused: Vec<(Arc<AtomicBool>, Waker)>,
    counting: Vec<Waker>,
}

impl Scheduler {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            steps: 0,
            paused: Vec::new(),
            counting: Vec::new(),
        })))
    }

    /// Waits none to three turns.
    pub(crate) async fn pause(&self) {
        let turns = self.0.lock().unwrap().random.below(4);
        for _ in 0..turns {
            let scheduler = self.clone();
            let over = Arc::new(AtomicBool::new(false));
            Pause { scheduler, over }.await;
        }
    }

    /// Ready once that many pauses are over.
    pub(crate) fn after(&self, steps: usize) -> impl Future<Output = ()> + Send + 'static {
        let scheduler = self.clone();
        std::future::poll_fn(move |cx| {
            let mut state = scheduler.0.lock().unwrap();
            if state.steps >= steps {
                return Poll::Ready(());
            }
            state.counting.push(cx.waker().clone());
            Poll::Pending
        })
    }

    /// How many pauses are over.
    pub(crate) fn steps(&self) -> usize {
        self.0.lock().unwrap().steps
    }

    /// Drives `future` to its end.
    ///
    /// It panics when nothing can happen any more, so a deadlock is a failed
    /// test and no endless one.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let done = self.run_for(future, usize::MAX);
        done.unwrap()
    }

    /// Drives `future` to its end, or drops it when `steps` pauses are over:
    /// to what it works with, that is like a kill.
    pub(crate) fn run_for<T>(&self, future: impl Future<Output = T>, steps: usize) -> Option<T> {
        let last = self.steps().saturating_add(steps);
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(done);
            }
            while !woken.0.swap(false, SeqCst) {
                if self.steps() >= last {
                    self.0.lock().unwrap().paused.clear();
                    return None;
                }
                self.step();
            }
        }
    }

    fn step(&self) {
        let mut state = self.0.lock().unwrap();
        assert!(
            !state.paused.is_empty(),
            "deadlock: everything waits for nothing"
        );
        let count = state.paused.len();
        let next = state.random.below(count);
        let (over, waker) = state.paused.swap_remove(next);
        over.store(true, SeqCst);
        state.steps += 1;
        let counting = std::mem::take(&mut state.counting);
        drop(state);
        waker.wake();
        counting.into_iter().for_each(Waker::wake);
    }
}

struct Pause {
    scheduler: Scheduler,
    over: Arc<AtomicBool>,
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.over.load(SeqCst) {
            return Poll::Ready(());
        }
        let paused = (Arc::clone(&self.over), cx.waker().clone());
        self.scheduler.0.lock().unwrap().paused.push(paused);
        Poll::Pending
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}
