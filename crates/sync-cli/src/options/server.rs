//! How the server is reached, and which requests it gets.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser as Boolish;
use sync_s3::Conditions;

use super::payer::{Account, WhoPays};
use super::{ChecksumChoice, When};

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Region of the bucket [default: as configured for AWS]
    #[arg(long, hide_env = true, env = "S3MIRROR_REGION")]
    pub(crate) region: Option<String>,
    /// Profile of the AWS configuration
    #[arg(long, hide_env = true, env = "S3MIRROR_PROFILE")]
    pub(crate) profile: Option<String>,
    /// URL of a server other than AWS
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_ENDPOINT_URL",
        value_name = "URL"
    )]
    pub(crate) endpoint_url: Option<String>,
    /// Certificates of the authorities to trust instead of the system's
    #[arg(long, hide_env = true, env = "S3MIRROR_CA_BUNDLE", value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,
    /// Put the bucket into the path of URLs; auto: for servers other than AWS
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_PATH_STYLE",
        value_enum,
        value_name = "WHEN",
        default_value_t
    )]
    pub(crate) path_style: When,
    /// Send requests unsigned, for public buckets
    #[arg(long, hide_env = true, env = "S3MIRROR_NO_SIGN_REQUEST", value_parser = Boolish::new(), conflicts_with = "profile")]
    pub(crate) no_sign_request: bool,
    /// Trust If-Match without a test; servers other than AWS are tested first
    #[arg(long, hide_env = true, env = "S3MIRROR_TRUST_CONDITIONAL", value_parser = Boolish::new(), conflicts_with = "no_conditional")]
    pub(crate) trust_conditional: bool,
    /// Send no If-Match, for servers without conditional requests
    #[arg(long, hide_env = true, env = "S3MIRROR_NO_CONDITIONAL", value_parser = Boolish::new())]
    pub(crate) no_conditional: bool,
    /// Checksum of uploads; auto: crc64nvme
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_CHECKSUM",
        value_enum,
        value_name = "KIND",
        default_value_t
    )]
    pub(crate) checksum: ChecksumChoice,
    /// Sign the content of uploads; auto: not over https
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SIGN_PAYLOAD",
        value_enum,
        value_name = "WHEN",
        default_value_t
    )]
    pub(crate) sign_payload: When,
    /// Key of 256 bits by which the server encrypts objects without keeping it (SSE-C)
    ///
    /// The file holds 32 bytes, or their base64 or hexadecimal digits, and must not be
    /// readable by others. Every command that reads or writes objects needs the key again;
    /// saved plans do not hold it. Who loses it loses the objects. Sent only over https,
    /// or to a server on this machine.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SSE_C_KEY_FILE",
        value_name = "FILE"
    )]
    pub(crate) sse_c_key_file: Option<PathBuf>,
    /// Whether the server lists in byte order; auto: only AWS is known to
    ///
    /// Then what is excluded, and keys of other ranges of a cluster run, need not be listed.
    /// Ceph, MinIO and Garage do (`doctor` tries it). Say it only where it is true: not every
    /// listing in another order can be told, and plans of a cluster run are wrong then.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_LISTS_IN_ORDER",
        value_enum,
        value_name = "WHEN",
        default_value_t
    )]
    pub(crate) lists_in_order: When,
    /// Pay for requests and traffic, where the owner of the bucket demands that
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_REQUEST_PAYER",
        value_enum,
        value_name = "requester",
        num_args = 0..=1,
        default_missing_value = "requester",
        hide_possible_values = true,
        conflicts_with = "no_sign_request"
    )]
    pub(crate) request_payer: Option<WhoPays>,
    /// Refuse a bucket that another account owns
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_EXPECTED_BUCKET_OWNER",
        value_name = "ACCOUNT"
    )]
    pub(crate) expected_bucket_owner: Option<Account>,
}

impl ServerArgs {
    /// Who checks what exists before it is overwritten (`--no-conditional`).
    pub(crate) fn conditions(&self) -> Conditions {
        if self.no_conditional {
            Conditions::Client
        } else if self.trust_conditional {
            Conditions::Server
        } else {
            Conditions::Auto
        }
    }
}
