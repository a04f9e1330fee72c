//! Asks once who reads: people, programs, or nobody unless something goes wrong.

use std::fmt::Display;

use serde::Serialize;

use super::Streams;
use crate::options::OutputArgs;

/// What standard output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// `--json`: an object a line.
    Json,
    /// `--quiet`: nothing.
    Quiet,
}

/// Writes each result in the form that was asked for. Clones write to the same
/// streams.
#[derive(Clone)]
pub(crate) struct Reporter {
    pub(crate) streams: Streams,
    form: Form,
    /// `--verbose`: each entry is named.
    verbose: bool,
    /// Notes on standard error: not with `--quiet`, which may come with `--json`.
    notes: bool,
}

impl Reporter {
    /// For people, until the options are known.
    pub(super) fn new(streams: Streams) -> Self {
        Self {
            streams,
            form: Form::Text,
            verbose: false,
            notes: true,
        }
    }

    /// As `output` asks.
    pub(crate) fn set(&mut self, output: &OutputArgs) {
        self.set_json(output.json);
        if output.quiet && !output.json {
            self.form = Form::Quiet;
        }
        self.verbose = output.verbose > 0;
        self.notes = !output.quiet;
    }

    pub(crate) fn set_json(&mut self, json: bool) {
        self.form = if json { Form::Json } else { Form::Text };
    }

    /// The same, but programs read nothing of it.
    pub(crate) fn for_people(&self) -> Self {
        let form = match self.form {
            Form::Json => Form::Quiet,
            form => form,
        };
        Self {
            form,
            ..self.clone()
        }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether there are notes.
    pub(crate) fn has_notes(&self) -> bool {
        self.notes
    }

    /// A line for programs, or a text for people.
    pub(crate) fn result(&self, event: &impl Serialize, text: impl FnOnce() -> String) {
        self.event(event);
        if self.form == Form::Text {
            self.streams.line(text());
        }
    }

    /// The same; people must have asked for details.
    pub(crate) fn detail(&self, event: &impl Serialize, text: impl FnOnce() -> String) {
        self.event(event);
        self.text_detail(text);
    }

    /// A line for programs.
    pub(crate) fn event(&self, event: &impl Serialize) {
        if self.form == Form::Json {
            self.streams.event(event);
        }
    }

    /// The same, seen at once.
    pub(crate) fn event_at_once(&self, event: &impl Serialize) {
        if self.form == Form::Json {
            self.streams.event_at_once(event);
        }
    }

    /// A text for people.
    pub(crate) fn text(&self, text: impl Display) {
        if self.form == Form::Text {
            self.streams.line(text);
        }
    }

    /// A text for people who asked for details.
    pub(crate) fn text_detail(&self, text: impl FnOnce() -> String) {
        if self.form == Form::Text && self.verbose {
            self.streams.line(text());
        }
    }

    /// A line of progress beside the data, at once.
    pub(crate) fn progress(&self, line: impl Display) {
        if self.notes {
            self.streams.note_at_once(line);
        }
    }

    /// A line beside the data.
    pub(crate) fn note(&self, note: impl Display) {
        if self.notes {
            self.streams.note(note);
        }
    }
}
