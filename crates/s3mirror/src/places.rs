//! Opens the directory and the bucket.

use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use sync_core::{Direction, Result, Selection, Store};
use sync_fs::{FsOptions, FsStore};
use sync_s3::{Absence, S3Options, S3Store, UploadJournal};

use crate::options::MirrorOptions;

/// The two stores of a mirror.
pub(crate) struct Places {
    direction: Direction,
    pub(crate) directory: FsStore,
    pub(crate) bucket: S3Store,
}

impl Places {
    /// Opens both. The directory comes first: where it cannot be used, no
    /// request is made.
    ///
    /// Uploads are noted in `journal`; a run without uploads needs none.
    pub(crate) async fn open(
        options: &MirrorOptions,
        selection: &Selection,
        journal: Option<Arc<dyn UploadJournal>>,
    ) -> Result<Self> {
        let mut directory = open_directory(options)?;
        if let Some(trash) = &options.trash {
            directory = directory.with_trash(trash, trash_name(), selection)?;
        }
        let bucket = open_bucket(options, journal).await?;
        Ok(Self {
            direction: options.direction,
            directory,
            bucket,
        })
    }

    pub(crate) fn source(&self) -> &dyn Store {
        match self.direction {
            Direction::Backup => &self.directory,
            Direction::Restore => &self.bucket,
        }
    }

    pub(crate) fn target(&self) -> &dyn Store {
        match self.direction {
            Direction::Backup => &self.bucket,
            Direction::Restore => &self.directory,
        }
    }
}

fn open_directory(options: &MirrorOptions) -> Result<FsStore> {
    let is_source = options.direction == Direction::Backup;
    let files = FsOptions {
        check_access: is_source,
        measure: is_source,
        ..options.files
    };
    if is_source {
        FsStore::open(&options.directory, files)
    } else {
        // A restore makes the directory, once there is something to write.
        FsStore::open_or_absent(&options.directory, files)
    }
}

pub(crate) async fn open_bucket(
    options: &MirrorOptions,
    journal: Option<Arc<dyn UploadJournal>>,
) -> Result<S3Store> {
    let bucket = S3Options {
        journal,
        concurrency: options.bound_on_requests(),
        threads: options.most_threads(),
        absence: match options.direction {
            Direction::Backup => Absence::Looked,
            Direction::Restore => Absence::Listed,
        },
        ..options.bucket.clone()
    };
    S3Store::connect(bucket).await
}

/// The name of a run in the trash: a time in UTC, without colons, which not
/// every file system takes.
fn trash_name() -> String {
    let now = DateTime::<Utc>::from(SystemTime::now());
    now.format("%Y-%m-%dT%H.%M.%SZ").to_string()
}
