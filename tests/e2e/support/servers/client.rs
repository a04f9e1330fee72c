//! A way to a real server that doesn't lead through s3mirror: the SDK as it is.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use aws_sdk_s3::{
    Client as Sdk,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation,
        ResponseChecksumValidation,
    },
    error::{DisplayErrorContext, SdkError},
    types::{
        BucketVersioningStatus, DefaultRetention, EncodingType, ObjectLockConfiguration,
        ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule, VersioningConfiguration,
    },
};
use futures::{StreamExt as _, TryStreamExt as _, future::ready, stream};
use percent_encoding::percent_decode_str;
use tokio::runtime::Runtime;

use super::{Access, Keeping};
use crate::support::Stored;

/// A server that listens may need this long before it stores.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requests at once when a whole bucket is read.
const AT_ONCE: usize = 16;

/// The SDK, for one server.
pub(crate) struct Client {
    sdk: Sdk,
    runtime: Runtime,
}

impl Client {
    pub(crate) fn new(access: &Access) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let credentials = Credentials::new(&access.key, &access.secret, None, None, "tests");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(access.region))
            .credentials_provider(credentials)
            .endpoint_url(&access.url)
            .force_path_style(true)
            // Some servers take a sum behind the body for a part of it.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            // What is stored is compared here, not what is said of it.
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Self {
            sdk: Sdk::from_conf(config),
            runtime,
        }
    }

    /// Runs `work` with the SDK.
    pub(crate) fn block_on<T>(&self, work: impl AsyncFnOnce(&Sdk) -> T) -> T {
        self.runtime.block_on(work(&self.sdk))
    }

    /// The port may be open before there is anything to write to.
    pub(crate) fn wait_until_it_stores(&self) -> Result<(), String> {
        let start = Instant::now();
        let (bucket, key) = ("e2e-warm-up", "ready");
        loop {
            let answer = self.block_on(async |sdk| {
                let _ = sdk.create_bucket().bucket(bucket).send().await;
                sdk.put_object().bucket(bucket).key(key).send().await
            });
            match answer {
                Ok(_) => return Ok(()),
                Err(error) if start.elapsed() > PATIENCE => {
                    return Err(format!("it stores nothing: {}", DisplayErrorContext(error)));
                }
                Err(_) => thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    pub(crate) fn create_bucket(&self, bucket: &str) {
        let created = self.block_on(async |sdk| sdk.create_bucket().bucket(bucket).send().await);
        created.unwrap_or_else(|error| panic!("{bucket}: {}", DisplayErrorContext(error)));
    }

    pub(crate) fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        let put = self.block_on(async |sdk| {
            let put = sdk.put_object().bucket(bucket).key(key);
            put.body(content.to_vec().into()).send().await
        });
        put.unwrap_or_else(|error| panic!("{key}: {}", DisplayErrorContext(error)));
    }

    pub(super) fn delete(&self, bucket: &str, key: &str) {
        let deleted = self.block_on(async |sdk| {
            let delete = sdk.delete_object().bucket(bucket);
            delete.key(key).send().await
        });
        deleted.unwrap_or_else(|error| panic!("{key}: {}", DisplayErrorContext(error)));
    }

    pub(super) fn set(&self, bucket: &str, keeping: Keeping) -> Result<(), String> {
        let status = match keeping {
            Keeping::Versions => BucketVersioningStatus::Enabled,
            Keeping::Suspended => BucketVersioningStatus::Suspended,
        };
        let configuration = VersioningConfiguration::builder().status(status).build();
        let set = self.block_on(async |sdk| {
            let set = sdk.put_bucket_versioning().bucket(bucket);
            set.versioning_configuration(configuration).send().await
        });
        set.map(drop)
            .map_err(|error| DisplayErrorContext(error).to_string())
    }

    pub(super) fn create_locked_bucket(&self, bucket: &str) -> Result<(), String> {
        let retention = DefaultRetention::builder()
            .mode(ObjectLockRetentionMode::Governance)
            .days(1);
        let rule = ObjectLockRule::builder().default_retention(retention.build());
        let configuration = ObjectLockConfiguration::builder()
            .object_lock_enabled(ObjectLockEnabled::Enabled)
            .rule(rule.build())
            .build();
        self.block_on(async |sdk| {
            let create = sdk.create_bucket().bucket(bucket);
            let created = create.object_lock_enabled_for_bucket(true).send().await;
            created.map_err(|error| DisplayErrorContext(error).to_string())?;
            let put = sdk.put_object_lock_configuration().bucket(bucket);
            let put = put.object_lock_configuration(configuration).send().await;
            put.map_err(|error| DisplayErrorContext(error).to_string())
        })?;
        Ok(())
    }

    /// Allows everything in a bucket to a user whose name AWS would write so.
    pub(super) fn allow(&self, bucket: &str, principal: &str) {
        let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": [principal]},
            "Action": "s3:*",
            "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
        }]});
        let set = self.block_on(async |sdk| {
            let put = sdk.put_bucket_policy().bucket(bucket);
            put.policy(policy.to_string()).send().await
        });
        set.unwrap_or_else(|error| panic!("{bucket}: {}", DisplayErrorContext(error)));
    }

    pub(super) fn versions(&self, bucket: &str) -> Vec<(String, String)> {
        let page =
            self.block_on(async |sdk| sdk.list_object_versions().bucket(bucket).send().await);
        let page = page.unwrap_or_else(|error| panic!("{bucket}: {}", DisplayErrorContext(error)));
        let versions = page.versions().iter().map(|it| (it.key(), it.version_id()));
        let markers = page
            .delete_markers()
            .iter()
            .map(|it| (it.key(), it.version_id()));
        let all = versions.chain(markers);
        all.map(|(key, id)| (key.unwrap().to_owned(), id.unwrap_or_default().to_owned()))
            .collect()
    }

    pub(super) fn unfinished_uploads(&self, bucket: &str) -> Option<Vec<String>> {
        let page =
            self.block_on(async |sdk| sdk.list_multipart_uploads().bucket(bucket).send().await);
        let uploads = page.ok()?.uploads.unwrap_or_default().into_iter();
        uploads.map(|upload| upload.key).collect()
    }

    /// Every object with content and time of the listing.
    pub(crate) fn objects(&self, bucket: &str) -> BTreeMap<String, Stored> {
        self.block_on(async |sdk| {
            let mut listed = Vec::new();
            let mut pages = sdk
                .list_objects_v2()
                .bucket(bucket)
                // XML cannot hold all that a key can.
                .encoding_type(EncodingType::Url)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.unwrap_or_else(|error| panic!("{}", DisplayErrorContext(error)));
                let is_encoded = page.encoding_type == Some(EncodingType::Url);
                listed.extend(page.contents.unwrap_or_default().into_iter().map(|object| {
                    let key = plain(object.key.unwrap(), is_encoded);
                    (key, object.last_modified.unwrap())
                }));
            }
            // Directories of a server that keeps objects as files are listed too,
            // and cannot be read.
            listed.retain(|(key, _)| !key.ends_with('/'));
            let objects = stream::iter(listed).map(async |(key, time)| {
                let get = sdk.get_object().bucket(bucket).key(&key).send().await;
                // Deleted since it was listed, by a run that is at work.
                if let Err(SdkError::ServiceError(error)) = &get
                    && error.err().is_no_such_key()
                {
                    return Ok(None);
                }
                let get = get.map_err(|error| format!("{key}: {}", DisplayErrorContext(error)))?;
                let body = get.body.collect().await;
                let body = body.map_err(|error| format!("{key}: {error}"))?;
                let modified = chrono::DateTime::from_timestamp(time.secs(), time.subsec_nanos());
                let (content, modified) = (body.into_bytes().into(), modified.unwrap());
                Ok::<_, String>(Some((key, Stored { content, modified })))
            });
            let objects = objects.buffer_unordered(AT_ONCE);
            let objects = objects.try_filter_map(|object| ready(Ok(object)));
            objects
                .try_collect()
                .await
                .unwrap_or_else(|error| panic!("{error}"))
        })
    }
}

/// A key as it is, from a listing that may have been asked to encode it.
fn plain(key: String, is_encoded: bool) -> String {
    if !is_encoded {
        return key;
    }
    // Forms are encoded with a plus for a blank, and a plus as an escape.
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8().unwrap().into_owned()
}
