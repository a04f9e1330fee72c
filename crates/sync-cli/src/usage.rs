//! Parses the command line. An error becomes one line.

use std::env;
use std::ffi::{OsStr, OsString};

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use sync_core::text::printable_text;
use sync_s3::without_secrets;

use crate::options::{Cli, definition};
use crate::{Console, Exit, habits};

/// What is shown instead of running a command.
pub(crate) enum Message {
    /// Help or version, as it was asked for.
    Asked(String),
    /// The help, because no command was given.
    Missing(String),
    /// What is wrong, in one line.
    Wrong(String),
}

/// The command that `args` ask for. No configuration file is read.
pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Message> {
    let mut definition = definition();
    let args = habits::with_named_places(args.into_iter().collect());
    let matches = definition.try_get_matches_from_mut(&args);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = cli.map_err(|error| {
        let mut error = with_shown_commands(error.format(&mut definition), &definition);
        if is_habit(&error) && habits::advice(&args).is_some() {
            // One piece of advice is enough, and this one is only similar.
            error.remove(ContextKind::SuggestedSubcommand);
        }
        message(&error, &args)
    })?;
    cli.command.check().map_err(Message::Wrong)?;
    Ok(cli)
}

/// `error` without suggestions of commands that no help shows.
fn with_shown_commands(mut error: clap::Error, definition: &clap::Command) -> clap::Error {
    let suggested = error.remove(ContextKind::SuggestedSubcommand);
    if let Some(ContextValue::Strings(mut names)) = suggested {
        let is_hidden = |name: &String| {
            let command = definition.find_subcommand(name);
            command.is_some_and(clap::Command::is_hide_set)
        };
        names.retain(|name| !is_hidden(name));
        if !names.is_empty() {
            error.insert(
                ContextKind::SuggestedSubcommand,
                ContextValue::Strings(names),
            );
        }
    }
    error
}

/// What clap reports about `args`.
pub(crate) fn message(error: &clap::Error, args: &[OsString]) -> Message {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Message::Asked(error.render().ansi().to_string())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Message::Missing(error.render().ansi().to_string())
        }
        _ => {
            let mut line = reason(&error.to_string(), args);
            line += &source(error, args);
            match is_habit(error).then(|| habits::advice(args)).flatten() {
                Some(advice) => Message::Wrong(format!("{line}; {advice}")),
                None => Message::Wrong(format!("{line} (see 's3mirror --help')")),
            }
        }
    }
}

/// Whether it may come from the habits of another tool.
fn is_habit(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnknownArgument
            | ErrorKind::InvalidSubcommand
            | ErrorKind::MissingRequiredArgument
    )
}

/// The variables that a wrong value, or a conflict, comes from, if from any.
fn source(error: &clap::Error, args: &[OsString]) -> String {
    if error.kind() == ErrorKind::InvalidUtf8 {
        let is_odd = |(name, value): &(OsString, OsString)| {
            name.to_string_lossy().starts_with("S3MIRROR_") && value.to_str().is_none()
        };
        let odd = env::vars_os().find(is_odd).map(|(name, _)| name);
        return odd.map_or(String::new(), |name| {
            format!(" ({})", name.to_string_lossy())
        });
    }
    if error.kind() == ErrorKind::ArgumentConflict {
        return [ContextKind::InvalidArg, ContextKind::PriorArg]
            .iter()
            .flat_map(|kind| named(error, *kind))
            .filter_map(|option| {
                let (long, variable) = variable(option, args)?;
                Some(format!("; {long} is set by {variable}"))
            })
            .collect();
    }
    let option = named(error, ContextKind::InvalidArg).first();
    let variable = option.and_then(|option| variable(option, args));
    variable.map_or(String::new(), |(_, variable)| format!(" (from {variable})"))
}

/// The options that `error` names, with the names of their values.
fn named(error: &clap::Error, kind: ContextKind) -> &[String] {
    match error.get(kind) {
        Some(ContextValue::String(option)) => std::slice::from_ref(option),
        Some(ContextValue::Strings(options)) => options,
        _ => &[],
    }
}

/// An option that `args` do not give but a variable does: its name, and that of the variable.
fn variable<'a>(option: &'a str, args: &[OsString]) -> Option<(&'a str, String)> {
    // As '--max-delete <N|P%>' or '--verbose...'.
    let long = option.split([' ', '=', '.']).next()?;
    let name = long.strip_prefix("--")?;
    let variable = format!("S3MIRROR_{}", name.replace('-', "_").to_uppercase());
    let is_given = args.iter().any(|word| {
        let word = word.to_string_lossy();
        // Short options may be joined, and are the first letters of the long ones.
        let is_short = word.starts_with('-') && !word.starts_with("--");
        word == long
            || word.starts_with(&format!("{long}="))
            || is_short && word.contains(name.chars().next().unwrap_or('-'))
    });
    let is_set = env::var_os(&variable).is_some_and(|value| !value.is_empty());
    (is_set && !is_given).then_some((long, variable))
}

