//! The state of a watch for operators: the status file, SIGUSR1, systemd.

use chrono::{DateTime, SecondsFormat, Utc};
use s3mirror::watch::{Cycle, WatchState};
use serde::Serialize;
use std::time::SystemTime;

use crate::options::WatchArgs;
use crate::output::counted::counted;
use crate::output::json::{CycleLine, RunReport};
use crate::replaced_file::ReplacedFile;
use crate::{Console, Exit};

/// What a watch is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Doing {
    /// It adds watches.
    Starting,
    /// A cycle is run.
    Running,
    /// It waits for changes.
    Watching,
    /// It waits to try again what has failed or was refused.
    Retrying,
    /// It has ended.
    Stopped,
}

/// The content of the status file.
#[derive(Debug, Serialize)]
struct Content {
    pid: u32,
    directory: String,
    bucket: String,
    state: Doing,
    /// When the state was entered.
    since: String,
    directories: usize,
    unwatched: usize,
    dirty: usize,
    failing: usize,
    /// When everything that was known to have changed was done, most recently.
    last_success: Option<String>,
    last_full: Option<String>,
    last_cycle: Option<CycleLine>,
    /// Why the last cycle was refused or has failed, and what is not done, by name.
    errors: Vec<String>,
}

/// The state, and the file that has it.
pub(super) struct Status {
    file: Option<ReplacedFile>,
    content: Content,
    cycles: u64,
    /// Whether something that has changed is not in the bucket, though the last cycle was
    /// complete.
    is_behind: bool,
}

impl Status {
    pub(super) fn new(args: &WatchArgs) -> anyhow::Result<Self> {
        let file = args.status_file.as_deref();
        let file = file.map(|path| ReplacedFile::look("status file", path, Some(&args.places.dir)));
        Ok(Self {
            file: file.transpose()?,
            content: Content {
                pid: std::process::id(),
                directory: args.places.dir.to_string_lossy().into_owned(),
                bucket: args.places.bucket.to_string(),
                state: Doing::Starting,
                since: now(),
                directories: 0,
                unwatched: 0,
                dirty: 0,
                failing: 0,
                last_success: None,
                last_full: None,
                last_cycle: None,
                errors: Vec::new(),
            },
            cycles: 0,
            is_behind: false,
        })
    }

    /// How many cycles have ended.
    pub(super) fn cycles(&self) -> u64 {
        self.cycles
    }

    /// A cycle begins.
    pub(super) fn begin(&mut self, state: &WatchState) {
        self.enter(Doing::Running, state);
    }

    /// It has ended: what is wrong now is `errors`.
    pub(super) fn end(
        &mut self,
        cycle: &Cycle,
        line: CycleLine,
        errors: Vec<String>,
        state: &WatchState,
    ) {
        self.cycles = cycle.number;
        self.is_behind = cycle.failing > 0 || cycle.full_pending;
        if cycle.outcome.is_complete() && !self.is_behind {
            self.content.last_success = Some(now());
            if cycle.full.is_some() {
                self.content.last_full = Some(now());
            }
        }
        self.content.last_cycle = Some(line);
        self.content.errors = errors;
        let doing = if cycle.retry.is_some() {
            Doing::Retrying
        } else {
            Doing::Watching
        };
        self.enter(doing, state);
    }

    pub(super) fn stop(&mut self, state: &WatchState) {
        self.enter(Doing::Stopped, state);
    }

    fn enter(&mut self, doing: Doing, state: &WatchState) {
        self.content.state = doing;
        self.content.since = now();
        self.content.directories = state.directories;
        self.content.unwatched = state.unwatched;
        self.content.dirty = state.dirty;
        self.content.failing = state.failing;
    }

    /// Writes the file. A disk that is full does not end the watch.
    pub(super) fn save(&self, console: &mut Console) {
        let Some(file) = &self.file else { return };
        let mut text = Vec::new();
        // Writing into memory cannot fail.
        let _ = sync_core::json::write_json(&mut text, &self.content);
        text.push(b'\n');
        if let Err(error) = file.write(&String::from_utf8_lossy(&text)) {
            console.warning(format_args!("{error:#}"));
        }
    }

    /// The state in one line.
    pub(super) fn text(&self, state: &WatchState) -> String {
        let doing = match (self.content.state, state.retry) {
            (Doing::Starting, _) => "adding watches".to_owned(),
            (Doing::Running, _) => "running a cycle".to_owned(),
            (Doing::Stopped, _) => "stopped".to_owned(),
            (_, Some(pause)) if state.failures > 0 => format!(
                "tried {} in vain, again in {} s",
                counted(u64::from(state.failures), "time", "times"),
                pause.as_secs()
            ),
            (_, Some(pause)) => {
                format!(
                    "watching, what has failed is tried again in {} s",
                    pause.as_secs()
                )
            }
            (_, None) => "watching".to_owned(),
        };
        let success = self.content.last_success.as_deref().unwrap_or("never");
        let wait = match state.dirty {
            1 => "1 change waits".to_owned(),
            count => format!("{count} changes wait"),
        };
        format!(
            "{doing}: {} watched, {wait}, {}, last success {success}",
            counted(state.directories as u64, "directory", "directories"),
            counted(self.cycles, "cycle", "cycles"),
        )
    }

    /// The last cycle as a run, for the metrics.
    pub(super) fn report(&self) -> RunReport {
        let mut report = RunReport {
            direction: Some("backup"),
            directory: Some(self.content.directory.clone()),
            bucket: Some(self.content.bucket.clone()),
            ..RunReport::default()
        };
        if let Some(cycle) = &self.content.last_cycle {
            report.exit = if self.is_behind && cycle.exit == Exit::Done.code() {
                Exit::Incomplete.code()
            } else {
                cycle.exit
            };
            report.seconds = cycle.seconds;
            report.total_seconds = cycle.seconds;
            report.created = cycle.created;
            report.overwritten = cycle.overwritten;
            report.deleted = cycle.deleted;
            report.failed = cycle.failed;
            report.errors.clone_from(&cycle.errors);
        }
        report
    }
}

fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Secs, true)
}
