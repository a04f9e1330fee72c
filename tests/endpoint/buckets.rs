//! Operations on buckets themselves.

use s3s::{
    S3Result,
    dto::{
        Bucket as BucketEntry, BucketLocationConstraint, BucketVersioningStatus,
        CreateBucketOutput, DeleteBucketOutput, GetBucketLocationOutput, GetBucketVersioningOutput,
        HeadBucketOutput, ListBucketsOutput, Owner, PutBucketVersioningInput,
        PutBucketVersioningOutput,
    },
    s3_error,
};

use crate::{
    OWNER, conditions::timestamp, error::malformed_xml, list_versions::RawXml, state::State,
};

/// The region of a server without one of its own.
const DEFAULT_REGION: &str = "us-east-1";

impl State {
    pub(crate) fn list_buckets(&self) -> ListBucketsOutput {
        let buckets = self.buckets();
        let entries = buckets.iter().map(|(name, bucket)| BucketEntry {
            name: Some(name.clone()),
            creation_date: Some(timestamp(bucket.created)),
            ..BucketEntry::default()
        });
        ListBucketsOutput {
            buckets: Some(entries.collect()),
            owner: Some(owner()),
            ..ListBucketsOutput::default()
        }
    }

    pub(crate) fn make_bucket(&self, name: &str) -> S3Result<CreateBucketOutput> {
        let bucket = self.new_bucket();
        let mut buckets = self.buckets();
        if buckets.contains_key(name) {
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        buckets.insert(name.to_owned(), bucket);
        Ok(CreateBucketOutput {
            location: Some(format!("/{name}")),
        })
    }

    pub(crate) fn head_bucket(&self, name: &str) -> S3Result<HeadBucketOutput> {
        let region = self.region().to_owned();
        self.with_bucket(name, |_| {
            Ok(HeadBucketOutput {
                bucket_region: Some(region),
                ..HeadBucketOutput::default()
            })
        })
    }

    pub(crate) fn bucket_location(&self, name: &str) -> S3Result<GetBucketLocationOutput> {
        // By tradition, us-east-1 has no name here.
        let region = Some(self.region()).filter(|region| *region != DEFAULT_REGION);
        let location_constraint =
            region.map(|region| BucketLocationConstraint::from(region.to_owned()));
        self.with_bucket(name, |_| {
            Ok(GetBucketLocationOutput {
                location_constraint,
            })
        })
    }

    pub(crate) fn bucket_versioning(&self, name: &str) -> S3Result<GetBucketVersioningOutput> {
        self.with_bucket(name, |bucket| {
            Ok(GetBucketVersioningOutput {
                status: bucket.versioning.map(BucketVersioningStatus::from_static),
                ..GetBucketVersioningOutput::default()
            })
        })
    }

    pub(crate) fn put_bucket_versioning(
        &self,
        input: &PutBucketVersioningInput,
    ) -> S3Result<PutBucketVersioningOutput> {
        let status = input.versioning_configuration.status.as_ref();
        let status = match status.map(BucketVersioningStatus::as_str) {
            Some("Enabled") => "Enabled",
            Some("Suspended") => "Suspended",
            _ => return Err(malformed_xml()),
        };
        self.with_bucket(&input.bucket, |bucket| {
            bucket.versioning = Some(status);
            Ok(PutBucketVersioningOutput::default())
        })
    }

    pub(crate) fn lifecycle(&self, name: &str) -> S3Result<RawXml> {
        self.with_bucket(name, |bucket| match &bucket.lifecycle {
            Some(rules) => Ok(RawXml(format!(
                "<LifecycleConfiguration>{rules}</LifecycleConfiguration>"
            ))),
            None => Err(s3_error!(
                NoSuchLifecycleConfiguration,
                "The lifecycle configuration does not exist"
            )),
        })
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> S3Result<DeleteBucketOutput> {
        self.with_bucket(name, |bucket| {
            match bucket.objects.is_empty() && bucket.history.is_empty() {
                true => Ok(()),
                false => Err(s3_error!(
                    BucketNotEmpty,
                    "The bucket you tried to delete is not empty"
                )),
            }
        })?;
        self.buckets().remove(name);
        Ok(DeleteBucketOutput::default())
    }

    fn region(&self) -> &str {
        self.config.region.as_deref().unwrap_or(DEFAULT_REGION)
    }
}

/// Everything has the same owner.
pub(crate) fn owner() -> Owner {
    Owner {
        display_name: None,
        id: Some(OWNER.to_owned()),
    }
}
