//! Who we are and where: credentials and region from the usual AWS sources.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_s3::config::{Region, SharedCredentialsProvider};

use crate::options::S3Options;

/// Region where none is known: the one that S3 itself assumes, and that other
/// servers take by default.
const FALLBACK_REGION: &str = "us-east-1";

/// Option, environment, profile, fallback.
pub(crate) fn region(options: &S3Options) -> RegionProviderChain {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &options.profile {
        profile = profile.profile_name(name);
    }
    RegionProviderChain::first_try(options.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build())
        .or_else(Region::new(FALLBACK_REGION))
}

/// Where credentials come from; they are looked up with the first request.
///
/// A profile that is named by an option is meant: nothing else is tried, as
/// with the AWS command line. The SDK would let the environment win, and would
/// pass over a profile that does not exist to the role of the machine.
pub(crate) async fn credentials(options: &S3Options) -> SharedCredentialsProvider {
    if let Some(name) = &options.profile {
        let region = region(options).region().await;
        let config = ProviderConfig::default().with_region(region);
        let profile = ProfileFileCredentialsProvider::builder()
            .configure(&config)
            .profile_name(name);
        return SharedCredentialsProvider::new(profile.build());
    }
    let chain = DefaultCredentialsChain::builder()
        .imds_client(instance_metadata())
        .region(region(options));
    SharedCredentialsProvider::new(chain.build().await)
}

/// The last link of the chain. Where there is an instance metadata service it
/// answers within milliseconds, so it gets one attempt of one second; the
/// default would let everybody else wait for several.
fn instance_metadata() -> imds::Client {
    imds::Client::builder()
        .max_attempts(1)
        .connect_timeout(Duration::from_secs(1))
        .read_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_secs(2))
        .build()
}
