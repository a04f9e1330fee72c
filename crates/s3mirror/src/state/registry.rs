//! The runs on this machine: while a run works, it has a file with its places.
//!
//! A run's files are in its state directory and in one that all users of the
//! machine can read, below `/run/lock` or the directory for temporary files.
//! The kernel's lock on a file shows whether its run is alive, so one that was
//! killed blocks nobody. Where a file system has no locks, the process itself
//! is looked up. A file gets its name only when it is locked and complete.
//!
//! Files of other users are only read: not through links, only if they belong
//! to the owner of the directory, and no more of them than a machine has runs.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use super::private::{self, NewFile, Trust};
use super::{BucketPlace, StateDir, Tree};

/// The name of the directories that others may read; the user follows.
const SHARED: &str = "s3mirror-runs-";

/// Where they are: the first that can be written to is used, all are read.
const SHARED_IN: [&str; 2] = ["/run/lock", "/tmp"];

/// Most files that are read in one directory, and most directories.
const MOST: usize = 4_096;

/// A run at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunEntry {
    /// The command, as in `backup`.
    pub(crate) command: String,
    pub(crate) directory: Tree,
    pub(crate) writes_directory: bool,
    /// None where no bucket is used.
    pub(crate) bucket: Option<BucketPlace>,
    pub(crate) writes_bucket: bool,
    pub(crate) process: Process,
    pub(crate) since: DateTime<Utc>,
    /// The run whose processes work at the same places together, on any machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shared: Option<String>,
    /// Whether the file is locked while the run lives.
    #[serde(default)]
    pub(crate) is_locked: bool,
}

/// A process, distinguished from later ones with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) id: i32,
    pub(crate) user: u32,
    pub(crate) host: String,
    /// The machine's start and the namespace of process numbers; empty where
    /// the system does not report it.
    space: String,
    /// When it was started, in ticks since the machine was.
    started: u64,
}

/// This run's files; removed when dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    /// That of each file: a directory may be reached by several paths.
    name: String,
    files: Vec<(PathBuf, File)>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        for (path, _) in &self.files {
            // While it is still locked, so that nobody finds it unlocked.
            let _ = fs::remove_file(path);
        }
    }
}

/// The directories in which runs are registered.
#[derive(Debug)]
pub(crate) struct Registry {
    own: Vec<PathBuf>,
    shared_in: Vec<PathBuf>,
    /// Where this run's files go.
    writable: Vec<PathBuf>,
    /// Why some of them are missing.
    problems: Vec<String>,
}

impl Registry {
    /// That of this machine and of `state`.
    pub(crate) fn open(state: &StateDir) -> Self {
        Self::with(state, &SHARED_IN.map(PathBuf::from))
    }

    fn with(state: &StateDir, shared_in: &[PathBuf]) -> Self {
        let mut problems = Vec::new();
        let mut writable = Vec::new();
        match state.make("runs", 0o700) {
            Some(Ok(path)) => writable.push(path),
            Some(Err(error)) => problems.push(error.to_string()),
            None => {}
        }
        match shared_in.iter().find_map(|parent| own_shared(parent).ok()) {
            Some(path) => writable.push(path),
            None => problems.push("no directory can be shared with other users".to_owned()),
        }
        Self {
            own: state.existing("runs"),
            shared_in: shared_in.to_vec(),
            writable,
            problems,
        }
    }

    /// Registers a run. An error is a text for people: other runs would not see
    /// it.
    pub(crate) fn register(&self, entry: &RunEntry) -> Result<Registered, String> {
        let name = private::passing_name();
        let mut registered = Registered {
            name: name.clone(),
            files: Vec::new(),
        };
        let mut problems = self.problems.clone();
        for directory in &self.writable {
            match write(directory, &name, entry) {
                Ok(file) => registered.files.push((directory.join(&name), file)),
                Err(error) => {
                    problems.push(format!("'{}': {error}", directory.display()));
                }
            }
        }
        if registered.files.is_empty() {
            return Err(problems.join("; "));
        }
        Ok(registered)
    }

