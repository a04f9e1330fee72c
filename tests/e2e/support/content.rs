//! What is compared: names, bytes and times, and a report of every difference.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};

/// The bytes of a file or an object, shown so that a person can tell two apart.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Content(pub(crate) Bytes);

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &self.0);
        match std::str::from_utf8(&self.0) {
            Ok(text) if text.len() <= 60 => write!(f, "{text:?}"),
            _ => write!(f, "{} bytes with CRC64NVME {sum:016x}", self.0.len()),
        }
    }
}

/// A file or an object: its bytes and when they were last modified.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) content: Content,
    pub(crate) modified: DateTime<Utc>,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modified = self.modified.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        write!(f, "{:?} of {modified}", self.content)
    }
}

/// Only the bytes of `stored`.
pub(crate) fn contents(stored: BTreeMap<String, Stored>) -> BTreeMap<String, Content> {
    stored
        .into_iter()
        .map(|(name, stored)| (name, stored.content))
        .collect()
}

/// Fails and names every difference unless both maps are equal, whole.
#[track_caller]
pub(crate) fn assert_same<V: PartialEq + fmt::Debug>(
    actual: &BTreeMap<String, V>,
    expected: &BTreeMap<String, V>,
) {
    let mut differences = Vec::new();
    for (name, theirs) in expected {
        match actual.get(name) {
            None => differences.push(format!("missing   {name:?}: {theirs:?}")),
            Some(ours) if ours != theirs => {
                differences.push(format!("different {name:?}: {ours:?}, expected {theirs:?}"));
            }
            Some(_) => {}
        }
    }
    for (name, ours) in actual {
        if !expected.contains_key(name) {
            differences.push(format!("too much  {name:?}: {ours:?}"));
        }
    }
    assert!(
        differences.is_empty(),
        "not the same:\n{}",
        differences.join("\n")
    );
}

/// A map from names to contents, as tests write it.
pub(crate) fn map(files: &[(&str, &str)]) -> BTreeMap<String, Content> {
    files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Content::from(text.to_string())))
        .collect()
}

/// So many MiB in which no two stretches are alike; another `seed`, another
/// content.
pub(crate) fn mebibytes(count: u64, seed: u64) -> Vec<u8> {
    let numbers = seed << 32..(seed << 32) + (count << 17);
    numbers.flat_map(u64::to_le_bytes).collect()
}
