//! One file a command; this one finds it and gives it a runtime.

mod cleanup;
mod show;
mod sync;

use std::future::Future;
use std::num::NonZero;

use sync_core::Direction;

use crate::options::{Command, MockCommand, OutputArgs};
use crate::{Console, Exit, ending};

/// Whether a command acts or only shows what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Act,
    Show,
}

impl Mode {
    fn act_unless(dry_run: bool) -> Self {
        if dry_run { Self::Show } else { Self::Act }
    }
}

pub(crate) fn run(command: Command, console: &mut Console) -> Exit {
    use Direction::{Backup, Restore};
    let (direction, args, mode) = match command {
        Command::Backup(args) => (Backup, args, None),
        Command::Restore(args) => (Restore, args, None),
        Command::Backupmock(args) => (Backup, args, Some(Mode::Show)),
        Command::Restoremock(args) => (Restore, args, Some(Mode::Show)),
        Command::Mock { command } => match command {
            MockCommand::Backup(args) => (Backup, args, Some(Mode::Show)),
            MockCommand::Restore(args) => (Restore, args, Some(Mode::Show)),
            MockCommand::Cleanup(args) => {
                return with_output(console, &args.output, |console| {
                    cleanup::run(&args, Mode::Show, console)
                });
            }
        },
        Command::Cleanup(args) => {
            return with_output(console, &args.output, |console| {
                cleanup::run(&args, Mode::act_unless(args.dry_run), console)
            });
        }
    };
    let mode = mode.unwrap_or(Mode::act_unless(args.safety.dry_run));
    with_output(console, &args.output, |console| {
        block_on(sync::run(direction, &args, mode, console))?
    })
}

/// Runs `command` and says how it failed, if it did.
fn with_output(
    console: &mut Console,
    output: &OutputArgs,
    command: impl FnOnce(&mut Console) -> anyhow::Result<Exit>,
) -> Exit {
    console.set_colors(output.color.into());
    let exit = command(console).unwrap_or_else(|error| {
        console.error(format_args!("{error:#}"));
        Exit::Failed
    });
    match console.flush() {
        Ok(()) => exit,
        Err(error) => {
            console.error(format_args!("cannot write the output: {error}"));
            if exit == Exit::Done {
                Exit::Failed
            } else {
                exit
            }
        }
    }
}

/// Reads and writes of files at once, for each core: enough to keep a disk
/// busy. More would mostly wake each other.
const FILE_THREADS: usize = 4;

/// One thread drives all requests and another set does what may block. More
/// workers cost a third of the processor time of small files, in waking each
/// other. Files need far fewer threads than requests do connections.
fn block_on<F: Future>(future: F) -> std::io::Result<F::Output> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(cores * FILE_THREADS)
        .build()?;
    let output = runtime.block_on(future);
    // Work that was given up goes on in its thread: one that writes a temporary
    // has yet to remove it. But none must hold the process back.
    runtime.shutdown_timeout(ending::THREADS);
    Ok(output)
}
