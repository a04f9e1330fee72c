//! What a bucket keeps of the past: the versions and delete markers of each key.
//!
//! The current objects are kept apart, so a bucket without versioning has nothing
//! here; what it had before versioning was enabled is its version `null`.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use chrono::{DateTime, Utc};
use s3s::{S3Result, s3_error};

use crate::{
    error::no_such_key,
    object::Object,
    order::{Encoded, Objects, mix},
    state::{Bucket, State},
};

/// The id of what is written while versioning is not enabled.
const NULL: &str = "null";

/// A version of an object, or a delete marker.
#[derive(Debug, Clone)]
pub struct Version {
    pub(crate) id: String,
    pub(crate) modified: DateTime<Utc>,
    /// None for a delete marker.
    pub(crate) object: Option<Arc<Object>>,
}

impl Version {
    /// Its identifier, or `null`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The time that listings give as `LastModified`.
    #[must_use]
    pub fn modified(&self) -> DateTime<Utc> {
        self.modified
    }

    /// The object; none of a delete marker.
    #[must_use]
    pub fn object(&self) -> Option<&Object> {
        self.object.as_deref()
    }

    fn null(object: Arc<Object>) -> Self {
        Self {
            id: NULL.to_owned(),
            modified: object.modified,
            object: Some(object),
        }
    }
}

/// The versions of each key, from the oldest to the newest.
pub(crate) type History = BTreeMap<Encoded, Vec<Version>>;

/// What a deletion without a version has done.
pub(crate) struct Removed {
    pub(crate) object: Option<Arc<Object>>,
    /// The id of the delete marker, where one was made.
    pub(crate) marker: Option<String>,
}

impl Bucket {
    /// Makes `object` the current one. Returns the id of its version, where
    /// versions are kept.
    pub(crate) fn insert(&mut self, key: &str, object: Arc<Object>) -> Option<String> {
        let version = Version {
            id: self.next_id(),
            ..Version::null(Arc::clone(&object))
        };
        let id = self.record(key, version);
        self.objects.insert(key, object);
        id
    }

    /// Removes the current object; where versions are kept, by a delete marker.
    pub(crate) fn remove(&mut self, key: &str, modified: DateTime<Utc>) -> Removed {
        let version = Version {
            id: self.next_id(),
            modified,
            object: None,
        };
        let marker = self.record(key, version);
        let object = self.objects.remove(key);
        Removed { object, marker }
    }

    /// Removes one version for ever; the newest of the others becomes current.
    pub(crate) fn remove_version(&mut self, key: &str, id: &str) -> Option<Version> {
        let encoded = self.objects.encode(key);
        let Some(versions) = self.history.get_mut(&encoded) else {
            let object = self.objects.get(key).filter(|_| id == NULL).cloned()?;
            self.objects.remove(key);
            return Some(Version::null(object));
        };
        let at = versions.iter().position(|version| version.id == id)?;
        let removed = versions.remove(at);
        let current = versions.last().and_then(|version| version.object.clone());
        if versions.is_empty() {
            self.history.remove(&encoded);
        }
        match current {
            Some(object) => drop(self.objects.insert(key, object)),
            None => drop(self.objects.remove(key)),
        }
        Some(removed)
    }

    /// The version that a request asks for: the current one without an id.
    pub(crate) fn version(&self, key: &str, id: Option<&str>) -> S3Result<Version> {
        let versions = self.versions_of(key);
        let Some(id) = id else {
            let current = versions.into_iter().next_back();
            let object = current.filter(|version| version.object.is_some());
            return object.ok_or_else(no_such_key);
        };
        let found = versions.into_iter().find(|version| version.id == id);
        let version = found
            .ok_or_else(|| s3_error!(NoSuchVersion, "The specified version does not exist."))?;
        if version.object.is_none() {
            return Err(s3_error!(
                MethodNotAllowed,
                "The specified method is not allowed against this resource."
            ));
        }
        Ok(version)
    }

