//! The configuration file: named jobs, each a command with options.
//!
//! A key of a job is the long name of an option of its command, so no option is
//! defined twice. `file` reads the text and knows the place of each key, `setting`
//! turns a key into words of the command line, `job` omits what an option or a
//! variable overrides. The words come before those that were typed, and clap
//! parses the line as any other.

mod definition;
mod file;
mod find;
mod job;
mod names;
mod overlap;
mod setting;

use std::ffi::OsString;
use std::path::PathBuf;

use s3mirror::SelectionError;

use crate::hints;
use crate::options::{Cli, Command, MockCommand, RunArgs, SelectionArgs};
use crate::usage::{self, Message};

pub(crate) use file::File;
pub(crate) use job::{Job, Row, Settings, Source};
pub(crate) use overlap::owners;

/// The command of the job in `args`, parsed as if it had been typed.
pub(crate) fn command_line(args: RunArgs) -> Result<Cli, Message> {
    let missing = || Message::Wrong("which job? 's3mirror jobs' lists them".to_owned());
    let (name, options) = args.job.ok_or_else(missing)?.split();
    let (config, rest) = config_among(options)?;
    let path = config.or(args.file.config);
    let file = File::read(path.clone()).map_err(Message::Wrong)?;
    let job = Job::find(&file, &name).map_err(Message::Wrong)?;
    let mut cli = job.settings(&rest)?.command_line(&job)?;
    match &mut cli.command {
        Command::Backup(args) => args.config = path,
        Command::Watch(args) => args.config = path,
        _ => {}
    }
    Ok(cli)
}

impl Settings {
    /// The command line, parsed as if it had been typed.
    fn command_line(&self, job: &Job<'_>) -> Result<Cli, Message> {
        let cli = usage::read(self.line()).map_err(|message| match message {
            Message::Wrong(line) => Message::Wrong(self.located(&line, job)),
            other => other,
        })?;
        // A run would report invalid globs without their place in this file.
        self.check_selection(&cli, job, |wrong| !wrong.is_of_files())?;
        Ok(cli)
    }

    /// Whether a run would accept the file, and the ignore files that it names.
    pub(crate) fn check(&self, job: &Job<'_>) -> Result<(), Message> {
        let cli = self.command_line(job)?;
        self.check_selection(&cli, job, |_| true)
    }

    /// Checks the globs and the ignore files; only what `counts` is wrong.
    fn check_selection(
        &self,
        cli: &Cli,
        job: &Job<'_>,
        counts: impl FnOnce(&SelectionError) -> bool,
    ) -> Result<(), Message> {
        let wrong = |wrong: &str| Message::Wrong(self.located(wrong, job));
        let Some(args) = selected(&cli.command) else {
            return Ok(());
        };
        let options = args.to_options().map_err(|why| wrong(&why))?;
        match options.read() {
            Err(why) if counts(&why) => Err(wrong(&hints::selection(&why))),
            _ => Ok(()),
        }
    }
}

/// Takes `--config` out of the options behind the job: it belongs to `run` on
/// either side of the name.
pub(crate) fn config_among(
    options: Vec<OsString>,
) -> Result<(Option<PathBuf>, Vec<OsString>), Message> {
    let mut config = None;
    let mut rest = Vec::new();
    let mut options = options.into_iter();
    while let Some(option) = options.next() {
        let text = option.to_string_lossy();
        if let Some(path) = text.strip_prefix("--config=") {
            config = Some(PathBuf::from(path));
        } else if text == "--config" {
            let missing = || Message::Wrong("--config needs the name of a file".to_owned());
            config = Some(PathBuf::from(options.next().ok_or_else(missing)?));
        } else {
            rest.push(option);
        }
    }
    Ok((config, rest))
}

fn selected(command: &Command) -> Option<&SelectionArgs> {
    match command {
        Command::Backup(args)
        | Command::Restore(args)
        | Command::Backupmock(args)
        | Command::Restoremock(args) => Some(&args.selection),
        Command::Watch(args) => Some(&args.selection),
        Command::Verify(args) => Some(&args.selection),
        Command::Mock {
            command: MockCommand::Backup(args) | MockCommand::Restore(args),
        } => Some(&args.sync.selection),
        _ => None,
    }
}
