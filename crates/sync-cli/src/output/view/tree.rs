//! A plan as a tree: each directory is named once, above its contents.
//!
//! In key order, everything below a directory is together, so only the directory
//! that is open must be known. A plan whose lines somebody has reordered names
//! some directories again.

use sync_core::text::printable;

use super::line::Line;
use crate::Console;

/// The indentation of a level.
const INDENT: &str = "  ";

/// A tree while it is shown.
#[derive(Default)]
pub(super) struct Tree {
    /// The directories above the last line, from the root down.
    open: Vec<String>,
}

impl Tree {
    pub(super) fn show(&mut self, line: &Line, console: &mut Console) {
        let (directories, leaf) = match line.name.rsplit_once('/') {
            Some((directories, leaf)) => (directories.split('/').collect(), leaf),
            None => (Vec::new(), line.name.as_str()),
        };
        for (depth, name) in self.enter(&directories) {
            let indent = INDENT.repeat(depth);
            console.text(format_args!("{indent}{}/", printable(name)));
        }
        let indent = INDENT.repeat(self.open.len());
        console.text(format_args!("{indent}{}", line.named(leaf)));
    }

    /// Makes `directories` the open ones; those that were not, with their depth.
    fn enter<'a>(&mut self, directories: &[&'a str]) -> Vec<(usize, &'a str)> {
        let pairs = self.open.iter().zip(directories);
        let same = pairs.take_while(|(open, name)| open == name).count();
        self.open.truncate(same);
        let new: Vec<_> = directories.iter().copied().enumerate().skip(same).collect();
        self.open
            .extend(new.iter().map(|(_, name)| (*name).to_owned()));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(paths: &[&str]) -> Vec<String> {
        let mut tree = Tree::default();
        let mut shown = Vec::new();
        for path in paths {
            let directories: Vec<_> = path.split('/').filter(|name| !name.is_empty()).collect();
            for (depth, name) in tree.enter(&directories) {
                shown.push(format!("{depth}{name}"));
            }
        }
        shown
    }

    #[test]
    fn a_directory_is_named_once_above_what_is_in_it() {
        let paths = ["a/b", "a/b", "a", "a/c/d", "b", "", "b/b"];
        assert_eq!(entered(&paths), ["0a", "1b", "1c", "2d", "0b", "0b", "1b"]);
    }
}
