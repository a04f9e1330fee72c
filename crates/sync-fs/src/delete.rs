//! Deleting files, each only if it still is the version described.
//!
//! Only regular files and the links that were listed as files are removed,
//! never a directory. A file that does not exist counts as deleted.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{Entry, ErrorKind, Result};

use crate::directory::Directory;
use crate::error::{changed, failed, refused};
use crate::options::Durability;
use crate::sys::errno::Sys;
use crate::sys::last_directory::LastDirectory;
use crate::sys::meta::{Meta, kind_name};
use crate::sys::path::is_within;
use crate::sys::path::split;
use crate::write::expected::as_expected;
use crate::write::temporary::remove::remove;

/// Deletes `entries`; one result for each, in their order.
pub(crate) async fn delete(directory: &Arc<Directory>, entries: Vec<Entry>) -> Vec<Result<()>> {
    let inner = Arc::clone(directory);
    let count = entries.len();
    let work = move || Ok(delete_all(&inner, entries));
    let work = directory.jobs.run_unmeasured(work).await;
    work.unwrap_or_else(|error| {
        let text = error.to_string();
        (0..count)
            .map(|_| Err(refused(error.kind(), text.clone())))
            .collect()
    })
}

fn delete_all(directory: &Arc<Directory>, entries: Vec<Entry>) -> Vec<Result<()>> {
    let inner = Arc::clone(directory);
    let mut done = directory.jobs.spread(entries, move |last, entry| {
        let deleted = || delete_in(&inner, last, &entry);
        let result = inner.jobs.measure(deleted);
        (entry, result)
    });
    if let Some(trash) = &directory.trash
        && directory.options.durability != Durability::None
    {
        for (failed, errno) in trash.sync() {
            // What was moved there may be lost by a power cut.
            for (entry, result) in &mut done {
                if result.is_ok() && is_within(split(entry.key.as_str().as_bytes()).0, &failed) {
                    *result = Err(cannot(entry, errno));
                }
            }
        }
    }
    done.into_iter().map(|(_, result)| result).collect()
}

/// Deletes `entry`, in a plan's order: the files of a directory are consecutive.
fn delete_in(directory: &Directory, last: &mut LastDirectory, entry: &Entry) -> Result<()> {
    let (path, leaf) = split(entry.key.as_str().as_bytes());
    match last.get(path, || directory.root.directory(path)) {
        Ok(dir) => delete_one(directory, dir, leaf, entry),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
        Err(errno) => Err(cannot(entry, errno)),
    }
}

fn delete_one(directory: &Directory, dir: &OwnedFd, leaf: &[u8], entry: &Entry) -> Result<()> {
    let meta = match Meta::at(dir, leaf) {
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(cannot(entry, errno)),
        Ok(meta) => meta,
    };
    let is_version = match meta {
        meta if meta.kind == FileType::Symlink => match &entry.link {
            // Its target may have been replaced since, by this run.
            Some(link) => directory.detector.is_marked(&meta, &link.mark),
            None => is_listed_link(directory, entry).map_err(|errno| cannot(entry, errno))?,
        },
        meta if meta.is_file() => {
            let path = entry.key.as_str().as_bytes();
            directory.detector.is_version_rechecked(path, &meta, entry)
        }
        meta => {
            let kind = kind_name(meta.kind);
            let text = format!("'{}' is {kind} now and is not deleted", entry.key);
            return Err(refused(ErrorKind::Changed, text));
        }
    };
    if !is_version {
        return Err(changed(&entry.key));
    }
    if let Some(trash) = &directory.trash {
        return trash.take(&entry.key, dir, &meta);
    }
    let removed = remove(dir, leaf, &meta, &directory.detector);
    let removed = removed.map_err(|errno| cannot(entry, errno))?;
    as_expected(&entry.key, removed)
}

/// Whether the link at the entry's key still leads to that entry.
fn is_listed_link(directory: &Directory, entry: &Entry) -> Sys<bool> {
    let now = directory.stat(&entry.key)?;
    Ok(now.is_some_and(|now| directory.detector.is_same_version(&now, entry)))
}

fn cannot(entry: &Entry, errno: Errno) -> sync_core::StoreError {
    failed(format!("cannot delete '{}'", entry.key), errno)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sync_core::ErrorKind;
    use sync_core::Key;

    use super::*;
    use crate::jobs::Jobs;
    use crate::options::FsOptions;

    #[tokio::test]
    async fn where_several_threads_share_a_batch_each_result_is_that_of_its_entry() {
        let dir = tempfile::tempdir().unwrap();
        let mut directory = Directory::new(dir.path(), FsOptions::default());
        directory.jobs = Jobs::on_slow_file_system();
        let key = |number| format!("d{}/{number}", number / 100);
        for number in 0..300 {
            fs::create_dir_all(dir.path().join(format!("d{}", number / 100))).unwrap();
            fs::write(dir.path().join(key(number)), "1").unwrap();
        }
        assert!(directory.exists().unwrap());
        let entry = |number| {
            let found = directory.stat(&Key::new(key(number)).unwrap());
            found.unwrap().unwrap()
        };
        let entries: Vec<_> = (0..300).map(entry).collect();
        let is_changed = |number| number % 7 == 3;
        for number in (0..300).filter(|number| is_changed(*number)) {
            fs::write(dir.path().join(key(number)), "another").unwrap();
        }
        fs::remove_dir_all(dir.path().join("d2")).unwrap();

        let results = delete(&Arc::new(directory), entries).await;

        assert_eq!(results.len(), 300);
        for (number, result) in results.iter().enumerate() {
            let kind = result.as_ref().err().map(sync_core::StoreError::kind);
            let fails = is_changed(number) && number < 200;
            assert_eq!(kind, fails.then_some(ErrorKind::Changed), "{number}");
            let is_there = dir.path().join(key(number)).exists();
            assert_eq!(is_there, fails, "{number}");
        }
    }
}
