//! What a look at a place has shown, and what it means for backup and restore.

use serde::Serialize;

use crate::hint::Hint;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// What was looked at, in one word for programs.
    pub name: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found, and what it means.
    pub message: String,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<Hint>,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Backup and restore work, but slower or with less protection.
    Warning,
    /// A backup or a restore will fail.
    Problem,
}

/// How far a look may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// It may write for a trial; it removes what it wrote.
    #[default]
    Trial,
    /// Nothing is written.
    ReadOnly,
}

impl Diagnosis {
    /// One of `level`, without advice.
    #[must_use]
    pub fn new(name: &'static str, level: Level, message: impl Into<String>) -> Self {
        Self {
            name,
            level,
            message: message.into(),
            advice: None,
        }
    }

    /// That `name` is as it should be.
    #[must_use]
    pub fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Level::Ok, message)
    }

    /// That `name` costs speed or protection.
    #[must_use]
    pub fn warning(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Level::Warning, message)
    }

    /// That `name` keeps something from working.
    #[must_use]
    pub fn problem(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Level::Problem, message)
    }

    /// The same with what can be done.
    #[must_use]
    pub fn with_advice(self, advice: impl Into<Hint>) -> Self {
        let advice = Some(advice.into());
        Self { advice, ..self }
    }
}
