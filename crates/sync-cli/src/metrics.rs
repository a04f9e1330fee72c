//! The outcome of a run for Prometheus, in the text form that node_exporter's
//! textfile collector reads (`--metrics-file`).
//!
//! The file is written under another name and renamed, so a collector never reads
//! half of it. When a run fails, the time of the last success is taken from the
//! earlier file: an alert is based on it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sync_core::plan::Tally;

use crate::output::json::RunReport;
use crate::replaced_file::ReplacedFile;

/// Where metrics are written.
#[derive(Debug)]
pub(crate) struct MetricsFile(ReplacedFile);

const LAST_RUN: &str = "s3mirror_last_run_timestamp_seconds";

const LAST_SUCCESS: &str = "s3mirror_last_success_timestamp_seconds";

impl MetricsFile {
    /// Checks that metrics can be written to `path`, before anything is done.
    /// Inside the directory `mirrored` they would be taken for a part of it.
    pub(crate) fn look(path: &Path, mirrored: Option<&Path>) -> anyhow::Result<Self> {
        ReplacedFile::look("metrics file", path, mirrored).map(Self)
    }

    /// Writes how a run ended. Of one that had ended before, only if the file tells of none
    /// that has ended since, or of it.
    pub(crate) fn write(&self, report: &RunReport) -> anyhow::Result<()> {
        let earlier = self.0.read();
        match when(report, now(), &earlier) {
            Some(ended) => self.0.write(&text(report, ended, &earlier)),
            None => Ok(()),
        }
    }
}

/// When the run ended, in seconds since 1970; none if `earlier` tells of it or of a later one.
fn when(report: &RunReport, now: u64, earlier: &str) -> Option<u64> {
    let Some(ended) = report.ended else {
        return Some(now);
    };
    let ended = u64::try_from(ended.timestamp()).unwrap_or_default();
    let known = value(earlier, LAST_RUN, &labels(report));
    let known = known.and_then(|known| known.parse::<f64>().ok());
    known
        .is_none_or(|known| known < ended as f64)
        .then_some(ended)
}

/// In whole seconds, like everything that is compared with it.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn text(report: &RunReport, now: u64, earlier: &str) -> String {
    let mut text = Text {
        text: String::new(),
        labels: labels(report),
    };
    text.metric(
        LAST_RUN,
        "When the last run ended, in seconds since 1970.",
        now,
    );
    let success = match report.exit {
        0 => Some(now.to_string()),
        _ => value(earlier, LAST_SUCCESS, &text.labels),
    };
    if let Some(success) = success {
        text.metric(
            LAST_SUCCESS,
            "When the last run with exit status 0 ended.",
            success,
        );
    }
    text.metric(
        "s3mirror_exit_status",
        "Exit status of the last run: 0 is done, 3 incomplete, 4 refused.",
        report.exit,
    );
    text.metric(
        "s3mirror_duration_seconds",
        "How long the last run took.",
        report.total_seconds,
    );
    let actions = [
        ("created", report.created),
        ("overwritten", report.overwritten),
        ("deleted", report.deleted),
        ("already-done", report.already_done),
        ("kept", report.kept),
        ("source-skipped", report.source_skipped),
        ("not-selected", report.not_selected),
    ];
    text.by_action(
        "s3mirror_entries",
        "Entries of the last run by what was done with them.",
        actions.map(|(action, tally): (_, Tally)| (action, tally.entries)),
    );
    text.by_action(
        "s3mirror_bytes",
        "Sizes of the entries of the last run by what was done with them.",
        actions.map(|(action, tally)| (action, tally.bytes)),
    );
    text.metric(
        "s3mirror_failed_entries",
        "Entries of the last run that could not be copied or deleted.",
        report.failed,
    );
    text.text
}

/// The labels of all metrics.
fn labels(report: &RunReport) -> String {
    format!(
        "direction=\"{}\",directory=\"{}\",bucket=\"{}\"",
        escaped(report.direction.unwrap_or_default()),
        escaped(report.directory.as_deref().unwrap_or_default()),
        escaped(report.bucket.as_deref().unwrap_or_default()),
    )
}

struct Text {
    text: String,
    labels: String,
}

impl Text {
    fn metric(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, help);
        let labels = &self.labels;
        let _ = writeln!(self.text, "{name}{{{labels}}} {value}");
    }

    fn by_action<const N: usize>(&mut self, name: &str, help: &str, values: [(&str, u64); N]) {
        self.head(name, help);
        for (action, value) in values {
            let labels = &self.labels;
            let _ = writeln!(self.text, "{name}{{{labels},action=\"{action}\"}} {value}");
        }
    }

    fn head(&mut self, name: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
    }
}

