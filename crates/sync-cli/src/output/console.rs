//! The three streams of a command: data goes to the first, diagnostics to the
//! second, answers come from the third.
//!
//! A reader that went away (`| head`) is no error: the work continues.

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::json::Line;
use super::patient::Patient;
use super::{Reporter, Streams};
use crate::options::OutputArgs;

/// Where a command writes and reads.
pub struct Console {
    reporter: Reporter,
    input: Box<dyn BufRead + Send>,
    /// Whether somebody is there to answer a question.
    pub(crate) can_ask: bool,
    /// Whether progress can be drawn.
    pub(crate) can_draw: bool,
    /// Whether data is written to a terminal, and can take the place of older data there.
    pub(crate) can_redraw: bool,
    /// Whether there are colours.
    pub(crate) colors: ColorChoice,
    /// What went wrong, for the report; only the first of many.
    errors: Vec<String>,
}

/// As many errors are kept for the report.
const ERRORS: usize = 20;

/// An output of this process; where it is full, writing waits.
fn output<W>(to: W, colors: ColorChoice) -> Box<dyn Write + Send>
where
    W: Write + AsFd + Send + 'static,
{
    let to: Box<dyn Write + Send> = Box::new(Patient(to));
    Box::new(AutoStream::new(to, colors))
}

impl Console {
    /// The streams of this process, with colours where they can be shown.
    #[must_use]
    pub fn standard() -> Self {
        let mut console = Self::new(
            output(io::stdout(), AutoStream::choice(&io::stdout())),
            output(io::stderr(), AutoStream::choice(&io::stderr())),
            Box::new(io::BufReader::new(io::stdin())),
            io::stdin().is_terminal(),
        );
        console.can_draw = io::stderr().is_terminal();
        console.can_redraw =
            io::stdout().is_terminal() && AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        console
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
            reporter: Reporter::new(Streams::new(out, err)),
            input,
            can_ask,
            can_draw: false,
            can_redraw: false,
            colors: ColorChoice::Auto,
            errors: Vec::new(),
        }
    }

    /// Form and colours as the user wants them; colours only on the streams of
    /// this process.
    pub(crate) fn set_output(&mut self, args: &OutputArgs) {
        self.reporter.set(args);
        let choice = args.color.into();
        self.colors = choice;
        if choice != ColorChoice::Auto {
            let (out, err) = (output(io::stdout(), choice), output(io::stderr(), choice));
            self.reporter.streams = Streams::new(out, err);
        }
    }

    /// The form of a command without other options of output.
    pub(crate) fn set_json(&mut self, json: bool) {
        self.reporter.set_json(json);
    }

    /// Writes in the form that was asked for.
    pub(crate) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// Both outputs, for whoever writes beside the command.
    pub(crate) fn streams(&self) -> &Streams {
        &self.reporter.streams
    }

    /// A line for programs.
    pub(crate) fn event(&mut self, event: &impl Serialize) {
        self.reporter.event(event);
    }

    /// A text for people.
    pub(crate) fn text(&mut self, text: impl Display) {
        self.reporter.text(text);
    }

    /// Data as it is.
    pub(crate) fn data(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        self.streams().data(write);
    }

    /// An error, in one line.
    pub(crate) fn error(&mut self, message: impl Display) {
        let message = message.to_string();
        self.streams().error(&message);
        self.streams()
            .diagnosis(|message| Line::Error { message }, &message);
        if self.errors.len() < ERRORS {
            self.errors.push(message);
        }
    }

    /// The value; an error is reported.
    pub(crate) fn ok_or_report<T>(&mut self, read: Result<T, String>) -> Option<T> {
        read.map_err(|wrong| self.error(wrong)).ok()
    }

    /// A warning, in one line.
    pub(crate) fn warning(&mut self, message: impl Display) {
        self.streams().warning(message);
    }

    /// One line beside the data.
    pub(crate) fn note(&mut self, message: impl Display) {
        self.streams().note(message);
    }

    /// The errors that were reported.
    pub(crate) fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Asks and returns the line of the answer; nothing at the end of the input.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<String> {
        self.streams().ask(question);
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(answer)
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// Data could not be written, because of a full disk for example; a reader
    /// that went away is no error.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.streams().flush()
    }
}
