//! One job: the words of its command line, and where each value came from.

use std::ffi::OsString;

use clap::ArgMatches;
use clap::parser::ValueSource;
use sync_core::text::printable;

use super::definition::{Definition, takes_values, values, variable};
use super::file::{Entry, File, JobTable, Value};
use super::layers::{Layers, Setting};
use super::names::{shown_value, suggestion};
use super::setting::Word;
use crate::usage::{self, Message};

/// A job of a file, its command known.
pub(crate) struct Job<'f> {
    file: &'f File,
    table: &'f JobTable,
    definition: Definition,
}

/// What is in force for a job.
pub(crate) struct Settings {
    command: String,
    /// Where each word stands in the file.
    words: Vec<(Word, String)>,
    rest: Vec<OsString>,
    /// Every value, in the order of the command line; the defaults are last.
    pub(crate) rows: Vec<Row>,
}

/// One value.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The long name of its option.
    pub(crate) option: String,
    pub(crate) value: String,
    pub(crate) source: Source,
    /// What comes before it; then it is not in force.
    pub(crate) overridden_by: Option<String>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// This place of the file.
    File(String),
    /// This variable.
    Environment(String),
    Option,
    Default,
}

impl File {
    /// One of its jobs.
    pub(crate) fn job(&self, name: &str) -> Result<Job<'_>, String> {
        Job::new(self, self.table(name)?)
    }
}

impl<'f> Job<'f> {
    fn new(file: &'f File, table: &'f JobTable) -> Result<Self, String> {
        let entry = table.entries.iter().find(|entry| entry.key == "command");
        let (at, named) = match entry {
            Some(Entry {
                value: Value::One(one),
                ..
            }) => (one.at, one.text.as_str()),
            Some(entry) => return Err(file.located(entry.at, "'command' is a text")),
            None => {
                let what = format!("the job '{}' has no 'command'", printable(&table.name));
                return Err(file.located(table.at, &what));
            }
        };
        let mut known = Definition::all();
        let Some(found) = known.iter().position(|it| it.name == named) else {
            known.retain(Definition::is_visible);
            let known: Vec<_> = known.iter().map(|it| it.name.as_str()).collect();
            let near = suggestion(named, known.iter().copied());
            let (named, known) = (printable(named), known.join(", "));
            let what = format!("'{named}' is not a command of a job{near} (commands: {known})");
            return Err(file.located(at, &what));
        };
        Ok(Self {
            file,
            table,
            definition: known.swap_remove(found),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.table.name
    }

    /// Where it stands in the file, for people.
    pub(super) fn place(&self) -> String {
        self.file.place(self.table.at)
    }

    /// As it is typed: `mock backup`.
    pub(crate) fn command(&self) -> &str {
        &self.definition.name
    }

    /// What is in force when the options `rest` are given too.
    pub(crate) fn settings(&self, rest: &[OsString]) -> Result<Settings, Message> {
        let given = self.given(rest)?;
        let mut layers = Layers::new(&self.definition, self.file, &given);
        let job = layers.job(&self.table.entries).map_err(Message::Wrong)?;
        let defaults = layers.defaults(self.file.defaults());
        // What is lower comes first: of several globs, the last one decides.
        let settings = defaults.map_err(Message::Wrong)?.into_iter().chain(job);
        let (mut words, mut rows) = (Vec::new(), Vec::new());
        for setting in settings {
            rows.extend(self.rows_of_file(&setting));
            if setting.overridden_by.is_none() {
                let at = |word: &Word| self.file.place(word.at);
                words.extend(setting.words.into_iter().map(|word| (at(&word), word)));
            }
        }
        rows.extend(self.rows_from(&given, ValueSource::EnvVariable));
        rows.extend(self.rows_from(&given, ValueSource::CommandLine));
        for row in self.rows_from(&given, ValueSource::DefaultValue) {
            let is_set = |other: &Row| other.option == row.option && other.overridden_by.is_none();
            if !rows.iter().any(is_set) {
                rows.push(row);
            }
        }
        Ok(Settings {
            command: self.definition.name.clone(),
            words: words.into_iter().map(|(at, word)| (word, at)).collect(),
            rest: rest.to_vec(),
            rows,
        })
    }

    /// The options of the command line and the environment, before anything
    /// that is required is there.
    fn given(&self, rest: &[OsString]) -> Result<ArgMatches, Message> {
        let usage = format!("s3mirror run {} [OPTIONS]", printable(self.name()));
        let parser = self.definition.lenient().override_usage(usage);
        let name = OsString::from(parser.get_name());
        let line: Vec<_> = std::iter::once(name).chain(rest.iter().cloned()).collect();
        let given = parser.try_get_matches_from(&line);
        given.map_err(|error| usage::message(&error, &line))
    }

    fn rows_of_file(&self, setting: &Setting<'_>) -> Vec<Row> {
        let row = |option: &str, value: &str, at| Row {
            option: option.to_owned(),
            value: shown_value(option, value),
            source: Source::File(self.file.place(at)),
            overridden_by: setting.overridden_by.clone(),
        };
        if setting.words.is_empty() {
            return vec![row(&setting.entry.key, "false", setting.entry.at)];
        }
        let words = setting.words.iter();
        words
            .map(|word| row(&word.option, &word.value, word.at))
            .collect()
    }

    /// What came from one source outside the file.
    fn rows_from(&self, given: &ArgMatches, source: ValueSource) -> Vec<Row> {
        let mut rows = Vec::new();
        for option in self.definition.options() {
            let id = option.get_id().as_str();
            // A switch that nobody has touched says nothing.
            let says = source != ValueSource::DefaultValue || takes_values(option);
            if given.value_source(id) != Some(source) || !says {
                continue;
            }
            rows.extend(values(given, option).into_iter().map(|value| Row {
                option: option.get_long().unwrap_or(id).to_owned(),
                value: shown_value(option.get_long().unwrap_or(id), &value),
                source: match source {
                    ValueSource::EnvVariable => Source::Environment(variable(option)),
                    ValueSource::CommandLine => Source::Option,
                    _ => Source::Default,
                },
                overridden_by: None,
            }));
        }
        rows
    }
}

impl Settings {
    /// The whole command line.
    pub(super) fn line(&self) -> Vec<OsString> {
        let name = std::iter::once("s3mirror").chain(self.command.split(' '));
        let words = self.words.iter().map(|(word, _)| word.text.as_str());
        let line = name.chain(words).map(OsString::from);
        line.chain(self.rest.iter().cloned()).collect()
    }

    /// The value in force of an option, if it has one.
    pub(crate) fn value(&self, option: &str) -> Option<&str> {
        let mut rows = self.rows.iter().rev();
        let row = rows.find(|row| row.option == option && row.overridden_by.is_none());
        row.map(|row| row.value.as_str())
    }

    /// `wrong`, with the place of the option and value that it names, else of
    /// the option; else of the job.
    pub(super) fn located(&self, wrong: &str, job: &Job<'_>) -> String {
        let names_option = |word: &Word| {
            let option = format!("--{}", word.option);
            wrong
                .split([' ', ',', ';', ':', '\''])
                .any(|part| part == option)
        };
        let names_value = |word: &Word| wrong.contains(&format!("'{}'", printable(&word.value)));
        let named = || self.words.iter().filter(|(word, _)| names_option(word));
        let exactly = named().find(|(word, _)| names_value(word));
        match exactly.or_else(|| named().next()) {
            Some((_, place)) => format!("{place}: {wrong}"),
            None => job.file.located(job.table.at, wrong),
        }
    }
}
