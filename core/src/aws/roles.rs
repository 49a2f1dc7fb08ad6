//! Roles and their sessions: each is assumed once, however many runs of a `Sharer` act as it.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::{
    ProvideCredentials, Result as Provided, SharedCredentialsProvider, future,
};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use parking_lot::Mutex;

use super::clients::Account;
use super::config::with_own_identities;
use super::pin::AccountPin;
use super::{Identity, sts, trace};
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, Region, RoleArn};

/// The input for roles of targets.
pub(crate) const TARGET_ROLE: &str = "target-role";

/// A role, and how it is assumed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Role {
    pub(crate) arn: RoleArn,
    /// Whose STS is asked.
    pub(crate) region: Region,
    /// The name of the session.
    pub(crate) session: String,
    pub(crate) external_id: Option<String>,
    /// The input that names it.
    pub(crate) input: &'static str,
}

impl Role {
    /// What its trust policy must have of an external ID: only roles of targets are given one.
    fn external_id_in_words(&self) -> String {
        match (self.input, &self.external_id) {
            (TARGET_ROLE, Some(_)) => " with the external ID `target-external-id`".to_owned(),
            (TARGET_ROLE, None) => "; set `target-external-id` if it asks".to_owned(),
            (input, _) => format!(" without an external ID, which `{input}` never gives"),
        }
    }
}

/// The sessions so far. A plan and the run that carries it out are one after the other, and assume
/// nothing twice.
#[derive(Debug, Default)]
pub(crate) struct Roles(Mutex<BTreeMap<Role, Session>>);

#[derive(Clone, Debug)]
struct Session {
    /// With credentials that renew themselves, and an identity cache that holds them.
    config: SdkConfig,
    pin: AccountPin,
    /// Known once STS was asked.
    identity: Option<Identity>,
}

impl Roles {
    /// The account of a role, assumed with the source's credentials when it is first used
    /// (`sts:AssumeRole`), and again whenever its session ends.
    pub(crate) fn assume(&self, source: &Account, role: &Role) -> Option<Account> {
        let account = role.arn.account()?;
        let session = self.session(source, role);
        // Nobody asks whose session it is until it is used.
        session.pin.pin(&account, &role.region);
        let identity = session.identity.unwrap_or_else(|| Identity {
            account,
            arn: role.arn.to_string(),
            accepted_in: None,
        });
        Some(source.other(session.config, identity))
    }

    /// The account of a role, which is assumed at once, in its Region or else in the first of
    /// `regions` that is turned on for the account and answers: an error says what kept it from
    /// that, and the identity is that of the session (`sts:AssumeRole`, `sts:GetCallerIdentity`).
    pub(crate) async fn reach(
        &self,
        source: &Account,
        role: &Role,
        regions: &BTreeSet<Region>,
    ) -> Result<Account, Error> {
        let mut reached = self.reach_in_region(source, role).await;
        for region in regions {
            if *region == role.region || !is_about_region(&reached) {
                continue;
            }
            let elsewhere = Role {
                region: region.clone(),
                ..role.clone()
            };
            let answer = self.reach_in_region(source, &elsewhere).await;
            if !is_about_region(&answer) {
                reached = answer;
            }
        }
        reached
    }

    async fn reach_in_region(&self, source: &Account, role: &Role) -> Result<Account, Error> {
        let external_id = role.external_id_in_words();
        if role.arn.account().is_none() {
            let error = sts::not_assumable(&source.identity, &role.arn, &external_id, None);
            return Err(error.in_account(&source.identity.account));
        }
        let session = self.session(source, role);
        if let Some(identity) = session.identity {
            return Ok(source.other(session.config, identity));
        }
        let identity = source.identify(&session.config, &role.region).await;
        let identity = identity
            .map_err(|error| sts::explain_role(error, &source.identity, &role.arn, &external_id))?;
        if role.arn.account().as_ref() != Some(&identity.account) {
            return Err(other_account(role, &identity));
        }
        self.keep(
            role,
            Session {
                identity: Some(identity.clone()),
                ..session.clone()
            },
        );
        Ok(source.other(session.config, identity))
    }

    fn session(&self, source: &Account, role: &Role) -> Session {
        let known = self.0.lock().get(role).cloned();
        if let Some(session) = known {
            return session;
        }
        let pin = AccountPin::default();
        let session = Session {
            config: pin.hold(&assuming(source, role)),
            pin,
            identity: None,
        };
        self.keep(role, session.clone());
        session
    }

    fn keep(&self, role: &Role, session: Session) {
        self.0.lock().insert(role.clone(), session);
    }
}

/// Whether another Region may answer what this one did not.
pub(super) fn is_about_region<T>(answer: &Result<T, Error>) -> bool {
    let about_region = [Code::RegionOff, Code::EndpointUnreachable];
    answer
        .as_ref()
        .is_err_and(|error| about_region.contains(&error.code))
}

/// Credentials by a role. The SDK's provider holds a client of STS, so it is made whenever the role
/// is assumed, which is once an hour.
#[derive(Debug)]
struct RoleCredentials {
    config: SdkConfig,
    /// The account that assumes it.
    caller: AccountId,
    role: Role,
}

impl ProvideCredentials for RoleCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

impl RoleCredentials {
    async fn assume(&self) -> Provided {
        let role = &self.role;
        let mut provider = AssumeRoleProvider::builder(role.arn.as_ref())
            .session_name(&role.session)
            .region(aws_config::Region::new(role.region.to_string()))
            .configure(&self.config);
        if let Some(id) = &role.external_id {
            provider = provider.external_id(id);
        }
        // The future is large.
        let provider = Box::pin(provider.build()).await;
        let traced = trace::Call::begin("sts:AssumeRole", Some(&self.caller), &role.region);
        let provided = provider.provide_credentials().await;
        traced.end_within::<_, AssumeRoleError>(provided.as_ref().map_err(|error| error as _));
        provided
    }
}

/// A configuration whose credentials are those of a role.
fn assuming(source: &Account, role: &Role) -> SdkConfig {
    let config = source.config(&role.region);
    let credentials = RoleCredentials {
        config: config.clone(),
        caller: source.identity.account.clone(),
        role: role.clone(),
    };
    with_own_identities(&config)
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// The error of a session that is not one of the role's account.
fn other_account(role: &Role, identity: &Identity) -> Error {
    let message = format!(
        "the session of {} belongs to account {}, says STS",
        role.arn, identity.account
    );
    let error = Error::new(Code::AwsUnexpected, message)
        .remedy("check AWS_ENDPOINT_URL, if it is set: what answers there is not STS")
        .on(&role.arn);
    match role.arn.account() {
        Some(account) => error.at(&account, &role.region),
        None => error,
    }
}
