//! Writes a plan to a file that is always complete: first under another name,
//! and renamed once every byte is on disk.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sync_core::plan::Plan;
use tempfile::Builder;

use super::error::PlanFileError;
use super::origin::real_path;
use super::packed::{FRAME, is_packed, pack};

/// How every plan begins, of whatever version; if it is compressed, after the
/// beginning and the length of a frame.
const MARK: &[u8] = br#"{"s3mirror_plan":"#;

/// Where a plan will be saved.
#[derive(Debug)]
pub struct PlanFile {
    path: PathBuf,
    /// The directory that holds it.
    parent: PathBuf,
    found: Found,
}

/// What exists there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Nothing but an earlier plan, or an empty file as `mktemp` makes it, is
    /// ever replaced.
    Plan,
}

impl PlanFile {
    /// Checks that a plan of `directory` can be saved at `path`, before the work
    /// of making it. A file below the directory would be part of the next plan:
    /// it would be backed up, or deleted by a restore.
    ///
    /// # Errors
    /// [`PlanFileError`]
    pub fn check(path: &Path, directory: &Path) -> Result<Self, PlanFileError> {
        let directory_path = real_path(directory);
        if directory_path.to_str().is_none() {
            let directory = directory.to_owned();
            return Err(PlanFileError::NotUtf8 { directory });
        }
        let failed = |error| PlanFileError::Write {
            path: path.to_owned(),
            error,
        };
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let parent = parent.canonicalize().map_err(failed)?;
        if parent.starts_with(directory_path) {
            let path = path.to_owned();
            return Err(PlanFileError::Inside { path });
        }
        let found = find(path).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            parent,
            found,
        })
    }

    /// Saves `plan`.
    ///
    /// # Errors
    /// [`PlanFileError::Write`]; what was there before is still there then.
    pub fn save(&self, plan: &Plan) -> Result<(), PlanFileError> {
        self.write(plan).map_err(|error| PlanFileError::Write {
            path: self.path.clone(),
            error,
        })
    }

    fn write(&self, plan: &Plan) -> io::Result<()> {
        // As any file that a program writes: the umask decides who reads it.
        let file = Builder::new()
            .prefix(".s3mirror-plan-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(&self.parent)?;
        let mut out = BufWriter::new(file);
        pack(plan, &mut out, 1)?;
        out.flush()?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        let name = self.path.file_name().unwrap_or_default();
        let path = self.parent.join(name);
        let saved = match self.found {
            Found::Nothing => file.persist_noclobber(path),
            Found::Plan => file.persist(path),
        };
        saved.map_err(|error| error.error)?;
        File::open(&self.parent)?.sync_all()
    }
}

fn find(path: &Path) -> io::Result<Found> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let refused = |why| Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    if !meta.is_file() {
        return refused("it exists and is not a regular file");
    }
    let mut begin = Vec::new();
    File::open(path)?
        .take((FRAME + MARK.len()) as u64)
        .read_to_end(&mut begin)?;
    let note = if is_packed(&begin) { FRAME } else { 0 };
    if begin.is_empty() || begin.get(note..).is_some_and(|text| text.starts_with(MARK)) {
        Ok(Found::Plan)
    } else {
        refused("the file that is there is not a plan, and is not replaced")
    }
}

#[cfg(test)]
mod tests {
    use sync_core::spool::{MemorySpools, Spools};

    use super::*;

    fn plan() -> Plan {
        let text = br#"{"s3mirror_plan":3,"source":"s","target":"t","direction":"backup","compare":"times","clock_offset":0,"counts":{"source":{"entries":0,"bytes":0},"target":{"entries":0,"bytes":0},"reasons":{},"skipped_in_source":{},"skipped_in_target":{},"conflicts":0,"too_long":0}}"#;
        Plan::read_from(&text[..], MemorySpools.create().unwrap()).unwrap()
    }

    #[test]
    fn what_came_meanwhile_is_not_replaced() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("plan");
        let file = PlanFile::check(&path, &top.path().join("photos")).unwrap();
        fs::write(&path, "a photo").unwrap();
        assert!(file.save(&plan()).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"a photo");
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 1);
        // What is a plan of ours now may be.
        fs::remove_file(&path).unwrap();
        file.save(&plan()).unwrap();
        let again = PlanFile::check(&path, &top.path().join("photos")).unwrap();
        again.save(&plan()).unwrap();
        assert!(is_packed(&fs::read(&path).unwrap()));
        fs::write(&path, b"{\"s3mirror_plan\":1}").unwrap();
        assert_eq!(find(&path).unwrap(), Found::Plan, "as text too");
    }
}
