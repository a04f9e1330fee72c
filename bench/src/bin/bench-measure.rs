//! `bench-measure REPORT PROGRAM [ARGUMENT]…`: runs a program and writes to
//! REPORT what it cost, a `name value` a line.
//!
//! A process of its own for each run, because what the system reports of ended
//! children is their sum and, of memory, their largest; and a small one,
//! because a child's peak begins with the memory of the process it was started
//! from.

use std::{
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use s3mirror_bench::usage::{Usage, Who};

fn main() -> Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let (Some(report), Some(program)) = (words.next(), words.next()) else {
        bail!("usage: bench-measure REPORT PROGRAM [ARGUMENT]…");
    };
    let start = Instant::now();
    let status = Command::new(&program).args(words).status();
    let status = status.with_context(|| format!("cannot start {}", program.display()))?;
    let wall = start.elapsed().as_secs_f64();
    let Usage { user, system, peak } = Usage::of(Who::Children)?;
    let cost = format!("wall {wall:.3}\nuser {user:.3}\nsystem {system:.3}\npeak {peak}\n");
    std::fs::write(&report, cost).with_context(|| report.display().to_string())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
