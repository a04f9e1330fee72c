//! The three streams of a command: data goes to the first, diagnostics to the
//! second, answers come from the third.
//!
//! A reader that went away (`| head`) is no error: the work goes on, silently.

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

/// Where a command writes and reads.
pub struct Console {
    out: Stream,
    err: Stream,
    input: Box<dyn BufRead + Send>,
    /// Whether somebody is there to answer a question.
    pub(crate) can_ask: bool,
    /// Whether progress can be drawn.
    pub(crate) can_draw: bool,
}

struct Stream {
    to: Box<dyn Write + Send>,
    /// Why nothing is written any more.
    failed: Option<io::Error>,
}

/// The style of errors.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The style of warnings.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();

impl Console {
    /// The streams of this process, with colours where they can be shown.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            out: Stream::new(AutoStream::auto(io::stdout())),
            err: Stream::new(AutoStream::auto(io::stderr())),
            input: Box::new(io::BufReader::new(io::stdin())),
            can_ask: io::stdin().is_terminal(),
            can_draw: io::stderr().is_terminal(),
        }
    }

    /// Given streams, without colours and progress; `can_ask` says whether
    /// questions are answered from `input`.
    #[must_use]
    pub fn new(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        input: Box<dyn BufRead + Send>,
        can_ask: bool,
    ) -> Self {
        Self {
            out: Stream {
                to: out,
                failed: None,
            },
            err: Stream {
                to: err,
                failed: None,
            },
            input,
            can_ask,
            can_draw: false,
        }
    }

    /// Colours as the user wants them. Only for the streams of this process.
    pub(crate) fn set_colors(&mut self, choice: ColorChoice) {
        if choice != ColorChoice::Auto {
            self.out = Stream::new(AutoStream::new(io::stdout(), choice));
            self.err = Stream::new(AutoStream::new(io::stderr(), choice));
        }
    }

    /// One line of the plan or the report.
    pub(crate) fn line(&mut self, line: impl Display) {
        self.out.write(|to| writeln!(to, "{line}"));
    }

    /// Data as it is.
    pub(crate) fn data(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        self.out.write(write);
    }

    /// One line that says what went wrong.
    pub(crate) fn error(&mut self, message: impl Display) {
        self.tell(format_args!("{ERROR}error:{ERROR:#} {message}"));
    }

    /// One line that says what to look after.
    pub(crate) fn warning(&mut self, message: impl Display) {
        self.tell(format_args!("{WARNING}warning:{WARNING:#} {message}"));
    }

    /// One line beside the data.
    pub(crate) fn note(&mut self, message: impl Display) {
        self.tell(message);
    }

    /// Diagnostics are seen at once, data when there is time.
    fn tell(&mut self, line: impl Display) {
        self.err.write(|to| {
            writeln!(to, "{line}")?;
            to.flush()
        });
    }

    /// Asks and returns the answer's line; nothing at the end of the input.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<String> {
        self.out.write(|to| to.flush());
        self.err.write(|to| {
            write!(to, "{question}")?;
            to.flush()
        });
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(answer)
    }

    /// Lets everything be seen.
    ///
    /// # Errors
    /// What kept data from being written, a full disk first of all; not that
    /// the reader went away.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.write(|to| to.flush());
        match self.out.failed.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

impl Stream {
    fn new<S: anstream::stream::RawStream + Send + 'static>(stream: AutoStream<S>) -> Self
    where
        AutoStream<S>: Write,
    {
        Self {
            to: Box::new(io::BufWriter::new(stream)),
            failed: None,
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = write(&mut *self.to).err();
        }
    }
}
