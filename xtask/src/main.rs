//! The development tasks of this repository: `cargo xtask TASK`.
//!
//! Plain programs in Rust instead of scripts, so that a fresh clone and a
//! toolchain are enough. None of it is needed to use s3mirror. Each task has a
//! file of its name; what they share is in `step` (running programs) and
//! `tools` (installing programs under `target/`).

mod step;
mod tools;

mod bench;
mod ci;
mod circles;
mod demo;
mod dist;
mod instructions;
mod makespan;
mod soak;
mod test;

mod endpoint;
mod sources;
mod tally;
mod tree;

use std::process::ExitCode;

use anyhow::{Result, bail};

use test::Servers;

const USAGE: &str = "\
usage: cargo xtask TASK

  demo [DIR]   back DIR up to an S3 server in memory, restore it elsewhere and
               compare (DIR: this repository's own sources)
  test [--all-servers]
               all tests, those over SeaweedFS, Ceph and JuiceFS included; with
               --all-servers over Swift, Garage and moto too
  soak [--seed N]
               1,000 simulated lives, 200 killed runs and 200 runs of many processes,
               from a random seed or from N; 20 minutes at most
  dist [--dev] the files of a release, in target/dist: binary, man pages, completions,
               archive, .deb, .rpm, wheel, OCI image, SBOM and checksums, each
               installed and used; with --dev from an unoptimised build
  circles      whether the imports between the files of a crate form a circle
  makespan     how long many machines take, by simulation: key ranges, and cut by cost
  scale [--dev]
               ten million keys in a hundred ranges: the memory of each process of a
               cluster run, the time of each range, and the LISTs; with --dev by an
               unoptimised build, without a bound of the memory
  instructions what an entry costs the core, against the bounds kept here
  ci           everything that a change must pass: formatting, lints, docs,
               licences, the core's purity, circles of imports, the tests, the demo, the
               distribution and the instructions";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    // Paths in the tasks are relative to the top of the repository, except
    // for what the user names.
    let called_from = std::env::current_dir()?;
    std::env::set_current_dir(step::root()?)?;
    match arguments {
        ["circles"] => circles::none(),
        ["demo"] => demo::run(None),
        ["demo", dir] if !dir.starts_with('-') => demo::run(Some(&called_from.join(dir))),
        ["test"] => test::run(Servers::Usual).map(|tally| println!("\n{tally}")),
        ["test", "--all-servers"] => test::run(Servers::All).map(|tally| println!("\n{tally}")),
        ["soak"] => soak::run(None),
        ["soak", "--seed", seed] => match seed.parse() {
            Ok(seed) => soak::run(Some(seed)),
            Err(_) => bail!("invalid seed '{seed}': it must be a number"),
        },
        ["dist"] => dist::run(dist::Profile::Release),
        ["dist", "--dev"] => dist::run(dist::Profile::Dev),
        ["ci"] => ci::run(),
        ["makespan"] => makespan::run(),
        ["scale"] => bench::scale::run(dist::Profile::Release),
        ["scale", "--dev"] => bench::scale::run(dist::Profile::Dev),
        ["instructions"] => instructions::run(),
        ["bench", arguments @ ..] => bench::run(arguments),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}\n{}", bench::USAGE);
            Ok(())
        }
        other => bail!("no such task: '{}'\n{USAGE}", other.join(" ")),
    }
}
