//! Listings: pages of keys and common prefixes, in the order of the bucket.

use std::{
    collections::BTreeSet,
    ops::Bound,
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{
    S3Result,
    dto::{
        ChecksumAlgorithm, CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
        ListObjectsV2Output, Object as ObjectEntry, ObjectStorageClass,
    },
    s3_error,
};

use crate::{
    buckets::owner,
    conditions::timestamp,
    object::Object,
    order::{Encoded, Objects, successor},
    state::State,
};

/// S3's own limit for a page.
const MAX_PAGE: usize = 1000;

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
        let mut seen = BTreeSet::new();
        let together = objects.keeps_prefixes_together();
        let start = objects.encode(&query.prefix);
        let mut position = query.from.clone();
        if query.limit == 0 {
            return page;
        }
        'jump: loop {
            let Some(bound) = position.bound() else { return page };
            let bound = if together { later(bound, &start) } else { bound };
            for (encoded, object) in objects.range(as_slice(&bound)) {
                if together && !encoded.starts_with(&start) {
                    return page;
                }
                let key = objects.decode(encoded);
                let Some(rest) = key.strip_prefix(&query.prefix) else { continue };
                let common = query.delimiter.as_deref().and_then(|delimiter| {
                    let end = rest.find(delimiter)? + delimiter.len();
                    Some(key[..query.prefix.len() + end].to_owned())
                });
                if common.as_ref().is_some_and(|common| seen.contains(common)) {
                    continue;
                }
                if page.objects.len() + page.prefixes.len() == query.limit {
                    page.next = Some(position);
                    return page;
                }
                let Some(common) = common else {
                    position = Position::After(encoded.clone());
                    page.objects.push((key, Arc::clone(object)));
                    continue;
                };
                page.prefixes.push(common.clone());
                if together {
                    position = Position::Beyond(objects.encode(&common));
                    continue 'jump;
                }
                position = Position::After(encoded.clone());
                seen.insert(common);
            }
            return page;
        }
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
    fn token(&self) -> String {
        let (tag, encoded): (u8, &[u8]) = match self {
            Self::Start => (b'0', &[]),
            Self::After(encoded) => (b'1', encoded),
            Self::Beyond(prefix) => (b'2', prefix),
        };
        BASE64_URL_SAFE_NO_PAD.encode([&[tag], encoded].concat())
    }

    fn parse(token: &str) -> Option<Self> {
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
    fn after(objects: &Objects, key: &str, delimiter: Option<&str>) -> Self {
        let encoded = objects.encode(key);
        let is_prefix = delimiter.is_some_and(|delimiter| key.ends_with(delimiter));
        if is_prefix && objects.keeps_prefixes_together() { Self::Beyond(encoded) } else { Self::After(encoded) }
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

impl State {
    pub(crate) fn list_objects_v2(&self, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
        let text = Text::of(input.encoding_type.as_ref())?;
        let max_keys = max_keys(input.max_keys)?;
        let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
        let prefix = input.prefix.clone().unwrap_or_default();
        let page = self.with_bucket(&input.bucket, |bucket| {
            let from = match (&input.continuation_token, &input.start_after) {
                (Some(token), _) => Position::parse(token).ok_or_else(|| {
                    s3_error!(InvalidArgument, "The continuation token provided is incorrect")
                })?,
                (None, Some(key)) if !key.is_empty() => Position::after(&bucket.objects, key, delimiter.as_deref()),
                _ => Position::Start,
            };
            let limit = max_keys.min(self.config.page_size);
            Ok(Page::read(&bucket.objects, &Query { prefix, delimiter, from, limit }))
        })?;
        let with_owner = input.fetch_owner.unwrap_or_default();
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(text.write(&input.prefix.unwrap_or_default())),
            delimiter: input.delimiter.map(|delimiter| text.write(&delimiter)),
            start_after: input.start_after.map(|key| text.write(&key)),
            max_keys: i32::try_from(max_keys).ok(),
            key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_ref().map(Position::token),
            contents: Some(page.objects.iter().map(|(key, object)| entry(&text, key, object, with_owner)).collect()),
            common_prefixes: Some(text.prefixes(&page.prefixes)),
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        })
    }

    /// The first version of the operation, for older clients.
    pub(crate) fn list_objects(&self, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
        let text = Text::of(input.encoding_type.as_ref())?;
        let max_keys = max_keys(input.max_keys)?;
        let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
        let prefix = input.prefix.clone().unwrap_or_default();
        let page = self.with_bucket(&input.bucket, |bucket| {
            let from = match &input.marker {
                Some(key) if !key.is_empty() => Position::after(&bucket.objects, key, delimiter.as_deref()),
                _ => Position::Start,
            };
            let limit = max_keys.min(self.config.page_size);
            Ok(Page::read(&bucket.objects, &Query { prefix, delimiter, from, limit }))
        })?;
        let last = page.objects.last().map(|(key, _)| key).max(page.prefixes.last());
        Ok(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(text.write(&input.prefix.unwrap_or_default())),
            marker: Some(text.write(&input.marker.unwrap_or_default())),
            max_keys: i32::try_from(max_keys).ok(),
            is_truncated: Some(page.next.is_some()),
            // S3 names the marker only where the client cannot tell it.
            next_marker: last.filter(|_| page.next.is_some() && input.delimiter.is_some()).map(|key| text.write(key)),
            delimiter: input.delimiter.map(|delimiter| text.write(&delimiter)),
            contents: Some(page.objects.iter().map(|(key, object)| entry(&text, key, object, true)).collect()),
            common_prefixes: Some(text.prefixes(&page.prefixes)),
            encoding_type: input.encoding_type,
            ..ListObjectsOutput::default()
        })
    }
}

