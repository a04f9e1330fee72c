//! A seeded executor: it decides which of the pending answers arrives next,
//! so one seed is one order of arrival, every time.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Hands out pauses and ends them in an order that follows from the seed.
#[derive(Clone)]
pub(crate) struct Scheduler(Arc<Mutex<State>>);

struct State {
    random: u64,
    steps: usize,
    paused: Vec<(Arc<AtomicBool>, Waker)>,
    counting: Vec<Waker>,
}

impl Scheduler {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: seed,
            steps: 0,
            paused: Vec::new(),
            counting: Vec::new(),
        })))
    }

    /// Waits none to three turns.
    pub(crate) async fn pause(&self) {
        let turns = self.0.lock().unwrap().below(4);
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

    /// Drives `future` to its end.
    ///
    /// It panics when nothing can happen any more, so a deadlock is a failed
    /// test and no endless one.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return done;
            }
            while !woken.0.swap(false, SeqCst) {
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
        let next = state.below(count);
        let (over, waker) = state.paused.swap_remove(next);
        over.store(true, SeqCst);
        state.steps += 1;
        let counting = std::mem::take(&mut state.counting);
        drop(state);
        waker.wake();
        counting.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
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
