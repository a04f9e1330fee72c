//! Refuses a second run of any user on the same directory or bucket, and one on
//! a directory or prefix above or below that would disturb the first.
//!
//! A backup reads its directory and writes its prefix; a restore does the
//! reverse. Runs that only read nested places may run at the same time; a run
//! that writes excludes the others. The same place is used by one run at a
//! time, whatever it does.

use std::time::Duration;

use chrono::SecondsFormat;
use sync_core::text::printable;

use super::registry::{Registered, Registry, RunEntry};
use super::{Relation, StateDir};

/// How often a run that began at the same moment as another one tries again.
const ATTEMPTS: u32 = 5;

/// Others that began within this time may be about to give up.
const JUST_NOW: chrono::TimeDelta = chrono::TimeDelta::seconds(2);

/// The locks of a run, released when dropped.
#[derive(Debug)]
pub(crate) struct Locks {
    _registered: Option<Registered>,
}

/// The result of locking.
pub(crate) enum Locked {
    /// The run may begin.
    Yes(Locks),
    /// It may begin, but others will not see it, for this reason.
    Unseen(Locks, String),
    /// Another run works there: which one, and where.
    No(String),
}

impl Locks {
    /// Locks the places of `entry`.
    pub(crate) fn acquire(entry: &RunEntry, state: &StateDir) -> Locked {
        let registry = Registry::open(state);
        let mut attempt = 1;
        loop {
            // It is registered before it checks: of two that begin at once, at
            // least one sees the other.
            let (registered, problem) = match registry.register(entry) {
                Ok(registered) => (Some(registered), None),
                Err(problem) => (None, Some(problem)),
            };
            let others = registry.others(registered.as_ref());
            let conflict = others.iter().find_map(|other| {
                let why = conflict(entry, other)?;
                Some((other, why))
            });
            match (conflict, problem) {
                (Some((other, why)), _) => {
                    let is_new = (entry.since - other.since).abs() < JUST_NOW;
                    if !is_new || attempt == ATTEMPTS {
                        return Locked::No(why);
                    }
                }
                (None, None) => {
                    return Locked::Yes(Self {
                        _registered: registered,
                    });
                }
                (None, Some(problem)) => {
                    return Locked::Unseen(Self { _registered: None }, problem);
                }
            }
            drop(registered);
            attempt += 1;
            std::thread::sleep(Duration::from_millis(
                20 + u64::from(super::private::fastrand() % 150),
            ));
        }
    }
}

