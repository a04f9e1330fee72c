//! Random edits of a tree, as people and programs make them.

use std::{
    fs, io,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use super::Dir;

/// Edits a tree. The same seed makes the same edits.
pub(crate) struct Edits<'a> {
    dir: &'a Dir,
    state: u64,
    /// How many files were written.
    written: usize,
}

impl<'a> Edits<'a> {
    pub(crate) fn new(dir: &'a Dir, seed: u64) -> Self {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let written = 0;
        Self {
            dir,
            state,
            written,
        }
    }

    /// Edits until `end`, with pauses.
    pub(crate) fn make_until(&mut self, end: Instant) {
        while Instant::now() < end {
            for _ in 0..self.below(20) {
                // What another edit has made impossible is none.
                let _ = self.make();
            }
            thread::sleep(Duration::from_millis(self.below(300)));
        }
    }

    fn make(&mut self) -> io::Result<()> {
        let (path, other) = (self.path(), self.path());
        match self.below(12) {
            0..4 => self.write(&path),
            4 => {
                let temporary = path.with_extension("tmp");
                self.write(&temporary)?;
                fs::rename(temporary, path)
            }
            5 => fs::remove_file(path),
            6 => fs::remove_dir_all(path),
            // Of a file or of a tree, also over another one.
            7 | 8 => fs::rename(path, other),
            9 => {
                let deep = path.join("x/y/z");
                fs::create_dir_all(&deep)?;
                (0..5).try_for_each(|number| self.write(&deep.join(number.to_string())))
            }
            10 => {
                fs::remove_file(&path)?;
                fs::create_dir(&path)?;
                self.write(&path.join("inside"))
            }
            _ => {
                fs::remove_dir_all(&path)?;
                self.write(&path)
            }
        }
    }

    fn write(&mut self, path: &PathBuf) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // Each has a size of its own: a file that is moved over another one of its size, and
        // is older than the object, is taken for equal.
        self.written += 1;
        fs::write(path, "x".repeat(self.written))
    }

    /// A path of up to four names out of few, so that edits meet.
    fn path(&mut self) -> PathBuf {
        let mut path = self.dir.path().to_owned();
        for _ in 0..=self.below(4) {
            path.push(["a", "b", "c-d", "e f", "ü"][self.below(5) as usize]);
        }
        path
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % limit
    }
}