pub(crate) fn show(message: &Message, console: &mut Console) -> Exit {
    match message {
        Message::Asked(text) => {
            console.data(|out| write!(out, "{text}"));
            match console.flush() {
                Ok(()) => Exit::Done,
                Err(_) => Exit::Failed,
            }
        }
        Message::Missing(text) => {
            console.note(text.trim_end());
            Exit::Usage
        }
        Message::Wrong(line) => {
            console.error(line);
            Exit::Usage
        }
    }
}

/// clap's message without its usage block, on one line. What it repeats of
/// `args` or of the environment is shown without secrets.
pub(crate) fn reason(message: &str, args: &[OsString]) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let message = redacted(message, args);
    let end = ["\n\nUsage:", "\n\nFor more information"]
        .iter()
        .filter_map(|rest| message.find(rest))
        .min();
    let message = &message[..end.unwrap_or(message.len())];
    let paragraphs = message.split("\n\n").map(|paragraph| {
        let lines = paragraph
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join(" ")
    });
    let line = paragraphs.collect::<Vec<_>>().join("; ");
    printable_text(&line)
}

/// `message` without the secrets of the URLs in `args` or in our variables, in
/// any option.
fn redacted(message: &str, args: &[OsString]) -> String {
    let ours = |name: &OsStr| name.to_string_lossy().starts_with("S3MIRROR_");
    let variables = env::vars_os().filter(|(name, _)| ours(name));
    let words = args
        .iter()
        .cloned()
        .chain(variables.map(|(_, value)| value));
    let mut message = message.to_owned();
    for word in words {
        let word = word.to_string_lossy();
        // A value may follow the name of its option.
        let after_name = word.split_once('=').map(|(_, value)| value);
        let short = word.strip_prefix('-').and_then(|it| it.get(1..));
        for part in [Some(&*word), after_name, short].into_iter().flatten() {
            let is_url = part.contains("://") || part.contains('@');
            let has_query = part
                .split_once('?')
                .is_some_and(|(_, query)| query.contains('='));
            if is_url || has_query {
                message = message.replace(part, &without_secrets(part));
            }
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn wrong(args: &str) -> String {
        let args = args.split_whitespace().map(OsString::from);
        match read(args) {
            Err(Message::Wrong(line)) => line,
            _ => panic!("accepted"),
        }
    }

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_wrong_fits_on_one_line_with_the_fix() {
        let line = wrong("s3mirror backup -d x -b abc --compare time");
        assert!(line.contains("times, exact-times, checksum"), "{line}");
        assert!(!line.contains('\n'), "{line}");
        let line = wrong("s3mirror bckup");
        assert!(line.contains("'backup'"), "{line}");
        assert!(!line.contains("backupmock"), "{line}");
        for habit in [
            "s3mirror cp d s3://abc",
            "s3mirror ls s3://abc",
            "s3mirror check",
        ] {
            assert!(!wrong(habit).contains("similar"), "{}", wrong(habit));
        }
        assert!(wrong("s3mirror ls").contains("aws s3 ls"));
        let line = wrong("s3mirror mock backup d s3://abc --odd x");
        assert!(line.contains("'--odd'"), "{line}");
        let line = wrong("s3mirror backup -d x");
        assert!(line.contains("--bucket"), "{line}");
        let line = wrong("s3mirror backup -d x -b abc -q -v");
        assert!(line.contains("cannot be used with"), "{line}");
        let line = wrong("s3mirror backup -d x -b abc --part-size 1MiB");
        assert!(line.contains("5 MiB"), "{line}");
        let line = wrong("s3mirror backup -d x -b abc --no-delete --max-delete 5");
        assert!(line.contains("--no-delete"), "{line}");
    }

    #[test]
    fn every_option_can_be_set_from_the_environment() {
        for command in Cli::command().get_subcommands() {
            for arg in command.get_arguments() {
                let Some(long) = arg.get_long().filter(|l| !["help", "version"].contains(l)) else {
                    continue;
                };
                let expected = format!("S3MIRROR_{}", long.replace('-', "_").to_uppercase());
                let env = arg.get_env().map(|e| e.to_string_lossy().into_owned());
                assert_eq!(env, Some(expected), "--{long}");
            }
        }
    }
}
