//! What a listing would show under one key.

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{Entry, Key};

use crate::directory::Directory;
use crate::options::SymlinkMode;
use crate::restore_mark::name::is_mark;
use crate::sys::errno::Sys;
use crate::sys::meta::{Meta, kind_name};
use crate::sys::path::split;
use crate::sys::size;
use crate::sys::symlink::{self, Target};
use crate::write::temporary::sweep::is_left_over;

/// What is found under a key.
#[derive(Debug)]
pub(crate) enum Found {
    /// What a listing shows.
    Entry(Entry),
    /// No entry, and nothing that could hide one.
    Nothing,
    /// Something that a listing skips, in words: as a link that is not followed.
    Skipped(String),
}

impl Found {
    fn skipped(what: &str) -> Self {
        Self::Skipped(what.to_owned())
    }
}

impl Directory {
    /// What a listing would show under `key`.
    pub(crate) fn stat(&self, key: &Key) -> Sys<Option<Entry>> {
        Ok(match self.find(key)? {
            Found::Entry(entry) => Some(entry),
            Found::Nothing | Found::Skipped(_) => None,
        })
    }

    /// As [`Directory::stat`], but what a listing skips is distinguished from
    /// what is not there.
    pub(crate) fn find(&self, key: &Key) -> Sys<Found> {
        let path = key.as_str().as_bytes();
        let meta = match self
            .root
            .parent(path)
            .and_then(|(dir, leaf)| Meta::at(&dir, leaf))
        {
            Ok(meta) => meta,
            Err(Errno::LOOP) => return Ok(Found::skipped("is behind a symbolic link")),
            // Below a file there are no entries.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => return Ok(Found::Nothing),
            Err(errno) => return Err(errno),
        };
        Ok(match meta.kind {
            _ if is_mark(split(path).1) => Found::Nothing,
            _ if is_left_over(split(path).1, &meta) => Found::Nothing,
            FileType::RegularFile => self.measured(path, meta, key)?,
            FileType::Directory => Found::Nothing,
            FileType::Symlink if self.options.symlinks == SymlinkMode::Inside => {
                match symlink::resolve(&self.root, path)? {
                    Target::File(named) => match self.measured(&named.real, named.meta, key)? {
                        Found::Entry(entry) => Found::Entry(entry.with_link(named.link())),
                        other => other,
                    },
                    Target::Other(why, _) => {
                        Found::skipped(&format!("is a symbolic link that {why}"))
                    }
                }
            }
            kind => Found::skipped(&format!("is {}", kind_name(kind))),
        })
    }

    /// The file at `path`, as an entry under `key`, with the size that a read
    /// finds where the system may be wrong about it.
    fn measured(&self, path: &[u8], meta: Meta, key: &Key) -> Sys<Found> {
        if !self.options.measure || meta.size > 0 {
            return Ok(Found::Entry(meta.entry(key.clone(), self.root.precision())));
        }
        let file = match self.root.file(path) {
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            file => file?,
        };
        if size::are_exact(&file) {
            return Ok(Found::Entry(meta.entry(key.clone(), self.root.precision())));
        }
        match size::measure(&file)? {
            Some(size) => Ok(Found::Entry(
                meta.with_size(size)
                    .entry(key.clone(), self.root.precision()),
            )),
            None => Err(Errno::FBIG),
        }
    }
}
