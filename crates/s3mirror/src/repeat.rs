//! What it takes to run a restore again that was not completed.

use sync_core::{
    execute::OnSourceChange,
    plan::{Deletions, MaxDelete, Plan},
    rule::Compare,
};
use sync_fs::FsOptions;
use sync_s3::S3Options;

use crate::options::MirrorOptions;
use crate::part::Part;
use crate::state::restore_mark::{How, RepeatedBy};

/// What a restore is, beside its places and its selection.
pub(crate) fn how(
    options: &MirrorOptions,
    plan: &Plan,
    part: &Part,
    on_source_change: OnSourceChange,
) -> How {
    // A plan that was made just now, not a saved one.
    let is_plain = on_source_change == OnSourceChange::CopyLatest
        && plan.header().selection.is_empty()
        && plan.header().range.is_all()
        && is_by_default(options);
    How {
        at: options.bucket.at,
        repeated_by: if part.run().is_some() {
            RepeatedBy::ClusterRun
        } else if is_plain {
            RepeatedBy::Places
        } else {
            RepeatedBy::Options
        },
    }
}

/// Whether nothing but the places is set of what decides what a restore writes and deletes,
/// and whether it can: how fast and how durable it is does not count.
fn is_by_default(options: &MirrorOptions) -> bool {
    options.compare == Compare::default()
        && options.deletions == Deletions::default()
        && options.max_delete == MaxDelete::default()
        && !options.allow_empty_source
        && options.trash.is_none()
        && options.state_dir.is_none()
        && files(options.files) == files(FsOptions::default())
        && is_reached_by_default(&options.bucket)
}

fn files(options: FsOptions) -> FsOptions {
    FsOptions {
        durability: FsOptions::default().durability,
        ..options
    }
}

fn is_reached_by_default(bucket: &S3Options) -> bool {
    let default = S3Options::new(bucket.location.clone());
    let choices = |bucket: &S3Options| {
        (
            [bucket.path_style, bucket.lists_in_order],
            (bucket.access, bucket.payer, bucket.conditions),
        )
    };
    bucket.at.is_none()
        && bucket.region.is_none()
        && bucket.profile.is_none()
        && bucket.ca_bundle.is_none()
        && bucket.customer_key_file.is_none()
        && bucket.expected_owner.is_none()
        && choices(bucket) == choices(&default)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use sync_core::Direction;
    use sync_fs::{Durability, SymlinkMode};
    use sync_s3::{Access, Choice, Conditions, Payer};

    use super::*;

    fn with(set: impl FnOnce(&mut MirrorOptions)) -> bool {
        let bucket = "s3://bucket/data".parse().unwrap();
        let mut options = MirrorOptions::new(Direction::Restore, "/srv", bucket);
        set(&mut options);
        is_by_default(&options)
    }

    #[test]
    fn only_speed_and_durability_leave_a_restore_the_same() {
        assert!(with(|_| ()));
        assert!(with(|it| it.concurrency = Some(1)));
        assert!(with(|it| it.bucket.max_attempts = 1));
        assert!(with(|it| it.files.durability = Durability::None));
        assert!(with(
            |it| it.bucket.endpoint_url = Some("http://host".to_owned())
        ));
        let set: [fn(&mut MirrorOptions); 17] = [
            |it| it.compare = Compare::ExactTimes,
            |it| it.deletions = Deletions::Off,
            |it| it.max_delete = MaxDelete::Entries(1),
            |it| it.allow_empty_source = true,
            |it| it.trash = Some(PathBuf::from("/trash")),
            |it| it.state_dir = Some(PathBuf::from("/state")),
            |it| it.files.symlinks = SymlinkMode::Skip,
            |it| it.bucket.at = Some(std::time::SystemTime::now().into()),
            |it| it.bucket.region = Some("eu-west-1".to_owned()),
            |it| it.bucket.profile = Some("work".to_owned()),
            |it| it.bucket.ca_bundle = Some(PathBuf::from("/ca")),
            |it| it.bucket.customer_key_file = Some(PathBuf::from("/key")),
            |it| it.bucket.expected_owner = Some("123456789012".to_owned()),
            |it| it.bucket.path_style = Choice::Never,
            |it| it.bucket.access = Access::Anonymous,
            |it| it.bucket.payer = Payer::Requester,
            |it| it.bucket.conditions = Conditions::Client,
        ];
        for (number, set) in set.into_iter().enumerate() {
            assert!(!with(set), "{number}");
        }
    }
}
