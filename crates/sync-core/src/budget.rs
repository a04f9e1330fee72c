//! Bounds how many transfers are under way and how many bytes they hold.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

/// A number of slots and of bytes that are lent out in the order of asking.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Mutex<State>>);

struct State {
    slots: usize,
    bytes: u64,
    all_bytes: u64,
    waiting: VecDeque<(u64, oneshot::Sender<Permit>)>,
}

/// One slot and some bytes of a [`Budget`], given back when dropped.
pub(crate) struct Permit {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(slots: usize, bytes: u64) -> Self {
        // Of no bytes at all, everyone would get all there is.
        let bytes = bytes.max(1);
        Self(Arc::new(Mutex::new(State {
            slots: slots.max(1),
            bytes,
            all_bytes: bytes,
            waiting: VecDeque::new(),
        })))
    }

    /// Waits for a slot and `bytes`. Who asks for more than there is at all
    /// gets everything, alone.
    pub(crate) async fn acquire(&self, bytes: u64) -> Permit {
        let receiver = {
            let mut state = self.lock();
            let bytes = bytes.min(state.all_bytes);
            state.forget_the_gone();
            if state.waiting.is_empty() && state.take(bytes) {
                let budget = self.clone();
                return Permit { budget, bytes };
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.push_back((bytes, sender));
            receiver
        };
        match receiver.await {
            Ok(permit) => permit,
            // The sender is dropped only with the budget, which `self` keeps.
            Err(oneshot::Canceled) => std::future::pending().await,
        }
    }

    /// Serves those who wait, as far as it goes. A permit that nobody takes
    /// any more comes back by its drop, which serves on; so the lock is never
    /// held while one is sent.
    fn serve(&self) {
        loop {
            let (permit, sender) = {
                let mut state = self.lock();
                let Some(&(bytes, _)) = state.waiting.front() else {
                    return;
                };
                if !state.take(bytes) {
                    return;
                }
                let Some((bytes, sender)) = state.waiting.pop_front() else {
                    return;
                };
                let budget = self.clone();
                (Permit { budget, bytes }, sender)
            };
            let _ = sender.send(permit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Nobody waits behind those who have given up.
    fn forget_the_gone(&mut self) {
        self.waiting.retain(|(_, sender)| !sender.is_canceled());
    }

    fn take(&mut self, bytes: u64) -> bool {
        let fits = self.slots > 0 && self.bytes >= bytes;
        if fits {
            self.slots -= 1;
            self.bytes -= bytes;
        }
        fits
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = self.budget.lock();
            state.slots += 1;
            state.bytes += self.bytes;
        }
        self.budget.serve();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn slots_and_bytes_are_both_bounded() {
        let budget = Budget::new(2, 10);
        let first = budget.acquire(6).now_or_never().unwrap();
        assert!(budget.acquire(6).now_or_never().is_none(), "bytes");
        let second = budget.acquire(4).now_or_never().unwrap();
        assert!(budget.acquire(0).now_or_never().is_none(), "slots");
        drop((first, second));
        assert!(budget.acquire(10).now_or_never().is_some());
    }

    #[test]
    fn a_wish_above_the_budget_gets_all_of_it() {
        let budget = Budget::new(2, 10);
        let all = budget.acquire(99).now_or_never().unwrap();
        assert!(budget.acquire(1).now_or_never().is_none());
        drop(all);
        assert!(budget.acquire(1).now_or_never().is_some());
    }

    #[test]
    fn those_who_wait_are_served_in_order_and_the_gone_are_passed_over() {
        let budget = Budget::new(1, 10);
        let held = budget.acquire(1).now_or_never().unwrap();
        let mut gone = Box::pin(budget.acquire(1));
        let mut next = Box::pin(budget.acquire(1));
        assert!(gone.as_mut().now_or_never().is_none());
        assert!(next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(held);
        assert!(next.now_or_never().is_some());
    }
}
