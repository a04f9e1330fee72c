//! The commands that a job can have, and their options, as clap knows them.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command, Id};

use super::file::Entry;
use crate::options::definition;

/// The commands that read the file themselves.
const NO_JOBS: [&str; 4] = ["run", "jobs", "config", "help"];

/// `option`, which can be parsed alone.
pub(super) fn independent(option: Arg) -> Arg {
    let reset = Resettable::<Id>::Reset;
    option
        .required(false)
        .requires(reset.clone())
        .conflicts_with(reset)
}

/// Whether an option may be given several times.
pub(super) fn adds_up(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Append)
}

/// Whether it is more than a switch.
pub(super) fn takes_values(option: &Arg) -> bool {
    option.get_num_args().is_some_and(|n| n.takes_values())
}

/// The variable of an option.
pub(super) fn variable(option: &Arg) -> String {
    let name = option.get_env().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The commands that a job can have.
pub(super) fn commands() -> Vec<Command> {
    fn collect(command: &Command, found: &mut Vec<Command>) {
        let inner = command.get_subcommands();
        for command in inner.filter(|inner| !NO_JOBS.contains(&inner.get_name())) {
            if command.has_subcommands() {
                collect(command, found);
            } else {
                found.push(command.clone());
            }
        }
    }
    let (mut root, mut found) = (definition(), Vec::new());
    root.build();
    collect(&root, &mut found);
    found
}

/// `command` as it is typed: `mock backup`.
pub(super) fn typed(command: &Command) -> &str {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    name.strip_prefix("s3mirror ").unwrap_or(name)
}

pub(super) fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let options = command.get_arguments();
    options.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()))
}

pub(super) fn option<'c>(command: &'c Command, long: &str) -> Option<&'c Arg> {
    options(command).find(|arg| arg.get_long() == Some(long))
}

/// What `entry` sets: an option; two of them if it is `select`.
pub(super) fn options_of<'c>(command: &'c Command, entry: &Entry) -> Vec<&'c Arg> {
    let names: &[&str] = match entry.key.get_ref().as_str() {
        "select" => &["include", "exclude"],
        name => &[name],
    };
    names
        .iter()
        .filter_map(|name| option(command, name))
        .collect()
}
