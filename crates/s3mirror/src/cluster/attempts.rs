//! The other attempts at a shard: which of them are dead, and the journals of open
//! uploads that these have left.
//!
//! An attempt has ended if it says so, or if its process is gone, which only its own
//! machine knows. No clock tells it elsewhere, since those of two machines need not
//! agree; but what works writes its heartbeat every ten seconds. An attempt whose
//! heartbeat stays as it is for a minute and a half, while this process looks, is taken for dead. If
//! it lives all the same, it finds its uploads aborted, and begins them again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::directory::RunDirectory;
use super::life::Liveness;
use super::shard::{Shard, Task as _, UPLOADS};

/// How long to wait between two looks at the heartbeats of others.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

/// After so many looks, an attempt whose heartbeat has not moved is taken for dead: a client
/// of NFS may show a file as it was a minute ago.
const LOOKS: u32 = 90;

/// The heartbeats of attempts on other machines.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeartbeatMonitor(BTreeMap<(usize, u32), Heartbeat>);

/// The heartbeat of an attempt as it was at the last look.
#[derive(Debug, Clone)]
struct Heartbeat {
    last: Vec<u8>,
    has_moved: bool,
    /// For how many looks it has stood still, and when the last of them was: those that come
    /// sooner than [`LOOK`] after it show nothing.
    looks: u32,
    looked: Instant,
}

impl HeartbeatMonitor {
    /// Looks at the heartbeat of an attempt once more.
    pub(crate) fn look(
        &mut self,
        shard: Shard,
        attempt: u32,
        directory: &RunDirectory,
        now: Instant,
    ) -> Liveness {
        let last = directory.bytes(&shard.heartbeat(attempt));
        let seen = self.0.entry((shard.0, attempt));
        let seen = seen.or_insert_with(|| Heartbeat {
            last: last.clone(),
            has_moved: false,
            looks: 0,
            looked: now,
        });
        if seen.last != last {
            (seen.last, seen.has_moved) = (last, true);
            (seen.looks, seen.looked) = (0, now);
        } else if now.duration_since(seen.looked) >= LOOK {
            seen.looks += 1;
            seen.looked = now;
        }
        if seen.looks >= LOOKS {
            Liveness::Ended
        } else if seen.has_moved {
            Liveness::Alive
        } else {
            Liveness::Unknown
        }
    }
}

impl Shard {
    /// The journals of open uploads, by the attempt that has them.
    pub(crate) fn journals(self, directory: &RunDirectory) -> BTreeMap<u32, Vec<String>> {
        let mut journals = BTreeMap::<_, Vec<_>>::new();
        for name in directory.names(&self.directory()) {
            let number = name.strip_prefix(UPLOADS);
            let number = number.and_then(|rest| rest.split('.').next()?.parse().ok());
            if let Some(number) = number {
                journals.entry(number).or_default().push(name);
            }
        }
        journals
    }

    /// The files of its journals: those of the attempt `owner`, or all.
    pub(crate) fn journal_files(
        self,
        owner: Option<u32>,
        directory: &RunDirectory,
    ) -> Vec<PathBuf> {
        let mut journals = self.journals(directory);
        journals.retain(|attempt, _| owner.is_none_or(|owner| owner == *attempt));
        let home = directory.join(self.directory());
        let names = journals.into_values().flatten();
        names.map(|name| home.join(name)).collect()
    }

    /// Gives the journals of dead attempts to the attempt `own`. The first other one that may
    /// be dead: then `monitor` has to look again, after [`LOOK`].
    pub(crate) fn take_over(
        self,
        own: u32,
        monitor: &mut HeartbeatMonitor,
        directory: &RunDirectory,
        now: Instant,
    ) -> Option<u32> {
        let mut doubtful = None;
        let journals = self.journals(directory).into_iter();
        for (owner, names) in journals.filter(|(owner, _)| *owner != own) {
            let known = match self.liveness(owner, directory) {
                Liveness::Unknown => monitor.look(self, owner, directory, now),
                known => known,
            };
            match known {
                Liveness::Ended => {}
                Liveness::Alive => continue,
                Liveness::Unknown => {
                    doubtful = doubtful.or(Some(owner));
                    continue;
                }
            }
            for name in &names {
                let rest = name.strip_prefix(UPLOADS).unwrap_or_default();
                let place = |name: &str| format!("{}/{name}", self.directory());
                // Another attempt may have been the first.
                let _ = directory.rename(&place(name), &place(&format!("{UPLOADS}{own}.{rest}")));
            }
        }
        doubtful
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cluster::files::{BeganFile, Signature};
    use crate::state::registry::Process;

    const SHARD: Shard = Shard(0);

    struct Scene {
        directory: RunDirectory,
        _top: tempfile::TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let top = tempfile::tempdir().unwrap();
            let directory = RunDirectory::create(&top.path().join("run")).unwrap();
            directory.make("shard").unwrap();
            directory.make(&SHARD.directory()).unwrap();
            Self {
                directory,
                _top: top,
            }
        }

        /// An attempt with a journal, by that process.
        fn attempt(&self, number: u32, identity: Process) {
            let began = BeganFile {
                by: Signature::of("run", SHARD.0, number),
                identity,
                job: None,
            };
            self.directory.claim(&SHARD.began(number), &began).unwrap();
            self.writes_heartbeat(number, 0);
            fs::write(self.directory.join(SHARD.uploads(number)), "x").unwrap();
        }

        fn writes_heartbeat(&self, attempt: u32, count: u32) {
            self.directory
                .replace(&SHARD.heartbeat(attempt), &count)
                .unwrap();
        }

        /// By a monitor that looks for the first time: whether there is one that may be dead.
        fn take_over(&self, own: u32) -> bool {
            self.looks(own).look()
        }

        fn looks(&self, own: u32) -> Looks<'_> {
            Looks {
                scene: self,
                own,
                monitor: HeartbeatMonitor::default(),
                now: Instant::now(),
            }
        }

