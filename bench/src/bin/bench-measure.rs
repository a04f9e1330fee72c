//! `bench-measure REPORT CORE PROGRAM [ARGUMENT]…`: runs a program on one core
//! and writes to REPORT what it cost, a `name value` a line.
//!
//! A process of its own for each run, because what the system reports of ended
//! children is their sum and, of memory, their largest; and a small one,
//! because a child's peak begins with the memory of the process it was started
//! from. CORE is a number, or `any`.

use std::{
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use s3mirror_bench::pin::pin;

fn main() -> Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let (Some(report), Some(core), Some(program)) = (words.next(), words.next(), words.next())
    else {
        bail!("usage: bench-measure REPORT CORE PROGRAM [ARGUMENT]…");
    };
    pin(&core.to_string_lossy())?;
    let start = Instant::now();
    let status = Command::new(&program).args(words).status();
    let status = status.with_context(|| format!("cannot start {}", program.display()))?;
    let wall = start.elapsed().as_secs_f64();
    let cost = format!("wall {wall:.3}\n{}", children()?);
    std::fs::write(&report, cost).with_context(|| report.display().to_string())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What all processes took that ended below this one.
#[cfg(unix)]
fn children() -> Result<String> {
    use nix::sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike as _,
    };
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.num_microseconds() as f64 / 1e6;
    // Linux counts in KiB, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    Ok(format!(
        "user {:.3}\nsystem {:.3}\npeak {}\n",
        seconds(usage.user_time()),
        seconds(usage.system_time()),
        usage.max_rss() * unit
    ))
}

#[cfg(not(unix))]
fn children() -> Result<String> {
    bail!("the benchmark needs a Unix")
}
