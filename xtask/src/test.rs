//! `cargo xtask test`: every test there is.
//!
//! The end-to-end tests over SeaweedFS and with the aws command line are
//! ignored by a plain `cargo test`, which so needs no network. Here they run,
//! with both programs installed under `target/`; without Python or PyPI this
//! task fails, it never leaves them out.

use std::process::Command;

use anyhow::Result;

use crate::{
    step::{self, step},
    tally::Tally,
    tools,
};

/// Runs all tests and returns how they ended.
pub(crate) fn run() -> Result<Tally> {
    let peers = step("SeaweedFS and awscli", tools::peers)?;
    // The end-to-end tests run the product's own binary.
    step("build", step::build_binaries)?;
    let offline = step("tests", || tallied(cargo_test(&["--no-fail-fast"])));
    // Told in one run, whatever fails.
    let online = step("end-to-end tests over SeaweedFS", || {
        // The same selection of packages as above, so nothing is built again.
        let mut tests = cargo_test(&["--test", "e2e", "--", "--ignored"]);
        tests.env("S3MIRROR_TEST_WEED", &peers.weed);
        tests.env("S3MIRROR_TEST_AWS", &peers.aws);
        tallied(tests)
    });
    Ok(offline?.with_ignored_run(online?))
}

fn cargo_test(arguments: &[&str]) -> Command {
    let mut command = step::cargo(["test", "--workspace"]);
    command.args(arguments);
    command
}

fn tallied(mut tests: Command) -> Result<Tally> {
    let mut tally = Tally::default();
    step::run_seeing(&mut tests, |line| tally.see(line))?;
    Ok(tally)
}
