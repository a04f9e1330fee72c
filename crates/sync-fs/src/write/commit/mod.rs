//! Commits, alone or by group: sync the data, rename, sync the directories.
//!
//! A sync takes a revolution of the disk or more, whether it covers one file or a
//! thousand. So commits queue, and one of them, the leader, takes all that
//! wait: it syncs their data (by a single `syncfs` when there are many),
//! renames them, syncs each directory once, and sends each its result. Commits
//! that arrive meanwhile are the next group. On a slow file system other threads
//! share what the leader does for each file and directory.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustix::io::Errno;
use sync_core::{ErrorKind, Result, StoreError};
use tokio::sync::oneshot;

use super::commit_queue::{Answer, Commit, Ready};
use super::replace::install;
use crate::directory::Directory;
use crate::error::{failed, refused};
use crate::options::Durability;
use crate::sys::batch_sync::Covered;
use crate::sys::last_directory::LastDirectory;
use crate::sys::path::is_within;
use crate::trash::Trash;
use crate::trash::replaced::Replaced;

/// A file of this size syncs its own data before it joins the queue, so that
/// small ones do not wait for it.
const LARGE: u64 = 4 << 20;

/// Commits what `finish` makes ready, as the options say. All of it is one hop
/// to a thread that may block.
pub(crate) async fn commit(
    directory: &Arc<Directory>,
    finish: impl FnOnce() -> Result<Ready> + Send + 'static,
) -> Result<()> {
    let (answer, outcome) = oneshot::channel();
    let inner = Arc::clone(directory);
    directory.jobs.start(Box::new(move || {
        if answer.is_closed() {
            return;
        }
        match inner.jobs.measure(finish) {
            Ok(ready) => submit(&inner, ready, answer),
            // The receiver may be dropped.
            Err(error) => drop(answer.send(Err(error))),
        }
    }));
    outcome.await.unwrap_or_else(|_| {
        Err(refused(
            ErrorKind::Stopped,
            "the program stopped before the file was renamed to its final name",
        ))
    })
}

/// Commits `ready` alone, or with a group that this thread leads if nobody
/// does. It is answered in either case.
fn submit(directory: &Arc<Directory>, ready: Ready, answer: Answer) {
    if directory.options.durability != Durability::Batch {
        commit_group(directory, vec![Commit::new(ready, answer)]);
        return;
    }
    let is_large = ready.entry.size >= LARGE;
    let mut commit = Commit::new(ready, answer);
    if is_large {
        commit.sync_data(directory, Covered::NOTHING);
    }
    if commit.outcome.is_err() {
        commit.discard();
        commit.answer();
    } else if directory.commits.enqueue(commit) {
        directory
            .commits
            .run_batches(|group| commit_group(directory, group));
    }
}

/// Commits a whole group and answers each of it.
fn commit_group(directory: &Arc<Directory>, group: Vec<Commit>) {
    let skip_sync = directory.options.durability == Durability::None;
    let group = name_all(directory, group);
    let group = if skip_sync {
        // Nobody is going to sync these.
        drop(directory.new_directories.take());
        group
    } else {
        sync_all_directories(directory, group)
    };
    group.into_iter().for_each(Commit::answer);
}

/// Puts the data of each file of the group on disk and gives it its name; where
/// there is a trash, what is replaced has its name there before, on disk.
fn name_all(directory: &Arc<Directory>, mut group: Vec<Commit>) -> Vec<Commit> {
    let covered = sync_whole(directory, &group);
    let inner = Arc::clone(directory);
    let Some(trash) = &directory.trash else {
        return directory.jobs.spread(group, move |last, mut commit| {
            commit.sync_data(&inner, covered);
            commit.install(&inner, last);
            commit
        });
    };
    group = directory.jobs.spread(group, move |(), mut commit| {
        commit.sync_data(&inner, covered);
        commit.link(&inner);
        commit
    });
    sync_trash(directory, trash, &mut group);
    let inner = Arc::clone(directory);
    group = directory.jobs.spread(group, move |last, mut commit| {
        commit.install(&inner, last);
        commit
    });
    // For the files whose names were exchanged.
    sync_trash(directory, trash, &mut group);
    group
}

