//! Works and figures as people write them.

use std::{collections::BTreeMap, fmt::Write as _};

use super::super::{
    summary::{Medians, Summary},
    work::{Action, Target},
};

/// The work for people: its title and how much it is.
pub(in crate::bench) fn heading(summary: &Summary) -> String {
    let work = &summary.work;
    let count = match work.action {
        Action::Delete => work.transfers,
        _ => work.files.count,
    };
    let size = match work.files.size {
        0..1024 => String::new(),
        size @ 1024..1_048_576 => format!(" × {} KiB", size >> 10),
        size => format!(" × {} MiB", size >> 20),
    };
    format!("{}, {}{size}", work.title, thousands(&count.to_string()))
}

/// All that a tool needed, in one cell.
pub(super) fn figures(medians: Option<Medians>) -> String {
    medians.map_or_else(String::new, |medians| {
        let Medians {
            wall, cpu, peak, ..
        } = medians;
        format!("{wall:.2} / {cpu:.2} / {peak:.0}")
    })
}

/// What is wanted of the tool `name`, and whether it is so.
pub(super) fn targets(summary: &Summary, targets: &[Target], name: &str) -> String {
    let mut text = String::new();
    for target in targets {
        let between = if text.is_empty() { "" } else { "; " };
        let verdict = match summary.is_met(target, name) {
            Some(true) => ": met",
            Some(false) => ": missed",
            None => "",
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{between}{target}{verdict}");
    }
    text
}

/// `1000000` as `1,000,000`.
pub(super) fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn requests(requests: &BTreeMap<String, u64>) -> String {
    let words = requests
        .iter()
        .map(|(kind, count)| format!("{kind} {count}"));
    words.collect::<Vec<_>>().join(", ")
}

pub(super) fn number(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))
}

/// Fit for a cell of a table.
pub(super) fn cell(text: &str) -> String {
    let text: String = text.chars().take(200).collect();
    text.replace('|', "/").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;
    use crate::bench::summary::tests::summary;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands("1000000"), "1,000,000");
        assert_eq!(thousands("999"), "999");
        assert_eq!(cell("a|b\nc"), "a/b c");
    }

    #[test]
    fn a_heading_says_how_much_there_is_to_do() -> Result<()> {
        let of = |work| -> Result<String> { Ok(heading(&summary(work, &[])?)) };
        assert_eq!(
            of("delete-300ms")?,
            "deletions, answers 300 ms late, 100,000"
        );
        assert_eq!(
            of("down-huge-60ms")?,
            "download of one file, answers 60 ms late, 1 × 2048 MiB"
        );
        Ok(())
    }
}
