//! Whether some key can match a glob, as far as the segments tell that it spells out.

use crate::key::KeyError;

/// How the segment may have begun that a glob is in, and whether it is the first. Alternatives
/// (`{a,b}`) leave several possible, so this is a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Begun(u8);

impl Begun {
    /// Not at all, and nothing is before it.
    const START: Self = Self(1);
    /// Not at all, behind a slash.
    const SLASH: Self = Self(2);
    /// With `.` alone.
    const DOT: Self = Self(4);
    /// With `..` alone.
    const DOTS: Self = Self(8);
    /// So that it may be a segment of a key.
    const NAME: Self = Self(16);

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn may_be(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The same behind a dot.
    fn dot(self) -> Self {
        let next = |from: Self, to: Self| if self.may_be(from) { to } else { Self(0) };
        next(Self::START.or(Self::SLASH), Self::DOT)
            .or(next(Self::DOT, Self::DOTS))
            .or(next(Self::DOTS.or(Self::NAME), Self::NAME))
    }

    /// Why a segment that has begun like this cannot end here.
    fn end(self) -> Result<(), KeyError> {
        if self.may_be(Self::DOT.or(Self::DOTS)) {
            return Err(KeyError::DotSegment);
        }
        Ok(())
    }
}

/// Checks the segments that `glob`, whose syntax is valid, spells out: no key has an empty one,
/// `.` or `..`, so that a glob with such a segment, or an alternative with one, matches nothing.
///
/// ```
/// use sync_core::{key::KeyError, select::check_segments};
///
/// assert_eq!(check_segments("cache/*/[.]*"), Ok(()));
/// assert_eq!(check_segments("a/../cache"), Err(KeyError::DotSegment));
/// assert_eq!(check_segments("{tmp,./cache}"), Err(KeyError::DotSegment));
/// assert_eq!(check_segments("cache//*"), Err(KeyError::EmptySegment));
/// ```
///
/// # Errors
/// What such a key would have that no key has.
pub fn check_segments(glob: &str) -> Result<(), KeyError> {
    let mut begun = Begun::START;
    // Of each brace that is open: what was before it, and what its alternatives so far lead to.
    let mut open: Vec<(Begun, Begun)> = Vec::new();
    let mut chars = glob.chars();
    while let Some(c) = chars.next() {
        begun = match (c, open.last_mut()) {
            ('{', _) => {
                open.push((begun, Begun::default()));
                begun
            }
            (',', Some((before, after))) => {
                *after = after.or(begun);
                *before
            }
            ('}', Some((_, after))) => {
                let after = after.or(begun);
                open.pop();
                after
            }
            ('[', _) => {
                skip_class(&mut chars);
                Begun::NAME
            }
            ('\\', _) => behind(begun, chars.next().unwrap_or('\\'))?,
            ('*' | '?', _) => Begun::NAME,
            (c, _) => behind(begun, c)?,
        };
    }
    begun.end()?;
    if begun.may_be(Begun::SLASH) {
        return Err(KeyError::TrailingSlash);
    }
    if begun == Begun::START {
        return Err(KeyError::Empty);
    }
    Ok(())
}

/// Why no key matches a glob, in words that go on with the glob.
#[must_use]
pub fn no_key(why: KeyError) -> String {
    match why {
        KeyError::Empty => "it is empty".to_owned(),
        KeyError::TrailingSlash => {
            "an alternative ends with a slash, and no key does: write the slash behind the braces, \
             as in {a,b}/"
                .to_owned()
        }
        _ => format!("it {why}, and no key does"),
    }
}

/// How the segment has begun behind the character `c`.
fn behind(begun: Begun, c: char) -> Result<Begun, KeyError> {
    match c {
        '.' => Ok(begun.dot()),
        '/' if begun.may_be(Begun::START) => Err(KeyError::LeadingSlash),
        '/' if begun.may_be(Begun::SLASH) => Err(KeyError::EmptySegment),
        '/' => begun.end().map(|()| Begun::SLASH),
        _ => Ok(Begun::NAME),
    }
}

/// Reads on to the end of a class as in `[!]a-z]`.
fn skip_class(chars: &mut std::str::Chars<'_>) {
    let mut is_first = true;
    if matches!(chars.clone().next(), Some('!' | '^')) {
        chars.next();
    }
    for c in chars {
        if c == ']' && !is_first {
            return;
        }
        is_first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_that_no_key_has_are_found_wherever_they_are_spelled_out() {
        use KeyError::{DotSegment, Empty, EmptySegment, LeadingSlash, TrailingSlash};
        for (glob, wrong) in [
            ("", Empty),
            ("{,}", Empty),
            ("/a", LeadingSlash),
            ("{a,/b}", LeadingSlash),
            ("a//b", EmptySegment),
            (r"a/\/b", EmptySegment),
            ("*//", EmptySegment),
            ("a/{,b}/c", EmptySegment),
            ("{a/,b}/c", EmptySegment),
            (".", DotSegment),
            ("a/.", DotSegment),
            ("../x", DotSegment),
            ("*/../x", DotSegment),
            (r"a/\./x", DotSegment),
            ("{.,}./x", DotSegment),
            ("{x,{y,a/..}}/z", DotSegment),
            ("{a/,b/}", TrailingSlash),
        ] {
            assert_eq!(check_segments(glob), Err(wrong), "{glob}");
        }
        for glob in [
            "a",
            "*",
            ".*",
            "...",
            ".a/..b/c.",
            "a/**/b",
            "*/.?",
            "{a/,}b",
            "{.,..}a",
            "[.]/[/]",
            "[]/]/a",
            "[!]./]/a",
            "a,b",
            "{,a}",
            "é/*.",
            "a[,/]b",
        ] {
            assert_eq!(check_segments(glob), Ok(()), "{glob}");
        }
    }
}
