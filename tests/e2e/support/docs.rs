//! The commands of a page of the documents.

use super::{Outcome, run::Run};

/// The lines of all examples of a page that are for a shell, without comments.
#[track_caller]
pub(crate) fn commands(page: &str) -> Vec<&str> {
    let examples = page.split("```sh\n").skip(1);
    let lines = examples.flat_map(|example| example.split("```").next().unwrap().lines());
    let commands: Vec<_> = lines.filter(|line| !line.starts_with('#')).collect();
    assert!(!commands.is_empty(), "no commands in this page:\n{page}");
    commands
}

impl Run {
    /// Runs a line of a shell, in which `s3mirror` is this run, and expects that
    /// it succeeds.
    #[track_caller]
    pub(crate) fn line(self, line: &str) -> Outcome {
        let script = format!("program=$1; s3mirror() {{ \"$program\" \"$@\"; }}; {line}");
        self.in_shell(&script).is(0)
    }
}