/// Puts the data of the whole group on disk at once, if that is worth it.
/// Nothing is to be synced without durability.
fn sync_whole(directory: &Directory, group: &[Commit]) -> Option<Covered> {
    let count = group.iter().filter(|commit| !commit.is_synced).count();
    let is_wanted = directory.options.durability != Durability::None;
    is_wanted.then(|| directory.syncer.sync_batch(&directory.root, count))
}

impl Commit {
    /// Puts the data on disk, as far as that is wanted and is not `covered`.
    fn sync_data(&mut self, directory: &Directory, covered: impl Into<Option<Covered>>) {
        let Some(covered) = covered.into().filter(|_| !self.is_synced) else {
            return;
        };
        let file = self.ready.temporary.file();
        if let Err(errno) = directory.syncer.sync_unless(covered, file) {
            let key = &self.ready.entry.key;
            self.outcome = Err(failed(format!("cannot sync '{key}' to disk"), errno));
        }
        self.is_synced = true;
    }

    /// Gives what is going to be replaced its name in the trash.
    fn link(&mut self, directory: &Directory) {
        let (Some(trash), Ok(())) = (&directory.trash, &self.outcome) else {
            return;
        };
        match trash.link(&directory.root, &self.ready.entry, &self.ready.expected) {
            Ok(replaced) => self.replaced = replaced,
            Err(error) => self.outcome = Err(error),
        }
    }

    /// Gives the file its name. What has failed leaves nothing behind.
    fn install(&mut self, directory: &Directory, last: &mut LastDirectory) {
        let trash = directory.trash.as_ref();
        if self.outcome.is_ok() {
            let keep = trash.map(|trash| (trash, &self.replaced));
            self.outcome = install(directory, last, &self.ready, keep);
        }
        if self.outcome.is_err() {
            if let (Some(trash), Replaced::Linked(_, kept)) = (trash, &self.replaced) {
                trash.drop_link(&self.ready.entry.key, kept);
            }
            self.discard();
        }
    }

    fn discard(&self) {
        self.ready.temporary.discard();
    }
}

/// Puts the names of the group on disk, and those of the directories that
/// were made for it.
fn sync_all_directories(directory: &Arc<Directory>, mut group: Vec<Commit>) -> Vec<Commit> {
    let mut unsynced = directory.new_directories.take();
    let paths = &mut unsynced.paths;
    for commit in group.iter().filter(|commit| commit.outcome.is_ok()) {
        if !paths.contains(commit.directory()) {
            paths.insert(commit.directory().to_vec());
        }
    }
    for (failed, errno) in sync_directories(directory, std::mem::take(paths)) {
        fail_within(&mut group, &failed, errno);
        // Nor does it hold for those that come later.
        directory.new_directories.put_back(failed);
    }
    group
}

/// Syncs each of the directories at `paths`; returns those that failed.
fn sync_directories(
    directory: &Arc<Directory>,
    paths: BTreeSet<Vec<u8>>,
) -> impl Iterator<Item = (Vec<u8>, Errno)> {
    let covered = directory.syncer.sync_batch(&directory.root, paths.len());
    let inner = Arc::clone(directory);
    let paths = paths.into_iter().collect();
    let synced = directory.jobs.spread(paths, move |(), path: Vec<u8>| {
        let result = inner.syncer.sync_directory(covered, &inner.root, &path);
        (path, result)
    });
    let failed = |(path, result): (_, std::result::Result<(), Errno>)| Some((path, result.err()?));
    synced.into_iter().filter_map(failed)
}

/// Puts the names in the trash on disk, unless nothing is synced.
fn sync_trash(directory: &Directory, trash: &Trash, group: &mut [Commit]) {
    if directory.options.durability == Durability::None {
        return;
    }
    for (failed, errno) in trash.sync() {
        fail_within(group, &failed, errno);
    }
}

/// The directory at `path` is not on disk. A failure above a file concerns its
/// own name, too.
fn fail_within(group: &mut [Commit], path: &[u8], errno: Errno) {
    for commit in group.iter_mut().filter(|commit| commit.outcome.is_ok()) {
        if is_within(commit.directory(), path) {
            commit.outcome = Err(name_not_on_disk(commit, errno));
        }
    }
}

fn name_not_on_disk(commit: &Commit, errno: Errno) -> StoreError {
    let key = &commit.ready.entry.key;
    failed(
        format!("cannot sync the directory of '{key}' to disk"),
        errno,
    )
}

#[cfg(test)]
mod tests;
