//! One run of a watch: opens, plans and executes.

use std::collections::BTreeSet;
use std::sync::Arc;

use sync_core::{Store as _, execute::DeletionsSkipped};

use super::cycle::Outcome;
use super::failures::Failures;
use super::undone::{self, Undone, UndoneList};
use crate::builder::MirrorBuilder;
use crate::error::Result;
use crate::grace::StopSignal;
use crate::mirror::{Mirror, MirrorPlan};

/// How a run has ended.
pub(super) struct Attempt {
    pub(super) outcome: Outcome,
    /// Which keys have failed, if that is all that is wrong.
    pub(super) failed: Option<BTreeSet<String>>,
    /// What was not done; nothing if a signal has stopped it.
    pub(super) undone: UndoneList,
    /// Whether names that differ only in case are one in the directory, if it was opened.
    pub(super) folds_names: Option<bool>,
}

impl From<Outcome> for Attempt {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            failed: None,
            undone: UndoneList::default(),
            folds_names: None,
        }
    }
}

/// Runs what `builder` describes, by the mirror that `open` opens of it.
pub(super) async fn run<F>(
    builder: MirrorBuilder,
    open: impl FnOnce(MirrorBuilder) -> F,
    stop: StopSignal,
) -> Attempt
where
    F: Future<Output = Result<Mirror>>,
{
    // An execution ends by itself when it is stopped, a listing does not.
    let mirror = tokio::select! {
        biased;
        () = stop.clone() => return Outcome::Stopped.into(),
        mirror = open(builder) => mirror,
    };
    let mut mirror = match mirror {
        Ok(mirror) => mirror,
        Err(error) => return Outcome::Failed(error).into(),
    };
    let failures = Failures::before(Arc::clone(&mirror.observer));
    mirror.observer = failures.clone();
    let planned = tokio::select! {
        biased;
        () = stop.clone() => return Outcome::Stopped.into(),
        planned = mirror.plan() => planned,
    };
    let mut attempt = match planned {
        Ok(plan) => {
            let (outcome, failed) = execute(&mirror, &plan, &failures).await;
            let undone = tokio::select! {
                biased;
                // Of a run that was stopped, nobody knows what it would have done.
                () = stop => UndoneList::default(),
                undone = undone(plan, &outcome, failures.undone()) => undone,
            };
            Attempt {
                failed,
                undone,
                ..outcome.into()
            }
        }
        Err(error) => Outcome::Failed(error).into(),
    };
    attempt.folds_names = Some(mirror.places.directory.folds_names());
    attempt
}

/// What a run of `plan` did not do. On a thread of its own: a plan may be long.
async fn undone(plan: MirrorPlan, outcome: &Outcome, failed: Vec<Undone>) -> UndoneList {
    let withheld = match outcome {
        Outcome::Executed { report, .. } => {
            let done = &report.execution;
            // Of those that were begun, it is not known which ones are left.
            let withheld = done
                .deletions_withheld
                .filter(|_| done.deleted.entries == 0);
            withheld.filter(|why| *why != DeletionsSkipped::Stopped)
        }
        Outcome::Refused(_) => None,
        Outcome::Failed(_) | Outcome::Stopped => return UndoneList::default(),
    };
    let read = move || undone::of_run(plan.plan(), failed, withheld);
    // A plan that was executed can be read; the exit status tells all the same that it is not done.
    let read = tokio::task::spawn_blocking(read).await;
    read.ok().and_then(Result::ok).unwrap_or_default()
}

async fn execute(
    mirror: &Mirror,
    plan: &MirrorPlan,
    failures: &Failures,
) -> (Outcome, Option<BTreeSet<String>>) {
    if !plan.refusals().is_empty() {
        return (Outcome::Refused(plan.refusals().to_vec()), None);
    }
    match mirror.execute(plan).await {
        Ok(report) => {
            let failed = failures.all_of(&report);
            let (counts, report) = (Box::new(plan.counts().clone()), Box::new(report));
            (Outcome::Executed { counts, report }, failed)
        }
        Err(error) => (Outcome::Failed(error), None),
    }
}
