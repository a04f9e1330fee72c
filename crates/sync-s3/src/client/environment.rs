//! Values from outside that become part of a header or a URL: variables, options,
//! values of configuration files.
//!
//! The programs that set such values (above all `echo`, which adds a line feed) leave
//! white space around them, and templates leave variables that are set and empty. So a
//! value is trimmed, and an empty one is not set. The rest must be valid in a request:
//! parts of the SDK assume that and panic otherwise.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use sync_core::{ErrorKind, Result, StoreError, text::printable};

/// Variables that only the SDK reads, and that it uses in requests, addresses and
/// names unchecked.
const READ_BY_THE_SDK: [&str; 9] = [
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EXECUTION_ENV",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// Files that the SDK silently skips if they do not exist.
const FILES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

/// The trimmed value of a variable; `None` if it is not set or empty.
///
/// # Errors
/// A value that is not UTF-8.
pub(crate) fn variable(name: &str) -> Result<Option<String>> {
    value(name, env::var_os(name).as_deref())
}

fn value(name: &str, value: Option<&OsStr>) -> Result<Option<String>> {
    let Some(value) = value else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .ok_or_else(|| unfit(&format!("the variable {name}"), "is not UTF-8"))?
        .trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Checks the variables that only the SDK reads.
///
/// # Errors
/// A variable whose value cannot be part of a request.
pub(crate) fn check() -> Result<()> {
    for name in READ_BY_THE_SDK {
        if let Some(text) = env::var_os(name) {
            let source = || format!("the variable {name}");
            let text = text
                .to_str()
                .ok_or_else(|| unfit(&source(), "is not UTF-8"))?;
            if let Some(flaw) = flaw(text, char::is_control) {
                return Err(unfit(&source(), &flaw));
            }
        }
    }
    for name in FILES {
        let Some(path) = env::var_os(name).filter(|path| !Path::new(path).exists()) else {
            continue;
        };
        let flaw = flaw(&path.to_string_lossy(), char::is_control);
        if let Some(flaw) = flaw {
            return Err(unfit(&format!("the variable {name}"), &flaw));
        }
    }
    Ok(())
}

/// `text`, trimmed, if it is valid in a header or a URL. `source` says where it comes
/// from, as in `the region of AWS_REGION`.
///
/// # Errors
/// A text that is empty or contains characters that are invalid there.
pub(crate) fn word(text: &str, source: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(unfit(source, "is empty"));
    }
    match flaw(text, |c| !c.is_ascii_graphic()) {
        Some(flaw) => Err(unfit(source, &flaw)),
        None => Ok(text.to_owned()),
    }
}

/// The first invalid character of `text`. The text is not shown: it may be a secret.
pub(crate) fn flaw(text: &str, is_invalid: impl Fn(char) -> bool) -> Option<String> {
    let what = match text.chars().find(|&c| is_invalid(c))? {
        '\n' => "a line feed".to_owned(),
        '\r' => "a carriage return".to_owned(),
        '\t' => "a tab".to_owned(),
        ' ' => "a space".to_owned(),
        c if c.is_control() => format!("the control character U+{:04X}", u32::from(c)),
        c if c.is_ascii() => format!("the character '{c}'"),
        _ => "a character that is not ASCII".to_owned(),
    };
    Some(format!("holds {what}"))
}

/// The error of an invalid value.
pub(crate) fn unfit(source: &str, flaw: &str) -> StoreError {
    let message = printable(&format!("{source} {flaw}"));
    StoreError::new(ErrorKind::Other, message).with_hint("correct it there, or unset it")
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn a_variable_that_is_set_and_empty_is_not_set() {
        for text in ["", " ", "\n", " \t\r\n"] {
            assert_eq!(value("V", Some(OsStr::new(text))).unwrap(), None);
        }
        assert_eq!(value("V", None).unwrap(), None);
        let text = value("V", Some(OsStr::new(" a b\r\n"))).unwrap();
        assert_eq!(text.as_deref(), Some("a b"));
        let error = value("V", Some(OsStr::from_bytes(b"geheim\xff"))).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("V is not UTF-8") && !text.contains("geheim"),
            "{text}"
        );
    }

    #[test]
    fn a_word_is_trimmed_or_refused_and_never_shown() {
        for text in ["abc", " abc", "abc\n", "abc\r\n", "\tabc "] {
            assert_eq!(word(text, "it").unwrap(), "abc");
        }
        for (text, flaw) in [
            ("", "is empty"),
            ("a\nb", "a line feed"),
            ("a\rb", "a carriage return"),
            ("a b", "a space"),
            ("a\tb", "a tab"),
            ("a\u{1}b", "U+0001"),
            ("a\u{7f}b", "U+007F"),
            ("a\u{9b}b", "U+009B"),
            ("aéb", "not ASCII"),
        ] {
            let error = word(text, "the token of X").unwrap_err().to_string();
            assert!(error.starts_with("the token of X "), "{error}");
            assert!(error.contains(flaw), "{error}");
        }
    }
}
