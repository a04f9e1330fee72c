//! The pages of a listing of versions, one after the other, each with its keys
//! together.

use std::sync::Arc;

use sync_core::{KeyRange, Result, StoreError};

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::level::below;
use crate::list::page_check::PAGE;
use crate::list::page_reader::{Level, LevelPage, Named, Page, PageReader};
use crate::list::pager::Seen;
use crate::list::prune::{self, Pruner};
use crate::list::url_encoding::decode_if;
use crate::list::versions::kinds::gather;
use crate::list::versions::page_xml::{Document, Line};
use crate::list::versions::refused::refused;
use crate::list::versions::request::Request;

/// Pages in a row without a line before the listing counts as endless.
const MAX_EMPTY_PAGES: u32 = 1_000;

impl Named for Line {
    const REPEATS: bool = true;

    fn name(&self) -> Option<&str> {
        (!self.is_lossy).then_some(self.key.as_str())
    }

    fn version(&self) -> Option<(&str, bool)> {
        Some((self.id(), self.is_marker))
    }

    /// Where a server drops the newest line of a key after a key marker, the one after it may be
    /// the first of that key on another page, all the same: of one that lists markers last.
    fn begins_its_name(&self) -> bool {
        self.is_latest
    }
}

/// Requests one page after the other. The keys of its lines are those below its prefix.
pub(crate) struct Pager {
    bucket: Arc<Bucket>,
    pruner: Arc<Pruner>,
    prefix: String,
    /// The markers after which the next page begins.
    after: Option<(String, String)>,
    max_keys: i32,
    /// The key after which it begins. Some servers list it again, if it is there.
    start: Option<String>,
    seen: Seen,
    empty_pages: u32,
}

impl PageReader for Pager {
    type Item = Line;

    fn new(bucket: Arc<Bucket>, pruner: Arc<Pruner>) -> Self {
        let prefix = bucket.location.prefix().to_owned();
        Self {
            bucket,
            pruner,
            prefix,
            after: None,
            max_keys: PAGE,
            start: None,
            seen: Seen::default(),
            empty_pages: 0,
        }
    }

    fn after(bucket: Arc<Bucket>, pruner: Arc<Pruner>, name: &str) -> Self {
        let mut pager = Self::new(bucket, pruner);
        pager.begin_after(name.to_owned());
        pager.max_keys = 1;
        pager
    }

    async fn next(&mut self) -> Page<Line> {
        match self.page().await {
            Ok((lines, is_last)) => Page {
                items: lines.into_iter().map(Ok).collect(),
                is_last,
            },
            Err(failure) => Page {
                items: vec![Err(refused(&self.bucket, failure))],
                is_last: true,
            },
        }
    }

    async fn level(bucket: &Bucket, level: Level) -> Option<LevelPage> {
        let after = level.token.or(level.after);
        let after = after.map(|key| (key, String::new()));
        let request = Request {
            prefix: &level.prefix,
            after: after.as_ref(),
            delimiter: Some("/"),
            max_keys: PAGE,
        };
        let page = request.send(bucket).await.ok()?;
        let names = page.prefixes.iter().map(Option::as_deref);
        let directories = below(names, &level.prefix, page.is_encoded)?;
        let next = page
            .next_key_marker
            .filter(|_| page.is_truncated == Some(true));
        let token = next.map(|key| decode_if(page.is_encoded, key)).transpose();
        let token = token.ok()?;
        Some(LevelPage { directories, token })
    }

    fn refused(bucket: &Bucket, failure: Failure) -> StoreError {
        refused(bucket, failure)
    }
}

impl Pager {
    /// The versions of all keys that begin with `prefix`, which is that in the bucket.
    pub(crate) fn of(bucket: &Arc<Bucket>, prefix: String) -> Self {
        let pruner = Pruner::new(Arc::default(), KeyRange::default(), false);
        let pager = Self::new(Arc::clone(bucket), Arc::new(pruner));
        Self { prefix, ..pager }
    }

    fn begin_after(&mut self, name: String) {
        self.after = Some(([&*self.prefix, &*name].concat(), String::new()));
        self.start = Some(name);
    }

    /// The lines of the next page, and whether it is the last.
    async fn page(&mut self) -> Result<(Vec<Line>, bool), Failure> {
        loop {
            let request = Request {
                prefix: &self.prefix,
                after: self.after.as_ref(),
                delimiter: None,
                max_keys: self.max_keys,
            };
            let mut document = request.send(&self.bucket).await?;
            self.max_keys = PAGE;
            let is_last = !self.advance(&mut document)?;
            let mut lines = self.decoded(document)?;
            gather(&mut lines);
            let is_empty = lines.is_empty();
            lines.retain(|line| Some(&line.key) != self.start.as_ref());
            if !lines.is_empty() {
                self.start = None;
            } else if !is_empty && !is_last {
                continue;
            }
            self.prune(&lines);
            return Ok((lines, is_last));
        }
    }

    /// Continues after the directory in which the page ended, if that is excluded. Some
    /// servers drop a line after a key that is given without a version (moto), so that is only
    /// done where it is known that none is lost.
    fn prune(&mut self, lines: &[Line]) {
        if self.bucket.endpoint.is_foreign() {
            return;
        }
        let last = lines.last().and_then(Named::name);
        let directory = last.and_then(|last| self.pruner.pruned_parent(last));
        if let Some(end) = directory.map(prune::end) {
            self.begin_after(end);
        }
    }

    fn decoded(&self, document: Document) -> Result<Vec<Line>, Failure> {
        let mut lines = document.lines;
        for line in &mut lines {
            let key = std::mem::take(&mut line.key);
            if key.is_empty() {
                return Err(Failure::protocol(
                    "the server lists a version without a key",
                ));
            }
            match decode_if(document.is_encoded, key) {
                Ok(key) => line.key = key,
                Err(lossy) => (line.key, line.is_lossy) = (lossy, true),
            }
            if !line.key.starts_with(&self.prefix) {
                let key = &line.key;
                return Err(Failure::protocol(format!(
                    "the server lists '{key}', which is outside of the prefix"
                )));
            }
            line.key.drain(..self.prefix.len());
        }
        Ok(lines)
    }

    /// Where the next page begins; `false` if there is none.
    fn advance(&mut self, document: &mut Document) -> Result<bool, Failure> {
        if document.is_truncated != Some(true) {
            return Ok(false);
        }
        let key = document.next_key_marker.take().unwrap_or_default();
        let id = document.next_version_id_marker.take().unwrap_or_default();
        let key = decode_if(document.is_encoded, key).map_err(|lossy| {
            Failure::protocol(format!(
                "the listing cannot go on after '{lossy}', which is not UTF-8"
            ))
        })?;
        if !self.seen.insert(&format!("{key}\0{id}")) {
            return Err(Failure::protocol(
                "the server repeats the markers of a page, so the listing would never end",
            ));
        }
        self.empty_pages = if document.lines.is_empty() {
            self.empty_pages + 1
        } else {
            0
        };
        if self.empty_pages > MAX_EMPTY_PAGES {
            return Err(Failure::protocol(
                "the server sends empty pages without end",
            ));
        }
        self.after = Some((key, id));
        Ok(true)
    }
}
