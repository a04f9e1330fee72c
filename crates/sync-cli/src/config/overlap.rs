//! Where the jobs of a file work, and which of them are in each other's way.
//!
//! Two jobs may not undo each other's work, night for night. Legitimate are: two
//! backups of any directories to prefixes that have nothing in common; the same
//! keys for the same files, as of `/srv` to `b` and `/srv/home` to `b/home`; a
//! prefix that the job above leaves out of its selection; and the restore of
//! what another job backs up.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use s3mirror::{BucketPlace, Direction, KnownBy, Location, Owner, Relation, Tree};
use sync_core::{Selection, text::printable};

use super::file::File;
use super::job::Source;
use super::selected;
use crate::options::Command;
use crate::usage;

/// Where a job works.
pub(crate) struct JobPlace {
    /// As people call it: `the job 'photos' (config.toml:3:1)`.
    name: String,
    direction: Direction,
    directory: PathBuf,
    tree: Tree,
    bucket: BucketPlace,
    /// None where it cannot be told.
    selection: Option<Selection>,
}

/// The directories that the jobs of `file` back up. A job of the same `profile`
/// that names no server shares `server`, that of the run. A file that is not
/// there or invalid says nothing here; `config check` reports it.
pub(crate) fn owners(
    file: Option<&Path>,
    profile: Option<&str>,
    server: Option<&str>,
) -> Vec<Owner> {
    let named = std::env::var_os("S3MIRROR_CONFIG").filter(|path| !path.is_empty());
    let path = file
        .map(Path::to_owned)
        .or_else(|| named.map(PathBuf::from));
    let Ok(file) = File::read(path) else {
        return Vec::new();
    };
    let jobs = file.places(profile, server).into_iter();
    let backups = jobs.filter(|job| job.direction == Direction::Backup);
    backups
        .map(|job| Owner {
            directory: job.directory,
            bucket: job.bucket,
            known_by: KnownBy::Job(job.name),
        })
        .collect()
}

impl File {
    /// The places of its backups and restores, as far as they can be told.
    /// `server` is that of the runs with `profile` that name none.
    pub(super) fn places(&self, profile: Option<&str>, server: Option<&str>) -> Vec<JobPlace> {
        let names = self.names();
        names
            .filter_map(|name| self.place_of(name, profile, server))
            .collect()
    }

    fn place_of(
        &self,
        name: &str,
        profile: Option<&str>,
        server: Option<&str>,
    ) -> Option<JobPlace> {
        let job = self.job(name).ok()?;
        let direction = match job.command() {
            "backup" => Direction::Backup,
            "restore" => Direction::Restore,
            _ => return None,
        };
        let settings = job.settings(&[]).ok()?;
        // A variable that names a place is for the run at hand, not for all jobs.
        let of_file = |option: &str| {
            let mut rows = settings.rows.iter().rev();
            let is_ours = |source: &Source| matches!(source, Source::File(_));
            let row = rows.find(|row| row.option == option && is_ours(&row.source))?;
            Some(row.value.clone())
        };
        let location: Location = of_file("bucket")?.parse().ok()?;
        let directory = PathBuf::from(of_file("dir")?);
        let endpoint = settings.value("endpoint-url").map(str::to_owned);
        let endpoint = endpoint.or_else(|| {
            let shares = settings.value("profile") == profile;
            let shared = server.filter(|_| shares).map(str::to_owned);
            shared.or_else(|| {
                ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
                    .into_iter()
                    .find_map(variable)
            })
        });
        let line: Vec<OsString> = settings.line();
        let selection = usage::read(line)
            .ok()
            .and_then(|cli| selection_of(&cli.command));
        Some(JobPlace {
            name: format!("the job '{}' ({})", printable(name), job.place()),
            direction,
            tree: Tree::of(&directory),
            directory,
            bucket: BucketPlace::new(endpoint.as_deref(), location.bucket(), location.prefix()),
            selection,
        })
    }

    /// What is wrong with any two of its jobs, each in one line.
    pub(crate) fn overlaps(&self) -> Vec<String> {
        overlaps(&self.places(None, None))
    }
}

fn selection_of(command: &Command) -> Option<Selection> {
    selected(command)?.to_options().ok()?.read().ok()
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    (!value.is_empty()).then_some(value)
}

fn overlaps(jobs: &[JobPlace]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, one) in jobs.iter().enumerate() {
        for other in &jobs[index + 1..] {
            found.extend(in_the_way(one, other));
        }
    }
    found
}

