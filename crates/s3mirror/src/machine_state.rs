//! What this machine knows about the places of a run: which other runs work
//! there, which restores were not completed, and which directories own keys in
//! the bucket.

use std::io;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use sync_core::{
    Direction,
    plan::{Action, Plan},
    text::printable,
};
use sync_fs::FsStore;

use crate::error::{Error, Result};
use crate::observer::{Observer, Warning};
use crate::options::MirrorOptions;
use crate::part::Part;
use crate::places::Places;
use crate::refusal::Refusal;
use crate::state::lock::{Locked, Locks};
use crate::state::owners::{self, Ownership};
use crate::state::registry::RunEntry;
use crate::state::restore_mark::{self, How, RestoreMark, UnfinishedRestore, Work};
use crate::state::{BucketPlace, Relation, StateDir, Tree};

/// The places of a run, as this machine knows them.
pub(crate) struct MachineState {
    direction: Direction,
    pub(crate) state: StateDir,
    directory: Tree,
    pub(crate) bucket: BucketPlace,
}

impl MachineState {
    /// The places of `options`, which are open.
    pub(crate) fn of(options: &MirrorOptions, places: &Places) -> Self {
        let location = &options.bucket.location;
        let endpoint_url = places.bucket.endpoint_url();
        Self {
            direction: options.direction,
            state: StateDir::find(options.state_dir.as_deref()),
            directory: Tree::of(&options.directory),
            bucket: BucketPlace::new(endpoint_url, location.bucket(), location.prefix()),
        }
    }

    /// Whether `other` has the same places in the same direction.
    pub(crate) fn is_same_mirror(&self, other: &Self) -> bool {
        self.direction == other.direction
            && self.directory.relation(&other.directory) == Some(Relation::Same)
            && self.bucket == other.bucket
    }

    /// What the mirror does, as in "a backup of '/srv/data' to s3://bucket/ at AWS".
    pub(crate) fn purpose(&self) -> String {
        let (what, to) = match self.direction {
            Direction::Backup => ("backup", "to"),
            Direction::Restore => ("restore", "from"),
        };
        let directory = printable(&self.directory.path().to_string_lossy());
        let server = self.bucket.endpoint_url().unwrap_or("AWS");
        format!("a {what} of '{directory}' {to} {} at {server}", self.bucket)
    }

    /// The locks of both places; processes of the same cluster run, `shared`, may
    /// hold them together.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run has one of them.
    pub(crate) fn lock(&self, shared: Option<&str>, observer: &dyn Observer) -> Result<Locks> {
        let backs_up = self.direction == Direction::Backup;
        let command = if backs_up { "backup" } else { "restore" };
        let entry = RunEntry {
            writes_directory: !backs_up,
            writes_bucket: backs_up,
            shared: shared.map(str::to_owned),
            ..RunEntry::new(command, self.directory.clone(), Some(self.bucket.clone()))
        };
        lock(&entry, &self.state, observer)
    }

    /// Why this machine's knowledge forbids a plan that was made just now.
    pub(crate) fn refusals(
        &self,
        plan: &Plan,
        directory: &FsStore,
        options: &MirrorOptions,
    ) -> io::Result<Vec<Refusal>> {
        if self.direction == Direction::Restore {
            return Ok(Vec::new());
        }
        let mut refusals = Vec::new();
        if !options.restore_abandoned {
            let unfinished = self.unfinished_restores(directory);
            refusals.extend(refused_by_restore(plan, &unfinished)?);
        }
        if plan.counts().real_deletions() > 0 && !options.allow_overlap {
            let mut owners = owners::recorded(&self.state);
            owners.extend(options.owners.iter().cloned());
            let ownership = Ownership::new(&self.directory, &self.bucket, owners);
            refusals.extend(ownership.overlap(plan)?.map(Refusal::Overlap));
        }
        Ok(refusals)
    }

    /// The same of a saved plan, which was made by an earlier listing: marks
    /// that were added since are looked for where it deletes.
    pub(crate) fn refusals_of_saved(
        &self,
        plan: &Plan,
        directory: &FsStore,
        options: &MirrorOptions,
    ) -> io::Result<Vec<Refusal>> {
        let refusals = self.refusals(plan, directory, options)?;
        let is_settled = self.direction == Direction::Restore
            || options.restore_abandoned
            || plan.counts().deleted().entries == 0
            || !refusals.is_empty();
        if is_settled {
            return Ok(refusals);
        }
        let below = self.marks_above_deletions(plan)?;
        let unfinished = restore_mark::find(&self.directory, &self.state, &below);
        let refusal = refused_by_restore(plan, &unfinished)?;
        Ok(refusal.into_iter().collect())
    }

    /// Restores of the directory, or of one above or below, that were not
    /// completed, as far as a listing of `directory` has met them.
    pub(crate) fn unfinished_restores(&self, directory: &FsStore) -> Vec<UnfinishedRestore> {
        let below = directory.unfinished_restores();
        restore_mark::find(&self.directory, &self.state, &below)
    }

