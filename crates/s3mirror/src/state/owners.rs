//! Whose the keys in a bucket are: places that this machine's backups have
//! written, and those that the jobs of its configuration file write.
//!
//! Of two backups to overlapping prefixes each would delete what the other one
//! saved, since its own directory does not have it. So a backup is refused that
//! would delete below a prefix that another directory is backed up to, or what
//! a directory has that is backed up to a prefix above. Nested directories
//! whose prefixes are nested in the same way do not conflict: the keys are
//! equal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sync_core::{
    Key,
    checksum::Crc64,
    plan::{Action, Plan},
};

use super::private::{self, NewFile};
use super::tree::path_text;
use super::{BucketPlace, Relation, StateDir, Tree};

/// Where the records are in the state directory.
const KIND: &str = "backups";

/// A directory that is backed up to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The directory.
    pub directory: PathBuf,
    /// What it is backed up to.
    pub bucket: BucketPlace,
    /// How that is known.
    pub known_by: KnownBy,
}

/// How it is known that a directory is backed up to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownBy {
    /// The first complete run was at this time.
    Run(DateTime<Utc>),
    /// From the caller: a job of a configuration file, by its name.
    Job(String),
}

#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(with = "path_text")]
    directory: PathBuf,
    bucket: BucketPlace,
    completed: DateTime<Utc>,
}

/// The places of complete backups.
pub(crate) fn recorded(state: &StateDir) -> Vec<Owner> {
    let mut found = Vec::new();
    for home in state.existing(KIND) {
        for entry in fs::read_dir(home).into_iter().flatten().flatten() {
            let read = private::read(&entry.path()).map(|(_, text)| text);
            let record = read
                .ok()
                .and_then(|text| serde_json::from_slice::<Record>(&text).ok());
            found.extend(record.map(|record| Owner {
                directory: record.directory,
                bucket: record.bucket,
                known_by: KnownBy::Run(record.completed),
            }));
        }
    }
    found
}

/// Notes that a backup of `directory` to `bucket` is complete.
pub(crate) fn record(
    directory: &Tree,
    bucket: &BucketPlace,
    completed: DateTime<Utc>,
    state: &StateDir,
) -> io::Result<()> {
    let Some(home) = state.make(KIND, 0o700) else {
        return Ok(());
    };
    let record = Record {
        directory: directory.path().to_owned(),
        bucket: bucket.clone(),
        completed,
    };
    let (home, name) = (home?, file_name(bucket));
    private::sweep(&home);
    // A known record is not written again: the state is often part of what is
    // backed up, and a rewrite would be a change.
    let known = private::read(&home.join(&name)).ok();
    let known = known.and_then(|(_, text)| serde_json::from_slice::<Record>(&text).ok());
    if known.is_some_and(|known| known.directory == record.directory) {
        return Ok(());
    }
    let file = NewFile::create(&home, 0o600)?;
    file.finish(&serde_json::to_vec(&record)?, &name, false)?;
    Ok(())
}

