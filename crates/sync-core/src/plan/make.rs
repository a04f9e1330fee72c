//! Makes a plan from two stores: list, join, decide, write down.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{StreamExt, TryStreamExt};

use super::builder::{Judged, PlanBuilder};
use super::options::{PlanError, PlanOptions};
use super::straddle::straddling;
use super::value::Plan;
use crate::budget::Budget;
use crate::listing::{MergeError, Opened, Pairs, Selected, Side};
use crate::spool::Spools;
use crate::verify::content::same_content;
use crate::{
    entry::{Entry, Listed},
    key_range::KeyRange,
    rule::{Compare, Decision, Direction, Outcome, Pair, Reason, Rule},
    store::Store,
    text::printable,
};

/// Lists both stores and decides for every key.
///
/// A listing that turns out not to be in key order is read again and sorted.
///
/// Plans of ranges that are laid end to end ([`key_ranges`](super::key_ranges)) do what the plan of
/// all keys does. Only what a listing skipped and may hide keys of several ranges, as a
/// directory that could not be read, is in the plan of each of them.
///
/// ```
/// # use futures::executor::block_on;
/// use std::sync::Arc;
/// use sync_core::testing::MemoryStore;
/// use sync_core::{Direction, make_plan, plan::PlanOptions, spool::MemorySpools};
///
/// let source = MemoryStore::files();
/// source.insert("a.txt", "hello", "2024-05-01T12:00:00Z".parse()?);
/// let target = MemoryStore::objects();
/// let options = PlanOptions::new(Direction::Backup);
/// let plan = block_on(make_plan(&source, &target, &options, Arc::new(MemorySpools)))?;
/// assert_eq!(plan.counts().created().entries, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`PlanError`]; there is never a plan from half a listing.
pub async fn make_plan(
    source: &dyn Store,
    target: &dyn Store,
    options: &PlanOptions,
    spools: Arc<dyn Spools>,
) -> Result<Plan, PlanError> {
    let mut pairs = Pairs::new(
        (source, target),
        &options.selection,
        Arc::clone(&spools),
        options.sort_memory,
        Arc::clone(&options.listings),
    )
    .within(options.range.clone());
    if !options.range.is_all() && target.folds_names() {
        let why = "the target takes names for one that differ only in case";
        return Err(PlanError::NotSeparable(why.to_owned()));
    }
    if options.selection.keys().is_some() {
        // There, a look at a name finds what has another one.
        for (side, store) in [(Side::Source, source), (Side::Target, target)] {
            if store.folds_names() {
                return Err(PlanError::NamesFold(side));
            }
        }
    }
    let planner = Planner {
        source,
        target,
        options,
        spools,
    };
    loop {
        let plan = match pairs.open().await {
            Ok(opened) => planner.run(opened).await,
            Err(error) => Err(error.into()),
        };
        match plan {
            Err(PlanError::Listing(e)) if pairs.sorts_next_time(&e) => {}
            Ok(plan) => {
                // What has come while both stores were listed is noticed, too.
                stands_alone([source, target], &options.range).await?;
                return Ok(plan);
            }
            failed => return failed,
        }
    }
}

/// Checks that nothing reaches over the ends of `range`.
async fn stands_alone(stores: [&dyn Store; 2], range: &KeyRange) -> Result<(), PlanError> {
    for boundary in [range.after(), range.up_to()].into_iter().flatten() {
        let straddling = straddling(stores, boundary).await;
        if let Some(above) = straddling.map_err(PlanError::Boundary)? {
            let boundary = printable(boundary);
            return Err(PlanError::Straddled { above, boundary });
        }
    }
    Ok(())
}

struct Planner<'a> {
    source: &'a dyn Store,
    target: &'a dyn Store,
    options: &'a PlanOptions,
    spools: Arc<dyn Spools>,
}

