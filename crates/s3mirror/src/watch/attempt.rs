//! One run of a watch: opens, plans and executes.

use std::collections::BTreeSet;
use std::sync::Arc;

use sync_core::Store as _;

use super::cycle::Outcome;
use super::failures::Failures;
use crate::builder::MirrorBuilder;
use crate::error::Result;
use crate::grace::StopSignal;
use crate::mirror::{Mirror, MirrorPlan};

/// How a run has ended.
pub(super) struct Attempt {
    pub(super) outcome: Outcome,
    /// Which keys have failed, if that is all that is wrong.
    pub(super) failed: Option<BTreeSet<String>>,
    /// Whether names that differ only in case are one in the directory, if it was opened.
    pub(super) folds_names: Option<bool>,
}

impl From<Outcome> for Attempt {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            failed: None,
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
        () = stop => return Outcome::Stopped.into(),
        planned = mirror.plan() => planned,
    };
    let (outcome, failed) = match planned {
        Ok(plan) => execute(&mirror, &plan, &failures).await,
        Err(error) => (Outcome::Failed(error), None),
    };
    Attempt {
        outcome,
        failed,
        folds_names: Some(mirror.places.directory.folds_names()),
    }
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