/// Forgets that other directories were backed up to places that overlap
/// `bucket`.
pub(crate) fn forget_others(bucket: &BucketPlace, state: &StateDir) -> io::Result<()> {
    for owner in recorded(state) {
        if owner.bucket == *bucket || !owner.bucket.overlaps(bucket) {
            continue;
        }
        for home in state.existing(KIND) {
            match fs::remove_file(home.join(file_name(&owner.bucket))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

fn file_name(bucket: &BucketPlace) -> String {
    format!("{}.json", Crc64::of(&bucket.identity()))
}

/// What a backup would delete although it belongs to another directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The first such object.
    pub key: Key,
    /// Whose object that is.
    pub owner: Owner,
    /// All keys with this prefix are that owner's, if its place is below.
    pub prefix: Option<String>,
}

/// Judges the deletions of a backup by the owners of the keys.
pub(crate) struct Ownership {
    claims: Vec<Claim>,
}

struct Claim {
    owner: Owner,
    region: Region,
}

/// Which keys, relative to the backup's own prefix.
enum Region {
    /// All with this prefix.
    Below(String),
    /// Those that have a file in this directory.
    Having(PathBuf),
}

impl Ownership {
    /// For a backup of `directory` to `bucket`.
    pub(crate) fn new(directory: &Tree, bucket: &BucketPlace, owners: Vec<Owner>) -> Self {
        let claims = owners.into_iter().filter_map(|owner| {
            let region = region(directory, bucket, &owner)?;
            Some(Claim { owner, region })
        });
        Self {
            claims: claims.collect(),
        }
    }

    /// Why a plan of such a backup that deletes is refused: the first key that is
    /// another one's.
    ///
    /// # Errors
    /// Those of reading the plan.
    pub(crate) fn overlap(&self, plan: &Plan) -> io::Result<Option<Overlap>> {
        if self.claims.is_empty() {
            return Ok(None);
        }
        for action in plan.actions()? {
            if let Action::Delete(delete) = action?
                && let Some(claim) = self.claim_on(delete.target.key.as_str())
            {
                return Ok(Some(Overlap {
                    owner: claim.owner.clone(),
                    prefix: claim.prefix().map(str::to_owned),
                    key: delete.target.key,
                }));
            }
        }
        Ok(None)
    }

    fn claim_on(&self, key: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| match &claim.region {
            Region::Below(prefix) => key.starts_with(prefix.as_str()),
            Region::Having(directory) => directory.join(key).symlink_metadata().is_ok(),
        })
    }
}

impl Claim {
    /// All keys below this prefix are the owner's, if that is how it is known.
    fn prefix(&self) -> Option<&str> {
        match &self.region {
            Region::Below(prefix) => Some(prefix),
            Region::Having(_) => None,
        }
    }
}

/// What of the keys below `bucket` belongs to `owner`, unless that is the very
/// directory that this backup has at that place.
fn region(directory: &Tree, bucket: &BucketPlace, owner: &Owner) -> Option<Region> {
    let is_same = |one: &Tree, path: &Path| one.relation(&Tree::of(path)) == Some(Relation::Same);
    if let Some(rest) = bucket.rest_of(&owner.bucket) {
        if rest.is_empty() {
            // Different directories may be backed up to one place one after the
            // other on purpose; but a job keeps its own.
            let is_job = matches!(owner.known_by, KnownBy::Job(_));
            let is_other = is_job && !is_same(directory, &owner.directory);
            return is_other.then(|| Region::Having(owner.directory.clone()));
        }
        let agrees = is_same(&Tree::of(&directory.path().join(rest)), &owner.directory);
        return (!agrees).then(|| Region::Below(rest.to_owned()));
    }
    let rest = owner.bucket.rest_of(bucket)?;
    let theirs = owner.directory.join(rest);
    (!is_same(directory, &theirs)).then_some(Region::Having(theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene(tempfile::TempDir);

    impl Scene {
        fn new() -> Self {
            let top = tempfile::tempdir().unwrap();
            for dir in ["srv/home", "home", "docs"] {
                fs::create_dir_all(top.path().join(dir)).unwrap();
                fs::write(top.path().join(dir).join("file"), "").unwrap();
            }
            Self(top)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn owner(&self, directory: &str, prefix: &str, known_by: KnownBy) -> Owner {
            Owner {
                directory: self.path(directory),
                bucket: BucketPlace::new(None, "bucket", prefix),
                known_by,
            }
        }

        /// Whether a backup of `directory` to `prefix` may delete `key`.
        fn may(&self, (directory, prefix): (&str, &str), owner: Owner, key: &str) -> bool {
            let tree = Tree::of(&self.path(directory));
            let bucket = BucketPlace::new(None, "bucket", prefix);
            Ownership::new(&tree, &bucket, vec![owner])
                .claim_on(key)
                .is_none()
        }
    }

    fn by_run() -> KnownBy {
        KnownBy::Run("2024-05-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_another_directory_is_backed_up_to_is_not_deleted_from_above() {
        let scene = Scene::new();
        let home = || scene.owner("home", "home/", by_run());
        assert!(!scene.may(("docs", ""), home(), "home/x"));
        assert!(scene.may(("docs", ""), home(), "homes/x"));
        assert!(
            scene.may(("docs", "docs/"), home(), "home/x"),
            "another prefix"
        );
        // The directory that is there holds it really.
        let inner = scene.owner("srv/home", "home/", by_run());
        assert!(scene.may(("srv", ""), inner, "home/x"));
    }

    #[test]
    fn what_a_directory_above_has_is_not_deleted_from_below() {
        let scene = Scene::new();
        let srv = || scene.owner("srv", "", by_run());
        assert!(!scene.may(("home", "home/"), srv(), "file"));
        assert!(
            scene.may(("home", "home/"), srv(), "gone"),
            "it has it not either"
        );
        assert!(
            scene.may(("srv/home", "home/"), srv(), "file"),
            "the keys agree"
        );
    }

    #[test]
    fn one_place_for_two_directories_is_refused_where_a_job_says_so() {
        let scene = Scene::new();
        let job = || scene.owner("home", "x/", KnownBy::Job("the job 'home'".to_owned()));
        assert!(!scene.may(("docs", "x/"), job(), "file"));
        assert!(scene.may(("docs", "x/"), job(), "gone"));
        assert!(scene.may(("home", "x/"), job(), "file"));
        assert!(scene.may(("docs", "x/"), scene.owner("home", "x/", by_run()), "file"));
    }

    #[test]
    fn records_are_kept_and_forgotten() {
        let scene = Scene::new();
        let state = StateDir::only(&scene.path("state"));
        let at = |prefix: &str| BucketPlace::new(None, "bucket", prefix);
        let now = "2024-05-01T12:00:00Z".parse().unwrap();
        for (dir, prefix) in [("home", "home/"), ("docs", "docs/")] {
            record(&Tree::of(&scene.path(dir)), &at(prefix), now, &state).unwrap();
        }
        assert_eq!(recorded(&state).len(), 2);
        forget_others(&at("home/"), &state).unwrap();
        assert_eq!(
            recorded(&state).len(),
            2,
            "itself, and what does not overlap"
        );
        forget_others(&at(""), &state).unwrap();
        assert!(recorded(&state).is_empty());
    }
}
