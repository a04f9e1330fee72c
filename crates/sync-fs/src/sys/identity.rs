//! What distinguishes two versions of a file, and its form as a revision.

use sync_core::entry::Revision;

/// What distinguishes two versions of a file of the same size and mtime.
///
/// A write that leaves size and mtime as they were still moves the change
/// time, which no call can set. The number of the device is no part of it: it
/// is another one on another machine, and when a file system is mounted again.
/// What lasts is whether the file is on the file system of the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) place: Place,
    pub(crate) inode: u64,
    /// Time of the last change of anything: seconds and nanoseconds.
    pub(crate) changed: (i64, u32),
}

/// On which file system a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On that of the root.
    Home,
    /// On one that is mounted below the root.
    Mounted,
    /// That is not known.
    Unknown,
}

/// Begins the revision of a file that is on a file system mounted below the root.
const MOUNTED: &str = "m.";

impl Place {
    /// Whether both may be the same.
    pub(crate) fn agrees(self, other: Self) -> bool {
        self == other || self == Self::Unknown || other == Self::Unknown
    }
}

impl Identity {
    /// Inode and change time in hexadecimal, after [`MOUNTED`] where that applies.
    pub(crate) fn revision(self) -> Revision {
        let mut text = Hex::default();
        if self.place == Place::Mounted {
            text.begin(MOUNTED);
        }
        text.push(self.inode);
        text.push(self.changed.0.cast_unsigned());
        text.push(self.changed.1.into());
        Revision::new(text.as_str())
    }

    /// Parses `revision`. In plans of earlier versions the device comes
    /// first, which is ignored.
    pub(crate) fn read(revision: &Revision) -> Option<Self> {
        let mut numbers = revision.as_str().rsplitn(4, '.');
        let mut next = || u64::from_str_radix(numbers.next()?, 16).ok();
        let (nanos, seconds, inode) = (next()?, next()?, next()?);
        let place = match numbers.next() {
            None => Place::Home,
            Some(before) if MOUNTED.strip_suffix('.') == Some(before) => Place::Mounted,
            Some(_) => Place::Unknown,
        };
        Some(Self {
            place,
            inode,
            changed: (seconds.cast_signed(), u32::try_from(nanos).ok()?),
        })
    }
}

/// Numbers in hexadecimal, joined by dots. A listing makes a million of these:
/// `format!` would be the dearest part of it.
struct Hex {
    text: [u8; 4 * 17],
    len: usize,
}

impl Default for Hex {
    fn default() -> Self {
        Self {
            text: [0; 4 * 17],
            len: 0,
        }
    }
}

impl Hex {
    /// Puts `text`, which ends with a dot, before all numbers.
    fn begin(&mut self, text: &str) {
        self.text[..text.len()].copy_from_slice(text.as_bytes());
        self.len = text.len();
    }

    fn push(&mut self, number: u64) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        if self.len > 0 && self.text[self.len - 1] != b'.' {
            self.text[self.len] = b'.';
            self.len += 1;
        }
        let digits = (64 - number.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            self.text[self.len] = DIGITS[(number >> (4 * digit)) as usize & 15];
            self.len += 1;
        }
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_from_revisions_of_old_and_new_plans() {
        for (inode, changed) in [(0, (0, 0)), (u64::MAX, (-1, 999_999_999))] {
            let at = |place| Identity {
                place,
                inode,
                changed,
            };
            for place in [Place::Home, Place::Mounted] {
                let revision = at(place).revision();
                assert_eq!(Identity::read(&revision), Some(at(place)));
            }
            let plain = at(Place::Home).revision();
            let old = Revision::new(format!("fe00.{}", plain.as_str()));
            assert_eq!(Identity::read(&old), Some(at(Place::Unknown)));
        }
        for wrong in ["", "1.2", "1.2.g", "1.2.100000000"] {
            assert_eq!(Identity::read(&Revision::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn hex_is_what_format_writes() {
        let numbers = [0, 15, 16, u64::MAX];
        for begin in ["", MOUNTED] {
            let mut hex = Hex::default();
            hex.begin(begin);
            for number in numbers {
                hex.push(number);
            }
            let expected = format!("{begin}0.f.10.ffffffffffffffff");
            assert_eq!(hex.as_str(), expected);
        }
    }
}
