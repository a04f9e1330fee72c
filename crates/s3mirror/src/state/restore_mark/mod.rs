//! The marks of unfinished restores, and what follows from them.
//!
//! A restore that was killed, stopped or incomplete leaves a directory that
//! looks like one from which files were removed. A backup of it would delete
//! from the bucket what was not restored yet. So a restore leaves a mark before
//! its first write, in the state directory and in the directory itself, and
//! removes it when it is complete. While there is one, no backup of that
//! directory, or of one above or below, deletes anything or replaces an object
//! by an older file.

mod write;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sync_core::{
    Key,
    checksum::Crc64,
    plan::{Action, Plan},
    select::Criteria,
    text::printable,
};
use sync_fs::restore_mark;

use super::private;
use super::registry::Process;
use super::tree::{keys_below, path_text};
use super::{BucketPlace, Relation, StateDir, Tree};
pub(crate) use write::{begin, clear_abandoned, clear_completed};

/// Where marks are in the state directory.
const KIND: &str = "restores";

/// A restore that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RestoreMark {
    #[serde(with = "path_text")]
    directory: PathBuf,
    bucket: BucketPlace,
    /// What it concerns: a digest of the criteria, empty for everything.
    #[serde(default)]
    selection: String,
    #[serde(flatten)]
    how: How,
    begun: DateTime<Utc>,
    /// When its plan was made, by which it may be executed again. Marks of earlier versions do
    /// not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    planned: Option<DateTime<Utc>>,
    process: Process,
}

impl RestoreMark {
    /// Whether a complete restore of the same places by a plan of that time settles it: a plan
    /// that is older than the mark does not consider it, unless it is the same plan.
    fn is_known_to(&self, planned: DateTime<Utc>) -> bool {
        self.begun <= planned || self.planned == Some(planned)
    }
}

/// What of a restore its places and its selection do not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct How {
    /// The moment of the bucket that it restores; absent for the present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) repeated_by: RepeatedBy,
}

/// What a run has to be given to be the same restore again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatedBy {
    /// Its directory, its bucket and its server.
    Places,
    /// Other options too. Marks of earlier versions do not say.
    #[default]
    Options,
    /// Its run directory: it is a part of a cluster run.
    ClusterRun,
}

/// A restore that was not completed, according to its mark.
#[derive(Debug, Clone)]
pub struct UnfinishedRestore {
    /// None where it cannot be read.
    mark: Option<Box<RestoreMark>>,
    /// The directory that was restored, by its name here.
    directory: PathBuf,
    relation: Relation,
    place: MarkPlace,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum MarkPlace {
    /// This file of the state directory.
    State(PathBuf),
    /// The directory itself.
    Directory,
}

/// A restore or backup that marks are compared with.
pub(crate) struct Work<'a> {
    pub(crate) directory: &'a Tree,
    pub(crate) bucket: &'a BucketPlace,
    pub(crate) selection: &'a Criteria,
    pub(crate) how: How,
    /// When its plan was made.
    pub(crate) planned: DateTime<Utc>,
    /// The mark that it has made itself.
    pub(crate) own: Option<&'a RestoreMark>,
}

/// All marks of restores of `directory`, or of one above or below it; `below`
/// are the directories in it in which a listing met a mark.
pub(crate) fn find(directory: &Tree, state: &StateDir, below: &[String]) -> Vec<UnfinishedRestore> {
    let mut found = in_state(directory, state);
    let root = directory.path();
    for above in root.ancestors() {
        let Ok(Some(mark)) = restore_mark(above) else {
            continue;
        };
        let is_root = above == root;
        // In a directory that all may write to, anybody could put one.
        let is_trusted = [0, private::user(), mark.directory_user].contains(&mark.user);
        if is_root || is_trusted {
            let relation = if is_root {
                Relation::Same
            } else {
                Relation::Above
            };
            found.extend(of_directory(above, &mark.text, relation));
        }
    }
    for path in below.iter().filter(|path| !path.is_empty()) {
        let path = root.join(path);
        if let Ok(Some(mark)) = restore_mark(&path) {
            found.extend(of_directory(&path, &mark.text, Relation::Below));
        }
    }
    found
}

fn in_state(directory: &Tree, state: &StateDir) -> Vec<UnfinishedRestore> {
    let mut found = Vec::new();
    for home in state.existing(KIND) {
        for entry in fs::read_dir(home).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let Ok((_, text)) = private::read(&path) else {
                continue;
            };
            let Ok(mark) = serde_json::from_slice::<RestoreMark>(&text) else {
                continue;
            };
            let tree = Tree::of(&mark.directory);
            if let Some(relation) = directory.relation(&tree) {
                found.push(UnfinishedRestore {
                    directory: mark.directory.clone(),
                    mark: Some(Box::new(mark)),
                    relation,
                    place: MarkPlace::State(path),
                });
            }
        }
    }
    found
}

