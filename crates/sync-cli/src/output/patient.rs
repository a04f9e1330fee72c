//! Writing to an output that may be non-blocking.
//!
//! The parent process (node, some CI runners, ssh) may have made a pipe or a
//! terminal non-blocking for itself, and shares it with this one: a write to a
//! full one fails instead of waiting. Then this waits until its reader has read.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};

/// Waits where `W` would not.
pub(crate) struct Patient<W>(pub(crate) W);

impl<W: Write + AsFd> Patient<W> {
    fn patiently<T>(&mut self, mut write: impl FnMut(&mut W) -> io::Result<T>) -> io::Result<T> {
        loop {
            match write(&mut self.0) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait()?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn wait(&self) -> io::Result<()> {
        let mut ready = [PollFd::new(&self.0, PollFlags::OUT)];
        match poll(&mut ready, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<W: Write + AsFd> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.patiently(Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_full_output_is_waited_for() {
        let (out, mut reader) = UnixStream::pair().unwrap();
        out.set_nonblocking(true).unwrap();
        let bytes = vec![7; 4 << 20];
        assert_eq!(
            (&out).write_all(&bytes).unwrap_err().kind(),
            ErrorKind::WouldBlock,
            "it is too much at once"
        );
        let reading = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read.len()
        });
        let mut patient = Patient(out);
        patient.write_all(&bytes).unwrap();
        patient.flush().unwrap();
        drop(patient);
        assert!(reading.join().unwrap() >= bytes.len());
    }
}
