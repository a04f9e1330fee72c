//! The tools: ours, its peers and the floors; who takes which work. The command
//! line of each is in [`command`], what it finds in its environment in [`access`].

mod access;
mod command;

use std::path::{Path, PathBuf};

use super::{
    endpoint::Endpoint,
    work::{Action, ClientCores, Figure, Variation, Work},
};

pub(super) use access::give_access;

/// Who deletes objects one by one would take the better part of an hour for
/// more of them, where answers come late.
const ONE_BY_ONE: u64 = 5_000;

/// A program that can run the workloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    kind: Kind,
    program: PathBuf,
    /// What it is told beside where to copy.
    options: &'static [&'static str],
    pub(super) cores: ClientCores,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    S3mirror,
    Aws,
    S5cmd,
    Rclone,
    S3sync,
    Juicefs,
    /// The floors.
    Sdk,
    Http,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::S3mirror => "s3mirror",
            Self::Aws => "aws",
            Self::S5cmd => "s5cmd",
            Self::Rclone => "rclone",
            Self::S3sync => "s3sync",
            Self::Juicefs => "juicefs",
            Self::Sdk => "SDK alone",
            Self::Http => "HTTP alone",
        }
    }
}

/// What a tool is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Ours,
    Peer,
    Floor,
}

/// The role of the tool `name`.
pub(super) fn role(name: &str) -> Role {
    if name.starts_with(Kind::S3mirror.name()) {
        Role::Ours
    } else if name.ends_with(" alone") {
        Role::Floor
    } else {
        Role::Peer
    }
}

impl Tool {
    pub(super) fn new(kind: Kind, program: &Path) -> Self {
        Self {
            name: kind.name(),
            kind,
            program: program.to_owned(),
            options: &[],
            cores: ClientCores::One,
        }
    }

    /// The same program as `variation` has it.
    pub(super) fn varied(&self, variation: &Variation) -> Self {
        Self {
            name: variation.tool,
            options: variation.options,
            cores: variation.cores,
            ..self.clone()
        }
    }

    /// Why the tool is not asked to do `work`.
    pub(super) fn declines(&self, work: &Work) -> Option<&'static str> {
        let deletes_many = work.action == Action::Delete && work.transfers > ONE_BY_ONE;
        match self.kind {
            Kind::Aws | Kind::Rclone | Kind::S3sync | Kind::Juicefs if deletes_many => {
                Some("it deletes objects one by one, and would take most of an hour")
            }
            Kind::Aws | Kind::S5cmd if work.name == "same-many-50ms" => {
                Some("it would take minutes, for what the work without late pages tells")
            }
            Kind::Aws | Kind::S5cmd if work.name == "same-most" => {
                Some("it would take half an hour, or 30 GiB")
            }
            // What they can do for a comparison is to read the listing; where
            // time is compared, they would not be a floor: they read one page
            // after the other.
            Kind::Sdk | Kind::Http
                if work.compared != Figure::Cpu
                    || (work.action == Action::Compare && work.transfers > 0) =>
            {
                Some("it is no floor of this work")
            }
            _ => None,
        }
    }

    /// The program and its arguments for `work` between `dir` and `endpoint`.
    pub(super) fn command(&self, work: &Work, dir: &Path, endpoint: &Endpoint) -> Vec<String> {
        let program = self.program.display().to_string();
        let words = command::arguments(self.kind, self.options, work, dir, endpoint);
        std::iter::once(program).chain(words).collect()
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, Result};

    use super::*;
    use crate::bench::{options::Options, work};

    #[test]
    fn what_a_tool_is_measured_against_follows_from_its_name() {
        assert_eq!(role("s3mirror unsigned"), Role::Ours);
        assert_eq!(role(Kind::S3sync.name()), Role::Peer);
        assert_eq!(role(Kind::Juicefs.name()), Role::Peer);
        assert_eq!(role(Kind::Sdk.name()), Role::Floor);
        assert_eq!(role(Kind::Http.name()), Role::Floor);
    }

    #[test]
    fn who_deletes_one_by_one_is_asked_for_few_deletions_only() -> Result<()> {
        let declines = |kind, words: &[&str]| -> Result<bool> {
            let works = work::chosen(&Options::parse(words)?)?;
            let work = works.first().context("a work")?;
            Ok(Tool::new(kind, Path::new("tool")).declines(work).is_some())
        };
        let (all, few) = (
            ["--only", "delete-300ms"],
            ["--only", "delete-300ms", "--quick"],
        );
        for kind in [Kind::Aws, Kind::Rclone, Kind::S3sync, Kind::Juicefs] {
            assert!(declines(kind, &all)? && !declines(kind, &few)?, "{kind:?}");
        }
        for kind in [Kind::S3mirror, Kind::S5cmd] {
            assert!(!declines(kind, &all)?, "{kind:?}");
        }
        Ok(())
    }
}
