//! Makes a plan from two stores: list, join, decide, write down.

use std::sync::{Arc, OnceLock};

use chrono::TimeDelta;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use super::builder::PlanBuilder;
use super::options::{PlanError, PlanOptions};
use super::value::Plan;
use crate::budget::Budget;
use crate::listing::sorted;
use crate::listing::{Joined, MergeError, merge};
use crate::spool::Spools;
use crate::verify::content::same_content;
use crate::{
    entry::{Listed, SkipCause, Skipped},
    error::{ErrorKind, StoreError},
    listing::Side,
    rule::{Compare, Decision, Direction, Pair, Reason, Rule},
    store::Store,
};

/// Lists both stores and decides for every key.
///
/// A listing that turns out not to be in key order is read again and sorted.
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
    let mut planner = Planner {
        source,
        target,
        options,
        spools,
        sort_source: false,
        sort_target: false,
    };
    loop {
        match planner.run().await {
            Err(PlanError::Listing(e)) if planner.sorts_next_time(&e) => {}
            result => return result,
        }
    }
}

struct Planner<'a> {
    source: &'a dyn Store,
    target: &'a dyn Store,
    options: &'a PlanOptions,
    spools: Arc<dyn Spools>,
    sort_source: bool,
    sort_target: bool,
}

impl Planner<'_> {
    async fn run(&self) -> Result<Plan, PlanError> {
        self.options.listings.begin();
        let source = self.listing(Side::Source, self.sort_source);
        let target = self.listing(Side::Target, self.sort_target);
        let rule = OnceLock::new();
        let spool = self.spools.create()?;
        let mut draft = PlanBuilder::new(
            self.source,
            self.target,
            self.options,
            Arc::clone(&self.spools),
            spool,
        );
        let mut judged = self.judge(merge(source, target).boxed(), &rule);
        while let Some(judged) = judged.try_next().await? {
            match judged {
                Judged::Skipped(side, skipped) => draft.skip(side, skipped)?,
                Judged::Pair(pair, decision) => draft.pair(pair, decision)?,
                Judged::NotSelected(pair) => draft.not_selected(pair)?,
                Judged::Unread(pair, error) => draft.unread(&pair, &error)?,
            }
        }
        Ok(draft.finish(*rule.get_or_init(|| self.rule()))?)
    }

    fn listing(&self, side: Side, sort: bool) -> BoxStream<'static, crate::error::Result<Listed>> {
        let store = match side {
            Side::Source => self.source,
            Side::Target => self.target,
        };
        let listings = Arc::clone(&self.options.listings);
        let listed = store.list().inspect(move |listed| {
            if matches!(listed, Ok(Listed::Entry(_))) {
                listings.add(side);
            }
        });
        if sort {
            let spools = Arc::clone(&self.spools);
            sorted(listed.boxed(), spools, self.options.sort_memory)
        } else {
            listed.boxed()
        }
    }

    /// Whether `error` is a disorder that sorting mends; then it will be done.
    fn sorts_next_time(&mut self, error: &MergeError) -> bool {
        let sort = match error.side {
            Side::Source => &mut self.sort_source,
            Side::Target => &mut self.sort_target,
        };
        error.error.kind() == ErrorKind::Disordered && !std::mem::replace(sort, true)
    }

    /// Adds the rule's answer to each pair, in order. The rule is made for the
    /// first one: by then the stores have measured their clocks.
    fn judge<'s>(
        &'s self,
        joined: BoxStream<'s, Result<Joined, MergeError>>,
        rule: &'s OnceLock<Rule>,
    ) -> BoxStream<'s, Result<Judged, PlanError>> {
        let judged = joined.map(move |joined| {
            Ok(match joined? {
                Joined::Skipped(side, skipped) => {
                    Judged::Skipped(side, self.unless_left_out(skipped))
                }
                Joined::Pair(pair) => {
                    let rule = rule.get_or_init(|| self.rule());
                    if self.options.selection.selects_pair(pair.as_ref()) {
                        let decision = self.decide(rule, &pair);
                        Judged::Pair(pair, decision)
                    } else {
                        Judged::NotSelected(pair)
                    }
                }
            })
        });
        if self.options.compare == Compare::Checksum {
            let budget = Budget::new(self.options.memory);
            judged
                .map_ok(move |judged| self.compare_content(judged, budget.clone()))
                .try_buffered(self.options.concurrency.max(1))
                .boxed()
        } else {
            judged.boxed()
        }
    }

    /// What the rule says of `pair`. A long listing shows objects that have been
    /// written since the rule was made, which are not of the future.
    fn decide(&self, rule: &Rule, pair: &Pair) -> Decision {
        match rule.decide(pair.as_ref()) {
            Decision::Transfer(Reason::ObjectInFuture) => self.rule().decide(pair.as_ref()),
            decision => decision,
        }
    }

    /// Settles a decision by content. What cannot be read is left out by name,
    /// unless nothing further could be read either.
    async fn compare_content(&self, judged: Judged, budget: Budget) -> Result<Judged, PlanError> {
        let Judged::Pair(Pair::Both { source, target }, Decision::CompareContent) = judged else {
            return Ok(judged);
        };
        let same = same_content(self.source, &source, self.target, &target, &budget).await;
        let pair = Pair::Both { source, target };
        match same {
            Ok(true) => Ok(Judged::Pair(pair, Decision::Keep(Reason::SameContent))),
            Ok(false) => Ok(Judged::Pair(
                pair,
                Decision::Transfer(Reason::ContentDiffers),
            )),
            Err(error) if error.kind().stops_run() => Err(error.into()),
            Err(error) => Ok(Judged::Unread(pair, error)),
        }
    }

    /// What a listing left out because of its key, which may not be selected.
    /// Other names may be those of directories, so that only the store that
    /// saw them can tell.
    fn unless_left_out(&self, skipped: Skipped) -> Skipped {
        let has_key = matches!(
            skipped.cause,
            SkipCause::UnmappableKey | SkipCause::Placeholder
        );
        if has_key && !self.options.selection.selects(&skipped.name) {
            let cause = SkipCause::NotSelected;
            return Skipped { cause, ..skipped };
        }
        skipped
    }

    fn rule(&self) -> Rule {
        let objects = match self.options.direction {
            Direction::Backup => self.target,
            Direction::Restore => self.source,
        };
        let offset = objects.clock_offset();
        // In whole milliseconds, as a saved plan keeps it: so its header says
        // by which offset it was really made.
        let offset = offset.map_or(0, |offset| offset.num_milliseconds());
        Rule {
            direction: self.options.direction,
            compare: self.options.compare,
            clock_offset: TimeDelta::milliseconds(offset),
            latest: objects.present().map(|present| present.latest),
        }
    }
}

/// A joined item with the rule's answer.
enum Judged {
    Skipped(Side, Skipped),
    Pair(Pair, Decision),
    /// The plan does not concern it.
    NotSelected(Pair),
    /// Contents that could not be compared.
    Unread(Pair, StoreError),
}
