//! Sets the options of a mirror, and opens it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::pending;
use sync_core::{
    Direction, KeyList, Selection,
    plan::{Deletions, MaxDelete, Plan},
    rule::Compare,
    text::printable,
};
use sync_s3::{Location, UploadJournal, endpoint_address, without_secrets};

use crate::error::{Error, Result};
use crate::grace::StopSignal;
use crate::machine_state::MachineState;
use crate::mirror::Mirror;
use crate::observer::{Observer, Warning};
use crate::options::MirrorOptions;
use crate::part::Part;
use crate::places::Places;
use crate::plan_file::{PlanFileError, SavedPlan};
use crate::progress::{Phase, Progress};
use crate::state::upload_journal::FileJournal;

/// A mirror that is not open yet. Made by [`Mirror::backup`], [`Mirror::restore`],
/// [`Mirror::with`] or [`Mirror::open_plan`].
#[must_use]
pub struct MirrorBuilder {
    options: MirrorOptions,
    saved: Option<SavedPlan>,
    part: Part,
    observer: Arc<dyn Observer>,
    stop: StopSignal,
    progress: Arc<Progress>,
}

impl MirrorBuilder {
    pub(crate) fn new(options: MirrorOptions, saved: Option<SavedPlan>) -> Self {
        let progress = Arc::new(Progress::new(options.direction));
        Self {
            options,
            saved,
            part: Part::Whole,
            observer: Arc::new(()),
            stop: pending().boxed().shared(),
            progress,
        }
    }

    /// Executes only this part of its plan.
    pub(crate) fn part(mut self, part: Part) -> Self {
        self.part = part;
        self
    }

    /// All options, to be changed; except the direction.
    pub fn options(&mut self) -> &mut MirrorOptions {
        &mut self.options
    }

    /// Refuses plans that delete more entries.
    pub fn max_delete(mut self, entries: u64) -> Self {
        self.options.max_delete = MaxDelete::Entries(entries);
        self
    }

    /// Deletes nothing; what the source lacks is kept.
    pub fn no_delete(mut self) -> Self {
        self.options.deletions = Deletions::Off;
        self
    }

    /// Excludes what `glob` matches: it is neither copied nor deleted.
    pub fn exclude(mut self, glob: impl Into<String>) -> Self {
        self.options.selection.exclude(glob);
        self
    }

    /// Looks only at the keys that `keys` names, in both places: what it does not name is
    /// neither copied nor deleted ([`key_list`](crate::key_list())).
    pub fn only(mut self, keys: KeyList) -> Self {
        self.options.selection.keys = Some(keys);
        self
    }

    /// Restores the bucket as it was at `moment`, by the versions that it keeps. Times are
    /// compared exactly then, so that a file of another moment is replaced also where it is
    /// older and of the same size.
    pub fn at(mut self, moment: DateTime<Utc>) -> Self {
        self.options.bucket.at = Some(moment);
        self.options.compare = Compare::ExactTimes;
        self
    }

    /// Another server than AWS.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.options.bucket.endpoint_url = Some(url.into());
        self
    }

    /// Where locks, marks and journals are kept.
    pub fn state_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.options.state_dir = Some(directory.into());
        self
    }

    /// Reports to `observer` what happens.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Stops an execution once `signal` is ready: what is in flight is
    /// cancelled cleanly, nothing more is deleted, and the report says so.
    pub fn stop_on(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = signal.boxed().shared();
        self
    }

    /// The counters of how far the mirror is.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Connects to the bucket and locks both places.
    ///
    /// # Errors
    /// Those of the options, the directory and the bucket; [`Error::Locked`] if
    /// another run works there.
    pub async fn open(self) -> Result<Mirror> {
        let journal = (self.options.direction == Direction::Backup).then(|| {
            let observer = Arc::clone(&self.observer);
            let warn = move |text| observer.warning(&Warning::NotNoted(text));
            Arc::new(FileJournal::new(warn))
        });
        let mut mirror = self.connect(journal.clone()).await?;
        mirror.lock()?;
        // The journal belongs to the run that holds the lock.
        if let Some(journal) = journal {
            mirror.place(&journal);
        }
        Ok(mirror)
    }

    /// Connects to the bucket, but locks nothing: the mirror can plan, and
    /// changes nothing.
    ///
    /// # Errors
    /// Those of the options, the directory and the bucket.
    pub async fn open_preview(self) -> Result<Mirror> {
        self.connect(None).await
    }

    async fn connect(mut self, journal: Option<Arc<FileJournal>>) -> Result<Mirror> {
        if self.options.direction == Direction::Backup && self.options.trash.is_some() {
            return Err(Error::Options("a trash can be used by a restore only"));
        }
        if self.options.direction == Direction::Backup && self.options.bucket.at.is_some() {
            return Err(Error::Options("a backup writes the present, not the past"));
        }
        let journal = journal.map(|journal| journal as Arc<dyn UploadJournal>);
        let (selection, places, plan) = match self.saved {
            None => {
                let selection = Arc::new(self.options.selection.read()?);
                let places = Places::open(&self.options, &selection, journal).await?;
                (selection, places, None)
            }
            Some(saved) => {
                self.progress.plan(saved.plan.counts());
                self.progress.enter(Phase::Planned);
                self.observer.phase(Phase::Planned);
                let places = open_planned(&saved, &mut self.options, journal).await?;
                // What is not selected has no line in the plan.
                (Arc::default(), places, Some(Arc::new(saved.plan)))
            }
        };
        self.progress.see(places.bucket.in_flight());
        Ok(Mirror {
            machine: Arc::new(MachineState::of(&self.options, &places)),
            options: self.options,
            selection,
            places,
            locks: None,
            saved: plan,
            part: self.part,
            observer: self.observer,
            stop: self.stop,
            progress: self.progress,
        })
    }
}

