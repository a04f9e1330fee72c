//! The two forms of the help: `-h` fits a screen and has what most people need,
//! `--help` has everything, with examples.

use std::ffi::OsString;

use clap::builder::{OsStr, Resettable};
use clap::{Command, CommandFactory};

use super::Cli;

/// What `-h` shows of a command with many options.
const USUAL: [&str; 22] = [
    "help",
    "version",
    "dir",
    "bucket",
    "dry-run",
    "yes",
    "no-delete",
    "max-delete",
    "exclude",
    "include",
    "profile",
    "region",
    "endpoint-url",
    "format",
    "plan-out",
    "run",
    "shards",
    "shard",
    "check",
    "json",
    "quiet",
    "verbose",
];

/// A command with so many options shows all of them.
const FEW: usize = 14;

/// The definition of all commands and options.
pub(crate) fn definition() -> Command {
    without_empty_variables(shortened(Cli::command(), "s3mirror"))
}

/// A variable that is set to nothing counts as unset: templates leave those so
/// that have no value. clap would take it as a value.
fn without_empty_variables(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        let is_empty = |value: OsString| value.to_str().is_some_and(|text| text.trim().is_empty());
        if value.is_some_and(is_empty) {
            arg.env(Resettable::<OsStr>::Reset)
        } else {
            arg
        }
    });
    command.mut_subcommands(without_empty_variables)
}

/// The definition of all commands and options, without what the environment says of them.
pub(crate) fn definition_without_variables() -> Command {
    without_variables(definition())
}

fn without_variables(command: Command) -> Command {
    let command = command.mut_args(|arg| arg.env(Resettable::<OsStr>::Reset));
    command.mut_subcommands(without_variables)
}

/// `command`, known by its full `name`, and those below it.
fn shortened(command: Command, name: &str) -> Command {
    let options = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let many = options.count() > FEW;
    let command = command.mut_args(|arg| {
        let usual = arg.get_long().is_none_or(|long| USUAL.contains(&long));
        let hidden = arg.is_hide_short_help_set() || (many && !usual);
        arg.hide_short_help(hidden)
    });
    let inner: Vec<String> = command
        .get_subcommands()
        .map(|inner| inner.get_name().to_owned())
        .collect();
    let mut command = if many {
        command.after_help(format!("{name} --help shows all options, and examples."))
    } else if command.get_after_long_help().is_some() && command.get_after_help().is_none() {
        command.after_help(format!("{name} --help shows examples."))
    } else {
        command
    };
    for inner in inner {
        let name = format!("{name} {inner}");
        command = command.mut_subcommand(inner, |inner| shortened(inner, &name));
    }
    command
}
