//! `cargo xtask bench`: s3mirror, its peers and the floors on the same work,
//! in turn, each a whole process on a core of its own.
//!
//! What runs beside the tools is in the package `s3mirror-bench`: the data, the
//! endpoint, the floors and the small program that measures. Here it is put
//! together: which tools ([`peers`], [`tool`]), which works ([`work`]), one run
//! ([`trial`]), and what is made of the figures ([`summary`], [`table`],
//! [`json`], [`chart`]). Everything happens under `target/bench`; only what a
//! tool writes when memory, not a disk, is to be measured is on `/dev/shm`.

mod chart;
mod data;
mod endpoint;
mod json;
mod machine;
mod options;
mod peers;
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
use options::Options;
use summary::Summary;
use tool::Tool;
use trial::{Bench, Trial};
use work::Work;

pub(crate) use options::USAGE;

/// Runs the works that `arguments` ask for.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let works = work::chosen(&options)?;
    if options.list {
        for work in works {
            println!("{:<22} {}", work.name, work.title);
        }
        return Ok(());
    }
    let home = step::target()?.join("bench");
    fs::create_dir_all(&home)?;
    step("build", build)?;
    let tools = step("peers", || peers::installed(&home, &options))?;
    let bench = Bench::new(&home, options.verbose)?;
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

/// All tools in turn, and all of that again, so that what else the machine does
/// meanwhile falls on all of them.
fn measure(bench: &Bench, work: &Work, tools: &[Tool], options: &Options) -> Result<Summary> {
    let mut summary = Summary::new(work);
    let tools: Vec<&Tool> = tools
        .iter()
        .filter(|tool| tool.takes(work) && options.wants(tool.name))
        .collect();
    for round in 0..options.rounds {
        for &tool in &tools {
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
