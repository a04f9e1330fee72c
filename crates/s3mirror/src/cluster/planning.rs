//! A run that plans by ranges: one attempt makes the plan of one range.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use sync_core::{
    Direction, KeyRange,
    plan::{Header, Origin},
    text::printable_text,
};
use sync_s3::Location;

use super::apply::Ended;
use super::directory::{beside, cannot_write, link};
use super::error::{ClusterError, Result};
use super::failure::FailedFile;
use super::files::{BeganFile, Done, RangesFile, Signature};
use super::opened::{Opened, claim_if_mounted};
use super::shard::{Range, Task as _};
use super::unread::Unread;
use super::watch::Watcher;
use crate::builder::{MirrorBuilder, is_same_url};
use crate::mirror::{Mirror, MirrorPlan};
use crate::options::MirrorOptions;
use crate::part::Part;
use crate::plan_file::pack;

/// A run that was split into key ranges.
#[derive(Debug)]
pub struct RangeRun {
    pub(crate) opened: Opened,
    pub(crate) planned_by: RangesFile,
    pub(crate) ranges: Vec<KeyRange>,
}

/// An attempt to plan a range.
pub struct RangeAttempt<'r> {
    run: &'r RangeRun,
    range: Range,
    number: u32,
    watcher: Option<Watcher>,
}

impl RangeRun {
    /// The run in the directory `path`.
    ///
    /// # Errors
    /// [`ClusterError`], if it cannot be trusted or was split by a plan.
    pub fn open(path: &Path) -> Result<Self> {
        let opened = Opened::at(path)?;
        let planned_by = opened.run.ranges.clone();
        let planned_by = planned_by.ok_or_else(|| ClusterError::NoRanges {
            path: path.to_owned(),
        })?;
        let ranges = opened.run.key_ranges();
        Ok(Self {
            opened,
            planned_by,
            ranges,
        })
    }

    /// The run directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.opened.directory.path()
    }

    /// What distinguishes this run from all others.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.opened.run.id
    }

    /// Which of the two places is changed.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.opened.run.direction
    }

    /// The directory that is mirrored.
    #[must_use]
    pub fn mirrored(&self) -> &Path {
        &self.opened.mirrored
    }

    /// The bucket and prefix that are mirrored.
    #[must_use]
    pub fn bucket(&self) -> &Location {
        &self.opened.bucket
    }

    /// The ranges.
    #[must_use]
    pub fn ranges(&self) -> &[KeyRange] {
        &self.ranges
    }

    /// Into how many shards their plans are divided.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.planned_by.shards
    }

    /// Whether the plans were sealed.
    ///
    /// # Errors
    /// Those of reading the run directory.
    pub fn is_sealed(&self) -> Result<bool> {
        Ok(self.opened.sealed()?.is_some())
    }

    /// The ranges that nobody has planned yet.
    pub(crate) fn unplanned(&self) -> Vec<usize> {
        let all = 0..self.ranges.len();
        let is_missing = |index: &usize| !self.opened.directory.has(&Range(*index).done());
        all.filter(is_missing).collect()
    }

    /// The first range that no attempt can plan, until the keys are split again, and why.
    #[must_use]
    pub fn refused(&self) -> Option<(usize, String)> {
        let directory = &self.opened.directory;
        let why = |index: usize| {
            let last = Range(index).last_attempt(directory);
            let failed = directory.read::<FailedFile>(&Range(index).failed(last));
            let failed = failed.ok().flatten()?.value;
            failed.refused.then_some((index, failed.why?))
        };
        self.unplanned().into_iter().find_map(why)
    }

    /// Begins an attempt to plan a range; none if that is done already. `job` is what the
    /// scheduler calls the job, for people.
    ///
    /// # Errors
    /// [`ClusterError`]
    pub fn begin(&self, index: usize, job: Option<&str>) -> Result<Option<RangeAttempt<'_>>> {
        let ranges = self.ranges.len();
        if index >= ranges {
            return Err(ClusterError::NoRange { index, ranges });
        }
        let (range, directory) = (Range(index), &self.opened.directory);
        if directory.has(&range.done()) || self.is_sealed()? {
            return Ok(None);
        }
        for number in 1.. {
            if let Some(attempt) = self.begin_attempt(range, number, job)? {
                return Ok(Some(attempt));
            }
        }
        Ok(None)
    }

    /// Begins the attempt of that number; none if another process has begun it. Where the
    /// directory is not mounted it fails at once, and that is noted as that at a shard is.
    pub(super) fn begin_attempt(
        &self,
        range: Range,
        number: u32,
        job: Option<&str>,
    ) -> Result<Option<RangeAttempt<'_>>> {
        let claim = || self.claim_attempt(range, number, job);
        let mounted = self.opened.is_at_its_directory();
        claim_if_mounted(mounted, number, claim, RangeAttempt::fail)
    }

    fn claim_attempt(
        &self,
        range: Range,
        number: u32,
        job: Option<&str>,
    ) -> Result<Option<RangeAttempt<'_>>> {
        let directory = &self.opened.directory;
        // What attempts to plan have noted is needed by nobody.
        directory.make_again(&range.directory())?;
        directory.make_again("plan")?;
        let began = BeganFile::of(Signature::of(self.id(), range.number(), number), job);
        let is_first = directory.claim(&range.began(number), &began)?;
        Ok(is_first.then_some(RangeAttempt {
            run: self,
            range,
            number,
            watcher: None,
        }))
    }

    /// Checks that a plan is that of the range of that number, of this run; says what shows
    /// that it is not.
    pub(crate) fn check(&self, index: usize, header: &Header) -> Result<(), String> {
        let run = &self.opened.run;
        let origin = header.origin.as_ref();
        let origin = origin.ok_or("it does not say of which run it is")?;
        if origin.run.as_deref() != Some(&run.id) {
            return Err("it is of another run".to_owned());
        }
        if self.ranges.get(index) != Some(&header.range) {
            return Err(format!("it is of another range: {}", header.range));
        }
        let is_same = has_places_of(origin, &run.origin)
            && header.rule.direction == run.direction
            && header.rule.compare == self.planned_by.compare
            && header.selection == self.planned_by.selection;
        if is_same {
            Ok(())
        } else {
            Err("it was made of other places or by other options".to_owned())
        }
    }
}

