//! Attributes that the file system did not let a run set, though the run
//! continued: counted, with a few names, for the report.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use sync_core::{setting::Setting, text::printable};

/// Names that are kept of each kind.
const NAMES: usize = 3;

/// What could not be done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shortfall {
    /// Its time was not set.
    Time,
    /// It did not get the permissions of the file that it replaced.
    Permissions,
    /// It did not get the owner of the file that it replaced, who could read
    /// that and cannot read this one.
    Owner,
}

/// The warning for a file system that does not support fsync.
pub(crate) fn without_sync() -> String {
    format!(
        "the file system does not support fsync: after a power cut, the files that were restored \
         last may be missing; use {} none to skip the attempt",
        Setting::Durability
    )
}

/// The shortfalls of a run.
#[derive(Debug, Default)]
pub(crate) struct Shortfalls(Mutex<BTreeMap<Shortfall, Noted>>);

#[derive(Debug, Default)]
struct Noted {
    count: u64,
    names: Vec<String>,
}

impl Shortfalls {
    /// Counts `what`, which happened to the file `name`.
    pub(crate) fn add(&self, what: Shortfall, name: &str) {
        let mut all = self.0.lock();
        let noted = all.entry(what).or_default();
        noted.count += 1;
        if noted.names.len() < NAMES {
            noted.names.push(printable(name));
        }
    }

    /// One sentence for each kind.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let all = self.0.lock();
        let sentences = all.iter().map(|(what, noted)| sentence(*what, noted));
        sentences.collect()
    }
}

fn sentence(what: Shortfall, noted: &Noted) -> String {
    let which = noted.which();
    match what {
        Shortfall::Time => format!(
            "the file system did not set the time of {which}: it is that of this run, so the next \
             restore copies them again, and the next backup uploads them"
        ),
        Shortfall::Permissions => format!(
            "the file system did not set the permissions of {which}: they are more restricted \
             than those of the files that were replaced"
        ),
        Shortfall::Owner => format!(
            "the owner of {which} could not be kept, and the old owner cannot read them any more: \
             change their owner, or restore as root"
        ),
    }
}

impl Noted {
    /// As in "3 files ('a', 'b', 'c')".
    fn which(&self) -> String {
        let Self { count, names } = self;
        let s = if *count == 1 { "" } else { "s" };
        let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
        let more = if *count > names.len() as u64 {
            ", …"
        } else {
            ""
        };
        format!("{count} file{s} ({}{more})", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_one_sentence_with_its_count_and_a_few_names() {
        let shortfalls = Shortfalls::default();
        assert!(shortfalls.sentences().is_empty());
        shortfalls.add(Shortfall::Owner, "x\ny");
        for name in ["a", "b", "c", "d"] {
            shortfalls.add(Shortfall::Time, name);
        }
        let [times, owner] = &shortfalls.sentences()[..] else {
            panic!("{shortfalls:?}")
        };
        assert!(times.contains("the time of 4 files ('a', 'b', 'c', …)"));
        assert!(owner.contains("the owner of 1 file ('x\\ny')"), "{owner}");
    }
}
