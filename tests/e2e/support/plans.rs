//! Saving, editing and applying plans.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Dir, Server, World, run::Run};

/// They differ in every way the rule knows, in a subdirectory too.
pub(crate) fn with_a_subdirectory(server: &dyn Server) -> (World<'_>, Dir) {
    World::with(
        server,
        &[
            ("gone", "1"),
            ("same", "22"),
            ("sub/size", "333"),
            ("sub/theirs", "4444"),
        ],
        &[("same", "22"), ("sub/size", "333 and more"), ("new", "5")],
    )
}

/// `s3mirror mock COMMAND`.
pub(crate) fn mock(world: &World, command: &str, dir: &Dir) -> Run {
    world.command(&["mock", command], dir)
}

/// Runs `s3mirror COMMAND… --plan-out`; where the plan is.
#[track_caller]
pub(crate) fn save(world: &World, command: &[&str], dir: &Dir) -> PathBuf {
    let file = world.sandbox.path("plan");
    let run = world.command(command, dir).arg("--plan-out");
    run.arg(&file).done();
    file
}

/// `s3mirror apply PLAN`, without a question.
pub(crate) fn apply(world: &World, plan: &Path) -> Run {
    world.s3mirror().arg("apply").arg(plan).arg("--yes")
}

/// The lines of a saved plan, which a test changes as a person would.
pub(crate) struct PlanText;

impl PlanText {
    /// All of them, as any program that decompresses zstd shows them.
    pub(crate) fn read(file: &Path) -> String {
        let bytes = fs::read(file).unwrap();
        let text = zstd::decode_all(&*bytes).unwrap_or(bytes);
        String::from_utf8(text).unwrap()
    }

    pub(crate) fn lines(file: &Path) -> Vec<String> {
        Self::read(file).lines().map(str::to_owned).collect()
    }

    pub(crate) fn write(file: &Path, lines: &[String]) {
        fs::write(file, lines.join("\n") + "\n").unwrap();
    }

    pub(crate) fn edit_header(file: &Path, edit: impl FnOnce(&mut Value)) {
        let mut lines = Self::lines(file);
        let mut header = serde_json::from_str(&lines[0]).unwrap();
        edit(&mut header);
        lines[0] = header.to_string();
        Self::write(file, &lines);
    }
}
