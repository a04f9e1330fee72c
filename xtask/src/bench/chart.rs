//! Bar charts as SVG, plain enough to be read in a diff.

use std::fmt::Write as _;

use super::{
    summary::{Medians, Summary},
    table::heading,
    tool::{Role, role},
    work::Figure,
};

const WIDTH: f64 = 760.0;
/// Where bars begin, and the most they take.
const LEFT: f64 = 150.0;
const LONGEST: f64 = 500.0;
const BAR: f64 = 16.0;
const STEP: f64 = 20.0;
const TITLE: f64 = 34.0;

/// One thing to draw of each work.
struct Drawing {
    file: &'static str,
    title: &'static str,
    compared: Option<Figure>,
    value: fn(&Medians) -> f64,
    shown: fn(f64) -> String,
}

const FIGURES: [Drawing; 3] = [
    Drawing {
        file: "cpu.svg",
        title: "Processor seconds, less is better",
        compared: Some(Figure::Cpu),
        value: |medians| medians.cpu,
        shown: |value| format!("{value:.2} s"),
    },
    Drawing {
        file: "wall.svg",
        title: "Seconds on the wall, less is better",
        compared: Some(Figure::Wall),
        value: |medians| medians.wall,
        shown: |value| format!("{value:.1} s"),
    },
    Drawing {
        file: "memory.svg",
        title: "Peak memory, less is better",
        compared: None,
        value: |medians| medians.peak,
        shown: |value| format!("{value:.0} MiB"),
    },
];

/// The charts, each with the name of its file.
pub(super) fn all(summaries: &[Summary]) -> Vec<(&'static str, String)> {
    let charts = FIGURES.iter().filter_map(|figure| {
        let about = |summary: &&Summary| {
            figure
                .compared
                .is_none_or(|compared| summary.work.compared == compared)
        };
        let about: Vec<&Summary> = summaries.iter().filter(about).collect();
        (!about.is_empty()).then(|| (figure.file, draw(figure, &about)))
    });
    charts.collect()
}

fn draw(figure: &Drawing, summaries: &[&Summary]) -> String {
    let mut body = String::new();
    let mut y = TITLE;
    for summary in summaries {
        y = panel(&mut body, figure, summary, y);
    }
    let height = y + 8.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"bold\">{}</text>\n{body}</svg>\n",
        escaped(figure.title)
    )
}

/// The bars of one work; where the next begins.
fn panel(body: &mut String, figure: &Drawing, summary: &Summary, top: f64) -> f64 {
    let bars = summary.tools.iter();
    let bars = bars.filter_map(|runs| Some((runs.tool, (figure.value)(&runs.medians()?))));
    let bars: Vec<(&str, f64)> = bars.collect();
    let longest = bars
        .iter()
        .map(|bar| bar.1)
        .fold(f64::MIN_POSITIVE, f64::max);
    let title = escaped(&heading(summary));
    // Writing to a string cannot fail.
    let _ = writeln!(
        body,
        "<text x=\"12\" y=\"{}\" font-weight=\"bold\">{title}</text>",
        top + 16.0
    );
    let mut y = top + 24.0;
    for (tool, value) in bars {
        let colour = match role(tool) {
            Role::Ours => "#1f6feb",
            Role::Peer => "#8c959f",
            Role::Floor => "#d0d7de",
        };
        let width = (value / longest * LONGEST).max(1.0);
        let (line, after) = (y + 12.0, LEFT + width + 6.0);
        let shown = (figure.shown)(value);
        let _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{line}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <text x=\"{after:.1}\" y=\"{line}\">{shown}</text>",
            LEFT - 8.0,
            escaped(tool),
        );
        y += STEP;
    }
    y + 8.0
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;
    use crate::bench::summary::tests::summary;

    #[test]
    fn the_longest_bar_takes_the_room_and_the_others_their_share() -> Result<()> {
        let summary = summary("up-small", &[("s3mirror", 1.0), ("aws", 4.0)])?;
        let charts = all(&[summary]);
        let names: Vec<&str> = charts.iter().map(|chart| chart.0).collect();
        assert_eq!(names, ["cpu.svg", "memory.svg"]);
        let cpu = &charts[0].1;
        assert!(cpu.contains("width=\"125.0\""), "{cpu}");
        assert!(cpu.contains("width=\"500.0\""), "{cpu}");
        assert!(cpu.contains(">1.00 s<"), "{cpu}");
        Ok(())
    }

    #[test]
    fn text_cannot_break_the_markup() {
        assert_eq!(escaped("a<b & c"), "a&lt;b &amp; c");
    }
}
