//! What must hold at each moment of a life, and at its end.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use s3_endpoint::{Action, Fault};
use serde_json::Value;

use super::{hidden::files_below, input::Input};
use crate::support::{Content, Dir, Memory, Node, World, assert_same};

/// Both places as they are, without the times of what was uploaded in this life.
#[derive(Debug)]
pub(super) struct Places {
    objects: BTreeMap<String, (Content, Option<DateTime<Utc>>)>,
    nodes: BTreeMap<String, Node>,
}

impl Places {
    pub(super) fn of(world: &World, dir: &Dir, began: DateTime<Utc>) -> Self {
        let objects = world.bucket.objects().into_iter().map(|(key, stored)| {
            // The server counts seconds.
            let is_old = stored.modified.timestamp() < began.timestamp();
            (key, (stored.content, is_old.then_some(stored.modified)))
        });
        let mut nodes = dir.snapshot();
        // The next run removes what killed ones have left.
        nodes.retain(|name, _| !is_temporary(name));
        Self {
            objects: objects.collect(),
            nodes,
        }
    }

    #[track_caller]
    pub(super) fn are(&self, expected: &Self) {
        assert_same(&self.objects, &expected.objects);
        assert_same(&self.nodes, &expected.nodes);
    }
}

/// Watches that nothing is deleted before all shards are done.
pub(super) struct Deletions {
    run: PathBuf,
    away: PathBuf,
    too_early: Arc<Mutex<Vec<String>>>,
}

impl Deletions {
    pub(super) fn of(run: &Path, away: &Path) -> Self {
        Self {
            run: run.to_owned(),
            away: away.to_owned(),
            too_early: Arc::default(),
        }
    }

    /// Looks at each request that deletes, as long as these faults are set up.
    pub(super) fn watch(&self, memory: &Memory) {
        for operation in ["DeleteObject", "DeleteObjects"] {
            let (run, away) = (self.run.clone(), self.away.clone());
            let too_early = Arc::clone(&self.too_early);
            let look = Action::run(move |_| {
                if let Some(shard) = not_done(&run, &away) {
                    let what = format!("{operation} though {shard} is not done");
                    too_early.lock().unwrap().push(what);
                }
            });
            memory.inject(Fault::on(operation).always().act(look));
        }
    }

    /// Expects that none came too early; of a restore, by what the directory has.
    pub(super) fn were_in_time(&self, input: &Input, dir: &Dir) {
        let too_early = self.too_early.lock().unwrap();
        assert!(too_early.is_empty(), "{too_early:?}");
        if input.direction.command == "backup" {
            return;
        }
        // In this order, so that those of a run that comes to its end meanwhile are none.
        let all = input.surplus().into_iter();
        let gone = all.filter(|key| dir.join(key).symlink_metadata().is_err());
        let gone: Vec<_> = gone.collect();
        if let Some(shard) = not_done(&self.run, &self.away) {
            assert!(gone.is_empty(), "{gone:?} though {shard} is not done");
        }
    }
}

/// The first shard that no attempt has done, also where nobody sees for now that it is done.
fn not_done(run: &Path, away: &Path) -> Option<String> {
    let shards = std::fs::read_dir(run.join("shard")).into_iter().flatten();
    let names: Vec<_> = shards.flatten().map(|shard| shard.file_name()).collect();
    if names.is_empty() {
        return Some("any shard".to_owned());
    }
    let names = names.into_iter().map(|name| name.into_string().unwrap());
    let mut open = names.filter(|name| {
        let is_seen = run.join(format!("shard/{name}/done")).exists();
        let is_hidden = away.join(format!("shard-{name}-done")).exists();
        // It may have been shown again between the two looks.
        !is_seen && !is_hidden && !run.join(format!("shard/{name}/done")).exists()
    });
    open.next().map(|name| format!("shard {name}"))
}

/// Expects that nothing is said to be done more than once.
pub(super) fn status_is_plausible(status: &Value) {
    let share = |value: &Value, name: &str| {
        let share = &value[name];
        let (done, all) = (share["done"].as_u64(), share["all"].as_u64());
        assert!(done <= all, "{name} of {status}");
    };
    for name in ["shards", "transfers", "bytes", "ranges"] {
        share(status, name);
    }
    for running in status["running"].as_array().into_iter().flatten() {
        share(running, "transfers");
        share(running, "bytes");
    }
    let entries = |name: &str| status[name]["entries"].as_u64();
    assert!(entries("deleted") <= entries("deletions"), "{status}");
}

/// Expects that nothing was left behind: no upload in parts but one of which the client never
/// heard, no temporary file, no mark and no state.
pub(super) fn nothing_is_left(memory: &Memory, world: &World, dir: &Dir) {
    let log = memory.log();
    let is_known = |id: &str| {
        let mut parts = log.iter().filter(|entry| entry.operation == "UploadPart");
        parts.any(|entry| entry.query.contains(id))
    };
    let open = memory.open_uploads(&world.bucket.name).into_iter();
    let left: Vec<_> = open.filter(|upload| is_known(&upload.upload_id)).collect();
    assert!(left.is_empty(), "open uploads: {left:?}");
    let mut left = files_below(dir.path());
    left.retain(|name| is_temporary(name));
    let mut state = files_below(&world.sandbox.path("home/.local/state"));
    state.retain(|name| !name.starts_with("s3mirror/backups/"));
    assert!(left.is_empty() && state.is_empty(), "{left:?} {state:?}");
}

fn is_temporary(name: &str) -> bool {
    let leaf = name.rsplit('/').next();
    leaf.is_some_and(|leaf| leaf.starts_with(".s3mirror-"))
}
