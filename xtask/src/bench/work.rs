//! The workloads: what is copied where, and under which conditions.

use anyhow::{Result, bail};

use super::options::Options;

/// One thing that every tool is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What is to happen to the files.
    pub(super) action: Action,
    /// The files of the side that is copied from, as `s3mirror-bench` writes
    /// layouts.
    pub(super) files: String,
    /// The files that the bucket holds before an upload.
    pub(super) bucket: Option<String>,
    /// The latency of each answer, in milliseconds.
    pub(super) latency: u32,
    pub(super) scheme: Scheme,
    pub(super) place: Place,
    /// How many objects must be uploaded, or files downloaded.
    pub(super) transfers: u64,
    /// What the work is about.
    pub(super) compared: Compared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Upload,
    Download,
    /// An upload that finds nothing, or little, to do.
    Compare,
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

/// What a work is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    Cpu,
    Wall,
}

impl Work {
    /// How many bytes the files hold that must be copied.
    pub(super) fn bytes(&self) -> Option<u64> {
        let files = self.files.split('~').next()?;
        let (_, size) = files.split_once('x')?;
        Some(self.transfers * size.parse::<u64>().ok()?)
    }
}

/// Files and sizes.
struct Scale {
    small: u64,
    large: (u64, u64),
    entries: [u64; 3],
}

const FULL: Scale = Scale {
    small: 10_000,
    large: (4, 256 << 20),
    entries: [10_000, 100_000, 1_000_000],
};

const QUICK: Scale = Scale {
    small: 2_000,
    large: (4, 64 << 20),
    entries: [10_000, 50_000, 100_000],
};

/// The works that `options` ask for.
pub(super) fn chosen(options: &Options) -> Result<Vec<Work>> {
    let all = all(if options.quick { &QUICK } else { &FULL });
    for name in options.only() {
        if !all.iter().any(|work| work.name == name) {
            let names: Vec<&str> = all.iter().map(|work| work.name).collect();
            bail!("no such work: '{name}'; there are {}", names.join(", "));
        }
    }
    let only = options.only();
    let wanted = |work: &Work| only.is_empty() || only.iter().any(|name| name == work.name);
    Ok(all.into_iter().filter(wanted).collect())
}

fn all(scale: &Scale) -> Vec<Work> {
    let small = || format!("{}x4096", scale.small);
    let (count, size) = scale.large;
    let large = || format!("{count}x{size}");
    let [few, more, many] = scale.entries;
    let up = |name, title, files, transfers| Work {
        name,
        title,
        action: Action::Upload,
        files,
        bucket: None,
        latency: 0,
        scheme: Scheme::Http,
        place: Place::Memory,
        transfers,
        compared: Compared::Cpu,
    };
    let down = |name, title, files, transfers| Work {
        action: Action::Download,
        ..up(name, title, files, transfers)
    };
    let same = |name, title, entries| Work {
        action: Action::Compare,
        bucket: Some(format!("{entries}x3")),
        ..up(name, title, format!("{entries}x3"), 0)
    };
    let slow = |work| Work {
        latency: 50,
        compared: Compared::Wall,
        ..work
    };
    let https = |work| Work {
        scheme: Scheme::Https,
        ..work
    };
    // The peers don't wait for the disk, so their processor time says little.
    let disk = |work| Work {
        place: Place::Disk,
        compared: Compared::Wall,
        ..work
    };
    vec![
        up(
            "up-small",
            "upload of many small files",
            small(),
            scale.small,
        ),
        down(
            "down-small",
            "download of many small files",
            small(),
            scale.small,
        ),
        up("up-large", "upload of large files", large(), count),
        down("down-large", "download of large files", large(), count),
        same("same-few", "nothing changed", few),
        same("same-more", "nothing changed", more),
        Work {
            files: format!("{more}x3~100"),
            transfers: more / 100,
            ..same("changed", "1 % changed", more)
        },
        https(up(
            "up-large-https",
            "upload of large files over https",
            large(),
            count,
        )),
        https(down(
            "down-large-https",
            "download of large files over https",
            large(),
            count,
        )),
        slow(up(
            "up-small-50ms",
            "upload of small files, answers 50 ms late",
            small(),
            scale.small,
        )),
        slow(down(
            "down-small-50ms",
            "download of small files, answers 50 ms late",
            small(),
            scale.small,
        )),
        disk(down(
            "down-small-disk",
            "restore of small files to a disk",
            small(),
            scale.small,
        )),
        disk(down(
            "down-large-disk",
            "restore of large files to a disk",
            large(),
            count,
        )),
        same("same-many", "nothing changed", many),
        slow(same(
            "same-many-50ms",
            "nothing changed, pages 50 ms late",
            many,
        )),
    ]
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
    fn the_changed_work_changes_one_in_a_hundred() -> Result<()> {
        let works = chosen_by(&["--only", "changed"])?;
        let [work] = works.as_slice() else {
            bail!("not one work")
        };
        assert_eq!(work.files, "100000x3~100");
        assert_eq!(work.bucket.as_deref(), Some("100000x3"));
        assert_eq!(work.transfers, 1_000);
        assert_eq!(work.bytes(), Some(3_000));
        Ok(())
    }
}