/// The value of an earlier file, if it is of the same places.
fn value(earlier: &str, name: &str, labels: &str) -> Option<String> {
    let beginning = format!("{name}{{{labels}}} ");
    let value = earlier
        .lines()
        .find_map(|line| line.strip_prefix(&beginning))?;
    // Anything but a number would make the collector refuse the whole file.
    value
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())?;
    Some(value.to_owned())
}

/// As a value of a label is written.
fn escaped(value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    value.replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(exit: u8) -> RunReport {
        RunReport {
            direction: Some("backup"),
            directory: Some("/srv/a \"b\" \\ c\nd".to_owned()),
            bucket: Some("s3://bucket/prefix/".to_owned()),
            exit,
            total_seconds: 1.5,
            created: Tally {
                entries: 3,
                bytes: 4096,
            },
            failed: 2,
            ..RunReport::default()
        }
    }

    const LABELS: &str =
        r#"direction="backup",directory="/srv/a \"b\" \\ c\nd",bucket="s3://bucket/prefix/""#;

    #[test]
    fn each_metric_has_its_help_its_type_and_escaped_labels() {
        let text = text(&report(0), 1_700_000_000, "");
        let has = |line: &str| assert!(text.lines().any(|l| l == line), "{line}\nin\n{text}");
        has(&format!(
            "s3mirror_last_run_timestamp_seconds{{{LABELS}}} 1700000000"
        ));
        has(&format!("{LAST_SUCCESS}{{{LABELS}}} 1700000000"));
        has(&format!("s3mirror_exit_status{{{LABELS}}} 0"));
        has(&format!("s3mirror_duration_seconds{{{LABELS}}} 1.5"));
        has(&format!(
            "s3mirror_entries{{{LABELS},action=\"created\"}} 3"
        ));
        has(&format!(
            "s3mirror_bytes{{{LABELS},action=\"created\"}} 4096"
        ));
        has(&format!(
            "s3mirror_entries{{{LABELS},action=\"deleted\"}} 0"
        ));
        has(&format!("s3mirror_failed_entries{{{LABELS}}} 2"));
        has("# TYPE s3mirror_bytes gauge");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split('{').next().unwrap();
            assert!(text.contains(&format!("# TYPE {name} gauge\n")), "{line}");
            assert!(text.contains(&format!("# HELP {name} ")), "{line}");
        }
    }

    #[test]
    fn a_run_that_fails_keeps_the_time_of_the_last_success() {
        let good = text(&report(0), 1000, "");
        let bad = text(&report(3), 2000, &good);
        assert!(
            bad.contains(&format!("{LAST_SUCCESS}{{{LABELS}}} 1000\n")),
            "{bad}"
        );
        let worse = text(&report(1), 3000, &bad);
        assert!(
            worse.contains(&format!("{LAST_SUCCESS}{{{LABELS}}} 1000\n")),
            "{worse}"
        );
        assert!(worse.contains("last_run_timestamp_seconds{"), "{worse}");
    }

    #[test]
    fn a_run_that_ended_before_moves_no_time() {
        let mut again = report(0);
        again.ended = Some("1970-01-01T00:16:40.5Z".parse().unwrap());
        assert_eq!(when(&again, 5000, ""), Some(1000));
        let known = text(&again, 1000, "");
        assert!(known.contains(&format!("{LAST_SUCCESS}{{{LABELS}}} 1000\n")));
        assert_eq!(when(&again, 5000, &known), None);
        // Another run has ended since; this one had not, when it failed.
        assert_eq!(when(&again, 5000, &text(&report(3), 2000, "")), None);
        assert_eq!(when(&again, 5000, &text(&report(3), 900, "")), Some(1000));
        assert_eq!(when(&report(0), 5000, &known), Some(5000));
    }

    #[test]
    fn the_success_of_other_places_or_of_rubbish_is_not_taken_over() {
        let mut other = report(0);
        other.bucket = Some("s3://other/".to_owned());
        let good = text(&other, 1000, "");
        assert!(!text(&report(3), 2000, &good).contains(LAST_SUCCESS));
        let rubbish = format!("{LAST_SUCCESS}{{{LABELS}}} soon\n");
        assert!(!text(&report(3), 2000, &rubbish).contains(LAST_SUCCESS));
    }
}
