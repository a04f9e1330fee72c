//! One item of a key list, as people write it and as it is kept.

use std::io;

use crate::key::{Key, KeyError};

/// What a key list names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyListItem {
    /// One key.
    Key(Key),
    /// All keys below a directory: those that begin with this, which ends with a slash.
    /// Empty for all keys.
    Below(String),
}

impl KeyListItem {
    /// What `text` names: a key, or `dir/` for all below it. `./` before it means nothing,
    /// as `find .` writes it; alone it stands for all keys.
    ///
    /// ```
    /// use sync_core::{Key, key_list::KeyListItem};
    ///
    /// let key = KeyListItem::Key(Key::new("a/b")?);
    /// assert_eq!(KeyListItem::parse("./a/b"), Ok(key));
    /// assert_eq!(KeyListItem::parse("a/"), Ok(KeyListItem::Below("a/".to_owned())));
    /// assert!(KeyListItem::parse("../a").is_err());
    /// # Ok::<(), sync_core::key::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// Why it can be neither.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let name = text.strip_prefix("./").unwrap_or(text);
        if name.is_empty() && !text.is_empty() {
            return Ok(Self::Below(String::new()));
        }
        let directory = name.strip_suffix('/').filter(|name| !name.is_empty());
        let key = Key::new(directory.unwrap_or(name))?;
        Ok(match directory {
            Some(_) => Self::Below(name.to_owned()),
            None => Self::Key(key),
        })
    }

    /// The text by which it is kept and ordered.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Key(key) => key.as_str(),
            Self::Below(directory) => directory,
        }
    }

    /// The name of the key or of the directory; empty for all keys.
    pub(crate) fn name(&self) -> &str {
        let text = self.text();
        text.strip_suffix('/').unwrap_or(text)
    }

    /// Whether it names `key`.
    pub(crate) fn names(&self, key: &str) -> bool {
        match self {
            Self::Key(item) => item.as_str() == key,
            Self::Below(directory) => key.starts_with(&**directory),
        }
    }

    /// The item that is kept as `text`.
    pub(super) fn of_text(text: String) -> io::Result<Self> {
        if is_directory(&text) {
            return Ok(Self::Below(text));
        }
        let key = Key::new(text).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
        Ok(Self::Key(key))
    }
}

/// Whether the item that is kept as `text` stands for all keys below a directory.
pub(super) fn is_directory(text: &str) -> bool {
    text.is_empty() || text.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_a_key_or_a_directory_and_anything_else_is_refused() {
        let key = |name: &str| Ok(KeyListItem::Key(Key::new(name).unwrap()));
        let below = |name: &str| Ok(KeyListItem::Below(name.to_owned()));
        for (text, item) in [
            ("a", key("a")),
            ("./a/b", key("a/b")),
            (".a", key(".a")),
            ("a ", key("a ")),
            ("a/", below("a/")),
            ("./a/b/", below("a/b/")),
            ("./", below("")),
            ("", Err(KeyError::Empty)),
            (".", Err(KeyError::DotSegment)),
            ("..", Err(KeyError::DotSegment)),
            ("../", Err(KeyError::DotSegment)),
            ("a/../b", Err(KeyError::DotSegment)),
            ("././a", Err(KeyError::DotSegment)),
            ("/", Err(KeyError::LeadingSlash)),
            ("/a", Err(KeyError::LeadingSlash)),
            (".//a", Err(KeyError::LeadingSlash)),
            ("a//", Err(KeyError::TrailingSlash)),
            ("a//b", Err(KeyError::EmptySegment)),
            ("a\0b", Err(KeyError::Nul)),
        ] {
            assert_eq!(KeyListItem::parse(text), item, "{text:?}");
        }
    }

    #[test]
    fn an_item_is_kept_as_its_text() {
        for text in ["a", "a/b", "a/", "./"] {
            let item = KeyListItem::parse(text).unwrap();
            let kept = KeyListItem::of_text(item.text().to_owned()).unwrap();
            assert_eq!(kept, item);
        }
    }
}
