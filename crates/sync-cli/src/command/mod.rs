//! One file a command; this one dispatches, and starts the runtime.

mod cleanup;
mod cluster;
mod doctor;
mod jobs;
mod manner;
mod not_opened;
mod outcome;
mod present;
mod preview;
mod show;
mod sync;
mod verify;
mod versions;
mod watch;

#[cfg(test)]
pub(crate) use {
    cleanup::Line as CleanupLine, cluster::Line as ClusterLine, doctor::Line as DoctorLine,
    jobs::Line as JobsLine, versions::Line as VersionsLine,
};

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use s3mirror::{Direction, SavedPlan};

use manner::Mode;

use crate::end_hooks::EndHooks;
use crate::options::{
    ClusterCommand, Command, ConfigCommand, FinishArgs, Format, MockCommand, OutputArgs, SyncArgs,
};
use crate::output::Form;
use crate::output::json::Line;
use crate::output::view::View;
use crate::{Console, Exit, logging, panics};

pub(crate) fn run(command: Command, console: &mut Console) -> Exit {
    use Direction::{Backup, Restore};
    match command {
        Command::Backup(args) => {
            let mode = Mode::act_unless(args.safety.dry_run);
            mirror(Backup, &args, mode, View::List, console)
        }
        Command::Restore(args) => {
            let mode = Mode::act_unless(args.safety.dry_run);
            mirror(Restore, &args, mode, View::List, console)
        }
        Command::Backupmock(args) => mirror(Backup, &args, Mode::Show, View::List, console),
        Command::Restoremock(args) => mirror(Restore, &args, Mode::Show, View::List, console),
        Command::Mock { command } => mock(command, console),
        Command::Apply(args) => {
            let (output, finish) = (args.output.clone(), args.finish.clone());
            let mirrored = finish.for_metrics(|| SavedPlan::directory_in(&args.file));
            real_run(
                &output,
                &finish,
                mirrored.as_deref(),
                console,
                |hooks, console| block_on(sync::apply(&args, hooks, console))?,
            )
        }
        Command::Show(mut args) => {
            let view = viewed(args.view.format, &mut args.output);
            with_output(console, &args.output.clone(), |console| {
                show::run(&args, view, console)
            })
        }
        Command::Verify(args) => with_output(console, &args.output, |console| {
            block_on(verify::run(&args, console))?
        }),
        Command::Versions(args) => with_output(console, &args.output, |console| {
            block_on(versions::run(&args, console))?
        }),
        Command::Watch(args) => with_output(console, &args.output, |console| {
            if console.reporter().form() == Form::Json {
                console.streams().tell_diagnoses();
            }
            block_on(watch::run(&args, console))?
        }),
        Command::Doctor(args) => with_output(console, &args.output, |console| {
            block_on(doctor::run(&args, console))?
        }),
        Command::Cluster { command } => clustered(command, console),
        // The command of the job has replaced it.
        Command::Run(_) => Exit::Usage,
        Command::Jobs(args) => said(console, |console| jobs::list(args, console)),
        Command::Config {
            command: ConfigCommand::Check(args),
        } => said(console, |console| jobs::check(args, console)),
        Command::Cleanup(args) => {
            let mode = Mode::act_unless(args.dry_run);
            let lost = if mode == Mode::Act {
                Exit::Unwritten
            } else {
                Exit::Failed
            };
            with_output_or(lost, console, &args.output.clone(), |console| {
                cleanup::run(&args, mode, console)
            })
        }
    }
}

fn mock(command: MockCommand, console: &mut Console) -> Exit {
    let (direction, mut args) = match command {
        MockCommand::Backup(args) => (Direction::Backup, args),
        MockCommand::Restore(args) => (Direction::Restore, args),
        MockCommand::Cleanup(args) => {
            let mode = Mode::show_or(args.check.check);
            return with_output(console, &args.cleanup.output, |console| {
                cleanup::run(&args.cleanup, mode, console)
            });
        }
    };
    let view = viewed(args.view.format, &mut args.sync.output);
    let mode = Mode::show_or(args.check.check);
    mirror(direction, &args.sync, mode, view, console)
}

fn clustered(command: ClusterCommand, console: &mut Console) -> Exit {
    // What these phases have done is in the run directory.
    const LOST: Exit = Exit::Unwritten;
    match command {
        ClusterCommand::Split(args) => with_output_or(LOST, console, args.output(), |console| {
            block_on(cluster::split::run(&args, console))?
        }),
        ClusterCommand::Plan(args) => with_output_or(LOST, console, &args.output, |console| {
            block_on(cluster::plan::run(&args, &EndHooks::of_mock(), console))?
        }),
        ClusterCommand::Seal(args) => with_output_or(LOST, console, &args.output, |console| {
            block_on(cluster::seal::run(&args, console))?
        }),
        ClusterCommand::Apply(args) => with_output_or(LOST, console, &args.output, |console| {
            if console.reporter().form() == Form::Json {
                console.streams().tell_diagnoses();
            }
            block_on(cluster::apply::run(&args, &EndHooks::of_mock(), console))?
        }),
        ClusterCommand::Finish(args) => {
            let (output, finish) = (&args.output, &args.finish);
            let mirrored = finish.for_metrics(|| cluster::mirrored(&args.run));
            real_run(
                output,
                finish,
                mirrored.as_deref(),
                console,
                |hooks, console| block_on(cluster::finish::run(&args, hooks, console))?,
            )
        }
        ClusterCommand::Status(args) => {
            said(console, |console| cluster::status::run(&args, console))
        }
        ClusterCommand::Script(args) => {
            said(console, |console| cluster::script::run(&args, console))
        }
    }
}

