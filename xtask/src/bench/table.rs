//! The figures as tables, in Markdown so that the README can hold them.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    summary::{Runs, Summary},
    tool::{Role, role},
    trial::Trial,
    work::Compared,
};

/// One run, while the others are still to come.
pub(super) fn one_line(trial: &Trial) -> String {
    format!(
        "{:6.2} s CPU {:6.2} s wall {:5.0} MiB, endpoint busy {:3.0} %; {}",
        trial.cpu(),
        trial.wall,
        trial.peak as f64 / f64::from(1 << 20),
        trial.busy() * 100.0,
        requests(&trial.served.requests),
    )
}

/// Everything about one work.
pub(super) fn of_work(summary: &Summary) -> String {
    let mut text = format!("{}: {}\n\n", summary.work.name, heading(summary));
    let best = summary.best_peer().map(|best| best.0);
    text +=
        "| tool | CPU s | wall s | peak MiB | × best peer | endpoint busy | runs | requests |\n";
    text += "|---|---|---|---|---|---|---|---|\n";
    for runs in &summary.tools {
        let Runs { tool, trials, .. } = runs;
        if let Some(failure) = &runs.failure {
            let _ = writeln!(text, "| {tool} | failed: {} | | | | | | |", cell(failure));
        }
        let Some(medians) = runs.medians() else {
            continue;
        };
        let ratio = best.and_then(|best| summary.ratio(tool, best));
        let asked = runs.requests().map(requests).unwrap_or_default();
        let refused = trials.last().map_or(0, |trial| trial.served.refused);
        let refused = match refused {
            0 => String::new(),
            count => format!(", {count} refused"),
        };
        let _ = writeln!(
            text,
            "| {tool} | {:.2} | {:.2} | {:.0} | {} | {:.0} % | {} | {asked}{refused} |",
            medians.cpu,
            medians.wall,
            medians.peak,
            number(ratio),
            medians.busy * 100.0,
            trials.len(),
        );
    }
    text
}

/// All works: what each tool needed, and our ratios.
pub(super) fn of_all(summaries: &[Summary]) -> String {
    let mut tools: Vec<&str> = Vec::new();
    for runs in summaries.iter().flat_map(|summary| &summary.tools) {
        if !tools.contains(&runs.tool) {
            tools.push(runs.tool);
        }
    }
    let mut text = format!(
        "| work | figure | {} | s3mirror / best peer | / SDK alone | / HTTP alone |\n",
        tools.join(" | ")
    );
    text += &"|---".repeat(tools.len() + 5);
    text += "|\n";
    for summary in summaries {
        let figure = match summary.work.compared {
            Compared::Cpu => "CPU",
            Compared::Wall => "wall",
        };
        let _ = write!(text, "| {} | {figure} |", heading(summary));
        for tool in &tools {
            let _ = match summary.of(tool) {
                Some(medians) => {
                    let seconds = summary.compared(&medians);
                    write!(text, " {seconds:.2} s, {:.0} |", medians.peak)
                }
                None => write!(text, " |"),
            };
        }
        let best = summary.best_peer().map(|best| best.0);
        for other in [best, Some("SDK alone"), Some("HTTP alone")] {
            let ratio = other.and_then(|other| summary.ratio("s3mirror", other));
            let _ = write!(text, " {} |", number(ratio));
        }
        text.push('\n');
        // What ours needs with another option, if it was run.
        for runs in &summary.tools {
            if role(runs.tool) == Role::Ours && runs.tool != "s3mirror" {
                let ratio = best.and_then(|best| summary.ratio(runs.tool, best));
                let what = format!("{}, {}", heading(summary), runs.tool);
                let _ = write!(text, "| {what} | {figure} |{}", " |".repeat(tools.len()));
                let _ = writeln!(text, " {} | | |", number(ratio));
            }
        }
    }
    text
}

/// The work for people: its title and how much it is.
pub(super) fn heading(summary: &Summary) -> String {
    let files = summary.work.files.split('~').next().unwrap_or_default();
    let (count, size) = files.split_once('x').unwrap_or((files, ""));
    let size: u64 = size.parse().unwrap_or(0);
    let size = match size {
        0..1024 => String::new(),
        1024..1_048_576 => format!(" × {} KiB", size >> 10),
        _ => format!(" × {} MiB", size >> 20),
    };
    format!("{}, {}{size}", summary.work.title, thousands(count))
}

/// `1000000` as `1,000,000`.
fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn requests(requests: &BTreeMap<String, u64>) -> String {
    let words = requests
        .iter()
        .map(|(kind, count)| format!("{kind} {count}"));
    words.collect::<Vec<_>>().join(", ")
}

fn number(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))
}

/// Fit for a cell of a table.
fn cell(text: &str) -> String {
    let text: String = text.chars().take(200).collect();
    text.replace('|', "/").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;
    use crate::bench::summary::tests::summary;

    #[test]
    fn a_table_has_a_row_a_work_and_a_column_a_tool() -> Result<()> {
        let runs = [("s3mirror", 0.5), ("rclone", 2.0), ("SDK alone", 0.25)];
        let summaries = [
            summary("up-small", &runs)?,
            summary("same-few", &runs[..2])?,
        ];
        let table = of_all(&summaries);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[2],
            "| upload of many small files, 10,000 × 4 KiB | CPU | 0.50 s, 10 | 2.00 s, 10 | \
             0.25 s, 10 | 0.25 | 2.00 |  |"
        );
        assert_eq!(
            lines[3],
            "| nothing changed, 10,000 | CPU | 0.50 s, 10 | 2.00 s, 10 | | 0.25 |  |  |"
        );
        let columns = |line: &str| line.matches('|').count();
        assert!(lines.iter().all(|line| columns(line) == columns(lines[0])));
        Ok(())
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands("1000000"), "1,000,000");
        assert_eq!(thousands("999"), "999");
        assert_eq!(cell("a|b\nc"), "a/b c");
    }
}