    /// The other runs that are at work.
    pub(crate) fn others(&self, own: Option<&Registered>) -> Vec<RunEntry> {
        let mut found = Vec::new();
        let directories = self.own.iter().map(|path| (path.clone(), private::user()));
        let mut directories: Vec<_> = directories.collect();
        for parent in &self.shared_in {
            directories.extend(all_shared(parent));
        }
        for (directory, user) in directories {
            for name in names(&directory, private::is_passing_name) {
                let path = directory.join(&name);
                let is_own = own.is_some_and(|own| own.name == name);
                if let Some(entry) = (!is_own).then(|| look(&path, user)).flatten()
                    && !found.contains(&entry)
                {
                    found.push(entry);
                }
            }
        }
        found
    }
}

impl RunEntry {
    /// This process' run.
    pub(crate) fn new(command: &str, directory: Tree, bucket: Option<BucketPlace>) -> Self {
        Self {
            command: command.to_owned(),
            directory,
            writes_directory: false,
            bucket,
            writes_bucket: false,
            process: Process::this(),
            since: std::time::SystemTime::now().into(),
            shared: None,
            is_locked: false,
        }
    }
}

impl Process {
    pub(crate) fn this() -> Self {
        let id = std::process::id();
        Self {
            id: i32::try_from(id).unwrap_or_default(),
            user: private::user(),
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            space: space(),
            started: started(id.cast_signed()).unwrap_or_default(),
        }
    }

    /// Whether it still runs; none where that cannot be determined from here.
    pub(crate) fn is_alive(&self) -> Option<bool> {
        if self.space.is_empty() || self.space != space() {
            return None;
        }
        let id = Pid::from_raw(self.id)?;
        if test_kill_process(id) == Err(Errno::SRCH) {
            return Some(false);
        }
        // Where other users' processes are hidden, its number has to be enough.
        Some(started(self.id).is_none_or(|started| started == self.started))
    }
}

#[cfg(test)]
impl Process {
    /// One of this machine that has ended.
    pub(crate) fn gone() -> Self {
        Self {
            id: 0x3fff_ffff,
            ..Self::this()
        }
    }

    /// One of another machine.
    pub(crate) fn elsewhere() -> Self {
        Self {
            space: "another machine".to_owned(),
            ..Self::this()
        }
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, host) = (self.id, sync_core::text::printable(&self.host));
        write!(f, "process {id} of user {} on {host}", user_name(self.user))
    }
}

/// The name of a user, and its number where there is none.
pub(crate) fn user_name(user: u32) -> String {
    let table = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| sync_core::text::printable(name))
    });
    name.unwrap_or_else(|| user.to_string())
}

/// The start of this machine and the namespace of process numbers.
fn space() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    if boot.is_empty() || space.as_os_str().is_empty() {
        return String::new();
    }
    format!("{} {}", boot.trim(), space.display())
}

