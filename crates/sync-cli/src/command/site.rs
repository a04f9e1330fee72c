//! What a run has to know of others at its places: those at work now, restores
//! that were not completed, and whose the keys in the bucket are.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use chrono::{DateTime, Utc};
use sync_core::{Action, Direction, Plan};

use super::present::changes;
use crate::options::SyncArgs;
use crate::places::Places;
use crate::state::lock::{Locked, Locks};
use crate::state::owners::{self, Ownership};
use crate::state::registry::RunEntry;
use crate::state::restore_mark::{self, Found, RestoreMark, Work};
use crate::state::{BucketPlace, StateDir, Tree};
use crate::{Console, config};

/// The places of a run, as this machine knows them.
pub(super) struct Site {
    direction: Direction,
    pub(super) state: Arc<StateDir>,
    directory: Tree,
    pub(super) bucket: BucketPlace,
    marks: Vec<Found>,
}

impl Site {
    /// The places in `args`, which are open.
    pub(super) fn of(direction: Direction, args: &SyncArgs, places: &Places) -> Self {
        let bucket = &args.places.bucket;
        let endpoint_url = places.bucket.endpoint_url();
        Self {
            direction,
            state: Arc::new(StateDir::find(args.state.state_dir.as_deref())),
            directory: Tree::of(&args.places.dir),
            bucket: BucketPlace::new(endpoint_url, bucket.bucket(), bucket.prefix()),
            marks: Vec::new(),
        }
    }

    /// The locks of both places; none if another run has one of them, which is
    /// said.
    pub(super) fn lock(&self, console: &mut Console) -> Option<Locks> {
        if let Some(warning) = self.state.warning() {
            console.warning(warning);
        }
        let backs_up = self.direction == Direction::Backup;
        let command = if backs_up { "backup" } else { "restore" };
        let entry = RunEntry {
            writes_directory: !backs_up,
            writes_bucket: backs_up,
            ..RunEntry::new(command, self.directory.clone(), Some(self.bucket.clone()))
        };
        take(&entry, &self.state, console)
    }

    /// Why this machine's knowledge forbids `plan`, each in one line.
    pub(super) fn refusals(
        &mut self,
        plan: &Plan,
        places: &Places,
        args: &SyncArgs,
    ) -> anyhow::Result<Vec<String>> {
        let below = places.directory.unfinished_restores();
        self.marks = restore_mark::find(&self.directory, &self.state, &below);
        if self.direction == Direction::Restore {
            return Ok(Vec::new());
        }
        let mut refusals = Vec::new();
        if !args.safety.consent.restore_abandoned {
            let why = restore_mark::refusal(plan, &self.marks).context("cannot read the plan")?;
            refusals.extend(why);
        }
        let deletes = !plan.counts().incomplete() && plan.counts().deleted().entries > 0;
        if deletes && !args.safety.consent.allow_overlap {
            let mut owners = owners::recorded(&self.state);
            owners.extend(config::owners(args, self.bucket.endpoint_url()));
            let ownership = Ownership::new(&self.directory, &self.bucket, owners);
            refusals.extend(ownership.refusal(plan).context("cannot read the plan")?);
        }
        Ok(refusals)
    }

    /// A saved plan was made by an earlier listing: marks that have come since
    /// are where it deletes.
    pub(super) fn refusals_of_saved(
        &mut self,
        plan: &Plan,
        places: &Places,
        args: &SyncArgs,
    ) -> anyhow::Result<Vec<String>> {
        let refusals = self.refusals(plan, places, args)?;
        let is_settled = self.direction == Direction::Restore
            || args.safety.consent.restore_abandoned
            || plan.counts().deleted().entries == 0
            || !refusals.is_empty();
        if is_settled {
            return Ok(refusals);
        }
        let below = self
            .marks_above_deletions(plan)
            .context("cannot read the plan")?;
        self.marks = restore_mark::find(&self.directory, &self.state, &below);
        let why = restore_mark::refusal(plan, &self.marks).context("cannot read the plan")?;
        Ok(why.into_iter().collect())
    }

