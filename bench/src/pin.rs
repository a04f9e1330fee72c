//! Keeping a process to some cores, so that client and endpoint don't take each
//! other's time, and letting it end with the one that started it.

use anyhow::{Context, Result};

/// Keeps this process and all that it starts to `cores`: numbers with commas
/// between them, or `any`.
pub fn pin(cores: &str) -> Result<()> {
    if cores == "any" {
        return Ok(());
    }
    let numbers: Result<Vec<usize>, _> = cores.split(',').map(str::parse).collect();
    pin_to(&numbers.with_context(|| format!("invalid cores '{cores}' (examples: 1; 0,1; any)"))?)
}

/// Lets this process be killed when the one that started it ends, so that
/// nothing goes on running beside the next measurement.
#[cfg(target_os = "linux")]
pub fn end_with_parent() -> Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .context("cannot ask to end with the parent")
}

/// Only Linux can do it.
#[cfg(not(target_os = "linux"))]
pub fn end_with_parent() -> Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn pin_to(numbers: &[usize]) -> Result<()> {
    use nix::{
        sched::{CpuSet, sched_setaffinity},
        unistd::Pid,
    };
    let mut cores = CpuSet::new();
    for &core in numbers {
        cores.set(core)?;
    }
    sched_setaffinity(Pid::from_raw(0), &cores)
        .with_context(|| format!("cannot keep to the cores {numbers:?}"))
}

#[cfg(not(target_os = "linux"))]
fn pin_to(_: &[usize]) -> Result<()> {
    anyhow::bail!("only Linux can keep a process to some cores")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_of_cores_is_refused() {
        assert!(pin("any").is_ok());
        for cores in ["", "one", "0,", "0-1", "99999"] {
            assert!(pin(cores).is_err(), "{cores}");
        }
    }
}
