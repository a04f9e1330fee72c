//! What can be chosen about a mirror.
//!
//! The defaults are those of the command line. Options of the two places are
//! those of their stores ([`FsOptions`], [`S3Options`]), so that nothing has two
//! definitions.

use std::path::PathBuf;

use sync_core::{
    Direction, KeyRange,
    execute::ExecuteOptions,
    plan::{Deletions, Limits, MaxDelete, PlanOptions},
    rule::Compare,
};
use sync_fs::FsOptions;
use sync_s3::{Location, S3Options};

use crate::machine::{memory, open_files};
use crate::selection::SelectionOptions;
use crate::state::owners::Owner;

/// Bytes of the longest key, with the prefix (design, promise 9).
pub const DEFAULT_MAX_KEY_LENGTH: u16 = 1000;

/// Between which places a mirror works, and how.
///
/// ```
/// use s3mirror::{Direction, MirrorOptions};
///
/// let bucket = "s3://my-bucket/data".parse()?;
/// let mut options = MirrorOptions::new(Direction::Backup, "/srv/data", bucket);
/// options.bucket.endpoint_url = Some("http://127.0.0.1:9000".to_owned());
/// options.trash = None;
/// # Ok::<(), sync_s3::LocationError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MirrorOptions {
    /// Which of the two places is changed.
    pub direction: Direction,
    /// The directory.
    pub directory: PathBuf,
    /// How the directory is listed and written. What is checked and measured
    /// follows from the direction.
    pub files: FsOptions,
    /// The bucket, and how it is reached. The journal in it is
    /// set by the mirror; its `concurrency` is that of the mirror.
    pub bucket: S3Options,
    /// How files of the same size are compared.
    pub compare: Compare,
    /// Which entries the mirror concerns; the others are neither copied nor
    /// deleted.
    pub selection: SelectionOptions,
    /// Of which keys plans are made; the others are not even listed. Plans of ranges that
    /// [`key_ranges`](sync_core::plan::key_ranges) lays end to end do what the plan of all keys does.
    pub key_range: KeyRange,
    /// Whether what the source lacks is deleted from the target.
    pub deletions: Deletions,
    /// A plan that deletes more is refused.
    pub max_delete: MaxDelete,
    /// Whether an empty source may empty the target.
    pub allow_empty_source: bool,
    /// Whether a backup may delete what another directory was backed up to.
    pub allow_overlap: bool,
    /// Whether a backup may delete although a restore of its directory was not
    /// completed. The restore is forgotten then.
    pub restore_abandoned: bool,
    /// A plan with longer keys is refused; in bytes, with the prefix.
    pub max_key_length: u16,
    /// Where a restore moves what it would overwrite or delete. On the same
    /// file system as the directory, and not in it.
    pub trash: Option<PathBuf>,
    /// Most requests in flight; by default as many as increase the speed.
    pub concurrency: Option<usize>,
    /// Size of the parts of large files, in bytes. By default 8 MiB up and
    /// 16 MiB down.
    pub part_size: Option<u64>,
    /// Most content held in memory, in bytes. By default as much as keeps the
    /// connection busy, its bandwidth times its latency: from 64 MiB up and 16 MiB
    /// down to 256 MiB, or less where the memory of this process is limited.
    pub max_memory: Option<u64>,
    /// The state directory; by default `$XDG_STATE_HOME/s3mirror` or the first of
    /// several others that can be used.
    pub state_dir: Option<PathBuf>,
    /// Which places belong to other directories, beside those that backups of
    /// this machine have written: a backup does not delete there.
    pub owners: Vec<Owner>,
}

impl MirrorOptions {
    /// The defaults between `directory` and `bucket`.
    #[must_use]
    pub fn new(direction: Direction, directory: impl Into<PathBuf>, bucket: Location) -> Self {
        Self {
            direction,
            directory: directory.into(),
            files: FsOptions::default(),
            bucket: S3Options::new(bucket),
            compare: Compare::default(),
            selection: SelectionOptions::default(),
            key_range: KeyRange::default(),
            deletions: Deletions::default(),
            max_delete: MaxDelete::default(),
            allow_empty_source: false,
            allow_overlap: false,
            restore_abandoned: false,
            max_key_length: DEFAULT_MAX_KEY_LENGTH,
            trash: None,
            concurrency: None,
            part_size: None,
            max_memory: None,
            state_dir: None,
            owners: Vec::new(),
        }
    }

    /// Most requests in flight that the stores can make use of. How many are
    /// really in flight is decided by the bucket's store.
    #[must_use]
    pub fn most_requests(&self) -> usize {
        let usual = || sync_s3::MAX_CONCURRENCY.min(memory::most_requests());
        let most = self.concurrency.unwrap_or_else(usual);
        most.min(open_files::most_requests())
    }

    /// The bound for the bucket's store; none where it may determine by itself
    /// how many requests increase the speed.
    pub(crate) fn bound_on_requests(&self) -> Option<usize> {
        let most = self.most_requests();
        (self.concurrency.is_some() || most < sync_s3::MAX_CONCURRENCY).then_some(most)
    }

    /// Most threads that send requests.
    pub(crate) fn most_threads(&self) -> usize {
        let most = open_files::most_threads().min(memory::most_threads());
        self.bucket.threads.min(most)
    }

    /// Size of the parts of large files, in bytes.
    #[must_use]
    pub fn part_size(&self) -> u64 {
        self.part_size
            .unwrap_or_else(|| default_part_size(self.direction))
    }

