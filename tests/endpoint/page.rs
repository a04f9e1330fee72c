//! One page of a listing: from where it begins to where the next one does.

use std::{ops::Bound, sync::Arc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    object::Object,
    order::{Encoded, Objects, successor},
};

/// What to list.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) prefix: String,
    pub(crate) delimiter: Option<String>,
    pub(crate) from: Position,
    pub(crate) limit: usize,
}

/// Where a page begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Position {
    #[default]
    Start,
    /// After one key.
    After(Encoded),
    /// After all keys that begin with these bytes.
    Beyond(Encoded),
}

/// One page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) objects: Vec<(String, Arc<Object>)>,
    pub(crate) prefixes: Vec<String>,
    /// Where the next page begins, if there is one.
    pub(crate) next: Option<Position>,
}

impl Page {
    /// Reads one page; costs as many steps as it has entries, except in
    /// shuffled order, where a prefix or a delimiter makes it look at every key.
    pub(crate) fn read(objects: &Objects, query: &Query) -> Self {
        let mut page = Self::default();
        if query.limit == 0 {
            return page;
        }
        let mut position = Some(query.from.clone());
        while let Some(from) = position {
            position = page.read_on(objects, query, from);
        }
        page
    }

    /// Reads entries until the page or the listing ends, or until there is
    /// something to jump over; then returns where to continue.
    fn read_on(
        &mut self,
        objects: &Objects,
        query: &Query,
        mut position: Position,
    ) -> Option<Position> {
        let together = objects.keeps_prefixes_together();
        let prefix = objects.encode(&query.prefix);
        let bound = position.bound()?;
        let bound = if together {
            later(bound, &prefix)
        } else {
            bound
        };
        for (encoded, object) in objects.range(as_slice(&bound)) {
            if together && !encoded.starts_with(&prefix) {
                return None;
            }
            let key = objects.decode(encoded);
            let Some(rest) = key.strip_prefix(&query.prefix) else {
                continue;
            };
            let common = query.common(rest);
            if common
                .as_ref()
                .is_some_and(|common| self.prefixes.contains(common))
            {
                continue;
            }
            if self.objects.len() + self.prefixes.len() == query.limit {
                self.next = Some(position);
                return None;
            }
            position = Position::After(encoded.clone());
            let Some(common) = common else {
                self.objects.push((key, Arc::clone(object)));
                continue;
            };
            let beyond = objects.encode(&common);
            self.prefixes.push(common);
            if together {
                return Some(Position::Beyond(beyond));
            }
        }
        None
    }
}

impl Query {
    /// The common prefix of a key, of which `rest` follows the asked prefix.
    fn common(&self, rest: &str) -> Option<String> {
        let delimiter = self.delimiter.as_deref()?;
        let end = rest.find(delimiter)? + delimiter.len();
        Some(format!("{}{}", self.prefix, &rest[..end]))
    }
}

impl Position {
    /// The first encoding that may follow; `None` if none can.
    fn bound(&self) -> Option<Bound<Encoded>> {
        Some(match self {
            Self::Start => Bound::Unbounded,
            Self::After(encoded) => Bound::Excluded(encoded.clone()),
            Self::Beyond(prefix) => Bound::Included(successor(prefix)?),
        })
    }

    /// An opaque form for a continuation token.
    pub(crate) fn token(&self) -> String {
        let (tag, encoded): (u8, &[u8]) = match self {
            Self::Start => (b'0', &[]),
            Self::After(encoded) => (b'1', encoded),
            Self::Beyond(prefix) => (b'2', prefix),
        };
        BASE64_URL_SAFE_NO_PAD.encode([&[tag], encoded].concat())
    }

    pub(crate) fn parse(token: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        match bytes.split_first()? {
            (b'0', []) => Some(Self::Start),
            (b'1', encoded) => Some(Self::After(encoded.into())),
            (b'2', prefix) => Some(Self::Beyond(prefix.into())),
            _ => None,
        }
    }

    /// After a key that the client named. One that ends with the delimiter is
    /// a common prefix of an earlier page, and all of it has been seen.
    pub(crate) fn after(objects: &Objects, key: &str, delimiter: Option<&str>) -> Self {
        let encoded = objects.encode(key);
        let is_prefix = delimiter.is_some_and(|delimiter| key.ends_with(delimiter));
        if is_prefix && objects.keeps_prefixes_together() {
            Self::Beyond(encoded)
        } else {
            Self::After(encoded)
        }
    }
}

fn later(bound: Bound<Encoded>, start: &Encoded) -> Bound<Encoded> {
    match &bound {
        Bound::Included(from) | Bound::Excluded(from) if from >= start => bound,
        _ => Bound::Included(start.clone()),
    }
}

