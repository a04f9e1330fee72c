//! What s3mirror is run with where its defaults are not all there is to see.

use super::Target;

/// s3mirror with other options, or on more cores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::bench) struct Variation {
    /// Its name in the tables.
    pub(in crate::bench) tool: &'static str,
    pub(in crate::bench) options: &'static [&'static str],
    pub(in crate::bench) cores: ClientCores,
    pub(in crate::bench) targets: &'static [Target],
}

/// How many cores a tool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum ClientCores {
    /// One, of its own.
    One,
    /// Two; where there are only two, the endpoint takes its part of one.
    Two,
}

impl Variation {
    pub(super) const fn with(tool: &'static str, options: &'static [&'static str]) -> Self {
        Self {
            tool,
            options,
            cores: ClientCores::One,
            targets: &[],
        }
    }

    pub(super) const fn on(self, cores: ClientCores) -> Self {
        Self { cores, ..self }
    }

    pub(super) const fn aims(self, targets: &'static [Target]) -> Self {
        Self { targets, ..self }
    }
}
