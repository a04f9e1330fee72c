//! Keeping a process to one core, so that client and endpoint don't take each
//! other's time.

use anyhow::{Context, Result};

/// Keeps this process and all that it starts to `core`: a number, or `any`.
pub fn pin(core: &str) -> Result<()> {
    if core == "any" {
        return Ok(());
    }
    pin_to(core.parse().context("a core is a number, or 'any'")?)
}

#[cfg(target_os = "linux")]
fn pin_to(core: usize) -> Result<()> {
    use nix::{
        sched::{CpuSet, sched_setaffinity},
        unistd::Pid,
    };
    let mut cores = CpuSet::new();
    cores.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &cores)
        .with_context(|| format!("cannot keep to core {core}"))
}

#[cfg(not(target_os = "linux"))]
fn pin_to(_: usize) -> Result<()> {
    anyhow::bail!("only Linux can keep a process to one core")
}
