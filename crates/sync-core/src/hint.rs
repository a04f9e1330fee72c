//! What can be done about something that went wrong, in one sentence.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::setting::Setting;

/// What can be done about an error or a finding. The settings in it are values,
/// so that whoever shows it can say which ones help. Made by
/// [`hint!`](crate::hint!) or of a text.
///
/// ```
/// use sync_core::{hint, setting::Setting};
///
/// let hint = hint!("use a smaller {}", Setting::PartSize);
/// assert_eq!(hint.to_string(), "use a smaller part_size");
/// assert_eq!(hint.settings().collect::<Vec<_>>(), [Setting::PartSize]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Cow<'static, str>),
    Setting(Setting),
}

/// A [`Hint`](crate::hint::Hint) of a template, in which each `{}` stands for an
/// argument: a [`Setting`](crate::setting::Setting), a text or another hint. Their
/// number is checked by the compiler.
///
/// ```compile_fail
/// let hint = sync_core::hint!("use a smaller {}");
/// ```
#[macro_export]
macro_rules! hint {
    ($template:literal $(, $argument:expr)* $(,)?) => {{
        const ARGUMENTS: &[&str] = &[$(stringify!($argument)),*];
        const { assert!($crate::hint::Hint::takes($template) == ARGUMENTS.len()) };
        $crate::hint::Hint::new($template, [$($crate::hint::Hint::from($argument)),*])
    }};
}

impl Hint {
    /// What [`hint!`](crate::hint!) expands to.
    #[doc(hidden)]
    #[must_use]
    pub fn new<const N: usize>(template: &'static str, arguments: [Self; N]) -> Self {
        let mut texts = template.split("{}").map(|text| Part::Text(text.into()));
        let mut parts = Vec::with_capacity(2 * N + 1);
        for argument in arguments {
            parts.extend(texts.next());
            parts.extend(argument.0);
        }
        parts.extend(texts);
        Self(parts)
    }

    /// How many arguments `template` takes.
    #[doc(hidden)]
    #[must_use]
    pub const fn takes(template: &str) -> usize {
        let bytes = template.as_bytes();
        let (mut at, mut count) = (0, 0);
        while at + 1 < bytes.len() {
            if bytes[at] == b'{' && bytes[at + 1] == b'}' {
                count += 1;
            }
            at += 1;
        }
        count
    }

    /// The settings that it names, in their order.
    pub fn settings(&self) -> impl Iterator<Item = Setting> {
        self.0.iter().filter_map(|part| match part {
            Part::Setting(setting) => Some(*setting),
            Part::Text(_) => None,
        })
    }
}

impl From<&'static str> for Hint {
    fn from(text: &'static str) -> Self {
        Self(vec![Part::Text(text.into())])
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self(vec![Part::Text(text.into())])
    }
}

impl From<Setting> for Hint {
    fn from(setting: Setting) -> Self {
        Self(vec![Part::Setting(setting)])
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Setting(setting) => setting.fmt(f),
        })
    }
}

impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_as_it_is_whatever_is_in_it() {
        let name = "'{}'".to_owned();
        let inner = hint!("rename {}", name);
        let hint = hint!("{}, or lower {}", inner, Setting::Concurrency);
        assert_eq!(hint.to_string(), "rename '{}', or lower concurrency");
        assert_eq!(hint!("run again").to_string(), "run again");
    }
}
