//! The value of an HTTP header, as options take it.

use std::str::FromStr;

/// The value of an HTTP header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderText(pub(super) String);

impl FromStr for HeaderText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.trim() != text {
            return Err("a space before or after the value is not allowed".to_owned());
        }
        match text.chars().find(|c| !matches!(c, ' '..='~')) {
            Some(_) => Err("the value of a header must be ASCII on one line".to_owned()),
            None => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_header_is_refused() {
        for text in ["", " ", "a\nb", "a\tb", "ä", " a", "a\u{7f}"] {
            assert!(text.parse::<HeaderText>().is_err(), "{text:?}");
        }
        assert!("max-age=3600, public".parse::<HeaderText>().is_ok());
    }
}
