//! What distinguishes two versions of a file, and its form as a revision.

use sync_core::entry::Revision;

/// What distinguishes two versions of a file of the same size and mtime.
///
/// A write that leaves size and mtime as they were still moves the change
/// time, which no call can set. The number of the device is no part of it: it
/// changes when a file system is mounted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) inode: u64,
    /// Time of the last change of anything: seconds and nanoseconds.
    pub(crate) changed: (i64, u32),
}

impl Identity {
    /// Inode and change time in hexadecimal.
    pub(crate) fn revision(self) -> Revision {
        let mut text = Hex::default();
        text.push(self.inode);
        text.push(self.changed.0.cast_unsigned());
        text.push(self.changed.1.into());
        Revision::new(text.as_str())
    }

    /// Parses `revision`. In plans of earlier versions the device comes
    /// first.
    pub(crate) fn read(revision: &Revision) -> Option<Self> {
        let mut numbers = revision.as_str().rsplitn(4, '.');
        let mut next = || u64::from_str_radix(numbers.next()?, 16).ok();
        let (nanos, seconds, inode) = (next()?, next()?, next()?);
        Some(Self {
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
    fn push(&mut self, number: u64) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        if self.len > 0 {
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
        for identity in [
            Identity {
                inode: 0,
                changed: (0, 0),
            },
            Identity {
                inode: u64::MAX,
                changed: (-1, 999_999_999),
            },
        ] {
            let revision = identity.revision();
            assert_eq!(Identity::read(&revision), Some(identity));
            let old = Revision::new(format!("fe00.{}", revision.as_str()));
            assert_eq!(Identity::read(&old), Some(identity));
        }
        for wrong in ["", "1.2", "1.2.g", "1.2.100000000"] {
            assert_eq!(Identity::read(&Revision::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn hex_is_what_format_writes() {
        let numbers = [0, 15, 16, u64::MAX];
        let mut hex = Hex::default();
        for number in numbers {
            hex.push(number);
        }
        assert_eq!(hex.as_str(), "0.f.10.ffffffffffffffff");
    }
}
