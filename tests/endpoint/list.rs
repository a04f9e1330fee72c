//! Listings, in both versions of the operation.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{
    S3Result,
    dto::{
        ChecksumAlgorithm, CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput,
        ListObjectsV2Input, ListObjectsV2Output, Object as ObjectEntry, ObjectStorageClass,
    },
    s3_error,
};

use crate::{
    buckets::owner,
    conditions::timestamp,
    object::Object,
    page::{Page, Position, Query},
    state::State,
};

/// S3's own limit for a page.
const MAX_PAGE: usize = 1000;

/// What a directory bucket refuses: a prefix that is no directory, another delimiter than a
/// slash, and a key to begin after.
fn check_directory_bucket(input: &ListObjectsV2Input) -> S3Result<()> {
    if !input.bucket.ends_with("--x-s3") {
        return Ok(());
    }
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let is_directory = prefix.is_empty() || prefix.ends_with('/');
    let delimiter = input.delimiter.as_deref().unwrap_or("/");
    if !is_directory || delimiter != "/" || input.start_after.is_some() {
        return Err(s3_error!(InvalidRequest, "directory bucket"));
    }
    Ok(())
}

impl State {
    pub(crate) fn list_objects_v2(
        &self,
        input: ListObjectsV2Input,
    ) -> S3Result<ListObjectsV2Output> {
        check_directory_bucket(&input)?;
        let text = Text::of(input.encoding_type.as_ref())?;
        let max_keys = max_keys(input.max_keys)?;
        let from = match (&input.continuation_token, &input.start_after) {
            (Some(token), _) => From::Token(token),
            (None, key) => From::Key(key.as_deref()),
        };
        let (prefix, delimiter) = (input.prefix.as_deref(), input.delimiter.as_deref());
        let page = self.page(&input.bucket, prefix, delimiter, from, max_keys)?;
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
            contents: Some(self.shown(text.objects(&page, with_owner))),
            common_prefixes: Some(text.prefixes(&page)),
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        })
    }

    /// The first version of the operation, for older clients.
    pub(crate) fn list_objects(&self, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
        let text = Text::of(input.encoding_type.as_ref())?;
        let max_keys = max_keys(input.max_keys)?;
        let from = From::Key(input.marker.as_deref());
        let (prefix, delimiter) = (input.prefix.as_deref(), input.delimiter.as_deref());
        let page = self.page(&input.bucket, prefix, delimiter, from, max_keys)?;
        let last = page
            .objects
            .last()
            .map(|(key, _)| key)
            .max(page.prefixes.last());
        // S3 names the next marker only where the client cannot know it.
        let next = last.filter(|_| page.next.is_some() && input.delimiter.is_some());
        Ok(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(text.write(&input.prefix.unwrap_or_default())),
            marker: Some(text.write(&input.marker.unwrap_or_default())),
            max_keys: i32::try_from(max_keys).ok(),
            is_truncated: Some(page.next.is_some()),
            next_marker: next.map(|key| text.write(key)),
            delimiter: input.delimiter.map(|delimiter| text.write(&delimiter)),
            contents: Some(self.shown(text.objects(&page, true))),
            common_prefixes: Some(text.prefixes(&page)),
            encoding_type: input.encoding_type,
            ..ListObjectsOutput::default()
        })
    }

    /// Without what this server does not tell.
    fn shown(&self, mut objects: Vec<ObjectEntry>) -> Vec<ObjectEntry> {
        if !self.config.etags {
            objects.iter_mut().for_each(|object| object.e_tag = None);
        }
        objects
    }

    fn page(
        &self,
        bucket: &str,
        prefix: Option<&str>,
        delimiter: Option<&str>,
        from: From<'_>,
        max_keys: usize,
    ) -> S3Result<Page> {
        // An empty delimiter is none at all.
        let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty());
        let limit = max_keys.min(self.config.page_size);
        self.with_bucket(bucket, |bucket| {
            let from = match from {
                From::Token(token) => Position::parse(token).ok_or_else(|| {
                    s3_error!(
                        InvalidArgument,
                        "The continuation token provided is incorrect"
                    )
                })?,
                From::Key(None | Some("")) => Position::Start,
                From::Key(Some(key)) => Position::after(&bucket.objects, key, delimiter),
            };
            let query = Query {
                prefix: prefix.unwrap_or_default().to_owned(),
                delimiter: delimiter.map(str::to_owned),
                from,
                limit,
            };
            Ok(Page::read(&bucket.objects, &query))
        })
    }
}

/// Where the client wants a page to begin.
#[derive(Clone, Copy)]
enum From<'a> {
    Token(&'a str),
    Key(Option<&'a str>),
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
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "Invalid Encoding Method specified in Request"
            )),
        }
    }

    /// S3 encodes like an HTML form, with `+` for a space, but keeps slashes.
    pub(crate) fn write(&self, key: &str) -> String {
        const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'_')
            .remove(b'.')
            .remove(b'*')
            .remove(b'/')
            .remove(b' ');
        if self.url {
            utf8_percent_encode(key, PLAIN)
                .to_string()
                .replace(' ', "+")
        } else {
            key.to_owned()
        }
    }

    fn prefixes(&self, page: &Page) -> Vec<CommonPrefix> {
        page.prefixes
            .iter()
            .map(|prefix| CommonPrefix {
                prefix: Some(self.write(prefix)),
            })
            .collect()
    }

    fn objects(&self, page: &Page, with_owner: bool) -> Vec<ObjectEntry> {
        page.objects
            .iter()
            .map(|(key, object)| self.object(key, object, with_owner))
            .collect()
    }

    fn object(&self, key: &str, object: &Object, with_owner: bool) -> ObjectEntry {
        let algorithm = object.checksum.checksum.algorithm.name();
        ObjectEntry {
            key: Some(self.write(key)),
            size: i64::try_from(object.size()).ok(),
            e_tag: Some(object.etag.into()),
            last_modified: Some(timestamp(object.modified)),
            storage_class: Some(ObjectStorageClass::from(object.storage_class().to_owned())),
            checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(algorithm)]),
            checksum_type: Some(object.checksum.kind()),
            owner: with_owner.then(owner),
            ..ObjectEntry::default()
        }
    }
}

/// The page size that a request asks for, within S3's limit.
pub(crate) fn max_keys(asked: Option<i32>) -> S3Result<usize> {
    match asked.map(usize::try_from) {
        None => Ok(MAX_PAGE),
        Some(Ok(number)) => Ok(number.min(MAX_PAGE)),
        Some(Err(_)) => Err(s3_error!(
            InvalidArgument,
            "Argument maxKeys must be an integer between 0 and 2147483647"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_encoding_is_that_of_a_form_with_slashes() {
        assert_eq!(
            Text { url: true }.write("a b/+%2F\u{1}é*~"),
            "a+b/%2B%252F%01%C3%A9*%7E"
        );
        assert_eq!(Text { url: false }.write("a b\u{1}"), "a b\u{1}");
    }
}
