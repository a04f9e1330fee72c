//! `jobs` and `config check`: what the configuration file contains. Nothing is
//! done, and no request is sent.

use serde::Serialize;
use sync_core::text::printable;

use crate::config::{self, File, Job, Row, Source};
use crate::options::{CheckConfigArgs, JobWords, JobsArgs};
use crate::usage::{self, Message};
use crate::{Console, Exit};

/// One line of output with `--json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Line<'a> {
    /// `jobs`: a job of the configuration file.
    Job {
        job: &'a str,
        command: &'a str,
        dir: Option<&'a str>,
        bucket: Option<&'a str>,
    },
    /// `config check`: a value that is in force, or that another one overrides.
    Setting {
        job: &'a str,
        option: &'a str,
        value: &'a str,
        #[cfg_attr(test, schemars(extend("enum" = ["file", "environment", "option", "default"])))]
        source: &'static str,
        /// The place in the file, or the name of the variable.
        place: Option<&'a str>,
        overridden_by: Option<&'a str>,
    },
}

/// `jobs`
pub(super) fn list(args: JobsArgs, console: &mut Console) -> Exit {
    console.set_json(args.output.json);
    let file = match File::read(args.file.config) {
        Ok(file) => file,
        Err(wrong) => return refuse(&wrong, console),
    };
    let mut exit = Exit::Done;
    let mut table = vec![["JOB", "COMMAND", "DIR", "BUCKET"].map(str::to_owned)];
    for name in file.names() {
        let listed = of_job(&file, name, |job| {
            let settings = job.settings(&[])?;
            let (dir, bucket) = (settings.value("dir"), settings.value("bucket"));
            console.event(&Line::Job {
                job: name,
                command: job.command(),
                dir,
                bucket,
            });
            let shown = |place: Option<&str>| place.map_or("-".to_owned(), printable);
            let (name, command) = (printable(name), job.command().to_owned());
            table.push([name, command, shown(dir), shown(bucket)]);
            Ok(())
        });
        if let Err(message) = listed {
            exit = usage::show(&message, console);
        }
    }
    for row in columns(&table) {
        console.text(row);
    }
    exit
}

/// `config check`
pub(super) fn check(args: CheckConfigArgs, console: &mut Console) -> Exit {
    let (job, options) = args.job.map(JobWords::split).unzip();
    let (among, rest) = match config::config_among(options.unwrap_or_default()) {
        Ok(taken) => taken,
        Err(message) => return usage::show(&message, console),
    };
    let file = match File::read(among.or(args.file.config)) {
        Ok(file) => file,
        Err(wrong) => return refuse(&wrong, console),
    };
    console.set_json(args.output.json);
    console.text(format_args!("configuration {}", file.shown()));
    let names: Vec<&str> = match &job {
        Some(job) => vec![job],
        None => file.names().collect(),
    };
    let mut exit = Exit::Done;
    for name in names {
        let checked = of_job(&file, name, |job| {
            let settings = job.settings(&rest)?;
            for row in &settings.rows {
                console.event(&line(name, row));
            }
            console.text(format_args!("\n{}: {}", printable(name), job.command()));
            let rows: Vec<_> = settings.rows.iter().map(explained).collect();
            for row in columns(&rows) {
                console.text(format_args!("  {row}"));
            }
            settings.check(job)
        });
        if let Err(message) = checked {
            exit = usage::show(&message, console);
        }
    }
    if job.is_none() {
        for wrong in file.overlaps() {
            exit = refuse(&wrong, console);
        }
    }
    exit
}

fn of_job(
    file: &File,
    name: &str,
    work: impl FnOnce(&Job<'_>) -> Result<(), Message>,
) -> Result<(), Message> {
    let job = Job::find(file, name).map_err(Message::Wrong)?;
    work(&job)
}

fn refuse(wrong: &str, console: &mut Console) -> Exit {
    usage::show(&Message::Wrong(wrong.to_owned()), console)
}

/// Option, value and source.
fn explained(row: &Row) -> [String; 3] {
    let from = match &row.source {
        Source::File(place) => place.clone(),
        Source::Environment(variable) => format!("environment {variable}"),
        Source::Option => "option".to_owned(),
        Source::Default => "default".to_owned(),
    };
    let from = match &row.overridden_by {
        None => from,
        Some(other) => format!("{from}, not in force because of {other}"),
    };
    [row.option.clone(), printable(&row.value), from]
}

fn line<'a>(job: &'a str, row: &'a Row) -> Line<'a> {
    let (source, place) = match &row.source {
        Source::File(place) => ("file", Some(place.as_str())),
        Source::Environment(variable) => ("environment", Some(variable.as_str())),
        Source::Option => ("option", None),
        Source::Default => ("default", None),
    };
    Line::Setting {
        job,
        option: &row.option,
        value: &row.value,
        source,
        place,
        overridden_by: row.overridden_by.as_deref(),
    }
}

/// The rows of a table with aligned columns.
fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let shown = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(shown).collect()
}
