//! What one DeleteObjects can carry.

/// Keys that one DeleteObjects takes (API Reference).
pub(crate) const BATCH: usize = 1_000;

/// Whether XML 1.0 can carry the key as it is. Parsers turn a carriage return
/// into a line feed, so that is none of the harmless ones either; and some drop
/// an element's text if it is nothing but white space.
pub(crate) fn fits_xml(key: &str) -> bool {
    !key.trim().is_empty()
        && !key
            .chars()
            .any(|c| c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_go_into_xml() {
        for key in [
            "a\nb", "a\rb", "a\tb", "\u{1}", "\u{1f}", "\u{ffff}", " ", "\u{3000}",
        ] {
            assert!(!fits_xml(key), "{key:?}");
        }
        for key in ["a b", "é", "\u{7f}", "<&>\"'", "😀"] {
            assert!(fits_xml(key), "{key:?}");
        }
    }
}
