//! The transfers that nothing is in the way of: all side by side, and those that
//! have to wait for a clock after the others.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::future::ready;
use futures::stream::{self, StreamExt};

use super::last_looks::with_last_looks;
use super::run::{Rest, Run};
use super::transfer::Done;
use crate::plan::{Action, Plan, Transfer};
use crate::{error::ErrorKind, rule::Direction};

/// Which transfers are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Settled,
    /// Those that have to wait for a clock.
    Young,
}

impl Run<'_> {
    /// All transfers of that age that nothing is in the way of, side by side.
    pub(super) async fn free_transfers(
        &mut self,
        plan: &Plan,
        age: Age,
        rest: &mut Rest,
    ) -> io::Result<()> {
        let work = self.work;
        let halted = AtomicBool::new(false);
        let (any_blocked, any_young) = (AtomicBool::new(false), AtomicBool::new(false));
        let free = plan.actions_from(0)?.filter_map(|line| match line {
            Ok((at, Action::Transfer(transfer))) if transfer.blocker.is_none() => {
                let is_young = work.is_young(&transfer.source);
                any_young.fetch_or(is_young, Relaxed);
                (is_young == (age == Age::Young)).then_some(Ok((at, transfer)))
            }
            Ok((_, Action::Transfer(_))) => {
                any_blocked.store(true, Relaxed);
                None
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        });
        let started = stream::iter(free)
            .take_while(|_| ready(!halted.load(Relaxed)))
            .take_until(work.stop.clone())
            .map(|line| async {
                let (at, transfer) = line?;
                let step = work.start(&transfer, None).await;
                Ok::<_, io::Error>((at, transfer, step))
            })
            .buffer_unordered(work.options.concurrency.max(1));
        let mut results = Box::pin(with_last_looks(work, started));
        while let Some(done) = results.next().await {
            let (at, transfer, done) = done?;
            if may_give_way(work.direction, &transfer, &done) {
                rest.refused.push((at, transfer));
                continue;
            }
            if done.error().is_some_and(|error| error.kind().stops_run()) {
                halted.store(true, Relaxed);
                self.stopped = true;
            }
            self.note_transfer(&transfer, &done);
        }
        drop(results);
        self.stopped |= self.work.is_stopped();
        // What ended early has not seen the whole plan.
        rest.any_blocked |= self.stopped || any_blocked.load(Relaxed);
        rest.any_young |= any_young.load(Relaxed);
        Ok(())
    }
}

/// Whether a store that keeps its objects in directories has refused a new
/// object because of what is above or below it; the plan may delete that.
fn may_give_way(direction: Direction, transfer: &Transfer, done: &Done) -> bool {
    direction == Direction::Backup
        && transfer.target.is_none()
        && matches!(done, Done::Failed(error) if error.kind() == ErrorKind::Blocked)
}
