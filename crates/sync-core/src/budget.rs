//! Bounds how many transfers are under way and how many bytes they hold.
//!
//! Both may change while transfers are under way: whoever asks says how many
//! slots there are now, and [`Budget::resize`] how many bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::channel::oneshot;
use parking_lot::{Mutex, MutexGuard};

/// Slots and bytes that are lent out in the order of asking.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Mutex<State>>);

struct State {
    lent: usize,
    /// How many may be lent, as the last one to ask said.
    slots: usize,
    lent_bytes: u64,
    all_bytes: u64,
    waiting: VecDeque<(u64, oneshot::Sender<Permit>)>,
}

/// One slot and some bytes of a [`Budget`], given back when dropped.
pub(crate) struct Permit {
    budget: Budget,
    bytes: u64,
    has_slot: bool,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            lent: 0,
            slots: 1,
            lent_bytes: 0,
            all_bytes: at_least_one(bytes),
            waiting: VecDeque::new(),
        })))
    }

    /// From now on there are `bytes` in all. If they are fewer than before, what is
    /// lent above that has to come back first.
    pub(crate) fn resize(&self, bytes: u64) {
        self.lock().all_bytes = at_least_one(bytes);
    }

    /// Waits for one of `slots` and for `bytes`. Who asks for more than there
    /// is at all gets everything, alone.
    pub(crate) async fn acquire(&self, slots: usize, bytes: u64) -> Permit {
        let receiver = {
            let mut state = self.lock();
            state.slots = slots.max(1);
            state.forget_the_gone();
            if state.waiting.is_empty() && state.take(bytes) {
                let budget = self.clone();
                return Permit::new(budget, bytes);
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.push_back((bytes, sender));
            receiver
        };
        // There may be more slots or bytes than when the others began to wait.
        self.serve();
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
                state.forget_the_gone();
                let Some(&(bytes, _)) = state.waiting.front() else {
                    return;
                };
                if !state.take(bytes) {
                    return;
                }
                let Some((_, sender)) = state.waiting.pop_front() else {
                    return;
                };
                let budget = self.clone();
                (Permit::new(budget, bytes), sender)
            };
            let _ = sender.send(permit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl State {
    /// Nobody waits behind those who have given up. Those further back are
    /// skipped when it is their turn.
    fn forget_the_gone(&mut self) {
        while let Some((_, sender)) = self.waiting.front()
            && sender.is_canceled()
        {
            self.waiting.pop_front();
        }
    }

    /// Lends a slot and `bytes`, if there are as many. More than there are in all is
    /// lent alone, and counts as what it is: there may be more later.
    fn take(&mut self, bytes: u64) -> bool {
        let wanted = bytes.min(self.all_bytes);
        let fits =
            self.lent < self.slots && self.lent_bytes.saturating_add(wanted) <= self.all_bytes;
        if fits {
            self.lent += 1;
            self.lent_bytes += bytes;
        }
        fits
    }
}

impl Permit {
    fn new(budget: Budget, bytes: u64) -> Self {
        Self {
            budget,
            bytes,
            has_slot: true,
        }
    }

    /// Gives the slot back, and keeps the bytes.
    pub(crate) fn release_slot(&mut self) {
        if std::mem::take(&mut self.has_slot) {
            self.budget.lock().lent -= 1;
            self.budget.serve();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = self.budget.lock();
            state.lent -= usize::from(self.has_slot);
            state.lent_bytes -= self.bytes;
        }
        self.budget.serve();
    }
}

/// Of no bytes at all, everyone would get all there is.
fn at_least_one(bytes: u64) -> u64 {
    bytes.max(1)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn slots_and_bytes_are_both_bounded() {
        let budget = Budget::new(10);
        let first = budget.acquire(2, 6).now_or_never().unwrap();
        assert!(budget.acquire(2, 6).now_or_never().is_none(), "bytes");
        let second = budget.acquire(2, 4).now_or_never().unwrap();
        assert!(budget.acquire(2, 0).now_or_never().is_none(), "slots");
        drop((first, second));
        assert!(budget.acquire(2, 10).now_or_never().is_some());
    }

    #[test]
    fn a_wish_above_the_budget_gets_all_of_it() {
        let budget = Budget::new(10);
        let all = budget.acquire(2, 99).now_or_never().unwrap();
        assert!(budget.acquire(2, 1).now_or_never().is_none());
        drop(all);
        assert!(budget.acquire(2, 1).now_or_never().is_some());
    }

    #[test]
    fn those_who_wait_are_served_in_order_and_the_gone_are_skipped() {
        let budget = Budget::new(10);
        let held = budget.acquire(1, 1).now_or_never().unwrap();
        let mut gone = Box::pin(budget.acquire(1, 1));
        let mut next = Box::pin(budget.acquire(1, 1));
        assert!(gone.as_mut().now_or_never().is_none());
        assert!(next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(held);
        assert!(next.now_or_never().is_some());
    }

    #[test]
    fn nobody_waits_for_what_the_gone_have_asked_for() {
        let budget = Budget::new(10);
        let held = budget.acquire(9, 5).now_or_never().unwrap();
        let mut first = Box::pin(budget.acquire(9, 6));
        let mut gone = Box::pin(budget.acquire(9, 10));
        let mut last = Box::pin(budget.acquire(9, 4));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(gone.as_mut().now_or_never().is_none());
        assert!(last.as_mut().now_or_never().is_none());
        drop(gone);
        drop(held);
        let first = first.now_or_never().unwrap();
        assert!(last.now_or_never().is_some());
        drop(first);
    }

    #[test]
    fn the_number_of_slots_follows_what_is_asked_for() {
        let budget = Budget::new(10);
        let first = budget.acquire(1, 1).now_or_never().unwrap();
        let mut second = Box::pin(budget.acquire(1, 1));
        assert!(second.as_mut().now_or_never().is_none());
        // More: who has waited gets it, before the one who brought it.
        let mut third = Box::pin(budget.acquire(2, 1));
        assert!(third.as_mut().now_or_never().is_none());
        let second = second.now_or_never().unwrap();
        // Fewer: nobody until all above that have gone.
        let mut fourth = Box::pin(budget.acquire(1, 1));
        assert!(fourth.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn a_slot_may_be_given_back_before_the_bytes() {
        let budget = Budget::new(10);
        let mut first = budget.acquire(1, 6).now_or_never().unwrap();
        let mut second = Box::pin(budget.acquire(1, 4));
        assert!(second.as_mut().now_or_never().is_none());
        first.release_slot();
        first.release_slot();
        let second = second.now_or_never().unwrap();
        assert!(budget.acquire(2, 1).now_or_never().is_none(), "the bytes");
        drop(first);
        assert!(budget.acquire(1, 1).now_or_never().is_none(), "the slot");
        drop(second);
        assert!(budget.acquire(1, 10).now_or_never().is_some());
    }

    #[test]
    fn the_number_of_bytes_may_change() {
        let budget = Budget::new(4);
        let first = budget.acquire(9, 4).now_or_never().unwrap();
        let mut second = Box::pin(budget.acquire(9, 4));
        assert!(second.as_mut().now_or_never().is_none());
        budget.resize(8);
        // Who asks next sees to it that those who wait get what there is now.
        let mut third = Box::pin(budget.acquire(9, 4));
        assert!(third.as_mut().now_or_never().is_none());
        let second = second.now_or_never().unwrap();
        // Fewer: nobody until what is lent is within them.
        budget.resize(4);
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn a_wish_above_what_there_is_by_now_is_served_all_the_same() {
        let budget = Budget::new(10);
        let held = budget.acquire(9, 10).now_or_never().unwrap();
        let mut waits = Box::pin(budget.acquire(9, 8));
        assert!(waits.as_mut().now_or_never().is_none());
        budget.resize(2);
        drop(held);
        assert!(waits.now_or_never().is_some());
    }

    #[test]
    fn a_wish_above_the_budget_stays_alone_when_there_is_more() {
        let budget = Budget::new(10);
        let held = budget.acquire(9, 99).now_or_never().unwrap();
        budget.resize(20);
        assert!(budget.acquire(9, 5).now_or_never().is_none(), "99 are held");
        budget.resize(104);
        assert!(budget.acquire(9, 5).now_or_never().is_some());
        drop(held);
        let all = budget.acquire(9, u64::MAX).now_or_never().unwrap();
        assert!(budget.acquire(9, 1).now_or_never().is_none());
        drop(all);
    }
}
