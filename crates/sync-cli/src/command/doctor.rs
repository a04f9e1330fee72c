//! `doctor`: tests whether the places are fit for backup and restore.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use parking_lot::Mutex;
use serde::Serialize;
use sync_core::{
    diagnosis::{Diagnosis, Level, Scope},
    hint::Hint,
    text::{printable, printable_text},
};
use sync_s3::{Probe, S3Store};

use crate::options::DoctorArgs;
use crate::output::Form;
use crate::progress::Counting;
use crate::signals::Stop;
use crate::{Console, Exit};

/// How long the removal may take: after a signal, the process promises to end
/// within five seconds.
const AFTER_SIGNAL: Duration = Duration::from_secs(3);
const CLEANING: Duration = Duration::from_secs(30);

/// One line of output with `--json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Line<'a> {
    /// `doctor`: a finding about a bucket or a directory.
    Finding {
        #[cfg_attr(test, schemars(extend("enum" = ["bucket", "directory"])))]
        place: &'static str,
        name: &'static str,
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Level"))]
        level: Level,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, schemars(with = "Option<String>"))]
        advice: Option<&'a Hint>,
    },
    /// The last line of `doctor`.
    Doctor {
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Exit"))]
        exit: u8,
        problems: u64,
        warnings: u64,
        /// Keys that could not be removed.
        left: &'a [String],
    },
}

pub(super) async fn run(args: &DoctorArgs, console: &mut Console) -> anyhow::Result<Exit> {
    let stop = Stop::listen().context("cannot listen for signals")?;
    let _counting =
        Counting::begin(console, "trying it out").context("cannot show the progress")?;
    let scope = if args.read_only {
        Scope::ReadOnly
    } else {
        Scope::Trial
    };
    let store = S3Store::connect(args.bucket_options()).await?;
    let notes = Notes(Mutex::new(Said {
        console,
        problems: 0,
        warnings: 0,
    }));
    if let Some(dir) = &args.dir {
        for finding in sync_fs::examine(dir, scope) {
            notes.tell("directory", &finding);
        }
    }
    let probe = Probe::new(&store, &mark());
    let tell = |finding| notes.tell("bucket", &finding);
    let is_whole = tokio::select! {
        biased;
        () = stop.asked() => false,
        () = probe.run(scope, &tell) => true,
    };
    let limit = if is_whole { CLEANING } else { AFTER_SIGNAL };
    let cleaned = async {
        let asked = stop.asked();
        tokio::select! {
            () = probe.clean() => {}
            () = async { asked.await; tokio::time::sleep(AFTER_SIGNAL).await } => {}
        }
    };
    // Whatever is not removed by then is reported.
    let _ = tokio::time::timeout(limit, cleaned).await;
    let left = probe.left();
    notes.name_left(&left, &args.bucket.to_string());
    Ok(notes.conclude(&left, is_whole, &stop, args))
}

/// Sixteen digits that no other run has.
fn mark() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// What was reported so far.
struct Notes<'a>(Mutex<Said<'a>>);

struct Said<'a> {
    console: &'a mut Console,
    problems: u64,
    warnings: u64,
}

impl Notes<'_> {
    /// Reports a finding, and counts it.
    fn tell(&self, place: &'static str, finding: &Diagnosis) {
        let mut said = self.0.lock();
        match finding.level {
            Level::Ok => {}
            Level::Warning => said.warnings += 1,
            Level::Problem => said.problems += 1,
        }
        match said.console.reporter().form() {
            Form::Quiet if finding.level == Level::Problem => {
                said.console.streams().line(text(finding));
            }
            _ => {
                let line = Line::Finding {
                    place,
                    name: finding.name,
                    level: finding.level,
                    message: &finding.message,
                    advice: finding.advice.as_ref(),
                };
                said.console.reporter().result(&line, || text(finding));
            }
        }
        // Some checks take their time.
        said.console.streams().show();
    }

    fn name_left(&self, left: &[String], bucket: &str) {
        if left.is_empty() {
            return;
        }
        let keys: Vec<String> = left.iter().map(|key| printable(key)).collect();
        let message = format!(
            "could not be removed from {}: {}",
            printable(bucket),
            keys.join(", ")
        );
        let finding = Diagnosis::problem("cleanup", message).with_advice(
            "remove them by hand; it takes s3:DeleteObject, with versions \
             s3:DeleteObjectVersion and s3:ListBucketVersions",
        );
        self.tell("bucket", &finding);
    }

    fn conclude(self, left: &[String], is_whole: bool, stop: &Stop, args: &DoctorArgs) -> Exit {
        let said = self.0.into_inner();
        let exit = match stop.exit() {
            Some(exit) if !is_whole => exit,
            _ if said.problems > 0 => Exit::Failed,
            _ => Exit::Done,
        };
        let Said {
            console,
            problems,
            warnings,
        } = said;
        let line = Line::Doctor {
            exit: exit.code(),
            problems,
            warnings,
            left,
        };
        let verdict = match (is_whole, problems) {
            (false, _) => "stopped",
            (true, 0) if warnings > 0 => "fit for backup and restore, but for the warnings",
            (true, 0) => "fit for backup and restore",
            (true, _) => "not fit",
        };
        console.reporter().result(&line, || {
            let bucket = printable(&args.bucket.to_string());
            format!("doctor {bucket}: {verdict}; problems: {problems}, warnings: {warnings}")
        });
        exit
    }
}

fn text(finding: &Diagnosis) -> String {
    let (style, level) = match finding.level {
        Level::Ok => (Style::new(), "ok"),
        Level::Warning => (AnsiColor::Yellow.on_default().bold(), "warning"),
        Level::Problem => (AnsiColor::Red.on_default().bold(), "problem"),
    };
    let name = finding.name;
    let message = printable_text(&finding.message);
    let advice = finding
        .advice
        .as_ref()
        .map(|advice| printable_text(&advice.to_string()));
    let advice = advice.map_or(String::new(), |advice| format!("\n{:10}-> {advice}", ""));
    format!("{style}{level:<9}{style:#} {name}: {message}{advice}")
}
