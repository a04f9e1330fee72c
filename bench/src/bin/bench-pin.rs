//! `bench-pin CORES PROGRAM [ARGUMENT]…`: becomes the program, kept to some
//! cores, and ended with the process that started it.
//!
//! Apart from `bench-measure`, because a tracer between the two must stay free
//! of the tool's core, or it would take the tool's time.

use std::process::Command;

use anyhow::{Context, Result, bail};
use s3mirror_bench::pin::{end_with_parent, pin};

fn main() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    let (Some(cores), Some(program)) = (words.next(), words.next()) else {
        bail!("usage: bench-pin CORES PROGRAM [ARGUMENT]…");
    };
    pin(&cores.to_string_lossy())?;
    end_with_parent()?;
    become_program(Command::new(&program).args(words))
        .with_context(|| format!("cannot start {}", program.display()))
}

#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    // It returns only if it fails.
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn become_program(_: &mut Command) -> Result<()> {
    bail!("the benchmark needs a Unix")
}
