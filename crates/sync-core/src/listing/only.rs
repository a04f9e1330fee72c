//! Restricts a listing to a key list: both are in the order of keys, so they are joined.
//!
//! A store that can look at single keys lists little else; whatever it lists beside, and all
//! that another store lists, is dropped here. So what a list does not name is neither copied
//! nor deleted, whichever store it is.

use futures::stream::{self, BoxStream, StreamExt};

use crate::{
    entry::{Listed, SkipCause, Skipped},
    error::{ErrorKind, Result, StoreError},
    key_list::{KeyList, KeyListItem, unreadable},
};

/// `listing`, which is in order, without what `keys` does not name.
pub(crate) fn only(
    listing: BoxStream<'static, Result<Listed>>,
    keys: &KeyList,
) -> BoxStream<'static, Result<Listed>> {
    let mut only = match Only::new(keys) {
        Ok(only) => only,
        Err(error) => return stream::iter([Err(error)]).boxed(),
    };
    let taken = listing.filter_map(move |item| {
        let taken = match item {
            Ok(listed) => match only.takes(&listed) {
                Ok(takes) => takes.then_some(Ok(listed)),
                Err(error) => Some(Err(error)),
            },
            error @ Err(_) => Some(error),
        };
        std::future::ready(taken)
    });
    taken.boxed()
}

type Items = Box<dyn Iterator<Item = std::io::Result<KeyListItem>> + Send>;

struct Only {
    keys: KeyList,
    items: Items,
    /// The first item that is not before the last key.
    item: Option<KeyListItem>,
    /// The last key.
    last: String,
}

impl Only {
    fn new(keys: &KeyList) -> Result<Self> {
        let items = keys.items().map_err(unreadable)?;
        let mut only = Self {
            keys: keys.clone(),
            items: Box::new(items),
            item: None,
            last: String::new(),
        };
        only.advance()?;
        Ok(only)
    }

    fn takes(&mut self, listed: &Listed) -> Result<bool> {
        match listed {
            Listed::Entry(entry) => self.takes_key(entry.key.as_str()),
            Listed::Skipped(skipped) => self.takes_skipped(skipped),
        }
    }

    fn takes_key(&mut self, key: &str) -> Result<bool> {
        if *key < *self.last {
            let message = format!("'{key}' comes too late in the listing");
            return Err(StoreError::new(ErrorKind::Disordered, message));
        }
        self.last.clear();
        self.last.push_str(key);
        loop {
            match &self.item {
                Some(KeyListItem::Key(item)) if item.as_str() >= key => {
                    return Ok(item.as_str() == key);
                }
                Some(KeyListItem::Below(directory)) if key.starts_with(&**directory) => {
                    return Ok(true);
                }
                Some(KeyListItem::Below(directory)) if **directory > *key => return Ok(false),
                Some(_) => self.advance()?,
                None => return Ok(false),
            }
        }
    }

    /// What was skipped may stand anywhere, and hide keys below it.
    fn takes_skipped(&self, skipped: &Skipped) -> Result<bool> {
        let takes = match skipped.cause {
            SkipCause::UnmappableKey | SkipCause::Placeholder => self.keys.names(&skipped.name),
            _ if skipped.name == Skipped::ROOT => Ok(true),
            _ => self.keys.concerns(&skipped.name),
        };
        takes.map_err(unreadable)
    }

    fn advance(&mut self) -> Result<()> {
        self.item = self.items.next().transpose().map_err(unreadable)?;
        Ok(())
    }
}