/// How keys are written: plain, or with `encoding-type=url`.
pub(crate) struct Text {
    url: bool,
}

impl Text {
    pub(crate) fn of(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self { url: false }),
            Some(EncodingType::URL) => Ok(Self { url: true }),
            Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    /// S3 encodes like an HTML form, with `+` for a space, but keeps slashes.
    pub(crate) fn write(&self, key: &str) -> String {
        const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');
        if self.url { utf8_percent_encode(key, PLAIN).to_string().replace(' ', "+") } else { key.to_owned() }
    }

    fn prefixes(&self, prefixes: &[String]) -> Vec<CommonPrefix> {
        prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(self.write(prefix)) }).collect()
    }
}

fn entry(text: &Text, key: &str, object: &Object, with_owner: bool) -> ObjectEntry {
    let checksum = object.checksum;
    ObjectEntry {
        key: Some(text.write(key)),
        size: i64::try_from(object.size()).ok(),
        e_tag: Some(object.etag.into()),
        last_modified: Some(timestamp(object.modified)),
        storage_class: Some(ObjectStorageClass::from(object.storage_class().to_owned())),
        checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(checksum.checksum.algorithm.name())]),
        checksum_type: Some(checksum.kind()),
        owner: with_owner.then(owner),
        ..ObjectEntry::default()
    }
}

/// The page size that a request asks for, within S3's limit.
pub(crate) fn max_keys(asked: Option<i32>) -> S3Result<usize> {
    match asked.map(usize::try_from) {
        None => Ok(MAX_PAGE),
        Some(Ok(number)) => Ok(number.min(MAX_PAGE)),
        Some(Err(_)) => Err(s3_error!(InvalidArgument, "Argument maxKeys must be an integer between 0 and 2147483647")),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::DateTime;

    use super::*;
    use crate::config::ListOrder;

    const KEYS: [&str; 9] = ["a", "a-b/y", "a/", "a/x", "a/x/z", "a/y", "b/c", "b0", "é/ü"];

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
            let page = Page::read(objects, &Query { prefix, delimiter, from, limit });
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
            assert_eq!(list(&objects, "a/", None, limit), ["a/", "a/x", "a/x/z", "a/y"]);
            assert_eq!(list(&objects, "zz", None, limit), [""; 0]);
        }
        assert_eq!(list(&objects, "", Some("/"), 1), ["a", "a-b/", "a/", "b/", "b0", "é/"]);
        assert_eq!(list(&objects, "a/", Some("/"), 1), ["a/", "a/x", "a/x/", "a/y"]);
    }

    #[test]
    fn directory_wise_order_descends_before_it_goes_on() {
        let objects = bucket(ListOrder::DirectoryWise);
        for limit in 1..10 {
            let expected = ["a", "a/", "a/x", "a/x/z", "a/y", "a-b/y", "b/c", "b0", "é/ü"];
            assert_eq!(list(&objects, "", None, limit), expected);
            assert_eq!(list(&objects, "a", None, limit), &expected[..6]);
        }
        assert_eq!(list(&objects, "", Some("/"), 1), ["a", "a/", "a-b/", "b/", "b0", "é/"]);
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
    fn a_limit_of_zero_is_an_empty_last_page() {
        let page = Page::read(&bucket(ListOrder::Bytes), &Query::default());
        assert!(page.objects.is_empty() && page.next.is_none());
    }

    #[test]
    fn a_named_key_or_common_prefix_is_not_repeated() {
        let objects = bucket(ListOrder::Bytes);
        let first = |key, delimiter: Option<&str>| {
            let from = Position::after(&objects, key, delimiter);
            let query = Query { from, limit: 1, delimiter: delimiter.map(str::to_owned), ..Query::default() };
            let page = Page::read(&objects, &query);
            page.objects.first().map(|(key, _)| key.clone()).or(page.prefixes.first().cloned()).unwrap()
        };
        assert_eq!(first("a/", None), "a/x");
        assert_eq!(first("a/", Some("/")), "b/");
        assert_eq!(first("a/w", None), "a/x");
    }

    #[test]
    fn url_encoding_is_that_of_a_form_with_slashes() {
        assert_eq!(Text { url: true }.write("a b/+%2F\u{1}é*~"), "a+b/%2B%252F%01%C3%A9*%7E");
        assert_eq!(Text { url: false }.write("a b\u{1}"), "a b\u{1}");
    }
}
