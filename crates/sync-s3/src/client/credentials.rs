//! Credentials and region from the usual AWS sources.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::imds;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_s3::config::{Credentials, ProvideCredentials, Region, SharedCredentialsProvider};
use sync_core::{Result, setting::Setting};

use crate::client::environment;
use crate::options::S3Options;

/// The default region: the one that S3 itself assumes, and that other servers have
/// by default.
const FALLBACK_REGION: &str = "us-east-1";

/// The region of the option, the environment, the profile, or the default.
pub(crate) async fn region(options: &S3Options) -> Result<String> {
    if let Some(region) = &options.region {
        let source = format!("the region of {} or S3MIRROR_REGION", Setting::Region);
        return environment::word(region, &source);
    }
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(region) = environment::variable(name)? {
            return environment::word(&region, &format!("the region of {name}"));
        }
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = profile_name(options)? {
        profile = profile.profile_name(name);
    }
    match profile.build().region().await {
        Some(region) => environment::word(region.as_ref(), "the region of the profile"),
        None => Ok(FALLBACK_REGION.to_owned()),
    }
}

/// The profile that an option names.
pub(crate) fn chosen_profile(options: &S3Options) -> Option<&str> {
    let name = options.profile.as_deref().map(str::trim);
    name.filter(|name| !name.is_empty())
}

/// The profile, where it differs from the one that the SDK finds: that of an option,
/// or that of a variable with white space around it. An empty variable is not set.
pub(crate) fn profile_name(options: &S3Options) -> Result<Option<String>> {
    if let Some(name) = chosen_profile(options) {
        return Ok(Some(name.to_owned()));
    }
    let name = environment::variable("AWS_PROFILE")?;
    let is_clean = std::env::var("AWS_PROFILE").ok() == name;
    Ok((!is_clean).then(|| name.unwrap_or_else(|| "default".to_owned())))
}

/// The source of credentials; they are looked up with the first request.
///
/// If an option names a profile, no other source is used, as with the AWS command
/// line. The SDK would prefer the environment, and would skip a profile that does
/// not exist and use the role of the machine.
pub(crate) async fn credentials(
    options: &S3Options,
    region: &Region,
    config: ProviderConfig,
) -> Result<SharedCredentialsProvider> {
    if let Some(name) = chosen_profile(options) {
        let config = config.with_region(Some(region.clone()));
        let profile = ProfileFileCredentialsProvider::builder()
            .configure(&config)
            .profile_name(name);
        let from = format!("the profile '{name}'");
        return Ok(SharedCredentialsProvider::new(Checked::new(
            profile.build(),
            from,
        )));
    }
    for name in [KEY_VARIABLE, SECRET_VARIABLE, TOKEN_VARIABLE] {
        // The SDK would show a value that is not UTF-8.
        environment::variable(name)?;
    }
    let mut chain = DefaultCredentialsChain::builder()
        .configure(config)
        .imds_client(instance_metadata())
        .region(region.clone());
    if let Some(name) = profile_name(options)? {
        chain = chain.profile_name(&name);
    }
    let from = "the usual AWS sources".to_owned();
    let checked = Checked::new(chain.build().await, from);
    Ok(SharedCredentialsProvider::new(checked))
}

const KEY_VARIABLE: &str = "AWS_ACCESS_KEY_ID";
const SECRET_VARIABLE: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN_VARIABLE: &str = "AWS_SESSION_TOKEN";

/// Credentials that no request can carry. Their values are not shown.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unfit(String);

/// Checks credentials before the SDK uses them, from whatever source: a variable, a
/// file, another program or a server. The SDK's signer assumes that they fit into a
/// header.
#[derive(Debug)]
pub(crate) struct Checked<P> {
    inner: P,
    /// Where they come from, for error messages.
    from: String,
}

impl<P> Checked<P> {
    pub(crate) fn new(inner: P, from: String) -> Self {
        Self { inner, from }
    }

