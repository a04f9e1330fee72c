//! Which phases of a script are given which of the options behind `--`, by the definition of
//! their commands: what would end each job with wrong usage is refused before it is printed.
//! Variables of the machine that prints are left out, because jobs run elsewhere.

use std::ffi::OsString;

use clap::{Arg, Command, FromArgMatches};
use s3mirror::Direction;
use s3mirror::cluster::PhaseOptions;

use crate::options::{Cli, NOT_FOR_CLUSTER, definition_without_variables};
use crate::usage::{self, Message};

/// The options of each phase of a script that has the phases `names`, for a run in that
/// direction; a message if one of `words` cannot be given to any.
pub(super) fn of_phases(
    words: &[String],
    names: &[&str],
    direction: Direction,
) -> Result<PhaseOptions, String> {
    let definition = definition_without_variables();
    let mut options = PhaseOptions::default();
    let mut phases = Vec::new();
    for name in names {
        let cluster = definition.find_subcommand("cluster");
        let command = cluster.and_then(|cluster| cluster.find_subcommand(name));
        phases.extend(command.map(|command| (*name, command)));
    }
    let mut rest = words;
    while let [word, ..] = rest {
        let takers: Vec<_> = phases
            .iter()
            .filter_map(|(name, command)| Some((*name, option(command, word)?)))
            .collect();
        let Some((_, arg)) = takers.first() else {
            return Err(untaken(word, names));
        };
        refuse_own(arg, direction)?;
        let length = if has_value_behind(arg, word) { 2 } else { 1 };
        let (given, behind) = rest.split_at(length.min(rest.len()));
        for (name, _) in &takers {
            of_phase(&mut options, name).extend_from_slice(given);
        }
        rest = behind;
    }
    for name in names {
        parse(&definition, name, of_phase(&mut options, name))?;
    }
    Ok(options)
}

fn of_phase<'a>(options: &'a mut PhaseOptions, name: &str) -> &'a mut Vec<String> {
    match name {
        "plan" => &mut options.plan,
        "seal" => &mut options.seal,
        "apply" => &mut options.apply,
        _ => &mut options.finish,
    }
}

/// The option of `command` that `word` begins.
fn option<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let mut args = command.get_arguments();
    match word.strip_prefix("--") {
        Some(long) => {
            let name = long.split('=').next().unwrap_or_default();
            args.find(|arg| {
                let aliases = arg.get_all_aliases().unwrap_or_default();
                arg.get_long() == Some(name) || aliases.contains(&name)
            })
        }
        None => {
            let short = word.strip_prefix('-')?.chars().next()?;
            args.find(|arg| arg.get_short() == Some(short))
        }
    }
}

/// Whether the value of the option is the word after `word`.
fn has_value_behind(arg: &Arg, word: &str) -> bool {
    let attached = if word.starts_with("--") {
        word.contains('=')
    } else {
        word.chars().count() > 2
    };
    let least = arg.get_num_args().map_or(1, |range| range.min_values());
    arg.get_action().takes_values() && !attached && !arg.is_require_equals_set() && least > 0
}

/// Refuses what the script says by itself, what would undo it, and what no phase can do.
fn refuse_own(arg: &Arg, direction: Direction) -> Result<(), String> {
    let name = arg.get_long().unwrap_or_default();
    let why = match name {
        "shard" | "yes" | "quiet" | "retried" => "the script gives it by itself; omit it",
        "verbose" => "the script runs its tasks with --quiet; omit it",
        "max-delete" => "give it before '--', as an option of cluster script",
        "without-deletions" => {
            "it would end the run while shards work: run cluster finish with it by hand"
        }
        "trash" if direction == Direction::Restore => return Err(NOT_FOR_CLUSTER.to_owned()),
        _ => return Ok(()),
    };
    Err(format!("--{name} cannot be given after '--': {why}"))
}

fn untaken(word: &str, names: &[&str]) -> String {
    let names = names.join(", ");
    if !word.starts_with('-') {
        let word = sync_core::text::printable_text(word);
        return format!("'{word}' after '--' is neither an option nor the value of one: omit it");
    }
    // The value may be a secret.
    let name = word.split('=').next().unwrap_or_default();
    let name = sync_core::text::printable_text(name);
    format!(
        "no command of the script takes {name}; omit it (the commands are cluster {names}; \
         see their --help)"
    )
}

/// Checks the values, and what they say together, as the job will.
fn parse(definition: &Command, name: &str, options: &[String]) -> Result<(), String> {
    let own = match name {
        "plan" | "apply" => &["--shard", "auto", "--quiet"][..],
        _ => &["--yes", "--retried"],
    };
    let begin = ["s3mirror", "cluster", name, "RUN"];
    let begin = begin.iter().chain(own).map(OsString::from);
    let args: Vec<OsString> = begin.chain(options.iter().map(OsString::from)).collect();
    let matches = definition.clone().try_get_matches_from(&args);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = cli.map_err(|error| match usage::message(&error, &args) {
        Message::Wrong(line) | Message::Asked(line) | Message::Missing(line) => line,
    });
    let checked = cli.and_then(|cli| cli.command.check());
    checked.map_err(|why| format!("cluster {name} of the script: {why}"))
}
