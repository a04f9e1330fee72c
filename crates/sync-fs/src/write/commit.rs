//! Commits, alone or by group: data on disk, then the names, then the
//! directories on disk.
//!
//! A sync costs a turn of the disk or more, whether it covers one file or a
//! thousand. So commits queue, and one of them, the leader, takes all that
//! wait: it syncs their data (by a single `syncfs` when there are many),
//! renames them, syncs each directory once, and answers each. Those that
//! arrive meanwhile are the next group.

use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use sync_core::{Entry, ErrorKind, Expected, Result, StoreError};
use tokio::sync::oneshot;

use crate::directory::Shared;
use crate::error::{failed, refused};
use crate::options::Durability;
use crate::sys::fsync::Disk;
use crate::sys::root::{Root, split};
use crate::trash::Trash;
use crate::trash::keep::Replaced;
use crate::write::replace::{Grown, place};
use crate::write::temporary::Temporary;

/// A file of this size syncs its own data before it joins the queue, so that
/// small ones do not wait for it.
const LARGE: u64 = 4 << 20;

/// A file whose bytes are complete, waiting for its name.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) temporary: Arc<Temporary>,
    pub(crate) entry: Entry,
    pub(crate) expected: Expected,
}

/// The queue of commits.
#[derive(Debug, Default)]
pub(crate) struct Committer {
    queue: Mutex<Queue>,
    disk: Disk,
    /// See [`Grown`].
    pub(crate) grown: Grown,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Commit>,
    has_leader: bool,
}

/// One commit on its way.
#[derive(Debug)]
struct Commit {
    ready: Ready,
    is_synced: bool,
    /// What the file replaces, where there is a trash.
    replaced: Replaced,
    outcome: Result<()>,
    answer: Option<oneshot::Sender<Result<()>>>,
}

/// Commits what `finish` makes ready, as the options say. All of it is one hop
/// to a thread that may block.
pub(crate) async fn commit(
    shared: &Arc<Shared>,
    finish: impl FnOnce() -> Result<Ready> + Send + 'static,
) -> Result<()> {
    let stopping = || {
        refused(
            ErrorKind::Stopped,
            "the program is stopping before the file got its name",
        )
    };
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return Err(stopping());
    };
    let (answer, outcome) = oneshot::channel();
    let shared = Arc::clone(shared);
    runtime.spawn_blocking(move || match finish() {
        Ok(ready) => submit(&shared, ready, answer),
        // Who asked may have gone.
        Err(error) => drop(answer.send(Err(error))),
    });
    outcome.await.unwrap_or_else(|_| Err(stopping()))
}

/// Commits `ready` alone, or with a group that this thread leads if nobody
/// does. It is answered in either case.
fn submit(shared: &Shared, ready: Ready, answer: oneshot::Sender<Result<()>>) {
    if shared.options.durability != Durability::Batch {
        drop(answer.send(commit_alone(shared, ready)));
        return;
    }
    let is_large = ready.entry.size >= LARGE;
    if is_large && let Err(error) = sync_data(&shared.commits.disk, &ready) {
        drop(answer.send(Err(error)));
        return;
    }
    let commit = Commit::new(ready, is_large, Some(answer));
    if shared.commits.enqueue(commit) {
        shared.commits.lead(shared);
    }
}

/// Commits one file in the calling thread.
fn commit_alone(shared: &Shared, ready: Ready) -> Result<()> {
    let skip_sync = shared.options.durability == Durability::None;
    let mut group = [Commit::new(ready, false, None)];
    if skip_sync {
        shared.commits.place_all(shared, &mut group);
        // Nobody is going to sync these.
        let _ = shared.commits.grown.take();
    } else {
        shared.commits.run(shared, &mut group);
    }
    let [commit] = group;
    commit.outcome
}

impl Commit {
    fn new(ready: Ready, is_synced: bool, answer: Option<oneshot::Sender<Result<()>>>) -> Self {
        Self {
            ready,
            is_synced,
            replaced: Replaced::Nothing,
            outcome: Ok(()),
            answer,
        }
    }

    /// The path of the directory that the file goes to.
    fn directory(&self) -> &[u8] {
        split(self.ready.entry.key.as_str().as_bytes()).0
    }
}

impl Committer {
    /// Whether something was to be on disk where the file system has no sync.
    pub(crate) fn is_without_sync(&self) -> bool {
        self.disk.is_without_sync()
    }

    /// Adds a commit; says whether the caller has to find it a leader.
    fn enqueue(&self, commit: Commit) -> bool {
        let mut queue = self.lock();
        queue.waiting.push(commit);
        !std::mem::replace(&mut queue.has_leader, true)
    }

