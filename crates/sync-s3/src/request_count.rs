//! How many requests of which kind: those of a plan and, counted by `client::counters`,
//! those that were sent.
//!
//! A write of the core is several requests to S3; this module knows which. It counts a run
//! without failures: no attempt is repeated, and no upload of an earlier run is resumed or
//! aborted.

use std::io;
use std::ops::Add;

use sync_core::{
    Direction, Entry,
    execute::{Call, ExecuteOptions, forecast},
    listing::Side,
    plan::Plan,
};

use crate::delete::batch_limits::{BATCH, fits_xml};
use crate::options::Conditions;

/// Requests to a bucket by their kind, and the content that travels with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// `ListObjectsV2`, and `ListObjectVersions` in the past, one for each page.
    pub list: u64,
    /// `HeadObject`
    pub head: u64,
    /// `GetObject`, one for each range.
    pub get: u64,
    /// `PutObject`, for each file of one part.
    pub put: u64,
    /// `CreateMultipartUpload`
    pub create_multipart_upload: u64,
    /// `UploadPart`
    pub upload_part: u64,
    /// `CompleteMultipartUpload`
    pub complete_multipart_upload: u64,
    /// `DeleteObjects`, for up to 1,000 keys.
    pub delete_objects: u64,
    /// `DeleteObject`, for keys that a DeleteObjects cannot contain.
    pub delete_object: u64,
    /// Others, such as `GetBucketVersioning`.
    pub other: u64,
    /// Content sent, in bytes.
    pub bytes_up: u64,
    /// Content received, in bytes.
    pub bytes_down: u64,
    /// Size of the objects that are replaced or deleted, in bytes.
    pub bytes_replaced: u64,
}

/// What becomes of an object by a plan.
#[derive(Debug, Clone, Copy)]
pub enum ObjectUse<'a> {
    /// It is read by so many GET requests.
    Read {
        /// As it was listed.
        object: &'a Entry,
        /// One for each range.
        gets: u64,
    },
    /// An object of this size is written.
    Write {
        /// In bytes.
        size: u64,
        /// In how many parts; `None`: by one PutObject.
        parts: Option<u64>,
    },
    /// It is replaced or deleted.
    Remove(&'a Entry),
}

fn tell(call: &Call<'_>, seen: &mut dyn FnMut(ObjectUse<'_>)) {
    let (entry, parts, replaces) = match *call {
        Call::Stat(_) => return,
        Call::Read { entry, ranges } => {
            return seen(ObjectUse::Read {
                object: entry,
                gets: ranges,
            });
        }
        Call::Delete(entries) => {
            return entries
                .iter()
                .for_each(|entry| seen(ObjectUse::Remove(entry)));
        }
        Call::Put { entry, replaces } => (entry, None, replaces),
        Call::Write {
            entry,
            parts,
            replaces,
        } => (entry, Some(parts), replaces),
    };
    let size = entry.size;
    seen(ObjectUse::Write { size, parts });
    if let Some(old) = replaces {
        seen(ObjectUse::Remove(old));
    }
}

impl Requests {
    /// The requests of the execution of `plan`, which reports to `seen` what becomes of each
    /// object: it costs what its storage class costs.
    ///
    /// # Errors
    /// Those of reading the plan.
    pub fn of_plan(
        plan: &Plan,
        options: &ExecuteOptions,
        conditions: Conditions,
        seen: &mut dyn FnMut(ObjectUse<'_>),
    ) -> io::Result<Self> {
        let bucket = match plan.direction() {
            Direction::Backup => Side::Target,
            Direction::Restore => Side::Source,
        };
        let origin = plan.header().origin.as_ref();
        let is_past = origin.is_some_and(|origin| origin.at.is_some());
        let mut requests = Self::default();
        forecast(plan, options, &mut |side, call| match call {
            _ if side != bucket => {}
            // What a key was is found by its versions.
            Call::Stat(_) if is_past => requests.list += 1,
            call => {
                tell(&call, seen);
                requests.note(call, conditions);
            }
        })?;
        Ok(requests)
    }

    fn note(&mut self, call: Call<'_>, conditions: Conditions) {
        match call {
            Call::Stat(_) => self.head += 1,
            Call::Read { entry, ranges } => {
                self.get += ranges;
                self.bytes_down += entry.size;
            }
            Call::Put { entry, replaces } => {
                self.put += 1;
                self.note_write(entry, replaces, conditions);
            }
            Call::Write {
                entry,
                parts,
                replaces,
            } => {
                self.create_multipart_upload += 1;
                self.upload_part += parts;
                self.complete_multipart_upload += 1;
                self.note_write(entry, replaces, conditions);
            }
            Call::Delete(entries) => {
                let singly = |entry: &&Entry| !fits_xml(entry.key.as_str());
                let single = entries.iter().filter(singly).count();
                let batched = entries.len() - single;
                self.delete_object += single as u64;
                self.delete_objects += batched.div_ceil(BATCH) as u64;
                for entry in entries {
                    self.head += u64::from(is_looked_at(Some(entry), conditions));
                    self.bytes_replaced += entry.size;
                }
            }
        }
    }

    fn note_write(&mut self, entry: &Entry, replaces: Option<&Entry>, conditions: Conditions) {
        self.bytes_up += entry.size;
        self.bytes_replaced += replaces.map_or(0, |old| old.size);
        self.head += u64::from(is_looked_at(replaces, conditions));
    }
}

/// Whether a HEAD has to check the object, because the server does not, or because there is
/// no ETag (`write::conditional`, `delete`).
fn is_looked_at(there: Option<&Entry>, conditions: Conditions) -> bool {
    conditions == Conditions::Client || there.is_some_and(|entry| entry.revision.is_none())
}

impl Add for Requests {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            list: self.list + other.list,
            head: self.head + other.head,
            get: self.get + other.get,
            put: self.put + other.put,
            create_multipart_upload: self.create_multipart_upload + other.create_multipart_upload,
            upload_part: self.upload_part + other.upload_part,
            complete_multipart_upload: self.complete_multipart_upload
                + other.complete_multipart_upload,
            delete_objects: self.delete_objects + other.delete_objects,
            delete_object: self.delete_object + other.delete_object,
            other: self.other + other.other,
            bytes_up: self.bytes_up + other.bytes_up,
            bytes_down: self.bytes_down + other.bytes_down,
            bytes_replaced: self.bytes_replaced + other.bytes_replaced,
        }
    }
}
