//! What the walk asks of the file system about one name: the only calls of a
//! listing, and nothing that decides what an item is.
//!
//! A look is the same whether the walk takes it when it arrives at a name or a
//! thread took it ahead. Everything is relative to the handle of the directory that
//! holds the name; what a link leads to is resolved below the root, confined.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{KeyRange, Selection};

use crate::list::access::User;
use crate::list::ahead::Id;
use crate::list::names::Names;
use crate::list::pace::Pace;
use crate::options::{FsOptions, SymlinkMode};
use crate::restore_mark::name::is_mark;
use crate::sys::confined::child;
use crate::sys::errno::Sys;
use crate::sys::meta::Meta;
use crate::sys::root::Root;
use crate::sys::size::{self, Sizes};
use crate::sys::symlink::{self, Named, Target};
use crate::write::temporary::sweep::has_our_form;

/// What a look at a name found.
#[derive(Debug)]
pub(crate) enum Found {
    File(File),
    Link(Link),
    Directory(Opened),
}

/// What is at the name of a file.
#[derive(Debug)]
pub(crate) struct File {
    /// Maybe of something else that has taken its place.
    pub(crate) meta: Meta,
    /// See [`Size`].
    pub(crate) size: Size,
}

/// The size of a file that may be read, as a read finds it; none if it is too
/// long to be measured.
pub(crate) type Size = Sys<Option<u64>>;

/// A symbolic link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) target: Target,
    /// Of the file that it leads to.
    pub(crate) size: Size,
}

/// An open directory.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) handle: Arc<OwnedFd>,
    pub(crate) names: Arc<Names>,
    /// What cut the reading of its names short.
    pub(crate) error: Option<Errno>,
    /// If it was opened ahead of the walk.
    pub(crate) ahead: Option<Id>,
}

impl Opened {
    /// An open directory whose names are not read.
    pub(crate) fn unread(handle: OwnedFd) -> Self {
        Self {
            handle: Arc::new(handle),
            names: Arc::default(),
            error: None,
            ahead: None,
        }
    }
}

/// A name in an open directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) dir: &'a OwnedFd,
    /// From the root; it ends with the name.
    pub(crate) path: &'a str,
    /// Where in it the name begins.
    pub(crate) leaf: usize,
}

impl<'a> Place<'a> {
    pub(crate) fn name(self) -> &'a [u8] {
        &self.path.as_bytes()[self.leaf..]
    }
}

/// Takes the looks of one thread.
#[derive(Debug)]
pub(crate) struct Looker {
    pub(crate) root: Arc<Root>,
    pub(crate) pace: Arc<Pace>,
    options: FsOptions,
    selection: Arc<Selection>,
    /// Which keys are listed.
    pub(crate) range: KeyRange,
    /// The user whose access is checked; none if it need not be.
    user: Option<User>,
    sizes: Sizes,
    /// Scratch space for reading directories.
    buffer: Vec<u8>,
}

impl Looker {
    pub(crate) fn new(
        root: Arc<Root>,
        options: FsOptions,
        (selection, range): (Arc<Selection>, KeyRange),
        pace: Arc<Pace>,
    ) -> Self {
        Self {
            root,
            pace,
            options,
            selection,
            range,
            user: options.check_access.then(User::current).flatten(),
            sizes: Sizes::default(),
            buffer: Vec::new(),
        }
    }

    /// One for another thread.
    pub(crate) fn another(&self) -> Self {
        Self {
            root: Arc::clone(&self.root),
            pace: Arc::clone(&self.pace),
            selection: Arc::clone(&self.selection),
            range: self.range.clone(),
            sizes: Sizes::default(),
            buffer: Vec::new(),
            ..*self
        }
    }

    /// Whether the selection excludes `path`, of this kind, by its name.
    pub(crate) fn excludes(&self, path: &str, kind: FileType) -> bool {
        match kind {
            FileType::Directory => self.selection.prunes(path),
            _ => !self.selection.selects(path),
        }
    }

    /// Whether `path`, of this kind, or anything below it may be in the range.
    pub(crate) fn concerns(&self, path: &str, kind: FileType) -> bool {
        match kind {
            FileType::Directory => self.range.reaches_into(path),
            // What is skipped hides what would be below it.
            _ => self.range.concerns(path),
        }
    }