/// Why `own` cannot run at the same time as `other`.
fn conflict(own: &RunEntry, other: &RunEntry) -> Option<String> {
    if own.shared.is_some() && own.shared == other.shared {
        return None;
    }
    let directory = own.directory.relation(&other.directory).and_then(|found| {
        let writes = own.writes_directory || other.writes_directory;
        (found == Relation::Same || writes).then(|| {
            let shown = |entry: &RunEntry| printable(&entry.directory.path().to_string_lossy());
            let place = format!("directory {}", shown(other));
            let nested = match found {
                Relation::Same => String::new(),
                Relation::Above => format!(", which holds {}", shown(own)),
                Relation::Below => format!(", which is in {}", shown(own)),
            };
            place + &nested
        })
    });
    let bucket = || {
        let (mine, theirs) = (own.bucket.as_ref()?, other.bucket.as_ref()?);
        let writes = own.writes_bucket || other.writes_bucket;
        if mine == theirs {
            return Some(format!("bucket {theirs}"));
        }
        let nested = if mine.rest_of(theirs).is_some() {
            format!(", which is below {mine}")
        } else {
            format!(", which holds {mine}")
        };
        (writes && mine.overlaps(theirs)).then(|| format!("bucket {theirs}{nested}"))
    };
    let place = directory.or_else(bucket)?;
    let since = other.since.to_rfc3339_opts(SecondsFormat::Secs, true);
    Some(format!(
        "another run of s3mirror works on the {place} ({} since {since}, {})",
        printable(&other.command),
        other.process
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{BucketPlace, Tree};
    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let top = tempfile::tempdir().unwrap();
            for name in ["a/b", "c"] {
                fs::create_dir_all(top.path().join(name)).unwrap();
            }
            Self(top)
        }

        fn run(&self, command: &str, dir: &str, prefix: &str) -> RunEntry {
            let directory = Tree::of(&self.0.path().join(dir));
            let bucket = BucketPlace::new(None, "bucket", prefix);
            RunEntry {
                writes_directory: command == "restore",
                writes_bucket: command == "backup",
                ..RunEntry::new(command, directory, Some(bucket))
            }
        }
    }

    #[test]
    fn who_only_reads_a_nested_place_goes_beside_others_and_who_writes_is_alone() {
        let place = Place::new();
        let stand_beside = |one: (&str, &str, &str), other: (&str, &str, &str)| {
            let one = place.run(one.0, one.1, one.2);
            let other = place.run(other.0, other.1, other.2);
            let beside = conflict(&one, &other).is_none();
            assert_eq!(conflict(&other, &one).is_none(), beside, "either way");
            beside
        };
        // The same place: one at a time.
        assert!(!stand_beside(("backup", "a", "x/"), ("backup", "a", "y/")));
        assert!(!stand_beside(
            ("restore", "a", "x/"),
            ("restore", "c", "x/")
        ));
        // Directories that are nested.
        assert!(stand_beside(("backup", "a", "x/"), ("backup", "a/b", "y/")));
        assert!(!stand_beside(
            ("restore", "a", "x/"),
            ("backup", "a/b", "y/")
        ));
        assert!(!stand_beside(
            ("backup", "a", "x/"),
            ("restore", "a/b", "y/")
        ));
        assert!(!stand_beside(
            ("restore", "a", "x/"),
            ("restore", "a/b", "y/")
        ));
        // Prefixes that are nested.
        assert!(stand_beside(
            ("restore", "a", "x/"),
            ("restore", "c", "x/y/")
        ));
        assert!(!stand_beside(
            ("backup", "a", "x/"),
            ("restore", "c", "x/y/")
        ));
        assert!(!stand_beside(("restore", "a", ""), ("backup", "c", "x/")));
        assert!(!stand_beside(("backup", "a", ""), ("backup", "c", "x/")));
        // Nothing in common.
        assert!(stand_beside(("restore", "a", "x/"), ("backup", "c", "y/")));
    }

    #[test]
    fn processes_of_one_cluster_run_work_together_and_exclude_all_others() {
        let place = Place::new();
        let shard = |run: &str| RunEntry {
            shared: Some(run.to_owned()),
            ..place.run("backup", "a", "x/")
        };
        assert!(conflict(&shard("1"), &shard("1")).is_none());
        assert!(conflict(&shard("1"), &shard("2")).is_some());
        let alone = place.run("backup", "a", "x/");
        assert!(conflict(&shard("1"), &alone).is_some());
        assert!(conflict(&alone, &shard("1")).is_some());
    }

    #[test]
    fn the_other_run_is_named() {
        let place = Place::new();
        let why = conflict(
            &place.run("backup", "a", "x/"),
            &place.run("restore", "a/b", "y/"),
        );
        let why = why.unwrap();
        for part in [
            "another run",
            "a/b, which is in",
            "restore",
            "process",
            "of user",
        ] {
            assert!(why.contains(part), "{part} in {why}");
        }
    }

    #[test]
    fn of_many_that_begin_at_once_one_works_and_the_others_are_refused() {
        let place = Place::new();
        let state = StateDir::only(&place.0.path().join("state"));
        let barrier = std::sync::Barrier::new(4);
        let locked: Vec<bool> = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        let locked = Locks::acquire(&place.run("backup", "a", "x/"), &state);
                        let is_locked = matches!(locked, Locked::Yes(_));
                        // It works until all others have tried.
                        barrier.wait();
                        is_locked
                    })
                })
                .collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert!(
            locked.iter().filter(|locked| **locked).count() <= 1,
            "{locked:?}"
        );
    }
}
