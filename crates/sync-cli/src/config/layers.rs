//! What is in force when options, environment and file are taken together.
//!
//! Four layers, each over the next: options, environment, the job, `[defaults]`.
//! A value gives way to one of a higher layer for the same option, or for an
//! option that cannot stand beside it. Options that may be given several times
//! add up, the file's first: to leave an exclusion of the file out because one
//! more was typed would delete what it protects.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Id};
use sync_core::text::printable;

use super::definition::{Definition, adds_up, takes_values, values, variable};
use super::file::{Entry, File};
use super::names::{NO_SECRETS, is_secret, suggestion};
use super::setting::{self, Word};

/// The options that higher layers have settled, as it grows downwards.
pub(super) struct Layers<'f> {
    definition: &'f Definition,
    file: &'f File,
    /// Takes single words, without the environment.
    parser: Command,
    settled: Vec<Settled>,
}

/// An option that a layer has settled.
struct Settled {
    id: Id,
    /// Whether it is more than a switch that is off.
    on: bool,
    /// What settled it, for people.
    by: String,
    from_environment: bool,
}

/// An entry and the words that it stands for.
pub(super) struct Setting<'f> {
    pub(super) entry: &'f Entry,
    /// None for a switch that is off.
    pub(super) words: Vec<Word>,
    /// What comes before it; then it is not in force.
    pub(super) overridden_by: Option<String>,
    options: Vec<&'f Arg>,
}

impl<'f> Layers<'f> {
    /// With what the command line and the environment have settled.
    pub(super) fn new(definition: &'f Definition, file: &'f File, given: &ArgMatches) -> Self {
        let settled = definition.options().filter_map(|option| {
            let source = given.value_source(option.get_id().as_str())?;
            let from_environment = source == ValueSource::EnvVariable;
            let is_off = |value: &String| value == "false" || value == "0";
            Some(Settled {
                id: option.get_id().clone(),
                on: takes_values(option) || !values(given, option).iter().all(is_off),
                by: match source {
                    ValueSource::CommandLine => format!("--{}", option.get_long()?),
                    ValueSource::EnvVariable => variable(option),
                    _ => return None,
                },
                from_environment,
            })
        });
        Self {
            definition,
            file,
            parser: definition.alone(),
            settled: settled.collect(),
        }
    }

    /// Goes through the job itself.
    pub(super) fn job(&mut self, entries: &'f [Entry]) -> Result<Vec<Setting<'f>>, String> {
        let entries = entries.iter().filter(|entry| entry.key != "command");
        self.add(entries.collect())
    }

    /// Goes through `[defaults]`, of which a command takes what it knows.
    pub(super) fn defaults(&mut self, entries: &'f [Entry]) -> Result<Vec<Setting<'f>>, String> {
        let mut concerned = Vec::new();
        for entry in entries {
            if self.knows(entry) {
                concerned.push(entry);
            } else if !is_known_somewhere(entry) {
                let what = "not an option of any command";
                return Err(self.unknown(entry, what));
            }
        }
        self.add(concerned)
    }

    fn knows(&self, entry: &Entry) -> bool {
        entry.key == "select" && self.definition.option("include").is_some()
            || self.definition.option(&entry.key).is_some()
    }

    fn add(&mut self, entries: Vec<&'f Entry>) -> Result<Vec<Setting<'f>>, String> {
        self.one_list_of_globs(&entries)?;
        let mut settings: Vec<Setting<'f>> = Vec::new();
        let mut here: Vec<Settled> = Vec::new();
        for entry in entries {
            let mut setting = self.read(entry)?;
            let above = self.settled.iter().find(|it| self.gives_way(&setting, it));
            setting.overridden_by = above.map(|above| above.by.clone());
            if setting.overridden_by.is_none() {
                let beside = here.iter().find(|it| self.gives_way(&setting, it));
                if let Some(beside) = beside {
                    let what = format!("'{}' cannot stand beside {}", entry.key, beside.by);
                    return Err(self.file.located(entry.at, &what));
                }
                here.extend(setting.options.iter().map(|option| Settled {
                    id: option.get_id().clone(),
                    on: !setting.words.is_empty(),
                    by: format!("'{}' of {}", entry.key, self.file.place(entry.at)),
                    from_environment: false,
                }));
            }
            settings.push(setting);
        }
        self.settled.append(&mut here);
        Ok(settings)
    }

    fn read(&self, entry: &'f Entry) -> Result<Setting<'f>, String> {
        let (options, words) = match self.definition.option(&entry.key) {
            Some(option) => {
                let words = setting::words(option, entry, self.file, &self.parser)?;
                (vec![option], words)
            }
            None if self.knows(entry) => {
                let options = ["include", "exclude"].map(|name| self.definition.option(name));
                let options = options.into_iter().flatten();
                (options.collect(), setting::select(entry, self.file)?)
            }
            None => {
                let command = &self.definition.name;
                let what = format!("not an option of '{command}'");
                return Err(self.unknown(entry, &what));
            }
        };
        for option in &options {
            self.not_in_environment(option, entry)?;
        }
        Ok(Setting {
            entry,
            words,
            overridden_by: None,
            options,
        })
    }

    /// Whether `setting` is not in force because of `other`.
    fn gives_way(&self, setting: &Setting<'_>, other: &Settled) -> bool {
        let on = !setting.words.is_empty();
        setting.options.iter().any(|option| {
            let same = other.id == *option.get_id() && !adds_up(option);
            same || (on && other.on && self.definition.are_exclusive(option, &other.id))
        })
    }

    /// A list of the environment and one of the file have no order.
    fn not_in_environment(&self, option: &Arg, entry: &Entry) -> Result<(), String> {
        let mut settled = self.settled.iter();
        let is_set = settled.any(|it| it.from_environment && it.id == *option.get_id());
        if !is_set || !adds_up(option) {
            return Ok(());
        }
        let (key, variable) = (&entry.key, variable(option));
        let what = format!(
            "'{key}' and {variable} are both set, and both are lists: which one comes first \
             cannot be told; unset the variable, or give the options on the command line"
        );
        Err(self.file.located(entry.at, &what))
    }

    /// `select` is for those globs whose order two keys cannot express; so it
    /// does not stand beside them.
    fn one_list_of_globs(&self, entries: &[&Entry]) -> Result<(), String> {
        let Some(select) = entries.iter().find(|entry| entry.key == "select") else {
            return Ok(());
        };
        let mut others = entries.iter();
        match others.find(|entry| ["include", "exclude"].contains(&entry.key.as_str())) {
            None => Ok(()),
            Some(other) => {
                let (key, place) = (&other.key, self.file.place(other.at));
                let what = format!(
                    "'select' cannot stand beside '{key}' of {place}; put all globs into 'select'"
                );
                Err(self.file.located(select.at, &what))
            }
        }
    }

    fn unknown(&self, entry: &Entry, what: &str) -> String {
        let key = printable(&entry.key);
        if is_secret(&key) {
            let what = format!("unknown key '{key}': {NO_SECRETS}");
            return self.file.located(entry.at, &what);
        }
        let options = self.definition.options().filter_map(Arg::get_long);
        let near = suggestion(&key, options.chain(["command", "select"]));
        let what = format!("unknown key '{key}': {what}{near}");
        self.file.located(entry.at, &what)
    }
}

fn is_known_somewhere(entry: &Entry) -> bool {
    let all = Definition::all();
    entry.key == "select" || all.iter().any(|it| it.option(&entry.key).is_some())
}
