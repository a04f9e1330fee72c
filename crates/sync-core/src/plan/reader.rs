//! Reads a saved plan: every line is checked, and all of them together against
//! the counts of the header, so that a plan that was cut or edited is an error
//! and no smaller plan.

use std::fmt::{Debug, Display};
use std::io::{self, BufRead};

use serde::Deserialize;

use super::{Action, Counts, FORMAT_VERSION, Header, Plan, parse};
use crate::spool::Spool;
use crate::{Reason, Side};

/// The answers of the rule that have no line.
const WITHOUT_LINE: [Reason; 4] = [
    Reason::Unchanged,
    Reason::ObjectIsLater,
    Reason::SameContent,
    Reason::DeletionsOff,
];

pub(super) fn read(text: impl BufRead, mut spool: Box<dyn Spool>) -> io::Result<Plan> {
    let mut lines = Lines {
        text,
        line: String::new(),
        number: 0,
    };
    lines.advance()?;
    let header = lines.parse_with(parse_header)?;
    let mut found = Counts::default();
    while lines.advance()? {
        let action = lines.parse_with(parse)?;
        count(action, &mut found);
        spool.append(lines.line.trim_end().as_bytes())?;
        spool.append(b"\n")?;
    }
    compare(&header.counts, &found).map_err(|what| invalid(lines.number, what))?;
    Ok(Plan { header, spool })
}

/// The lines of a plan with their numbers.
struct Lines<R> {
    text: R,
    line: String,
    /// That of `line`, from 1.
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Takes the next line; says whether there is one.
    fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        match self.text.read_line(&mut self.line) {
            Ok(0) => Ok(false),
            Ok(_) => {
                self.number += 1;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(invalid(self.number + 1, error))
            }
            Err(error) => Err(error),
        }
    }

    fn parse_with<T>(&self, parse: impl Fn(&str) -> io::Result<T>) -> io::Result<T> {
        parse(&self.line).map_err(|error| invalid(self.number.max(1), error))
    }
}

fn invalid(line: u64, what: impl Display) -> io::Error {
    let message = format!("line {line} of the plan: {what}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// The version is asked first, so that a newer plan is told apart from a
/// broken one.
fn parse_header(line: &str) -> io::Result<Header> {
    #[derive(Deserialize)]
    struct Version {
        s3mirror_plan: u32,
    }
    let version = parse::<Version>(line)?.s3mirror_plan;
    if version == FORMAT_VERSION {
        return parse(line);
    }
    let message = format!("it has format {version}; this program reads {FORMAT_VERSION}");
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

/// Counts a line as the planner did when it wrote it.
fn count(action: Action, found: &mut Counts) {
    match action {
        Action::Transfer(transfer) => {
            let tally = found.reasons.entry(transfer.reason).or_default();
            tally.add(transfer.source.size);
        }
        Action::Delete(delete) => {
            let tally = found.reasons.entry(delete.reason).or_default();
            tally.add(delete.target.size);
        }
        Action::Skip { side, skipped } => {
            let counts = match side {
                Side::Source => &mut found.skipped_in_source,
                Side::Target => &mut found.skipped_in_target,
            };
            *counts.entry(skipped.cause).or_default() += 1;
        }
        Action::Conflict { .. } => found.conflicts += 1,
        Action::TooLong { .. } => found.too_long += 1,
    }
}

/// Whether the lines are those that the header counts; if not, the first
/// difference. Of what is kept, no line tells.
fn compare(header: &Counts, found: &Counts) -> Result<(), String> {
    let mut reasons = header.reasons.clone();
    reasons.retain(|reason, _| !WITHOUT_LINE.contains(reason));
    same("copied or deleted", &reasons, &found.reasons)?;
    let (said, read) = (&header.skipped_in_source, &found.skipped_in_source);
    same("skipped in the source", said, read)?;
    let (said, read) = (&header.skipped_in_target, &found.skipped_in_target);
    same("skipped in the target", said, read)?;
    same("conflicts", &header.conflicts, &found.conflicts)?;
    same("keys too long", &header.too_long, &found.too_long)
}

fn same<T: PartialEq + Debug>(what: &str, header: &T, found: &T) -> Result<(), String> {
    if header == found {
        return Ok(());
    }
    Err(format!(
        "the plan ends here, and its lines are not those that its header counts ({what}: the \
         header says {header:?}, the lines {found:?}); it was cut or edited"
    ))
}
