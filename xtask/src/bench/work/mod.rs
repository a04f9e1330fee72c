//! The workloads: what is copied where, under which conditions, and what is
//! wanted of it. The works themselves are listed by kind: [`transfers`],
//! [`comparisons`], [`deletions`] and [`scaling`].

mod comparisons;
mod deletions;
mod files;
mod scaling;
mod slow_calls;
mod target;
mod transfers;
mod variation;

use anyhow::{Result, bail};

use super::options::Options;

pub(super) use files::Files;
pub(super) use slow_calls::SlowCalls;
pub(super) use target::{Figure, Target};
pub(super) use variation::{ClientCores, Variation};

/// One thing that every tool is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Work {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What is to happen to the files.
    pub(super) action: Action,
    /// The files of the side that is copied from.
    pub(super) files: Files,
    /// The files that the bucket holds before an upload.
    pub(super) bucket: Option<Files>,
    /// The latency of each answer, in milliseconds.
    pub(super) latency: u32,
    pub(super) scheme: Scheme,
    pub(super) place: Place,
    pub(super) slow_calls: Option<SlowCalls>,
    /// How many objects must be uploaded or deleted, or files downloaded.
    pub(super) transfers: u64,
    /// What the work is about.
    pub(super) compared: Figure,
    /// What is wanted of s3mirror at its defaults.
    pub(super) targets: &'static [Target],
    pub(super) entrants: Entrants,
    /// What s3mirror is run with beside its defaults.
    pub(super) variations: &'static [Variation],
    offered: Offered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Upload,
    Download,
    /// An upload that finds nothing, or little, to do.
    Compare,
    /// An upload that finds almost all objects without a file.
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// Where a download goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A file system in memory, so that no disk is measured.
    Memory,
    /// Where `target` is.
    Disk,
}

/// Who does a work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrants {
    Everyone,
    /// The variations of s3mirror, against each other.
    Variations,
}

/// When a work is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offered {
    Always,
    /// It takes minutes to prepare, and gigabytes.
    WhenNamed,
}

impl Work {
    fn up(name: &'static str, title: &'static str, files: Files) -> Self {
        Self {
            name,
            title,
            action: Action::Upload,
            files,
            bucket: None,
            latency: 0,
            scheme: Scheme::Http,
            place: Place::Memory,
            slow_calls: None,
            transfers: files.count,
            compared: Figure::Cpu,
            targets: &[],
            entrants: Entrants::Everyone,
            variations: &[],
            offered: Offered::Always,
        }
    }

    fn down(name: &'static str, title: &'static str, files: Files) -> Self {
        Self {
            action: Action::Download,
            ..Self::up(name, title, files)
        }
    }

    /// Each answer comes `latency` milliseconds late.
    fn late(self, latency: u32) -> Self {
        Self {
            latency,
            compared: Figure::Wall,
            ..self
        }
    }

    fn over_https(self) -> Self {
        Self {
            scheme: Scheme::Https,
            ..self
        }
    }

    /// How long a tool waits is what counts: its processor time holds the stops
    /// of the tracer, too.
    fn slowed(self, calls: SlowCalls) -> Self {
        Self {
            slow_calls: Some(calls),
            compared: Figure::Wall,
            ..self
        }
    }

    fn aims(self, targets: &'static [Target]) -> Self {
        Self { targets, ..self }
    }

    /// Also runs s3mirror in `variations`.
    fn varied(self, variations: &'static [Variation]) -> Self {
        Self { variations, ..self }
    }

    /// How many bytes the files hold that must be copied.
    pub(super) fn bytes(&self) -> u64 {
        self.transfers * self.files.size
    }

    /// What `--list` says of it.
    pub(super) fn described(&self) -> String {
        let Self { name, title, .. } = self;
        let when = match self.offered {
            Offered::Always => "",
            Offered::WhenNamed => " (only if named by --only)",
        };
        format!("{name:<22} {title}{when}")
    }
}