/// Why two jobs undo each other's work.
fn in_the_way(one: &JobPlace, other: &JobPlace) -> Option<String> {
    if agree(one, other) {
        return None;
    }
    let both = [one.direction, other.direction];
    let (one_is, other_is) = (one.sentence(), other.sentence());
    if both == [Direction::Backup; 2] && one.bucket.overlaps(&other.bucket) {
        if leaves_out(one, other) || leaves_out(other, one) {
            return None;
        }
        return Some(format!(
            "{one_is}, and {other_is}: each would delete what the other one has saved; give each \
             a prefix of its own, or leave the prefix of one out of the other with 'exclude'"
        ));
    }
    let relation = one.tree.relation(&other.tree)?;
    if !both.contains(&Direction::Restore) {
        return None;
    }
    let both_restore = both == [Direction::Restore; 2];
    // Restored from here and backed up to there, a directory is a station.
    if relation == Relation::Same && !both_restore {
        return None;
    }
    Some(format!(
        "{one_is}, and {other_is}: the restore would delete or replace what the other one works \
         with; give each a directory of its own"
    ))
}

impl JobPlace {
    fn sentence(&self) -> String {
        let directory = printable(&self.directory.to_string_lossy());
        match self.direction {
            Direction::Backup => {
                format!("{} backs '{directory}' up to {}", self.name, self.bucket)
            }
            Direction::Restore => {
                format!("{} restores '{directory}' from {}", self.name, self.bucket)
            }
        }
    }
}

/// Whether both have the same keys for the same files.
fn agree(one: &JobPlace, other: &JobPlace) -> bool {
    let holds = |outer: &JobPlace, inner: &JobPlace| {
        outer.bucket.rest_of(&inner.bucket).is_some_and(|rest| {
            let there = Tree::of(&outer.tree.path().join(rest));
            there.relation(&inner.tree) == Some(Relation::Same)
        })
    };
    holds(one, other) || holds(other, one)
}

/// Whether `outer` has left the prefix of `inner` out of its selection.
fn leaves_out(outer: &JobPlace, inner: &JobPlace) -> bool {
    let Some(rest) = outer.bucket.rest_of(&inner.bucket) else {
        return false;
    };
    let Some(selection) = &outer.selection else {
        return false;
    };
    if rest.is_empty() {
        // Both may be chosen so that they have nothing in common.
        let inner = inner.selection.as_ref();
        let is_partial = |selection: &Selection| !selection.criteria().is_empty();
        return is_partial(selection) && inner.is_some_and(is_partial);
    }
    selection.prunes(rest.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use sync_core::select::{Criteria, NameRule};

    use super::*;

    fn job(direction: Direction, directory: &str, prefix: &str) -> JobPlace {
        let directory = PathBuf::from("/nowhere").join(directory);
        JobPlace {
            name: "the job".to_owned(),
            direction,
            tree: Tree::of(&directory),
            directory,
            bucket: BucketPlace::new(None, "bucket", prefix),
            selection: Some(Selection::default()),
        }
    }

    fn without(job: JobPlace, name: &str) -> JobPlace {
        let criteria = Criteria {
            names: vec![NameRule::Exclude(name.to_owned())],
            ..Criteria::default()
        };
        JobPlace {
            selection: Selection::new(criteria, None).ok(),
            ..job
        }
    }

    #[test]
    fn jobs_that_undo_each_others_work_are_told_and_no_others() {
        use Direction::{Backup, Restore};
        let refused = |one: JobPlace, other: JobPlace| {
            let found = in_the_way(&one, &other).is_some();
            assert_eq!(in_the_way(&other, &one).is_some(), found, "either way");
            found
        };
        // Prefixes.
        assert!(refused(job(Backup, "a", ""), job(Backup, "c", "c/")));
        assert!(refused(job(Backup, "a", "x/"), job(Backup, "c", "x/")));
        assert!(refused(job(Backup, "a", "x/"), job(Backup, "a/b", "x/c/")));
        assert!(!refused(job(Backup, "a", "x/"), job(Backup, "c", "xc/")));
        assert!(
            !refused(job(Backup, "a", "x/"), job(Backup, "a/b", "y/")),
            "both only read it"
        );
        assert!(
            !refused(job(Backup, "a", "x/"), job(Backup, "a/b", "x/b/")),
            "the keys agree"
        );
        assert!(!refused(
            without(job(Backup, "a", ""), "c/"),
            job(Backup, "c", "c/")
        ));
        assert!(refused(
            without(job(Backup, "a", ""), "d/"),
            job(Backup, "c", "c/")
        ));
        // Directories.
        assert!(
            !refused(job(Backup, "a", "x/"), job(Restore, "a", "x/")),
            "the way back"
        );
        assert!(
            !refused(job(Restore, "a", "x/"), job(Backup, "a", "y/")),
            "a station"
        );
        assert!(
            !refused(job(Backup, "a", "x/"), job(Restore, "c", "x/")),
            "a copy"
        );
        assert!(refused(job(Restore, "a", "x/"), job(Backup, "a/b", "y/")));
        assert!(refused(job(Backup, "a", "x/"), job(Restore, "a/b", "y/")));
        assert!(refused(job(Restore, "a", "x/"), job(Restore, "a", "y/")));
        assert!(!refused(
            job(Restore, "a", "x/"),
            job(Restore, "a/b", "x/b/")
        ));
    }
}
