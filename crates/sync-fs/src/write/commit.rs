//! Commits, alone or by group: sync the data, rename, sync the directories.
//!
//! A sync takes a revolution of the disk or more, whether it covers one file or a
//! thousand. So commits queue, and one of them, the leader, takes all that
//! wait: it syncs their data (by a single `syncfs` when there are many),
//! renames them, syncs each directory once, and sends each its result. Commits
//! that arrive meanwhile are the next group.

use std::sync::Arc;

use rustix::io::Errno;
use sync_core::{ErrorKind, Result, StoreError};
use tokio::sync::oneshot;

use super::commit_queue::{Answer, Commit, Ready};
use super::replace::install;
use crate::directory::Directory;
use crate::error::{failed, refused};
use crate::options::Durability;
use crate::sys::batch_sync::Syncer;
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
    let stopping = || {
        refused(
            ErrorKind::Stopped,
            "the program stopped before the file was renamed to its final name",
        )
    };
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return Err(stopping());
    };
    let (answer, outcome) = oneshot::channel();
    let directory = Arc::clone(directory);
    runtime.spawn_blocking(move || match finish() {
        Ok(ready) => submit(&directory, ready, answer),
        // The receiver may be dropped.
        Err(error) => drop(answer.send(Err(error))),
    });
    outcome.await.unwrap_or_else(|_| Err(stopping()))
}

/// Commits `ready` alone, or with a group that this thread leads if nobody
/// does. It is answered in either case.
fn submit(directory: &Directory, ready: Ready, answer: Answer) {
    if directory.options.durability != Durability::Batch {
        drop(answer.send(commit_alone(directory, ready)));
        return;
    }
    let is_large = ready.entry.size >= LARGE;
    if is_large && let Err(error) = sync_data(&directory.syncer, &ready) {
        drop(answer.send(Err(error)));
        return;
    }
    let commit = Commit::new(ready, is_large, Some(answer));
    if directory.commits.enqueue(commit) {
        directory
            .commits
            .run_batches(|group| commit_group(directory, group));
    }
}

/// Commits one file in the calling thread.
fn commit_alone(directory: &Directory, ready: Ready) -> Result<()> {
    let skip_sync = directory.options.durability == Durability::None;
    let mut group = [Commit::new(ready, false, None)];
    if skip_sync {
        install_all(directory, &mut group);
        // Nobody is going to sync these.
        let _ = directory.new_directories.take();
    } else {
        commit_group(directory, &mut group);
    }
    let [commit] = group;
    commit.outcome
}

/// Commits a whole group; each commit holds its outcome.
fn commit_group(directory: &Directory, group: &mut [Commit]) {
    sync_all_data(directory, group);
    install_all(directory, group);
    sync_all_directories(directory, group);
}

/// Gives each file of the group its name; where there is a trash, what is
/// replaced has its name there before, on disk.
fn install_all(directory: &Directory, group: &mut [Commit]) {
    if let Some(trash) = &directory.trash {
        for commit in group.iter_mut().filter(|commit| commit.outcome.is_ok()) {
            let Ready {
                entry, expected, ..
            } = &commit.ready;
            match trash.link(&directory.root, entry, expected) {
                Ok(replaced) => commit.replaced = replaced,
                Err(error) => commit.outcome = Err(error),
            }
        }
        sync_trash(directory, trash, group);
    }
    for commit in group.iter_mut().filter(|commit| commit.outcome.is_ok()) {
        let Ready {
            temporary,
            entry,
            expected,
        } = &commit.ready;
        let keep = directory
            .trash
            .as_ref()
            .map(|trash| (trash, &commit.replaced));
        let (root, detector) = (&*directory.root, &*directory.detector);
        commit.outcome = install(
            (root, detector),
            &directory.new_directories,
            temporary,
            entry,
            expected,
            keep,
        );
    }
    if let Some(trash) = &directory.trash {
        for commit in group.iter().filter(|commit| commit.outcome.is_err()) {
            if let Replaced::Linked(_, kept) = &commit.replaced {
                trash.drop_link(&commit.ready.entry.key, kept);
            }
        }
        // For the files whose names were exchanged.
        sync_trash(directory, trash, group);
    }
    for commit in group.iter().filter(|commit| commit.outcome.is_err()) {
        commit.ready.temporary.discard();
    }
}

/// Puts the data of the whole group on disk.
fn sync_all_data(directory: &Directory, group: &mut [Commit]) {
    let waiting = || group.iter().filter(|commit| !commit.is_synced);
    let covered = directory
        .syncer
        .sync_batch(&directory.root, waiting().count());
    for commit in group.iter_mut().filter(|commit| !commit.is_synced) {
        commit.outcome = covered
            .sync(commit.ready.temporary.file())
            .map_err(|errno| data_not_on_disk(&commit.ready, errno));
    }
}

/// Puts the names of the group on disk, and those of the directories that
/// were made for it.
fn sync_all_directories(directory: &Directory, group: &mut [Commit]) {
    let mut paths = directory.new_directories.take();
    for commit in group.iter().filter(|commit| commit.outcome.is_ok()) {
        if !paths.contains(commit.directory()) {
            paths.insert(commit.directory().to_vec());
        }
    }
    for (failed, errno) in directory.syncer.sync_directories(&directory.root, &paths) {
        // A failure above a file concerns its own name, too.
        for commit in group.iter_mut().filter(|commit| commit.outcome.is_ok()) {
            if is_within(commit.directory(), &failed) {
                commit.outcome = Err(name_not_on_disk(commit, errno));
            }
        }
        // Nor does it hold for those that come later.
        directory.new_directories.put_back(failed);
    }
}

/// Puts the names in the trash on disk, unless nothing is synced.
fn sync_trash(directory: &Directory, trash: &Trash, group: &mut [Commit]) {
    if directory.options.durability == Durability::None {
        return;
    }
    for (failed, errno) in trash.sync() {
        for commit in group.iter_mut().filter(|commit| commit.outcome.is_ok()) {
            if is_within(commit.directory(), &failed) {
                commit.outcome = Err(name_not_on_disk(commit, errno));
            }
        }
    }
}

fn sync_data(disk: &Syncer, ready: &Ready) -> Result<()> {
    let done = disk.sync(ready.temporary.file());
    let done = done.map_err(|errno| data_not_on_disk(ready, errno));
    if done.is_err() {
        ready.temporary.discard();
    }
    done
}

fn data_not_on_disk(ready: &Ready, errno: Errno) -> StoreError {
    failed(format!("cannot sync '{}' to disk", ready.entry.key), errno)
}

fn name_not_on_disk(commit: &Commit, errno: Errno) -> StoreError {
    let key = &commit.ready.entry.key;
    failed(
        format!("cannot sync the directory of '{key}' to disk"),
        errno,
    )
}
