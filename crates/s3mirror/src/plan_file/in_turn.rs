//! Texts that are read one after the other, each opened when it is its turn.

use std::io::{self, BufRead, Read};

/// Several texts as one.
pub(crate) struct InTurn<I, R> {
    next: I,
    current: Option<R>,
}

impl<I: Iterator<Item = io::Result<R>>, R: BufRead> InTurn<I, R> {
    /// The texts that `next` opens.
    pub(crate) fn of(next: I) -> Self {
        Self {
            next,
            current: None,
        }
    }

    /// Opens the next text at the end of the current one; says whether there is more.
    fn advance(&mut self) -> io::Result<bool> {
        loop {
            if let Some(current) = &mut self.current
                && !current.fill_buf()?.is_empty()
            {
                return Ok(true);
            }
            self.current = self.next.next().transpose()?;
            if self.current.is_none() {
                return Ok(false);
            }
        }
    }
}

impl<I: Iterator<Item = io::Result<R>>, R: BufRead> BufRead for InTurn<I, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.advance()? {
            return Ok(&[]);
        }
        match &mut self.current {
            Some(current) => current.fill_buf(),
            None => Ok(&[]),
        }
    }

    fn consume(&mut self, bytes: usize) {
        if let Some(current) = &mut self.current {
            current.consume(bytes);
        }
    }
}

impl<I: Iterator<Item = io::Result<R>>, R: BufRead> Read for InTurn<I, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if !self.advance()? {
            return Ok(0);
        }
        match &mut self.current {
            Some(current) => current.read(to),
            None => Ok(0),
        }
    }
}
