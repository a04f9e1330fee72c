//! One job: its command, and the values that are in force for it.
//!
//! Four layers, each over the next: options, environment, the job, `[defaults]`.
//! A value is overridden by one of a higher layer for the same option, or for an
//! option that conflicts with it. Options that may be given several times add
//! up, those of the file first: if one more exclusion that was typed replaced
//! those of the file, what they protect would be deleted.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use sync_core::text::printable;

use super::definition::{
    adds_up, commands, independent, option, options, options_of, takes_values, typed, variable,
};
use super::file::{Entry, File, JobTable, Value};
use super::names::{NO_SECRETS, is_secret, shown_value, suggestion};
use crate::usage::{self, Message};

/// A job of a file.
pub(crate) struct Job<'f> {
    pub(super) file: &'f File,
    pub(super) table: &'f JobTable,
    command: Command,
}

/// What is in force for a job.
pub(crate) struct Settings {
    command: String,
    typed: Vec<OsString>,
    /// Every value, in the order of the command line; the defaults are last.
    pub(crate) rows: Vec<Row>,
}

/// One value.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The long name of its option.
    pub(crate) option: String,
    /// Without secrets.
    pub(crate) value: String,
    pub(crate) source: Source,
    /// What overrides it; then it is not in force.
    pub(crate) overridden_by: Option<String>,
    /// As a word of the command line; none for a switch that is off.
    pub(super) word: Option<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// This place of the file.
    File(String),
    /// This variable.
    Environment(String),
    Option,
    Default,
}

impl<'f> Job<'f> {
    /// The job `name` of `file`.
    pub(crate) fn find(file: &'f File, name: &str) -> Result<Self, String> {
        let table = file.table(name)?;
        let entry = table
            .entries
            .iter()
            .find(|it| it.key.get_ref() == "command");
        let named = match entry.map(|entry| (&entry.key, &entry.value)) {
            Some((_, Value::One(named))) => named,
            Some((key, _)) => return Err(file.located(key, "'command' must be a text")),
            None => {
                let what = format!("the job '{}' has no 'command'", printable(name));
                return Err(file.located(&table.name, &what));
            }
        };
        let mut known = commands();
        let Some(found) = known.iter().position(|it| typed(it) == named.get_ref()) else {
            known.retain(|it| !it.is_hide_set());
            let known: Vec<_> = known.iter().map(typed).collect();
            let near = suggestion(named.get_ref(), known.iter().copied());
            let (text, known) = (printable(named.get_ref()), known.join(", "));
            let what = format!("'{text}' is not a command of a job{near} (commands: {known})");
            return Err(file.located(named, &what));
        };
        Ok(Self {
            file,
            table,
            command: known.swap_remove(found),
        })
    }

    /// Its command as it is typed: `mock backup`.
    pub(crate) fn command(&self) -> &str {
        typed(&self.command)
    }

    /// What is in force when the options `typed` are given too.
    pub(crate) fn settings(&self, typed: &[OsString]) -> Result<Settings, Message> {
        let given = self.given(typed)?;
        let mut rows = self.rows_given(&given, ValueSource::EnvVariable);
        rows.extend(self.rows_given(&given, ValueSource::CommandLine));
        let job = self.table.entries.iter();
        let job = job.filter(|entry| entry.key.get_ref() != "command");
        let defaults = self.defaults().map_err(Message::Wrong)?;
        for entries in [job.collect(), defaults] {
            let layer = self.layer(entries, &rows).map_err(Message::Wrong)?;
            rows.splice(..0, layer);
        }
        // Some defaults depend on what else is set.
        let of_file = rows.iter().filter(|row| row.is_in_force());
        let of_file = of_file.filter(|row| matches!(row.source, Source::File(_)));
        let words = of_file.filter_map(|row| row.word.clone());
        let words: Vec<_> = words.map(OsString::from).chain(typed.to_vec()).collect();
        let all = self.given(&words)?;
        for row in self.rows_given(&all, ValueSource::DefaultValue) {
            let is_set = |other: &Row| other.option == row.option && other.is_in_force();
            if !rows.iter().any(is_set) {
                rows.push(row);
            }
        }
        Ok(Settings {
            command: self.command().to_owned(),
            typed: typed.to_vec(),
            rows,
        })
    }

