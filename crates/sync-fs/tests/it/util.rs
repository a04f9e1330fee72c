//! A directory for one test, with a sibling that must stay as it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use sync_core::NewEntry;
use sync_core::{
    Entry, Expected, Key, Listed, Result, Store,
    checksum::Crc64,
    entry::{SkipCause, Skipped},
};
use sync_fs::{FsOptions, FsStore};
use tempfile::TempDir;

pub(crate) struct Tree {
    _dir: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) outside: PathBuf,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self::in_dir(TempDir::new().unwrap())
    }

    pub(crate) fn in_dir(dir: TempDir) -> Self {
        // Other users come in, too.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        Self {
            _dir: dir,
            root,
            outside,
        }
    }

    pub(crate) fn store(&self) -> FsStore {
        self.store_with(FsOptions::default())
    }

    pub(crate) fn store_with(&self, options: FsOptions) -> FsStore {
        FsStore::open(&self.root, options).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn file(&self, name: &str, body: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn link(&self, target: impl AsRef<Path>, name: &str) {
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
    }

    /// Every name below the root, own temporaries too, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(&self.root, &self.root, &mut names);
        names.sort();
        names
    }
}

fn collect(root: &Path, dir: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(root).unwrap().to_owned();
        names.push(name.to_string_lossy().into_owned());
        if entry.file_type().unwrap().is_dir() {
            collect(root, &entry.path(), names);
        }
    }
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn entry(name: &str, size: usize) -> Entry {
    Entry::new(
        key(name),
        size as u64,
        time("2023-04-05T06:07:08.123456789Z"),
    )
}

pub(crate) async fn put(
    store: &FsStore,
    name: &str,
    body: &str,
    expected: &Expected,
) -> Result<()> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let checksum = Crc64::of(&body);
    store
        .put(
            &NewEntry::from(&entry(name, body.len())),
            body,
            checksum,
            expected,
        )
        .await
}

pub(crate) async fn stat(store: &FsStore, name: &str) -> Entry {
    store.stat(&key(name)).await.unwrap().expect("is there")
}

/// What is there now, as an expectation.
pub(crate) async fn as_it_is(store: &FsStore, name: &str) -> Expected {
    store.stat(&key(name)).await.unwrap().into()
}

pub(crate) async fn list(store: &FsStore) -> Vec<Listed> {
    store
        .list(&Default::default())
        .await
        .entries
        .try_collect()
        .await
        .unwrap()
}

pub(crate) async fn entries(store: &FsStore) -> Vec<Entry> {
    let entries = list(store).await.into_iter().filter_map(|item| match item {
        Listed::Entry(entry) => Some(entry),
        Listed::Skipped(_) => None,
    });
    entries.collect()
}

pub(crate) async fn keys(store: &FsStore) -> Vec<String> {
    let entries = entries(store).await;
    entries.iter().map(|e| e.key.as_str().to_owned()).collect()
}

/// Name, cause and detail of what was skipped.
pub(crate) async fn skipped(store: &FsStore) -> Vec<(String, SkipCause, String)> {
    let skipped = store
        .list(&Default::default())
        .await
        .entries
        .filter_map(async |item| match item.unwrap() {
            Listed::Entry(_) => None,
            Listed::Skipped(Skipped {
                name,
                cause,
                detail,
                ..
            }) => Some((name, cause, detail)),
        });
    skipped.collect().await
}

/// Runs `work` on a runtime of a thread that permissions apply to: root's
/// privileges are dropped for that thread and those that it starts.
pub(crate) fn unprivileged<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    use rustix::process::{Gid, Uid, geteuid};
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if geteuid().is_root() {
                let (user, group) = (Uid::from_raw(65534), Gid::from_raw(65534));
                rustix::thread::set_thread_groups(&[]).unwrap();
                rustix::thread::set_thread_res_gid(group, group, group).unwrap();
                rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(work())
        });
        thread.join().unwrap()
    })
}

/// Tells another thread to stop, also when a test fails.
pub(crate) struct StopOnDrop<'a>(pub(crate) &'a std::sync::atomic::AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}
