//! A mirror that is open: it plans, and executes what it has planned.

mod left_overs;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use sync_core::{
    Direction, Selection, Store,
    clock::LONGEST_WAIT,
    execute,
    execute::{DeletionsSkipped, EarlierAttempt, Event, ExecuteOptions, OnSourceChange},
    make_plan,
    plan::{Action, Counts, Origin, Plan, refusals},
};
use sync_fs::{FsStore, Kept};
use sync_s3::S3Store;

use crate::error::{Error, Result};
use crate::grace::{StopSignal, with_grace_period};
use crate::machine_state::MachineState;
use crate::observer::{Observer, Warning};
use crate::options::MirrorOptions;
use crate::part::Part;
use crate::places::Places;
use crate::plan_file::{PlanFile, PlanFileError, origin_of};
use crate::progress::{Phase, Progress};
use crate::refusal::Refusal;
use crate::repeat;
use crate::state::TempSpools;
use crate::state::lock::Locks;
use crate::state::owners::Owner;
use crate::state::upload_journal::FileJournal;

/// A directory and a bucket of which one becomes equal to the other. Both are
/// locked until this is dropped, unless it was opened for a preview.
pub struct Mirror {
    pub(crate) options: MirrorOptions,
    pub(crate) selection: Arc<Selection>,
    pub(crate) places: Places,
    pub(crate) machine: Arc<MachineState>,
    /// None if it was opened for a preview.
    pub(crate) locks: Option<Locks>,
    /// The plan that it was opened with.
    pub(crate) saved: Option<Arc<Plan>>,
    pub(crate) part: Part,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) stop: StopSignal,
    pub(crate) progress: Arc<Progress>,
}

/// A plan of a mirror, and why it may not be executed, if so.
pub struct MirrorPlan {
    plan: Arc<Plan>,
    /// The places that it is for.
    machine: Arc<MachineState>,
    on_source_change: OnSourceChange,
    refusals: Vec<Refusal>,
}

/// What an execution has done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// What was done, entry by entry.
    pub execution: sync_core::execute::Report,
    /// Whether some of the source could not be read, named or placed when the
    /// plan was made. Nothing was deleted then.
    pub source_incomplete: bool,
    /// How long it took.
    pub took: Duration,
    /// What a restore has moved to the trash.
    pub trash: Option<Kept>,
    /// Bytes that need not be sent, because an earlier run had sent them.
    pub resumed_bytes: u64,
    /// Unfinished uploads of earlier runs that were aborted.
    pub aborted_uploads: usize,
}

/// Whether a run has done all that it could. Where keys that no file can have are in the bucket, a
/// restore would never be completed otherwise.
fn has_done_all_possible(counts: &Counts, execution: &execute::Report) -> bool {
    let withheld = execution.deletions_withheld;
    let has_deleted = matches!(withheld, None | Some(DeletionsSkipped::SourceIncomplete));
    let has_copied = execution.failed == 0 && execution.not_written == 0 && !execution.stopped;
    has_copied && has_deleted && counts.has_all_possible()
}

impl Report {
    /// Whether both places are equal now, as far as the plan concerns them.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.execution.is_complete() && !self.source_incomplete
    }
}

impl Mirror {
    /// Lists both places and decides what has to be done. The plan of a mirror
    /// that was opened with one is that plan.
    ///
    /// # Errors
    /// Those of the listings: there is never a plan from half a listing.
    pub async fn plan(&self) -> Result<MirrorPlan> {
        let (plan, on_source_change) = match &self.saved {
            Some(plan) => (Arc::clone(plan), OnSourceChange::Refuse),
            None => {
                let plan = self.list().await?;
                self.progress.plan(plan.counts());
                self.enter(Phase::Planned);
                (Arc::new(plan), OnSourceChange::CopyLatest)
            }
        };
        let refusals = self.refusals(&plan).map_err(Error::ReadPlan)?;
        Ok(MirrorPlan {
            plan,
            machine: Arc::clone(&self.machine),
            on_source_change,
            refusals,
        })
    }

    /// Why `plan` may not be executed. A part of one is judged with the whole, when
    /// the plan is divided; only what is known of this machine is judged again, before
    /// anything is deleted.
    fn refusals(&self, plan: &Plan) -> io::Result<Vec<Refusal>> {
        let guards = match self.part {
            Part::Whole => refusals(plan.header(), &self.options.limits()),
            Part::Transfers { .. } | Part::Uploads { .. } => return Ok(Vec::new()),
            Part::Range { .. } | Part::Deletions { .. } => Vec::new(),
        };
        let (directory, options) = (&self.places.directory, &self.options);
        let more = match self.saved {
            Some(_) => self.machine.refusals_of_saved(plan, directory, options)?,
            None => self.machine.refusals(plan, directory, options)?,
        };
        // What the machine knows, as a restore that is not completed, explains the numbers.
        let guards = guards.into_iter().map(Refusal::Guard);
        Ok(more.into_iter().chain(guards).collect())
    }

