//! Who is let in.

use super::*;
use crate::OWNER;

#[tokio::test]
async fn only_the_right_secret_is_let_in() {
    let endpoint = start();
    let with = |key: &str, secret: &str| {
        let credentials = Credentials::new(key, secret, None, None, "test");
        Client::from_conf(
            settings(&endpoint)
                .credentials_provider(credentials)
                .build(),
        )
    };
    let list = async |client: Client| failure(client.list_objects_v2().bucket(BUCKET).send().await);
    assert_eq!(list(with(ACCESS_KEY, SECRET_KEY)).await.0, 200);
    assert_eq!(
        list(with(ACCESS_KEY, "wrong")).await,
        (403, "SignatureDoesNotMatch".into())
    );
    assert_eq!(
        list(with("AKIDOTHER", SECRET_KEY)).await,
        (403, "InvalidAccessKeyId".into())
    );
}

#[tokio::test]
async fn anonymous_requests_only_if_configured() {
    for (allowed, expected) in [
        (false, (403, "AccessDenied".to_owned())),
        (true, (200, "success".to_owned())),
    ] {
        let endpoint = Endpoint::start(Config {
            anonymous: allowed,
            ..Config::with_bucket(BUCKET)
        })
        .unwrap();
        let client = Client::from_conf(anonymous_settings(&endpoint).allow_no_auth().build());
        let list = client.list_objects_v2().bucket(BUCKET).send().await;
        assert_eq!(failure(list), expected);
    }
}

#[tokio::test]
async fn the_expected_owner_is_compared() {
    let endpoint = start();
    let client = client(&endpoint);
    let list = |owner: &str| {
        client
            .list_objects_v2()
            .bucket(BUCKET)
            .expected_bucket_owner(owner)
            .send()
    };
    list(OWNER).await.unwrap();
    assert_eq!(
        failure(list("000000000000").await),
        (403, "AccessDenied".into())
    );
}

#[tokio::test]
async fn the_right_region_is_told() {
    let config = Config {
        region: Some("eu-central-1".into()),
        ..Config::with_bucket(BUCKET)
    };
    let endpoint = Endpoint::start(config).unwrap();
    let error = client(&endpoint)
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap_err();
    let region = error
        .raw_response()
        .and_then(|response| response.headers().get("x-amz-bucket-region"));
    assert_eq!(region, Some("eu-central-1"));
    assert_eq!(error.code(), Some("AuthorizationHeaderMalformed"));
}