/// When a process was started (field 22 of proc_pid_stat(5); the name before it
/// may hold anything, in parentheses).
fn started(id: i32) -> Option<u64> {
    let text = fs::read(format!("/proc/{id}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn write(directory: &Path, name: &str, entry: &RunEntry) -> io::Result<File> {
    let file = NewFile::create(directory, 0o644)?;
    let entry = RunEntry {
        is_locked: file.is_locked(),
        ..entry.clone()
    };
    file.finish(&serde_json::to_vec(&entry)?, name, false)
}

/// The run of the file at `path`, if it is alive. The file of a killed run of
/// this user is removed.
fn look(path: &Path, user: u32) -> Option<RunEntry> {
    let (file, text) = private::read(path).ok()?;
    if file.metadata().ok()?.uid() != user {
        return None;
    }
    let lock = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
    let Ok(entry) = serde_json::from_slice::<RunEntry>(&text) else {
        // Nobody writes it any more.
        if lock.is_ok() && user == private::user() {
            let _ = fs::remove_file(path);
        }
        return None;
    };
    let is_alive = match lock {
        Err(Errno::WOULDBLOCK) => true,
        Ok(()) if entry.is_locked => false,
        // A process that cannot be looked up counts as alive for a day.
        _ => entry.process.is_alive().unwrap_or_else(|| {
            let age = DateTime::<Utc>::from(std::time::SystemTime::now()) - entry.since;
            age < chrono::TimeDelta::days(1)
        }),
    };
    if !is_alive && user == private::user() {
        let _ = fs::remove_file(path);
    }
    is_alive.then_some(entry)
}

/// The directory of this user's runs in `parent`. If somebody else uses its
/// name, one with another name.
fn own_shared(parent: &Path) -> io::Result<PathBuf> {
    private::is_writable(parent)?;
    let user = private::user();
    let plain = parent.join(format!("{SHARED}{user}"));
    let made = private::make_directory(&plain, 0o755, Trust::Own)
        .and_then(|()| private::is_writable(&plain));
    if made.is_ok() {
        return Ok(plain);
    }
    let prefix = format!("{SHARED}{user}-");
    for name in names(parent, |name| name.starts_with(&prefix)) {
        let other = parent.join(name);
        if private::check_directory(&other, Trust::Own).is_ok() {
            return Ok(other);
        }
    }
    let other = parent.join(format!("{prefix}{:08x}", private::fastrand()));
    private::make_directory(&other, 0o755, Trust::Own).map(|()| other)
}

/// The directories of all users' runs in `parent`, each with its user.
fn all_shared(parent: &Path) -> Vec<(PathBuf, u32)> {
    let found = names(parent, |name| name.starts_with(SHARED)).into_iter();
    let trusted = found.filter_map(|name| {
        let path = parent.join(name);
        let meta = fs::symlink_metadata(&path).ok()?;
        (meta.is_dir() && meta.mode() & 0o022 == 0).then(|| (path, meta.uid()))
    });
    trusted.collect()
}

fn names(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| is_wanted(name)).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn registry(&self) -> Registry {
            let state = StateDir::only(&self.0.path().join("state"));
            fs::create_dir_all(self.0.path().join("lock")).unwrap();
            Registry::with(&state, &[self.0.path().join("lock")])
        }

        fn shared(&self) -> PathBuf {
            self.0
                .path()
                .join("lock")
                .join(format!("{SHARED}{}", private::user()))
        }

        fn entry(&self) -> RunEntry {
            RunEntry::new("backup", Tree::of(self.0.path()), None)
        }
    }

    #[test]
    fn a_run_is_seen_by_others_as_long_as_it_lives() {
        let machine = Machine::new();
        let first = machine.registry().register(&machine.entry()).unwrap();
        assert_eq!(first.files.len(), 2, "for this user and for all");
        assert!(machine.registry().others(Some(&first)).is_empty(), "itself");
        let seen = machine.registry().others(None);
        assert!(!seen.is_empty());
        assert_eq!(seen[0].process, Process::this());
        drop(first);
        assert!(machine.registry().others(None).is_empty());
        assert!(
            names(&machine.shared(), |_| true).is_empty(),
            "nothing stays"
        );
    }

    #[test]
    fn a_killed_run_holds_up_nobody() {
        let machine = Machine::new();
        let registry = machine.registry();
        // As a run leaves it: whole and no longer locked.
        let gone = registry.register(&machine.entry()).unwrap();
        for (path, file) in &gone.files {
            rustix::fs::flock(file, FlockOperation::Unlock).unwrap();
            assert!(path.exists());
        }
        assert!(registry.others(None).is_empty());
        assert!(
            names(&machine.shared(), |_| true).is_empty(),
            "it is removed"
        );
    }

    #[test]
    fn without_locks_the_process_is_looked_for() {
        let machine = Machine::new();
        let registry = machine.registry();
        let mut entry = machine.entry();
        let put = |entry: &RunEntry| {
            let text = serde_json::to_vec(entry).unwrap();
            fs::write(machine.shared().join(".s3mirror-1.tmp"), text).unwrap();
        };
        put(&entry);
        assert_eq!(registry.others(None), [entry.clone()], "this process lives");
        entry.process.started += 1;
        put(&entry);
        assert!(
            registry.others(None).is_empty(),
            "another one of its number"
        );
        entry.process = Process {
            id: 0x3fff_ffff,
            ..Process::this()
        };
        put(&entry);
        assert!(registry.others(None).is_empty(), "no such process");
        // Elsewhere: believed for a day.
        entry.process.space = "another machine".to_owned();
        put(&entry);
        assert_eq!(registry.others(None).len(), 1);
        entry.since -= chrono::TimeDelta::days(2);
        put(&entry);
        assert!(registry.others(None).is_empty());
    }

    #[test]
    fn what_others_may_have_put_there_is_neither_followed_nor_believed() {
        let machine = Machine::new();
        let registry = machine.registry();
        let text = serde_json::to_vec(&machine.entry()).unwrap();
        let outside = machine.0.path().join("outside.json");
        fs::write(&outside, text).unwrap();
        symlink(&outside, machine.shared().join(".s3mirror-1.tmp")).unwrap();
        fs::write(machine.shared().join(".s3mirror-2.tmp"), "{").unwrap();
        let shared_in = machine.0.path().join("lock");
        let elsewhere = machine.0.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::copy(&outside, elsewhere.join(".s3mirror-3.tmp")).unwrap();
        symlink(&elsewhere, shared_in.join(format!("{SHARED}7"))).unwrap();
        assert!(registry.others(None).is_empty());
    }

    /// Whoever may write there could name any place.
    #[test]
    fn a_directory_in_which_others_may_write_is_not_believed() {
        use std::os::unix::fs::PermissionsExt;
        let machine = Machine::new();
        let registry = machine.registry();
        let run = registry.register(&machine.entry()).unwrap();
        let name = run.files[0].0.file_name().unwrap();
        let lax = machine.0.path().join("lock").join(format!("{SHARED}7"));
        fs::create_dir(&lax).unwrap();
        fs::write(
            lax.join(name),
            serde_json::to_vec(&machine.entry()).unwrap(),
        )
        .unwrap();
        drop(run);
        let set = |mode| fs::set_permissions(&lax, fs::Permissions::from_mode(mode)).unwrap();
        set(0o755);
        assert_eq!(registry.others(None).len(), 1, "it would be one");
        for mode in [0o777, 0o775, 0o757] {
            set(mode);
            assert!(registry.others(None).is_empty(), "{mode:o}");
        }
    }

    /// A file that was moved there says nothing of its owner. Only root can give
    /// one away, so it is nothing that others could test.
    #[test]
    fn a_file_of_another_one_than_its_directory_is_not_believed() {
        if private::user() != 0 {
            return;
        }
        let machine = Machine::new();
        let registry = machine.registry();
        let path = machine.shared().join(".s3mirror-1.tmp");
        fs::write(&path, serde_json::to_vec(&machine.entry()).unwrap()).unwrap();
        assert_eq!(registry.others(None).len(), 1, "it would be one");
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        assert!(registry.others(None).is_empty());
    }

    #[test]
    fn a_name_that_is_taken_gives_way_to_another() {
        let machine = Machine::new();
        fs::create_dir_all(machine.0.path().join("lock")).unwrap();
        symlink("/nonexistent", machine.shared()).unwrap();
        let registry = machine.registry();
        let first = registry.register(&machine.entry()).unwrap();
        assert_eq!(first.files.len(), 2);
        assert_eq!(
            machine.registry().writable,
            registry.writable,
            "the same again"
        );
        assert!(!machine.registry().others(None).is_empty());
    }
}
