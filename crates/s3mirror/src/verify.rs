//! Compares the contents of both places. Nothing is changed, and nothing is
//! locked.

use std::io;
use std::sync::Arc;

use futures::stream::BoxStream;
use sync_core::{
    Store,
    verify::{Evidence, Finding, Survey, VerifyOptions, survey},
};
use sync_fs::{FsOptions, FsStore};
use sync_s3::S3Store;

use crate::error::Result;
use crate::options::{MirrorOptions, sort_memory};
use crate::places::open_bucket;
use crate::state::restore_mark::{self, UnfinishedRestore};
use crate::state::{StateDir, TempSpools, Tree};

/// A directory and a bucket whose contents are compared.
pub struct Verifier {
    options: MirrorOptions,
    verify: VerifyOptions,
    directory: FsStore,
    bucket: S3Store,
}

impl Verifier {
    /// Opens both places. Memory and parts are those of a restore, whatever the
    /// direction in `options` is.
    ///
    /// # Errors
    /// Those of the options, the directory and the bucket.
    pub async fn open(mut options: MirrorOptions, evidence: Evidence) -> Result<Self> {
        options.direction = sync_core::Direction::Restore;
        let selection = Arc::new(options.selection.read()?);
        let files = FsOptions {
            // A file that cannot be read is reported when it is compared.
            check_access: false,
            measure: true,
            ..options.files
        };
        let directory = FsStore::open(&options.directory, files)?;
        let bucket = open_bucket(&options, None).await?;
        let mut verify = VerifyOptions::default();
        verify.evidence = evidence;
        verify.selection = selection;
        verify.concurrency = options.most_requests();
        verify.memory = options.memory();
        verify.part_size = options.whole_size();
        verify.sort_memory = sort_memory(verify.sort_memory);
        Ok(Self {
            options,
            verify,
            directory,
            bucket,
        })
    }

    /// Lists both places and notes what there is to compare.
    ///
    /// # Errors
    /// Those of the listings.
    pub async fn survey(&self) -> Result<Survey> {
        let spools = Arc::new(TempSpools);
        Ok(survey(&self.directory, &self.bucket, &self.verify, spools).await?)
    }

    /// Compares the contents, many at once; findings come as they are made, and
    /// so in no order.
    ///
    /// # Errors
    /// Those of reading what was noted.
    pub fn compare<'a>(
        &'a self,
        survey: &'a Survey,
    ) -> io::Result<BoxStream<'a, io::Result<Finding>>> {
        survey.compare(&self.directory, &self.bucket, &self.verify)
    }

    /// Restores of the directory, or of one above or below it, that were not
    /// completed.
    #[must_use]
    pub fn unfinished_restores(&self) -> Vec<UnfinishedRestore> {
        let state = StateDir::find(self.options.state_dir.as_deref());
        let below = self.directory.unfinished_restores();
        restore_mark::find(&Tree::of(&self.options.directory), &state, &below)
    }

    /// What is not known about the past that is compared, a sentence each, once it has
    /// been listed.
    #[must_use]
    pub fn past_notes(&self) -> Vec<String> {
        self.bucket.past_notes()
    }

    /// Both places as they are shown: directory, bucket.
    #[must_use]
    pub fn locations(&self) -> (String, String) {
        (self.directory.location(), self.bucket.location())
    }
}
