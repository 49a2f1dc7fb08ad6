//! Clients per account and Region, and the SDK's settings that every one of them shares.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::IdentityCache;
use aws_sdk_ec2::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::Semaphore;

use crate::aws::ec2::Ec2;
use crate::aws::kms::Kms;
use crate::aws::{Caller, Identity, sts, timeouts};
use crate::error::Error;
use crate::id::{AccountId, Region};
use crate::inventory::Place;

/// Enough to ride out a minute of throttling; with the first pause at 0.2 s, an endpoint that cannot be reached is
/// given up after about 15 s.
const ATTEMPTS: u32 = 8;

/// The source account in one Region.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) place: Place,
    pub(crate) ec2: Ec2,
    pub(crate) kms: Kms,
}

impl Account {
    /// Asks STS whose credentials these are (`sts:GetCallerIdentity`), and makes that account's clients.
    pub(crate) async fn connect(config: &SdkConfig, region: &Region, max_concurrency: usize) -> Result<Self, Error> {
        let config = configured(config, region);
        let permits = Arc::new(Semaphore::new(max_concurrency.clamp(1, Semaphore::MAX_PERMITS)));
        let mut caller = Caller { identity: None, region: region.clone(), permits };
        let identity = sts::caller_identity(&aws_sdk_sts::Client::new(&config), &caller).await?;
        let account = identity.account.clone();
        caller.identity = Some(identity);
        Ok(Self {
            ec2: Ec2 { client: ec2_client(&config, &account, region), caller: caller.clone() },
            kms: Kms { client: kms_client(&config, &account, region), caller },
            place: Place { account, region: region.clone() },
        })
    }

    /// Who AWS says we are.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.ec2.caller.identity.as_ref()
    }
}

/// The caller's configuration with our Region, retries and timeouts, and an identity cache of its own.
fn configured(config: &SdkConfig, region: &Region) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(20));
    config
        .to_builder()
        .region(aws_config::Region::new(region.to_string()))
        .retry_config(retries)
        .timeout_config(timeouts())
        // The SDK's shared cache holds 64 identities, fewer than the accounts of a large organization.
        .identity_cache(IdentityCache::lazy().build())
        .build()
}

/// The SDK shares one retry budget among all accounts of a service and Region; here one throttled account does not
/// use up the others'.
fn partition(service: &str, account: &AccountId, region: &Region) -> RetryPartition {
    RetryPartition::custom(format!("ami-share-{service}-{region}-{account}"))
        .token_bucket(TokenBucket::default())
        .build()
}

fn ec2_client(config: &SdkConfig, account: &AccountId, region: &Region) -> aws_sdk_ec2::Client {
    let builder = aws_sdk_ec2::config::Builder::from(config).retry_partition(partition("ec2", account, region));
    aws_sdk_ec2::Client::from_conf(builder.build())
}

fn kms_client(config: &SdkConfig, account: &AccountId, region: &Region) -> aws_sdk_kms::Client {
    let builder = aws_sdk_kms::config::Builder::from(config).retry_partition(partition("kms", account, region));
    aws_sdk_kms::Client::from_conf(builder.build())
}

/// Loads the SDK's configuration from the environment as the action does: one HTTP client with the environment's
/// proxy settings for all services, and this tool's application name.
pub async fn load_config() -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client());
    if let Ok(name) = AppName::new(concat!("ami-share-", env!("CARGO_PKG_VERSION"))) {
        loader = loader.app_name(name);
    }
    loader.load().await
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .proxy_config(ProxyConfig::from_env())
            .enable_tcp_nodelay(true);
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.build()
    })
}
