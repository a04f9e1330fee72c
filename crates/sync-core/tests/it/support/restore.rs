//! Restores that are given by two lists of names.

use sync_core::testing::MemoryStore;
use sync_core::{
    Direction,
    plan::{Deletions, PlanOptions},
};

use super::{lines, noon, plan, run};

/// A bucket that is to be restored over a tree.
pub(crate) struct Restore {
    pub(crate) bucket: MemoryStore,
    pub(crate) files: MemoryStore,
    pub(crate) options: PlanOptions,
}

/// A restore of `objects` over `files`; what both have differs.
pub(crate) fn restore(objects: &[&str], files: &[&str]) -> Restore {
    let restore = Restore {
        bucket: MemoryStore::objects(),
        files: MemoryStore::files(),
        options: PlanOptions::new(Direction::Restore),
    };
    for name in objects {
        restore
            .bucket
            .insert(name, format!("object {name}"), noon(0));
    }
    for name in files {
        restore.files.insert(name, format!("file {name}"), noon(0));
    }
    restore
}

impl Restore {
    pub(crate) fn without_deletions(mut self) -> Self {
        self.options.deletions = Deletions::Off;
        self
    }

    pub(crate) fn plan(&self) -> Vec<String> {
        lines(&plan(&self.bucket, &self.files, &self.options))
    }

    /// Executes; what is then in the tree, with `*` at what came from the bucket.
    pub(crate) fn outcome(&self) -> Vec<String> {
        run(
            &plan(&self.bucket, &self.files, &self.options),
            &self.bucket,
            &self.files,
        );
        let contents = self.files.contents().into_iter();
        let mark = |(name, body): (String, bytes::Bytes)| {
            let mark = if body.starts_with(b"object") { "*" } else { "" };
            format!("{name}{mark}")
        };
        contents.map(mark).collect()
    }
}

/// Compares the plan's lines in any order.
pub(crate) fn assert_plan(restore: &Restore, mut expected: Vec<&str>) {
    let mut planned = restore.plan();
    planned.sort();
    expected.sort_unstable();
    assert_eq!(planned, expected);
}
