//! Which files a side of a work has, as `s3mirror-bench` reads layouts.

use std::fmt;

/// Files of one size, by a rule instead of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) struct Files {
    pub(in crate::bench) count: u64,
    pub(in crate::bench) size: u64,
    /// So many in a directory, where it is not the usual number.
    pub(super) in_directory: Option<u64>,
    /// Each of this number has changed.
    pub(super) changed: Option<u64>,
}

impl Files {
    pub(super) fn new(count: u64, size: u64) -> Self {
        Self {
            count,
            size,
            in_directory: None,
            changed: None,
        }
    }

    /// The smallest that there are: they are only listed.
    pub(super) fn tiny(count: u64) -> Self {
        Self::new(count, 3)
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.count, self.size)?;
        if let Some(count) = self.in_directory {
            write!(f, "@{count}")?;
        }
        if let Some(step) = self.changed {
            write!(f, "~{step}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_as_the_layouts_that_the_endpoint_reads() {
        let files = Files {
            in_directory: Some(100),
            changed: Some(7),
            ..Files::tiny(10_000)
        };
        assert_eq!(files.to_string(), "10000x3@100~7");
        assert_eq!(Files::new(4, 4_096).to_string(), "4x4096");
    }
}
