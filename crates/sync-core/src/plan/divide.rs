//! About where to divide the keys of a store, so that the parts have about as many keys as
//! each other. Only the top levels are looked at; nothing is decided by it.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::{
    error::Result,
    select::Selection,
    store::{Level, Store},
};

/// Directories of a level that suffice for each part.
const DIRECTORIES: usize = 8;

/// Directories that are looked at for each part, and in any case.
const LOOKS: usize = 4;
const FIRST_LOOKS: usize = 64;

/// Names that are of use for each part.
const NAMES: usize = 2;

/// Directories that are looked at side by side.
const AT_ONCE: usize = 16;

/// Names, in ascending order, that divide the keys of `store` into about `parts` equal parts;
/// fewer where there are not so many keys. The directories of a level that is not looked at count alike.
///
/// # Errors
/// Those of listing the top levels.
pub async fn equal_parts(
    store: &dyn Store,
    selection: &Selection,
    parts: usize,
) -> Result<Vec<String>> {
    let mut sketch = Sketch::default();
    let mut left = parts.saturating_mul(LOOKS).saturating_add(FIRST_LOOKS);
    let mut level = vec![String::new()];
    let enough = parts.saturating_mul(DIRECTORIES);
    while !level.is_empty() && level.len() < enough && level.len() <= left {
        left -= level.len();
        // A name for each end of a part, if the keys are below these directories.
        let names = parts.saturating_mul(NAMES).div_ceil(level.len());
        let looks = stream::iter(&level)
            .map(|directory| store.level(directory, names))
            .buffered(AT_ONCE);
        let below: Vec<Level> = looks.try_collect().await?;
        sketch.looks += level.len();
        level = sketch.add(below, selection);
    }
    sketch.add_directories(level);
    Ok(sketch.boundaries(parts))
}

/// What is known of the keys.
#[derive(Default)]
struct Sketch {
    /// Places among the keys, with the estimated number of keys there.
    places: BTreeMap<String, f64>,
    looks: usize,
    entries: u64,
}

impl Sketch {
    /// Adds what was seen of a level, and returns the directories below it.
    fn add(&mut self, levels: Vec<Level>, selection: &Selection) -> Vec<String> {
        let mut directories = Vec::new();
        for level in levels {
            self.entries += level.entries;
            let weight = level.entries as f64 / level.names.len().max(1) as f64;
            // Names that continue it with other bytes than those of a directory come before.
            let places = level.names.into_iter().map(|name| (name + "~", weight));
            self.places.extend(places);
            let is_listed = |name: &String| !selection.prunes(name.trim_end_matches('/'));
            directories.extend(level.directories.into_iter().filter(is_listed));
        }
        directories
    }

    /// Adds directories below which nobody looked.
    fn add_directories(&mut self, directories: Vec<String>) {
        let usual = (self.entries as f64 / self.looks.max(1) as f64).max(1.0);
        let places = directories.into_iter().map(|name| (name, usual));
        self.places.extend(places);
    }

    fn boundaries(self, parts: usize) -> Vec<String> {
        let total: f64 = self.places.values().sum();
        let part = total / parts.max(1) as f64;
        let (mut boundaries, mut before, mut next) = (Vec::new(), 0.0, part);
        for (place, weight) in self.places {
            // A directory begins after its name, another name is before it.
            let at = if place.ends_with('/') {
                before
            } else {
                before + weight
            };
            before += weight;
            if at >= next && boundaries.len() + 1 < parts && at < total {
                boundaries.push(place);
                while next <= at {
                    next += part;
                }
            }
        }
        boundaries
    }
}
