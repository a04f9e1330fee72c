//! Hooks for the end of a real run, however it ends: the last line of `--json`,
//! the metrics file, the command of `--on-finish`.
//!
//! They collect what becomes known of the run ([`EndHooks::is_about`], [`EndHooks::is_of`],
//! [`EndHooks::executed`]). [`EndHooks::run`] runs them once: a signal may arrive
//! while the run ends by itself.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, MutexGuard};
use s3mirror::{Counts, Direction, Location, Progress, Report};
use sync_s3::Versioning;

use crate::metrics::MetricsFile;
use crate::options::FinishArgs;
use crate::output::Streams;
use crate::output::json::{Line, RunReport, TrashLine};
use crate::output::text::{self, Words};
use crate::{Exit, output::style};

/// A command that takes longer is killed: it would delay the next run.
const PATIENCE: Duration = Duration::from_secs(60);

/// Variables that would give an s3mirror in the command the same hooks.
const NOT_INHERITED: [&str; 2] = ["S3MIRROR_ON_FINISH", "S3MIRROR_METRICS_FILE"];

/// What is done at the end of a run. Clones share their state.
#[derive(Clone)]
pub(crate) struct EndHooks(Arc<Inner>);

struct Inner {
    begun: Instant,
    metrics: Option<MetricsFile>,
    command: Option<OsString>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    report: RunReport,
    /// The counters, until their values are in the report.
    progress: Option<Arc<Progress>>,
    /// When what this process ends was begun by another one, and by which it is measured.
    since: Option<DateTime<Utc>>,
    concluded: bool,
}

impl EndHooks {
    /// Checks that all hooks can run, before anything else is done.
    pub(crate) fn prepare(args: &FinishArgs, mirrored: Option<&Path>) -> anyhow::Result<Self> {
        let metrics = args.metrics.metrics_file.as_deref();
        let metrics = metrics.map(|path| MetricsFile::look(path, mirrored));
        Ok(Self(Arc::new(Inner {
            begun: Instant::now(),
            metrics: metrics.transpose()?,
            command: args.on_finish.clone(),
            state: Mutex::default(),
        })))
    }

    /// Of a run that changes nothing: none.
    pub(crate) fn of_mock() -> Self {
        Self(Arc::new(Inner {
            begun: Instant::now(),
            metrics: None,
            command: None,
            state: Mutex::default(),
        }))
    }

    /// The direction of the run and its places.
    pub(crate) fn is_about(&self, direction: Direction, directory: &Path, bucket: &Location) {
        let report = &mut self.lock().report;
        report.direction = Some(Words::of(direction).command());
        report.directory = Some(directory.to_string_lossy().into_owned());
        report.bucket = Some(bucket.to_string());
    }

    /// The moment at which the bucket is listed and read; none means the present.
    pub(crate) fn is_of(&self, at: Option<DateTime<Utc>>) {
        self.lock().report.at = at.map(text::moment);
    }

    /// When the run began that this process ends, on whatever machine.
    pub(crate) fn began(&self, at: DateTime<Utc>) {
        self.lock().since = Some(at);
    }

    /// When the run ended, if that was before: this process only reports on it.
    pub(crate) fn ended(&self, at: DateTime<Utc>) {
        self.lock().report.ended = Some(at);
    }

    /// The counters of the run.
    pub(crate) fn watch(&self, progress: Arc<Progress>) {
        self.lock().progress = Some(progress);
    }

    /// The exit status of a run that ended by an internal error.
    pub(crate) fn broken_off(&self) -> Exit {
        let progress = self.lock().progress.clone();
        match progress.and_then(|progress| progress.partial_report()) {
            None => Exit::Failed,
            Some(_) => Exit::Incomplete,
        }
    }

    /// How many names of a list of keys neither side has.
    pub(crate) fn lacks(&self, names: u64) {
        self.lock().report.not_found = names;
    }

    /// What was planned and what was done.
    pub(crate) fn executed(&self, counts: &Counts, done: &Report, versioning: Option<Versioning>) {
        let mut state = self.lock();
        state.progress = None;
        let report = &mut state.report;
        report.set_execution(&done.execution);
        report.seconds = done.took.as_secs_f64();
        report.kept = counts.kept();
        report.source_skipped = counts.source_skipped();
        report.not_selected = counts.not_selected();
        report.not_found = counts.not_found.names;
        report.versioning = versioning.map(text::versioning_word);
        report.trash = done.trash.as_ref().map(|kept| TrashLine {
            directory: kept.directory.to_string_lossy().into_owned(),
            entries: kept.entries,
        });
    }

