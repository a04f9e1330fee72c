//! What is copied when a run is killed, and what is looked at afterwards: a
//! target in which there is something to write, to overwrite and to delete.

use std::{collections::BTreeMap, sync::OnceLock};

use crate::support::{Content, Dir, Memory, Node, World, content::mebibytes};

pub(super) type Contents = BTreeMap<String, Content>;

/// The source and the target.
pub(super) struct Scene<'m> {
    pub(super) memory: &'m Memory,
    pub(super) world: World<'m>,
    pub(super) dir: Dir,
}

const PARTS: [&str; 3] = ["film", "sub/film", "sub/below/new film"];

fn small() -> impl Iterator<Item = String> {
    (0..24).map(|number| match number % 4 {
        0 => format!("{number}"),
        1 => format!("sub/{number}"),
        2 => format!("sub/below/{number}"),
        _ => format!("new/{number}/deep/file"),
    })
}

/// Contents name their version, and are all different.
pub(super) fn version(key: &str, version: &str) -> Content {
    static FILMS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let films = FILMS.get_or_init(|| [mebibytes(7, 1), mebibytes(11, 2)]);
    let head = format!("{version} of {key}\n");
    let tail: &[u8] = match (PARTS.contains(&key), version) {
        (false, "old") => b"",
        (false, _) => b"and more than before",
        (true, "old") => &films[0],
        (true, _) => &films[1],
    };
    [head.as_bytes(), tail].concat().into()
}

/// What the source has.
pub(super) fn new() -> Contents {
    let keys = small().chain(PARTS.map(str::to_owned));
    keys.map(|key| (key.clone(), version(&key, "new")))
        .collect()
}

/// What the target has: nothing of what is called new, some that is to be
/// deleted, the rest in an old version.
pub(super) fn old() -> Contents {
    let gone = (0..4).flat_map(|number| [format!("gone {number}"), format!("sub/gone/{number}")]);
    let old = new().into_keys().filter(|key| !key.contains("new"));
    old.chain(gone)
        .map(|key| (key.clone(), version(&key, "old")))
        .collect()
}

impl Scene<'_> {
    pub(super) fn temporaries(&self) -> Vec<String> {
        let nodes = self.dir.snapshot().into_iter();
        let files = nodes.filter(|(_, node)| matches!(node, Node::File(_)));
        let names = files.map(|(name, _)| name);
        names.filter(|name| is_temporary(name)).collect()
    }

    /// What the product keeps for later runs because something is unfinished.
    pub(super) fn state(&self) -> Vec<String> {
        let state = self.world.dir("home/.local/state");
        let mut names: Vec<_> = state.files().into_keys().collect();
        names.retain(|name| !name.starts_with("s3mirror/backups/"));
        names
    }

    /// The identifiers of the open uploads.
    pub(super) fn uploads(&self) -> Vec<String> {
        let open = self.memory.open_uploads(&self.world.bucket.name);
        open.into_iter().map(|upload| upload.upload_id).collect()
    }

    /// Of the open uploads those that the server has begun though the client
    /// was killed before it knew: it has sent no part. The README says that
    /// they are for the bucket's own rules to remove.
    pub(super) fn unheard(&self) -> Vec<String> {
        let log = self.memory.log();
        let is_known = |id: &String| {
            let parts = log.iter().filter(|entry| entry.operation == "UploadPart");
            parts.into_iter().any(|entry| entry.query.contains(id))
        };
        let open = self.uploads().into_iter();
        open.filter(|id| !is_known(id)).collect()
    }
}

pub(super) fn is_temporary(name: &str) -> bool {
    let leaf = name.rsplit('/').next().unwrap_or_default();
    leaf.starts_with(".s3mirror-")
}

/// Every content is a whole one, of its own key, and in this order it went:
/// nothing is deleted before all is written.
#[track_caller]
pub(super) fn nothing_is_torn(left: &Contents) {
    let (old, new) = (old(), new());
    for (key, content) in left {
        let is_whole = [&old, &new].iter().any(|v| v.get(key) == Some(content));
        assert!(is_whole, "'{key}' is neither old nor new: {content:?}");
    }
    let all_written = new
        .iter()
        .all(|(key, content)| left.get(key) == Some(content));
    let lost: Vec<_> = old.keys().filter(|key| !left.contains_key(*key)).collect();
    let lost_too_early = !all_written && !lost.is_empty();
    assert!(
        !lost_too_early,
        "deleted though not all is written: {lost:?}"
    );
    assert!(lost.iter().all(|key| !new.contains_key(*key)), "{lost:?}");
}
