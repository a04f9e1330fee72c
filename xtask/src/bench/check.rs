//! Whether a tool did what it was asked to. A figure of one that did not would be
//! worth nothing.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{
    data,
    tool::{Role, Tool, role},
    trial::Trial,
    work::{Action, Work},
};

/// Fails unless `tool` did `work`, no more and no less.
pub(super) fn check(work: &Work, tool: &Tool, dir: &Path, trial: &Trial) -> Result<()> {
    let served = &trial.served;
    if role(tool.name) == Role::Floor {
        // It fails by itself; an upload in parts is none in the bucket.
        return Ok(());
    }
    let written = served.stored;
    match work.action {
        Action::Download => {
            ensure!(written == 0, "it uploaded {written} objects");
            data::check(work.files, dir)
        }
        Action::Upload => {
            ensure!(
                served.objects == work.transfers && written >= work.transfers,
                "it uploaded {written} objects, of which {} are there, instead of {}",
                served.objects,
                work.transfers
            );
            let bytes = work.bytes();
            ensure!(
                served.received >= bytes,
                "it uploaded {} bytes instead of {bytes}",
                served.received
            );
            Ok(())
        }
        Action::Compare => {
            let read = served.count("GET");
            ensure!(read == 0, "it downloaded {read} objects");
            ensure!(
                written == work.transfers,
                "it uploaded {written} objects instead of {}",
                work.transfers
            );
            Ok(())
        }
        Action::Delete => {
            let read = served.count("GET");
            ensure!(
                read + written == 0,
                "it downloaded {read} and uploaded {written} objects"
            );
            let kept = work.files.count;
            ensure!(
                served.objects == kept,
                "it left {} objects instead of {kept}",
                served.objects
            );
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::bench::{endpoint::Served, options::Options, tool::Kind, work};

    /// Whether a run of `name` counts for which the endpoint saw `requests`, of
    /// which it refused none.
    fn counts(name: &str, requests: &[(&str, u64)], objects: u64, received: u64) -> Result<()> {
        let writes = requests
            .iter()
            .filter(|(kind, _)| ["PUT", "COMPLETE"].contains(kind));
        let stored = writes.map(|write| write.1).sum();
        let requests = requests
            .iter()
            .map(|&(kind, count)| (kind.to_owned(), count));
        let requests = requests.collect();
        count(
            name,
            Served {
                requests,
                stored,
                objects,
                received,
                ..Served::default()
            },
        )
    }

    fn count(name: &str, served: Served) -> Result<()> {
        let works = work::chosen(&Options::parse(&["--only", name])?)?;
        let work = works.first().context("a work")?;
        let tool = Tool::new(Kind::Rclone, Path::new("rclone"));
        let trial = Trial {
            served,
            ..Trial::default()
        };
        check(work, &tool, Path::new("/nowhere"), &trial)
    }

    #[test]
    fn a_run_counts_only_if_the_tool_did_the_work() {
        let all = 4 << 28;
        assert!(counts("up-large", &[("PUT", 1), ("COMPLETE", 3)], 4, all).is_ok());
        assert!(counts("up-large", &[("COMPLETE", 3)], 3, all).is_err());
        assert!(counts("up-large", &[("COMPLETE", 4)], 4, all - 1).is_err());
        assert!(counts("up-large", &[("COMPLETE", 4)], 5, all).is_err());
        assert!(counts("same-few", &[("LIST", 10)], 10_000, 0).is_ok());
        assert!(counts("same-few", &[("LIST", 10), ("PUT", 1)], 10_000, 3).is_err());
        assert!(counts("same-few", &[("LIST", 10), ("GET", 1)], 10_000, 0).is_err());
        assert!(counts("changed", &[("PUT", 1_000)], 100_000, 4_000).is_ok());
        assert!(counts("changed", &[("PUT", 999)], 100_000, 4_000).is_err());
        assert!(counts("down-small", &[("PUT", 1)], 1, 0).is_err());
        assert!(counts("same-slow-fs", &[("GET", 1)], 10_000, 0).is_err());
    }

    #[test]
    fn a_refused_request_is_no_upload() {
        let served = |stored| Served {
            requests: [("PUT".to_owned(), 1_001)].into(),
            refused: 1,
            stored,
            objects: 100_000,
            ..Served::default()
        };
        assert!(count("changed", served(1_000)).is_ok());
        assert!(count("changed", served(1_001)).is_err());
    }

    #[test]
    fn deletions_count_only_if_what_is_kept_is_all_there_is() {
        assert!(counts("delete-300ms", &[("LIST", 101), ("DELETE", 100)], 1, 0).is_ok());
        assert!(counts("delete-300ms", &[("DELETE", 99)], 1_001, 0).is_err());
        assert!(counts("delete-300ms", &[("DELETE", 101)], 0, 0).is_err());
        assert!(counts("delete-300ms", &[("DELETE", 101), ("PUT", 1)], 1, 3).is_err());
        assert!(counts("delete-300ms", &[("DELETE", 100), ("GET", 1)], 1, 0).is_err());
    }
}
