//! Text that is safe to show: names on one line, without what drives a terminal; and
//! words as a shell reads them.

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

/// So many entries, in words.
#[must_use]
pub fn entries(number: u64) -> String {
    match number {
        1 => "1 entry".to_owned(),
        _ => format!("{} entries", grouped(number)),
    }
}

/// A number with commas between thousands, as in `4,246`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `text` as one word for a POSIX shell, in quotes if need be.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:+=@,%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The same for a command that is shown: what drives a terminal is escaped, so a word
/// that has such characters must be put right by hand.
#[must_use]
pub fn printable_shell_word(text: &str) -> String {
    printable_text(&shell_word(text))
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

    #[test]
    fn thousands_are_separated() {
        for (number, shown) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), shown);
        }
        assert_eq!(entries(1), "1 entry");
        assert_eq!(entries(4_246), "4,246 entries");
    }

    #[test]
    fn a_word_is_one_word_for_a_shell() {
        assert_eq!(printable_shell_word("a/b-c.txt"), "a/b-c.txt");
        assert_eq!(printable_shell_word("a b"), "'a b'");
        assert_eq!(printable_shell_word("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(printable_shell_word(r"a\b"), r"'a\b'");
        assert_eq!(printable_shell_word("a\u{1b}[m"), r"'a\u{1b}[m'");
        assert_eq!(printable_shell_word(""), "''");
        assert_eq!(shell_word("a\nb"), "'a\nb'");
    }
}
