//! Writing marks, and removing those of restores that were completed or given up.

use std::fs;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use sync_core::{checksum::Crc64, text::printable};
use sync_fs::{FsOptions, FsStore, restore_mark};

use super::{KIND, MarkPlace, RestoreMark, UnfinishedRestore, Work, digest, parse};
use crate::state::private::{self, NewFile};
use crate::state::registry::Process;
use crate::state::{Relation, StateDir, Tree};

/// The mark of a restore that begins to write now.
pub(crate) fn begin(work: &Work<'_>, now: DateTime<Utc>) -> RestoreMark {
    RestoreMark {
        directory: work.directory.path().to_owned(),
        bucket: work.bucket.clone(),
        selection: digest(work.selection),
        how: work.how,
        begun: now,
        planned: Some(work.planned),
        process: Process::this(),
    }
}

impl RestoreMark {
    /// Writes the mark to the state directory, synced, in place of one that a complete
    /// restore by a plan of that time would settle. Errors are texts for people.
    pub(crate) fn put_into_state(
        &self,
        state: &StateDir,
        planned: DateTime<Utc>,
    ) -> Result<(), String> {
        let Some(home) = state.make(KIND, 0o700) else {
            // There was a warning already.
            return Ok(());
        };
        let failed = |error: io::Error| {
            format!("cannot note in the state directory that this restore has begun: {error}")
        };
        let home = home.map_err(failed)?;
        private::sweep(&home);
        let mut identity = self.directory.as_os_str().as_encoded_bytes().to_vec();
        identity.extend(self.bucket.identity());
        identity.extend(self.selection.as_bytes());
        let name = format!("{}.json", Crc64::of(&identity));
        if home.join(&name).exists() {
            let present = private::read(&home.join(&name)).ok();
            let present = present.and_then(|(_, text)| serde_json::from_slice(&text).ok());
            if present.is_none_or(|present: Self| !present.is_known_to(planned)) {
                return Ok(());
            }
        }
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let put = NewFile::create(&home, 0o600).and_then(|file| file.finish(&text, &name, true));
        put.map(drop).map_err(failed)
    }

    /// Writes the mark to the directory, synced, unless there is a later one; in place of
    /// those that a complete restore by a plan of the time `planned` would settle, and
    /// beside those of others: what removes an earlier mark must not remove it. Whether
    /// it was written.
    pub(crate) async fn put_into(
        &self,
        directory: &FsStore,
        path: &Path,
        planned: DateTime<Utc>,
    ) -> Result<bool, String> {
        let present = restore_mark(path).ok().flatten();
        let mut marks = present.map(|mark| parse(&mark.text)).unwrap_or_default();
        let is_same =
            |other: &RestoreMark| other.bucket == self.bucket && other.selection == self.selection;
        let is_later = |other: &RestoreMark| is_same(other) && other.begun >= self.begun;
        if marks.iter().any(is_later) {
            return Ok(false);
        }
        marks.retain(|other| !is_same(other) || !other.is_known_to(planned));
        marks.push(self.clone());
        let written = directory.write_restore_mark(lines(&marks)).await;
        written.map(|()| true).map_err(|error| {
            format!(
                "{error}; if this restore is not completed, backups by other users and machines \
                 will not know"
            )
        })
    }

    /// Removes the mark from the directory, and no other one.
    pub(crate) async fn take_from(&self, directory: &FsStore, path: &Path) -> Result<(), String> {
        let present = restore_mark(path).ok().flatten();
        let mut left = present.map(|mark| parse(&mark.text)).unwrap_or_default();
        left.retain(|mark| mark != self);
        let rewritten = rewrite(directory, &left).await;
        rewritten.map_err(|error| error.to_string())
    }
}

/// Removes the marks that a complete restore has settled; errors are texts for
/// people.
pub(crate) async fn clear_completed(
    found: &[UnfinishedRestore],
    work: &Work<'_>,
    root: &FsStore,
) -> Vec<String> {
    let done: Vec<_> = found
        .iter()
        .filter(|found| found.is_done_by(work))
        .collect();
    clear(&done, work.directory, root).await
}

/// Removes the marks of abandoned restores after a complete backup: those of
/// its directory and of directories below.
pub(crate) async fn clear_abandoned(
    found: &[UnfinishedRestore],
    directory: &Tree,
    root: &FsStore,
) -> Vec<String> {
    let given_up = found
        .iter()
        .filter(|found| found.relation != Relation::Above);
    clear(&given_up.collect::<Vec<_>>(), directory, root).await
}

async fn clear(done: &[&UnfinishedRestore], directory: &Tree, root: &FsStore) -> Vec<String> {
    let mut failed = Vec::new();
    // First those in the state directory: the ones that remain are the safe
    // ones.
    let mut directories: Vec<&Path> = Vec::new();
    for found in done {
        match &found.place {
            MarkPlace::State(file) => {
                if let Err(error) = fs::remove_file(file)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    let file = printable(&file.to_string_lossy());
                    failed.push(format!("cannot remove the mark '{file}': {error}"));
                }
            }
            MarkPlace::Directory if !directories.contains(&&*found.directory) => {
                directories.push(&found.directory);
            }
            MarkPlace::Directory => {}
        }
    }
    for path in directories {
        let gone: Vec<_> = done
            .iter()
            .filter(|found| found.place == MarkPlace::Directory && found.directory == path)
            .map(|found| found.mark.as_deref())
            .collect();
        let text = restore_mark(path).ok().flatten().map(|mark| mark.text);
        let mut left = parse(&text.unwrap_or_default());
        left.retain(|mark| !gone.contains(&Some(mark)));
        let cleared = if path == directory.path() {
            rewrite(root, &left).await
        } else {
            match FsStore::open(path, FsOptions::default()) {
                Ok(store) => rewrite(&store, &left).await,
                Err(error) => Err(error),
            }
        };
        if let Err(error) = cleared {
            failed.push(error.to_string());
        }
    }
    failed
}

async fn rewrite(directory: &FsStore, marks: &[RestoreMark]) -> sync_core::Result<()> {
    if marks.is_empty() {
        directory.remove_restore_mark().await
    } else {
        directory.write_restore_mark(lines(marks)).await
    }
}

fn lines(marks: &[RestoreMark]) -> Vec<u8> {
    let mut text = Vec::new();
    for mark in marks {
        // Nothing in it can fail to be written: no map, no number out of range.
        if let Ok(mut line) = serde_json::to_vec(mark) {
            text.append(&mut line);
            text.push(b'\n');
        }
    }
    text
}
