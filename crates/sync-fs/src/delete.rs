//! Deleting files, each only if it still is the version described.
//!
//! Only regular files and the links that were listed as files are removed,
//! never a directory. Already gone is as good as deleted.

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
pub(crate) async fn delete(shared: &Arc<Directory>, entries: Vec<Entry>) -> Vec<Result<()>> {
    let shared = Arc::clone(shared);
    let count = entries.len();
    let work = blocking(move || Ok(delete_all(&shared, &entries))).await;
    work.unwrap_or_else(|error| {
        let text = error.to_string();
        (0..count)
            .map(|_| Err(refused(error.kind(), text.clone())))
            .collect()
    })
}

fn delete_all(shared: &Directory, entries: &[Entry]) -> Vec<Result<()>> {
    // In a plan's order the files of one directory stand together, so the last
    // handle serves most of them; it lives no longer than this batch.
    let mut last: Option<(&[u8], OwnedFd)> = None;
    let mut results = Vec::with_capacity(entries.len());
    for entry in entries {
        let (path, leaf) = split(entry.key.as_str().as_bytes());
        let opened = match last.take() {
            Some((open, dir)) if open == path => Ok(dir),
            _ => shared.root.directory(path),
        };
        results.push(match opened {
            Ok(dir) => {
                let result = delete_one(shared, &dir, leaf, entry);
                last = Some((path, dir));
                result
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(errno) => Err(cannot(entry, errno)),
        });
    }
    if let Some(trash) = &shared.trash
        && shared.options.durability != Durability::None
    {
        for (failed, errno) in trash.sync() {
            // What was moved there is not sure to stay.
            for (entry, result) in entries.iter().zip(&mut results) {
                if result.is_ok() && is_within(split(entry.key.as_str().as_bytes()).0, &failed) {
                    *result = Err(cannot(entry, errno));
                }
            }
        }
    }
    results
}

fn delete_one(shared: &Directory, dir: &OwnedFd, leaf: &[u8], entry: &Entry) -> Result<()> {
    let meta = match Meta::at(dir, leaf) {
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(cannot(entry, errno)),
        Ok(meta) => meta,
    };
    let is_version = match meta {
        meta if meta.kind == FileType::Symlink => match &entry.link {
            // The file that it names may be another one by now, of our own.
            Some(link) => shared.trust.is_marked(&meta, &link.mark),
            None => is_listed_link(shared, entry).map_err(|errno| cannot(entry, errno))?,
        },
        meta if meta.is_file() => {
            let path = entry.key.as_str().as_bytes();
            shared
                .trust
                .is_version_after_all(&shared.root, path, &meta, entry)
        }
        meta => {
            let kind = kind_name(meta.kind);
            let text = format!("'{}' is {kind} now and is left alone", entry.key);
            return Err(refused(ErrorKind::Changed, text));
        }
    };
    if !is_version {
        return Err(changed(&entry.key));
    }
    if let Some(trash) = &shared.trash {
        return trash.take(&entry.key, dir, &meta);
    }
    let removed = remove(dir, leaf, &meta, &shared.trust);
    let removed = removed.map_err(|errno| cannot(entry, errno))?;
    as_expected(&entry.key, removed)
}

/// Whether the link at the entry's key still stands for that entry.
fn is_listed_link(shared: &Directory, entry: &Entry) -> Sys<bool> {
    let now = shared.stat(&entry.key)?;
    Ok(now.is_some_and(|now| shared.trust.is_same_version(&now, entry)))
}

fn cannot(entry: &Entry, errno: Errno) -> sync_core::StoreError {
    failed(format!("cannot delete '{}'", entry.key), errno)
}
