//! Where something stands in the file.

use std::fmt;

/// A line and a column, both from one; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// The place of the byte `offset` of `text`.
    pub(super) fn of(offset: usize, text: &[u8]) -> Self {
        let before = &text[..offset.min(text.len())];
        let line = before.split(|byte| *byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let last = &before[start.map_or(0, |at| at + 1)..];
        Self {
            line,
            column: String::from_utf8_lossy(last).chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_from_one() {
        let text = "a\nbé = 1\n".as_bytes();
        for (offset, place) in [(0, "1:1"), (1, "1:2"), (2, "2:1"), (5, "2:3"), (99, "3:1")] {
            assert_eq!(Place::of(offset, text).to_string(), place, "{offset}");
        }
    }
}
