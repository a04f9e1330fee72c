//! The way to a single name: the directories above it are opened one by one, confined as in
//! a walk, and their names are not read. So what is listed of a name, or of what hides it, is
//! what a walk of the whole tree lists there.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{Key, KeyRange, Listed, Result, Selection, entry::SkipCause};

use super::{Walk, place};
use crate::list::look::{Looker, Opened};
use crate::options::FsOptions;
use crate::restore_mark::RESTORE_MARK;
use crate::sys::confined::child;
use crate::sys::errno::Sys;
use crate::sys::meta::Meta;
use crate::sys::root::Root;

/// What is listed of single names, in ascending order.
#[derive(Debug)]
pub(crate) struct Looks {
    walk: Walk,
    /// Below this no name can be reached: it is no directory that can be opened.
    closed: Option<String>,
}

/// There is no way to a name. What a listing says of that, if anything.
type Closed = Option<Listed>;

impl Looks {
    /// Opens the root again.
    ///
    /// # Errors
    /// If the root cannot be opened.
    pub(crate) fn start(
        root: Arc<Root>,
        options: FsOptions,
        selection: Arc<Selection>,
    ) -> Result<Self> {
        let walk = Walk::at_root(root, options, selection)?;
        Ok(Self { walk, closed: None })
    }

    /// What is listed of `key`, or of what hides it; none if it is not there.
    pub(crate) fn look_at(&mut self, key: &Key) -> Option<Listed> {
        let key = key.as_str();
        if let Some(closed) = &self.closed
            && let Some(rest) = key.strip_prefix(&**closed)
            && rest.starts_with('/')
        {
            return None;
        }
        let (above, name) = key.split_at(key.rfind('/').map_or(0, |at| at + 1));
        if let Err(hidden) = self.walk.go_to(above) {
            let path = &self.walk.path;
            self.closed = Some(path.strip_suffix('/').unwrap_or(path).to_owned());
            return hidden;
        }
        let leaf = self.walk.path.len();
        self.walk.path.push_str(name);
        match self.walk.kind(leaf) {
            Ok(kind @ FileType::Directory) => {
                let is_excluded = self.walk.is_excluded(kind);
                Some(if is_excluded {
                    self.walk.excluded()
                } else {
                    self.walk.directory()
                })
            }
            Err(Errno::NOENT | Errno::NAMETOOLONG) => None,
            Ok(kind) => self.walk.listed(leaf, kind),
            Err(errno) => Some(self.walk.unreadable(errno)),
        }
    }

    /// The walk, whose [`OwnFiles`](crate::list::own_files::OwnFiles) are of the directories
    /// above the names.
    pub(crate) fn into_walk(self) -> Walk {
        self.walk
    }
}

impl Walk {
    /// A walk of what is below `directory`, a path that ends with a slash, and what is to be
    /// listed before its first step.
    ///
    /// # Errors
    /// If the root cannot be opened.
    pub(crate) fn below(
        root: Arc<Root>,
        options: FsOptions,
        selection: Arc<Selection>,
        directory: &str,
    ) -> Result<(Self, Option<Listed>)> {
        let mut walk = Self::at_root(root, options, selection)?;
        let first = walk.begin_at(directory);
        Ok((walk, first))
    }

    /// Reads `directory`.
    fn begin_at(&mut self, directory: &str) -> Option<Listed> {
        let path = directory.strip_suffix('/').unwrap_or(directory);
        let above = path.rfind('/').map_or(0, |at| at + 1);
        if let Err(hidden) = self.go_to(&path[..above]) {
            return hidden;
        }
        self.path.push_str(&path[above..]);
        match self.kind(above) {
            Ok(FileType::Directory) => {
                let directory = self.directory();
                self.listed(above, FileType::Directory).or(Some(directory))
            }
            Ok(kind) => self.in_the_way(above, kind),
            Err(Errno::NOENT | Errno::NAMETOOLONG) => None,
            Err(errno) => Some(self.unreadable(errno)),
        }
    }

    /// Opens the root and reads no name.
    fn at_root(root: Arc<Root>, options: FsOptions, selection: Arc<Selection>) -> Result<Self> {
        let what = (selection, KeyRange::default());
        let mut walk = Self::empty(Looker::new(root, options, what, Arc::default()));
        match walk.looker.root.directory(b"") {
            Ok(handle) => walk.enter_unread(handle),
            Err(errno) => return Err(walk.root_unreadable(errno)),
        }
        Ok(walk)
    }

    /// Makes `directory`, a path that ends with a slash, the current level; it is empty for
    /// the root. Otherwise the current path is that of what is in the way.
    fn go_to(&mut self, directory: &str) -> std::result::Result<(), Closed> {
        self.go_back(directory)?;
        let rest = directory[self.path.len()..].to_owned();
        for segment in rest.split_terminator('/') {
            let leaf = self.path.len();
            self.path.push_str(segment);
            if self.is_excluded(FileType::Directory) {
                return Err(self.instead(leaf, Self::excluded));
            }
            let opened = place(&self.levels, &self.path, leaf)
                .and_then(|at| self.looker.pace.of(|| child(at.dir, at.name())));
            match opened {
                Ok(handle) => {
                    self.path.push('/');
                    self.enter_unread(handle);
                }
                Err(errno) => return Err(self.instead(leaf, |walk| walk.unreadable(errno))),
            }
        }
        Ok(())
    }

    /// What a listing says of a directory that is not entered, which is `of_directory` if it
    /// is one.
    fn instead(&mut self, leaf: usize, of_directory: impl FnOnce(&Self) -> Listed) -> Closed {
        match self.kind(leaf) {
            Ok(FileType::Directory) => Some(of_directory(self)),
            Ok(kind) => self.in_the_way(leaf, kind),
            Err(Errno::NOENT | Errno::NAMETOOLONG) => None,
            Err(errno) => Some(self.unreadable(errno)),
        }
    }

    /// Goes back to the deepest open level that `directory` is at or below.
    fn go_back(&mut self, directory: &str) -> std::result::Result<(), Closed> {
        while let Some(level) = self.levels.last_mut() {
            self.path.truncate(level.prefix);
            if directory.starts_with(&*self.path) {
                let again = level.open_again(&self.looker.root, &self.path);
                return again.map_err(|errno| Some(self.unreadable(errno)));
            }
            self.leave();
        }
        Ok(())
    }

    /// What a listing says of a name that is no directory and hides what would be below it. An
    /// entry hides nothing, and is not asked for.
    fn in_the_way(&mut self, leaf: usize, kind: FileType) -> Option<Listed> {
        let listed = self.listed(leaf, kind);
        listed.filter(|listed| matches!(listed, Listed::Skipped(_)))
    }

    /// What is listed of a directory whose name the key list has.
    fn directory(&self) -> Listed {
        self.skip(SkipCause::Directory, "")
    }

    fn kind(&self, leaf: usize) -> Sys<FileType> {
        place(&self.levels, &self.path, leaf).and_then(|at| self.looker.kind(at))
    }

    /// Makes the open directory at `path` the current level, and reads none of its names; but
    /// a mark of an unfinished restore is noted, as if they were read.
    fn enter_unread(&mut self, handle: OwnedFd) {
        let marked = Meta::at(&handle, RESTORE_MARK.as_bytes());
        if marked.is_ok_and(|meta| meta.is_file()) {
            self.note_restore_mark(self.path.len());
        }
        // There are no names that could be read in part.
        let _ = self.enter(Opened::unread(handle));
    }
}
