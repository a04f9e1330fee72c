//! An S3 server to test against, whichever it is.

use std::collections::BTreeMap;

use super::{Content, Stored, content, servers::Limits};

/// A server with buckets, and a way to them that doesn't lead through s3mirror.
pub(crate) trait Server: Sync {
    /// As people call it.
    fn name(&self) -> &'static str;
    fn url(&self) -> String;
    /// The access key and its secret.
    fn credentials(&self) -> (&str, &str);
    fn region(&self) -> &'static str {
        "us-east-1"
    }
    /// What it cannot do, unlike S3.
    fn limits(&self) -> &Limits {
        &Limits::S3
    }
    /// The options that it needs and that `doctor` names.
    fn options(&self) -> &'static [&'static str] {
        &[]
    }
    fn create_bucket(&self, bucket: &str);
    fn put(&self, bucket: &str, key: &str, content: &[u8]);
    fn objects(&self, bucket: &str) -> BTreeMap<String, Stored>;

    /// The keys of uploads in parts that were begun and neither completed nor
    /// aborted, where the server tells.
    fn unfinished_uploads(&self, bucket: &str) -> Option<Vec<String>>;

    /// The operation of every request so far, where the server tells.
    fn requests(&self) -> Option<Vec<&'static str>> {
        None
    }
}

/// A bucket that no other test uses.
pub(crate) struct Bucket<'s> {
    pub(crate) server: &'s dyn Server,
    pub(crate) name: String,
}

impl<'s> Bucket<'s> {
    pub(crate) fn fresh(server: &'s dyn Server) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static BUCKETS: AtomicU32 = AtomicU32::new(0);
        let name = format!("e2e-bucket-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
        server.create_bucket(&name);
        Self { server, name }
    }

    /// Puts an object there as another client does.
    pub(crate) fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        self.server.put(&self.name, key, content.as_ref());
    }

    /// Every object with bytes and time.
    pub(crate) fn objects(&self) -> BTreeMap<String, Stored> {
        self.server.objects(&self.name)
    }

    /// Every object, without the times.
    pub(crate) fn contents(&self) -> BTreeMap<String, Content> {
        content::contents(self.objects())
    }
}