    /// The directories with a mark above what `plan` deletes.
    fn marks_above_deletions(&self, plan: &Plan) -> std::io::Result<Vec<String>> {
        let mut last = String::new();
        for action in plan.actions()? {
            let Action::Delete(delete) = action? else {
                continue;
            };
            let key = delete.target.key.as_str();
            let parent = key.rsplit_once('/').map_or("", |(parent, _)| parent);
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
    pub(super) async fn begin_restore(
        &self,
        plan: &Plan,
        places: &Places,
        console: &mut Console,
    ) -> anyhow::Result<Option<RestoreMark>> {
        if changes(plan.counts()) == 0 {
            return Ok(None);
        }
        let mark = restore_mark::begin(&self.work(plan, None), now());
        if let Err(why) = mark.put_into_state(&self.state) {
            console.warning(why);
        }
        places.directory.make_root().await?;
        let directory = self.directory.path();
        if let Err(why) = mark.put_into(&places.directory, directory).await {
            console.warning(why);
        }
        Ok(Some(mark))
    }

    /// What is known now that a run is complete. What cannot be noted is said.
    pub(super) async fn completed(
        &self,
        plan: &Plan,
        places: &Places,
        args: &SyncArgs,
        own: Option<&RestoreMark>,
        console: &mut Console,
    ) {
        let failed = match self.direction {
            Direction::Restore => {
                let below = places.directory.unfinished_restores();
                let found = restore_mark::find(&self.directory, &self.state, &below);
                let work = self.work(plan, own);
                restore_mark::clear_completed(&found, &work, &places.directory).await
            }
            Direction::Backup => {
                let mut failed = self.note_backup(args);
                if args.safety.consent.restore_abandoned && plan.header().selection.is_empty() {
                    let directory = &self.directory;
                    let cleared =
                        restore_mark::clear_abandoned(&self.marks, directory, &places.directory);
                    failed.append(&mut cleared.await);
                }
                failed
            }
        };
        for why in failed {
            console.warning(why);
        }
    }

    fn note_backup(&self, args: &SyncArgs) -> Vec<String> {
        let noted = owners::record(&self.directory, &self.bucket, now(), &self.state);
        let forgotten = if args.safety.consent.allow_overlap {
            owners::forget_others(&self.bucket, &self.state)
        } else {
            Ok(())
        };
        let failed = [noted, forgotten].into_iter().filter_map(Result::err);
        failed
            .map(|error| format!("cannot note in the state directory what was backed up: {error}"))
            .collect()
    }

    fn work<'a>(&'a self, plan: &'a Plan, own: Option<&'a RestoreMark>) -> Work<'a> {
        let origin = plan.header().origin.as_ref();
        Work {
            directory: &self.directory,
            bucket: &self.bucket,
            selection: &plan.header().selection,
            planned: origin.map_or_else(now, |origin| origin.created),
            own,
        }
    }
}

/// Says that a restore of `directory`, or of one above or below, was not
/// completed: what is compared there is not what a backup should take for it.
pub(super) fn warn_of_unfinished(
    directory: &std::path::Path,
    state: &StateDir,
    below: &[String],
    console: &mut Console,
) {
    let found = restore_mark::find(&Tree::of(directory), state, below);
    if let Some(found) = found.first() {
        console.warning(found.sentence());
    }
}

/// The locks of `entry`; none if another run is in the way, which is said.
pub(super) fn take(entry: &RunEntry, state: &StateDir, console: &mut Console) -> Option<Locks> {
    match Locks::acquire(entry, state) {
        Locked::Yes(locks) => Some(locks),
        Locked::Unseen(locks, why) => {
            console.warning(format_args!(
                "other runs of s3mirror do not see this one, so see to it that none works on the \
                 same places: {why}"
            ));
            Some(locks)
        }
        Locked::No(why) => {
            console.error(format_args!("refused: {why}; try again when it has ended"));
            None
        }
    }
}

fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}
