//! The marks in the name of a temporary, which prove that it is one.
//!
//! It holds a random number and two marks, each of eight hexadecimal digits. The
//! first mark is of the inode of the file that was made under this name: no
//! copy of it has that, and after an exchange of names nothing that a user
//! wrote has it. The second is of the version that the file replaces, or that
//! is being removed: its inode, size and time. A run that is killed between
//! taking a file's name away and removing it leaves such a one, and if a user
//! wrote it meanwhile, it no longer fits.

use sync_core::checksum::Crc64;

use crate::sys::meta::Meta;

const PREFIX: &str = ".s3mirror-";
const SUFFIX: &str = ".tmp";

/// Digits of each number.
const DIGITS: usize = 8;

/// The numbers in the name of a temporary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    random: u32,
    own: u32,
    old: u32,
}

impl Marks {
    /// Those of a file that does not exist yet.
    pub(super) fn fresh() -> Self {
        Self {
            random: fastrand::u32(..),
            own: 0,
            old: 0,
        }
    }

    /// Those of the file `own`, which is going to replace `old`.
    pub(super) fn of(self, own: &Meta, old: Option<&Meta>) -> Self {
        Self {
            own: self.own_mark(own),
            old: old.map_or(0, |old| self.old_mark(old)),
            ..self
        }
    }

    /// Those of the file `old`, which is going to be removed.
    pub(super) fn removing(self, old: &Meta) -> Self {
        let old = self.old_mark(old);
        Self { old, ..self }
    }

    /// What the name `leaf` holds, if it is of our form.
    pub(super) fn read(leaf: &[u8]) -> Option<Self> {
        let digits = leaf.strip_prefix(PREFIX.as_bytes())?;
        let digits = digits.strip_suffix(SUFFIX.as_bytes())?;
        let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 3 * DIGITS || !digits.iter().all(is_digit) {
            return None;
        }
        let mut numbers = digits.chunks(DIGITS).map(|number| {
            let number = str::from_utf8(number).ok()?;
            u32::from_str_radix(number, 16).ok()
        });
        Some(Self {
            random: numbers.next()??,
            own: numbers.next()??,
            old: numbers.next()??,
        })
    }

    pub(super) fn name(self) -> String {
        let Self { random, own, old } = self;
        format!("{PREFIX}{random:08x}{own:08x}{old:08x}{SUFFIX}")
    }

    /// Whether a file with these marks in its name is ours.
    ///
    /// One that has no marks yet is empty, so there is nothing in it to lose.
    pub(super) fn prove(self, meta: &Meta) -> bool {
        match (self.own, self.old) {
            (0, 0) => meta.size == 0,
            (own, old) => own == self.own_mark(meta) || old == self.old_mark(meta),
        }
    }

    /// The inode alone: the other attributes change while it is written.
    fn own_mark(self, meta: &Meta) -> u32 {
        self.mark(&[meta.inode])
    }

    fn old_mark(self, meta: &Meta) -> u32 {
        let seconds = meta.modified.timestamp().cast_unsigned();
        let nanos = meta.modified.timestamp_subsec_nanos();
        self.mark(&[meta.inode, meta.size, seconds, nanos.into()])
    }

    /// A short sum of `numbers`, never 0, which is no mark.
    fn mark(self, numbers: &[u64]) -> u32 {
        let mut bytes = self.random.to_le_bytes().to_vec();
        for number in numbers {
            bytes.extend(number.to_le_bytes());
        }
        let [_, _, _, _, a, b, c, d] = Crc64::of(&bytes).to_be_bytes();
        u32::from_be_bytes([a, b, c, d]).max(1)
    }
}
