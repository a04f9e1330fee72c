//! The summary of several runs: medians, and which tool needs least.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{
    tool::{Role, role},
    trial::Trial,
    work::{Compared, Work},
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

    /// The figure that the work is about.
    pub(super) fn compared(&self, medians: &Medians) -> f64 {
        match self.work.compared {
            Compared::Cpu => medians.cpu,
            Compared::Wall => medians.wall,
        }
    }

    /// The peer that needs least of it.
    pub(super) fn best_peer(&self) -> Option<(&'static str, Medians)> {
        let peers = self
            .tools
            .iter()
            .filter(|runs| role(runs.tool) == Role::Peer);
        let peers = peers.filter_map(|runs| Some((runs.tool, runs.medians()?)));
        peers.min_by(|a, b| self.compared(&a.1).total_cmp(&self.compared(&b.1)))
    }

    /// By how much `name` exceeds `other` in the figure that the work is about.
    pub(super) fn ratio(&self, name: &str, other: &str) -> Option<f64> {
        let own = self.compared(&self.of(name)?);
        let other = self.compared(&self.of(other)?);
        (other > 0.0).then(|| own / other)
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
        assert_eq!(summary.best_peer().map(|best| best.0), Some("rclone"));
        assert_eq!(summary.ratio("s3mirror", "rclone"), Some(0.5));
        assert_eq!(summary.ratio("s3mirror", "SDK alone"), Some(2.0));
        assert_eq!(summary.ratio("s3mirror", "s5cmd"), None);
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
