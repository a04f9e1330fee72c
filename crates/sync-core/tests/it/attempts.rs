//! The shards of one plan, at which attempts work at random: several at a time, also at one
//! shard, each killed at any step; and one that sleeps until all is over. The end is that of
//! one clean run, and each action counts once.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

use futures::future::{join, join_all, select};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sync_core::{
    execute,
    execute::{DeletionScope, EarlierAttempt, ExecuteOptions, Report},
    plan::{Action, Plan},
};

use crate::again::{any_world, as_planned, copies, stores};
use crate::parts::{part, parts};
use crate::support::{Probe, Random, Scheduler, cases, contents, plan, probes, run_with, saved};

/// What sleeps from so many steps on until `is_over`.
async fn asleep<T>(
    attempt: impl Future<Output = T>,
    (scheduler, steps): (&Scheduler, usize),
    is_over: &Cell<bool>,
) -> T {
    let mut attempt = pin!(attempt);
    poll_fn(|cx| {
        if scheduler.steps() >= steps && !is_over.get() {
            Poll::Pending
        } else {
            attempt.as_mut().poll(cx)
        }
    })
    .await
}

/// Executes a shard that others may have begun.
async fn attempt(shard: &Plan, (source, target): (&Probe, &Probe)) -> Report {
    let options = with!(
        transfers(), concurrency: 4, part_size: 1, earlier_attempt: EarlierAttempt::Began
    );
    let report = execute(shard, source, target, &options, &(), pending());
    report.await.unwrap()
}

fn transfers() -> ExecuteOptions {
    with!(as_planned(), deletions: DeletionScope::Blockers)
}

fn is_no_transfer(action: &Action) -> bool {
    !matches!(action, Action::Transfer(_))
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn attempts_at_shards_at_random_end_as_one_clean_run(
        (world, in_directories) in any_world(),
        seed in any::<u64>(),
        attempts in vec((any::<Index>(), 0..80_usize), 0..6),
        sleeper in (any::<Index>(), 0..40_usize),
    ) {
        let (source, target) = stores(&world, in_directories);
        let planned = plan(&source, &target, &world.options());
        let clean = run_with(&planned, &source, &target, &as_planned(), &());
        prop_assume!(clean.failed == 0);

        let (other_source, other_target) = stores(&world, in_directories);
        let planned = plan(&other_source, &other_target, &world.options());
        let mut random = Random::new(seed);
        let texts = parts(&planned, || random.below(2) == 0);
        let shards: Vec<_> = texts.iter().map(|text| part(&planned, text, |_| true)).collect();
        let text = saved(&planned);
        let end = part(&planned, text.split_once('\n').unwrap().1, is_no_transfer);
        let scheduler = Scheduler::new(seed);
        let (from, to) = probes(&other_source, &other_target);
        let (from, to) = (from.paced(&scheduler), to.paced(&scheduler));

        let is_over = Cell::new(false);
        let work = async {
            let killed = attempts.iter().map(|(shard, steps)| {
                let attempt = attempt(shard.get(&shards), (&from, &to));
                select(Box::pin(attempt), Box::pin(scheduler.after(*steps)))
            });
            join_all(killed).await;
            let mut done = 0;
            for shard in &shards {
                let report = attempt(shard, (&from, &to)).await;
                assert_eq!(report.failed, 0, "{report:?}");
                done += copies(&report);
            }
            let last = execute(&end, &from, &to, &as_planned(), &(), pending()).await.unwrap();
            is_over.set(true);
            (done, last, contents(&other_target))
        };
        let (shard, steps) = sleeper;
        let sleeper = attempt(shard.get(&shards), (&from, &to));
        let sleeper = asleep(sleeper, (&scheduler, steps), &is_over);
        let ((done, last, after), _) = scheduler.run(join(work, sleeper));

        prop_assert_eq!(done, copies(&clean));
        prop_assert_eq!(last.deletions_withheld, clean.deletions_withheld);
        prop_assert_eq!(last.deleted, clean.deleted);
        prop_assert_eq!(&after, &contents(&target));
        prop_assert_eq!(&contents(&other_target), &after, "one that wakes changes nothing");
    }
}