    /// Whether links are followed.
    pub(crate) fn follows_links(&self) -> bool {
        self.options.symlinks == SymlinkMode::Inside
    }

    /// Takes the look that the walk will take at this place, where it will be one
    /// and finds nothing wrong. What is wrong the walk has to see for itself.
    pub(crate) fn ahead(&mut self, at: Place<'_>, kind: FileType, most: usize) -> Option<Found> {
        match kind {
            _ if !self.concerns(at.path, kind) => None,
            FileType::Directory if self.excludes(at.path, kind) => None,
            FileType::Directory => {
                let opened = self.directory(at, most).ok()?;
                opened.error.is_none().then_some(Found::Directory(opened))
            }
            _ if is_mark(at.name()) || has_our_form(at.name()) => None,
            FileType::RegularFile if self.excludes(at.path, kind) => {
                Some(Found::File(self.attributes(at).ok()?))
            }
            FileType::RegularFile => {
                let file = self.file(at).ok()?;
                file.size.is_ok().then_some(Found::File(file))
            }
            FileType::Symlink if self.follows_links() && !self.excludes(at.path, kind) => {
                let link = self.link(at.path).ok()?;
                link.size.is_ok().then_some(Found::Link(link))
            }
            _ => None,
        }
    }

    /// What is at this name.
    pub(crate) fn kind(&self, at: Place<'_>) -> Sys<FileType> {
        let meta = self.pace.of(|| Meta::at(at.dir, at.name()))?;
        Ok(meta.kind)
    }

    /// What an excluded file is: whether it may be read does not matter.
    pub(crate) fn attributes(&self, at: Place<'_>) -> Sys<File> {
        let meta = self.pace.of(|| Meta::at(at.dir, at.name()))?;
        let size = Ok(Some(meta.size));
        Ok(File { meta, size })
    }

    /// What a file is, whether it may be read, and how long it really is.
    pub(crate) fn file(&mut self, at: Place<'_>) -> Sys<File> {
        let file = self.attributes(at)?;
        if !file.meta.is_file() {
            return Ok(file);
        }
        let access = self
            .user
            .map_or(Ok(()), |user| user.check(at.dir, at.name(), &file.meta));
        let size = match access {
            Err(errno) => Err(errno),
            Ok(()) if self.options.measure && self.sizes.is_doubtful(at.dir, &file.meta) => {
                self.measured(at.path.as_bytes())
            }
            Ok(()) => file.size,
        };
        Ok(File { size, ..file })
    }

    /// What the link at `path` leads to.
    pub(crate) fn link(&self, path: &str) -> Sys<Link> {
        let target = self
            .pace
            .of(|| symlink::resolve(&self.root, path.as_bytes()))?;
        let size = match &target {
            Target::File(named) => self.size_of(named),
            Target::Other(..) => Ok(None),
        };
        Ok(Link { target, size })
    }

    fn size_of(&self, file: &Named) -> Size {
        if let Some(user) = self.user {
            let (dir, leaf) = self.root.parent(&file.real)?;
            user.check(&dir, leaf, &file.meta)?;
        }
        // The file may be on another file system than the link.
        if self.options.measure && file.meta.size == 0 {
            return self.measured(&file.real);
        }
        Ok(Some(file.meta.size))
    }

    /// The size of the file at `path`, as a read finds it.
    fn measured(&self, path: &[u8]) -> Size {
        size::measure(&self.root.file(path)?)
    }

    /// A directory with its names, if these are at most `most`.
    pub(crate) fn directory(&mut self, at: Place<'_>, most: usize) -> Sys<Opened> {
        let handle = self.pace.of(|| child(at.dir, at.name()))?;
        Ok(self.names(handle, most))
    }

    /// The directory `handle` with its names.
    pub(crate) fn names(&mut self, handle: OwnedFd, most: usize) -> Opened {
        let (names, error) = Names::read(&handle, &mut self.buffer, most);
        Opened {
            handle: Arc::new(handle),
            names: Arc::new(names),
            error,
            ahead: None,
        }
    }
}