/// The layout of a plan for people; `--format json` is `--json`.
fn viewed(format: Format, output: &mut OutputArgs) -> View {
    output.json |= format == Format::Json;
    match format {
        Format::List | Format::Json => View::List,
        Format::Tree => View::Tree,
    }
}

fn mirror(
    direction: Direction,
    args: &SyncArgs,
    mode: Mode,
    view: View,
    console: &mut Console,
) -> Exit {
    let output = &args.output;
    match mode {
        Mode::Act => {
            let dir = Some(&*args.places.dir);
            real_run(output, &args.finish, dir, console, |hooks, console| {
                block_on(sync::run(direction, args, mode, view, hooks, console))?
            })
        }
        Mode::Show | Mode::Check => with_output(console, output, |console| {
            let hooks = EndHooks::of_mock();
            block_on(sync::run(direction, args, mode, view, &hooks, console))?
        }),
    }
}

/// Runs `command`, which may change something, and its end hooks. It mirrors the
/// directory `mirrored`, if that is known.
fn real_run(
    output: &OutputArgs,
    finish: &FinishArgs,
    mirrored: Option<&Path>,
    console: &mut Console,
    command: impl FnOnce(&EndHooks, &mut Console) -> anyhow::Result<Exit>,
) -> Exit {
    with_output(console, output, |console| {
        if console.reporter().form() == Form::Json {
            console.streams().tell_diagnoses();
        }
        let hooks = EndHooks::prepare(finish, mirrored)?;
        let ended = panics::catch(|| command(&hooks, console));
        let exit = match ended {
            Some(Ok(exit)) => exit,
            Some(Err(error)) => {
                console.error(format_args!("{error:#}"));
                Exit::Failed
            }
            None => {
                console.error("the run was broken off by an internal error");
                hooks.broken_off()
            }
        };
        if exit == Exit::Usage {
            // There was no run.
            return Ok(exit);
        }
        let mut report = hooks.report(exit, console.errors());
        console.event(&Line::Report(&report));
        // Its reader does not wait for the other hooks.
        let written = flushed(exit, Exit::Unwritten, console);
        if written != exit {
            console.note(report.outcome());
            report = hooks.report(written, console.errors());
        }
        let exit = written;
        hooks.run(&report, console.streams());
        Ok(exit)
    })
}

/// Runs `command`, which changes nothing, and reports its error, if any.
fn with_output(
    console: &mut Console,
    output: &OutputArgs,
    command: impl FnOnce(&mut Console) -> anyhow::Result<Exit>,
) -> Exit {
    with_output_or(Exit::Failed, console, output, command)
}

/// The same; it ends with `lost` if it is done but its output is not written.
fn with_output_or(
    lost: Exit,
    console: &mut Console,
    output: &OutputArgs,
    command: impl FnOnce(&mut Console) -> anyhow::Result<Exit>,
) -> Exit {
    console.set_output(output);
    if let Err(wrong) = logging::begin(output, console.streams()) {
        console.error(wrong);
        return Exit::Usage;
    }
    let exit = match panics::catch(|| command(console)) {
        Some(Ok(exit)) => exit,
        Some(Err(error)) => {
            console.error(format_args!("{error:#}"));
            Exit::Failed
        }
        None => Exit::Failed,
    };
    flushed(exit, lost, console)
}

/// Runs `command`, which only prints something.
fn said(console: &mut Console, command: impl FnOnce(&mut Console) -> Exit) -> Exit {
    let exit = panics::catch(|| command(console)).unwrap_or(Exit::Failed);
    flushed(exit, Exit::Failed, console)
}

/// `exit`, but `lost` if all is done and the output could not be written. Any
/// other status of the data comes first.
fn flushed(exit: Exit, lost: Exit, console: &mut Console) -> Exit {
    match console.flush() {
        Ok(()) => exit,
        Err(error) => {
            console.error(format_args!("cannot write the output: {error}"));
            if exit == Exit::Done { lost } else { exit }
        }
    }
}

/// Bound on the threads that may block. How many of them do file work is decided
/// by the directory's store, which uses more where the file system is slow.
const MAX_BLOCKING_THREADS: usize = 128;

/// A run that is stopped ends within five seconds; of these, so much is for the
/// threads that remove temporaries.
const THREADS: Duration = Duration::from_secs(1);

/// One thread drives all requests and another set does what may block. More
/// workers cost a third of the processor time of small files, in waking each
/// other. Files need far fewer threads than requests do connections.
fn block_on<F: Future>(future: F) -> std::io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .build()?;
    let output = runtime.block_on(future);
    // Abandoned work continues in its thread: one that writes a temporary still
    // has to remove it. But none may keep the process alive.
    runtime.shutdown_timeout(THREADS);
    Ok(output)
}
