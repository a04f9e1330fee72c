//! `cargo xtask bench`: s3mirror, its peers and the floors on the same work,
//! in turn, each a whole process on a core of its own.
//!
//! What runs beside the tools is in the package `s3mirror-bench`: the data, the
//! endpoint, the floors and the small program that measures. Here it is put
//! together: which tools ([`peers`], [`tool`]), which works ([`work`]) and whether
//! they can be run here ([`needs`]), one run ([`trial`]) and whether it counts
//! ([`check`]), and what is made of the figures ([`summary`], [`table`],
//! [`json`], [`chart`]). Everything happens under `target/bench`; only what a
//! tool writes when memory, not a disk, is to be measured is on `/dev/shm`.

mod chart;
mod check;
mod data;
mod endpoint;
mod json;
mod machine;
mod needs;
mod options;
mod peers;
pub(crate) mod scale;
mod summary;
mod table;
mod tool;
mod trial;
mod work;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::step::{self, cargo, step};
use needs::Abilities;
use options::Options;
use summary::Summary;
use tool::{Role, Tool, role};
use trial::{Bench, Trial};
use work::{Entrants, Work};

pub(crate) use options::USAGE;

/// Runs the works that `arguments` ask for.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let works = work::chosen(&options)?;
    if options.list {
        for work in works {
            println!("{}", work.described());
        }
        return Ok(());
    }
    let home = step::target()?.join("bench");
    fs::create_dir_all(&home)?;
    step("build", build)?;
    let tools = step("peers", || peers::installed(&home, &options))?;
    let bench = Bench::new(&home, options.verbose)?;
    let works = runnable(works, &bench)?;
    for work in &works {
        step(&format!("data of {}", work.name), || bench.prepare(work))?;
    }
    let mut summaries = Vec::new();
    for work in &works {
        let summary = step(work.name, || measure(&bench, work, &tools, &options))?;
        println!("\n{}", table::of_work(&summary));
        summaries.push(summary);
        // After each work, so that an interruption loses only the rest.
        keep(&home, &summaries, &options)?;
    }
    let all = table::of_all(&summaries);
    println!("\n{}\n\n{all}", machine::described()?);
    if options.json {
        println!("{}", json::of(&summaries)?);
    }
    if options.publish {
        publish(&summaries)?;
    }
    Ok(())
}

/// s3mirror as it is installed, and what runs beside it. Nothing else: each
/// binary is linked with all of its crates optimized again.
fn build() -> Result<()> {
    let packages = ["-p", "sync-cli", "-p", "s3mirror-bench"];
    step::run(cargo(["build", "--release", "--bins"]).args(packages))
}

/// The works that can be run here; the others are named.
fn runnable(works: Vec<Work>, bench: &Bench) -> Result<Vec<Work>> {
    let abilities = Abilities::look(&bench.cores, &step::release_binary("s3mirror")?)?;
    let can_run = |work: &Work| match abilities.lack_for(work) {
        None => true,
        Some(lack) => {
            println!("SKIPPED: {}: {lack}", work.name);
            false
        }
    };
    Ok(works.into_iter().filter(can_run).collect())
}

/// All tools in turn, and all of that again, so that what else the machine does
/// meanwhile falls on all of them.
fn measure(bench: &Bench, work: &Work, tools: &[Tool], options: &Options) -> Result<Summary> {
    let mut summary = Summary::new(work);
    let tools = entrants(work, tools, options);
    for round in 0..options.rounds {
        for tool in &tools {
            if round > 0 && summary.is_too_slow(tool.name) {
                continue;
            }
            let trial = bench.run(work, tool);
            report(tool, &trial);
            summary.add(tool.name, trial);
        }
    }
    Ok(summary)
}

/// The tools that are to do `work`, ours with its variations.
fn entrants(work: &Work, tools: &[Tool], options: &Options) -> Vec<Tool> {
    let mut entrants = Vec::new();
    for tool in tools {
        if work.entrants == Entrants::Everyone {
            match tool.declines(work) {
                Some(reason) if options.wants(tool.name) && role(tool.name) == Role::Peer => {
                    println!("SKIPPED: {}: {reason}", tool.name);
                }
                Some(_) => {}
                None => entrants.push(tool.clone()),
            }
        }
        if role(tool.name) == Role::Ours {
            entrants.extend(work.variations.iter().map(|one| tool.varied(one)));
        }
    }
    entrants.retain(|tool| options.wants(tool.name));
    entrants
}

fn report(tool: &Tool, trial: &Result<Trial>) {
    match trial {
        Ok(trial) => println!("{:<20} {}", tool.name, table::one_line(trial)),
        Err(error) => println!("{:<20} FAILED: {error:#}", tool.name),
    }
}

/// Writes what there is so far to `target/bench`.
fn keep(home: &Path, summaries: &[Summary], options: &Options) -> Result<()> {
    let name = options.name();
    write(&home.join(format!("{name}.json")), &json::of(summaries)?)?;
    let table = format!(
        "{}\n\n{}\n",
        machine::described()?,
        table::of_all(summaries)
    );
    write(&home.join(format!("{name}.md")), &table)
}

/// Draws the charts that the README shows.
fn publish(summaries: &[Summary]) -> Result<()> {
    let dir = PathBuf::from("docs/bench");
    fs::create_dir_all(&dir)?;
    for (name, svg) in chart::all(summaries) {
        let path = dir.join(name);
        write(&path, &svg)?;
        println!("wrote {}", path.display());
    }
    write(&dir.join("results.json"), &json::of(summaries)?)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use tool::Kind;

    use super::*;

    #[test]
    fn variations_run_beside_ours_or_against_each_other() -> Result<()> {
        let program = Path::new("program");
        let tools = [Kind::S3mirror, Kind::Rclone].map(|kind| Tool::new(kind, program));
        let names = |words: &[&str]| -> Result<Vec<&str>> {
            let options = Options::parse(words)?;
            let works = work::chosen(&options)?;
            let entrants = entrants(works.first().context("a work")?, &tools, &options);
            Ok(entrants.iter().map(|tool| tool.name).collect())
        };
        assert_eq!(
            names(&["--only", "up-large"])?,
            ["s3mirror", "s3mirror unsigned", "rclone"]
        );
        assert_eq!(
            names(&["--only", "down-large-cores"])?,
            ["s3mirror on 1 core", "s3mirror on 2 cores"]
        );
        assert_eq!(
            names(&["--only", "up-large", "--tools", "rclone"])?,
            ["rclone"]
        );
        Ok(())
    }
}
