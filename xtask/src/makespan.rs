//! `cargo xtask makespan`: how long many machines take, by simulation.

use std::process::Command;

use anyhow::Result;

use crate::step;

/// Builds the example of that name and runs it; it fails if a division by cost takes too long.
pub(crate) fn run() -> Result<()> {
    // The same selection of packages as for the tests, so that nothing is built again.
    step::run(&mut step::cargo([
        "build",
        "--workspace",
        "--example",
        "makespan",
    ]))?;
    let example = step::target()?.join("debug/examples/makespan");
    step::run(&mut Command::new(example))
}
