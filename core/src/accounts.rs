//! Clients per account and Region, and the SDK's settings that every one of them shares.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_ec2::config::IdentityCache;
use aws_sdk_ec2::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::Semaphore;

use crate::aws::ec2::Ec2;
use crate::aws::iam::Iam;
use crate::aws::kms::Kms;
use crate::aws::ssm::Ssm;
use crate::aws::{Caller, Identity, sts, timeouts};
use crate::error::Error;
use crate::id::{AccountId, Region};
use crate::inventory::Place;
use crate::watch::Watcher;

/// Enough to ride out a minute of throttling; with the first pause at 0.2 s, an endpoint that
/// cannot be reached is given up after about 15 s.
const ATTEMPTS: u32 = 8;

/// One account in one Region.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) place: Place,
    pub(crate) identity: Identity,
    pub(crate) ec2: Ec2,
    pub(crate) iam: Iam,
    pub(crate) kms: Kms,
    pub(crate) ssm: Ssm,
    pub(crate) watcher: Watcher,
    /// How many snapshots may be copied to here at once (R1.5.10).
    pub(crate) copies: Semaphore,
}

/// How many snapshots AWS copies at once to one Region of an account (R1.5.10).
pub(crate) const COPIES_AT_ONCE: u32 = 20;

/// One account, by the credentials for it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) identity: Identity,
    config: SdkConfig,
    permits: Arc<Semaphore>,
    sites: Mutex<BTreeMap<Region, Arc<Site>>>,
}

/// Asks STS whose credentials these are (`sts:GetCallerIdentity`).
pub(crate) async fn identity(config: &SdkConfig, region: &Region) -> Result<Identity, Error> {
    identify(config, region, Arc::new(Semaphore::new(1))).await
}

async fn identify(
    config: &SdkConfig,
    region: &Region,
    permits: Arc<Semaphore>,
) -> Result<Identity, Error> {
    let caller = Caller {
        identity: None,
        region: region.clone(),
        permits,
    };
    sts::caller_identity(
        &aws_sdk_sts::Client::new(&in_region(config, region)),
        &caller,
    )
    .await
}

impl Account {
    /// The account that the credentials of a [`configured`] configuration belong to.
    pub(crate) fn new(config: &SdkConfig, identity: &Identity, max_concurrency: usize) -> Self {
        let permits = Arc::new(Semaphore::new(
            max_concurrency.clamp(1, Semaphore::MAX_PERMITS),
        ));
        Self {
            identity: identity.clone(),
            config: config.clone(),
            permits,
            sites: Mutex::default(),
        }
    }

    /// Another account, by a configuration made from this one's; its calls count among this one's.
    pub(crate) fn other(&self, config: SdkConfig, identity: Identity) -> Self {
        Self {
            identity,
            config,
            permits: Arc::clone(&self.permits),
            sites: Mutex::default(),
        }
    }

    /// The configuration for a Region.
    pub(crate) fn config(&self, region: &Region) -> SdkConfig {
        in_region(&self.config, region)
    }

    /// Asks STS whose credentials another configuration has, as one of this account's calls
    /// (`sts:GetCallerIdentity`).
    pub(crate) async fn identify(
        &self,
        config: &SdkConfig,
        region: &Region,
    ) -> Result<Identity, Error> {
        identify(config, region, Arc::clone(&self.permits)).await
    }

    /// The account in a Region.
    pub(crate) fn site(&self, region: &Region) -> Arc<Site> {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        let site = sites
            .entry(region.clone())
            .or_insert_with(|| Arc::new(self.make(region)));
        Arc::clone(site)
    }

    fn make(&self, region: &Region) -> Site {
        let (config, account) = (in_region(&self.config, region), &self.identity.account);
        let caller = Caller {
            identity: Some(self.identity.clone()),
            region: region.clone(),
            permits: Arc::clone(&self.permits),
        };
        let ec2 = aws_sdk_ec2::config::Builder::from(&config)
            .retry_partition(partition("ec2", account, region));
        let kms = aws_sdk_kms::config::Builder::from(&config)
            .retry_partition(partition("kms", account, region));
        Site {
            place: Place {
                account: account.clone(),
                region: region.clone(),
            },
            identity: self.identity.clone(),
            ec2: Ec2 {
                client: aws_sdk_ec2::Client::from_conf(ec2.build()),
                caller: caller.clone(),
            },
            iam: Iam {
                client: aws_sdk_iam::Client::new(&config),
                caller: caller.clone(),
            },
            kms: Kms {
                client: aws_sdk_kms::Client::from_conf(kms.build()),
                caller: caller.clone(),
            },
            ssm: Ssm {
                client: aws_sdk_ssm::Client::new(&config),
                caller,
            },
            watcher: Watcher::default(),
            copies: Semaphore::new(COPIES_AT_ONCE as usize),
        }
    }

    /// Whether the credentials are a session's that nothing renews and that does not say when it
    /// ends, such as one that an earlier step left in the environment.
    pub(crate) async fn has_fixed_session(&self) -> bool {
        let Some(provider) = self.config.credentials_provider() else {
            return false;
        };
        let found = provider.provide_credentials().await;
        found.is_ok_and(|credentials| {
            credentials.session_token().is_some() && credentials.expiry().is_none()
        })
    }
}

/// The caller's configuration with our retries and timeouts, and an identity cache of its own.
pub(crate) fn configured(config: &SdkConfig) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(20));
    config
        .to_builder()
        .retry_config(retries)
        .timeout_config(timeouts())
        // The SDK's shared cache holds 64 identities, fewer than the accounts of a large
        // organization.
        .identity_cache(IdentityCache::lazy().build())
        .build()
}

fn in_region(config: &SdkConfig, region: &Region) -> SdkConfig {
    config
        .to_builder()
        .region(aws_config::Region::new(region.to_string()))
        .build()
}

/// The SDK shares one retry budget among all accounts of a service and Region; here one throttled
/// account does not use up the others'.
fn partition(service: &str, account: &AccountId, region: &Region) -> RetryPartition {
    RetryPartition::custom(format!("ami-share-{service}-{region}-{account}"))
        .token_bucket(TokenBucket::default())
        .build()
}

/// Loads the SDK's configuration from the environment as the action does: one HTTP client with the
/// environment's proxy settings for all services, and this tool's application name.
pub async fn load_config() -> SdkConfig {
    let mut loader =
        aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client());
    if let Ok(name) = AppName::new(concat!("ami-share-", env!("CARGO_PKG_VERSION"))) {
        loader = loader.app_name(name);
    }
    loader.load().await
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::AwsLc,
            ))
            .proxy_config(ProxyConfig::from_env())
            .enable_tcp_nodelay(true);
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.build()
    })
}
