//! The works in which s3mirror is measured against itself.

use std::fmt::Write as _;

use super::{
    super::summary::Summary,
    text::{figures, heading, number, targets},
};

pub(super) fn table(summaries: &[&Summary]) -> String {
    let mut text = "s3mirror against itself; the throughput is that of the first line of its \
                    work, so many times.\n\n\
                    | work | s3mirror | wall s / CPU s / MiB | throughput | endpoint busy \
                    | cores busy | target |\n"
        .to_owned();
    text += &"|---".repeat(7);
    text += "|\n";
    for summary in summaries {
        for variation in summary.work.variations {
            let name = variation.tool;
            let Some(medians) = summary.of(name) else {
                continue;
            };
            let how = name.trim_start_matches("s3mirror ");
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {} | {how} | {} | {} | {:.0} % | {:.2} | {} |",
                heading(summary),
                figures(Some(medians)),
                number(summary.speedup(name)),
                medians.busy * 100.0,
                medians.cores_busy(),
                targets(summary, variation.targets, name)
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;
    use crate::bench::summary::tests::summary;

    #[test]
    fn each_variation_is_a_row_with_its_throughput() -> Result<()> {
        let runs = [("s3mirror on 1 core", 2.0), ("s3mirror on 2 cores", 1.0)];
        let summary = summary("down-large-cores", &runs)?;
        let table = table(&[&summary]);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines[3],
            "| download of large files over https, by cores, 4 × 256 MiB | on 2 cores \
             | 2.00 / 1.00 / 10 | 2.00 | 0 % | 0.50 | throughput ≥ 1.6 ×: met |"
        );
        let columns = |line: &str| line.matches('|').count();
        assert!(lines.iter().all(|line| columns(line) == columns(lines[0])));
        Ok(())
    }
}