impl Planner<'_> {
    async fn run(&self, opened: Opened) -> Result<Plan, PlanError> {
        let rule = self.rule(&opened);
        let spool = self.spools.create()?;
        let mut draft = PlanBuilder::new(
            self.source,
            self.target,
            self.options,
            Arc::clone(&self.spools),
            spool,
        );
        let mut items = opened.items;
        let budget = Budget::new(self.options.memory);
        if self.options.compare == Compare::Checksum {
            // Contents are compared several at a time.
            let mut judged = (&mut items)
                .map(|item| async { self.judge(item?, rule, &budget).await })
                .buffered(self.options.concurrency.max(1));
            while let Some(judged) = judged.try_next().await? {
                draft.add(judged)?;
            }
        } else {
            while let Some(item) = items.try_next().await? {
                match item {
                    // Nearly all items of most plans, so they are not wrapped again.
                    Selected::Pair(pair) => match self.decide(rule, pair) {
                        Decision::Settled(outcome) => draft.settled(outcome)?,
                        Decision::CompareContent { source, target } => {
                            draft.add(self.compare_content(source, target, &budget).await?)?;
                        }
                    },
                    other => draft.add(self.judge(other, rule, &budget).await?)?,
                }
            }
        }
        draft.lacks(items.not_found()?);
        let is_of_list = self.options.selection.keys().is_some();
        let has_others = is_of_list && draft.finds_no_source() && self.source_has_entries().await?;
        draft.finish(rule, has_others)
    }

    /// Whether the source has any entry, listed or not: a source that is gone, as one that is
    /// not mounted, lacks all keys of a list, too.
    async fn source_has_entries(&self) -> Result<bool, PlanError> {
        let mut entries = self.source.list(&Arc::default()).await.entries;
        let failed = |error| MergeError {
            side: Side::Source,
            error,
        };
        while let Some(listed) = entries.try_next().await.map_err(failed)? {
            if let Listed::Entry(_) = listed {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What has to be done with `item`.
    async fn judge(
        &self,
        item: Selected,
        rule: Rule,
        budget: &Budget,
    ) -> Result<Judged, PlanError> {
        match item {
            Selected::Skipped(side, skipped) => Ok(Judged::Skipped(side, skipped)),
            Selected::Excluded(pair) => Ok(Judged::NotSelected(pair)),
            Selected::Pair(pair) => match self.decide(rule, pair) {
                Decision::Settled(outcome) => Ok(Judged::Settled(outcome)),
                Decision::CompareContent { source, target } => {
                    self.compare_content(source, target, budget).await
                }
            },
        }
    }

    /// What the rule says of `pair`. A long listing shows objects that have been
    /// written since the rule was made, which are not of the future.
    fn decide(&self, rule: Rule, pair: Pair) -> Decision {
        match rule.decide(pair) {
            Decision::Settled(Outcome::Transfer {
                reason: Reason::ObjectInFuture,
                source,
                target: Some(target),
            }) => {
                let latest = self.latest();
                Rule { latest, ..rule }.decide(Pair::Both { source, target })
            }
            decision => decision,
        }
    }

    /// Settles a decision by content. What cannot be read is skipped by name,
    /// unless nothing further could be read either.
    async fn compare_content(
        &self,
        source: Entry,
        target: Entry,
        budget: &Budget,
    ) -> Result<Judged, PlanError> {
        match same_content(self.source, &source, self.target, &target, budget).await {
            Ok(are_equal) => {
                let outcome = Outcome::of_contents(source, target, are_equal);
                Ok(Judged::Settled(outcome))
            }
            Err((_, error)) if error.kind().stops_run() => Err(error.into()),
            Err((side, error)) => Ok(Judged::Unread(source, target, (side, error))),
        }
    }

    fn rule(&self, opened: &Opened) -> Rule {
        let offset = match self.options.direction {
            Direction::Backup => opened.target_offset,
            Direction::Restore => opened.source_offset,
        };
        // In whole milliseconds, as a saved plan keeps it: so its header says
        // by which offset it was really made.
        let offset = offset.map_or(0, |offset| offset.num_milliseconds());
        Rule {
            direction: self.options.direction,
            compare: self.options.compare,
            clock_offset: TimeDelta::milliseconds(offset),
            latest: self.latest(),
        }
    }

    /// The latest time that an object can have that was written by now.
    fn latest(&self) -> Option<DateTime<Utc>> {
        let objects = match self.options.direction {
            Direction::Backup => self.target,
            Direction::Restore => self.source,
        };
        objects.present().map(|present| present.latest)
    }
}
