//! What a fault does to a request.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use http::HeaderMap;

use crate::state::State;

/// What happens to a request.
#[derive(Clone)]
pub enum Action {
    /// It is answered with this error; nothing is done.
    Error {
        /// The HTTP status.
        status: u16,
        /// S3's name of the error.
        code: String,
        /// The text for people.
        message: String,
        /// Further headers of the answer.
        headers: Vec<(String, String)>,
    },
    /// It waits this long before it is looked at.
    Stall(Duration),
    /// The body of the answer pauses once, after `after` bytes.
    StallBody {
        /// How many bytes are sent before the pause.
        after: u64,
        /// How long the pause is.
        pause: Duration,
    },
    /// The body of the answer arrives in drops.
    Trickle {
        /// The size of a drop.
        bytes: usize,
        /// The time between two drops.
        every: Duration,
    },
    /// The connection is closed after this many bytes of the answer's body.
    CutBodyAfter(u64),
    /// The connection is reset without an answer; nothing is done.
    Reset,
    /// The operation is done, then the connection is reset without an answer.
    LoseAnswer,
    /// The lowest bit of one byte of the answer's body is flipped.
    FlipBit {
        /// Which byte.
        offset: u64,
    },
    /// The lowest bit of one byte of the received body is flipped before
    /// anything is checked, as on a bad line. The offset counts the bytes on
    /// the wire, so in an aws-chunked body it includes the framing.
    FlipReceivedBit {
        /// Which byte.
        offset: u64,
    },
    /// It is answered with status 200 and an error as the body, as
    /// CompleteMultipartUpload and CopyObject may be; nothing is done.
    OkWithErrorBody {
        /// S3's name of the error.
        code: String,
        /// The text for people.
        message: String,
    },
    /// DeleteObjects leaves these keys alone and reports an error for each.
    FailKeys {
        /// The keys.
        keys: BTreeSet<String>,
        /// S3's name of the error.
        code: String,
        /// The text for people.
        message: String,
    },
    /// The finished answer is changed by a function before it is sent.
    EditAnswer(Arc<dyn Fn(&mut Answer) + Send + Sync>),
    /// A function looks at or changes the state; then the request is served.
    Run(Arc<dyn Fn(&State) + Send + Sync>),
}

/// A finished answer, for [`Action::EditAnswer`]. Its `Content-Length` follows
/// from the body.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Action {
    /// An error with a message of no consequence.
    #[must_use]
    pub fn error(status: u16, code: &str) -> Self {
        let message = format!("{code}, injected by the test");
        Self::Error {
            status,
            code: code.to_owned(),
            message,
            headers: Vec::new(),
        }
    }

    /// Runs `f` before the operation.
    pub fn run(f: impl Fn(&State) + Send + Sync + 'static) -> Self {
        Self::Run(Arc::new(f))
    }

    /// Changes the finished answer by `f`.
    pub fn edit(f: impl Fn(&mut Answer) + Send + Sync + 'static) -> Self {
        Self::EditAnswer(Arc::new(f))
    }

    /// Makes DeleteObjects report `code` for each of `keys`.
    pub fn fail_keys<K: Into<String>>(keys: impl IntoIterator<Item = K>, code: &str) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        Self::FailKeys {
            keys,
            code: code.to_owned(),
            message: format!("{code}, injected by the test"),
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Error { .. } => "Error",
            Self::Stall(_) => "Stall",
            Self::StallBody { .. } => "StallBody",
            Self::Trickle { .. } => "Trickle",
            Self::CutBodyAfter(_) => "CutBodyAfter",
            Self::Reset => "Reset",
            Self::LoseAnswer => "LoseAnswer",
            Self::FlipBit { .. } => "FlipBit",
            Self::FlipReceivedBit { .. } => "FlipReceivedBit",
            Self::OkWithErrorBody { .. } => "OkWithErrorBody",
            Self::FailKeys { .. } => "FailKeys",
            Self::EditAnswer(_) => "EditAnswer",
            Self::Run(_) => "Run",
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
