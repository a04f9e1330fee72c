//! What clients asked for, and what it cost to answer.

use std::fmt;

/// The requests that a table distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    Head,
    Get,
    Put,
    /// CreateMultipartUpload.
    Create,
    Part,
    /// CompleteMultipartUpload.
    Complete,
    Delete,
    Other,
}

const NAMES: [&str; 9] = [
    "LIST", "HEAD", "GET", "PUT", "CREATE", "PART", "COMPLETE", "DELETE", "OTHER",
];

/// Counts, written one a line as `name value`.
#[derive(Debug, Default)]
pub(super) struct Tally {
    requests: [u64; NAMES.len()],
    /// Requests that were answered with an error.
    pub(super) refused: u64,
    /// Objects written, by requests that were not refused.
    pub(super) stored: u64,
    /// Connections opened.
    pub(super) connections: u64,
    /// Bytes of content that came in.
    pub(super) received: u64,
    /// Bytes of content that went out.
    pub(super) sent: u64,
}

impl Tally {
    pub(super) fn count(&mut self, kind: Kind) {
        self.requests[kind as usize] += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in NAMES.iter().zip(self.requests) {
            if count > 0 {
                writeln!(f, "{name} {count}")?;
            }
        }
        writeln!(f, "refused {}", self.refused)?;
        writeln!(f, "stored {}", self.stored)?;
        writeln!(f, "connections {}", self.connections)?;
        writeln!(f, "received {}", self.received)?;
        writeln!(f, "sent {}", self.sent)
    }
}