    /// The options of the command line and the environment. What is required may
    /// be in the file, and what conflicts overrides it.
    fn given(&self, typed: &[OsString]) -> Result<ArgMatches, Message> {
        let name = printable(self.table.name.get_ref());
        let parser = self.command.clone().mut_args(independent);
        let parser = parser.override_usage(format!("s3mirror run {name} [OPTIONS]"));
        let line = std::iter::once(parser.get_name().into()).chain(typed.iter().cloned());
        let line: Vec<OsString> = line.collect();
        let given = parser.try_get_matches_from(&line);
        given.map_err(|error| usage::message(&error, &line))
    }

    /// The values from one source outside the file.
    fn rows_given(&self, given: &ArgMatches, source: ValueSource) -> Vec<Row> {
        let mut rows = Vec::new();
        for option in options(&self.command) {
            let id = option.get_id().as_str();
            // A switch that nobody has set says nothing.
            let is_set = source != ValueSource::DefaultValue || takes_values(option);
            if given.value_source(id) != Some(source) || !is_set {
                continue;
            }
            let is_off = matches!(given.try_get_one::<bool>(id), Ok(Some(false)))
                || matches!(given.try_get_one::<u8>(id), Ok(Some(0)));
            let long = option.get_long().unwrap_or(id);
            rows.extend(given.get_raw(id).into_iter().flatten().map(|value| Row {
                option: long.to_owned(),
                value: shown_value(long, &value.to_string_lossy()),
                source: match source {
                    ValueSource::EnvVariable => Source::Environment(variable(option)),
                    ValueSource::CommandLine => Source::Option,
                    _ => Source::Default,
                },
                overridden_by: None,
                word: (!is_off).then(|| format!("--{long}")),
            }));
        }
        rows
    }

    /// The entries of `[defaults]` that concern the command.
    fn defaults(&self) -> Result<Vec<&'f Entry>, String> {
        let mut concerned = Vec::new();
        for entry in &self.file.defaults {
            if !options_of(&self.command, entry).is_empty() {
                concerned.push(entry);
            } else if commands().iter().all(|it| options_of(it, entry).is_empty()) {
                return Err(self.unknown(entry, "not an option of any command"));
            }
        }
        Ok(concerned)
    }

    /// The rows of one layer of the file; `above` it are those of the others.
    fn layer(&self, entries: Vec<&Entry>, above: &[Row]) -> Result<Vec<Row>, String> {
        self.one_list_of_globs(&entries)?;
        let mut here: Vec<Row> = Vec::new();
        for entry in entries {
            let options = options_of(&self.command, entry);
            if options.is_empty() {
                let what = format!("not an option of '{}'", self.command());
                return Err(self.unknown(entry, &what));
            }
            let mut rows = self.rows_of(entry, &options)?;
            self.not_in_environment(entry, &options, above)?;
            for row in &mut rows {
                let other = above.iter().find(|other| self.gives_way(row, other));
                row.overridden_by = other.map(Row::set_by);
            }
            let beside = |row: &Row| here.iter().find(|other| self.gives_way(row, other));
            if let Some(other) = rows.iter().find_map(beside) {
                let (key, other) = (entry.key.get_ref(), other.set_by());
                let what = format!("'{key}' cannot be combined with {other}");
                return Err(self.file.located(&entry.key, &what));
            }
            here.extend(rows);
        }
        Ok(here)
    }

    /// Whether `other` overrides `row`, or conflicts with it in the same layer.
    fn gives_way(&self, row: &Row, other: &Row) -> bool {
        let options = (
            option(&self.command, &row.option),
            option(&self.command, &other.option),
        );
        let (Some(option), Some(rival)) = options else {
            return false;
        };
        let conflict = |one: &Arg, other: &Arg| {
            let conflicts = self.command.get_arg_conflicts_with(one);
            conflicts.iter().any(|arg| arg.get_id() == other.get_id())
        };
        let both_on = row.word.is_some() && other.word.is_some();
        row.is_in_force()
            && other.is_in_force()
            && (row.option == other.option && !adds_up(option)
                || both_on && (conflict(option, rival) || conflict(rival, option)))
    }

    /// A list of the environment and one of the file have no order.
    fn not_in_environment(
        &self,
        entry: &Entry,
        options: &[&Arg],
        above: &[Row],
    ) -> Result<(), String> {
        let is_list = |name: &str| {
            let mut lists = options.iter().filter(|option| adds_up(option));
            lists.any(|option| option.get_long() == Some(name))
        };
        let variable = above.iter().find_map(|row| match &row.source {
            Source::Environment(variable) if is_list(&row.option) => Some(variable),
            _ => None,
        });
        let Some(variable) = variable else {
            return Ok(());
        };
        let what = format!(
            "'{}' and {variable} are both set, and both are lists whose order is unknown; \
             unset the variable, or give the options on the command line",
            entry.key.get_ref()
        );
        Err(self.file.located(&entry.key, &what))
    }

    /// `select` is for globs whose order two keys cannot express.
    fn one_list_of_globs(&self, entries: &[&Entry]) -> Result<(), String> {
        let find = |keys: &[&str]| {
            let mut entries = entries.iter();
            entries.find(|entry| keys.contains(&entry.key.get_ref().as_str()))
        };
        let (Some(select), Some(other)) = (find(&["select"]), find(&["include", "exclude"])) else {
            return Ok(());
        };
        let (key, place) = (other.key.get_ref(), self.file.place(&other.key));
        let what = format!(
            "'select' cannot be used beside '{key}' of {place}; put all globs into 'select'"
        );
        Err(self.file.located(&select.key, &what))
    }

    fn unknown(&self, entry: &Entry, what: &str) -> String {
        let key = printable(entry.key.get_ref());
        let options = options(&self.command).filter_map(Arg::get_long);
        let what = if is_secret(&key) {
            NO_SECRETS.to_owned()
        } else {
            let near = suggestion(&key, options.chain(["command", "select"]));
            format!("{what}{near}")
        };
        self.file
            .located(&entry.key, &format!("unknown key '{key}': {what}"))
    }
}

