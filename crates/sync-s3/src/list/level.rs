//! One level of a listing: what is directly below a directory, by a LIST with a
//! delimiter.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::page_reader::{Level, LevelPage};
use crate::list::request::request;
use crate::list::url_encoding::decode_if;
use crate::list::v1::send;

/// The directories directly below `directory`, a key that ends with a slash. `None`
/// if there are more than `most`, or if there is an object other than the empty
/// one that stands for the directory itself.
pub(crate) async fn empty_level(
    bucket: &Bucket,
    directory: &str,
    most: usize,
) -> Result<Option<Vec<String>>, Failure> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let request = request(bucket)
            .set_prefix(Some(directory.to_owned()))
            .delimiter("/")
            .set_continuation_token(token);
        let page = send(bucket, request).await?;
        if holds_objects(&page, directory) {
            return Ok(None);
        }
        let Some(inner) = directories(&page, directory) else {
            return Err(Failure::protocol(
                "the server lists directories that are not below the one that was asked for",
            ));
        };
        found.extend(inner);
        token = page
            .next_continuation_token
            .filter(|token| !token.is_empty());
        if token.is_none() || found.len() > most {
            return Ok((found.len() <= most).then_some(found));
        }
    }
}

/// Whether a page has an object besides the placeholder of `directory`.
fn holds_objects(page: &ListObjectsV2Output, directory: &str) -> bool {
    let is_encoded = page.encoding_type == Some(EncodingType::Url);
    page.contents().iter().any(|object| {
        let key = object.key().unwrap_or_default().to_owned();
        object.size() != Some(0) || decode_if(is_encoded, key).unwrap_or_default() != directory
    })
}

/// A page of directories, as segments of the listing may begin at them.
pub(super) async fn level(bucket: &Bucket, level: Level) -> Option<LevelPage> {
    let prefix = level.prefix;
    let mut request = request(bucket)
        .set_prefix(Some(prefix.clone()).filter(|prefix| !prefix.is_empty()))
        .delimiter("/");
    request = match level.token {
        Some(token) => request.continuation_token(token),
        None => request.set_start_after(level.after),
    };
    let page = send(bucket, request).await.ok()?;
    let directories = directories(&page, &prefix)?;
    let token = page
        .next_continuation_token
        .filter(|token| !token.is_empty());
    let is_truncated = page.is_truncated == Some(true);
    if is_truncated && token.is_none() {
        return None;
    }
    let token = token.filter(|_| is_truncated);
    Some(LevelPage { directories, token })
}

pub(super) fn directories(page: &ListObjectsV2Output, prefix: &str) -> Option<Vec<String>> {
    let is_encoded = page.encoding_type == Some(EncodingType::Url);
    let names = page.common_prefixes().iter();
    below(names.map(|name| name.prefix()), prefix, is_encoded)
}

/// The names of directories on a page of a listing of `prefix`. `None` if one of them is
/// not exactly one level below: then the server does not support delimiters.
pub(crate) fn below<'a>(
    names: impl Iterator<Item = Option<&'a str>>,
    prefix: &str,
    is_encoded: bool,
) -> Option<Vec<String>> {
    let names = names.map(|name| {
        let name = decode_if(is_encoded, name?.to_owned()).ok()?;
        let inner = name.strip_prefix(prefix)?;
        let is_one_level = inner.find('/').is_some_and(|at| at + 1 == inner.len());
        is_one_level.then_some(name)
    });
    names.collect()
}