        fn taken(&self, own: u32) -> Vec<String> {
            let names = SHARD.journal_files(Some(own), &self.directory).into_iter();
            let names = names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        }
    }

    /// An attempt that looks once a second.
    struct Looks<'s> {
        scene: &'s Scene,
        own: u32,
        monitor: HeartbeatMonitor,
        now: Instant,
    }

    impl Looks<'_> {
        /// Whether there is one that may be dead.
        fn look(&mut self) -> bool {
            self.now += LOOK;
            let (directory, now) = (&self.scene.directory, self.now);
            let doubtful = SHARD.take_over(self.own, &mut self.monitor, directory, now);
            doubtful.is_some()
        }
    }

    #[test]
    fn the_journal_of_an_attempt_that_lives_stays_its_own() {
        let scene = Scene::new();
        scene.attempt(1, Process::this());
        let mut looks = scene.looks(2);
        for _ in 0..2 * LOOKS {
            assert!(!looks.look());
        }
        assert!(scene.taken(2).is_empty());
        assert_eq!(scene.taken(1), ["uploads.1"]);
    }

    #[test]
    fn what_has_ended_or_is_gone_leaves_its_journal_to_the_next() {
        let scene = Scene::new();
        scene.attempt(1, Process::this());
        fs::write(scene.directory.join(SHARD.failed(1)), "{}").unwrap();
        scene.attempt(2, Process::gone());
        assert!(!scene.take_over(3), "no wait");
        assert_eq!(scene.taken(3), ["uploads.3.1", "uploads.3.2"]);
        // And so on, with what that one has taken over.
        fs::write(scene.directory.join(SHARD.failed(3)), "{}").unwrap();
        scene.take_over(4);
        assert_eq!(scene.taken(4), ["uploads.4.3.1", "uploads.4.3.2"]);
    }

    /// As of a version that did not write it at once, on a full disk.
    #[test]
    fn an_attempt_that_has_not_said_who_it_is_is_dead_at_once() {
        let scene = Scene::new();
        scene.attempt(1, Process::elsewhere());
        fs::write(scene.directory.join(SHARD.began(1)), "").unwrap();
        assert!(!scene.take_over(2), "no wait");
        assert_eq!(scene.taken(2), ["uploads.2.1"]);
    }

    #[test]
    fn an_attempt_elsewhere_is_dead_when_its_heartbeat_stands_still() {
        let scene = Scene::new();
        scene.attempt(1, Process::elsewhere());
        let mut looks = scene.looks(2);
        // The first look shows nothing.
        for _ in 0..LOOKS {
            assert!(looks.look(), "it may live");
            assert!(scene.taken(2).is_empty());
        }
        assert!(!looks.look());
        assert_eq!(scene.taken(2), ["uploads.2.1"]);
    }

    /// It has an upload open for hours: nobody waits for its end.
    #[test]
    fn an_attempt_elsewhere_whose_heartbeat_moves_is_not_waited_for() {
        let scene = Scene::new();
        scene.attempt(1, Process::elsewhere());
        let mut looks = scene.looks(2);
        for _ in 0..12 {
            assert!(looks.look(), "it may be dead");
        }
        scene.writes_heartbeat(1, 1);
        for _ in 0..LOOKS {
            assert!(!looks.look(), "it lives");
        }
        assert!(scene.taken(2).is_empty());
        looks.look();
        assert_eq!(scene.taken(2), ["uploads.2.1"], "it has died since");
    }

    /// A queue looks before each shard, which may take no time.
    #[test]
    fn looks_that_come_at_once_count_as_one() {
        let scene = Scene::new();
        scene.attempt(1, Process::elsewhere());
        let mut looks = scene.looks(2);
        for _ in 0..4 * LOOKS {
            looks.now -= LOOK;
            assert!(looks.look(), "nothing is known of it yet");
        }
    }
}
