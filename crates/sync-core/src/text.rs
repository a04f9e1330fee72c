//! Text that is safe to show: names on one line, without what drives a terminal.

/// Shows `name` so that it stays on one line and cannot drive a terminal:
/// control characters (and the backslash that marks them) are escaped.
#[must_use]
pub fn printable(name: &str) -> String {
    escaped(name, needs_escape)
}

/// `text` with escapes for what drives a terminal: for texts in which names are
/// [`printable`] already, so that their backslashes are not doubled again.
#[must_use]
pub fn printable_text(text: &str) -> String {
    escaped(text, drives_terminal)
}

fn escaped(text: &str, needs_escape: fn(char) -> bool) -> String {
    if !text.chars().any(needs_escape) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if needs_escape(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn needs_escape(c: char) -> bool {
    c == '\\' || drives_terminal(c)
}

/// Whether `c` may do more to a terminal than to take its place: a control
/// character, a separator of lines, or a mark that reorders text.
#[must_use]
pub fn drives_terminal(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_key_stays_on_one_line() {
        assert_eq!(
            printable("a\n\u{1b}[31m\u{202e}\\"),
            r"a\n\u{1b}[31m\u{202e}\\"
        );
        assert_eq!(printable("naïve file.txt"), "naïve file.txt");
    }
}
