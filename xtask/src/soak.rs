//! `cargo xtask soak`: many random lives and many random kills, more than a
//! change must pass: 1,000 lives of the core's simulation, then backups and
//! restores that are killed at 200 random moments, then 200 runs of many processes
//! in bad weather.
//!
//! Everything follows from a start seed, which is printed. After 20 minutes the
//! programs that still run are killed, and the task fails.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    process::Command,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    step::{self, step},
    tally::Tally,
    tools,
};

/// How long all of it may take, building included.
const BOUND: Duration = Duration::from_secs(20 * 60);

/// How many lives are simulated.
const LIVES: u64 = 1000;

/// How many runs are killed.
const KILLS: u64 = 200;

/// How many runs of many processes are lived through: some two seconds each.
const CLUSTERS: u64 = 200;

/// Runs all from `seed`, or from a random one.
pub(crate) fn run(seed: Option<u64>) -> Result<()> {
    let start = Instant::now();
    let deadline = start + BOUND;
    // Short enough to be typed.
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000_000);
    println!("start seed {seed}; the same again: cargo xtask soak --seed {seed}");
    let lives = step("simulated lives", || {
        let mut tests = cargo_test("it", "sim::");
        tests.env("SIM_START", seed.to_string());
        tests.env("SIM_SEEDS", LIVES.to_string());
        bounded(deadline, || tallied(&mut tests))
    });
    // All are run, whatever fails.
    let kills = step("killed runs", || {
        let peers = tools::peers()?;
        step::build_binaries()?;
        let mut tests = cargo_test("e2e", "killed::");
        tests.env("KILL_SEED", seed.to_string());
        tests.env("KILL_SEEDS", KILLS.to_string());
        peers.name_in(&mut tests);
        bounded(deadline, || tallied(&mut tests))
    });
    let clusters = step("runs of many processes", || {
        step::build_binaries()?;
        let mut tests = cargo_test("e2e", "cluster_lives::");
        tests.env("CLUSTER_SEED", seed.to_string());
        tests.env("CLUSTER_SEEDS", CLUSTERS.to_string());
        bounded(deadline, || tallied(&mut tests))
    });
    println!(
        "\nfrom seed {seed}, {:.0} s:",
        start.elapsed().as_secs_f64()
    );
    for (count, name, tally) in [
        (LIVES, "lives", &lives),
        (KILLS, "kills", &kills),
        (CLUSTERS, "runs of many processes", &clusters),
    ] {
        match tally {
            Ok(tally) => println!("  {count} {name}: ok ({tally})"),
            Err(_) => println!("  {count} {name}: FAILED"),
        }
    }
    lives.and(kills).and(clusters).map(drop)
}

/// The tests of `target` that have `filter` in their names, with what they say.
fn cargo_test(target: &str, filter: &str) -> Command {
    step::cargo([
        "test",
        "--workspace",
        "--test",
        target,
        "--",
        filter,
        "--include-ignored",
        "--nocapture",
    ])
}

fn tallied(tests: &mut Command) -> Result<Tally> {
    let mut tally = Tally::default();
    step::run_seeing(tests, |line| tally.see(line))?;
    if tally.is_empty() {
        bail!("there is no such test");
    }
    Ok(tally)
}

/// Does `work`; at `deadline`, the programs that it runs are killed.
fn bounded<T>(deadline: Instant, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (done, ended) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        let left = deadline.saturating_duration_since(Instant::now());
        let is_late = ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout);
        if is_late && let Err(error) = end_descendants() {
            eprintln!("xtask: cannot kill a test that takes too long: {error:#}");
        }
        is_late
    });
    let result = work();
    drop(done);
    match watch.join() {
        // A shell whose last program was killed may yet say that all is well.
        Ok(true) => result
            .and_then(|_| bail!("its processes were killed"))
            .context("it was killed because it took too long"),
        _ => result,
    }
}

/// Kills all programs that this one has started, and those that they have.
fn end_descendants() -> Result<()> {
    let all = step::output(Command::new("ps").args(["-A", "-o", "pid=", "-o", "ppid="]))?;
    let own = descendants(&all, std::process::id());
    if own.is_empty() {
        return Ok(());
    }
    // Some may be gone by now, `ps` among them; that is not a failure.
    let pids = own.iter().map(u32::to_string);
    Command::new("kill").arg("-KILL").args(pids).output()?;
    Ok(())
}

/// Those below `root` in lines of a process and its parent.
fn descendants(processes: &str, root: u32) -> HashSet<u32> {
    let pairs: Vec<(u32, u32)> = processes
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect();
    let mut found = HashSet::new();
    loop {
        let before = found.len();
        for (pid, parent) in &pairs {
            if *parent == root || found.contains(parent) {
                found.insert(*pid);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_and_their_children_are_found_and_nobody_else() {
        let processes = "  9  8\n 1 0\n 7 1\n 8 7\n10 1\nnone of it\n 11 10\n";
        assert_eq!(descendants(processes, 7), HashSet::from([8, 9]));
        assert_eq!(descendants(processes, 11), HashSet::new());
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let start = Instant::now();
        let result = bounded(start + Duration::from_millis(200), || {
            step::run(Command::new("sh").args(["-c", "sleep 60; true"]))
        });
        let error = format!("{:#}", result.unwrap_err());
        assert!(error.contains("took too long"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn work_that_ends_in_time_is_left_alone() {
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(bounded(deadline, || Ok(7)).unwrap(), 7);
    }
}
