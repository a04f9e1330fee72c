//! `cargo xtask test`: every test there is.
//!
//! The end-to-end tests over real servers and with the aws command line, those
//! that look at system calls, those that take minutes, and those that mount a
//! file system or make a device are ignored by a plain `cargo test`, which so
//! needs neither network nor strace nor root. Here they run, with programs of
//! PyPI installed under `target/`; without Python, PyPI, Ceph or strace this
//! task fails. Without root the skipped tests are named; CI is root.
//!
//! Servers that take long to install or to run are tried with `--all-servers`
//! only, and without it the modules that are skipped are printed.

use std::process::Command;

use anyhow::Result;

use crate::{
    step::{self, step},
    tally::Tally,
    tools,
};

/// What the tests that only root can run have in their names: they mount a
/// small file system, make a device, give a file away, or start the daemons of Slurm.
const AS_ROOT: [&str; 9] = [
    "faults_disk",
    "a_full_disk",
    "cluster_slurm",
    "devices_are_skipped",
    "a_mount_over_the_directory",
    "a_replaced_file_leaves_its_owner",
    "a_directory_of_another_user",
    "a_mark_of_another_user",
    "an_owner_that_cannot_be_kept",
];

/// Which servers the tests run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Servers {
    /// Those that CI has: in memory, SeaweedFS, Ceph and JuiceFS.
    Usual,
    /// Swift, Garage and moto too.
    All,
}

/// The modules of the tests over servers that not every change is tested with.
const UNUSUAL: [&str; 3] = ["::swift::", "::garage::", "::moto::"];

/// Runs all tests and returns how they ended.
pub(crate) fn run(servers: Servers) -> Result<Tally> {
    let peers = step(
        "SeaweedFS, JuiceFS, awscli, kubernetes-validate",
        tools::peers,
    )?;
    step("Ceph", tools::ceph)?;
    let unusual = match servers {
        Servers::Usual => None,
        Servers::All => {
            step("Swift", tools::swift)?;
            Some((step("moto", tools::moto)?, step("Garage", tools::garage)?))
        }
    };
    step("strace", tools::strace)?;
    // The end-to-end tests run the product's own binary.
    step("build", step::build_binaries)?;
    let offline = step("tests", || tallied(cargo_test(&["--no-fail-fast"])));
    // Both runs, whatever fails.
    let online = step("tests that need real servers, strace, root or time", || {
        // The same selection of packages as above, so nothing is built again.
        let mut tests = cargo_test(&["--test", "e2e", "--test", "it", "--", "--ignored"]);
        if !step::is_root()? {
            println!("skipped: the tests that only root can run, {AS_ROOT:?}");
            tests.args(AS_ROOT.iter().flat_map(|name| ["--skip", name]));
        }
        peers.name_in(&mut tests);
        if let Some((moto, garage)) = &unusual {
            tests.env("S3MIRROR_TEST_MOTO", moto);
            tests.env("S3MIRROR_TEST_GARAGE", garage);
        } else {
            println!("skipped: the servers of `cargo xtask test --all-servers`, {UNUSUAL:?}");
            tests.args(UNUSUAL.iter().flat_map(|name| ["--skip", name]));
        }
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
