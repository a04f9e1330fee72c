//! The summary of several runs: medians, and which tool needs least.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{
    tool::{Role, role},
    trial::Trial,
    work::{Figure, Target, Work},
};

/// A tool that takes longer for one run is run once.
const TOO_SLOW: f64 = 30.0;

/// All runs of one work.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Summary {
    pub(super) work: Work,
    /// In the order in which they ran.
    pub(super) tools: Vec<Runs>,
}

/// All runs of one tool.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Runs {
    pub(super) tool: &'static str,
    pub(super) trials: Vec<Trial>,
    /// Why one did not count.
    pub(super) failure: Option<String>,
}

/// The medians of a tool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Medians {
    pub(super) wall: f64,
    pub(super) cpu: f64,
    /// MiB.
    pub(super) peak: f64,
    /// The share of the time in which the endpoint was busy.
    pub(super) busy: f64,
}

impl Summary {
    pub(super) fn new(work: &Work) -> Self {
        Self {
            work: work.clone(),
            tools: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, tool: &'static str, trial: Result<Trial>) {
        let at = self.tools.iter().position(|runs| runs.tool == tool);
        let at = at.unwrap_or_else(|| {
            self.tools.push(Runs {
                tool,
                trials: Vec::new(),
                failure: None,
            });
            self.tools.len() - 1
        });
        match trial {
            Ok(trial) => self.tools[at].trials.push(trial),
            Err(error) => self.tools[at].failure = Some(format!("{error:#}")),
        }
    }

    /// Whether `tool` took so long that once is enough.
    pub(super) fn is_too_slow(&self, tool: &str) -> bool {
        let runs = self.tools.iter().find(|runs| runs.tool == tool);
        runs.is_some_and(|runs| runs.trials.iter().any(|trial| trial.wall > TOO_SLOW))
    }

    /// What the tool `name` needed; `None` if it never succeeded.
    pub(super) fn of(&self, name: &str) -> Option<Medians> {
        let runs = self.tools.iter().find(|runs| runs.tool == name);
        runs.and_then(Runs::medians)
    }

    /// The peer that needs least of `figure`.
    pub(super) fn best_peer(&self, figure: Figure) -> Option<&'static str> {
        let peers = self
            .tools
            .iter()
            .filter(|runs| role(runs.tool) == Role::Peer);
        let peers = peers.filter_map(|runs| Some((runs.tool, runs.medians()?)));
        let of = |medians: &Medians| medians.of(figure);
        let best = peers.min_by(|a, b| of(&a.1).total_cmp(&of(&b.1)));
        best.map(|best| best.0)
    }

    /// How many times the `figure` of `other` that of `name` is.
    pub(super) fn ratio(&self, figure: Figure, name: &str, other: &str) -> Option<f64> {
        let own = self.of(name)?.of(figure);
        let other = self.of(other)?.of(figure);
        (other > 0.0).then(|| own / other)
    }

    /// The same for the peer that is best at it.
    pub(super) fn ratio_to_best(&self, figure: Figure, name: &str) -> Option<f64> {
        self.ratio(figure, name, self.best_peer(figure)?)
    }

    /// How many times the throughput of the first variation that of `name` is.
    pub(super) fn speedup(&self, name: &str) -> Option<f64> {
        let first = self.work.variations.first()?;
        self.ratio(Figure::Wall, first.tool, name)
    }

    /// Whether `name` has reached `target`, if that can be said.
    pub(super) fn is_met(&self, target: &Target, name: &str) -> Option<bool> {
        Some(match *target {
            Target::OfBestPeer(figure, most) => self.ratio_to_best(figure, name)? <= most,
            Target::OfSdk(most) => self.ratio(Figure::Cpu, name, "SDK alone")? <= most,
            Target::Memory(most) => self.of(name)?.peak <= most,
            Target::Speedup(least) => self.speedup(name)? >= least,
        })
    }
}

impl Medians {
    pub(super) fn of(&self, figure: Figure) -> f64 {
        match figure {
            Figure::Cpu => self.cpu,
            Figure::Wall => self.wall,
        }
    }

    /// How many cores tool and endpoint kept busy together. Where they share two
    /// of them, near 2 no tool could be quicker.
    pub(super) fn cores_busy(&self) -> f64 {
        self.cpu / self.wall.max(0.001) + self.busy
    }
}

impl Runs {
    pub(super) fn medians(&self) -> Option<Medians> {
        let of = |value: fn(&Trial) -> f64| median(self.trials.iter().map(value).collect());
        Some(Medians {
            wall: of(|trial| trial.wall)?,
            cpu: of(Trial::cpu)?,
            peak: of(|trial| trial.peak as f64 / f64::from(1 << 20))?,
            busy: of(Trial::busy)?,
        })
    }

