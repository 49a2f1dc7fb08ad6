//! The SDK's configuration: what the caller set stays, what is left open gets our retries and
//! timeouts.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::IdentityCache;
use aws_sdk_ec2::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::TlsContext;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::answers::{self, Secrets};
use super::local_settings::{self, InvalidSetting};
use super::trust;
use crate::id::{AccountId, Region};

/// Enough to ride out a minute of throttling; with the first pause at 0.2 s, an endpoint that
/// cannot be reached is given up after about 15 s.
const ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Of each attempt; the run's own deadline bounds the whole.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// What `aws_config` fills in by itself: finding it does not mean that the caller set it.
const SDK_CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// Loads the SDK's configuration from the environment as the action does: one HTTP client with the
/// environment's proxy settings and trusted certificates for all services, and this tool's
/// application name.
///
/// # Errors
///
/// A variable or the profile has a setting that cannot be taken.
pub async fn load_config() -> Result<SdkConfig, InvalidSetting> {
    let settings = local_settings::read().await?;
    let trusted = match settings.ca_bundle {
        Some((name, path)) => trust::read_bundle(&path).map_err(|why| InvalidSetting {
            name,
            reason: format!("it names {why}"),
        })?,
        None => TlsContext::default(),
    };
    let client = http_client(trusted);
    // The SDK's own sources of credentials call STS too, and their errors are shown.
    let of_credentials = answers::checked(client.clone(), Secrets::default());
    let mut loader =
        aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(of_credentials);
    if let Ok(name) = AppName::new(concat!("ami-share-", env!("CARGO_PKG_VERSION"))) {
        loader = loader.app_name(name);
    }
    // Calls of this library are looked at by `with_defaults`.
    Ok(loader.load().await.to_builder().http_client(client).build())
}

fn http_client(trusted: TlsContext) -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::AwsLc,
            ))
            .tls_context(trusted.clone())
            .proxy_config(ProxyConfig::from_env())
            .enable_tcp_nodelay(true);
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.build()
    })
}

/// The caller's configuration, with our retries and timeouts where the caller set none, and an
/// identity cache of its own. Every answer is looked at, and repeats no secret of the run.
pub(crate) fn with_defaults(config: &SdkConfig, secrets: &Secrets) -> SdkConfig {
    let client = match config.http_client() {
        Some(client) => client,
        None => http_client(TlsContext::default()),
    };
    with_own_identities(config)
        .to_builder()
        .http_client(answers::checked(client, secrets.clone()))
        .retry_config(retries(config))
        .timeout_config(timeouts(config))
        .build()
}

/// A configuration with an identity cache of its own: the SDK's shared one holds 64 identities,
/// fewer than the accounts of a large organization.
pub(crate) fn with_own_identities(config: &SdkConfig) -> SdkConfig {
    config
        .to_builder()
        .identity_cache(IdentityCache::lazy().build())
        .build()
}

fn retries(config: &SdkConfig) -> RetryConfig {
    let set_in_code = config.get_origin("retry_config").is_client_config();
    match config.retry_config() {
        // A setting from the environment or a profile has no origin: it is recognized because it
        // differs from the SDK's default.
        Some(set) if set_in_code || *set != RetryConfig::standard() => set.clone(),
        _ => RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(FIRST_PAUSE)
            .with_max_backoff(LONGEST_PAUSE),
    }
}

fn timeouts(config: &SdkConfig) -> TimeoutConfig {
    let ours = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    let Some(set) = config.timeout_config() else {
        return ours;
    };
    let mut timeouts = set.to_builder();
    if set.connect_timeout() == Some(SDK_CONNECT_TIMEOUT) {
        timeouts.set_connect_timeout(Some(CONNECT_TIMEOUT));
    }
    let mut timeouts = timeouts.build();
    timeouts.take_defaults_from(&ours);
    timeouts
}

pub(super) fn in_region(config: &SdkConfig, region: &Region) -> SdkConfig {
    config
        .to_builder()
        .region(aws_config::Region::new(region.to_string()))
        .build()
}

/// The SDK shares one retry budget among all accounts of a service and Region; here each has its
/// own. It has no end: the attempts of each call have one, and the run has its deadline.
pub(super) fn retry_partition(
    service: &str,
    account: &AccountId,
    region: &Region,
) -> RetryPartition {
    RetryPartition::custom(format!("ami-share-{service}-{region}-{account}"))
        .token_bucket(TokenBucket::unlimited())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_own_defaults(config: &SdkConfig) -> SdkConfig {
        with_defaults(config, &Secrets::default())
    }

    #[test]
    fn caller_settings_stay_and_open_ones_get_defaults() {
        let open = with_own_defaults(&SdkConfig::builder().build());
        assert_eq!(open.retry_config().unwrap().max_attempts(), ATTEMPTS);
        let timeouts = open.timeout_config().unwrap();
        assert_eq!(timeouts.connect_timeout(), Some(CONNECT_TIMEOUT));
        assert_eq!(timeouts.operation_attempt_timeout(), Some(ATTEMPT_TIMEOUT));

        let second = Duration::from_secs(1);
        let set = SdkConfig::builder()
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(TimeoutConfig::builder().read_timeout(second).build())
            .build();
        let set = with_own_defaults(&set);
        assert_eq!(set.retry_config().unwrap().max_attempts(), 2);
        let timeouts = set.timeout_config().unwrap();
        assert_eq!(timeouts.read_timeout(), Some(second));
        assert_eq!(timeouts.operation_attempt_timeout(), Some(ATTEMPT_TIMEOUT));
    }

    #[tokio::test]
    async fn loader_settings_stay_and_sdk_defaults_do_not() {
        let loader = || aws_config::defaults(BehaviorVersion::v2026_01_12()).no_credentials();
        let open = with_own_defaults(&loader().load().await);
        assert_eq!(open.retry_config().unwrap().max_attempts(), ATTEMPTS);
        let connect = open.timeout_config().unwrap().connect_timeout();
        assert_eq!(connect, Some(CONNECT_TIMEOUT));

        let set = loader().retry_config(RetryConfig::standard()).load().await;
        let sdk_own = RetryConfig::standard().max_attempts();
        assert_eq!(
            with_own_defaults(&set)
                .retry_config()
                .unwrap()
                .max_attempts(),
            sdk_own
        );
    }
}
