//! The objects of a bucket in the order in which it lists them.
//!
//! Each key is encoded so that the byte order of the encodings is the wanted
//! order of the keys; then one sorted map serves every order, and a page of a
//! listing costs its own length only.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use crate::{config::ListOrder, object::Object};

/// A key in the form in which it sorts.
pub(crate) type Encoded = Box<[u8]>;

/// Objects, sorted.
#[derive(Debug)]
pub(crate) struct Objects {
    order: ListOrder,
    sorted: BTreeMap<Encoded, Arc<Object>>,
}

impl Objects {
    pub(crate) fn new(order: ListOrder) -> Self {
        Self {
            order,
            sorted: BTreeMap::new(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Object>> {
        self.sorted.get(&*self.encode(key))
    }

    pub(crate) fn insert(&mut self, key: &str, object: Arc<Object>) -> Option<Arc<Object>> {
        self.sorted.insert(self.encode(key), object)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Arc<Object>> {
        self.sorted.remove(&*self.encode(key))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The objects from `from` on.
    pub(crate) fn range(
        &self,
        from: Bound<&[u8]>,
    ) -> impl Iterator<Item = (&Encoded, &Arc<Object>)> {
        self.sorted.range::<[u8], _>((from, Bound::Unbounded))
    }

    /// Whether keys with a common beginning are next to each other.
    pub(crate) fn keeps_prefixes_together(&self) -> bool {
        !matches!(self.order, ListOrder::Shuffled(_))
    }

    pub(crate) fn encode(&self, key: &str) -> Encoded {
        encode(self.order, key)
    }

    pub(crate) fn decode(&self, encoded: &[u8]) -> String {
        decode(self.order, encoded)
    }
}

fn encode(order: ListOrder, key: &str) -> Encoded {
    match order {
        ListOrder::Bytes => key.as_bytes().into(),
        // The slash becomes the least byte, so that a name sorts before every
        // longer name that begins with it. The bytes 0 and 1 make room.
        ListOrder::DirectoryWise => {
            let mut encoded = Vec::with_capacity(key.len());
            for byte in key.bytes() {
                match byte {
                    b'/' => encoded.push(0),
                    0 | 1 => encoded.extend([1, byte]),
                    other => encoded.push(other),
                }
            }
            encoded.into()
        }
        ListOrder::Shuffled(seed) => {
            let hash = key
                .bytes()
                .fold(seed, |hash, byte| mix(hash ^ u64::from(byte)));
            [&hash.to_be_bytes(), key.as_bytes()].concat().into()
        }
    }
}

fn decode(order: ListOrder, encoded: &[u8]) -> String {
    let bytes = match order {
        ListOrder::Bytes => encoded.to_vec(),
        ListOrder::DirectoryWise => {
            let mut key = Vec::with_capacity(encoded.len());
            let mut bytes = encoded.iter().copied();
            while let Some(byte) = bytes.next() {
                key.push(match byte {
                    0 => b'/',
                    1 => bytes.next().unwrap_or_default(),
                    other => other,
                });
            }
            key
        }
        ListOrder::Shuffled(_) => encoded.get(8..).unwrap_or_default().to_vec(),
    };
    // What was encoded was a string, so nothing is ever lost here.
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The least encoding that is greater than all that begin with `prefix`.
pub(crate) fn successor(prefix: &[u8]) -> Option<Encoded> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next.into())
}

/// One step of SplitMix64: scatters its input over 64 bits.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 14] = [
        "",
        "/",
        "/x",
        "a",
        "a/",
        "a/x",
        "a-b/y",
        "a//b",
        "a\0b",
        "a\u{1}b",
        "a.b",
        "ab",
        "é",
        "\u{10ffff}",
    ];

    #[test]
    fn every_key_survives_every_order() {
        for order in [
            ListOrder::Bytes,
            ListOrder::DirectoryWise,
            ListOrder::Shuffled(7),
        ] {
            for key in KEYS {
                assert_eq!(decode(order, &encode(order, key)), key, "{order:?}");
            }
        }
    }

    #[test]
    fn directory_wise_order_compares_name_by_name() {
        for left in KEYS {
            for right in KEYS {
                let names = left
                    .split('/')
                    .map(str::as_bytes)
                    .cmp(right.split('/').map(str::as_bytes));
                let encoded = encode(ListOrder::DirectoryWise, left)
                    .cmp(&encode(ListOrder::DirectoryWise, right));
                assert_eq!(encoded, names, "{left:?} {right:?}");
            }
        }
        let order = |key| encode(ListOrder::DirectoryWise, key);
        assert!(order("a/x") < order("a-b/y"));
        assert!("a/x" > "a-b/y");
    }

    #[test]
    fn shuffling_depends_on_the_seed_alone() {
        let sorted = |seed| {
            let mut keys: Vec<_> = (0..100)
                .map(|n| encode(ListOrder::Shuffled(seed), &format!("k{n:02}")))
                .collect();
            keys.sort();
            keys.iter()
                .map(|key| decode(ListOrder::Shuffled(seed), key))
                .collect::<Vec<_>>()
        };
        assert_eq!(sorted(1), sorted(1));
        assert_ne!(sorted(1), sorted(2));
        assert!(!sorted(1).is_sorted());
    }

    #[test]
    fn the_successor_follows_all_that_begin_alike() {
        assert_eq!(successor(b"a/").as_deref(), Some(&b"a0"[..]));
        assert_eq!(successor(b"a\xff").as_deref(), Some(&b"b"[..]));
        assert_eq!(successor(b"\xff"), None);
        assert_eq!(successor(b""), None);
    }
}
