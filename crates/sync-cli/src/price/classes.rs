//! What the storage classes of the objects of a plan add to its cost.
//!
//! All requests and bytes are first priced as in the usual class; here is by how much
//! others differ from that.

use std::collections::BTreeMap;

use indicatif::{HumanBytes, HumanCount};
use sync_core::{entry::StorageClass, text::printable};
use sync_s3::ObjectUse;

use super::dollars::Dollars;
use super::table::{ClassPrices, Prices};

/// The class that is usual.
const STANDARD: &str = "STANDARD";

/// What a plan does to objects in other classes than the usual one, by their names.
#[derive(Debug, Default)]
pub(super) struct Classes(BTreeMap<String, Use>);

/// What a plan does to the objects of one class.
#[derive(Debug, Default)]
struct Use {
    /// Requests that are charged as PUT, as the parts of an upload, and as GET.
    puts: u64,
    parts: u64,
    gets: u64,
    /// Objects that are read, and their bytes.
    objects_read: u64,
    bytes_read: u64,
    objects_written: u64,
    /// Objects that are written and are charged for more bytes than they have.
    small: u64,
    /// By how many bytes the bucket grows: those that objects have, those that are charged in
    /// this class, and those in the usual one.
    stored: i128,
    charged: i128,
    charged_standard: i128,
}

/// By how much other classes differ from the usual one.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Difference {
    pub(super) requests: Dollars,
    pub(super) retrieval: Dollars,
    pub(super) storage: Dollars,
}

impl Classes {
    /// Notes what becomes of an object; `upload` is the class of what is written.
    pub(super) fn note(&mut self, object: ObjectUse<'_>, upload: Option<&str>, prices: &Prices) {
        let class = match object {
            ObjectUse::Write { .. } => upload.filter(|class| *class != STANDARD),
            ObjectUse::Read { object, .. } | ObjectUse::Remove(object) => {
                object.class.map(StorageClass::name)
            }
        };
        let Some(class) = class else { return };
        let usual = prices.as_class();
        let of_class = prices.classes.get(class).unwrap_or(&usual);
        if !self.0.contains_key(class) {
            self.0.insert(class.to_owned(), Use::default());
        }
        if let Some(used) = self.0.get_mut(class) {
            used.note(object, of_class);
        }
    }

    pub(super) fn difference(&self, prices: &Prices) -> Difference {
        let usual = prices.as_class();
        let mut sum = Difference::default();
        for (name, used) in &self.0 {
            let Some(class) = prices.classes.get(name) else {
                continue;
            };
            let of = used.difference(class, &usual);
            sum.requests = sum.requests + of.requests;
            sum.retrieval = sum.retrieval + of.retrieval;
            sum.storage = sum.storage + of.storage;
        }
        sum
    }

    /// What is particular about them: a sentence each.
    pub(super) fn notes(&self, prices: &Prices) -> Vec<String> {
        let mut notes = Vec::new();
        for (name, used) in &self.0 {
            let shown = printable(name);
            match prices.classes.get(name) {
                Some(class) => notes.extend(used.notes(&shown, class)),
                None => notes.push(format!(
                    "{shown} has no prices there: as if it were {STANDARD}"
                )),
            }
        }
        notes
    }
}

impl Use {
    fn note(&mut self, object: ObjectUse<'_>, class: &ClassPrices) {
        match object {
            ObjectUse::Read { object, gets } => {
                self.gets += gets;
                self.objects_read += 1;
                self.bytes_read += object.size;
            }
            ObjectUse::Write { size, parts } => {
                // Only the completion of an upload in parts is charged as a PUT.
                self.puts += 1;
                self.parts += parts.map_or(0, |parts| parts + 1);
                self.objects_written += 1;
                self.small += u64::from(size < class.min_size);
                self.grow(size, class, 1);
            }
            ObjectUse::Remove(object) => self.grow(object.size, class, -1),
        }
    }

    fn grow(&mut self, size: u64, class: &ClassPrices, by: i128) {
        let charged = size.max(class.min_size).saturating_add(class.overhead);
        self.stored += by * i128::from(size);
        self.charged += by * i128::from(charged);
        self.charged_standard += by * i128::from(class.overhead_standard);
    }

    fn difference(&self, class: &ClassPrices, usual: &ClassPrices) -> Difference {
        let more = |count: u64, price: Dollars, usual: Dollars| {
            price.for_each_of(count) - usual.for_each_of(count)
        };
        let part = class.part_per_1000.unwrap_or(class.put_per_1000);
        let requests = more(self.puts, class.put_per_1000.0, usual.put_per_1000.0)
            + more(self.parts, part.0, usual.put_per_1000.0)
            + more(self.gets, class.get_per_1000.0, usual.get_per_1000.0);
        let stored = usual.storage_per_gb_month.0;
        Difference {
            requests,
            retrieval: class.retrieval_per_1000.0.for_each_of(self.objects_read)
                + class.retrieval_per_gb.0.for_bytes(self.bytes_read.into()),
            storage: class.storage_per_gb_month.0.for_bytes(self.charged)
                + stored.for_bytes(self.charged_standard)
                - stored.for_bytes(self.stored),
        }
    }

    fn notes(&self, name: &str, class: &ClassPrices) -> Vec<String> {
        let mut notes = vec![format!("objects in {name} by the prices of that class")];
        let count = |count: u64| {
            let objects = if count == 1 { "object" } else { "objects" };
            format!("{} {objects}", HumanCount(count))
        };
        if self.small > 0 {
            let (small, size) = (count(self.small), HumanBytes(class.min_size));
            notes.push(format!("{small} charged as {size} each in {name}"));
        }
        let overhead = class.overhead.saturating_add(class.overhead_standard);
        if overhead > 0 && self.objects_written > 0 {
            let size = HumanBytes(overhead);
            notes.push(format!("{size} more charged for each object in {name}"));
        }
        if class.min_days > 0 && self.stored != 0 {
            let days = class.min_days;
            notes.push(format!("each charged for {days} days at least in {name}"));
        }
        if !class.retrieval_per_1000.0.is_zero() && self.objects_read > 0 {
            let objects = count(self.objects_read);
            notes.push(format!("{objects} to be restored from {name} first"));
        }
        notes
    }
}

impl Prices {
    /// The usual class.
    fn as_class(&self) -> ClassPrices {
        ClassPrices {
            put_per_1000: self.put_per_1000,
            get_per_1000: self.get_per_1000,
            storage_per_gb_month: self.storage_per_gb_month,
            ..ClassPrices::default()
        }
    }
}
