//! Who owns the bucket, and who pays for requests.

use std::str::FromStr;

use clap::ValueEnum;
use sync_s3::Payer;

/// `--request-payer`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhoPays {
    /// Whoever sends the requests
    Requester,
}

impl From<WhoPays> for Payer {
    fn from(who: WhoPays) -> Self {
        match who {
            WhoPays::Requester => Self::Requester,
        }
    }
}

/// The number of an AWS account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account(String);

impl Account {
    pub(crate) fn id(&self) -> &str {
        &self.0
    }
}

impl FromStr for Account {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() == 12 && text.chars().all(|c| c.is_ascii_digit()) {
            return Ok(Self(text.to_owned()));
        }
        Err("the number of an AWS account has twelve digits, without dashes".to_owned())
    }
}
