//! The figures as tables, in Markdown so that documents can hold them: one of
//! each work ([`of_work`]), then one of all works that tools are compared in
//! ([`compared`]) and one of s3mirror against itself ([`variations`]).

mod compared;
mod text;
mod variations;
mod work;

use super::{summary::Summary, trial::Trial, work::Entrants};

pub(super) use text::heading;
pub(super) use work::of_work;

/// One run, while the others are still to come.
pub(super) fn one_line(trial: &Trial) -> String {
    format!(
        "{:6.2} s CPU {:6.2} s wall {:5.0} MiB, endpoint busy {:3.0} %; {}",
        trial.cpu(),
        trial.wall,
        trial.peak as f64 / f64::from(1 << 20),
        trial.busy() * 100.0,
        text::requests(&trial.served.requests),
    )
}

/// All works.
pub(super) fn of_all(summaries: &[Summary]) -> String {
    let (compared, varied): (Vec<&Summary>, Vec<_>) = summaries
        .iter()
        .partition(|summary| summary.work.entrants == Entrants::Everyone);
    let mut tables = Vec::new();
    if !compared.is_empty() {
        tables.push(compared::table(&compared));
    }
    if !varied.is_empty() {
        tables.push(variations::table(&varied));
    }
    tables.join("\n")
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;
    use crate::bench::summary::tests::summary;

    #[test]
    fn s3mirror_against_itself_has_a_table_of_its_own() -> Result<()> {
        let peers = summary("up-small", &[("s3mirror", 0.5), ("rclone", 2.0)])?;
        let itself = summary("up-large-cores", &[("s3mirror on 1 core", 1.0)])?;
        let both = of_all(&[peers.clone(), itself.clone()]);
        assert_eq!(both, format!("{}\n{}", of_all(&[peers]), of_all(&[itself])));
        assert_eq!(both.matches("\n|---").count(), 2);
        Ok(())
    }
}