fn of_directory(directory: &Path, text: &[u8], relation: Relation) -> Vec<UnfinishedRestore> {
    let found = |mark| UnfinishedRestore {
        mark,
        directory: directory.to_owned(),
        relation,
        place: MarkPlace::Directory,
    };
    let marks = parse(text);
    if marks.is_empty() {
        return vec![found(None)];
    }
    marks
        .into_iter()
        .map(|mark| found(Some(Box::new(mark))))
        .collect()
}

fn parse(text: &[u8]) -> Vec<RestoreMark> {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

/// What a backup that comes after an unfinished restore would destroy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Harm {
    /// It would delete so many objects.
    Deletes(u64),
    /// It would replace this object, which is newer, by an older file.
    ReplacesNewer(Key),
}

/// What a backup by `plan` would destroy, now that a restore was not completed.
///
/// # Errors
/// Those of reading the plan.
pub(crate) fn harm(plan: &Plan) -> io::Result<Option<Harm>> {
    let counts = plan.counts();
    let deletions = counts.real_deletions();
    if deletions > 0 {
        return Ok(Some(Harm::Deletes(deletions)));
    }
    if counts.overwritten().entries == 0 {
        return Ok(None);
    }
    Ok(older_than_its_object(plan)?.map(Harm::ReplacesNewer))
}

/// The first key whose object a plan would replace by an older file.
fn older_than_its_object(plan: &Plan) -> io::Result<Option<Key>> {
    for action in plan.actions()? {
        if let Action::Transfer(transfer) = action?
            && let Some(target) = &transfer.target
            && transfer.source.modified < target.modified
        {
            return Ok(Some(transfer.source.key));
        }
    }
    Ok(None)
}

impl UnfinishedRestore {
    /// The directory that was restored.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where it was restored from, if the mark can be read.
    #[must_use]
    pub fn bucket(&self) -> Option<&BucketPlace> {
        self.mark.as_ref().map(|mark| &mark.bucket)
    }

    /// Whether it concerns only some of the keys, as far as its mark can be read.
    #[must_use]
    pub fn has_selection(&self) -> bool {
        let mark = self.mark.as_ref();
        mark.is_some_and(|mark| !mark.selection.is_empty())
    }

    /// The moment of the bucket that it restores, as far as its mark says; none for the present.
    #[must_use]
    pub fn at(&self) -> Option<DateTime<Utc>> {
        self.mark.as_ref().and_then(|mark| mark.how.at)
    }

    /// What a run has to be given to be the same restore again.
    #[must_use]
    pub fn repeated_by(&self) -> RepeatedBy {
        let mark = self.mark.as_ref();
        mark.map_or(RepeatedBy::Options, |mark| mark.how.repeated_by)
    }

    /// Whether a complete restore has restored everything that this one was to
    /// restore.
    fn is_done_by(&self, work: &Work<'_>) -> bool {
        let Some(mark) = self.mark.as_deref() else {
            return self.relation == Relation::Same && work.selection.is_empty();
        };
        let concerns = work.selection.is_empty() || digest(work.selection) == mark.selection;
        // The keys must agree, however far the directory is below.
        let place = match self.relation {
            Relation::Above => None,
            Relation::Same => Some(String::new()),
            Relation::Below => keys_below(work.directory.path(), &self.directory),
        };
        let agrees = place.is_some_and(|keys| work.bucket.rest_of(&mark.bucket) == Some(&*keys));
        let is_known = work.own == Some(mark) || mark.is_known_to(work.planned);
        concerns && agrees && is_known
    }
}

impl fmt::Display for UnfinishedRestore {
    /// What is known about it, as the beginning of a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = printable(&self.directory.to_string_lossy());
        match &self.mark {
            Some(mark) => write!(
                f,
                "a restore of '{directory}' from {}, begun {} by {}, has not been completed",
                mark.bucket,
                mark.begun.to_rfc3339_opts(SecondsFormat::Secs, true),
                mark.process
            ),
            None => write!(
                f,
                "a restore of '{directory}' has not been completed ('{}' says so)",
                printable(&self.directory.join(sync_fs::RESTORE_MARK).to_string_lossy())
            ),
        }
    }
}

fn digest(selection: &Criteria) -> String {
    if selection.is_empty() {
        return String::new();
    }
    let text = serde_json::to_vec(selection).unwrap_or_default();
    Crc64::of(&text).to_string()
}

#[cfg(test)]
mod tests;
