//! The other attempts at a shard: which of them are dead, and the journals of open
//! uploads that these have left.
//!
//! An attempt has ended if it says so, or if its process is gone, which only its own
//! machine knows. No clock tells it elsewhere, since those of two machines need not
//! agree; but what works writes its beat every ten seconds. An attempt whose beat
//! stays as it is for a minute, while this process looks, is taken for dead. If it
//! lives all the same, it finds its uploads aborted, and begins them again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::directory::RunDirectory;
use super::files::BeganFile;
use super::shard::{Shard, Task as _, UPLOADS};

/// How long to wait between two looks at the beats of others.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

/// After so many looks, an attempt whose beat has not moved is taken for dead.
const LOOKS: u32 = 60;

/// What the files and the processes of this machine show of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// It has ended, or was killed.
    Ended,
    /// Its process is there. It may have been stopped.
    Alive,
    /// That cannot be seen from here.
    Unknown,
}

/// The beats of attempts, as they were at the last look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vigil(BTreeMap<(usize, u32), (Vec<u8>, u32)>);

impl Vigil {
    /// Looks at an attempt once more: whether its beat has stood still for so long
    /// that it is taken for dead.
    pub(crate) fn is_over(&mut self, shard: Shard, attempt: u32, directory: &RunDirectory) -> bool {
        let beat = directory.bytes(&shard.beat(attempt));
        let (seen, looks) = self.0.entry((shard.0, attempt)).or_default();
        if *seen == beat {
            *looks += 1;
        } else {
            (*seen, *looks) = (beat, 0);
        }
        *looks >= LOOKS
    }
}

impl Shard {
    /// Whether an attempt is at work, as far as that is known without a wait.
    pub(crate) fn life(self, attempt: u32, directory: &RunDirectory) -> Life {
        if directory.has(&self.failed(attempt)) {
            return Life::Ended;
        }
        let began = directory.read::<BeganFile>(&self.began(attempt));
        let began = began.ok().flatten();
        match began.and_then(|began| began.value.identity.is_alive()) {
            Some(true) => Life::Alive,
            Some(false) => Life::Ended,
            None => Life::Unknown,
        }
    }

    /// The journals of open uploads, by the attempt that has them.
    fn journals(self, directory: &RunDirectory) -> BTreeMap<u32, Vec<String>> {
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

    /// Gives the journals of dead attempts to the attempt `own`. Whether there is another
    /// one that may be dead: then `vigil` has to look again, after [`LOOK`].
    pub(crate) fn take_over(self, own: u32, vigil: &mut Vigil, directory: &RunDirectory) -> bool {
        let mut is_doubtful = false;
        for (owner, names) in self.journals(directory) {
            let is_dead = match self.life(owner, directory) {
                _ if owner == own => false,
                Life::Ended => true,
                Life::Alive => false,
                Life::Unknown => {
                    let is_over = vigil.is_over(self, owner, directory);
                    is_doubtful |= !is_over;
                    is_over
                }
            };
            for name in names.iter().filter(|_| is_dead) {
                let rest = name.strip_prefix(UPLOADS).unwrap_or_default();
                let place = |name: &str| format!("{}/{name}", self.directory());
                // Another attempt may have been the first.
                let _ = directory.rename(&place(name), &place(&format!("{UPLOADS}{own}.{rest}")));
            }
        }
        is_doubtful
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cluster::files::Signature;
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
            self.beats(number, 0);
            fs::write(self.directory.join(SHARD.uploads(number)), "x").unwrap();
        }

        fn beats(&self, attempt: u32, count: u32) {
            self.directory
                .replace(&SHARD.beat(attempt), &count)
                .unwrap();
        }

        fn take_over(&self, own: u32, vigil: &mut Vigil) -> bool {
            SHARD.take_over(own, vigil, &self.directory)
        }

        fn taken(&self, own: u32) -> Vec<String> {
            let names = SHARD.journal_files(Some(own), &self.directory).into_iter();
            let names = names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        }
    }

    #[test]
    fn the_journal_of_an_attempt_that_lives_stays_its_own() {
        let scene = Scene::new();
        scene.attempt(1, Process::this());
        let mut vigil = Vigil::default();
        for _ in 0..2 * LOOKS {
            assert!(!scene.take_over(2, &mut vigil));
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
        assert!(!scene.take_over(3, &mut Vigil::default()), "no wait");
        assert_eq!(scene.taken(3), ["uploads.3.1", "uploads.3.2"]);
        // And so on, with what that one has taken over.
        fs::write(scene.directory.join(SHARD.failed(3)), "{}").unwrap();
        scene.take_over(4, &mut Vigil::default());
        assert_eq!(scene.taken(4), ["uploads.4.3.1", "uploads.4.3.2"]);
    }

    #[test]
    fn an_attempt_elsewhere_is_dead_when_its_beat_stands_still() {
        let scene = Scene::new();
        scene.attempt(1, Process::elsewhere());
        let mut vigil = Vigil::default();
        for look in 0..4 * LOOKS {
            if look % (LOOKS / 2) == 0 {
                scene.beats(1, look);
            }
            assert!(scene.take_over(2, &mut vigil), "it lives");
        }
        assert!(scene.taken(2).is_empty());
        while scene.take_over(2, &mut vigil) {}
        assert_eq!(scene.taken(2), ["uploads.2.1"]);
    }
}
