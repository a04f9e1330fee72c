//! The identity of a directory, however it is reached: by links, by another
//! mount of the same directory, or by one above or below it.
//!
//! Two directories are one if they have the same device and inode, the same
//! place in the same file system, or the same real path. A directory that a
//! restore has yet to create is known by the nearest one above it that exists.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A directory and the directories above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// The real path; the segments that do not exist yet are at its end as they
    /// were given.
    #[serde(with = "path_text")]
    path: PathBuf,
    /// How many segments of it do not exist yet.
    missing: usize,
    /// Device and inode, from the deepest directory that exists upwards.
    chain: Vec<(u64, u64)>,
    /// The file system and the place in it, where the system reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mount: Option<MountPlace>,
}

/// A place in a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MountPlace {
    /// Its device, `major:minor`.
    device: String,
    #[serde(with = "path_text")]
    path: PathBuf,
}

/// Where one directory is to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// They are one.
    Same,
    /// The other one is above.
    Above,
    /// The other one is below.
    Below,
}

impl Tree {
    /// The directory `dir` as it is now.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
        Self::with_mounts(dir, &mounts)
    }

    fn with_mounts(dir: &Path, mounts: &[u8]) -> Self {
        let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let found = absolute.ancestors().find_map(|above| {
            let real = above.canonicalize().ok()?;
            let rest = absolute.strip_prefix(above).ok()?;
            Some((real, rest))
        });
        let (there, rest) = found.unwrap_or((PathBuf::from("/"), Path::new("")));
        let chain = there.ancestors().filter_map(|path| {
            let meta = fs::metadata(path).ok()?;
            Some((meta.dev(), meta.ino()))
        });
        let mount = mount_place(&there, mounts).map(|mut place| {
            place.path.extend(rest);
            place
        });
        let missing = rest.components().count();
        let path = if missing == 0 {
            there.clone()
        } else {
            there.join(rest)
        };
        Self {
            path,
            missing,
            chain: chain.collect(),
            mount,
        }
    }

    /// The real path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where `other` is to this directory, if one holds the other.
    #[must_use]
    pub fn relation(&self, other: &Self) -> Option<Relation> {
        match (self.holds(other), other.holds(self)) {
            (true, true) => Some(Relation::Same),
            (true, false) => Some(Relation::Below),
            (false, true) => Some(Relation::Above),
            (false, false) => None,
        }
    }

    /// Whether `other` is this directory or below it.
    fn holds(&self, other: &Self) -> bool {
        let by_mount = match (&self.mount, &other.mount) {
            (Some(one), Some(other)) => {
                one.device == other.device && other.path.starts_with(&one.path)
            }
            _ => false,
        };
        by_mount || other.path.starts_with(&self.path) || self.holds_by_chain(other)
    }

    fn holds_by_chain(&self, other: &Self) -> bool {
        let Some(anchor) = self.chain.first() else {
            return false;
        };
        let tail_of = |path: &Path, count: usize| -> Vec<OsString> {
            let all: Vec<_> = path
                .components()
                .map(|it| it.as_os_str().to_owned())
                .collect();
            all[all.len().saturating_sub(count)..].to_vec()
        };
        let mine = tail_of(&self.path, self.missing);
        let above = other.chain.iter().enumerate();
        above
            .filter(|(_, id)| *id == anchor)
            .any(|(depth, _)| tail_of(&other.path, depth + other.missing).starts_with(&mine))
    }
}

/// The place of the real path `path` by the table of mounts.
///
/// A line is `36 35 98:0 /root /mount/point options … - type source options`
/// (proc_pid_mountinfo(5)); of several at one point the last one counts.
fn mount_place(path: &Path, mounts: &[u8]) -> Option<MountPlace> {
    let mut best: Option<(usize, MountPlace)> = None;
    for line in mounts.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let (Some(device), Some(root), Some(point)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (root, point) = (unescape(root), unescape(point));
        let Ok(rest) = path.strip_prefix(&point) else {
            continue;
        };
        let depth = point.components().count();
        if best.as_ref().is_none_or(|(deepest, _)| depth >= *deepest) {
            let place = MountPlace {
                device: String::from_utf8_lossy(device).into_owned(),
                path: root.components().chain(rest.components()).collect(),
            };
            best = Some((depth, place));
        }
    }
    best.map(|(_, place)| place)
}

