//! Clients per account and Region.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_ec2::config::retry::RetryPartition;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::config::{in_region, retry_partition};
use super::ec2::Ec2;
use super::final_errors::LimitsAreFinal;
use super::iam::Iam;
use super::kms::Kms;
use super::on_demand::{Kept, OnDemand};
use super::organizations::Organizations;
use super::pace::{Pace, Paces, RetryThrottled};
use super::ssm::Ssm;
use super::{Caller, Identity, sts};
use crate::diagnostic::{Code, Error};
use crate::id::{AccountRegion, Region};
use crate::limits::CONCURRENT_SNAPSHOT_COPIES;

/// The clients of one account in one Region.
#[derive(Debug)]
pub(crate) struct RegionClients {
    pub(crate) location: AccountRegion,
    pub(crate) identity: Identity,
    pub(crate) ec2: Ec2,
    pub(crate) iam: Iam,
    pub(crate) kms: Kms,
    pub(crate) organizations: Organizations,
    pub(crate) ssm: Ssm,
    /// A permit for each snapshot that may be copied into this Region at once.
    pub(crate) snapshot_copies: Semaphore,
}

/// One account, by the credentials for it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) identity: Identity,
    config: SdkConfig,
    permits: Arc<Semaphore>,
    paces: Arc<Paces>,
    kept: Arc<Kept>,
    regions: Mutex<BTreeMap<Region, Arc<RegionClients>>>,
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
    let client = aws_sdk_sts::Client::new(&in_region(config, region));
    let caller = Caller {
        identity: None,
        region: region.clone(),
        permits,
        pace: None,
    };
    sts::caller_identity(&client, &caller).await
}

impl Account {
    /// The account that the credentials of a configuration belong to.
    pub(crate) fn new(
        config: &SdkConfig,
        identity: &Identity,
        max_concurrency: usize,
        paces: &Arc<Paces>,
    ) -> Self {
        let permits = max_concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            identity: identity.clone(),
            config: config.clone(),
            permits: Arc::new(Semaphore::new(permits)),
            paces: Arc::clone(paces),
            kept: Arc::default(),
            regions: Mutex::default(),
        }
    }

    /// Another account, by a configuration made from this one's; its calls count among this one's.
    pub(super) fn other(&self, config: SdkConfig, identity: Identity) -> Self {
        Self {
            identity,
            config,
            permits: Arc::clone(&self.permits),
            paces: Arc::clone(&self.paces),
            kept: Arc::clone(&self.kept),
            regions: Mutex::default(),
        }
    }

    /// The paces of this account and of all that act for it.
    pub(crate) fn paces(&self) -> &Paces {
        &self.paces
    }

    /// The configuration for a Region.
    pub(super) fn config(&self, region: &Region) -> SdkConfig {
        in_region(&self.config, region)
    }

    /// Asks STS whose credentials another configuration has, as one of this account's calls
    /// (`sts:GetCallerIdentity`).
    pub(super) async fn identify(
        &self,
        config: &SdkConfig,
        region: &Region,
    ) -> Result<Identity, Error> {
        identify(config, region, Arc::clone(&self.permits)).await
    }

    /// Fails if a Region is not turned on for the account (`sts:GetCallerIdentity`, which needs no
    /// permission).
    pub(crate) async fn check_region(&self, region: &Region) -> Result<(), Error> {
        let client = aws_sdk_sts::Client::new(&self.config(region));
        let caller = Caller {
            identity: Some(self.identity.clone()),
            region: region.clone(),
            permits: Arc::clone(&self.permits),
            pace: None,
        };
        match sts::caller_identity(&client, &caller).await {
            Err(error) if error.code == Code::RegionOff => Err(error),
            _ => Ok(()),
        }
    }

    /// The account in a Region.
    pub(crate) fn in_region(&self, region: &Region) -> Arc<RegionClients> {
        let mut regions = self.regions.lock();
        let clients = regions
            .entry(region.clone())
            .or_insert_with(|| Arc::new(self.clients(region)));
        Arc::clone(clients)
    }

    fn clients(&self, region: &Region) -> RegionClients {
        let location = AccountRegion {
            account: self.identity.account.clone(),
            region: region.clone(),
        };
        let pace = self.paces.of(&location);
        let caller = Caller {
            identity: Some(self.identity.clone()),
            region: region.clone(),
            permits: Arc::clone(&self.permits),
            pace: Some(Arc::clone(&pace)),
        };
        let settings = Arc::new(Settings {
            config: self.config(region),
            location: location.clone(),
            pace,
        });
        let kept = &self.kept;
        RegionClients {
            location,
            identity: self.identity.clone(),
            ec2: Ec2 {
                client: settings.on_demand(kept, Settings::ec2),
                caller: caller.clone(),
            },
            iam: Iam {
                client: settings.on_demand(kept, Settings::iam),
                caller: caller.clone(),
            },
            kms: Kms {
                client: settings.on_demand(kept, Settings::kms),
                caller: caller.clone(),
            },
            organizations: Organizations {
                client: settings.on_demand(kept, Settings::organizations),
                caller: caller.clone(),
            },
            ssm: Ssm {
                client: settings.on_demand(kept, Settings::ssm),
                caller,
            },
            snapshot_copies: Semaphore::new(CONCURRENT_SNAPSHOT_COPIES),
        }
    }

    /// The time by the clock that signs this account's calls, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        let source = self.config.time_source();
        let now = source.map_or_else(SystemTime::now, |source| source.now());
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    /// Whether the credentials are a session's that nothing renews and that does not say when it
    /// ends, such as one that an earlier step left in the environment.
    pub(crate) async fn has_fixed_session(&self) -> bool {
        let Some(provider) = self.config.credentials_provider() else {
            return false;
        };
        match provider.provide_credentials().await {
            Ok(credentials) => {
                credentials.session_token().is_some() && credentials.expiry().is_none()
            }
            Err(_) => false,
        }
    }
}