    fn check(&self, given: Credentials) -> Result<Credentials, Unfit> {
        let key = self.value("access key", KEY_VARIABLE, given.access_key_id(), |c| {
            !c.is_ascii_graphic()
        })?;
        // Any text makes a signature, but a secret of several lines is a mistake.
        let secret = given.secret_access_key();
        let secret = self.value("secret key", SECRET_VARIABLE, secret, char::is_control)?;
        let token = given.session_token().map(|token| {
            self.value("session token", TOKEN_VARIABLE, token, |c| {
                !c.is_ascii_graphic()
            })
        });
        let token = token.transpose()?.filter(|token| !token.is_empty());
        let is_clean = key == given.access_key_id()
            && secret == given.secret_access_key()
            && token == given.session_token();
        if is_clean {
            return Ok(given);
        }
        let mut trimmed = Credentials::builder()
            .access_key_id(key)
            .secret_access_key(secret)
            .provider_name("s3mirror");
        trimmed.set_session_token(token.map(str::to_owned));
        trimmed.set_expiry(given.expiry());
        trimmed.set_account_id(given.account_id().cloned());
        Ok(trimmed.build())
    }

    /// `text` without white space around it.
    fn value<'v>(
        &self,
        what: &str,
        variable: &str,
        text: &'v str,
        is_invalid: impl Fn(char) -> bool,
    ) -> Result<&'v str, Unfit> {
        let trimmed = text.trim();
        let flaw = match environment::flaw(trimmed, is_invalid) {
            None if trimmed.is_empty() && what != "session token" => "is empty".to_owned(),
            None => return Ok(trimmed),
            Some(flaw) => flaw,
        };
        let is_of_variable = std::env::var(variable).is_ok_and(|value| value.trim() == trimmed);
        let from = if is_of_variable { variable } else { &self.from };
        Err(Unfit(format!("the {what} of {from} {flaw}")))
    }
}

impl<P: ProvideCredentials> ProvideCredentials for Checked<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let given = self.inner.provide_credentials().await?;
            self.check(given)
                .map_err(CredentialsError::invalid_configuration)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        let given = self.inner.fallback_on_interrupt()?;
        self.check(given).ok()
    }
}

/// The last source. An instance metadata service answers within milliseconds, so it
/// gets one attempt of one second; the default would delay everybody else by
/// several.
fn instance_metadata() -> imds::Client {
    imds::Client::builder()
        .max_attempts(1)
        .connect_timeout(Duration::from_secs(1))
        .read_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_secs(2))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(key: &str, secret: &str, token: Option<&str>) -> Result<Credentials, Unfit> {
        let given = Credentials::new(key, secret, token.map(str::to_owned), None, "test");
        let checked = Checked::new(given.clone(), "the profile 'x'".to_owned());
        checked.check(given)
    }

    #[test]
    fn white_space_around_credentials_is_ignored() {
        for around in ["", " ", "\n", "\r\n", "\t", " \n"] {
            for text in [format!("{around}value"), format!("value{around}")] {
                let given = checked(&text, &text, Some(&text)).unwrap();
                assert_eq!(given.access_key_id(), "value", "{text:?}");
                assert_eq!(given.secret_access_key(), "value", "{text:?}");
                assert_eq!(given.session_token(), Some("value"), "{text:?}");
            }
        }
        let given = checked("key", "secret", Some(" \n")).unwrap();
        assert_eq!(given.session_token(), None, "an empty token is not set");
    }

    #[test]
    fn what_no_request_can_carry_is_refused_with_its_source_and_never_shown() {
        for odd in ["\n", "\r", "\u{1}", "\u{7f}", "\t"] {
            let text = format!("ge{odd}heim");
            for (error, what) in [
                (checked(&text, "s", None), "access key"),
                (checked("k", &text, None), "secret key"),
                (checked("k", "s", Some(&text)), "session token"),
            ] {
                let error = error.unwrap_err().to_string();
                let begin = format!("the {what} of the profile 'x' holds ");
                assert!(error.starts_with(&begin), "{error}");
                assert!(!error.contains("heim"), "{error}");
            }
        }
        for text in ["with space", "é"] {
            assert!(checked(text, "s", None).is_err(), "{text}");
            assert!(checked("k", text, None).is_ok(), "{text}");
            assert!(checked("k", "s", Some(text)).is_err(), "{text}");
        }
        assert!(checked("", "s", None).is_err());
        assert!(checked("k", "\n", None).is_err());
    }
}
