//! Deleting files, each only if it still is the version described.
//!
//! Only regular files and the links that were listed as files are removed,
//! never a directory. A file that does not exist counts as deleted.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{Entry, ErrorKind, Result};

use crate::blocking::blocking;
use crate::directory::Directory;
use crate::error::{changed, failed, refused};
use crate::options::Durability;
use crate::sys::errno::Sys;
use crate::sys::meta::{Meta, kind_name};
use crate::sys::path::is_within;
use crate::sys::path::split;
use crate::write::expected::as_expected;
use crate::write::temporary::remove::remove;

/// Deletes `entries`; one result for each, in their order.
pub(crate) async fn delete(directory: &Arc<Directory>, entries: Vec<Entry>) -> Vec<Result<()>> {
    let directory = Arc::clone(directory);
    let count = entries.len();
    let work = blocking(move || Ok(delete_all(&directory, &entries))).await;
    work.unwrap_or_else(|error| {
        let text = error.to_string();
        (0..count)
            .map(|_| Err(refused(error.kind(), text.clone())))
            .collect()
    })
}

fn delete_all(directory: &Directory, entries: &[Entry]) -> Vec<Result<()>> {
    // In a plan's order the files of one directory are consecutive, so the last
    // handle serves most of them; it lives no longer than this batch.
    let mut last: Option<(&[u8], OwnedFd)> = None;
    let mut results = Vec::with_capacity(entries.len());
    for entry in entries {
        let (path, leaf) = split(entry.key.as_str().as_bytes());
        let opened = match last.take() {
            Some((open, dir)) if open == path => Ok(dir),
            _ => directory.root.directory(path),
        };
        results.push(match opened {
            Ok(dir) => {
                let result = delete_one(directory, &dir, leaf, entry);
                last = Some((path, dir));
                result
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(errno) => Err(cannot(entry, errno)),
        });
    }
    if let Some(trash) = &directory.trash
        && directory.options.durability != Durability::None
    {
        for (failed, errno) in trash.sync() {
            // What was moved there may be lost by a power cut.
            for (entry, result) in entries.iter().zip(&mut results) {
                if result.is_ok() && is_within(split(entry.key.as_str().as_bytes()).0, &failed) {
                    *result = Err(cannot(entry, errno));
                }
            }
        }
    }
    results
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
            directory
                .detector
                .is_version_rechecked(&directory.root, path, &meta, entry)
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