    /// Content held in memory where the bucket answers at once, in bytes: eight
    /// parts up, and as many reads down; less where the memory of this process is
    /// limited; or the one part that was asked for.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let default = default_memory(self.direction, memory::content_limit());
        let least = match self.direction {
            Direction::Backup => self.part_size(),
            // Of a part that is restored, little is held.
            Direction::Restore => self.whole_size(),
        };
        self.max_memory.unwrap_or(default.max(least))
    }

    /// Most content held in memory, in bytes.
    #[must_use]
    pub fn most_memory(&self) -> u64 {
        let most = memory::content_limit().map_or(MOST_MEMORY, |limit| MOST_MEMORY.min(limit));
        self.max_memory.unwrap_or(most.max(self.memory()))
    }

    /// The largest object that is held in memory as a whole, in bytes: one part, if its
    /// size was chosen.
    pub(crate) fn whole_size(&self) -> u64 {
        let usual = || whole_size_within(memory::content_limit());
        self.part_size.unwrap_or_else(usual)
    }

    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_delete = self.max_delete;
        limits.allow_empty_source = self.allow_empty_source;
        limits
    }

    /// How a plan is made. The selection and the counter of listed entries are
    /// those of the mirror.
    pub(crate) fn plan_options(&self) -> PlanOptions {
        let prefix = self.bucket.location.prefix().len();
        let mut options = PlanOptions::new(self.direction);
        options.compare = self.compare;
        options.range = self.key_range.clone();
        options.deletions = self.deletions;
        options.max_key_bytes = usize::from(self.max_key_length).saturating_sub(prefix);
        options.concurrency = self.most_requests();
        options.memory = self.memory();
        options.sort_memory = sort_memory(options.sort_memory);
        options
    }

    /// How a plan is executed.
    pub(crate) fn execute_options(&self) -> ExecuteOptions {
        let mut options = ExecuteOptions::default();
        options.concurrency = self.most_requests();
        options.memory = self.memory();
        options.most_memory = self.most_memory();
        options.part_size = self.part_size();
        options.whole_size = self.whole_size();
        options
    }
}

/// How a plan is cut into requests unless anything is chosen.
#[must_use]
pub fn default_execute_options(direction: Direction) -> ExecuteOptions {
    let mut options = ExecuteOptions::default();
    let limit = memory::content_limit();
    options.part_size = part_size_within(direction, limit);
    options.whole_size = whole_size_within(limit);
    options
}

/// What is held in memory at most unless it is chosen, in bytes: it fills 10 Gbit/s
/// at 100 ms twice.
const MOST_MEMORY: u64 = 256 << 20;

/// What is held in memory unless it is chosen, in bytes: no more than `limit`.
fn default_memory(direction: Direction, limit: Option<u64>) -> u64 {
    let usual = match direction {
        Direction::Backup => 64 << 20,
        Direction::Restore => 16 << 20,
    };
    limit.map_or(usual, |limit| usual.min(limit))
}

/// Size of the parts of large files unless it is chosen, in bytes. S3 takes no
/// smaller parts than 5 MiB. What is uploaded is held until it is answered, so it is
/// cut smaller where the memory of this process is limited; what is downloaded is
/// written as it arrives.
fn default_part_size(direction: Direction) -> u64 {
    part_size_within(direction, memory::content_limit())
}

fn part_size_within(direction: Direction, limit: Option<u64>) -> u64 {
    match direction {
        Direction::Backup => limit.map_or(8 << 20, |limit| (limit / 2).clamp(5 << 20, 8 << 20)),
        Direction::Restore => 16 << 20,
    }
}

/// The least that `max_memory` may be where the size of the parts is not chosen, in
/// bytes: what is held as a whole.
#[must_use]
pub fn least_memory(direction: Direction) -> u64 {
    match direction {
        Direction::Backup => default_part_size(direction),
        Direction::Restore => whole_size_within(memory::content_limit()),
    }
}

/// The largest object that is held in memory as a whole, in bytes.
fn whole_size_within(limit: Option<u64>) -> u64 {
    limit.map_or(4 << 20, |limit| (limit / 2).clamp(1 << 20, 4 << 20))
}

/// `usual`, or less where the memory of this process is limited: a listing that
/// comes out of order is then sorted in more pieces.
pub(crate) fn sort_memory(usual: usize) -> usize {
    let limit = memory::content_limit().map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    limit.map_or(usual, |limit| limit.min(usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_get_smaller_with_the_memory_but_not_below_what_a_server_takes() {
        let sizes = |limit| {
            let part = part_size_within(Direction::Backup, limit);
            [part, whole_size_within(limit)]
        };
        assert_eq!(sizes(None), [8 << 20, 4 << 20]);
        assert_eq!(sizes(Some(1 << 30)), [8 << 20, 4 << 20]);
        assert_eq!(sizes(Some(12 << 20)), [6 << 20, 4 << 20]);
        assert_eq!(sizes(Some(4 << 20)), [5 << 20, 2 << 20]);
        assert_eq!(sizes(Some(1)), [5 << 20, 1 << 20]);
    }

    #[test]
    fn the_default_of_memory_follows_the_limit_of_the_process() {
        use Direction::{Backup, Restore};
        assert_eq!(default_memory(Backup, None), 64 << 20);
        assert_eq!(default_memory(Backup, Some(32 << 20)), 32 << 20);
        assert_eq!(default_memory(Restore, Some(32 << 20)), 16 << 20);
        assert_eq!(default_memory(Restore, Some(1 << 20)), 1 << 20);
    }
}
