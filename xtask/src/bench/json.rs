//! All figures as JSON, every run of them.
//!
//! Written by hand: xtask has no serialiser to build.

use std::fmt::Write as _;

use anyhow::Result;

use super::{
    machine,
    summary::{Runs, Summary},
    trial::Trial,
};

pub(super) fn of(summaries: &[Summary]) -> Result<String> {
    Ok(format!(
        "{{\"machine\":{},\"works\":[\n{}\n]}}\n",
        text(&machine::described()?),
        list(summaries, work, ",\n")
    ))
}

fn work(summary: &Summary) -> String {
    let work = &summary.work;
    format!(
        "{{\"name\":{},\"title\":{},\"files\":{},\"targets\":[{}],\"tools\":[\n  {}]}}",
        text(work.name),
        text(work.title),
        text(&work.files.to_string()),
        list(work.targets, |target| text(&target.to_string()), ","),
        list(&summary.tools, tool, ",\n  ")
    )
}

fn tool(runs: &Runs) -> String {
    let failure = runs.failure.as_deref().map_or("null".to_owned(), text);
    format!(
        "{{\"tool\":{},\"failure\":{failure},\"runs\":[{}]}}",
        text(runs.tool),
        list(&runs.trials, run, ",")
    )
}

fn run(trial: &Trial) -> String {
    let requests: Vec<(&String, &u64)> = trial.served.requests.iter().collect();
    let request = |pair: &(&String, &u64)| format!("{}:{}", text(pair.0), pair.1);
    format!(
        "{{\"wall\":{:.3},\"user\":{:.3},\"system\":{:.3},\"peak\":{},\"endpoint_cpu\":{:.3},\"endpoint_peak\":{},\
         \"connections\":{},\"refused\":{},\"stored\":{},\"received\":{},\"sent\":{},\"requests\":{{{}}}}}",
        trial.wall,
        trial.user,
        trial.system,
        trial.peak,
        trial.served.cpu,
        trial.served.peak,
        trial.served.connections,
        trial.served.refused,
        trial.served.stored,
        trial.served.received,
        trial.served.sent,
        list(&requests, request, ",")
    )
}

fn list<T>(items: &[T], write: impl Fn(&T) -> String, between: &str) -> String {
    items.iter().map(write).collect::<Vec<_>>().join(between)
}

/// A string, quoted.
fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::summary::tests::summary;

    #[test]
    fn strings_are_quoted_as_json_has_them() {
        assert_eq!(text("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }

    #[test]
    fn every_run_is_there() -> Result<()> {
        let summary = summary("up-small", &[("aws", 1.0), ("aws", 2.0), ("rclone", 1.0)])?;
        let json = of(&[summary])?;
        assert_eq!(json.matches("\"wall\"").count(), 3);
        assert_eq!(json.matches("\"tool\"").count(), 2);
        assert_eq!(json.matches('{').count(), json.matches('}').count());
        Ok(())
    }
}