/// How many files, and how large.
struct Scale {
    small: u64,
    large: Files,
    huge: Files,
    entries: [u64; 3],
    most_entries: u64,
    deletions: u64,
    slow_entries: u64,
    /// What one thread copies at a small part of its pace.
    threads_large: Files,
    threads_small: u64,
}

impl Scale {
    fn full() -> Self {
        Self {
            small: 10_000,
            large: Files::new(4, 256 << 20),
            huge: Files::new(1, 2 << 30),
            entries: [10_000, 100_000, 1_000_000],
            most_entries: 10_000_000,
            deletions: 100_000,
            slow_entries: 10_000,
            threads_large: Files::new(16, 32 << 20),
            threads_small: 1_000,
        }
    }

    fn quick() -> Self {
        Self {
            small: 2_000,
            large: Files::new(4, 64 << 20),
            huge: Files::new(1, 512 << 20),
            entries: [10_000, 50_000, 100_000],
            most_entries: 200_000,
            deletions: 3_000,
            slow_entries: 2_000,
            threads_large: Files::new(16, 8 << 20),
            threads_small: 400,
        }
    }
}

/// The works that `options` ask for.
pub(super) fn chosen(options: &Options) -> Result<Vec<Work>> {
    let all = all(&if options.quick {
        Scale::quick()
    } else {
        Scale::full()
    });
    for name in options.only() {
        if !all.iter().any(|work| work.name == name) {
            let names: Vec<&str> = all.iter().map(|work| work.name).collect();
            bail!("no such work: '{name}'; there are {}", names.join(", "));
        }
    }
    let only = options.only();
    let wanted = |work: &Work| {
        if only.is_empty() {
            options.list || work.offered == Offered::Always
        } else {
            only.iter().any(|name| name == work.name)
        }
    };
    Ok(all.into_iter().filter(wanted).collect())
}

fn all(scale: &Scale) -> Vec<Work> {
    let kinds = [
        transfers::works(scale),
        comparisons::works(scale),
        deletions::works(scale),
        scaling::works(scale),
    ];
    kinds.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen_by(words: &[&str]) -> Result<Vec<Work>> {
        chosen(&Options::parse(words)?)
    }

    #[test]
    fn works_have_names_of_their_own_and_can_be_chosen() -> Result<()> {
        let mut names: Vec<_> = chosen_by(&[])?.iter().map(|work| work.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(chosen_by(&["--only", "changed"])?.len(), 1);
        assert!(chosen_by(&["--only", "nothing"]).is_err());
        Ok(())
    }

    #[test]
    fn what_takes_minutes_to_prepare_runs_only_if_it_is_named() -> Result<()> {
        let has = |words: &[&str]| -> Result<bool> {
            Ok(chosen_by(words)?
                .iter()
                .any(|work| work.name == "same-most"))
        };
        assert!(!has(&[])? && !has(&["--quick"])?);
        assert!(has(&["--only", "same-most"])? && has(&["--list"])?);
        Ok(())
    }

    #[test]
    fn the_changed_work_changes_one_in_a_hundred() -> Result<()> {
        let works = chosen_by(&["--only", "changed"])?;
        let [work] = works.as_slice() else {
            bail!("not one work")
        };
        assert_eq!(work.files.to_string(), "100000x3~100");
        assert_eq!(work.bucket, Some(Files::tiny(100_000)));
        assert_eq!(work.transfers, 1_000);
        assert_eq!(work.bytes(), 3_000);
        Ok(())
    }

    #[test]
    fn variations_are_ours_and_have_names_of_their_own() -> Result<()> {
        for work in chosen_by(&[])? {
            let mut names: Vec<_> = work.variations.iter().map(|one| one.tool).collect();
            assert!(names.iter().all(|name| name.starts_with("s3mirror ")));
            assert!(work.entrants == Entrants::Everyone || names.len() > 1);
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", work.name);
        }
        Ok(())
    }
}