impl Settings {
    /// The whole command line.
    pub(super) fn line(&self) -> Vec<OsString> {
        let of_file = |row: &&Row| matches!(row.source, Source::File(_)) && row.is_in_force();
        let words = self.rows.iter().filter(of_file);
        let words = words.filter_map(|row| row.word.as_deref());
        let name = std::iter::once("s3mirror").chain(self.command.split(' '));
        let line = name.chain(words).map(OsString::from);
        line.chain(self.typed.iter().cloned()).collect()
    }

    /// The value in force of an option, if it has one.
    pub(crate) fn value(&self, option: &str) -> Option<&str> {
        let mut rows = self.rows.iter().rev();
        let row = rows.find(|row| row.option == option && row.is_in_force());
        row.map(|row| row.value.as_str())
    }

    /// `wrong`, with the place of the option and value that it names, else of
    /// the option; else of the job.
    pub(super) fn located(&self, wrong: &str, job: &Job<'_>) -> String {
        let names_option = |row: &Row| {
            let mut words = wrong.split([' ', ',', ';', ':', '\'']);
            words.any(|word| word.strip_prefix("--") == Some(&row.option))
        };
        let names_value = |row: &Row| wrong.contains(&format!("'{}'", printable(&row.value)));
        let named = self.rows.iter().filter_map(|row| match &row.source {
            Source::File(place) if row.is_in_force() && names_option(row) => Some((row, place)),
            _ => None,
        });
        let exactly = named.clone().find(|(row, _)| names_value(row));
        match exactly.or_else(|| named.clone().next()) {
            Some((_, place)) => format!("{place}: {wrong}"),
            None => job.file.located(&job.table.name, wrong),
        }
    }
}

impl Row {
    pub(super) fn is_in_force(&self) -> bool {
        self.overridden_by.is_none()
    }

    /// What sets it, for people.
    fn set_by(&self) -> String {
        match &self.source {
            Source::File(place) => format!("'{}' of {place}", self.option),
            Source::Environment(variable) => variable.clone(),
            Source::Option | Source::Default => format!("--{}", self.option),
        }
    }
}
