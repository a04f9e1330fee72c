//! `cargo xtask scale`: a bucket of ten million keys that is planned in a hundred ranges, against
//! bounds: the memory of each process, the time of each range, and how often the bucket is listed.
//!
//! Answers come late, as they do where this is of use, so that each listing is read at several
//! places at once. The endpoint makes the keys up, and the directory is empty: no machine has ten million files to
//! spare. One shard is executed, for its memory; what transfers take, `cargo xtask bench` measures.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, ensure};

use super::{
    build,
    endpoint::Endpoint,
    tool::give_access,
    trial::{Trial, cost},
};
use crate::{dist::Profile, step};

const KEYS: u64 = 10_000_000;
const RANGES: u64 = 100;

/// Files of a directory: directories that begin with a page would each take one page more.
const IN_DIRECTORY: u64 = 700;

/// How late answers come, in milliseconds.
const LATENCY: u64 = 30;

const IN_ORDER: [&str; 2] = ["--lists-in-order", "always"];

/// Most memory of a process, in bytes.
const MOST_MEMORY: u64 = 48 << 20;

/// By how much the last ranges may cost more than the first ones.
const MOST_GROWTH: f64 = 1.25;

/// Ranges that are planned at a time.
const AT_A_TIME: u64 = 4;

/// Processes of one run against one endpoint.
struct Scene {
    home: PathBuf,
    endpoint: Endpoint,
    profile: Profile,
}

/// Measures it, and fails if a bound is exceeded; that of the memory is one of the released
/// program, and of all phases but the transfers.
pub(crate) fn run(profile: Profile) -> Result<()> {
    match profile {
        Profile::Release => build()?,
        Profile::Dev => step::build_binaries()?,
    }
    let home = step::target()?.join("scale");
    println!("\n{KEYS} keys, {RANGES} ranges; seconds are processor seconds\n");
    println!("{:<12} {:>9} {:>9}", "process", "seconds", "MiB");
    let scene = Scene::new(&home, profile)?;
    scene.split()?;
    let split = scene.endpoint.stop()?.count("LIST");
    let scene = Scene::new(&home, profile)?;
    let (planned, others) = scene.all_phases()?;
    let lists = scene.endpoint.stop()?.count("LIST") - split;
    let scene = Scene::new(&home, profile)?;
    let mock = ["mock", "restore", "--dir", "dir", "--bucket", "bench"];
    let mock = [&mock[..], &IN_ORDER].concat();
    let others = [others, vec![scene.process("mock", &mock, 0)?]].concat();
    let one = scene.endpoint.stop()?.count("LIST");
    fs::remove_dir_all(&home)?;

    let peaks = planned.iter().chain(&others).map(|trial| trial.peak);
    let peak = peaks.max().unwrap_or_default();
    let growth = growth(&planned.iter().map(Trial::cpu).collect::<Vec<_>>());
    println!("\nmost memory of a process  {} MiB", mebibytes(peak));
    println!("last quarter of ranges    {growth:.2} times the first");
    println!("LISTs of the ranges       {lists}, of one run {one}, of split {split}");
    ensure!(
        peak <= MOST_MEMORY || profile == Profile::Dev,
        "a process took more than 48 MiB"
    );
    ensure!(growth <= MOST_GROWTH, "later ranges take longer");
    ensure!(
        lists <= one + 2 * RANGES,
        "more than two LISTs a range more than one run"
    );
    Ok(())
}

impl Scene {
    fn new(home: &Path, profile: Profile) -> Result<Self> {
        if home.exists() {
            fs::remove_dir_all(home)?;
        }
        fs::create_dir_all(home.join("dir"))?;
        let mut command = Command::new(binary(profile, "bench-endpoint")?);
        command.args(["--seed", &format!("{KEYS}x3@{IN_DIRECTORY}")]);
        command.args(["--latency", &LATENCY.to_string()]);
        Ok(Self {
            home: home.canonicalize()?,
            endpoint: Endpoint::spawn(command, None)?,
            profile,
        })
    }

    fn split(&self) -> Result<Trial> {
        let number = RANGES.to_string();
        let split = [
            "cluster", "split", "restore", "--dir", "dir", "--bucket", "bench", "--run", "run",
        ];
        let split = [&split[..], &["-n", &number], &IN_ORDER].concat();
        self.process("split", &split, 0)
    }

    /// All that a run has but most of its transfers: what each range cost, and the other phases.
    fn all_phases(&self) -> Result<(Vec<Trial>, Vec<Trial>)> {
        let mut others = vec![self.split()?];
        let mut planned = Vec::new();
        for first in (0..RANGES).step_by(AT_A_TIME as usize) {
            let ranges = first..RANGES.min(first + AT_A_TIME);
            let plans = thread::scope(|scope| {
                let plan = |range| scope.spawn(move || self.plan(range));
                let running: Vec<_> = ranges.map(plan).collect();
                let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
                ended.collect::<thread::Result<Vec<_>>>()
            });
            let plans = plans.ok().context("a thread panicked")?;
            planned.extend(plans.into_iter().collect::<Result<Vec<_>>>()?);
        }
        others.push(self.process("seal", &["cluster", "seal", "run", "--yes"], 0)?);
        // What transfers hold in memory follows what is in flight, not how many keys there are:
        // it is shown, and has no bound here.
        self.process("apply 0", &["cluster", "apply", "run", "--shard", "0"], 0)?;
        others.push(self.process("status", &["cluster", "status", "run"], 0)?);
        // It names the shards that are missing.
        others.push(self.process("finish", &["cluster", "finish", "run", "--yes"], 3)?);
        Ok((planned, others))
    }

    fn plan(&self, range: u64) -> Result<Trial> {
        let number = range.to_string();
        let plan = ["cluster", "plan", "run", "--shard", &number];
        self.process(&format!("plan {range}"), &plan, 0)
    }

    /// Runs s3mirror, and prints what it took.
    fn process(&self, name: &str, words: &[&str], status: i32) -> Result<Trial> {
        let report = self.home.join(name);
        let mut command = Command::new(binary(self.profile, "bench-measure")?);
        command
            .arg(&report)
            .arg(binary(self.profile, "s3mirror")?)
            .args(words);
        command.current_dir(&self.home).stdin(Stdio::null());
        give_access(&mut command, &self.endpoint, &self.home);
        command.env("S3MIRROR_ENDPOINT_URL", &self.endpoint.url);
        let output = command.output().context("cannot start bench-measure")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(status),
            "{name}: {}; {said}",
            output.status
        );
        let trial = cost(&fs::read_to_string(&report)?)?;
        println!(
            "{name:<12} {:>9.2} {:>9}",
            trial.cpu(),
            mebibytes(trial.peak)
        );
        Ok(trial)
    }
}

fn binary(profile: Profile, name: &str) -> Result<PathBuf> {
    match profile {
        Profile::Release => step::release_binary(name),
        Profile::Dev => step::binary(name),
    }
}

/// What the last quarter cost, as a multiple of the first.
fn growth(costs: &[f64]) -> f64 {
    let quarter = costs.len().div_ceil(4);
    let first: f64 = costs.iter().take(quarter).sum();
    let last: f64 = costs.iter().rev().take(quarter).sum();
    last / first
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_compares_the_last_quarter_with_the_first() {
        assert!((growth(&[1.0, 1.0, 5.0, 9.0, 1.0, 1.0, 1.5, 1.5]) - 1.5).abs() < 1e-9);
        assert_eq!(mebibytes((48 << 20) + 1), 49);
    }
}