    async fn list(&self) -> Result<Plan> {
        let mut options = self.options.plan_options();
        options.selection = Arc::clone(&self.selection);
        options.listings = self.progress.listings();
        let (source, target) = (self.places.source(), self.places.target());
        let plan = make_plan(source, target, &options, Arc::new(TempSpools)).await?;
        for text in self.places.bucket.past_notes() {
            self.observer.warning(&Warning::Server(text));
        }
        let location = &self.options.bucket.location;
        Ok(
            match origin_of(&self.options.directory, location, &self.places.bucket) {
                Some(origin) => plan.with_origin(Origin {
                    run: self.part.run().map(str::to_owned),
                    ..origin
                }),
                None => plan,
            },
        )
    }

    /// Executes `plan`.
    ///
    /// # Errors
    /// [`Error::Refused`] if guards refuse the plan, [`Error::OtherMirror`] if it is
    /// for other places or the other direction; then nothing was changed. What
    /// fails for single entries is in the report instead.
    pub async fn execute(&self, plan: &MirrorPlan) -> Result<Report> {
        plan.check()?;
        if !self.machine.is_same_mirror(&plan.machine) {
            return Err(Error::OtherMirror {
                planned: plan.machine.purpose(),
                executed: self.machine.purpose(),
            });
        }
        if self.locks.is_none() {
            return Err(Error::Preview);
        }
        let started = Instant::now();
        let directory = &self.places.directory;
        self.enter(Phase::Copying);
        let mut mark = None;
        if self.options.direction == Direction::Restore {
            let was_begun = plan.is_saved() && self.was_begun_before();
            if plan.changes() > 0 {
                let (part, observer) = (&self.part, &*self.observer);
                let how = repeat::how(&self.options, &plan.plan, part, plan.on_source_change);
                let begun = self
                    .machine
                    .begin_restore(&plan.plan, directory, part, how, observer);
                mark = Some(begun.await?);
            }
            directory.sweep_temporaries().await;
            if was_begun {
                let swept = left_overs::sweep(&plan.plan, directory).await;
                swept.map_err(Error::ReadPlan)?;
            }
        }
        self.learn_clock(plan).await.map_err(Error::ReadPlan)?;
        let mut execution = self.carry_out(plan).await.map_err(Error::ReadPlan)?;
        self.enter(Phase::Ending);
        let mut aborted_uploads = 0;
        if self.options.direction == Direction::Backup && !execution.stopped {
            tokio::select! {
                aborted = self.abort_left_uploads() => aborted_uploads = aborted,
                () = self.stop.clone() => execution.stopped = true,
            }
        }
        self.warn_of_places();
        let report = Report {
            execution,
            source_incomplete: plan.counts().incomplete(),
            took: started.elapsed(),
            trash: directory.kept(),
            resumed_bytes: self.places.bucket.resumed_bytes(),
            aborted_uploads,
        };
        if has_done_all_possible(plan.counts(), &report.execution) && self.part.is_last() {
            let (plan, mark, observer) = (&plan.plan, mark.as_ref(), &*self.observer);
            let noted = self
                .machine
                .completed(plan, directory, &self.options, mark, observer);
            noted.await;
        }
        Ok(report)
    }

    /// Whether an earlier execution of what is to be executed has begun and not ended, as far
    /// as that is known. To be asked before this one leaves its mark.
    fn was_begun_before(&self) -> bool {
        match self.part {
            Part::Whole => {
                let directory = &self.places.directory;
                !self.machine.unfinished_restores(directory).is_empty()
            }
            _ => self.part.earlier() == EarlierAttempt::Began,
        }
    }

    /// Asks the server for its time, by one request, if nothing has told it yet
    /// and a backup is to copy what was changed just now: that must not be dated
    /// before its second has passed. A listing tells the time, but a saved plan
    /// is executed without one.
    async fn learn_clock(&self, plan: &MirrorPlan) -> io::Result<()> {
        let bucket = &self.places.bucket;
        let just_now = DateTime::<Utc>::from(SystemTime::now()) - LONGEST_WAIT;
        let origin = plan.plan.header().origin.as_ref();
        let is_new = origin.is_none_or(|origin| origin.created > just_now);
        let is_saved_backup = plan.is_saved() && self.options.direction == Direction::Backup;
        if !is_saved_backup || !is_new || bucket.present().is_some() {
            return Ok(());
        }
        for action in plan.plan.actions()? {
            if let Action::Transfer(transfer) = action?
                && transfer.source.modified > just_now
            {
                // Whatever the answer is, it has a date.
                let _ = bucket.stat(&transfer.source.key).await;
                break;
            }
        }
        Ok(())
    }

