//! What came of a run, and what every run must keep to.

use std::{fmt, os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

/// What came of a run.
pub(crate) struct Outcome {
    pub(crate) command: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Outcome {
    /// What holds for every run, whatever it is about: no panic, no crash, and
    /// no secret shown.
    #[track_caller]
    pub(crate) fn is_decent(&self, secrets: &[String]) {
        for text in [&self.stdout, &self.stderr] {
            assert!(!text.contains("panicked"), "a panic in {self}");
            for secret in secrets {
                assert!(
                    !text.contains(secret.as_str()),
                    "the secret '{secret}' in {self}"
                );
            }
        }
        let signal = self.status.signal();
        assert!(
            signal.is_none_or(|number| number == 2 || number == 15),
            "a crash of {self}"
        );
    }

    /// Expects this exit status.
    #[track_caller]
    pub(crate) fn is(self, status: i32) -> Self {
        assert_eq!(self.status.code(), Some(status), "exit status of {self}");
        self
    }

    /// Expects `text` in either stream.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(said, "'{text}' is not said by {self}");
        self
    }

    /// Expects exactly one line of complaint, and no report.
    #[track_caller]
    pub(crate) fn complains_in_one_line(self) -> Self {
        assert_eq!(
            self.stderr.trim_end().lines().count(),
            1,
            "one line of {self}"
        );
        assert!(self.stdout.is_empty(), "nothing to report by {self}");
        self
    }

    /// The objects of `--json`, one a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in '{line}' of {self}"))
        };
        self.stdout.lines().map(parse).collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            command,
            status,
            stdout,
            stderr,
            ..
        } = self;
        write!(
            f,
            "\n$ {command}\n({status})\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---"
        )
    }
}