/// Opens the places of a saved plan at the plan's server: wherever its URL came
/// from when the plan was made, it is an option now, unless the usual sources
/// give the same URL.
async fn open_planned(
    saved: &SavedPlan,
    options: &mut MirrorOptions,
    journal: Option<Arc<dyn UploadJournal>>,
) -> Result<Places> {
    if saved.needs_key && options.bucket.customer_key_file.is_none() {
        return Err(Error::PlanFile(PlanFileError::NeedsKey));
    }
    if options.bucket.region.is_none() {
        options.bucket.region.clone_from(&saved.region);
    }
    let all: Arc<Selection> = Arc::default();
    let places = Places::open(options, &all, journal.clone()).await?;
    let planned = saved.endpoint_url.as_deref();
    if is_same_url(places.bucket.endpoint_url(), planned) {
        return Ok(places);
    }
    if options.bucket.endpoint_url.is_none() && planned.is_some() {
        options.bucket.endpoint_url = planned.map(str::to_owned);
        return Ok(Places::open(options, &all, journal).await?);
    }
    let shown =
        |url: Option<&str>| url.map_or("AWS".to_owned(), |url| printable(&without_secrets(url)));
    Err(Error::PlanFile(PlanFileError::OtherServer {
        planned: shown(planned),
        configured: shown(places.bucket.endpoint_url()),
    }))
}

pub(crate) fn is_same_url(one: Option<&str>, other: Option<&str>) -> bool {
    let bare = |url: &str| endpoint_address(url).unwrap_or_else(|_| url.to_owned());
    one.map(bare) == other.map(bare)
}

impl Mirror {
    /// A backup: the bucket becomes equal to the directory.
    pub fn backup(directory: impl Into<PathBuf>, bucket: Location) -> MirrorBuilder {
        Self::with(MirrorOptions::new(Direction::Backup, directory, bucket))
    }

    /// A restore: the directory becomes equal to the bucket.
    pub fn restore(directory: impl Into<PathBuf>, bucket: Location) -> MirrorBuilder {
        Self::with(MirrorOptions::new(Direction::Restore, directory, bucket))
    }

    /// A mirror with these options.
    pub fn with(options: MirrorOptions) -> MirrorBuilder {
        MirrorBuilder::new(options, None)
    }

    /// The mirror that executes the plan in `file`, between the places that the
    /// plan names. Its [`plan`](Mirror::plan) is that plan.
    ///
    /// # Errors
    /// Those of reading the plan.
    pub fn open_plan(file: impl AsRef<Path>) -> Result<MirrorBuilder> {
        Ok(SavedPlan::read(file.as_ref())?.mirror())
    }
}

impl SavedPlan {
    /// The mirror that executes this plan.
    pub fn mirror(self) -> MirrorBuilder {
        let mut options = MirrorOptions::new(
            self.direction(),
            self.directory.clone(),
            self.bucket.clone(),
        );
        options.bucket.at = self.at;
        MirrorBuilder::new(options, Some(self))
    }

    fn direction(&self) -> Direction {
        Plan::direction(&self.plan)
    }
}
