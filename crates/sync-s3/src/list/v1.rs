//! ListObjects, the first version of listings, for servers that know no other.
//!
//! They ignore the parameters of a ListObjectsV2 that they do not know and answer
//! as if the request were of the first version: a second page would begin with the
//! first key again. So once a page shows that, the same request is sent with the
//! parameters of that version, which continues after a key instead of by a token.

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::error::cause_chain::find;
use crate::list::deserializer::OwnReader;
use crate::list::page_check::Asked;
use crate::list::page_xml::Version;
use crate::list::xml::Unreadable;
use crate::quirks::Quirk;

/// Sends a request for a page, and checks that the page answers it.
pub(crate) async fn send(
    bucket: &Bucket,
    request: ListObjectsV2FluentBuilder,
) -> Result<ListObjectsV2Output, Failure> {
    let begins = Asked::of(&request).is_for_the_first();
    send_as(bucket, request, begins).await
}

/// The same of a request with which a listing begins, maybe after a key.
pub(crate) async fn send_beginning(
    bucket: &Bucket,
    request: ListObjectsV2FluentBuilder,
) -> Result<ListObjectsV2Output, Failure> {
    send_as(bucket, request, true).await
}

async fn send_as(
    bucket: &Bucket,
    request: ListObjectsV2FluentBuilder,
    begins: bool,
) -> Result<ListObjectsV2Output, Failure> {
    if bucket.quirks.has(Quirk::FirstVersionOnly) {
        return send_first(request).await;
    }
    let asked = Asked::of(&request);
    let sent = request.clone().customize();
    match sent.interceptor(OwnReader(Version::Second)).send().await {
        Ok(page) => asked.check(&page).map(|()| page),
        // A server that knew the second version before still does.
        Err(error) if begins && is_first_version(&error) => {
            tracing::info!("the server knows only ListObjects, the first version of listings");
            bucket.quirks.note(Quirk::FirstVersionOnly);
            send_first(request).await
        }
        Err(error) => Err(Failure::from(error)),
    }
}

fn is_first_version(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(find(error), Some(Unreadable::FirstVersion))
}

async fn send_first(request: ListObjectsV2FluentBuilder) -> Result<ListObjectsV2Output, Failure> {
    let asked = Asked::of(&request).in_first_version();
    let sent = request
        .customize()
        .interceptor(OwnReader(Version::First))
        .mutate_request(|request| {
            let uri = in_first_version(request.uri());
            set_uri(request, uri);
        })
        .send()
        .await;
    let page = sent?;
    asked.check(&page)?;
    Ok(page)
}

/// Cannot fail: the parts come from a valid address.
fn set_uri(request: &mut HttpRequest, uri: String) {
    if let Err(error) = request.set_uri(uri) {
        tracing::debug!(%error, "cannot change an address");
    }
}

/// The address of a ListObjectsV2 as that of a ListObjects.
fn in_first_version(uri: &str) -> String {
    let Some((path, query)) = uri.split_once('?') else {
        return uri.to_owned();
    };
    let parameters = query.split('&').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name {
            "list-type" => None,
            "start-after" | "continuation-token" => Some(format!("marker={value}")),
            _ => Some(parameter.to_owned()),
        }
    });
    [path, "?", &parameters.collect::<Vec<_>>().join("&")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_the_same_in_the_first_version() {
        for (second, first) in [
            ("/?list-type=2&prefix=p%2F", "/?prefix=p%2F"),
            (
                "/?list-type=2&max-keys=1&start-after=a%26b",
                "/?max-keys=1&marker=a%26b",
            ),
            ("/?continuation-token=a&list-type=2", "/?marker=a"),
        ] {
            assert_eq!(in_first_version(second), first);
        }
    }
}