    /// The report of a run that ends with `exit`, because of `errors`. Of a
    /// run that was cut short it has what was done until then.
    pub(crate) fn report(&self, exit: Exit, errors: &[String]) -> RunReport {
        let (mut report, progress, since) = {
            let state = self.lock();
            (state.report.clone(), state.progress.clone(), state.since)
        };
        if let Some(done) = progress.and_then(|progress| progress.partial_report()) {
            report.set_execution(&done);
            // The exit status says whether it was stopped or broke off.
            report.stopped = false;
        }
        report.exit = exit.reported().code();
        report.total_seconds = match since {
            None => self.0.begun.elapsed().as_secs_f64(),
            Some(since) => {
                let end = report.ended.unwrap_or_else(|| SystemTime::now().into());
                (end - since).as_seconds_f64().max(0.0)
            }
        };
        report.stopped |= matches!(exit, Exit::HungUp | Exit::Interrupted | Exit::Terminated);
        report.errors = errors.to_vec();
        report
    }

    /// Runs the hooks, once. A second caller waits until they are done.
    pub(crate) fn run(&self, report: &RunReport, streams: &Streams) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.concluded, true) {
            return;
        }
        let warn = |message: String| {
            let style = style::WARNING;
            // A signal may end the process while nobody reads its data.
            streams.note_at_once(format_args!("{style}warning:{style:#} {message}"));
        };
        if let Some(Err(error)) = self.0.metrics.as_ref().map(|file| file.write(report)) {
            warn(format!("{error:#}"));
        }
        // Of a run that ended before, whoever ended it has told the command.
        if let Some(command) = self.0.command.as_ref().filter(|_| report.ended.is_none())
            && let Err(why) = run_command(command, report, PATIENCE)
        {
            warn(format!("the command of --on-finish {why}"));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

/// Runs `command` with the report; if that fails, why.
fn run_command(command: &OsStr, report: &RunReport, patience: Duration) -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot be run: {error}");
    let mut child = spawn(command, report).map_err(cannot)?;
    if let Some(mut input) = child.stdin.take() {
        let mut line = Vec::new();
        // Writing into memory cannot fail.
        let _ = sync_core::json::write_json(&mut line, &Line::Report(report));
        line.push(b'\n');
        // It may be longer than a pipe's buffer, and a command need not read it.
        thread::spawn(move || {
            let _ = input.write_all(&line);
        });
    }
    let since = Instant::now();
    loop {
        match child.try_wait().map_err(cannot)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("has failed: {status}")),
            None if since.elapsed() >= patience => {
                kill(&mut child);
                return Err(format!("was ended after {} s", patience.as_secs()));
            }
            None => thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn spawn(command: &OsStr, report: &RunReport) -> io::Result<Child> {
    let mut sh = Command::new("sh");
    sh.arg("-c").arg(command);
    for name in NOT_INHERITED {
        sh.env_remove(name);
    }
    sh.env("S3MIRROR_EXIT", report.exit.to_string())
        .env("S3MIRROR_DIRECTION", report.direction.unwrap_or_default())
        .stdin(Stdio::piped())
        // Standard output is for the report alone.
        .stdout(io::stderr())
        // So that it can be killed with all that it starts.
        .process_group(0)
        .spawn()
}

/// Kills the command and what it has started.
fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(command: &str) -> Result<(), String> {
        let patience = Duration::from_millis(500);
        run_command(OsStr::new(command), &RunReport::default(), patience)
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let late = directory.path().join("late");
        let command = format!("(sleep 2; touch '{}') & sleep 60", late.display());
        let since = Instant::now();
        assert_eq!(ran(&command), Err("was ended after 0 s".to_owned()));
        assert!(since.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(2500));
        assert!(!late.exists());
    }

    #[test]
    fn a_command_that_fails_says_so_and_one_that_reads_nothing_is_fine() {
        assert!(ran("exit 7").unwrap_err().contains('7'));
        assert_eq!(ran("exec 0<&-; true"), Ok(()));
    }

    #[test]
    fn the_report_is_on_its_standard_input_and_the_status_in_its_environment() {
        let check = r#"read -r line; case "$line" in '{"event":"report",'*) ;; *) exit 1;; esac
            test "$S3MIRROR_EXIT" = 0 -a -z "$S3MIRROR_ON_FINISH""#;
        assert_eq!(ran(check), Ok(()));
    }
}
