//! Divides the keys of both places into ranges, which many machines plan.

use std::fs;

use sync_core::plan::{Deletions, equal_parts, key_ranges};
use sync_fs::SymlinkMode;
use sync_s3::Choice;

use super::directory::{RUN, RunDirectory};
use super::files::{BeganFile, PROGRAM, RangesFile, RunFile, SPLITTING, Signature, VERSION, now};
use super::planning::RangeRun;
use super::shard::{Range, Task as _};
use super::split::{NewRun, inode_of, make_directories, new_id, publish};
use crate::error::{Error, Result};
use crate::mirror::Mirror;
use crate::options::MirrorOptions;
use crate::plan_file::{PlanFileError, origin_of};

impl NewRun {
    /// Makes the run directory of ranges that are planned by what `mirror` was opened
    /// with, and are about equal.
    ///
    /// # Errors
    /// Those of the two places, and of making the run directory; then there is none.
    pub async fn create_ranges(&self, mirror: &Mirror) -> Result<RangeRun> {
        let directory = RunDirectory::create(&self.path)?;
        let filled = self.fill_with_ranges(&directory, mirror).await;
        filled.inspect_err(|_| {
            // It was made just now, by this process.
            let _ = fs::remove_dir_all(directory.path());
        })?;
        Ok(RangeRun::open(&self.path)?)
    }

    async fn fill_with_ranges(&self, directory: &RunDirectory, mirror: &Mirror) -> Result<()> {
        let (options, id) = (&mirror.options, new_id());
        let began = BeganFile::of(Signature::of(&id, 0, 1), None);
        directory.claim(SPLITTING, &began)?;
        let location = &options.bucket.location;
        let origin = origin_of(&options.directory, location, &mirror.places.bucket);
        let origin = origin.ok_or_else(|| PlanFileError::NotUtf8 {
            directory: options.directory.clone(),
        })?;
        let (source, target) = (mirror.places.source(), mirror.places.target());
        if self.shards > 1 && target.folds_names() {
            return Err(Error::Options(
                "the directory takes names for one that differ only in case, so its keys cannot \
                 be divided into ranges",
            ));
        }
        if options.selection.keys.is_some() {
            return Err(Error::Options("a list of keys cannot be planned by ranges"));
        }
        let boundaries = equal_parts(source, &mirror.selection, self.shards).await?;
        let ranges = key_ranges(source, target, boundaries).await?;
        let ends = ranges.iter().filter_map(|range| range.up_to());
        let file = RangesFile::of(
            options,
            mirror,
            ends.map(str::to_owned).collect(),
            self.shards,
        );
        make_directories(directory, self.shards)?;
        directory.make("range")?;
        for index in 0..ranges.len() {
            directory.make(&Range(index).directory())?;
        }
        let run = RunFile {
            s3mirror_run: VERSION,
            id,
            program: PROGRAM.to_owned(),
            created: now(),
            direction: options.direction,
            inode: inode_of(&origin, options.direction)?,
            ranges: Some(file),
            origin,
        };
        publish(directory, RUN, &run)?;
        Ok(())
    }
}

impl RangesFile {
    fn of(
        options: &MirrorOptions,
        mirror: &Mirror,
        boundaries: Vec<String>,
        shards: usize,
    ) -> Self {
        Self {
            boundaries,
            shards,
            compare: options.compare,
            selection: mirror.selection.criteria().clone(),
            links: options.files.symlinks == SymlinkMode::Inside,
            ignore_inode: options.files.ignore_inode,
            ignore_ctime: options.files.ignore_ctime,
            deletions: options.deletions == Deletions::On,
            max_key_length: options.max_key_length,
            lists_in_order: match options.bucket.lists_in_order {
                Choice::Auto => None,
                Choice::Always => Some(true),
                Choice::Never => Some(false),
            },
        }
    }

    /// Sets what was chosen when the run was split.
    pub(crate) fn set(&self, options: &mut MirrorOptions) {
        options.compare = self.compare;
        options.selection.read = Some(self.selection.clone());
        options.files.symlinks = if self.links {
            SymlinkMode::Inside
        } else {
            SymlinkMode::Skip
        };
        options.files.ignore_inode |= self.ignore_inode;
        options.files.ignore_ctime |= self.ignore_ctime;
        options.deletions = if self.deletions {
            Deletions::On
        } else {
            Deletions::Off
        };
        options.max_key_length = self.max_key_length;
        match self.lists_in_order {
            None => {}
            Some(true) => options.bucket.lists_in_order = Choice::Always,
            Some(false) => options.bucket.lists_in_order = Choice::Never,
        }
    }
}
