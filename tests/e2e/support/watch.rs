//! A `watch` that runs, and how it is waited for.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Dir, Outcome, World, assert_same,
    run::{Run, Running},
    wait::poll,
};

/// Within which time a signal ends it.
const PROMISED: Duration = Duration::from_secs(5);

/// Far beyond what a cycle takes here.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

pub(crate) fn watch(world: &World, dir: &Dir) -> Run {
    let run = world.command(&["watch", "--yes", "--json"], dir);
    run.args(["--settle", "1s", "--longest-delay", "3s"])
        .within(Duration::from_secs(600))
}

/// Waits until the bucket equals the directory.
#[track_caller]
pub(crate) fn settled(world: &World, dir: &Dir) {
    let is_so = || (world.bucket.contents() == dir.contents()).then_some(());
    if poll(LIMIT, is_so).is_none() {
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

#[track_caller]
pub(crate) fn stop(running: Running) -> Outcome {
    let since = Instant::now();
    running.signal("TERM");
    let outcome = running.end().is(143);
    let took = since.elapsed();
    assert!(took < PROMISED, "took {took:?}: {outcome}");
    outcome
}

/// Whether a program that runs has said so by now.
pub(crate) fn has_said(world: &World, words: &str) -> bool {
    outputs(world).any(|text| text.contains(words))
}

/// The lines of the cycles that a program that runs has told by now.
pub(crate) fn cycles_so_far(world: &World) -> Vec<Value> {
    let texts: Vec<_> = outputs(world).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let whole = lines.filter_map(|line| serde_json::from_str(line).ok());
    whole.filter(is_cycle).collect()
}

/// What the programs of a sandbox have written by now.
fn outputs(world: &World) -> impl Iterator<Item = String> {
    let files = world.sandbox.path("home").read_dir().unwrap().flatten();
    files.filter_map(|file| fs::read_to_string(file.path()).ok())
}

/// The lines of the cycles.
pub(crate) fn cycles(outcome: &Outcome) -> Vec<Value> {
    outcome.json().into_iter().filter(is_cycle).collect()
}

fn is_cycle(line: &Value) -> bool {
    line["event"] == "cycle"
}
