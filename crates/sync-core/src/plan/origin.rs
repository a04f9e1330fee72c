//! When a plan was made and of which places: what it takes to carry out a
//! saved plan, that the plan itself does not depend on.
//!
//! The core knows neither clocks nor paths nor URLs; whoever makes a plan that
//! is to be kept fills this in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// When a plan was made and of which places. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// When the listings began, by the clock of the machine that made it.
    pub created: DateTime<Utc>,
    /// The directory: an absolute path, as it is and not made printable.
    pub directory: String,
    /// The bucket's name.
    pub bucket: String,
    /// The prefix of every key in the bucket.
    pub prefix: String,
    /// The server's URL; none means AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// The moment at which the bucket was listed as it was then; none means the
    /// present. Revisions are the ids of versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Whether the bucket was accessed with a key of the customer (SSE-C), which the plan does
    /// not hold and which its execution needs too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub customer_key: bool,
    /// The bucket's region, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The cluster run of whose plans it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}
