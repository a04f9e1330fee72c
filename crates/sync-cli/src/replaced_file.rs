//! A file that is replaced as a whole: whoever reads it never sees half of it.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use sync_core::text::printable;
use tempfile::{Builder, NamedTempFile};

/// Where something is written again and again.
#[derive(Debug)]
pub(crate) struct ReplacedFile {
    path: PathBuf,
    parent: PathBuf,
    /// As in "metrics file".
    what: &'static str,
}

impl ReplacedFile {
    /// Checks that `path` can be written, before anything is done. Inside the directory
    /// `mirrored` it would be taken for a part of it.
    pub(crate) fn look(
        what: &'static str,
        path: &Path,
        mirrored: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let file = Self {
            path: path.to_owned(),
            parent: match path.parent() {
                Some(parent) if parent != Path::new("") => parent.to_owned(),
                _ => PathBuf::from("."),
            },
            what,
        };
        file.check(mirrored).with_context(|| file.cannot_write())?;
        Ok(file)
    }

    /// Its present text; empty if there is none.
    pub(crate) fn read(&self) -> String {
        fs::read_to_string(&self.path).unwrap_or_default()
    }

    /// Replaces it by `text`.
    pub(crate) fn write(&self, text: &str) -> anyhow::Result<()> {
        self.replace(text).with_context(|| self.cannot_write())
    }

    fn check(&self, mirrored: Option<&Path>) -> anyhow::Result<()> {
        let parent = self.parent.canonicalize()?;
        if let Some(mirrored) = mirrored.and_then(|dir| dir.canonicalize().ok()) {
            ensure!(
                !parent.starts_with(mirrored),
                "it is inside the directory that is mirrored, and would be taken for a part of it"
            );
        }
        match fs::symlink_metadata(&self.path) {
            Ok(found) => ensure!(found.is_file(), "something that is not a file is there"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        // It is removed at once.
        self.temporary()?;
        Ok(())
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let mut file = self.temporary()?;
        file.write_all(text.as_bytes())?;
        file.persist(&self.path)?;
        Ok(())
    }

    /// Often another user reads it. Collectors of metrics read only files named `*.prom`.
    fn temporary(&self) -> io::Result<NamedTempFile> {
        Builder::new()
            .prefix(".s3mirror-metrics-")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(&self.parent)
    }

    fn cannot_write(&self) -> String {
        let path = printable(&self.path.to_string_lossy());
        format!("cannot write the {} '{path}'", self.what)
    }
}
