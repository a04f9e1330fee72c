//! The commands that a job can have, and their options, as clap knows them.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, ArgMatches, Command, Id};

use crate::options::definition;

/// These work by the file themselves.
const NO_JOBS: [&str; 4] = ["run", "jobs", "config", "help"];

/// A command and its options.
#[derive(Debug)]
pub(super) struct Definition {
    /// As it is typed: `mock backup`.
    pub(super) name: String,
    command: Command,
}

impl Definition {
    /// Every command that a job can have.
    pub(super) fn all() -> Vec<Self> {
        let mut root = definition();
        root.build();
        let mut found = Vec::new();
        collect(&root, "", &mut found);
        found
    }

    /// Whether it is one to be shown.
    pub(super) fn is_visible(&self) -> bool {
        !self.command.is_hide_set()
    }

    pub(super) fn options(&self) -> impl Iterator<Item = &Arg> {
        let options = self.command.get_arguments();
        options.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()))
    }

    pub(super) fn option(&self, long: &str) -> Option<&Arg> {
        self.options().find(|arg| arg.get_long() == Some(long))
    }

    /// It asks for nothing and lets everything stand beside everything: a part
    /// of a command line can be read by it.
    pub(super) fn lenient(&self) -> Command {
        self.command.clone().mut_args(|arg| {
            arg.required(false)
                .requires(Resettable::<Id>::Reset)
                .conflicts_with(Resettable::<Id>::Reset)
        })
    }

    /// The same, and it does not look into the environment.
    pub(super) fn alone(&self) -> Command {
        let reset = Resettable::<clap::builder::OsStr>::Reset;
        self.lenient().mut_args(|arg| arg.env(reset.clone()))
    }

    /// Whether `option` and the other one cannot stand beside each other.
    pub(super) fn are_exclusive(&self, option: &Arg, other: &Id) -> bool {
        let names = |one: &Arg, id: &Id| {
            let conflicts = self.command.get_arg_conflicts_with(one);
            conflicts.iter().any(|arg| arg.get_id() == id)
        };
        let mut back = self.options().filter(|arg| arg.get_id() == other);
        names(option, other) || back.any(|arg| names(arg, option.get_id()))
    }
}

fn collect(command: &Command, above: &str, found: &mut Vec<Definition>) {
    for inner in command.get_subcommands() {
        let name = format!("{above}{}", inner.get_name());
        if NO_JOBS.contains(&inner.get_name()) {
            continue;
        }
        if inner.has_subcommands() {
            collect(inner, &format!("{name} "), found);
        } else {
            let command = inner.clone();
            found.push(Definition { name, command });
        }
    }
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

/// The values that `option` was given.
pub(super) fn values(given: &ArgMatches, option: &Arg) -> Vec<String> {
    let values = given.get_raw(option.get_id().as_str());
    let values = values.into_iter().flatten();
    values.map(|v| v.to_string_lossy().into_owned()).collect()
}
