//! How the command line writes the settings that texts of the library name. This
//! is the only place that says so.

use sync_core::setting::Setting;

/// Every text of this process names settings by their options from now on.
pub(crate) fn write_as_options() {
    Setting::write_as(option);
}

/// The option by which `setting` is set.
fn option(setting: Setting) -> &'static str {
    match setting {
        Setting::Acl => "--acl",
        Setting::Anonymous => "--no-sign-request",
        Setting::Bucket => "--bucket",
        Setting::CaBundle => "--ca-bundle",
        Setting::CacheControl => "--cache-control",
        Setting::Checksums => "--checksum",
        Setting::Compare => "--compare",
        Setting::Concurrency => "--concurrency",
        Setting::ContentType => "--content-type",
        Setting::CustomerKey => "--sse-c-key-file",
        Setting::Durability => "--durability",
        Setting::Encryption => "--sse",
        Setting::EndpointUrl => "--endpoint-url",
        Setting::Exclude => "--exclude",
        Setting::ExcludeFrom => "--exclude-from",
        Setting::ExpectedOwner => "--expected-bucket-owner",
        Setting::IgnoreCtime => "--ignore-ctime",
        Setting::IgnoreInode => "--ignore-inode",
        Setting::Include => "--include",
        Setting::Keys => "--files-from",
        Setting::KmsKey => "--sse-kms-key-id",
        Setting::MaxSize => "--max-size",
        Setting::Metadata => "--metadata",
        Setting::MinSize => "--min-size",
        Setting::NewerThan => "--newer-than",
        Setting::NoConditions => "--no-conditional",
        Setting::NoDelete => "--no-delete",
        Setting::OlderThan => "--older-than",
        Setting::PartSize => "--part-size",
        Setting::PathStyle => "--path-style",
        Setting::Profile => "--profile",
        Setting::ReadOnly => "--read-only",
        Setting::Region => "--region",
        Setting::StateDir => "--state-dir",
        Setting::StorageClass => "--storage-class",
        Setting::Tags => "--tagging",
        Setting::VerifyBytes => "`s3mirror verify --read`",
        // One that this program does not know yet.
        _ => setting.name(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sync_core::hint;
    use sync_core::select::{Criteria, IgnoreFile, NameRule};
    use sync_s3::{AddressError, Location};

    use super::*;

    /// The names of all options of all commands, without the dashes.
    fn options(command: &clap::Command) -> BTreeSet<String> {
        let own = command.get_arguments().filter_map(clap::Arg::get_long);
        let below = command.get_subcommands().flat_map(options);
        own.map(str::to_owned).chain(below).collect()
    }

    #[test]
    fn every_setting_is_an_option_that_there_is() {
        let known = options(&crate::definition());
        let mut written = BTreeSet::new();
        for &setting in Setting::ALL {
            let option = option(setting);
            let (_, name) = option.split_once("--").unwrap_or_default();
            assert!(
                known.contains(name.trim_end_matches('`')),
                "{setting:?}: {option}"
            );
            assert!(written.insert(option), "{option} stands for two settings");
        }
    }

    #[test]
    fn texts_of_the_library_name_options() {
        write_as_options();
        let criteria = Criteria {
            names: vec![
                NameRule::Exclude("*.tmp".to_owned()),
                NameRule::Include("keep.tmp".to_owned()),
            ],
            ignore_files: vec![IgnoreFile {
                file: "ignored".to_owned(),
                lines: Vec::new(),
            }],
            min_size: Some(1),
            max_size: Some(9),
            newer_than: "2024-05-01T12:00:00Z".parse().ok(),
            older_than: "2024-05-01T12:00:05Z".parse().ok(),
            keys: None,
        };
        assert_eq!(
            criteria.to_string(),
            "--exclude '*.tmp' --include 'keep.tmp' --exclude-from 'ignored' --min-size 1B \
             --max-size 9B --newer-than 2024-05-01T12:00:00Z --older-than 2024-05-01T12:00:05Z"
        );
        let location = "http://server/bucket".parse::<Location>().unwrap_err();
        assert!(
            location
                .to_string()
                .contains("the server with --endpoint-url")
        );
        let address = AddressError::NoUrl("server".to_owned()).hint();
        assert!(
            address
                .to_string()
                .starts_with("write --endpoint-url http://")
        );
        let checksum = hint!("try {} none for this server", Setting::Checksums);
        assert_eq!(checksum.to_string(), "try --checksum none for this server");
        let verify = hint!("run {} after a backup", Setting::VerifyBytes);
        assert_eq!(
            verify.to_string(),
            "run `s3mirror verify --read` after a backup"
        );
    }
}
