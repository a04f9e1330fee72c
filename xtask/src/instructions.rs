//! `cargo xtask instructions`: what an entry costs the core, in instructions.
//!
//! A time differs from run to run and from machine to machine; a count of
//! instructions hardly does, so a bound on it can be part of CI. valgrind
//! counts. The bounds are in `xtask/instructions.txt`; a change that makes
//! the core faster lowers them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::step::{self, cargo};

const BOUNDS: &str = "xtask/instructions.txt";

const ENTRIES: u64 = 20_000;

/// What is counted: the name of a bound, and two runs of the example
/// `instructions` that differ by just that.
const COUNTED: [(&str, &str, &str, &str); 4] = [
    ("merge", "unchanged", "merge", "list"),
    ("plan-unchanged", "unchanged", "plan", "list"),
    ("plan-new", "new", "plan", "list"),
    ("read-plan", "new", "read", "plan"),
];

/// Counts, and fails where a bound is exceeded.
pub(crate) fn run() -> Result<()> {
    let program = build()?;
    let bounds = fs::read_to_string(BOUNDS).context(BOUNDS)?;
    let mut exceeded = Vec::new();
    for (name, case, step, before) in COUNTED {
        let more = count(&program, step, case)?;
        let less = count(&program, before, case)?;
        let each = more.saturating_sub(less) / ENTRIES;
        let bound = bound(&bounds, name)?;
        println!("{name:<16} {each:>6} instructions an entry, at most {bound}");
        if each > bound {
            exceeded.push(format!("{name}: {each} instructions an entry, not {bound}"));
        } else if each < bound / 2 {
            println!("{:<16} so the bound in {BOUNDS} can be lowered", "");
        }
    }
    if !exceeded.is_empty() {
        bail!("the core has become slower: {}", exceeded.join("; "));
    }
    Ok(())
}

/// In release, since that is what is shipped.
fn build() -> Result<PathBuf> {
    let arguments = ["build", "--release", "--package", "sync-core", "--example"];
    step::run(cargo(arguments).arg("instructions"))?;
    Ok(step::target()?.join("release/examples/instructions"))
}

/// The instructions of one run.
fn count(program: &Path, step: &str, case: &str) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=cachegrind", "--cache-sim=no"]);
    valgrind.arg("--cachegrind-out-file=/dev/null").arg(program);
    valgrind.args([step, case, &ENTRIES.to_string()]);
    let output = valgrind.stdin(Stdio::null()).output();
    let output =
        output.context("cannot start valgrind, which counts (Debian: apt-get install valgrind)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {said}");
    instructions(&said).with_context(|| format!("valgrind counted nothing: {said}"))
}

/// The count in `==1234== I   refs:      12,345,678`.
fn instructions(said: &str) -> Option<u64> {
    let count = said.lines().find_map(|line| {
        let (before, count) = line.split_once("refs:")?;
        before.contains(" I ").then_some(count)
    })?;
    count.trim().replace(',', "").parse().ok()
}

/// The bound of `name`, in lines of `name instructions`.
fn bound(bounds: &str, name: &str) -> Result<u64> {
    let lines = bounds.lines().filter(|line| !line.starts_with('#'));
    let mut pairs = lines.filter_map(|line| line.split_once(' '));
    let bound = pairs.find(|pair| pair.0 == name);
    let (_, bound) = bound.with_context(|| format!("{BOUNDS} has no bound for '{name}'"))?;
    bound
        .trim()
        .parse()
        .with_context(|| format!("the bound of '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_valgrind_counts_is_read() {
        let said = "==7== Cachegrind\n==7== I   refs:      1,234,567\n";
        assert_eq!(instructions(said), Some(1_234_567));
        let said = "==7== I refs:        99\n";
        assert_eq!(instructions(said), Some(99));
        assert_eq!(instructions("==7== D refs: 1"), None);
    }

    #[test]
    fn every_count_has_a_bound() -> Result<()> {
        let bounds = include_str!("../instructions.txt");
        for (name, ..) in COUNTED {
            bound(bounds, name)?;
        }
        assert!(bound(bounds, "nothing").is_err());
        Ok(())
    }
}