    async fn carry_out(&self, plan: &MirrorPlan) -> io::Result<sync_core::execute::Report> {
        let mut options = self.execute_options(plan);
        options.outcomes = self.progress.outcomes();
        let watch = Watch {
            progress: &self.progress,
            observer: &*self.observer,
        };
        let (source, target) = (self.places.source(), self.places.target());
        let stop = self.stop.clone();
        let execution = execute(&plan.plan, source, target, &options, &watch, stop);
        let partial_report = || self.progress.partial_report().unwrap_or_default();
        with_grace_period(execution, self.stop.clone(), partial_report).await
    }

    /// Removes from the bucket what killed backups have left and nothing was
    /// made of; says how many uploads that were.
    async fn abort_left_uploads(&self) -> usize {
        let left = self.places.bucket.abort_left_uploads().await;
        for error in left.failed {
            self.observer.warning(&Warning::Upload(error));
        }
        left.aborted
    }

    fn warn_of_places(&self) {
        for text in self.places.directory.warnings() {
            self.observer.warning(&Warning::Directory(text));
        }
        for text in self.places.bucket.notes() {
            self.observer.warning(&Warning::Server(text));
        }
    }

    /// Adds places that belong to other directories ([`MirrorOptions::owners`]),
    /// now that the server is known.
    pub fn add_owners(&mut self, owners: Vec<Owner>) {
        self.options.owners.extend(owners);
    }

    /// How `plan` is executed, for whoever estimates what it takes.
    #[must_use]
    pub fn execute_options(&self, plan: &MirrorPlan) -> ExecuteOptions {
        let mut options = self.options.execute_options();
        options.on_source_change = plan.on_source_change;
        options.deletions = self.part.deletions();
        options.earlier_attempt = self.part.earlier();
        options
    }

    /// Between which places the mirror works, and how.
    #[must_use]
    pub fn options(&self) -> &MirrorOptions {
        &self.options
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &FsStore {
        &self.places.directory
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &S3Store {
        &self.places.bucket
    }

    /// How far the mirror is.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    pub(crate) fn lock(&mut self) -> Result<()> {
        self.locks = Some(self.machine.lock(self.part.run(), &*self.observer)?);
        Ok(())
    }

    /// Tells the journal where its file is; without a state directory there is
    /// none.
    pub(crate) fn place(&self, journal: &FileJournal) {
        let identity = self.machine.bucket.identity();
        let home = self.machine.state.path();
        let home = home.map(|state| FileJournal::path_in(state, &identity));
        if let Some(files) = self.part.uploads(home) {
            journal.place_at(files);
        }
    }

    fn enter(&self, phase: Phase) {
        self.progress.enter(phase);
        self.observer.phase(phase);
    }
}

impl MirrorPlan {
    /// The plan itself.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What was seen and decided, summed up.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        self.plan.counts()
    }

    /// How many entries of the target it changes.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.counts().changes()
    }

    /// Why it may not be executed; empty if it may.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Whether it was read from a file: then a source that has changed since is
    /// not copied, because somebody has looked at the plan and meant that version.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.on_source_change == OnSourceChange::Refuse
    }

    /// Checks that it may be executed.
    ///
    /// # Errors
    /// [`Error::Refused`]
    pub fn check(&self) -> Result<()> {
        if self.refusals.is_empty() {
            Ok(())
        } else {
            Err(Error::Refused(self.refusals.clone()))
        }
    }

    /// Saves it to be shown and executed later, by [`Mirror::open_plan`].
    ///
    /// # Errors
    /// [`PlanFileError`]
    pub fn save(&self, file: &Path) -> Result<(), PlanFileError> {
        let origin = self.plan.header().origin.as_ref();
        let origin = origin.ok_or(PlanFileError::NoOrigin)?;
        PlanFile::check(file, Path::new(&origin.directory))?.save(&self.plan)
    }
}

/// Passes what happens on to the progress and to the observer.
struct Watch<'a> {
    progress: &'a Progress,
    observer: &'a dyn Observer,
}

impl sync_core::execute::Observer for Watch<'_> {
    fn event(&self, event: Event<'_>) {
        self.progress.note(&event);
        self.observer.event(event);
    }
}

#[cfg(test)]
mod tests;
