//! The target of a symbolic link, resolved without leaving the root.
//!
//! The link is resolved here, one segment at a time; the result is a path
//! without links, which the caller then opens like any other. So a link that
//! changes meanwhile can at worst lead to another file *inside*, and that one
//! is compared with the entry again.

use std::os::fd::OwnedFd;

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{
    Key,
    entry::{Link, Revision},
};

use crate::sys::errno::Sys;
use crate::sys::meta::{Meta, kind_name};
use crate::sys::path::{segments, split};
use crate::sys::root::Root;

/// Links that are followed to one file; the limit of the kernel.
const MAX_LINKS: usize = 40;

/// What a link names.
#[derive(Debug)]
pub(crate) enum Target {
    /// A regular file below the root.
    File(Box<Named>),
    /// Anything else, in words; and the link, if a file that is created later
    /// would change that.
    Other(String, Option<Box<Link>>),
}

/// The regular file that a link names.
#[derive(Debug)]
pub(crate) struct Named {
    /// Its path without links.
    pub(crate) real: Vec<u8>,
    pub(crate) meta: Meta,
    /// The version of the link itself.
    mark: Revision,
    /// Other links that it leads through.
    others: Vec<Vec<u8>>,
}

impl Named {
    /// What the link depends on. A name that is not UTF-8 is no key, so no plan
    /// changes it.
    pub(crate) fn link(&self) -> Link {
        let names = self.others.iter().chain([&self.real]);
        Link {
            mark: self.mark.clone(),
            through: keys(names),
        }
    }
}

/// A name that is not UTF-8 is no key.
fn keys<'n>(names: impl Iterator<Item = &'n Vec<u8>>) -> Vec<Key> {
    names
        .filter_map(|name| Key::new(str::from_utf8(name).ok()?).ok())
        .collect()
}

/// What the link at `path` names.
///
/// # Errors
/// Where a directory or link on the way could not be examined.
pub(crate) fn resolve(root: &Root, path: &[u8]) -> Sys<Target> {
    let (parent, leaf) = split(path);
    let mut real = parent.to_vec();
    // The remaining segments, the next one last.
    let mut ahead = vec![leaf.to_vec()];
    let mut met = Met::default();
    while let Some(segment) = ahead.pop() {
        match segment.as_slice() {
            b"." => continue,
            b".." if real.is_empty() => return met.other("leads out of the directory"),
            b".." => {
                real = split(&real).0.to_vec();
                continue;
            }
            _ => {}
        }
        let dir = root.directory(&real)?;
        let meta = match Meta::at(&dir, &segment) {
            Ok(meta) => meta,
            Err(Errno::NOENT) => {
                push(&mut real, &segment);
                return met.no_file_yet("is dangling (its target does not exist)", real, &ahead);
            }
            Err(errno) => return Err(errno),
        };
        let parent_length = real.len();
        push(&mut real, &segment);
        match meta.kind {
            FileType::Directory => {}
            FileType::Symlink => {
                if met.links == MAX_LINKS {
                    return met.other("is part of a loop of links");
                }
                let mark = || meta.revision(root.precision().device());
                met.link(mark, &real, ahead.is_empty());
                real.truncate(parent_length);
                if !follow(root, &dir, &segment, &mut real, &mut ahead)? {
                    return met.other("leads out of the directory");
                }
            }
            _ if !ahead.is_empty() => {
                let why = "leads through something that is not a directory";
                return met.no_file_yet(why, real, &ahead);
            }
            FileType::RegularFile => {
                return Ok(Target::File(Box::new(Named {
                    real,
                    meta,
                    // No link any more: what it holds is not known.
                    mark: met.first.ok_or(Errno::STALE)?,
                    others: met.others,
                })));
            }
            kind => return met.no_file_yet(&format!("leads to {}", kind_name(kind)), real, &ahead),
        }
    }
    if met.links == 0 {
        // No link any more: what it holds is not known.
        return Err(Errno::STALE);
    }
    met.no_file_yet("leads to a directory", real, &ahead)
}

/// The links that were followed.
#[derive(Default)]
struct Met {
    links: usize,
    /// The version of the first.
    first: Option<Revision>,
    /// All but the first.
    others: Vec<Vec<u8>>,
    /// Those of the others that were the last segment of the path: a file at
    /// such a path would be the target of the first link.
    last: Vec<Vec<u8>>,
}

impl Met {
    fn link(&mut self, mark: impl FnOnce() -> Revision, path: &[u8], is_last: bool) {
        self.links += 1;
        if self.first.is_none() {
            self.first = Some(mark());
            return;
        }
        self.others.push(path.to_vec());
        if is_last {
            self.last.push(path.to_vec());
        }
    }

    /// There is no file for the reason `why`. One may come to be at `real` with
    /// the segments `ahead`, unless they lead up again through what is missing.
    fn no_file_yet(mut self, why: &str, mut real: Vec<u8>, ahead: &[Vec<u8>]) -> Sys<Target> {
        if ahead.iter().all(|segment| segment != b"..") {
            for segment in ahead.iter().rev().filter(|segment| *segment != b".") {
                push(&mut real, segment);
            }
            self.last.push(real);
        }
        self.other(why)
    }

    fn other(self, why: &str) -> Sys<Target> {
        let through = keys(self.last.iter());
        let first = self.first.filter(|_| !through.is_empty());
        let link = first.map(|mark| Box::new(Link { mark, through }));
        Ok(Target::Other(why.to_owned(), link))
    }
}

/// Puts what the link `segment` in `dir` names ahead; an absolute path begins
/// again at the root. Says whether it stays inside.
fn follow(
    root: &Root,
    dir: &OwnedFd,
    segment: &[u8],
    real: &mut Vec<u8>,
    ahead: &mut Vec<Vec<u8>>,
) -> Sys<bool> {
    let target = rustix::fs::readlinkat(dir, segment, Vec::new())?;
    let mut rest = target.as_bytes();
    if rest.starts_with(b"/") {
        let Some(below) = root.strip(rest) else {
            return Ok(false);
        };
        real.clear();
        rest = below;
    }
    let next = ahead.len();
    ahead.extend(segments(rest).map(|(_, segment)| segment.to_vec()));
    ahead[next..].reverse();
    Ok(true)
}

fn push(path: &mut Vec<u8>, segment: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(segment);
}
