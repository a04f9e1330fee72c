//! The words that options accept, and what they mean to the libraries.

use anstream::ColorChoice;
use clap::ValueEnum;
use sync_core::rule::Compare;
use sync_fs::{Durability, SymlinkMode};
use sync_s3::{Checksums, Choice};

/// `--compare`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum CompareBy {
    /// A file that is later than its object differs
    #[default]
    Times,
    /// The same; on restore, any unequal times differ
    ExactTimes,
    /// The same; what would be kept is compared by content
    Checksum,
}

impl From<CompareBy> for Compare {
    fn from(by: CompareBy) -> Self {
        match by {
            CompareBy::Times => Self::Times,
            CompareBy::ExactTimes => Self::ExactTimes,
            CompareBy::Checksum => Self::Checksum,
        }
    }
}

/// `--symlinks`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Links {
    /// Links to files inside the directory
    #[default]
    Inside,
    /// None
    Skip,
}

impl From<Links> for SymlinkMode {
    fn from(links: Links) -> Self {
        match links {
            Links::Inside => Self::Inside,
            Links::Skip => Self::Skip,
        }
    }
}

/// `--durability`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum OnDisk {
    /// Before it gets its name; files that are ready together share a sync
    #[default]
    Batch,
    /// Before it gets its name; each by its own sync
    Each,
    /// When the system does so
    None,
}

impl From<OnDisk> for Durability {
    fn from(when: OnDisk) -> Self {
        match when {
            OnDisk::Batch => Self::Batch,
            OnDisk::Each => Self::Each,
            OnDisk::None => Self::None,
        }
    }
}

/// `--path-style`, `--sign-payload`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum When {
    #[default]
    Auto,
    Always,
    Never,
}

impl From<When> for Choice {
    fn from(when: When) -> Self {
        match when {
            When::Auto => Self::Auto,
            When::Always => Self::Always,
            When::Never => Self::Never,
        }
    }
}

/// `--checksum`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum ChecksumChoice {
    #[default]
    Auto,
    Crc64nvme,
    Crc32,
    /// Content-MD5
    Md5,
    None,
}

impl From<ChecksumChoice> for Checksums {
    fn from(choice: ChecksumChoice) -> Self {
        match choice {
            ChecksumChoice::Auto => Self::Auto,
            ChecksumChoice::Crc64nvme => Self::Crc64Nvme,
            ChecksumChoice::Crc32 => Self::Crc32,
            ChecksumChoice::Md5 => Self::Md5,
            ChecksumChoice::None => Self::None,
        }
    }
}

/// `--log-format`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// `--color`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum ColorWhen {
    #[default]
    Auto,
    Always,
    Never,
}

impl From<ColorWhen> for ColorChoice {
    fn from(when: ColorWhen) -> Self {
        match when {
            ColorWhen::Auto => Self::Auto,
            ColorWhen::Always => Self::Always,
            ColorWhen::Never => Self::Never,
        }
    }
}
