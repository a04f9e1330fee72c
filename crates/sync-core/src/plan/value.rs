//! The plan as a value: its header, and its actions in a spool.

use std::io::{self, BufRead, Write};

use super::action::{Action, parse, read_actions};
use super::counts::Counts;
use super::header::Header;
use super::origin::Origin;
use super::reader;
use crate::json::write_json;
use crate::rule::Direction;
use crate::spool::Spool;

/// What has to be done, and what was seen when that was decided.
pub struct Plan {
    header: Header,
    spool: Box<dyn Spool>,
}

impl Plan {
    pub(crate) fn new(header: Header, spool: Box<dyn Spool>) -> Self {
        Self { header, spool }
    }

    /// The same plan, which says when it was made and of which places.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.header.origin = Some(origin);
        self
    }

    /// The same lines, of a plan that has seen and does all this.
    #[must_use]
    pub fn with_counts(mut self, counts: Counts) -> Self {
        self.header.counts = counts;
        self
    }

    /// What was seen, and by which rule it was judged.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Short for the header's counts.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.header.counts
    }

    /// Short for the direction of the header's rule.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.header.rule.direction
    }

    /// The actions, read from the spool as they are asked for.
    ///
    /// # Errors
    /// Those of reading the spool.
    pub fn actions(&self) -> io::Result<impl Iterator<Item = io::Result<Action>> + Send + use<>> {
        Ok(read_actions(self.spool.reader()?))
    }

    /// The actions from `offset` bytes of the spool on, each with its offset.
    pub(crate) fn actions_from(
        &self,
        offset: u64,
    ) -> io::Result<impl Iterator<Item = io::Result<(u64, Action)>> + Send + use<>> {
        let mut reader = self.spool.reader_at(offset)?;
        let (mut at, mut line) = (offset, String::new());
        Ok(std::iter::from_fn(move || {
            line.clear();
            match reader.read_line(&mut line) {
                Ok(0) => None,
                Ok(length) => {
                    let begin = at;
                    at += length as u64;
                    Some(parse(line.trim_end()).map(|action| (begin, action)))
                }
                Err(error) => Some(Err(error)),
            }
        }))
    }

    /// Writes the plan in its file format.
    ///
    /// # Errors
    /// Those of reading the spool and of `out`.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(&mut *out, &self.header)?;
        out.write_all(b"\n")?;
        io::copy(&mut self.spool.reader()?, out)?;
        Ok(())
    }

    /// Reads a plan in its file format; its actions are copied to `spool`.
    ///
    /// ```
    /// use sync_core::{plan::Plan, spool::{MemorySpools, Spools}};
    ///
    /// let text = br#"{"s3mirror_plan":99}"#;
    /// let spool = MemorySpools.create()?;
    /// assert!(Plan::read_from(&text[..], spool).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidData` for another version of the format, for a line that is no
    /// action, and when the lines are not those that the header counts; those
    /// of reading and writing. The number of the line is named.
    pub fn read_from(text: impl BufRead, mut spool: Box<dyn Spool>) -> io::Result<Self> {
        let header = reader::check(text, &mut *spool)?;
        Ok(Self { header, spool })
    }

    /// Reads the first line of a plan, and leaves the others in `text`.
    ///
    /// # Errors
    /// As [`Plan::read_from`].
    pub fn read_header(text: &mut impl BufRead) -> io::Result<Header> {
        reader::header(text)
    }

    /// Reads lines of plans whose headers together are `header`, and copies those that
    /// `wanted` selects to `spool`. The counts remain those of the header.
    ///
    /// # Errors
    /// As [`Plan::read_part`].
    pub fn read_selected(
        header: Header,
        text: impl BufRead,
        mut spool: Box<dyn Spool>,
        wanted: impl FnMut(&Action) -> bool,
    ) -> io::Result<Self> {
        reader::check_part(text, &mut *spool, wanted)?;
        Ok(Self { header, spool })
    }

    /// Reads some consecutive lines of the plan that has this header, and copies
    /// those that `wanted` selects to `spool`. What was seen is that of the whole
    /// plan; what is copied, deleted or kept by a line is that of these lines.
    ///
    /// # Errors
    /// As [`Plan::read_from`], but for the counts of the lines: whoever reads a
    /// part knows by other means that it is complete.
    pub fn read_part(
        mut header: Header,
        text: impl BufRead,
        mut spool: Box<dyn Spool>,
        wanted: impl FnMut(&Action) -> bool,
    ) -> io::Result<Self> {
        let found = reader::check_part(text, &mut *spool, wanted)?;
        let reasons = &mut header.counts.reasons;
        reasons.retain(|reason, _| reader::WITHOUT_LINE.contains(reason));
        reasons.extend(found);
        Ok(Self { header, spool })
    }
}
