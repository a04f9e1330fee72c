//! Everything about one work.

use std::fmt::Write as _;

use super::{
    super::{
        summary::{Runs, Summary},
        work::Figure,
    },
    text::{cell, heading, number, requests},
};

/// The tools that did the work, a row each.
pub(in crate::bench) fn of_work(summary: &Summary) -> String {
    let mut text = format!("{}: {}\n\n", summary.work.name, heading(summary));
    text += "| tool | wall s | CPU s | peak MiB | wall × best peer | CPU × best peer \
             | endpoint busy | runs | requests |\n";
    text += &"|---".repeat(9);
    text += "|\n";
    for runs in &summary.tools {
        let Runs { tool, trials, .. } = runs;
        if let Some(failure) = &runs.failure {
            let empty = " |".repeat(7);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {tool} | failed: {} |{empty}", cell(failure));
        }
        let Some(medians) = runs.medians() else {
            continue;
        };
        let ratio = |figure| number(summary.ratio_to_best(figure, tool));
        let asked = runs.requests().map(requests).unwrap_or_default();
        let refused = trials.last().map_or(0, |trial| trial.served.refused);
        let refused = match refused {
            0 => String::new(),
            count => format!(", {count} refused"),
        };
        let _ = writeln!(
            text,
            "| {tool} | {:.2} | {:.2} | {:.0} | {} | {} | {:.0} % | {} | {asked}{refused} |",
            medians.wall,
            medians.cpu,
            medians.peak,
            ratio(Figure::Wall),
            ratio(Figure::Cpu),
            medians.busy * 100.0,
            trials.len(),
        );
    }
    text
}
