//! Reads the command line. What is wrong with it is told in one line.

use std::ffi::OsString;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::options::{Cli, Command, definition};
use crate::{Console, Exit, config};

/// What is shown instead of running a command.
pub(crate) enum Message {
    /// Help or version, as it was asked for.
    Asked(String),
    /// The help, because no command was given.
    Missing(String),
    /// What is wrong, in one line.
    Wrong(String),
}

/// The command that `args` ask for; for `run`, that of the job.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Message> {
    match read(args)? {
        Cli {
            command: Command::Run(args),
        } => config::command_line(args),
        cli => Ok(cli),
    }
}

/// The same, without looking into a configuration file.
pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Message> {
    let mut definition = definition();
    let matches = definition.try_get_matches_from_mut(args);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = cli.map_err(|error| message(&error.format(&mut definition)))?;
    cli.command.check().map_err(Message::Wrong)?;
    Ok(cli)
}

/// What clap has to say.
pub(crate) fn message(error: &clap::Error) -> Message {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Message::Asked(error.render().ansi().to_string())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Message::Missing(error.render().ansi().to_string())
        }
        _ => {
            let reason = reason(&error.to_string());
            Message::Wrong(format!("{reason} (see 's3mirror --help')"))
        }
    }
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

/// clap's message without its usage block, on one line.
pub(crate) fn reason(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
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
    paragraphs.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn wrong(args: &str) -> String {
        let args = args.split_whitespace().map(OsString::from);
        match parse(args) {
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
