//! Divides a plan into shards that take about as long as each other.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sync_core::{Direction, plan::Origin};

use super::directory::{self, RUN, RunDirectory, cannot_read, cannot_write};
use super::error::{ClusterError, Result};
use super::files::{
    PROGRAM, PlanSum, RunFile, SEALED, SealedFile, ShardPart, VERSION, now, plan_name,
};
use super::run::ClusterRun;
use super::shard::{Shard, Task as _};
use super::unread::Unread;
use crate::mirror::MirrorPlan;
use crate::plan_file::{Packed, PlanFileError, pack};

/// Most shards of a run: Slurm starts as many tasks of an array by default.
pub const MAX_SHARDS: usize = 1_000;

/// A run directory that is to be made.
#[derive(Debug)]
pub struct NewRun {
    pub(crate) path: PathBuf,
    pub(crate) shards: usize,
}

impl NewRun {
    /// Checks that a plan of `directory` can be divided into so many shards by a run
    /// directory at `path`, before anything is asked or done.
    ///
    /// # Errors
    /// [`ClusterError`]
    pub fn check(path: &Path, directory: &Path, shards: usize) -> Result<Self> {
        if !(1..=MAX_SHARDS).contains(&shards) {
            let max = MAX_SHARDS;
            return Err(ClusterError::Shards { shards, max });
        }
        if path.symlink_metadata().is_ok() {
            let path = path.to_owned();
            return Err(ClusterError::Exists { path });
        }
        directory::is_outside(path, directory)?;
        let path = path.to_owned();
        Ok(Self { path, shards })
    }

    /// Makes the run directory. The plan must have been judged, and confirmed by
    /// whoever has to.
    ///
    /// # Errors
    /// [`ClusterError`]; then there is no run directory.
    pub fn create(&self, plan: &MirrorPlan) -> Result<ClusterRun> {
        let directory = RunDirectory::create(&self.path)?;
        self.fill(&directory, plan).inspect_err(|_| {
            // It was made just now, by this process.
            let _ = fs::remove_dir_all(directory.path());
        })?;
        ClusterRun::open(&self.path)
    }

    fn fill(&self, directory: &RunDirectory, plan: &MirrorPlan) -> Result<()> {
        make_directories(directory, self.shards)?;
        let plan = plan.plan();
        let origin = plan.header().origin.clone();
        let origin = origin.ok_or(PlanFileError::NoOrigin)?;
        let run = RunFile {
            s3mirror_run: VERSION,
            id: new_id(),
            program: PROGRAM.to_owned(),
            created: now(),
            direction: plan.direction(),
            inode: inode_of(&origin, plan.direction())?,
            ranges: None,
            origin,
        };
        let planned = run.origin.created;
        let path = directory.join(plan_name(0));
        let packed = write_plan(&path, plan, self.shards);
        let packed = packed.map_err(|error| cannot_write(&path, error))?;
        let run_crc64 = publish(directory, RUN, &run)?;
        let parts = packed.spans.into_iter();
        let unread = Unread::of(plan, None).map_err(|error| cannot_read(&path, error))?;
        let sealed = SealedFile {
            run: run.id,
            run_crc64,
            plans: vec![PlanSum {
                bytes: packed.bytes,
                crc64: packed.crc64,
                clock_offset_ms: plan.header().rule.clock_offset.num_milliseconds(),
            }],
            counts: plan.counts().clone(),
            planned,
            unread: unread.into_iter().collect(),
            shards: parts
                .map(|span| vec![ShardPart { plan: 0, span }])
                .collect(),
        };
        publish(directory, SEALED, &sealed).map(drop)
    }
}

/// What distinguishes a run from all others.
pub(crate) fn new_id() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

/// The directories for plans, and for the files of so many shards.
pub(crate) fn make_directories(directory: &RunDirectory, shards: usize) -> Result<()> {
    directory.make("plan")?;
    directory.make("shard")?;
    (0..shards).try_for_each(|index| directory.make(&Shard(index).directory()))
}

/// The inode of the mirrored directory. That of a restore may not be there yet; the
/// shards must not make it, each for itself.
pub(crate) fn inode_of(origin: &Origin, direction: Direction) -> Result<u64> {
    let path = Path::new(&origin.directory);
    if direction == Direction::Restore {
        fs::create_dir_all(path).map_err(|error| cannot_write(path, error))?;
    }
    let found = fs::metadata(path).map_err(|error| cannot_read(path, error))?;
    Ok(found.ino())
}

pub(crate) fn publish(
    directory: &RunDirectory,
    name: &str,
    value: &impl serde::Serialize,
) -> Result<String> {
    directory
        .publish(name, value)?
        .ok_or_else(|| ClusterError::Exists {
            path: directory.join(name),
        })
}

fn write_plan(path: &Path, plan: &sync_core::plan::Plan, shards: usize) -> io::Result<Packed> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut out = BufWriter::new(file);
    let packed = pack(plan, &mut out, shards)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(packed)
}
