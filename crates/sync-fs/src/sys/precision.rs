//! The precision of file times, and how long a change may stay invisible.
//!
//! The time of the last change of anything (ctime) is set by the kernel alone.
//! Where it has nanoseconds, they are practically never zero; so a file without
//! them, in either time, is on a file system of whole seconds (ext2 and ext3,
//! HFS+, FAT, many network mounts). It is decided for each file by itself, for
//! other file systems may be mounted below the root.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use sync_core::entry::Coarse;

use crate::sys::file_system;
use crate::sys::meta::Meta;

/// The kernel takes the times of files from a clock that moves by ticks, of 10
/// milliseconds at most: a change may be dated by as much too early, and two
/// changes within one tick have the same time. With a margin.
pub(crate) const TICK: TimeDelta = TimeDelta::milliseconds(20);

const SECOND: u32 = 1_000_000_000;

/// What the type of a directory's file system says about its times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Precision {
    /// None where it is not known.
    device: Option<u64>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Its change times are its own.
    Usual,
    /// Times of files in units of two seconds, and no change times.
    Fat,
    /// The change times may be anything, as the time of the content once more.
    Unknown,
}

impl Precision {
    /// Of a directory that is not there yet.
    pub(crate) const UNKNOWN: Self = Self {
        device: None,
        kind: Kind::Unknown,
    };

    /// Of the file system that `dir` is on.
    pub(crate) fn of(dir: impl AsFd) -> Self {
        let device = Meta::of(&dir).ok().map(|meta| meta.device);
        Self {
            device,
            kind: kind(dir),
        }
    }

    /// The device of that file system.
    pub(crate) fn device(self) -> Option<u64> {
        self.device
    }

    /// How coarse the times of a file are, if they are no finer than seconds.
    pub(crate) fn of_file(self, meta: &Meta) -> Option<Coarse> {
        let (seconds, nanos) = meta.changed();
        if nanos != 0 || meta.modified.timestamp_subsec_nanos() != 0 {
            return None;
        }
        let kind = if Some(meta.device) == self.device {
            self.kind
        } else {
            Kind::Unknown
        };
        let modified = meta.modified.timestamp();
        let may_be_two = modified % 2 == 0 && seconds % 2 == 0;
        let unit = match kind {
            Kind::Usual => SECOND,
            Kind::Unknown if !may_be_two => SECOND,
            Kind::Unknown | Kind::Fat => 2 * SECOND,
        };
        Some(Coarse {
            unit,
            is_change_time: kind == Kind::Usual && seconds == modified,
        })
    }

    /// The unit of times, as far as it is known from the type of the file system.
    pub(crate) fn unit(self) -> TimeDelta {
        match self.kind {
            Kind::Fat => TimeDelta::seconds(2),
            Kind::Usual | Kind::Unknown => TimeDelta::nanoseconds(1),
        }
    }

    /// No file that is written from now on is dated earlier, in whole units of
    /// the file system.
    pub(crate) fn earliest(self) -> DateTime<Utc> {
        let past = now() - TICK;
        match self.kind {
            Kind::Fat => {
                let odd = TimeDelta::seconds(past.timestamp().rem_euclid(2));
                let nanos = TimeDelta::nanoseconds(past.timestamp_subsec_nanos().into());
                past - odd - nanos
            }
            Kind::Usual | Kind::Unknown => past,
        }
    }

    /// How long to wait until a file written from now on is dated `moment` or
    /// later; nothing if that is past.
    pub(crate) fn until(self, moment: DateTime<Utc>) -> Duration {
        let whole = match self.kind {
            Kind::Fat => TimeDelta::seconds(2),
            Kind::Usual | Kind::Unknown => TimeDelta::zero(),
        };
        if self.earliest() >= moment {
            return Duration::ZERO;
        }
        (moment + whole + TICK - now()).to_std().unwrap_or_default()
    }

    /// How long to wait until a change of the file would show in its times; not
    /// at all where these are of the future, so that this cannot be known.
    pub(crate) fn until_settled(self, meta: &Meta) -> Duration {
        let unit = self.of_file(meta).map_or(TimeDelta::zero(), |coarse| {
            TimeDelta::nanoseconds(coarse.unit.into())
        });
        let (seconds, nanos) = meta.changed();
        let changed = crate::sys::times::from_system(seconds, nanos);
        let last = meta.modified.max(changed);
        let wait = (last - now()).checked_add(&(unit + TICK));
        match wait {
            Some(wait) if wait <= unit + TICK => wait.to_std().unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

fn kind(dir: impl AsFd) -> Kind {
    /// `MSDOS_SUPER_MAGIC`
    const FAT: u64 = 0x4d44;
    /// FUSE, exFAT, SMB by its three clients, and 9p.
    const UNKNOWN: [u64; 6] = [
        0x6573_5546,
        0x2011_bab0,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x0102_1997,
    ];
    match file_system::kind(dir) {
        Some(FAT) => Kind::Fat,
        Some(kind) if !UNKNOWN.contains(&kind) => Kind::Usual,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
impl Precision {
    /// The same, as if the file system had this number.
    pub(crate) fn on_device(self, device: u64) -> Self {
        let device = Some(device);
        Self { device, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: u64 = 7;

    /// Of a file of `modified` and `changed`, in half seconds from 1970.
    fn coarse(kind: Kind, device: u64, modified: i64, changed: i64) -> Option<Coarse> {
        let meta = Meta::dated(
            device,
            (modified / 2, modified % 2),
            (changed / 2, changed % 2),
        );
        let device = Some(ROOT);
        let precision = Precision { device, kind };
        precision.of_file(&meta)
    }

    fn unit(seconds: u32, is_change_time: bool) -> Option<Coarse> {
        Some(Coarse {
            unit: seconds * SECOND,
            is_change_time,
        })
    }

    #[test]
    fn times_are_as_coarse_as_both_of_them_look() {
        use Kind::{Fat, Unknown, Usual};
        for kind in [Usual, Fat, Unknown] {
            assert_eq!(coarse(kind, ROOT, 21, 21), None);
            assert_eq!(coarse(kind, ROOT, 20, 21), None, "set on a fine one");
            assert_eq!(coarse(kind, ROOT, 21, 20), None);
        }
        assert_eq!(coarse(Usual, ROOT, 20, 20), unit(1, true));
        assert_eq!(coarse(Usual, ROOT, 20, 24), unit(1, false), "set");
        assert_eq!(coarse(Fat, ROOT, 20, 20), unit(2, false));
        assert_eq!(coarse(Unknown, ROOT, 20, 24), unit(2, false));
        assert_eq!(coarse(Unknown, ROOT, 22, 24), unit(1, false));
        assert_eq!(coarse(Usual, 8, 20, 20), unit(2, false), "mounted below");
    }

    #[test]
    fn a_file_settles_when_its_unit_is_over() {
        let precision = Precision {
            device: Some(ROOT),
            kind: Kind::Usual,
        };
        let second = now().timestamp();
        let wait = |at: (i64, i64)| precision.until_settled(&Meta::dated(ROOT, (1, 0), at));
        assert!(wait((second, 0)) > Duration::ZERO);
        assert!(wait((second, 0)) <= Duration::from_millis(1020));
        assert_eq!(wait((second - 2, 0)), Duration::ZERO);
        assert_eq!(wait((second - 1, 1)), Duration::ZERO, "fine");
        assert_eq!(wait((second + 60, 0)), Duration::ZERO, "of the future");
    }
}
