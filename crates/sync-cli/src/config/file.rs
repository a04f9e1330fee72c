//! Reads the file: tables of keys and values, each with its place. Their meaning
//! comes from the options of the job's command (`setting`).

use std::path::{Path, PathBuf};

use sync_core::text::printable;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::find::{find, shown};
use super::names::suggestion;

/// The configuration.
#[derive(Debug, Default)]
pub(crate) struct File {
    path: PathBuf,
    bytes: Vec<u8>,
    pub(super) defaults: Vec<Entry>,
    jobs: Vec<JobTable>,
}

/// `[jobs.NAME]`
#[derive(Debug)]
pub(super) struct JobTable {
    pub(super) name: Spanned<String>,
    /// In the order of the file.
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Spanned<String>,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Switch(bool),
    /// A text, a number or a time.
    One(Spanned<String>),
    Many(Vec<Spanned<String>>),
}

impl File {
    /// Reads the `chosen` file, or the first one that exists.
    pub(crate) fn read(chosen: Option<PathBuf>) -> Result<Self, String> {
        let (path, bytes) = find(chosen)?;
        let mut file = Self {
            path,
            bytes,
            ..Self::default()
        };
        (file.defaults, file.jobs) = file.tables()?;
        Ok(file)
    }

    /// `[defaults]` and the jobs.
    fn tables(&self) -> Result<(Vec<Entry>, Vec<JobTable>), String> {
        let (mut defaults, mut jobs) = (Vec::new(), Vec::new());
        for (key, value) in &self.parse()? {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("defaults", DeValue::Table(table)) => defaults = self.entries(table)?,
                ("jobs", DeValue::Table(table)) => {
                    let read = table.iter().map(|(name, value)| self.job(name, value));
                    jobs = read.collect::<Result<_, _>>()?;
                }
                (name @ ("defaults" | "jobs"), _) => {
                    return Err(self.located(key, &format!("'{name}' must be a table")));
                }
                (name, _) => {
                    let near = suggestion(name, ["defaults", "jobs"]);
                    let what = "expected [defaults] or [jobs.NAME]";
                    let what = format!("unknown '{}': {what}{near}", printable(name));
                    return Err(self.located(key, &what));
                }
            }
        }
        Ok((defaults, jobs))
    }

    fn parse(&self) -> Result<DeTable<'_>, String> {
        let at = |offset| Spanned::new(offset..offset, ());
        let text = str::from_utf8(&self.bytes)
            .map_err(|error| self.located(&at(error.valid_up_to()), "the file is not UTF-8"))?;
        let parsed = DeTable::parse(text).map_err(|error| {
            let reason = error.message().lines().collect::<Vec<_>>().join(", ");
            self.located(&at(error.span().map_or(0, |span| span.start)), &reason)
        })?;
        Ok(parsed.into_inner())
    }

    fn job(
        &self,
        name: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<JobTable, String> {
        let text = name.get_ref();
        let DeValue::Table(table) = value.get_ref() else {
            let what = format!("the job '{}' must be a table", printable(text));
            return Err(self.located(name, &what));
        };
        if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
            let what = "the name of a job must not be empty, begin with a dash or contain \
                        control characters";
            return Err(self.located(name, what));
        }
        Ok(JobTable {
            name: Spanned::new(name.span(), text.to_string()),
            entries: self.entries(table)?,
        })
    }

    fn entries(&self, table: &DeTable<'_>) -> Result<Vec<Entry>, String> {
        let entry = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
            let value = match value.get_ref() {
                DeValue::Boolean(on) => Value::Switch(*on),
                DeValue::Array(values) => {
                    let values = values.iter().map(|value| self.scalar(value));
                    Value::Many(values.collect::<Result<_, _>>()?)
                }
                _ => Value::One(self.scalar(value)?),
            };
            let key = Spanned::new(key.span(), key.get_ref().to_string());
            Ok(Entry { key, value })
        };
        table.iter().map(entry).collect()
    }

    fn scalar(&self, value: &Spanned<DeValue<'_>>) -> Result<Spanned<String>, String> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Datetime(time) => time.to_string(),
            DeValue::Integer(_) => return Err(self.located(value, "a number must be decimal")),
            DeValue::Array(_) => return Err(self.located(value, "a list is not allowed here")),
            DeValue::Table(_) => return Err(self.located(value, "a table is not allowed here")),
            DeValue::Boolean(_) => {
                return Err(self.located(value, "true or false is not allowed here"));
            }
        };
        Ok(Spanned::new(value.span(), text))
    }

    /// Its path, for people.
    pub(crate) fn shown(&self) -> String {
        shown(&self.path)
    }

    /// The directory that its paths are relative to.
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The names of its jobs, in the order of the file.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.jobs.iter().map(|job| job.name.get_ref().as_str())
    }

    /// The table of one of its jobs.
    pub(super) fn table(&self, name: &str) -> Result<&JobTable, String> {
        let found = self.jobs.iter().find(|job| job.name.get_ref() == name);
        found.ok_or_else(|| {
            let (file, near) = (self.shown(), suggestion(name, self.names()));
            let name = printable(name);
            format!("{file} has no job '{name}'{near} ('s3mirror jobs' lists them)")
        })
    }

    /// Where `spanned` is: file, line and column; columns are characters.
    pub(super) fn place<T>(&self, spanned: &Spanned<T>) -> String {
        let before = &self.bytes[..spanned.span().start.min(self.bytes.len())];
        let before = String::from_utf8_lossy(before);
        let line = before.split('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default();
        let column = column.chars().count() + 1;
        format!("{}:{line}:{column}", self.shown())
    }

    /// `what`, with the place of `spanned`.
    pub(super) fn located<T>(&self, spanned: &Spanned<T>, what: &str) -> String {
        format!("{}: {what}", self.place(spanned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_from_one() {
        let file = File {
            path: PathBuf::from("f"),
            bytes: "a\nbé = 1\n".into(),
            ..File::default()
        };
        for (offset, place) in [(0, "1:1"), (1, "1:2"), (2, "2:1"), (5, "2:3"), (99, "3:1")] {
            let at = Spanned::new(offset..offset, ());
            assert_eq!(file.place(&at), format!("f:{place}"), "{offset}");
        }
    }
}
