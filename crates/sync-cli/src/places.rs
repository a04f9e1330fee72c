//! Opens the directory and the bucket that the options name.

use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use sync_core::{Direction, Plan, Result, Selection, Store, printable};
use sync_fs::{FsOptions, FsStore};
use sync_s3::{
    Access, Location, Payer, S3Options, S3Store, UploadJournal, endpoint_address, without_secrets,
};

use crate::options::{ServerArgs, SpeedArgs, SyncArgs};

/// The two stores of a run.
pub(crate) struct Places {
    direction: Direction,
    pub(crate) directory: FsStore,
    pub(crate) bucket: S3Store,
}

impl Places {
    /// Opens both. The directory comes first: where it cannot be used, no
    /// request is made.
    ///
    /// Uploads are noted in `journal`; a run that makes none needs none.
    pub(crate) async fn open(
        direction: Direction,
        args: &SyncArgs,
        selection: &Arc<Selection>,
        journal: Option<Arc<dyn UploadJournal>>,
    ) -> Result<Self> {
        let mut directory = open_directory(direction, args)?.selecting(Arc::clone(selection));
        if let Some(trash) = &args.trash.trash {
            directory = directory.with_trash(trash, now())?;
        }
        let options = S3Options {
            selection: Arc::clone(selection),
            objects: (&args.objects).into(),
            journal,
            ..s3_options(&args.places.bucket, &args.server, &args.speed)
        };
        let bucket = S3Store::connect(options).await?;
        Ok(Self {
            direction,
            directory,
            bucket,
        })
    }

    /// Opens the places in `args`, which `plan` was made of, at the plan's
    /// server: wherever its URL came from when the plan was made, it is now an
    /// option, unless the usual sources lead there by themselves.
    pub(crate) async fn open_planned(
        plan: &Plan,
        args: &mut SyncArgs,
        journal: Option<Arc<dyn UploadJournal>>,
    ) -> anyhow::Result<Self> {
        let origin = plan.header().origin.as_ref();
        let planned = origin.and_then(|origin| origin.endpoint_url.as_deref());
        let server = &mut args.server;
        if server.region.is_none() {
            server.region = origin.and_then(|origin| origin.region.clone());
        }
        let direction = plan.direction();
        // What is not selected has no line in the plan.
        let all = Arc::default();
        let places = Self::open(direction, args, &all, journal.clone()).await?;
        if is_same_url(places.bucket.endpoint_url(), planned) {
            return Ok(places);
        }
        if args.server.endpoint_url.is_none() && planned.is_some() {
            args.server.endpoint_url = planned.map(str::to_owned);
            return Ok(Self::open(direction, args, &all, journal).await?);
        }
        let shown = |url: Option<&str>| {
            url.map_or("AWS".to_owned(), |url| printable(&without_secrets(url)))
        };
        anyhow::bail!(
            "the plan is for the server {}, but --endpoint-url or the AWS configuration names {}",
            shown(planned),
            shown(places.bucket.endpoint_url())
        )
    }

    pub(crate) fn source(&self) -> &dyn Store {
        match self.direction {
            Direction::Backup => &self.directory,
            Direction::Restore => &self.bucket,
        }
    }

    pub(crate) fn target(&self) -> &dyn Store {
        match self.direction {
            Direction::Backup => &self.bucket,
            Direction::Restore => &self.directory,
        }
    }
}

fn is_same_url(one: Option<&str>, other: Option<&str>) -> bool {
    let bare = |url: &str| endpoint_address(url).unwrap_or_else(|_| url.to_owned());
    one.map(bare) == other.map(bare)
}

/// The name of a run in the trash: a time in UTC, without colons, which not
/// every file system takes.
fn now() -> String {
    let now = DateTime::<Utc>::from(SystemTime::now());
    now.format("%Y-%m-%dT%H.%M.%SZ").to_string()
}

fn open_directory(direction: Direction, args: &SyncArgs) -> Result<FsStore> {
    let options = FsOptions {
        symlinks: args.rule.symlinks.into(),
        durability: args.safety.consent.durability.into(),
        check_access: direction == Direction::Backup,
        measure: direction == Direction::Backup,
        ignore_inode: args.rule.identity.ignore_inode,
        ignore_ctime: args.rule.identity.ignore_ctime,
    };
    match direction {
        Direction::Backup => FsStore::open(&args.places.dir, options),
        // A restore makes the directory, once there is something to write.
        Direction::Restore => FsStore::open_or_absent(&args.places.dir, options),
    }
}

/// How the options say that `bucket` is reached, and how fast.
pub(crate) fn s3_options(bucket: &Location, server: &ServerArgs, speed: &SpeedArgs) -> S3Options {
    S3Options {
        max_attempts: speed.max_attempts,
        concurrency: speed.bound_on_requests(),
        bandwidth: speed
            .bwlimit
            .as_ref()
            .and_then(|limit| limit.bandwidth().cloned()),
        ..server_options(bucket, server)
    }
}

/// How the options say that `bucket` is reached.
pub(crate) fn server_options(bucket: &Location, server: &ServerArgs) -> S3Options {
    S3Options {
        region: server.region.clone(),
        profile: server.profile.clone(),
        endpoint_url: server.endpoint_url.clone(),
        ca_bundle: server.ca_bundle.clone(),
        path_style: server.path_style.into(),
        access: if server.no_sign_request {
            Access::Anonymous
        } else {
            Access::Signed
        },
        conditions: server.conditions(),
        checksums: server.checksum.into(),
        sign_payload: server.sign_payload.into(),
        payer: server.request_payer.map(Payer::from).unwrap_or_default(),
        expected_owner: server
            .expected_bucket_owner
            .as_ref()
            .map(|account| account.id().to_owned()),
        ..S3Options::new(bucket.clone())
    }
}
