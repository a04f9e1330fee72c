//! JSON that is safe to show: a terminal that prints it, or a tool that strips
//! control characters from it, leaves every key as it is.
//!
//! JSON itself asks only for the controls below U+0020 to be escaped. DEL, the
//! C1 controls (U+009B begins a sequence for a terminal) and the marks that
//! reorder text are escaped too; to a reader of JSON that is the same text.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde::Serialize;

use crate::text::drives_terminal;

/// Writes `value` as one line of JSON, without its end.
///
/// # Errors
/// Those of writing.
pub fn write_json<W: io::Write>(mut to: W, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    let mut line = Vec::new();
    append_json(&mut line, value)?;
    to.write_all(&line)
}

/// Appends `value` to `line` as JSON, without the end of the line.
///
/// # Errors
/// Those of serializing.
pub fn append_json(line: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    let start = line.len();
    serde_json::to_writer(&mut *line, value)?;
    // Nearly all names are printable ASCII.
    if is_printable_ascii(&line[start..]) {
        return Ok(());
    }
    // JSON is text.
    let text = str::from_utf8(&line[start..]).map_err(io::Error::other)?;
    if let Cow::Owned(escaped) = escape_json(text) {
        line.truncate(start);
        line.extend_from_slice(escaped.as_bytes());
    }
    Ok(())
}

/// Looks at every byte, without an early end: that takes many at a time.
fn is_printable_ascii(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .fold(true, |all, byte| all & matches!(byte, b' '..=b'~'))
}

/// JSON `text` with the same meaning and nothing in it that drives a terminal.
/// The ends of lines stay.
#[must_use]
pub fn escape_json(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| drives_terminal(c) && !matches!(c, '\n' | '\r' | '\t');
    if !text.chars().any(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_odd(c) {
            // All of them are in the first plane.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_drives_a_terminal_is_escaped_and_means_the_same() {
        for c in (0..=0xffff).filter_map(char::from_u32) {
            let text = format!("a{c}b");
            let mut json = Vec::new();
            write_json(&mut json, text.as_str()).unwrap();
            let json = String::from_utf8(json).unwrap();
            assert!(!json.contains(drives_terminal), "{json:?}");
            let back: String = serde_json::from_str(&json).unwrap();
            assert_eq!(back, text);
            assert!(drives_terminal(c) || "\\\"".contains(c) || json == format!("\"{text}\""));
        }
        for c in [
            '\u{7f}', '\u{9b}', '\u{61c}', '\u{202e}', '\u{2066}', '\u{200f}',
        ] {
            assert!(drives_terminal(c), "{c:?}");
        }
        assert_eq!(escape_json("{\"a\":\"\u{9b}\"}\n"), "{\"a\":\"\\u009b\"}\n");
    }
}