    /// Commits group after group until none waits.
    fn lead(&self, shared: &Shared) {
        let _abdication = Abdication(self);
        loop {
            let mut group = {
                let mut queue = self.lock();
                if queue.waiting.is_empty() {
                    queue.has_leader = false;
                    return;
                }
                std::mem::take(&mut queue.waiting)
            };
            self.run(shared, &mut group);
            for commit in group {
                let Commit {
                    ready,
                    outcome,
                    answer,
                    ..
                } = commit;
                // With its handle the lock goes, which says that it is written.
                drop(ready);
                if let Some(answer) = answer {
                    // Who asked may have gone; the file is whole all the same.
                    let _ = answer.send(outcome);
                }
            }
        }
    }

    fn run(&self, shared: &Shared, group: &mut [Commit]) {
        let root = &shared.root;
        self.sync_all_data(root, group);
        self.place_all(shared, group);
        self.sync_all_directories(root, group);
    }

    /// Gives each file of the group its name; where there is a trash, what is
    /// replaced has its name there before, on disk.
    fn place_all(&self, shared: &Shared, group: &mut [Commit]) {
        if let Some(trash) = &shared.trash {
            for commit in group.iter_mut().filter(|commit| commit.outcome.is_ok()) {
                let Ready {
                    entry, expected, ..
                } = &commit.ready;
                match trash.link(&shared.root, entry, expected) {
                    Ok(replaced) => commit.replaced = replaced,
                    Err(error) => commit.outcome = Err(error),
                }
            }
            sync_trash(shared, trash, group);
        }
        for commit in group.iter_mut().filter(|commit| commit.outcome.is_ok()) {
            let Ready {
                temporary,
                entry,
                expected,
            } = &commit.ready;
            let keep = shared.trash.as_ref().map(|trash| (trash, &commit.replaced));
            let (root, trust) = (&*shared.root, &*shared.trust);
            commit.outcome = place((root, trust), &self.grown, temporary, entry, expected, keep);
        }
        if let Some(trash) = &shared.trash {
            for commit in group.iter().filter(|commit| commit.outcome.is_err()) {
                if let Replaced::Linked(_, kept) = &commit.replaced {
                    trash.drop_link(&commit.ready.entry.key, kept);
                }
            }
            // Those that changed places.
            sync_trash(shared, trash, group);
        }
        for commit in group.iter().filter(|commit| commit.outcome.is_err()) {
            commit.ready.temporary.discard();
        }
    }

    /// Puts the data of the whole group on disk.
    fn sync_all_data(&self, root: &Root, group: &mut [Commit]) {
        let waiting = || group.iter().filter(|commit| !commit.is_synced);
        let covered = self.disk.sync_together(root, waiting().count());
        for commit in group.iter_mut().filter(|commit| !commit.is_synced) {
            commit.outcome = covered
                .sync(commit.ready.temporary.file())
                .map_err(|errno| data_not_on_disk(&commit.ready, errno));
        }
    }

    /// Puts the names of the group on disk, and those of the directories that
    /// were made for it.
    fn sync_all_directories(&self, root: &Root, group: &mut [Commit]) {
        let mut paths = self.grown.take();
        for commit in group.iter().filter(|commit| commit.outcome.is_ok()) {
            if !paths.contains(commit.directory()) {
                paths.insert(commit.directory().to_vec());
            }
        }
        for (failed, errno) in self.disk.sync_directories(root, &paths) {
            // A failure above a file concerns its own name, too.
            for commit in group.iter_mut().filter(|commit| commit.outcome.is_ok()) {
                if is_within(commit.directory(), &failed) {
                    commit.outcome = Err(name_not_on_disk(commit, errno));
                }
            }
            // Nor does it hold for those that come later.
            self.grown.put_back(failed);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the names in the trash on disk, unless nothing is synced.
fn sync_trash(shared: &Shared, trash: &Trash, group: &mut [Commit]) {
    if shared.options.durability == Durability::None {
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

fn sync_data(disk: &Disk, ready: &Ready) -> Result<()> {
    let done = disk.sync(ready.temporary.file());
    let done = done.map_err(|errno| data_not_on_disk(ready, errno));
    if done.is_err() {
        ready.temporary.discard();
    }
    done
}

fn data_not_on_disk(ready: &Ready, errno: Errno) -> StoreError {
    failed(format!("cannot bring '{}' on disk", ready.entry.key), errno)
}

/// Should the leader panic: those that wait learn it, and others can lead.
struct Abdication<'a>(&'a Committer);

impl Drop for Abdication<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0.lock() = Queue::default();
        }
    }
}

/// Whether `path` is `ancestor` or below it.
pub(crate) fn is_within(path: &[u8], ancestor: &[u8]) -> bool {
    ancestor.is_empty()
        || path
            .strip_prefix(ancestor)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn name_not_on_disk(commit: &Commit, errno: Errno) -> StoreError {
    let key = &commit.ready.entry.key;
    failed(format!("cannot bring the name of '{key}' on disk"), errno)
}