    /// The directories with a mark above what `plan` deletes.
    fn marks_above_deletions(&self, plan: &Plan) -> io::Result<Vec<String>> {
        let mut last = String::new();
        for action in plan.actions()? {
            let Action::Delete(delete) = action? else {
                continue;
            };
            let parent = delete.target.key.directory();
            if parent == last {
                continue;
            }
            let ends = parent.match_indices('/').map(|(end, _)| end);
            for end in ends.chain([parent.len()]) {
                let directory = self.directory.path().join(&parent[..end]);
                let mark = directory.join(sync_fs::RESTORE_MARK);
                if mark.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                    return Ok(vec![parent[..end].to_owned()]);
                }
            }
            parent.clone_into(&mut last);
        }
        Ok(Vec::new())
    }

    /// Makes the directory of a restore and leaves the mark that it was begun,
    /// before anything is written there.
    pub(crate) async fn begin_restore(
        &self,
        plan: &Plan,
        directory: &FsStore,
        part: &Part,
        how: How,
        observer: &dyn Observer,
    ) -> Result<RestoreMark> {
        let work = Work {
            how,
            ..self.work(plan, None)
        };
        let planned = work.planned;
        let mark = if let Part::Whole = part {
            let mark = restore_mark::begin(&work, now());
            if let Err(why) = mark.put_into_state(&self.state, planned) {
                observer.warning(&Warning::NotNoted(why));
            }
            mark
        } else {
            // What ends the restore may run on another machine, which sees only the
            // directory, and knows of marks that are no later than its plan.
            restore_mark::begin(&work, planned)
        };
        directory.make_root().await?;
        if part.is_over() {
            return Ok(mark);
        }
        let path = self.directory.path();
        let put = match mark.put_into(directory, path, planned).await {
            // The restore has ended meanwhile, and nobody else will remove it.
            Ok(true) if part.is_over() => mark.take_from(directory, path).await,
            put => put.map(drop),
        };
        if let Err(why) = put {
            observer.warning(&Warning::NotNoted(why));
        }
        Ok(mark)
    }

    /// Notes what is known after a complete run: a restore's own mark
    /// `own` is removed, a backup's place is recorded for its directory.
    pub(crate) async fn completed(
        &self,
        plan: &Plan,
        directory: &FsStore,
        options: &MirrorOptions,
        own: Option<&RestoreMark>,
        observer: &dyn Observer,
    ) {
        let failed = match self.direction {
            // Only a part of it is complete.
            Direction::Restore if !plan.header().range.is_all() => Vec::new(),
            Direction::Restore => {
                let found = self.unfinished_restores(directory);
                let work = self.work(plan, own);
                restore_mark::clear_completed(&found, &work, directory).await
            }
            Direction::Backup => {
                let mut failed = self.note_backup(options);
                let is_of_all = plan.header().selection.is_empty() && plan.header().range.is_all();
                if options.restore_abandoned && is_of_all {
                    let found = self.unfinished_restores(directory);
                    let cleared = restore_mark::clear_abandoned(&found, &self.directory, directory);
                    failed.append(&mut cleared.await);
                }
                failed
            }
        };
        for why in failed {
            observer.warning(&Warning::NotNoted(why));
        }
    }

    fn note_backup(&self, options: &MirrorOptions) -> Vec<String> {
        let noted = owners::record(&self.directory, &self.bucket, now(), &self.state);
        let forgotten = if options.allow_overlap {
            owners::forget_others(&self.bucket, &self.state)
        } else {
            Ok(())
        };
        let failed = [noted, forgotten].into_iter().filter_map(Result::err);
        failed
            .map(|error: io::Error| {
                format!("cannot note in the state directory what was backed up: {error}")
            })
            .collect()
    }

    fn work<'a>(&'a self, plan: &'a Plan, own: Option<&'a RestoreMark>) -> Work<'a> {
        let origin = plan.header().origin.as_ref();
        Work {
            directory: &self.directory,
            bucket: &self.bucket,
            selection: &plan.header().selection,
            how: How::default(),
            planned: origin.map_or_else(now, |origin| origin.created),
            own,
        }
    }
}

/// The locks of `entry`.
///
/// # Errors
/// [`Error::Locked`] if another run works on the same places.
pub(crate) fn lock(entry: &RunEntry, state: &StateDir, observer: &dyn Observer) -> Result<Locks> {
    if let Some(warning) = state.warning() {
        observer.warning(&Warning::StateDirectory(warning.to_owned()));
    }
    match Locks::acquire(entry, state) {
        Locked::Yes(locks) => Ok(locks),
        Locked::Unseen(locks, why) => {
            observer.warning(&Warning::Unlocked(why));
            Ok(locks)
        }
        Locked::No(why) => Err(Error::Locked(why)),
    }
}

/// Why a backup by `plan` is refused, because of one of `unfinished`.
fn refused_by_restore(
    plan: &Plan,
    unfinished: &[UnfinishedRestore],
) -> io::Result<Option<Refusal>> {
    let Some(first) = unfinished.first() else {
        return Ok(None);
    };
    let restore = first.clone();
    Ok(restore_mark::harm(plan)?.map(|harm| Refusal::UnfinishedRestore { restore, harm }))
}

fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}
