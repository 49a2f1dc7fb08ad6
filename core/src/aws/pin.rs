//! Credentials that stay those of one account.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{
    ProvideCredentials, Result as Provided, SharedCredentialsProvider, future,
};
use parking_lot::Mutex;

use super::clients;
use super::config::with_own_identities;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, Region};

/// Which account credentials must belong to, from when that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountPin(Arc<Mutex<Pinned>>);

#[derive(Debug, Default)]
struct Pinned {
    /// The account, and the Region whose STS is asked.
    account: Option<(AccountId, Region)>,
    /// The access key that is known to belong to it: the first, or one that STS was asked about.
    access_key: Option<String>,
}

impl AccountPin {
    /// Credentials that renew themselves must belong to this account from now on.
    pub(crate) fn pin(&self, account: &AccountId, region: &Region) {
        self.0.lock().account = Some((account.clone(), region.clone()));
    }

    /// The configuration with its credentials held to the pin.
    pub(crate) fn hold(&self, config: &SdkConfig) -> SdkConfig {
        let Some(inner) = config.credentials_provider() else {
            return config.clone();
        };
        let provider = HeldCredentials {
            inner,
            pin: self.clone(),
            config: config.clone(),
        };
        let provider = SharedCredentialsProvider::new(provider);
        config.to_builder().credentials_provider(provider).build()
    }
}

/// Credentials whose account is asked for whenever they are others than before.
#[derive(Debug)]
struct HeldCredentials {
    inner: SharedCredentialsProvider,
    pin: AccountPin,
    config: SdkConfig,
}

impl ProvideCredentials for HeldCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }
}

impl HeldCredentials {
    async fn provide(&self) -> Provided {
        let credentials = self.inner.provide_credentials().await?;
        check_characters(&credentials).map_err(CredentialsError::provider_error)?;
        let access_key = credentials.access_key_id();
        let pinned = {
            let pinned = self.pin.0.lock();
            if pinned.access_key.as_deref() == Some(access_key) {
                return Ok(credentials);
            }
            pinned.account.clone()
        };
        if let Some((account, region)) = pinned {
            self.check(&credentials, &account, &region)
                .await
                .map_err(CredentialsError::provider_error)?;
        }
        self.pin.0.lock().access_key = Some(access_key.to_owned());
        Ok(credentials)
    }

    /// Fails unless STS says that the credentials belong to the account
    /// (`sts:GetCallerIdentity`).
    async fn check(
        &self,
        credentials: &Credentials,
        account: &AccountId,
        region: &Region,
    ) -> Result<(), Error> {
        let provider = SharedCredentialsProvider::new(credentials.clone());
        let config = with_own_identities(&self.config)
            .to_builder()
            .credentials_provider(provider)
            .build();
        let now = Box::pin(clients::identity(&config, region)).await?;
        if now.account == *account {
            return Ok(());
        }
        let message = format!(
            "the credentials are now those of account {}, and not of account {account} any more",
            now.account
        );
        Err(Error::new(Code::Credentials, message)
            .remedy("check where the credentials come from: they must renew as the same account"))
    }
}

/// The SDK panics where it cannot put them into the headers of a call, as it cannot with the end of
/// a line that was pasted with them.
fn check_characters(credentials: &Credentials) -> Result<(), Error> {
    let token = credentials.session_token().unwrap_or_default();
    for (name, text) in [
        ("access key ID", credentials.access_key_id()),
        ("session token", token),
    ] {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message =
                format!("the {name} of the credentials holds a blank or an odd character");
            return Err(Error::new(Code::Credentials, message)
                .remedy("check where the credentials come from, such as the end of a secret"));
        }
    }
    Ok(())
}
