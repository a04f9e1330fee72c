//! Where the jobs of a file work, and which of them conflict.
//!
//! Two jobs must not undo each other's work, night after night. Allowed are: two
//! backups of any directories to prefixes that do not overlap; the same keys for
//! the same files, as of `/srv` to `b` and `/srv/home` to `b/home`; a prefix that
//! the job above excludes; and the restore of what another job backs up.

use std::path::{Path, PathBuf};

use s3mirror::{BucketPlace, Direction, KnownBy, Location, Owner, Relation, Tree};
use sync_core::{Selection, text::printable};

use super::file::File;
use super::job::{Job, Row, Source};
use super::selected;
use crate::usage;

/// Where a job works.
pub(crate) struct JobPlace {
    /// As people call it: `the job 'photos' (config.toml:3:1)`.
    name: String,
    direction: Direction,
    directory: PathBuf,
    tree: Tree,
    bucket: BucketPlace,
    /// None where it is unknown.
    selection: Option<Selection>,
}

/// The directories that the jobs of `file` back up. A job of the same `profile`
/// that names no server shares `server`, that of the run. A file that is missing
/// or invalid has none here; `config check` reports it.
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
    let jobs = file.places(&Run { profile, server }).into_iter();
    let backups = jobs.filter(|job| job.direction == Direction::Backup);
    backups
        .map(|job| Owner {
            directory: job.directory,
            bucket: job.bucket,
            known_by: KnownBy::Job(job.name),
        })
        .collect()
}

/// What the run at hand adds to what a file says.
#[derive(Default)]
struct Run<'a> {
    profile: Option<&'a str>,
    /// The server of the jobs with this profile that name none.
    server: Option<&'a str>,
}

impl File {
    /// The places of its backups and restores, as far as they are known.
    fn places(&self, run: &Run<'_>) -> Vec<JobPlace> {
        let jobs = self.names().filter_map(|name| Job::find(self, name).ok());
        jobs.filter_map(|job| JobPlace::of(&job, run)).collect()
    }

    /// What is wrong with any two of its jobs, each in one line.
    pub(crate) fn overlaps(&self) -> Vec<String> {
        let jobs = self.places(&Run::default());
        let pairs = jobs.iter().enumerate().flat_map(|(index, one)| {
            let others = jobs[index + 1..].iter();
            others.filter_map(move |other| conflict(one, other))
        });
        pairs.collect()
    }
}

impl JobPlace {
    fn of(job: &Job<'_>, run: &Run<'_>) -> Option<Self> {
        let direction = match job.command() {
            "backup" => Direction::Backup,
            "restore" => Direction::Restore,
            _ => return None,
        };
        let settings = job.settings(&[]).ok()?;
        // A variable that names a place is for the run at hand, not for all jobs.
        let of_file = |option: &str| {
            let mut rows = settings.rows.iter().rev();
            let is_it = |row: &&Row| row.option == option && matches!(row.source, Source::File(_));
            rows.find(is_it).map(|row| row.value.clone())
        };
        let location: Location = of_file("bucket")?.parse().ok()?;
        let directory = PathBuf::from(of_file("dir")?);
        let shared = run
            .server
            .filter(|_| settings.value("profile") == run.profile);
        let endpoint = settings.value("endpoint-url").or(shared).map(str::to_owned);
        let variables = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].into_iter();
        let endpoint = endpoint.or_else(|| {
            let mut set = variables.filter_map(|name| std::env::var(name).ok());
            set.find(|value| !value.is_empty())
        });
        let cli = usage::read(settings.line()).ok();
        let place = job.file.place(&job.table.name);
        Some(Self {
            name: format!(
                "the job '{}' ({place})",
                printable(job.table.name.get_ref())
            ),
            direction,
            tree: Tree::of(&directory),
            directory,
            bucket: BucketPlace::new(endpoint.as_deref(), location.bucket(), location.prefix()),
            selection: cli.and_then(|cli| selected(&cli.command)?.to_options().ok()?.read().ok()),
        })
    }

    fn sentence(&self) -> String {
        let (name, bucket) = (&self.name, &self.bucket);
        let directory = printable(&self.directory.to_string_lossy());
        match self.direction {
            Direction::Backup => format!("{name} backs '{directory}' up to {bucket}"),
            Direction::Restore => format!("{name} restores '{directory}' from {bucket}"),
        }
    }

    /// Whether the keys of `inner` are the same for the same files.
    fn agrees(&self, inner: &Self) -> bool {
        self.bucket.rest_of(&inner.bucket).is_some_and(|rest| {
            let there = Tree::of(&self.tree.path().join(rest));
            there.relation(&inner.tree) == Some(Relation::Same)
        })
    }

    /// Whether the selection excludes the prefix of `inner`.
    fn excludes(&self, inner: &Self) -> bool {
        let rest = self.bucket.rest_of(&inner.bucket);
        let (Some(rest), Some(selection)) = (rest, &self.selection) else {
            return false;
        };
        if rest.is_empty() {
            // Both may be selected so that they have nothing in common.
            let is_partial = |selection: &Selection| !selection.criteria().is_empty();
            return is_partial(selection) && inner.selection.as_ref().is_some_and(is_partial);
        }
        selection.prunes(rest.trim_end_matches('/'))
    }
}

/// Why two jobs undo each other's work, if they do.
fn conflict(one: &JobPlace, other: &JobPlace) -> Option<String> {
    if one.agrees(other) || other.agrees(one) {
        return None;
    }
    let restores = [one, other].map(|job| job.direction == Direction::Restore);
    let why = if restores == [false, false] {
        if !one.bucket.overlaps(&other.bucket) || one.excludes(other) || other.excludes(one) {
            return None;
        }
        "each would delete what the other one has saved; give each a prefix of its own, or \
         exclude the prefix of one from the other with 'exclude'"
    } else {
        // A directory that is restored from one place and backed up to another is
        // only passed on.
        if one.tree.relation(&other.tree)? == Relation::Same && restores != [true, true] {
            return None;
        }
        "the restore would delete or replace what the other one works with; give each a \
         directory of its own"
    };
    Some(format!(
        "{}, and {}: {why}",
        one.sentence(),
        other.sentence()
    ))
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
    fn jobs_that_undo_each_others_work_are_refused_and_no_others() {
        use Direction::{Backup, Restore};
        let refused = |one: JobPlace, other: JobPlace| {
            let found = conflict(&one, &other).is_some();
            assert_eq!(conflict(&other, &one).is_some(), found, "either way");
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