/// What the clients of one account in one Region are made from.
struct Settings {
    config: SdkConfig,
    location: AccountRegion,
    pace: Arc<Pace>,
}

impl Settings {
    fn on_demand<C: Clone + Send + 'static>(
        self: &Arc<Self>,
        kept: &Arc<Kept>,
        make: fn(&Self) -> C,
    ) -> OnDemand<C> {
        let settings = Arc::clone(self);
        OnDemand::new(kept, move || make(&settings))
    }

    fn ec2(&self) -> aws_sdk_ec2::Client {
        let config = aws_sdk_ec2::config::Builder::from(&self.config)
            .retry_partition(self.retry_partition("ec2"))
            .interceptor(self.retry_throttled("ec2"));
        aws_sdk_ec2::Client::from_conf(config.build())
    }

    fn iam(&self) -> aws_sdk_iam::Client {
        let config = aws_sdk_iam::config::Builder::from(&self.config)
            .retry_partition(self.retry_partition("iam"))
            .interceptor(self.retry_throttled("iam"));
        aws_sdk_iam::Client::from_conf(config.build())
    }

    fn kms(&self) -> aws_sdk_kms::Client {
        let config = aws_sdk_kms::config::Builder::from(&self.config)
            .retry_partition(self.retry_partition("kms"))
            .interceptor(self.retry_throttled("kms"))
            .retry_classifier(LimitsAreFinal);
        aws_sdk_kms::Client::from_conf(config.build())
    }

    fn organizations(&self) -> aws_sdk_organizations::Client {
        let config = aws_sdk_organizations::config::Builder::from(&self.config)
            .retry_partition(self.retry_partition("organizations"))
            .interceptor(self.retry_throttled("organizations"));
        aws_sdk_organizations::Client::from_conf(config.build())
    }

    fn ssm(&self) -> aws_sdk_ssm::Client {
        let config = aws_sdk_ssm::config::Builder::from(&self.config)
            .retry_partition(self.retry_partition("ssm"))
            .interceptor(self.retry_throttled("ssm"));
        aws_sdk_ssm::Client::from_conf(config.build())
    }

    fn retry_partition(&self, service: &str) -> RetryPartition {
        retry_partition(service, &self.location.account, &self.location.region)
    }

    fn retry_throttled(&self, service: &'static str) -> RetryThrottled {
        let retries = self.config.retry_config();
        RetryThrottled {
            pace: Arc::clone(&self.pace),
            service,
            retries: retries.cloned().unwrap_or_else(RetryConfig::standard),
        }
    }
}