/// Spaces and the like are written as three octal digits.
fn unescape(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|digits| {
            byte == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit))
        });
        match digits {
            Some(digits) => {
                let value = digits
                    .iter()
                    .fold(0u32, |sum, d| sum * 8 + u32::from(d - b'0'));
                bytes.push((value & 0xff) as u8);
                rest = &after[3..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// What `path` is called below `above`, if it is there: as a part of keys.
pub(crate) fn keys_below(above: &Path, path: &Path) -> Option<String> {
    let rest = path.strip_prefix(above).ok()?;
    let mut keys = String::new();
    for part in rest.components() {
        let Component::Normal(name) = part else {
            return None;
        };
        keys.push_str(name.to_str()?);
        keys.push('/');
    }
    Some(keys)
}

/// A path as a text; one that is not UTF-8 as its bytes.
pub(crate) mod path_text {
    use super::{OsStrExt, OsString, OsStringExt, Path, PathBuf};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Text {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        let text = path.to_str().map_or_else(
            || Text::Bytes(path.as_os_str().as_bytes().to_vec()),
            |text| Text::Text(text.to_owned()),
        );
        text.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(match Text::deserialize(from)? {
            Text::Text(text) => text.into(),
            Text::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_is_the_same_by_a_link_and_holds_what_is_below_it() {
        let top = tempfile::tempdir().unwrap();
        let at = |name: &str| top.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::create_dir(at("ab")).unwrap();
        symlink(at("a"), at("link")).unwrap();
        let of = |name: &str| Tree::of(&at(name));
        assert_eq!(of("a").relation(&of("link")), Some(Relation::Same));
        assert_eq!(of("a").relation(&of("link/b")), Some(Relation::Below));
        assert_eq!(of("a/b").relation(&of("link")), Some(Relation::Above));
        assert_eq!(
            of("a").relation(&of("ab")),
            None,
            "a part of a name is none"
        );
        // What is not there yet.
        assert_eq!(of("a/new").relation(&of("link/new")), Some(Relation::Same));
        assert_eq!(
            of("a/new/x").relation(&of("link/new")),
            Some(Relation::Above)
        );
        assert_eq!(of("a/new").relation(&of("a/newer")), None);
        assert_eq!(of("a").relation(&of("link/new/x")), Some(Relation::Below));
    }

    /// Each of the three ways is enough where the others give no answer.
    #[test]
    fn a_directory_is_the_same_by_its_real_path_or_by_its_number_alone() {
        let top = tempfile::tempdir().unwrap();
        let at = |name: &str| top.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        symlink(at("a"), at("link")).unwrap();
        let by_path = |name: &str| Tree {
            chain: Vec::new(),
            mount: None,
            ..Tree::of(&at(name))
        };
        let (a, b) = (by_path("a"), by_path("link/b"));
        assert_eq!(a.relation(&by_path("link")), Some(Relation::Same));
        assert_eq!(a.relation(&b), Some(Relation::Below));
        // As another space of mounts names it.
        let by_number = |name: &str, path: &str| Tree {
            path: path.into(),
            mount: None,
            ..Tree::of(&at(name))
        };
        let (a, b) = (by_number("a", "/x"), by_number("a/b", "/y/b"));
        assert_eq!(a.relation(&by_number("a", "/y")), Some(Relation::Same));
        assert_eq!(a.relation(&b), Some(Relation::Below));
        assert_eq!(b.relation(&a), Some(Relation::Above));
        assert_eq!(b.relation(&by_number("link", "/z")), Some(Relation::Above));
    }

    #[test]
    fn another_mount_of_a_directory_is_found_by_its_place_in_the_file_system() {
        let mounts = b"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            36 21 8:1 /srv/d /mnt/x\\040y rw - ext4 /dev/sda1 rw\n";
        let place = |path: &str| mount_place(Path::new(path), mounts).unwrap();
        assert_eq!(place("/mnt/x y/sub"), place("/srv/d/sub"));
        assert_eq!(place("/mnt/x").path, Path::new("/mnt/x"));
        let tree = |path: &str| Tree {
            path: path.into(),
            missing: 0,
            chain: Vec::new(),
            mount: Some(place(path)),
        };
        let (above, bound) = (tree("/srv"), tree("/mnt/x y"));
        assert_eq!(above.relation(&bound), Some(Relation::Below));
        assert_eq!(tree("/srv/d").relation(&bound), Some(Relation::Same));
        assert_eq!(tree("/srv/e").relation(&bound), None);
    }

    #[test]
    fn a_tree_is_read_as_it_was_written_whatever_its_name() {
        let top = tempfile::tempdir().unwrap();
        let odd = OsString::from_vec(b"o\xffdd".to_vec());
        for name in [Path::new("plain"), Path::new(&odd)] {
            let tree = Tree::of(&top.path().join(name));
            let text = serde_json::to_string(&tree).unwrap();
            assert_eq!(serde_json::from_str::<Tree>(&text).unwrap(), tree);
        }
    }

    #[test]
    fn the_part_of_keys_is_the_path_below() {
        let keys = |above: &str, path: &str| keys_below(Path::new(above), Path::new(path));
        assert_eq!(keys("/a", "/a/b/c").as_deref(), Some("b/c/"));
        assert_eq!(keys("/a", "/a").as_deref(), Some(""));
        assert_eq!(keys("/a", "/ab"), None);
    }
}
