//! What a symbolic link names, found without leaving the root.
//!
//! The link is followed by hand, one segment at a time, over the path that it
//! stands for; the result is a path without links, which the caller then opens
//! like any other. So a link that changes under our hands can at worst name
//! another file *inside*, and that one is compared with the entry again.

use std::os::fd::OwnedFd;

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{Key, Link};

use crate::sys::meta::{Meta, kind_name};
use crate::sys::root::{Root, Sys, segments, split};

/// Links on the way to one file; the kernel's own limit.
const MOST_LINKS: usize = 40;

/// What a link names.
#[derive(Debug)]
pub(crate) enum Target {
    /// A regular file below the root.
    File(Box<Named>),
    /// Anything else, in words.
    Other(String),
}

/// The regular file that a link names.
#[derive(Debug)]
pub(crate) struct Named {
    /// Its path without links.
    pub(crate) real: Vec<u8>,
    pub(crate) meta: Meta,
    /// The link itself.
    link: Meta,
    /// Other links that it leads through.
    others: Vec<Vec<u8>>,
}

impl Named {
    /// What the link depends on. A name that is not UTF-8 is no key, so no plan
    /// changes it.
    pub(crate) fn link(&self) -> Link {
        let names = self.others.iter().chain([&self.real]);
        let keys = names.filter_map(|name| Key::new(str::from_utf8(name).ok()?).ok());
        Link {
            mark: self.link.revision(),
            through: keys.collect(),
        }
    }
}

/// What the link at `path` names.
///
/// # Errors
/// Where something on the way could not be looked at.
pub(crate) fn resolve(root: &Root, path: &[u8]) -> Sys<Target> {
    let (parent, leaf) = split(path);
    let mut real = parent.to_vec();
    // The segments still to go, the next one last.
    let mut ahead = vec![leaf.to_vec()];
    let mut links = 0;
    let (mut link, mut others) = (None, Vec::new());
    while let Some(segment) = ahead.pop() {
        match segment.as_slice() {
            b"." => continue,
            b".." => {
                if real.is_empty() {
                    return other("leaves the directory");
                }
                real = split(&real).0.to_vec();
                continue;
            }
            _ => {}
        }
        let dir = root.directory(&real)?;
        let meta = match Meta::at(&dir, &segment) {
            Ok(meta) => meta,
            Err(Errno::NOENT) => return other("names nothing that exists"),
            Err(errno) => return Err(errno),
        };
        match meta.kind {
            FileType::Directory => push(&mut real, &segment),
            FileType::Symlink => {
                links += 1;
                if links > MOST_LINKS {
                    return other("is part of a loop of links");
                }
                if link.is_none() {
                    link = Some(meta);
                } else {
                    let mut other = real.clone();
                    push(&mut other, &segment);
                    others.push(other);
                }
                if !follow(root, &dir, &segment, &mut real, &mut ahead)? {
                    return other("leaves the directory");
                }
            }
            _ if !ahead.is_empty() => return other("leads through something that is no directory"),
            FileType::RegularFile => {
                push(&mut real, &segment);
                // No link any more: what it holds is not known.
                let link = link.ok_or(Errno::STALE)?;
                return Ok(Target::File(Box::new(Named {
                    real,
                    meta,
                    link,
                    others,
                })));
            }
            kind => return other(&format!("names {}", kind_name(kind))),
        }
    }
    if links == 0 {
        // No link any more: what it holds is not known.
        return Err(Errno::STALE);
    }
    other("names a directory")
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

fn other(text: &str) -> Sys<Target> {
    Ok(Target::Other(text.to_owned()))
}
