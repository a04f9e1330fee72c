//! One level of a store: where keys are, for whoever divides them.

/// Most names of a level that are kept. Then every second one is dropped.
const MOST_NAMES: usize = 4096;

/// What is directly below a directory of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Level {
    /// The directories, each with a slash at its end.
    pub directories: Vec<String>,
    /// Some of the other names, about equally far apart.
    pub names: Vec<String>,
    /// How many other names there are.
    pub entries: u64,
    /// A name is kept after so many others.
    skipped: u64,
}

impl Level {
    /// A level of which only some names are known, and an estimate of how many there are.
    #[must_use]
    pub fn sampled(names: Vec<String>, entries: u64) -> Self {
        Self {
            names,
            entries,
            ..Self::default()
        }
    }

    /// Adds a directory, which may be the last one again.
    pub fn add_directory(&mut self, name: String) {
        if self.directories.last() != Some(&name) {
            self.directories.push(name);
        }
    }

    /// Adds another name. To be called in the order of the names.
    pub fn add_entry(&mut self, name: impl FnOnce() -> String) {
        if self.entries.is_multiple_of(self.skipped + 1) {
            self.names.push(name());
        }
        self.entries += 1;
        if self.names.len() == MOST_NAMES {
            let mut is_kept = false;
            self.names.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.skipped = self.skipped * 2 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_names_of_a_long_level_are_kept_equally_far_apart() {
        let mut level = Level::default();
        for number in 0..100_000 {
            level.add_entry(|| format!("{number:06}"));
        }
        assert_eq!(level.entries, 100_000);
        assert!((MOST_NAMES / 2..MOST_NAMES).contains(&level.names.len()));
        let numbers: Vec<u64> = level.names.iter().map(|it| it.parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|it| it[1] - it[0] == 32));
    }
}