fn as_slice(bound: &Bound<Encoded>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(encoded) => Bound::Included(encoded),
        Bound::Excluded(encoded) => Bound::Excluded(encoded),
        Bound::Unbounded => Bound::Unbounded,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::DateTime;

    use super::*;
    use crate::config::ListOrder;

    const KEYS: [&str; 9] = [
        "a", "a-b/y", "a/", "a/x", "a/x/z", "a/y", "b/c", "b0", "é/ü",
    ];

    fn bucket(order: ListOrder) -> Objects {
        let mut objects = Objects::new(order);
        let object = Arc::new(Object::new(Bytes::new(), DateTime::UNIX_EPOCH, true));
        for key in KEYS {
            objects.insert(key, Arc::clone(&object));
        }
        objects
    }

    /// All entries, read in pages of `limit`, each position by way of a token.
    fn list(objects: &Objects, prefix: &str, delimiter: Option<&str>, limit: usize) -> Vec<String> {
        let mut all = Vec::new();
        let mut from = Position::Start;
        loop {
            let (prefix, delimiter) = (prefix.to_owned(), delimiter.map(str::to_owned));
            let page = Page::read(
                objects,
                &Query {
                    prefix,
                    delimiter,
                    from,
                    limit,
                },
            );
            assert!(page.objects.len() + page.prefixes.len() <= limit);
            all.extend(page.objects.into_iter().map(|(key, _)| key));
            all.extend(page.prefixes);
            match page.next {
                None => return all,
                Some(next) => from = Position::parse(&next.token()).unwrap(),
            }
        }
    }

    #[test]
    fn bytes_order_is_that_of_the_keys() {
        let objects = bucket(ListOrder::Bytes);
        for limit in 1..10 {
            assert_eq!(list(&objects, "", None, limit), KEYS);
            assert_eq!(
                list(&objects, "a/", None, limit),
                ["a/", "a/x", "a/x/z", "a/y"]
            );
            assert_eq!(list(&objects, "zz", None, limit), [""; 0]);
        }
        assert_eq!(
            list(&objects, "", Some("/"), 1),
            ["a", "a-b/", "a/", "b/", "b0", "é/"]
        );
        assert_eq!(
            list(&objects, "a/", Some("/"), 1),
            ["a/", "a/x", "a/x/", "a/y"]
        );
    }

    #[test]
    fn directory_wise_order_descends_before_it_goes_on() {
        let objects = bucket(ListOrder::DirectoryWise);
        for limit in 1..10 {
            let expected = [
                "a", "a/", "a/x", "a/x/z", "a/y", "a-b/y", "b/c", "b0", "é/ü",
            ];
            assert_eq!(list(&objects, "", None, limit), expected);
            assert_eq!(list(&objects, "a", None, limit), &expected[..6]);
        }
        assert_eq!(
            list(&objects, "", Some("/"), 1),
            ["a", "a/", "a-b/", "b/", "b0", "é/"]
        );
    }

    #[test]
    fn shuffled_order_gives_every_key_once() {
        let objects = bucket(ListOrder::Shuffled(3));
        for limit in 1..10 {
            let mut all = list(&objects, "", None, limit);
            assert_ne!(all, KEYS);
            all.sort();
            assert_eq!(all, KEYS);
            let mut some = list(&objects, "a/", None, limit);
            some.sort();
            assert_eq!(some, ["a/", "a/x", "a/x/z", "a/y"]);
        }
    }

    #[test]
    fn shuffled_order_rolls_up_within_a_page() {
        let mut all = list(&bucket(ListOrder::Shuffled(3)), "", Some("/"), 100);
        all.sort();
        assert_eq!(all, ["a", "a-b/", "a/", "b/", "b0", "é/"]);
    }

    #[test]
    fn a_limit_of_zero_is_an_empty_last_page() {
        let page = Page::read(&bucket(ListOrder::Bytes), &Query::default());
        assert!(page.objects.is_empty() && page.next.is_none());
    }

    #[test]
    fn a_named_key_or_common_prefix_is_not_repeated() {
        let objects = bucket(ListOrder::Bytes);
        let first = |key, delimiter: Option<&str>| {
            let from = Position::after(&objects, key, delimiter);
            let query = Query {
                from,
                limit: 1,
                delimiter: delimiter.map(str::to_owned),
                ..Query::default()
            };
            let page = Page::read(&objects, &query);
            page.objects
                .first()
                .map(|(key, _)| key.clone())
                .or(page.prefixes.first().cloned())
                .unwrap()
        };
        assert_eq!(first("a/", None), "a/x");
        assert_eq!(first("a/", Some("/")), "b/");
        assert_eq!(first("a/w", None), "a/x");
    }
}
