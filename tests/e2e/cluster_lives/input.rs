//! What a life mirrors: a small tree and a small bucket that differ in every way.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::support::{Dir, Memory, World, content::mebibytes, dice::Dice, times::at};

/// When what is kept was last changed; and, later, what replaces something of its size.
const OLD: &str = "2021-03-04T05:06:07Z";
const NEWER: &str = "2022-03-04T05:06:07Z";

/// Which place is changed, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Direction {
    pub(super) command: &'static str,
    pub(super) deletes: bool,
}

/// What both places hold before the life.
pub(super) struct Input {
    pub(super) direction: Direction,
    entries: Vec<Entry>,
}

/// One key.
struct Entry {
    key: String,
    source: Option<Version>,
    target: Option<Version>,
}

/// The content at one place.
#[derive(Clone)]
struct Version {
    content: Vec<u8>,
    modified: DateTime<Utc>,
}

impl Input {
    pub(super) fn random(dice: &mut Dice, command: &'static str) -> Self {
        let deletes = !dice.once_in(5);
        let direction = Direction { command, deletes };
        let (mut keys, mut entries) = (Keys::default(), Vec::new());
        let more = if dice.once_in(4) { 160 } else { 50 };
        for _ in 0..20 + dice.below(more) {
            let key = random_key(dice);
            if keys.claim(&key) {
                entries.push(Entry::random(dice, key, command));
            }
        }
        if dice.once_in(2) {
            let size = 6 + dice.below(8);
            entries.push(Entry::film(dice, format!("film {size}/film"), size));
        }
        if deletes {
            let blocked = (0..dice.below(4)).map(|number| format!("in the way/{number}"));
            entries.extend(blocked.flat_map(|key| Entry::in_the_way(dice, &key)));
        }
        // Neither an empty source nor nothing to do.
        entries.push(Entry::new("first", Some("1"), None));
        Self { direction, entries }
    }

    /// Puts all of it where the run looks.
    pub(super) fn fill(&self, memory: &Memory, world: &World, dir: &Dir) {
        let bucket = &world.bucket.name;
        for entry in &self.entries {
            let (file, object) = match self.direction.command {
                "backup" => (&entry.source, &entry.target),
                _ => (&entry.target, &entry.source),
            };
            if let Some(file) = file {
                dir.write_at(&entry.key, &file.content, file.modified);
            }
            if let Some(object) = object {
                let (content, modified) = (object.content.clone(), object.modified);
                memory.state().put(bucket, &entry.key, content, modified);
            }
        }
    }

    /// What only the target has, and nothing of the source has to take the place of.
    pub(super) fn surplus(&self) -> Vec<&str> {
        let all = self.entries.iter();
        let surplus = all.filter(|entry| entry.source.is_none());
        let keys = surplus.map(|entry| &*entry.key);
        keys.filter(|key| !key.starts_with("in the way/")).collect()
    }

    /// What is to be copied.
    pub(super) fn copied(&self) -> Vec<&str> {
        let all = self.entries.iter();
        let copied = all.filter(|entry| entry.is_copied());
        copied.map(|entry| &*entry.key).collect()
    }
}

impl Entry {
    fn new(key: &str, source: Option<&str>, target: Option<&str>) -> Self {
        let version = |text: &str| Version::of(text.as_bytes().to_vec(), OLD);
        Self {
            key: key.to_owned(),
            source: source.map(version),
            target: target.map(version),
        }
    }

    fn random(dice: &mut Dice, key: String, command: &str) -> Self {
        let source = format!("{key} {}", "x".repeat(dice.index(3000)));
        match dice.below(6) {
            0 | 1 => Self::new(&key, Some(&source), None),
            2 => Self::new(&key, None, Some("gone")),
            3 => Self::new(&key, Some(&source), Some("of another size")),
            4 => Self::of_one_size(&key, source, command),
            _ => Self::new(&key, Some(&source), Some(&source)),
        }
    }

    /// One that is copied because its file is newer.
    fn of_one_size(key: &str, source: String, command: &str) -> Self {
        let target = source.replace('x', "o");
        let times = match command {
            "backup" => [NEWER, OLD],
            _ => [OLD, NEWER],
        };
        Self {
            key: key.to_owned(),
            source: Some(Version::of(source.into_bytes(), times[0])),
            target: Some(Version::of(target.into_bytes(), times[1])),
        }
    }

    /// One that is copied in parts.
    fn film(dice: &mut Dice, key: String, mebibytes_long: u64) -> Self {
        let content = mebibytes(mebibytes_long, dice.below(100));
        let target = dice.once_in(2).then_some("an old one");
        Self {
            source: Some(Version::of(content, OLD)),
            ..Self::new(&key, None, target)
        }
    }

    /// A file where a directory must come, or the other way round.
    fn in_the_way(dice: &mut Dice, key: &str) -> Vec<Self> {
        let below = format!("{key}/below");
        if dice.once_in(2) {
            return vec![
                Self::new(&below, Some("new"), None),
                Self::new(key, None, Some("in the way")),
            ];
        }
        let also = format!("{key}/also/below");
        vec![
            Self::new(key, Some("new"), None),
            Self::new(&below, None, Some("in the way")),
            Self::new(&also, None, Some("too")),
        ]
    }

    fn is_copied(&self) -> bool {
        match (&self.source, &self.target) {
            (Some(source), Some(target)) => source.content != target.content,
            (source, _) => source.is_some(),
        }
    }
}

impl Version {
    fn of(content: Vec<u8>, modified: &str) -> Self {
        let modified = at(modified);
        Self { content, modified }
    }
}

/// The keys so far, none of which is a directory of another one.
#[derive(Default)]
struct Keys {
    files: BTreeSet<String>,
    directories: BTreeSet<String>,
}

impl Keys {
    fn claim(&mut self, key: &str) -> bool {
        let ends = key.match_indices('/').map(|(end, _)| key[..end].to_owned());
        let above: Vec<_> = ends.collect();
        let is_free = !self.directories.contains(key)
            && above
                .iter()
                .all(|directory| !self.files.contains(directory))
            && self.files.insert(key.to_owned());
        if is_free {
            self.directories.extend(above);
        }
        is_free
    }
}

/// A path of few names, so that directories have several files, and hostile neighbours.
fn random_key(dice: &mut Dice) -> String {
    let mut names = Vec::new();
    for _ in 0..dice.below(4) {
        names.push(dice.pick(&["a", "a-b", "a b", "b", "ü"]).to_owned());
    }
    names.push(dice.below(60).to_string());
    names.join("/")
}
