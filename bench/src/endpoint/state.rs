//! What the bucket holds: names, sizes, sums and times, but no content.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
    time::UNIX_EPOCH,
};

use chrono::{DateTime, SubsecRound as _, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::tally::Tally;
use crate::{content::Content, data::UPLOADED, layout::Layout, sums};

/// A moment, as listings and as headers write it.
#[derive(Debug)]
pub(super) struct Stamp {
    moment: DateTime<Utc>,
    pub(super) iso: String,
    pub(super) http: String,
}

impl Stamp {
    fn new(moment: DateTime<Utc>) -> Self {
        Self {
            moment,
            iso: moment.format("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
            http: moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        }
    }
}

/// Metadata and the checksum, given back as they came.
pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

/// One object. Rows of a listing share what they have in common.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) size: u64,
    pub(super) etag: Rc<str>,
    pub(super) modified: Rc<Stamp>,
    /// The checksum of the whole.
    pub(super) checksum: Rc<Headers>,
    pub(super) metadata: Rc<Headers>,
    /// Of the seeded ones.
    pub(super) content: Option<Content>,
}

impl Object {
    /// Whether a condition in `headers` holds.
    pub(super) fn is_wanted(&self, headers: &HeaderMap) -> bool {
        let wanted = headers.get(header::IF_MATCH);
        wanted.is_none_or(|etag| {
            let etag = etag.to_str().unwrap_or_default();
            unquoted(etag) == unquoted(&self.etag)
        })
    }
}

/// An ETag without its quotes, which not every client sends.
pub(super) fn unquoted(etag: &str) -> &str {
    let etag = etag.strip_prefix('"').unwrap_or(etag);
    etag.strip_suffix('"').unwrap_or(etag)
}

/// An upload in parts.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub(super) parts: BTreeMap<u32, (u64, [u8; 16])>,
    pub(super) metadata: Rc<Headers>,
}

/// All that the endpoint remembers. One thread, so nothing is locked.
#[derive(Debug)]
pub(super) struct State {
    pub(super) objects: BTreeMap<Box<str>, Object>,
    pub(super) uploads: HashMap<String, Upload>,
    pub(super) tally: Tally,
    now: RefCell<Rc<Stamp>>,
    made_up: u128,
}

impl State {
    /// A bucket with the files of `layout`, written long ago.
    pub(super) fn seeded(layout: Option<Layout>) -> Self {
        let stamp = Rc::new(Stamp::new((UNIX_EPOCH + UPLOADED).into()));
        let mut seeds = Seeds::default();
        let objects = layout.iter().flat_map(Layout::files);
        let objects = objects.map(|(index, key, size)| {
            let content = Content { index, size };
            (key.into(), seeds.object(content, &stamp))
        });
        Self {
            objects: objects.collect(),
            uploads: HashMap::new(),
            tally: Tally::default(),
            now: RefCell::new(stamp),
            made_up: 0,
        }
    }

    /// Whether the conditions in `headers` allow to replace or delete `key`.
    pub(super) fn may_change(&self, key: &str, headers: &HeaderMap) -> bool {
        match self.objects.get(key) {
            Some(present) => {
                !headers.contains_key(header::IF_NONE_MATCH) && present.is_wanted(headers)
            }
            None => !headers.contains_key(header::IF_MATCH),
        }
    }

    /// Writes an object.
    pub(super) fn store(&mut self, key: &str, object: Object) {
        self.tally.stored += 1;
        self.objects.insert(key.into(), object);
    }

    /// The present second.
    pub(super) fn now(&self) -> Rc<Stamp> {
        let now = Utc::now().trunc_subsecs(0);
        let mut last = self.now.borrow_mut();
        if last.moment != now {
            *last = Rc::new(Stamp::new(now));
        }
        Rc::clone(&last)
    }

    /// An ETag that nobody computed.
    pub(super) fn make_up(&mut self) -> [u8; 16] {
        self.made_up += 1;
        self.made_up.to_be_bytes()
    }
}

/// The sums of the seeded files; small ones of a size are all equal.
#[derive(Default)]
struct Seeds {
    zeros: HashMap<u64, (Rc<str>, Rc<Headers>)>,
    no_metadata: Rc<Headers>,
}

impl Seeds {
    fn object(&mut self, content: Content, stamp: &Rc<Stamp>) -> Object {
        let (etag, checksum) = if content.size < crate::content::SPARSE_BELOW {
            let sums = self.zeros.entry(content.size);
            sums.or_insert_with(|| sums_of(content)).clone()
        } else {
            sums_of(content)
        };
        Object {
            size: content.size,
            etag,
            modified: Rc::clone(stamp),
            checksum,
            metadata: Rc::clone(&self.no_metadata),
            content: Some(content),
        }
    }
}

fn sums_of(content: Content) -> (Rc<str>, Rc<Headers>) {
    let sum = HeaderValue::try_from(sums::crc64(content));
    let headers = sum.into_iter().flat_map(|sum| {
        [
            (HeaderName::from_static("x-amz-checksum-crc64nvme"), sum),
            (
                HeaderName::from_static("x-amz-checksum-type"),
                HeaderValue::from_static("FULL_OBJECT"),
            ),
        ]
    });
    (sums::etag(content).into(), Rc::new(headers.collect()))
}