    /// The requests of the last run; they hardly differ.
    pub(super) fn requests(&self) -> Option<&BTreeMap<String, u64>> {
        Some(&self.trials.last()?.served.requests)
    }
}

/// The middle one, or between the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len().is_multiple_of(2) {
        let lower = values.get(values.len() / 2 - 1)?;
        return Some(f64::midpoint(*lower, upper));
    }
    Some(upper)
}

#[cfg(test)]
pub(super) mod tests {
    use anyhow::bail;

    use super::*;
    use crate::bench::{options::Options, work};

    /// A summary of `work` with the processor seconds given.
    pub(crate) fn summary(work: &str, runs: &[(&'static str, f64)]) -> Result<Summary> {
        let works = work::chosen(&Options::parse(&["--only", work])?)?;
        let Some(work) = works.first() else {
            bail!("no work")
        };
        let mut summary = Summary::new(work);
        for &(tool, seconds) in runs {
            let trial = Trial {
                wall: 2.0 * seconds,
                user: seconds,
                peak: 10 << 20,
                ..Trial::default()
            };
            summary.add(tool, Ok(trial));
        }
        Ok(summary)
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn the_best_peer_is_neither_ours_nor_a_floor() -> Result<()> {
        let runs = [
            ("s3mirror", 1.0),
            ("aws", 8.0),
            ("rclone", 2.0),
            ("SDK alone", 0.5),
        ];
        let summary = summary("up-small", &runs)?;
        assert_eq!(summary.best_peer(Figure::Cpu), Some("rclone"));
        assert_eq!(summary.ratio_to_best(Figure::Cpu, "s3mirror"), Some(0.5));
        let ratio = |other| summary.ratio(Figure::Cpu, "s3mirror", other);
        assert_eq!(ratio("SDK alone"), Some(2.0));
        assert_eq!(ratio("s5cmd"), None);
        Ok(())
    }

    #[test]
    fn the_best_peer_of_each_figure_is_another() -> Result<()> {
        let mut summary = summary("up-small", &[("s3mirror", 1.0), ("aws", 8.0)])?;
        let quick_but_busy = Trial {
            wall: 0.5,
            user: 9.0,
            ..Trial::default()
        };
        summary.add("s5cmd", Ok(quick_but_busy));
        assert_eq!(summary.best_peer(Figure::Cpu), Some("aws"));
        assert_eq!(summary.best_peer(Figure::Wall), Some("s5cmd"));
        assert_eq!(summary.ratio_to_best(Figure::Wall, "s3mirror"), Some(4.0));
        Ok(())
    }

    #[test]
    fn a_target_is_met_missed_or_cannot_be_judged() -> Result<()> {
        let runs = [("s3mirror", 1.0), ("rclone", 2.0), ("SDK alone", 0.5)];
        let summary = summary("up-small", &runs)?;
        let met = |target| summary.is_met(&target, "s3mirror");
        assert_eq!(met(Target::OfBestPeer(Figure::Cpu, 0.5)), Some(true));
        assert_eq!(met(Target::OfBestPeer(Figure::Wall, 0.4)), Some(false));
        assert_eq!(met(Target::OfSdk(1.9)), Some(false));
        assert_eq!(met(Target::Memory(10.0)), Some(true));
        assert_eq!(met(Target::Memory(9.0)), Some(false));
        assert_eq!(met(Target::Speedup(1.0)), None);
        Ok(())
    }

    #[test]
    fn a_variation_is_measured_by_the_first() -> Result<()> {
        let (one, two) = ("s3mirror on 1 core", "s3mirror on 2 cores");
        let summary = summary("down-large-cores", &[(one, 1.7), (two, 1.0)])?;
        assert_eq!(summary.speedup(two), Some(1.7));
        assert_eq!(summary.is_met(&Target::Speedup(1.6), two), Some(true));
        assert_eq!(summary.is_met(&Target::Speedup(1.8), two), Some(false));
        Ok(())
    }

    #[test]
    fn a_failed_run_is_named_and_does_not_count() -> Result<()> {
        let mut summary = summary("up-small", &[("aws", 1.0)])?;
        summary.add("aws", Err(anyhow::anyhow!("it fell over")));
        summary.add("rclone", Err(anyhow::anyhow!("it never ran")));
        assert_eq!(summary.tools.len(), 2);
        assert_eq!(summary.of("aws").map(|medians| medians.cpu), Some(1.0));
        assert_eq!(summary.of("rclone"), None);
        assert!(summary.tools.iter().all(|runs| runs.failure.is_some()));
        Ok(())
    }
}
