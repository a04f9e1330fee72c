//! What is wanted of a work: the figure that it is about, and its bound.

use std::fmt;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Figure {
    Cpu,
    Wall,
}

/// A bound on what s3mirror needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::bench) enum Target {
    /// At most so many times what the best peer needs.
    OfBestPeer(Figure, f64),
    /// At most so many times the processor time of the SDK alone.
    OfSdk(f64),
    /// At most so many MiB.
    Memory(f64),
    /// At least so many times the throughput of the first variation.
    Speedup(f64),
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "CPU",
            Self::Wall => "wall",
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfBestPeer(figure, most) => write!(f, "{figure} ≤ {most} × best peer"),
            Self::OfSdk(most) => write!(f, "CPU ≤ {most} × SDK alone"),
            Self::Memory(most) => write!(f, "≤ {most} MiB"),
            Self::Speedup(least) => write!(f, "throughput ≥ {least} ×"),
        }
    }
}
