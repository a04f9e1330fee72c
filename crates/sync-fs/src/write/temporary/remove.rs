//! The removal of a file that must still be the version that was seen.

use std::os::fd::OwnedFd;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::marks::Marks;
use super::outcome::Outcome;
use crate::change_detection::ChangeDetector;
use crate::sys::errno::Sys;
use crate::sys::meta::Meta;
use crate::sys::rename::rename_noreplace;

/// Removes `old`, which the caller has just seen at `leaf` in `dir`.
///
/// It gets another name first, so that it can be seen what really stood there:
/// what came between the look and this call is put back.
pub(crate) fn remove(
    dir: &OwnedFd,
    leaf: &[u8],
    old: &Meta,
    detector: &ChangeDetector,
) -> Sys<Outcome> {
    let name = Marks::fresh().removing(old).name();
    let name = name.as_bytes();
    match rename_noreplace(dir, leaf, dir, name) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(Outcome::Done),
        // A full disk may have no room for the longer name.
        Err(_) => {
            return match rustix::fs::unlinkat(dir, leaf, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(Outcome::Done),
                Err(errno) => Err(errno),
            };
        }
    }
    let put_back = || rename_noreplace(dir, name, dir, leaf).is_ok();
    match Meta::at(dir, name) {
        Ok(found) if detector.is_still(&found, dir, name, old) => {
            match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(Outcome::Done),
                Err(errno) => {
                    put_back();
                    Err(errno)
                }
            }
        }
        Err(Errno::NOENT) => Ok(Outcome::Done),
        _ if put_back() => Ok(Outcome::Changed),
        _ => Ok(Outcome::Moved(String::from_utf8_lossy(name).into_owned())),
    }
}
