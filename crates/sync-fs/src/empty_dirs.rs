//! Empty directories: finding them, and removing them bottom-up.
//!
//! The scan reads many directories at a time (jwalk): the time is mostly spent
//! waiting, and no order is needed. A directory that holds only empty
//! directories is empty, too; one that could not be read is not. Removal is
//! confined like everything else, and `rmdir` itself refuses whatever is no
//! longer empty, so no race can cost a file.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jwalk::rayon::{ThreadPool, ThreadPoolBuilder};
use jwalk::{DirEntry, Parallelism, WalkDir};
use rustix::io::Errno;
use sync_core::{
    ErrorKind, Result, StoreError,
    entry::{SkipCause, Skipped},
    text::printable,
};

use crate::error::{cannot_open, failed, refused};
use crate::sys::confined::remove_directory;
use crate::sys::root::Root;

/// Directories read at once. More than processors: reading is mostly waiting.
const THREADS: usize = 8;

/// The empty directories below a root, as a scan found them.
///
/// ```
/// let root = tempfile::tempdir()?;
/// std::fs::create_dir_all(root.path().join("a/b"))?;
///
/// let empty = sync_fs::empty_directories(root.path())?;
/// assert_eq!(empty.paths().len(), 2); // `a` and `a/b`
/// assert_eq!(empty.remove().removed.len(), 2);
/// assert!(root.path().exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EmptyDirs {
    root: Root,
    paths: Vec<PathBuf>,
    unreadable: Vec<Skipped>,
}

/// What a removal did.
#[derive(Debug, Default)]
pub struct Removal {
    /// Removed, each before the directory that held it.
    pub removed: Vec<PathBuf>,
    /// Not removed, because a file has appeared in them.
    pub kept: Vec<PathBuf>,
    /// Those that could not be removed.
    pub failed: Vec<StoreError>,
}

/// Finds the empty directories below `root`. It blocks, and changes nothing.
///
/// # Errors
/// `RootMissing` if `root` does not exist or is no directory, `Denied` if it
/// may not be read. Directories further down that cannot be read are no error:
/// see [`EmptyDirs::unreadable`].
pub fn empty_directories(root: &Path) -> Result<EmptyDirs> {
    let opened = Root::new(root);
    opened.open().map_err(|errno| cannot_open(root, errno))?;
    let mut scan = Scan {
        root,
        open: Vec::new(),
        empty: Vec::new(),
        unreadable: Vec::new(),
    };
    for entry in walk(root)? {
        match entry {
            Ok(entry) => scan.visit(&entry)?,
            Err(error) => scan.fail(error)?,
        }
    }
    scan.close_down_to(0);
    scan.empty.sort_unstable();
    Ok(EmptyDirs {
        root: opened,
        paths: scan.empty,
        unreadable: scan.unreadable,
    })
}

impl EmptyDirs {
    /// Paths below the root, in order.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// What could not be read, and so does not count as empty.
    #[must_use]
    pub fn unreadable(&self) -> &[Skipped] {
        &self.unreadable
    }

    /// Removes them, deepest first. It blocks. Those that are removed already are
    /// in no list of the result.
    #[must_use]
    pub fn remove(&self) -> Removal {
        let mut result = Removal::default();
        // In this order every directory comes before those below it.
        for path in self.paths.iter().rev() {
            let removed = self
                .root
                .parent(path.as_os_str().as_bytes())
                .and_then(|(dir, leaf)| remove_directory(&dir, leaf));
            match removed {
                Ok(()) => result.removed.push(path.clone()),
                Err(Errno::NOENT) => {}
                Err(Errno::NOTEMPTY | Errno::EXIST) => result.kept.push(path.clone()),
                Err(errno) => {
                    let shown = printable(&path.to_string_lossy());
                    let text = format!("cannot remove the empty directory '{shown}'");
                    result.failed.push(failed(text, errno));
                }
            }
        }
        result
    }
}

fn walk(root: &Path) -> Result<WalkDir> {
    let walk = WalkDir::new(root)
        .skip_hidden(false)
        .follow_links(false)
        .parallelism(Parallelism::RayonExistingPool {
            pool: pool()?,
            busy_timeout: None,
        })
        // jwalk reads ahead without bound, so nothing is kept that is not
        // needed: of all files one, as a sign that there are any.
        .process_read_dir(|_, _, (), children| {
            let mut has_file = false;
            children.retain(|child| match child {
                Ok(child) if !child.file_type.is_dir() => !std::mem::replace(&mut has_file, true),
                _ => true,
            });
        });
    Ok(walk)
}

fn pool() -> Result<Arc<ThreadPool>> {
    ThreadPoolBuilder::new()
        .num_threads(THREADS)
        .thread_name(|n| format!("s3mirror-scan-{n}"))
        .build()
        .map(Arc::new)
        .map_err(|error| {
            refused(
                ErrorKind::Other,
                "cannot start the threads that read directories",
            )
            .with_source(error)
        })
}

/// The scan: directories come before what they hold, so one is known to be
/// empty as soon as the walk has left it.
struct Scan<'a> {
    root: &'a Path,
    /// From the root to the current directory.
    open: Vec<Open>,
    empty: Vec<PathBuf>,
    unreadable: Vec<Skipped>,
}

struct Open {
    path: PathBuf,
    is_empty: bool,
}

impl Scan<'_> {
    fn visit(&mut self, entry: &DirEntry<((), ())>) -> Result<()> {
        self.close_down_to(entry.depth);
        let Some(children) = &entry.read_children else {
            self.note_content();
            return Ok(());
        };
        let path = match entry.depth {
            0 => PathBuf::new(),
            _ => self.below_root(&entry.path()),
        };
        if let Some(error) = children.error() {
            let error = error.io_error().map(ToString::to_string);
            self.note_unreadable(&path, error.unwrap_or_default())?;
        }
        self.open.push(Open {
            path,
            is_empty: children.error().is_none(),
        });
        Ok(())
    }

    /// Something of a directory could not be read: it is not empty.
    fn fail(&mut self, error: jwalk::Error) -> Result<()> {
        self.close_down_to(error.depth());
        self.note_content();
        let path = match (error.path(), self.open.last()) {
            (Some(path), _) => self.below_root(path),
            (None, Some(open)) => open.path.clone(),
            (None, None) => PathBuf::new(),
        };
        let detail = error
            .into_io_error()
            .map(|error| error.to_string())
            .unwrap_or_default();
        self.note_unreadable(&path, detail)
    }

    fn note_unreadable(&mut self, path: &Path, detail: String) -> Result<()> {
        let name = path.to_string_lossy().into_owned();
        if name.is_empty() {
            let root = printable(&self.root.to_string_lossy());
            let text = format!("cannot read the directory '{root}': {detail}");
            return Err(refused(ErrorKind::Other, text));
        }
        self.unreadable.push(Skipped {
            name,
            cause: SkipCause::Unreadable,
            detail,
            link: None,
        });
        Ok(())
    }

    fn note_content(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.is_empty = false;
        }
    }

    /// Leaves the directories at `depth` and below.
    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(done) = self.open.pop() else { return };
            if !done.is_empty {
                self.note_content();
            } else if !self.open.is_empty() {
                self.empty.push(done.path);
            }
        }
    }

    fn below_root(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.root).unwrap_or(path).to_owned()
    }
}
