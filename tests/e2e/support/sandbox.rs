//! A place of its own for each test, and the trees in it.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::{
    Content, Stored, content,
    times::{LONG_AGO, at, to_system},
};

/// What the product calls the mark of an unfinished restore.
pub(crate) const RESTORE_MARK: &str = ".s3mirror-unfinished-restore";

/// A temporary directory that goes away with the test.
pub(crate) struct Sandbox {
    top: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let top = tempfile::Builder::new()
            .prefix("s3mirror-e2e-")
            .tempdir()
            .unwrap();
        // The product's state (its locks) goes here, for each test its own.
        fs::create_dir(top.path().join("home")).unwrap();
        Self { top }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    /// An empty directory.
    pub(crate) fn dir(&self, name: &str) -> Dir {
        fs::create_dir_all(self.path(name)).unwrap();
        Dir {
            path: self.path(name),
        }
    }

    /// A directory with files that were last changed long ago.
    pub(crate) fn tree(&self, name: &str, files: &[(&str, &str)]) -> Dir {
        let dir = self.dir(name);
        for (file, text) in files {
            dir.write(file, *text);
        }
        dir
    }
}

/// What is at one path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File(Stored),
    Dir,
    Link(PathBuf),
    Special,
}

/// A directory of the sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Dir {
    path: PathBuf,
}

impl Dir {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn join(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }

    /// Writes a file that was last changed long ago.
    pub(crate) fn write(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
        self.write_at(name, content, at(LONG_AGO));
    }

    /// Writes a file that was last changed at `modified`.
    pub(crate) fn write_at(
        &self,
        name: impl AsRef<OsStr>,
        content: impl AsRef<[u8]>,
        modified: DateTime<Utc>,
    ) {
        self.write_now(&name, content);
        self.touch(name, modified);
    }

    /// Writes a file as a person does: it is as new as it is.
    pub(crate) fn write_now(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }

    /// Sets when a file was last changed.
    pub(crate) fn touch(&self, name: impl AsRef<OsStr>, modified: DateTime<Utc>) {
        let file = File::options().write(true).open(self.join(name)).unwrap();
        file.set_modified(to_system(modified)).unwrap();
    }

    pub(crate) fn mkdir(&self, name: &str) {
        fs::create_dir_all(self.join(name)).unwrap();
    }

    pub(crate) fn link(&self, name: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.join(name)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.join(name)).unwrap();
    }

    pub(crate) fn mkfifo(&self, name: &str) {
        self.make("mkfifo", name, &[]);
    }

    /// A device without a driver, as a file system may hold it: `kind` is `b`
    /// for blocks, `c` for characters.
    pub(crate) fn mknod(&self, name: &str, kind: &str) {
        // Both numbers are for local use (the kernel's devices.txt).
        self.make("mknod", name, &[kind, "240", "0"]);
    }

    #[track_caller]
    fn make(&self, program: &str, name: &str, how: &[&str]) {
        let mut command = std::process::Command::new(program);
        let output = command.arg(self.join(name)).args(how).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {said}");
    }

    /// Whether it has the mark of a restore that was not completed.
    pub(crate) fn is_marked(&self) -> bool {
        self.join(RESTORE_MARK).symlink_metadata().is_ok()
    }

    /// Everything below, directories and links too, but for the product's own
    /// mark of a restore; links are not followed.
    /// A name that isn't UTF-8 is shown with its bytes escaped.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Node> {
        let mut nodes = BTreeMap::new();
        collect(&self.path, "", &mut nodes).unwrap();
        nodes
    }

    /// The regular files below, with bytes and times.
    pub(crate) fn files(&self) -> BTreeMap<String, Stored> {
        let nodes = self.snapshot().into_iter();
        let files = nodes.filter_map(|(name, node)| match node {
            Node::File(stored) => Some((name, stored)),
            _ => None,
        });
        files.collect()
    }

    /// The regular files below, without their times.
    pub(crate) fn contents(&self) -> BTreeMap<String, Content> {
        content::contents(self.files())
    }
}

fn collect(dir: &Path, prefix: &str, nodes: &mut BTreeMap<String, Node>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name() == RESTORE_MARK {
            continue;
        }
        let name = format!("{prefix}{}", readable(&entry.file_name()));
        let kind = entry.file_type()?;
        let node = if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), nodes)?;
            Node::Dir
        } else if kind.is_symlink() {
            Node::Link(fs::read_link(entry.path())?)
        } else if kind.is_file() {
            let modified = entry.metadata()?.modified()?.into();
            Node::File(Stored {
                content: fs::read(entry.path())?.into(),
                modified,
            })
        } else {
            Node::Special
        };
        nodes.insert(name, node);
    }
    Ok(())
}

fn readable(name: &OsStr) -> String {
    match name.to_str() {
        Some(name) => name.to_owned(),
        None => name.as_bytes().escape_ascii().to_string(),
    }
}
