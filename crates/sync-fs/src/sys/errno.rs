//! Results of system calls, and errors that a caller handles by waiting or by
//! another call.

use std::time::{Duration, Instant};

use rustix::io::Errno;

/// Result of a system call.
pub(crate) type Sys<T> = Result<T, Errno>;

/// How long a thread waits for a handle, when the process has no more.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `open` opens. Where the process or the system has no more handles, it
/// waits for others to be closed: connections and files come and go.
pub(crate) fn patiently<T>(mut open: impl FnMut() -> Sys<T>) -> Sys<T> {
    let mut since = None;
    loop {
        match open() {
            Err(errno @ (Errno::MFILE | Errno::NFILE)) => {
                if since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(errno);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

/// Whether `errno` may mean that there is no call that renames with flags: the
/// file system lacks it, or a sandbox does not know it.
pub(crate) fn is_missing_call(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_waited_for_and_other_errors_are_not() {
        let mut answers = [Err(Errno::MFILE), Err(Errno::NFILE), Ok(7)].into_iter();
        assert_eq!(patiently(|| answers.next().unwrap()), Ok(7));
        let mut asked = 0;
        let denied: Sys<()> = patiently(|| {
            asked += 1;
            Err(Errno::ACCESS)
        });
        assert_eq!((denied, asked), (Err(Errno::ACCESS), 1));
    }
}
