//! Files of the run directory that are not seen for a while, as on NFS, where a client may
//! not know for some time what another one has made.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{diary::Diary, processes::Processes};
use crate::support::dice::Dice;

/// Those that are hidden now.
pub(super) struct Hidden {
    run: PathBuf,
    /// Where they are meanwhile.
    away: PathBuf,
    names: Vec<String>,
}

impl Hidden {
    pub(super) fn of(run: &Path, away: PathBuf) -> Self {
        fs::create_dir_all(&away).unwrap();
        let (run, names) = (run.to_owned(), Vec::new());
        Self { run, away, names }
    }

    /// Hides a file that says how an attempt has ended, or that it has begun. On NFS nobody can
    /// take the name of a file that is hidden; here it is given back to the file that had it
    /// first, and what says that an attempt has begun is hidden only while none begins.
    pub(super) fn hide(&mut self, processes: &Processes, dice: &mut Dice, diary: &mut Diary) {
        let none_begins = processes.have_begun(&self.run);
        let files = files_below(&self.run).into_iter();
        let files = files.filter(|name| may_be_late(name) || none_begins && has_begun(name));
        let names: Vec<_> = files.collect();
        if names.is_empty() {
            return;
        }
        let name = names[dice.index(names.len())].clone();
        if fs::rename(self.run.join(&name), self.place(&name)).is_ok() {
            diary.note(format!("hides {name}"));
            self.names.push(name);
        }
    }

    /// All of them are seen again.
    pub(super) fn show(&mut self, diary: &mut Diary) {
        for name in std::mem::take(&mut self.names) {
            fs::rename(self.place(&name), self.run.join(&name)).unwrap();
            diary.note(format!("shows {name}"));
        }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.away.join(name.replace('/', "-"))
    }
}

fn may_be_late(name: &str) -> bool {
    let leaf = name.rsplit('/').next().unwrap_or_default();
    leaf == "done" || leaf.starts_with("failed.") || leaf == "finished.json"
}

fn has_begun(name: &str) -> bool {
    name.starts_with("shard/") && name.contains("/began.")
}

/// The names of all files below `top`.
pub(super) fn files_below(top: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut directories = vec![top.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(top).unwrap();
                names.push(name.to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    names
}
