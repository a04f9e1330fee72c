//! The marks of unfinished restores, and what follows from them.
//!
//! A restore that was killed, stopped or incomplete leaves a directory that
//! looks like one from which files were removed. A backup of it would delete
//! from the bucket what was not restored yet. So a restore leaves a mark before
//! its first write, in the state directory and in the directory itself, and
//! removes it when it is complete. While there is one, no backup of that
//! directory, or of one above or below, deletes anything or replaces an object
//! by an older file.

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
use sync_fs::{FsOptions, FsStore, restore_mark};

use super::private::{self, NewFile};
use super::registry::Process;
use super::tree::{keys_below, path_text};
use super::{BucketPlace, Relation, StateDir, Tree};

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
    begun: DateTime<Utc>,
    process: Process,
}

/// A restore that was not completed, according to its mark.
#[derive(Debug, Clone)]
pub struct UnfinishedRestore {
    /// None where it cannot be read.
    mark: Option<RestoreMark>,
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
                    mark: Some(mark),
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
    marks.into_iter().map(|mark| found(Some(mark))).collect()
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

    /// Whether a complete restore has restored everything that this one was to
    /// restore.
    fn is_done_by(&self, work: &Work<'_>) -> bool {
        let Some(mark) = &self.mark else {
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
        // A plan that is older than the mark does not consider it.
        let is_known = work.own == Some(mark) || mark.begun <= work.planned;
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

/// The mark of a restore that begins to write now.
pub(crate) fn begin(work: &Work<'_>, now: DateTime<Utc>) -> RestoreMark {
    RestoreMark {
        directory: work.directory.path().to_owned(),
        bucket: work.bucket.clone(),
        selection: digest(work.selection),
        begun: now,
        process: Process::this(),
    }
}

impl RestoreMark {
    /// Writes the mark to the state directory, synced, unless there is an
    /// earlier one. Errors are texts for people.
    pub(crate) fn put_into_state(&self, state: &StateDir) -> Result<(), String> {
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
            return Ok(());
        }
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let put = NewFile::create(&home, 0o600).and_then(|file| file.finish(&text, &name, true));
        put.map(drop).map_err(failed)
    }

    /// Writes the mark to the directory, synced, beside those of others.
    pub(crate) async fn put_into(&self, directory: &FsStore, path: &Path) -> Result<(), String> {
        let present = restore_mark(path).ok().flatten();
        let mut marks = present.map(|mark| parse(&mark.text)).unwrap_or_default();
        let is_same =
            |other: &RestoreMark| other.bucket == self.bucket && other.selection == self.selection;
        if marks.iter().any(is_same) {
            return Ok(());
        }
        marks.push(self.clone());
        let written = directory.write_restore_mark(lines(&marks)).await;
        written.map_err(|error| {
            format!(
                "{error}; if this restore is not completed, backups by other users and machines \
                 will not know"
            )
        })
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
            .map(|found| found.mark.as_ref())
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

fn digest(selection: &Criteria) -> String {
    if selection.is_empty() {
        return String::new();
    }
    let text = serde_json::to_vec(selection).unwrap_or_default();
    Crc64::of(&text).to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use sync_core::select::NameRule;

    use super::*;

    struct Scene {
        _top: tempfile::TempDir,
        directory: Tree,
        bucket: BucketPlace,
        all: Criteria,
        some: Criteria,
        state: StateDir,
        now: DateTime<Utc>,
    }

    impl Scene {
        fn new() -> Self {
            let top = tempfile::tempdir().unwrap();
            let path = top.path().join("srv/data");
            fs::create_dir_all(path.join("sub")).unwrap();
            Self {
                directory: Tree::of(&path),
                bucket: BucketPlace::new(None, "bucket", "data/"),
                all: Criteria::default(),
                some: Criteria {
                    names: vec![NameRule::Include("a/".to_owned())],
                    ..Criteria::default()
                },
                state: StateDir::only(&top.path().join("state")),
                now: std::time::SystemTime::now().into(),
                _top: top,
            }
        }

        fn tree(&self, name: &str) -> Tree {
            Tree::of(&self.directory.path().join(name))
        }

        fn work<'a>(&'a self, directory: &'a Tree, bucket: &'a BucketPlace) -> Work<'a> {
            Work {
                directory,
                bucket,
                selection: &self.all,
                planned: self.now,
                own: None,
            }
        }

        /// Whether a complete restore removes the mark of one of
        /// `self.directory` that is marked in the state directory.
        fn is_done_by(&self, work: &Work<'_>) -> bool {
            let found = find(work.directory, &self.state, &[]);
            let [found] = &found[..] else {
                panic!("{found:?}")
            };
            found.is_done_by(work)
        }
    }

    #[test]
    fn a_mark_is_found_from_above_and_below_and_by_a_link() {
        let scene = Scene::new();
        let work = scene.work(&scene.directory, &scene.bucket);
        begin(&work, scene.now)
            .put_into_state(&scene.state)
            .unwrap();
        let link = scene.directory.path().with_file_name("link");
        std::os::unix::fs::symlink(scene.directory.path(), &link).unwrap();
        let relation = |tree: &Tree| find(tree, &scene.state, &[]).first().map(|it| it.relation);
        assert_eq!(relation(&Tree::of(&link)), Some(Relation::Same));
        assert_eq!(relation(&scene.tree("..")), Some(Relation::Below));
        assert_eq!(relation(&scene.tree("sub")), Some(Relation::Above));
        assert_eq!(relation(&scene.tree("../other")), None);
    }

    #[test]
    fn only_a_restore_that_brings_all_of_it_takes_a_mark_away() {
        let scene = Scene::new();
        let same = scene.work(&scene.directory, &scene.bucket);
        begin(&same, scene.now)
            .put_into_state(&scene.state)
            .unwrap();
        assert!(scene.is_done_by(&same));
        let some = Work {
            selection: &scene.some,
            ..same
        };
        assert!(!scene.is_done_by(&some), "a part");
        let same = scene.work(&scene.directory, &scene.bucket);
        let old = Work {
            planned: scene.now - TimeDelta::seconds(1),
            ..same
        };
        assert!(!scene.is_done_by(&old), "a plan from before it");
        let other = BucketPlace::new(None, "other", "data/");
        assert!(
            !scene.is_done_by(&scene.work(&scene.directory, &other)),
            "from elsewhere"
        );
        let (above, below) = (scene.tree(".."), scene.tree("sub"));
        let whole = BucketPlace::new(None, "bucket", "");
        assert!(
            scene.is_done_by(&scene.work(&above, &whole)),
            "from above, the same keys"
        );
        assert!(
            !scene.is_done_by(&scene.work(&above, &scene.bucket)),
            "other keys"
        );
        let sub = BucketPlace::new(None, "bucket", "data/sub/");
        assert!(!scene.is_done_by(&scene.work(&below, &sub)), "a part");
    }

    #[test]
    fn the_mark_of_a_part_is_taken_away_by_that_part_or_the_whole() {
        let scene = Scene::new();
        let all = scene.work(&scene.directory, &scene.bucket);
        let some = || Work {
            selection: &scene.some,
            ..scene.work(&scene.directory, &scene.bucket)
        };
        begin(&some(), scene.now)
            .put_into_state(&scene.state)
            .unwrap();
        assert!(scene.is_done_by(&some()));
        assert!(scene.is_done_by(&all));
    }

    #[tokio::test]
    async fn marks_of_several_restores_stand_beside_each_other_in_the_directory() {
        let scene = Scene::new();
        let path = scene.directory.path();
        let store = FsStore::open(path, FsOptions::default()).unwrap();
        let other = BucketPlace::new(None, "other", "");
        let (one, two) = (
            scene.work(&scene.directory, &scene.bucket),
            scene.work(&scene.directory, &other),
        );
        for work in [&one, &two, &one] {
            begin(work, scene.now).put_into(&store, path).await.unwrap();
        }
        let found = find(&scene.directory, &scene.state, &[]);
        assert_eq!(found.len(), 2);
        clear_completed(&found, &one, &store).await;
        let left = find(&scene.directory, &scene.state, &[]);
        let [left] = &left[..] else {
            panic!("{left:?}")
        };
        assert_eq!(left.mark.as_ref().unwrap().bucket, other);
        clear_abandoned(std::slice::from_ref(left), &scene.directory, &store).await;
        assert_eq!(fs::read_dir(path).unwrap().count(), 1, "only 'sub' is left");
    }

    #[test]
    fn a_mark_that_cannot_be_read_is_one_all_the_same() {
        let scene = Scene::new();
        fs::write(
            scene.directory.path().join(sync_fs::RESTORE_MARK),
            "\x1b[2J",
        )
        .unwrap();
        let found = find(&scene.tree("sub"), &scene.state, &[]);
        assert_eq!(found[0].relation, Relation::Above);
        let found = find(&scene.tree(".."), &scene.state, &["data".to_owned()]);
        assert_eq!(found[0].relation, Relation::Below);
        assert!(found[0].to_string().contains("data"));
    }
}
