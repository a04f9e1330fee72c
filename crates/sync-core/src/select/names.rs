//! Globs over the key: the last one that matches decides.

use globset::{GlobBuilder, GlobMatcher};

use super::NameRule;
use super::segments::{check_segments, no_key};
use crate::key::KeyError;

/// The rules, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    rules: Vec<Compiled>,
    /// Whether a key is left out that no rule matches: where the first rule
    /// includes, it would mean nothing otherwise.
    excluded_at_first: bool,
}

/// A rule, ready to match.
#[derive(Debug, Clone)]
struct Compiled {
    includes: bool,
    glob: GlobMatcher,
    /// The characters before the first that has a meaning of its own.
    literal: String,
    /// Whether there is none such.
    is_literal: bool,
    /// Whether it ends with `*`: then it matches whatever begins with
    /// something that it matches. (One that is escaped matches no name that
    /// ends with a slash, of which alone this is asked.)
    absorbs: bool,
}

/// A glob that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {reason}")]
pub struct GlobError {
    /// The rule that has it.
    pub rule: NameRule,
    /// What is wrong with it.
    pub reason: String,
}

impl Names {
    pub(super) fn new(rules: &[NameRule]) -> Result<Self, GlobError> {
        let compiled = rules.iter().map(|rule| {
            Compiled::new(rule).map_err(|reason| GlobError {
                rule: rule.clone(),
                reason,
            })
        });
        Ok(Self {
            rules: compiled.collect::<Result<_, _>>()?,
            excluded_at_first: matches!(rules.first(), Some(NameRule::Include(_))),
        })
    }

    pub(super) fn selects(&self, key: &str) -> bool {
        let last = self.rules.iter().rfind(|rule| rule.glob.is_match(key));
        last.map_or(!self.excluded_at_first, |rule| rule.includes)
    }

    /// Whether no key below `directory` is selected. Asked from the last rule
    /// to the first: what a later one leaves open, an earlier one may decide.
    pub(super) fn prunes(&self, directory: &str) -> bool {
        for rule in self.rules.iter().rev() {
            if rule.includes && rule.may_match_below(directory) {
                return false;
            }
            if !rule.includes && rule.matches_all_below(directory) {
                return true;
            }
        }
        self.excluded_at_first
    }
}

impl Compiled {
    fn new(rule: &NameRule) -> Result<Self, String> {
        let (includes, text) = match rule {
            NameRule::Include(text) => (true, text),
            NameRule::Exclude(text) => (false, text),
        };
        // As in a list of keys.
        let text = text.strip_prefix("./").unwrap_or(text);
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if has_wide_class(text) {
            return Err("a class as in [a-z] holds ASCII only; write {é,è}".to_owned());
        }
        let mut glob = text.to_owned();
        if glob.ends_with('/') {
            glob.push('*');
        }
        let has_meaning = |c: char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\');
        let literal = glob.split(has_meaning).next().unwrap_or_default();
        let compiled = GlobBuilder::new(&glob)
            .literal_separator(false)
            .backslash_escape(true)
            .build()
            .map_err(|error| error.kind().to_string())?;
        check_segments(&glob).map_err(|why| match why {
            KeyError::Empty | KeyError::TrailingSlash => no_key(why),
            _ => format!(
                "{}; for an object that does, write [/] for a slash and [.] for a dot",
                no_key(why)
            ),
        })?;
        Ok(Self {
            includes,
            glob: compiled.compile_matcher(),
            literal: literal.to_owned(),
            is_literal: literal.len() == glob.len(),
            absorbs: glob.ends_with('*'),
        })
    }

    /// Whether some key below `directory` may match.
    fn may_match_below(&self, directory: &str) -> bool {
        match self.literal.strip_prefix(directory) {
            Some("") => !self.is_literal,
            Some(rest) => rest.starts_with('/'),
            None => !self.is_literal && directory.starts_with(&self.literal),
        }
    }

    /// Whether every key below `directory` certainly matches.
    fn matches_all_below(&self, directory: &str) -> bool {
        self.absorbs && self.glob.is_match(format!("{directory}/"))
    }
}

/// Whether a class holds a character of several bytes: `globset` compares
/// bytes, so it would never match.
fn has_wide_class(glob: &str) -> bool {
    let mut inside = false;
    let mut chars = glob.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '[' => inside = true,
            ']' => inside = false,
            c if inside && !c.is_ascii() => return true,
            _ => {}
        }
    }
    false
}
