//! The SDK's client as bear wants it: the user's own credentials and region, one TLS stack, and no retries but ours.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use bear_core::fleet::Foundation;

/// How long it may take to reach EC2. How long an answer may take, `call` says.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A client with the credentials that the AWS tools use as well: the environment, the profile with its SSO, its
/// `credential_process` or its role, the container, the machine. It makes no request of EC2.
pub(crate) async fn of(foundation: &Foundation) -> Client {
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_WITHIN).build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(https)
        .region(Region::new(foundation.region.clone()))
        .timeout_config(timeouts);
    if let Some(profile) = &foundation.profile {
        loader = loader.profile_name(profile);
    }
    let shared = loader.load().await;
    // Only for EC2: credentials come from the real STS and SSO whatever stands here.
    let mut config = aws_sdk_ec2::config::Builder::from(&shared).retry_config(RetryConfig::disabled());
    if let Some(url) = &foundation.endpoint_url {
        config = config.endpoint_url(url);
    }
    Client::from_conf(config.build())
}
