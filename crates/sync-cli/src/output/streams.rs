//! The two outputs of a command, shared by those that write at the same time:
//! the command, the progress beside it, the logs.
//!
//! Lines stay whole, and what is drawn on the terminal is moved out of their way. Data is
//! buffered; an error, a warning or a note comes after the data that was written before it, because
//! both are often read as one: in the file of a job, on a terminal. Progress and logs, which may
//! come at any time, wait for nobody who reads data.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use indicatif::ProgressBar;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::output::json::Line;
use crate::output::style::{ERROR, WARNING};

/// Standard output and standard error. Clones are the same streams.
#[derive(Clone)]
pub(crate) struct Streams {
    out: Arc<Mutex<Stream>>,
    err: Arc<Mutex<Stream>>,
}

/// Of what the library reports, only warnings are shown to people at once.
impl s3mirror::Observer for Streams {
    fn warning(&self, warning: &s3mirror::Warning) {
        Streams::warning(self, warning);
    }
}

struct Stream {
    to: io::BufWriter<Box<dyn Write + Send>>,
    /// Why nothing more is written.
    failed: Option<io::Error>,
    /// Whether that was reported.
    told: bool,
    /// What is drawn on the terminal of this stream.
    drawn: Option<ProgressBar>,
    /// Whether warnings and errors are lines of `--json` too.
    diagnoses: bool,
    /// Whether the line `begin` has been written.
    begun: bool,
    /// Whether something may be buffered.
    pending: bool,
}

impl Streams {
    pub(crate) fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            out: Stream::shared(out),
            err: Stream::shared(err),
        }
    }

    /// From now on, `bar` is moved out of the way of what is written.
    pub(crate) fn draw(&self, bar: &ProgressBar) {
        lock(&self.err).drawn = Some(bar.clone());
        // Data that goes elsewhere does not disturb it.
        if io::stdout().is_terminal() {
            lock(&self.out).drawn = Some(bar.clone());
        }
    }

    /// Nothing more is drawn.
    pub(crate) fn end_drawing(&self) {
        lock(&self.err).drawn = None;
        lock(&self.out).drawn = None;
    }

    /// From now on warnings and errors are lines of `--json` too.
    pub(crate) fn tell_diagnoses(&self) {
        lock(&self.out).diagnoses = true;
    }

    /// One line of data.
    pub(crate) fn line(&self, line: impl Display) {
        lock(&self.out).write(|to| writeln!(to, "{line}"));
    }

    /// Data as it is.
    pub(crate) fn data(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        lock(&self.out).write(write);
    }

    /// One line of `--json` with a field `event`. Before the first one comes
    /// the line `begin`, which has their version.
    pub(crate) fn event(&self, event: &impl Serialize) {
        lock(&self.out).event(event);
    }

    /// The same, written at once.
    pub(crate) fn event_at_once(&self, event: &impl Serialize) {
        let mut out = lock(&self.out);
        out.event(event);
        out.flush();
    }

    /// A warning or an error as a line of `--json`, where that is wanted.
    pub(crate) fn diagnosis<'m>(&self, line: impl FnOnce(&'m str) -> Line<'m>, message: &'m str) {
        let mut out = lock(&self.out);
        if out.diagnoses {
            out.event(&line(message));
        }
    }

    /// An error, in one line.
    pub(crate) fn error(&self, message: impl Display) {
        self.note(format_args!("{ERROR}error:{ERROR:#} {message}"));
    }

    /// A warning, in one line.
    pub(crate) fn warning(&self, message: impl Display) {
        let message = message.to_string();
        self.note(format_args!("{WARNING}warning:{WARNING:#} {message}"));
        self.diagnosis(|message| Line::Warning { message }, &message);
    }

    /// One line beside the data, written at once, and after all data that was written before.
    pub(crate) fn note(&self, line: impl Display) {
        // Not while the other stream is locked: the reader of the data may take its time.
        self.show();
        self.note_at_once(line);
    }

    /// One line beside the data, whatever of that is buffered.
    pub(crate) fn note_at_once(&self, line: impl Display) {
        self.note_raw(format_args!("{line}\n"));
    }

    /// The same without an end of the line.
    pub(crate) fn note_raw(&self, text: impl Display) {
        lock(&self.err).write(|to| {
            write!(to, "{text}")?;
            to.flush()
        });
    }

    /// Writes buffered data now.
    pub(crate) fn show(&self) {
        lock(&self.out).flush();
    }

    pub(crate) fn ask(&self, question: &str) {
        self.show();
        self.note_raw(question);
    }

    /// Writes all that is buffered. An error is returned once.
    pub(crate) fn flush(&self) -> io::Result<()> {
        let mut out = lock(&self.out);
        out.flush();
        let has_failed = out.failed.is_some();
        let told = std::mem::replace(&mut out.told, has_failed);
        match &out.failed {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe && !told => {
                Err(io::Error::new(error.kind(), error.to_string()))
            }
            _ => Ok(()),
        }
    }
}

impl Stream {
    fn shared(to: Box<dyn Write + Send>) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            to: io::BufWriter::new(to),
            failed: None,
            told: false,
            drawn: None,
            diagnoses: false,
            begun: false,
            pending: false,
        }))
    }

    fn event(&mut self, event: &impl Serialize) {
        if !std::mem::replace(&mut self.begun, true) {
            self.json(&Line::begin());
        }
        self.json(event);
    }

    fn json(&mut self, line: &impl Serialize) {
        self.write(|mut to| {
            sync_core::json::write_json(&mut to, line)?;
            to.write_all(b"\n")
        });
    }

    /// Writes what is buffered.
    fn flush(&mut self) {
        if self.pending {
            self.write(|to| to.flush());
            self.pending = false;
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.failed.is_none() {
            self.pending = self.drawn.is_none();
            let to = &mut self.to;
            self.failed = match &self.drawn {
                Some(bar) => bar.suspend(|| {
                    write(to)?;
                    // The bar is drawn below it.
                    to.flush()
                }),
                None => write(to),
            }
            .err();
        }
    }
}

fn lock(stream: &Mutex<Stream>) -> MutexGuard<'_, Stream> {
    stream.lock()
}
