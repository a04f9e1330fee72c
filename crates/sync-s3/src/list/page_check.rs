//! Whether a page answers the request that it was sent for, and is consistent.
//!
//! A page says much about itself: what it lists, where it begins, how many keys it
//! has, whether more follow. If a server, a cache or a proxy mixes answers up, it
//! shows there; otherwise the keys that its page lacks would look absent. So all
//! that a page says is compared, and a contradiction is an error. A missing element
//! is not a contradiction: most are optional, and servers differ in what they omit.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::types::EncodingType;

use crate::client::endpoint::is_alias;
use crate::error::Failure;
use crate::list::url_encoding::decode;

/// The keys of a page, where no other number is requested: S3's own limit.
pub(crate) const PAGE: i32 = 1000;

/// The parameters of a request.
pub(crate) struct Asked {
    bucket: Option<String>,
    prefix: Option<String>,
    delimiter: Option<String>,
    start_after: Option<String>,
    token: Option<String>,
    max_keys: i32,
}

impl Asked {
    pub(crate) fn of(request: &ListObjectsV2FluentBuilder) -> Self {
        Self {
            bucket: request.get_bucket().clone(),
            prefix: request.get_prefix().clone(),
            delimiter: request.get_delimiter().clone(),
            start_after: request.get_start_after().clone(),
            token: request.get_continuation_token().clone(),
            max_keys: request.get_max_keys().unwrap_or(PAGE),
        }
    }

    /// The same request in the operation's first version, which knows keys to begin
    /// after, but no tokens.
    pub(crate) fn in_first_version(mut self) -> Self {
        self.start_after = self.token.take().or(self.start_after);
        self
    }

    /// Whether the request is for the first page of the listing.
    pub(crate) fn is_for_the_first(&self) -> bool {
        self.token.is_none() && self.start_after.is_none()
    }

    /// Refuses a page that contradicts the request or itself.
    pub(crate) fn check(&self, page: &ListObjectsV2Output) -> Result<(), Failure> {
        self.check_echoes(page)?;
        self.check_counts(page)?;
        check_end(page)
    }

    /// Compares the parameters that a page repeats with those of the request.
    fn check_echoes(&self, page: &ListObjectsV2Output) -> Result<(), Failure> {
        let is_encoded = page.encoding_type == Some(EncodingType::Url);
        let asked_bucket = self.bucket.as_deref().unwrap_or_default();
        if let Some(name) = page.name().filter(|name| !is_name_of(name, asked_bucket)) {
            return Err(other_request("Name", name, asked_bucket));
        }
        // An empty prefix means the whole bucket; the other elements mean nothing
        // if they are empty.
        let prefix = page.prefix().or(self.prefix.as_deref());
        let echoes = [
            ("Prefix", prefix, &self.prefix),
            ("Delimiter", page.delimiter(), &self.delimiter),
            ("StartAfter", page.start_after(), &self.start_after),
            ("ContinuationToken", page.continuation_token(), &self.token),
        ];
        for (what, echoed, asked) in echoes {
            let (echoed, asked) = (
                echoed.unwrap_or_default(),
                asked.as_deref().unwrap_or_default(),
            );
            let is_unset = echoed.is_empty() && what != "Prefix";
            if !is_unset && !is_echo(echoed, asked, is_encoded) {
                return Err(other_request(what, echoed, asked));
            }
        }
        Ok(())
    }

    fn check_counts(&self, page: &ListObjectsV2Output) -> Result<(), Failure> {
        let (keys, directories) = (page.contents().len(), page.common_prefixes().len());
        if directories > 0 && self.delimiter.is_none() {
            return Err(unasked_prefixes());
        }
        let all = keys + directories;
        if let Some(count) = page.key_count() {
            let is_count_of = |number| usize::try_from(count) == Ok(number);
            // Some servers count only keys where directories were requested.
            let is_right = is_count_of(all) || self.delimiter.is_some() && is_count_of(keys);
            if !is_right {
                return Err(contradiction(format!(
                    "KeyCount is {count}, but it has {all} keys"
                )));
            }
        }
        check_most(page.max_keys(), (self.max_keys, "keys"), all)
    }
}

/// Whether a page repeats `asked` by `echoed`, which may be encoded as in a URL.
pub(crate) fn is_echo(echoed: &str, asked: &str, is_encoded: bool) -> bool {
    echoed == asked || is_encoded && decode(echoed.to_owned()).is_ok_and(|plain| plain == asked)
}

/// Compares the most items that a page says it may have, and how many it has, with what
/// was asked for: so many items, which are called so.
pub(crate) fn check_most(
    echoed: Option<i32>,
    (asked, items): (i32, &str),
    found: usize,
) -> Result<(), Failure> {
    let most = echoed.unwrap_or(asked);
    // A server may have a limit of its own that is lower.
    if !(1..=asked).contains(&most) {
        return Err(other_request(
            "MaxKeys",
            &most.to_string(),
            &asked.to_string(),
        ));
    }
    if usize::try_from(most).is_ok_and(|most| found > most) {
        return Err(contradiction(format!(
            "it has {found} {items}, and at most {most} were asked for"
        )));
    }
    Ok(())
}

pub(crate) fn unasked_prefixes() -> Failure {
    contradiction("it has CommonPrefixes, which were not asked for")
}

/// Compares the two elements that tell whether more follows.
fn check_end(page: &ListObjectsV2Output) -> Result<(), Failure> {
    let token = page.next_continuation_token().filter(|it| !it.is_empty());
    match (page.is_truncated(), token) {
        (Some(true), None) => Err(contradiction(
            "IsTruncated is true, but there is no NextContinuationToken",
        )),
        (None | Some(false), Some(_)) => Err(contradiction(
            "it has a NextContinuationToken, but IsTruncated is not true",
        )),
        _ => Ok(()),
    }
}

/// Whether a bucket that was requested as `asked` may call itself `name`. An alias
/// stands for a bucket of another name; a tenant's name may precede it.
pub(crate) fn is_name_of(name: &str, asked: &str) -> bool {
    name.is_empty()
        || name == asked
        || is_alias(asked)
        || asked
            .rsplit_once(':')
            .is_some_and(|(_, bucket)| bucket == name)
}

pub(crate) fn contradiction(what: impl std::fmt::Display) -> Failure {
    Failure::protocol(format!("a page of the listing contradicts itself: {what}"))
}

pub(crate) fn other_request(what: &str, echoed: &str, asked: &str) -> Failure {
    Failure::protocol(format!(
        "a page of the listing answers another request: {what} is '{echoed}' instead of '{asked}'"
    ))
}
