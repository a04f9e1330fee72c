//! All works in which tools are compared: what each needed, our ratios to the
//! peers that are best at it, and what is wanted of us.

use std::fmt::Write as _;

use super::{
    super::{
        summary::Summary,
        tool::{Role, role},
        work::Figure,
    },
    text::{figures, heading, number, targets},
};

const OURS: &str = "s3mirror";

/// Behind the tools.
const RATIOS: &str = "wall / best peer | CPU / best peer | CPU / SDK alone \
                      | CPU / HTTP alone | target";

pub(super) fn table(summaries: &[&Summary]) -> String {
    let tools = columns(summaries);
    let mut text = format!(
        "Each tool: wall seconds / processor seconds / peak memory in MiB.\n\n\
         | work | {} | {RATIOS} |\n",
        tools.join(" | ")
    );
    text += &"|---".repeat(tools.len() + 6);
    text += "|\n";
    for summary in summaries {
        let _ = write!(text, "| {} |", heading(summary));
        for tool in &tools {
            text += &spaced(&figures(summary.of(tool)));
        }
        text += &ratios(summary, OURS);
        let _ = writeln!(text, " {} |", targets(summary, summary.work.targets, OURS));
        for variation in summary.work.variations {
            let name = variation.tool;
            if summary.of(name).is_none() {
                continue;
            }
            let _ = write!(text, "| {}, {name} |", heading(summary));
            for tool in &tools {
                let own = summary.of(name).filter(|_| *tool == OURS);
                text += &spaced(&figures(own));
            }
            text += &ratios(summary, name);
            let _ = writeln!(text, " {} |", targets(summary, variation.targets, name));
        }
    }
    text
}

/// The tools that have one; a variation is shown in that of ours.
fn columns(summaries: &[&Summary]) -> Vec<&'static str> {
    let mut tools = vec![OURS];
    for runs in summaries.iter().flat_map(|summary| &summary.tools) {
        if !tools.contains(&runs.tool) && role(runs.tool) != Role::Ours {
            tools.push(runs.tool);
        }
    }
    tools
}

fn ratios(summary: &Summary, name: &str) -> String {
    let best = |figure| summary.ratio_to_best(figure, name);
    let floor = |other| summary.ratio(Figure::Cpu, name, other);
    let ratios = [
        best(Figure::Wall),
        best(Figure::Cpu),
        floor("SDK alone"),
        floor("HTTP alone"),
    ];
    ratios.map(|ratio| spaced(&number(ratio))).concat()
}

fn spaced(cell: &str) -> String {
    if cell.is_empty() {
        " |".to_owned()
    } else {
        format!(" {cell} |")
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;
    use crate::bench::summary::tests::summary;

    #[test]
    fn a_table_has_a_row_a_work_and_a_column_a_tool() -> Result<()> {
        let runs = [("s3mirror", 0.5), ("rclone", 2.0), ("SDK alone", 0.25)];
        let (small, same) = (
            summary("up-small", &runs)?,
            summary("same-few", &runs[..2])?,
        );
        let table = table(&[&small, &same]);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines[2],
            "| upload of many small files, 10,000 × 4 KiB | 1.00 / 0.50 / 10 | 4.00 / 2.00 / 10 \
             | 0.50 / 0.25 / 10 | 0.25 | 0.25 | 2.00 | | CPU ≤ 0.35 × best peer: met; \
             CPU ≤ 1.15 × SDK alone: missed |"
        );
        assert_eq!(
            lines[3],
            "| nothing changed, 10,000 | 1.00 / 0.50 / 10 | 4.00 / 2.00 / 10 | | 0.25 | 0.25 | | \
             | CPU ≤ 0.2 × best peer: missed; ≤ 48 MiB: met |"
        );
        let columns = |line: &str| line.matches('|').count();
        assert!(lines.iter().all(|line| columns(line) == columns(lines[0])));
        Ok(())
    }

    #[test]
    fn a_variation_has_a_row_of_its_own() -> Result<()> {
        let runs = [("s3mirror", 1.0), ("s3mirror unsigned", 0.5), ("aws", 2.0)];
        let summary = summary("up-large", &runs)?;
        let table = table(&[&summary]);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert!(
            lines[0].starts_with("| work | s3mirror | aws | wall "),
            "{table}"
        );
        assert_eq!(
            lines[3],
            "| upload of large files, 4 × 256 MiB, s3mirror unsigned | 1.00 / 0.50 / 10 | \
             | 0.25 | 0.25 | | |  |"
        );
        Ok(())
    }
}
