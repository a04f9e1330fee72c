//! `versions`: what the bucket keeps of a key, or of all keys below a prefix.

use anyhow::{Context, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::StreamExt;
use serde::Serialize;
use sync_core::text::printable;
use sync_s3::{ObjectVersion, S3Store, VersionKind};

use crate::options::VersionsArgs;
use crate::signals::Stop;
use crate::{Console, Exit};

/// One line of output with `--json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Line<'a> {
    /// `versions`: a version of an object, or a delete marker.
    Version {
        /// In the bucket, with the prefix.
        key: &'a str,
        version_id: &'a str,
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Time"))]
        modified: DateTime<Utc>,
        /// Null for a delete marker.
        size: Option<u64>,
        delete_marker: bool,
        /// Whether it is what the key has now.
        latest: bool,
    },
    /// `versions --deleted`: a key that is gone now.
    Gone {
        /// In the bucket, with the prefix.
        key: &'a str,
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Time"))]
        deleted: DateTime<Utc>,
        /// The version that it had last, as far as it is kept.
        version_id: Option<&'a str>,
        size: Option<u64>,
    },
}

pub(super) async fn run(args: &VersionsArgs, console: &mut Console) -> anyhow::Result<Exit> {
    let stop = Stop::listen().context("cannot listen for signals")?;
    let store = S3Store::connect(args.bucket_options()).await?;
    let mut asked = Box::pin(stop.asked());
    let mut versions = store.versions();
    let mut gone = None;
    let mut is_empty = true;
    loop {
        let version = tokio::select! {
            biased;
            () = &mut asked => return Ok(stop.exit().unwrap_or(Exit::Failed)),
            version = versions.next() => version.transpose()?,
        };
        let Some(version) = version else { break };
        is_empty = false;
        if !args.deleted {
            show(&version, console);
            continue;
        }
        let key = gone.get_or_insert_with(|| LastOfKey::new(&version));
        if key.key != version.key {
            key.show(console);
            *key = LastOfKey::new(&version);
        }
        key.add(&version);
    }
    if let Some(key) = &gone {
        key.show(console);
    }
    if is_empty {
        bail!(
            "{} has no versions: there is no such key or prefix",
            args.bucket
        );
    }
    Ok(Exit::Done)
}

fn show(version: &ObjectVersion, console: &Console) {
    let size = size_of(version);
    let line = Line::Version {
        key: &version.key,
        version_id: &version.version_id,
        modified: version.modified,
        size,
        delete_marker: size.is_none(),
        latest: version.is_latest,
    };
    console.reporter().result(&line, || {
        let what = match (size, version.is_latest) {
            (Some(_), true) => "current",
            (Some(_), false) => "old",
            (None, true) => "deleted, current",
            (None, false) => "deleted",
        };
        let size = size.map_or("-".to_owned(), |size| size.to_string());
        let (time, key) = (shown(version.modified), printable(&version.key));
        let id = printable(&version.version_id);
        format!("{time}  {size:>14}  {what:<16}  {id}  {key}")
    });
}

fn size_of(version: &ObjectVersion) -> Option<u64> {
    match version.kind {
        VersionKind::Object(size) => Some(size),
        VersionKind::DeleteMarker => None,
    }
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Whether a key is gone, from its lines as they come.
struct LastOfKey {
    key: String,
    is_gone: bool,
    /// The newest version, and the markers that are not older.
    last: Option<ObjectVersion>,
    markers: Vec<DateTime<Utc>>,
}

impl LastOfKey {
    fn new(version: &ObjectVersion) -> Self {
        Self {
            key: version.key.clone(),
            is_gone: false,
            last: None,
            markers: Vec::new(),
        }
    }

    fn add(&mut self, version: &ObjectVersion) {
        let is_marker = version.kind == VersionKind::DeleteMarker;
        self.is_gone |= version.is_latest && is_marker;
        let last = self.last.as_ref().map(|last| last.modified);
        if is_marker {
            if last.is_none_or(|last| last <= version.modified) {
                self.markers.push(version.modified);
            }
        } else if last.is_none_or(|last| last < version.modified) {
            self.markers.retain(|marker| *marker >= version.modified);
            self.last = Some(version.clone());
        }
    }

    /// Shows the key, if it is gone.
    fn show(&self, console: &Console) {
        let Some(deleted) = self.markers.iter().min().filter(|_| self.is_gone) else {
            return;
        };
        let size = self.last.as_ref().and_then(size_of);
        let line = Line::Gone {
            key: &self.key,
            deleted: *deleted,
            version_id: self.last.as_ref().map(|last| &*last.version_id),
            size,
        };
        console.reporter().result(&line, || {
            let size = size.map_or("-".to_owned(), |size| size.to_string());
            let (time, key) = (shown(*deleted), printable(&self.key));
            format!("{time}  {size:>14}  {key}")
        });
    }
}
