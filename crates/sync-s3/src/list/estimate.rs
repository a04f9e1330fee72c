//! Where the keys of one level are, by a few requests: for whoever divides a listing among
//! machines. Nothing is decided by it.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sync_core::store::Level;

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::level::directories;
use crate::list::request::request;
use crate::list::url_encoding::decode_if;
use crate::list::v1::send;

/// Pages of a level that are read at least, and at most; in between one for each
/// [`NAMES_OF_A_PAGE`] that are wanted. Of a longer level, names are looked for that are far
/// apart, which takes more than one request for each.
const PAGES: usize = 4;
const MOST_PAGES: usize = 64;
const NAMES_OF_A_PAGE: usize = 4;

/// Characters that are looked for after one beginning: of names in a script of thousands of
/// signs, those behind them count as one part.
const MOST_CHARACTERS: usize = 256;

/// Beginnings of names that are looked at side by side.
const AT_ONCE: usize = 16;

/// Keys that a name of a long level stands for.
const LONG: u64 = 4_000;

/// What is directly below `directory`, a name below the prefix, which is empty or ends with
/// a slash; of a long level about so many `names`.
pub(crate) async fn estimate(
    bucket: &Bucket,
    directory: &str,
    names: usize,
) -> Result<Level, Failure> {
    let base = bucket.location.prefix();
    let full = [base, directory].concat();
    let (mut level, mut token) = (Level::default(), None);
    let pages = (names / NAMES_OF_A_PAGE).clamp(PAGES, MOST_PAGES);
    for _ in 0..pages.min(names) {
        let request = request(bucket)
            .set_prefix(Some(full.clone()).filter(|prefix| !prefix.is_empty()))
            .delimiter("/")
            .set_continuation_token(token);
        let page = send(bucket, request).await?;
        let below = |name: String| name.get(base.len()..).map(str::to_owned);
        for name in directories(&page, &full).unwrap_or_default() {
            below(name)
                .into_iter()
                .for_each(|name| level.add_directory(name));
        }
        for name in keys(&page).filter(|name| *name != full) {
            level.add_entry(|| name.get(base.len()..).unwrap_or_default().to_owned());
        }
        token = page
            .next_continuation_token
            .filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(level);
        }
    }
    if bucket.location.is_directory_bucket() {
        return Ok(of_first_pages(level));
    }
    let names = spread(bucket, &full, names).await?;
    let entries = LONG.saturating_mul(names.len() as u64);
    let names = names.iter().filter_map(|name| name.get(base.len()..));
    let names = names.map(str::to_owned).collect();
    Ok(Level::sampled(names, entries))
}

/// A level of which only the first pages were read, in no order: a directory bucket takes neither
/// the beginning of a name as a prefix, nor a name to begin after (API Reference,
/// ListObjectsV2).
fn of_first_pages(mut level: Level) -> Level {
    level.directories.sort();
    level.directories.dedup();
    level.names.sort();
    level.entries = level.entries.max(LONG);
    level
}

/// How the keys below `prefix` begin: with what all have in common and each character that
/// may follow that, and each one that may follow these, until they are `most`.
async fn spread(bucket: &Bucket, prefix: &str, most: usize) -> Result<Vec<String>, Failure> {
    let Some(first) = first_after(bucket, prefix, None).await? else {
        return Ok(Vec::new());
    };
    let mut beginnings = vec![Beginning {
        text: prefix.to_owned(),
        first,
    }];
    while beginnings.len() < most {
        let looks = beginnings.clone().into_iter();
        let looks = looks.map(|beginning| async move { beginning.longer(bucket).await });
        let longer: Vec<_> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        let longer = longer.concat();
        if longer.len() <= beginnings.len() {
            break;
        }
        beginnings = longer;
    }
    Ok(beginnings.into_iter().map(|it| it.text).collect())
}

/// What some keys begin with.
#[derive(Clone)]
struct Beginning {
    text: String,
    /// The first of these keys.
    first: String,
}

impl Beginning {
    /// The same with each character that may follow what all of its keys have in common; the
    /// whole name of a single key.
    async fn longer(&self, bucket: &Bucket) -> Result<Vec<Self>, Failure> {
        let longer = self.with_next(bucket).await?;
        let [only] = &longer[..] else {
            return Ok(longer);
        };
        let common = only.in_common(bucket).await?;
        let longer = common.with_next(bucket).await?;
        Ok(if longer.is_empty() {
            vec![common]
        } else {
            longer
        })
    }

    /// The same with each character that may follow it. It takes a request for each.
    async fn with_next(&self, bucket: &Bucket) -> Result<Vec<Self>, Failure> {
        let mut longer: Vec<Self> = Vec::new();
        let mut next = Some(self.first.clone());
        while let Some(key) = next
            && longer.len() < MOST_CHARACTERS
        {
            let rest = key.get(self.text.len()..).unwrap_or_default();
            let after = match rest.chars().next() {
                None => key,
                Some(character) => {
                    let text = format!("{}{character}", self.text);
                    let behind = format!("{text}{}", char::MAX);
                    // A name may go on with that very character.
                    let behind = behind.max(key.clone());
                    if longer.last().is_none_or(|last| last.text != text) {
                        longer.push(Self { text, first: key });
                    }
                    behind
                }
            };
            next = first_after(bucket, &self.text, Some(&after)).await?;
        }
        Ok(longer)
    }

    /// All that its keys begin with.
    async fn in_common(&self, bucket: &Bucket) -> Result<Self, Failure> {
        let rest = self.first.get(self.text.len()..).unwrap_or_default();
        let ends = rest.char_indices().map(|(at, _)| self.text.len() + at);
        let ends: Vec<usize> = ends.collect();
        // No key is after those that begin with the first of them; with the last, some are.
        let (mut least, mut most) = (0, ends.len());
        while least + 1 < most {
            let middle = (least + most) / 2;
            let beginning = self.first.get(..ends[middle]).unwrap_or_default();
            let behind = format!("{beginning}{}", char::MAX);
            match first_after(bucket, &self.text, Some(&behind)).await? {
                None => least = middle,
                Some(_) => most = middle,
            }
        }
        let end = ends.get(least).copied().unwrap_or(self.text.len());
        Ok(Self {
            text: self.first.get(..end).unwrap_or(&self.text).to_owned(),
            first: self.first.clone(),
        })
    }
}

/// The first key that begins with `prefix`, and is after `after`.
async fn first_after(
    bucket: &Bucket,
    prefix: &str,
    after: Option<&str>,
) -> Result<Option<String>, Failure> {
    let request = request(bucket)
        .set_prefix(Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()))
        .set_start_after(after.map(str::to_owned))
        .max_keys(1);
    let page = send(bucket, request).await?;
    // A server that ignores what it was asked would be asked for ever.
    let is_new = |key: &String| key.starts_with(prefix) && after.is_none_or(|it| it < &**key);
    Ok(keys(&page).next().filter(is_new))
}

/// The keys of a page.
fn keys(page: &ListObjectsV2Output) -> impl Iterator<Item = String> {
    let is_encoded = page.encoding_type == Some(EncodingType::Url);
    let keys = page.contents().iter().filter_map(|object| object.key());
    keys.filter_map(move |key| decode_if(is_encoded, key.to_owned()).ok())
}