    /// Puts another object in the place of the current one: the same version with
    /// other properties.
    pub(crate) fn amend(&mut self, key: &str, object: Arc<Object>) {
        let versions = self.history.get_mut(&self.objects.encode(key));
        if let Some(version) = versions.and_then(|versions| versions.last_mut()) {
            version.object = Some(Arc::clone(&object));
        }
        self.objects.insert(key, object);
    }

    /// Whether answers name the version that they are about.
    pub(crate) fn keeps_versions(&self) -> bool {
        self.versioning.is_some()
    }

    /// All versions of one key, from the oldest to the newest.
    pub(crate) fn versions_of(&self, key: &str) -> Vec<Version> {
        match self.history.get(&self.objects.encode(key)) {
            Some(versions) => versions.clone(),
            None => {
                let object = self.objects.get(key).cloned();
                object.map(Version::null).into_iter().collect()
            }
        }
    }

    /// The encodings of the keys that have versions, from `from` on.
    pub(crate) fn keys(&self, from: Bound<&[u8]>) -> impl Iterator<Item = &Encoded> {
        let current = self.objects.range(from).map(|(key, _)| key);
        let past = self.history.range::<[u8], _>((from, Bound::Unbounded));
        merged(current, past.map(|(key, _)| key))
    }

    fn record(&mut self, key: &str, mut version: Version) -> Option<String> {
        let encoded = self.objects.encode(key);
        if self.versioning.is_none() && !self.history.contains_key(&encoded) {
            return None;
        }
        let current = self.objects.get(key).cloned();
        let before = || current.map(Version::null).into_iter().collect();
        let versions = self.history.entry(encoded).or_insert_with(before);
        if self.versioning != Some("Enabled") {
            NULL.clone_into(&mut version.id);
            versions.retain(|version| version.id != NULL);
        }
        let id = version.id.clone();
        versions.push(version);
        Some(id)
    }

    /// An id whose order tells nothing.
    fn next_id(&mut self) -> String {
        self.versions_made += 1;
        format!("{:016x}", mix(self.versions_made))
    }
}

/// Both sorted iterators as one, each item once.
fn merged<'a>(
    left: impl Iterator<Item = &'a Encoded>,
    right: impl Iterator<Item = &'a Encoded>,
) -> impl Iterator<Item = &'a Encoded> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(one), Some(other)) if one == other => {
            right.next();
            left.next()
        }
        (Some(one), Some(other)) if one > other => right.next(),
        (Some(_), _) => left.next(),
        (None, _) => right.next(),
    })
}

impl State {
    /// All versions and delete markers of a bucket by key, from the oldest to the
    /// newest.
    #[must_use]
    pub fn versions(&self, bucket: &str) -> BTreeMap<String, Vec<Version>> {
        let buckets = self.buckets();
        let Some(bucket) = buckets.get(bucket) else {
            return BTreeMap::new();
        };
        let keys = bucket.keys(Bound::Unbounded);
        keys.map(|encoded| bucket.objects.decode(encoded))
            .map(|key| (key.clone(), bucket.versions_of(&key)))
            .collect()
    }

    /// Removes an object at `modified`, by a delete marker where versions are kept.
    pub fn remove_at(&self, bucket: &str, key: &str, modified: DateTime<Utc>) {
        if let Some(bucket) = self.buckets().get_mut(bucket) {
            bucket.remove(key, modified);
        }
    }

    /// Removes one version for ever, as a lifecycle rule does.
    pub fn expire(&self, bucket: &str, key: &str, version_id: &str) {
        if let Some(bucket) = self.buckets().get_mut(bucket) {
            bucket.remove_version(key, version_id);
        }
    }
}

impl Objects {
    /// The first encoding that a key with this prefix can have.
    pub(crate) fn start(&self, prefix: &str) -> Encoded {
        if self.keeps_prefixes_together() {
            self.encode(prefix)
        } else {
            Encoded::default()
        }
    }
}