fn has_places_of(origin: &Origin, expected: &Origin) -> bool {
    let urls = [origin, expected].map(|origin| origin.endpoint_url.as_deref());
    origin.directory == expected.directory
        && origin.bucket == expected.bucket
        && origin.prefix == expected.prefix
        && origin.at == expected.at
        && is_same_url(urls[0], urls[1])
}

impl RangeAttempt<'_> {
    /// The number of the range.
    #[must_use]
    pub fn range(&self) -> usize {
        self.range.0
    }

    /// Which attempt at it this is, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The mirror that plans the range; `set` chooses what was not chosen when the run was
    /// split. It is to be opened for a preview.
    pub fn mirror(&mut self, set: impl FnOnce(&mut MirrorOptions)) -> MirrorBuilder {
        let run = &self.run.opened.run;
        let bucket = self.run.bucket().clone();
        let mut options = MirrorOptions::new(run.direction, self.run.mirrored(), bucket);
        options.bucket.at = run.origin.at;
        set(&mut options);
        self.run.planned_by.set(&mut options);
        options.key_range = self
            .run
            .ranges
            .get(self.range.0)
            .cloned()
            .unwrap_or_default();
        let (chosen, origin) = (&mut options.bucket, &run.origin);
        if chosen.endpoint_url.is_none() {
            chosen.endpoint_url.clone_from(&origin.endpoint_url);
        }
        if chosen.region.is_none() {
            chosen.region.clone_from(&origin.region);
        }
        let run_id = run.id.clone();
        let builder = Mirror::with(options).part(Part::Range { run: run_id });
        let directory = self.run.opened.directory.clone();
        let progress = builder.progress();
        self.watcher = Some(Watcher::begin(directory, self.range, self.number, progress));
        builder
    }

    /// Ready when another attempt has planned the range.
    pub fn superseded(&self) -> impl Future<Output = ()> + Send + 'static {
        let superseded = self.watcher.as_ref().map(Watcher::superseded);
        async move {
            match superseded {
                Some(superseded) => superseded.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Ends the attempt with its plan: the first one counts. With it comes what of the range could
    /// not be read, if this is the first one.
    ///
    /// # Errors
    /// [`ClusterError`] if it is not of this run, or cannot be written: then it must be
    /// tried again.
    pub fn end(mut self, plan: &MirrorPlan) -> Result<(Ended, Option<Unread>)> {
        drop(self.watcher.take());
        let plan = plan.plan();
        let path = self.run.opened.directory.join(self.range.done());
        let checked = self.run.check(self.range.0, plan.header());
        checked.map_err(|why| ClusterError::Foreign {
            path: path.clone(),
            why,
        })?;
        let is_first = write(&path, plan).map_err(|error| cannot_write(&path, error))?;
        Ok(if is_first {
            let unread = Unread::note(self.range, plan, &self.run.opened.directory);
            (Ended::Done, unread)
        } else {
            (Ended::ByAnother, None)
        })
    }

    /// Notes why the attempt made no plan.
    pub fn fail(self, why: &str) {
        let failed = self.failed(why);
        self.note(&failed);
    }

    /// Notes why no attempt can plan the range, until the keys are split again.
    pub fn refuse(self, why: &str) {
        let refused = FailedFile {
            refused: true,
            ..self.failed(why)
        };
        self.note(&refused);
    }

    fn failed(&self, why: &str) -> FailedFile {
        FailedFile {
            by: Signature::of(self.run.id(), self.range.0, self.number),
            why: Some(printable_text(why)),
            refused: false,
            entries: 0,
            not_written: 0,
            outdated: 0,
            absent: 0,
            blocked: 0,
            names: Vec::new(),
            report: Done::default(),
        }
    }

    fn note(mut self, failed: &FailedFile) {
        drop(self.watcher.take());
        let name = self.range.failed(self.number);
        // What cannot be noted is reported by whoever calls this.
        let _ = self.run.opened.directory.publish(&name, failed);
    }
}

/// Writes a plan, complete or not at all, unless there is one; says whether it was the
/// first.
fn write(path: &Path, plan: &sync_core::plan::Plan) -> io::Result<bool> {
    let mut out = BufWriter::new(beside(path)?);
    pack(plan, &mut out, 1)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    link(&file, path)
}
