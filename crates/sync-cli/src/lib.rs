//! The command line of s3mirror: options, confirmation, progress, report and
//! exit status. It decides nothing about an entry; that is `sync-core`.
//!
//! [`run`] takes its arguments and streams, so that tests and `main` share it.

mod allocator;
mod command;
mod config;
mod end_hooks;
mod exit;
mod habits;
mod hand_written;
mod hints;
mod logging;
mod metrics;
mod options;
mod output;
mod panics;
mod price;
mod progress;
mod replaced_file;
mod service;
mod settings;
mod signals;
#[cfg(test)]
mod tests;
mod usage;

use std::ffi::OsString;

pub use allocator::save_memory;
pub use exit::Exit;
pub use output::Console;

/// The definition of all commands and options, for man pages and completions.
#[doc(hidden)]
#[must_use]
pub fn definition() -> clap::Command {
    options::definition()
}

/// The command of `args`; for `run`, that of the job.
fn parse(args: impl IntoIterator<Item = OsString>) -> Result<options::Cli, usage::Message> {
    match usage::read(args)? {
        options::Cli {
            command: options::Command::Run(args),
        } => config::command_line(args),
        cli => Ok(cli),
    }
}

/// Runs one command to its end.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>, mut console: Console) -> Exit {
    s3mirror::machine::open_files::raise();
    s3mirror::machine::memory::save();
    panics::report_plainly();
    settings::write_as_options();
    match parse(args) {
        Ok(cli) => command::run(cli.command, &mut console),
        Err(message) => usage::show(&message, &mut console),
    }
}
