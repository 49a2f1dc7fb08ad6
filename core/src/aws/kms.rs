//! KMS: keys, their policies and grants.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::types::{
    GrantListEntry, GrantOperation, KeyManagerType, KeyMetadata, KeySpec, KeyState as SdkKeyState,
    KeyUsageType,
};

use super::on_demand::OnDemand;
use super::pages::Pages;
use super::unreadable::{Unreadable, present, read};
use super::{Caller, accept_codes};
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, KeyArn, KeyRef};
use crate::inventory::{Grant, Key, KeyState, RamPolicy};
use crate::limits::{GRANT_PAGE_SIZE, LARGEST_KEY_POLICY};
use crate::policy::launch_operations::{SERVICE_ROLE_OPERATIONS, launch_grant_operations};

const PUT: &str = "kms:PutKeyPolicy";
/// Members of a grant.
const GRANTEE: &str = "GranteePrincipal";
const ISSUER: &str = "IssuingAccount";

/// KMS in one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Kms {
    pub(crate) client: OnDemand<aws_sdk_kms::Client>,
    pub(crate) caller: Caller,
}

/// The outcome of a put.
#[derive(Clone, Debug)]
pub(crate) enum Put {
    Done,
    /// The answer was lost, or says nothing: the put may have taken effect or not.
    Unknown(Box<Error>),
}

impl Kms {
    /// The key behind an ID, an alias or an ARN, without its policy (`kms:DescribeKey`).
    pub(crate) async fn describe_key(&self, key: &str) -> Result<Key, Error> {
        const ACTION: &str = "kms:DescribeKey";
        let call = || self.client.get().describe_key().key_id(key).send();
        let answer = self.caller.send(ACTION, Some(key), call).await?;
        let described = convert_key(answer.key_metadata())
            .map_err(|unreadable| self.caller.unreadable(ACTION, &unreadable.of(key)))?;
        if !self.is_meant(key, &described.arn) {
            let message = format!("{ACTION} answered another key: {}", described.arn);
            return Err(self.caller.unexpected(key, message));
        }
        Ok(described)
    }

    /// Whether a key can be the one that a name means: an ARN names its account and Region, and any
    /// other name means those of the caller.
    fn is_meant(&self, name: &str, key: &KeyArn) -> bool {
        if let Ok(arn) = name.parse::<KeyArn>() {
            return arn == *key;
        }
        let named: Option<KeyRef> = name.parse().ok();
        let named = named.as_ref();
        let own_account = self.caller.identity.as_ref().map(|own| &own.account);
        let account = named.and_then(KeyRef::account).or(own_account);
        let region = named
            .and_then(KeyRef::region)
            .unwrap_or(&self.caller.region);
        account.is_none_or(|account| account == key.account()) && region == key.region()
    }

    /// The text of the key's policy (`kms:GetKeyPolicy`).
    pub(crate) async fn key_policy(&self, key: &KeyArn) -> Result<String, Error> {
        self.policy_named("default", key).await
    }

    async fn policy_named(&self, name: &str, key: &KeyArn) -> Result<String, Error> {
        const ACTION: &str = "kms:GetKeyPolicy";
        let call = || {
            self.client
                .get()
                .get_key_policy()
                .key_id(key.as_ref())
                .policy_name(name)
                .send()
        };
        let answer = self.caller.send(ACTION, Some(key.as_ref()), call).await?;
        let policy = present("Policy", answer.policy).and_then(|policy| {
            let is_read = policy.len() <= LARGEST_KEY_POLICY;
            is_read
                .then_some(policy)
                .ok_or_else(|| Unreadable::unknown("Policy", "more text than any key policy has"))
        });
        policy.map_err(|unreadable| {
            let unreadable = unreadable.of(key.as_ref());
            self.caller.unreadable(ACTION, &unreadable)
        })
    }

    /// The text of the policy by which AWS RAM shares the key; `None` if it does not
    /// (`kms:GetKeyPolicy`, R3.2.8).
    pub(crate) async fn ram_policy(&self, key: &KeyArn) -> Result<Option<String>, Error> {
        match self.policy_named("AWS_RAM", key).await {
            Err(error) if error.is_aws(&["NotFoundException"]) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Waits until a policy may be put.
    pub(crate) async fn turn_to_put(&self) {
        self.caller.turn(PUT).await;
    }

    /// Replaces the key's policy, within a time (`kms:PutKeyPolicy`).
    ///
    /// Wait for [`Self::turn_to_put`] before the read.
    ///
    /// Sent without retries: one by the SDK could take effect long after the read that the policy
    /// was made from, and undo what others wrote in between. Sent without waiting for other calls:
    /// the read would age.
    pub(crate) async fn put_key_policy(
        &self,
        key: &KeyArn,
        policy: &str,
        within: Duration,
    ) -> Result<Put, Error> {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(within)
            .operation_attempt_timeout(within)
            .build();
        let once = aws_sdk_kms::config::Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        let call = self
            .client
            .get()
            .put_key_policy()
            .key_id(key.as_ref())
            .policy_name("default")
            .policy(policy)
            .customize()
            .config_override(once)
            .send();
        let answer = self
            .caller
            .send_at_once(PUT, Some(key.as_ref()), call)
            .await;
        match answer {
            Ok(_) => Ok(Put::Done),
            Err(error) if is_lost(error.code) => Ok(Put::Unknown(Box::new(error))),
            Err(error) => Err(error),
        }
    }

    /// Every grant of the key (`kms:ListGrants`).
    pub(crate) async fn grants(&self, key: &KeyArn) -> Result<Vec<Grant>, Error> {
        const ACTION: &str = "kms:ListGrants";
        let mut grants = Vec::new();
        let call = || self.client.get().list_grants().key_id(key.as_ref());
        let pages = move || {
            call()
                .limit(GRANT_PAGE_SIZE)
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, Some(key.as_ref())), pages, |page| {
            (page.grants().len(), page.next_marker())
        });
        while let Some(page) = pages.next().await? {
            for grant in page.grants() {
                let grant = convert_grant(grant).map_err(|unreadable| {
                    let unreadable = unreadable.of(key.as_ref());
                    self.caller.unreadable(ACTION, &unreadable)
                });
                grants.push(grant?);
            }
        }
        Ok(grants)
    }

    /// Gives an account a grant of exactly what AWS publishes for launches and copies (R1.4.2,
    /// R4.1). A repeat with the same name is the same grant (`kms:CreateGrant`, R3.3.4).
    pub(crate) async fn create_grant(
        &self,
        key: &KeyArn,
        account: &AccountId,
        name: &str,
    ) -> Result<(), Error> {
        let grantee = self.caller.region.partition().account_root(account);
        self.grant(key, &grantee, name, &launch_grant_operations())
            .await
    }

    /// Gives a grantee a grant of what AWS publishes for service-linked roles that launch instances
    /// (R4.11): such a role, or an account that passes the grant on to its own (R3.3.9)
    /// (`kms:CreateGrant`).
    pub(crate) async fn create_service_grant(
        &self,
        key: &KeyArn,
        grantee: &str,
        name: &str,
    ) -> Result<(), Error> {
        self.grant(key, grantee, name, &SERVICE_ROLE_OPERATIONS)
            .await
    }

    async fn grant(
        &self,
        key: &KeyArn,
        grantee: &str,
        name: &str,
        operations: &[&str],
    ) -> Result<(), Error> {
        let operations = operations.iter().map(|name| GrantOperation::from(*name));
        let call = || {
            self.client
                .get()
                .create_grant()
                .key_id(key.as_ref())
                .grantee_principal(grantee)
                .name(name)
                .set_operations(Some(operations.collect()))
                .send()
        };
        self.caller
            .send("kms:CreateGrant", Some(key.as_ref()), call)
            .await
            .map(drop)
    }

    /// Revokes a grant; one that does not exist is no error (`kms:RevokeGrant`).
    pub(crate) async fn revoke_grant(&self, key: &KeyArn, id: &str) -> Result<(), Error> {
        let call = || {
            self.client
                .get()
                .revoke_grant()
                .key_id(key.as_ref())
                .grant_id(id)
                .send()
        };
        let answer = self
            .caller
            .send("kms:RevokeGrant", Some(key.as_ref()), call)
            .await;
        accept_codes(answer, &["NotFoundException", "InvalidGrantIdException"])
    }
}

fn convert_key(metadata: Option<&KeyMetadata>) -> Result<Key, Unreadable> {
    let metadata = present("KeyMetadata", metadata)?;
    let manager = present("KeyManager", metadata.key_manager())?;
    let is_for_encryption =
        present("KeyUsage", metadata.key_usage())? == &KeyUsageType::EncryptDecrypt;
    let is_symmetric = present("KeySpec", metadata.key_spec())? == &KeySpec::SymmetricDefault;
    Ok(Key {
        arn: read("Arn", metadata.arn())?,
        aws_managed: match manager {
            KeyManagerType::Aws => true,
            KeyManagerType::Customer => false,
            other => return Err(Unreadable::unknown("KeyManager", other.as_str())),
        },
        state: key_state(present("KeyState", metadata.key_state())?),
        symmetric: is_for_encryption && is_symmetric,
        description: metadata.description().unwrap_or_default().to_owned(),
        policy: None,
        ram_policy: RamPolicy::NotRead,
        grants: None,
    })
}

fn key_state(state: &SdkKeyState) -> KeyState {
    match state {
        SdkKeyState::Enabled | SdkKeyState::Updating => KeyState::Enabled,
        SdkKeyState::Disabled => KeyState::Disabled,
        SdkKeyState::PendingDeletion | SdkKeyState::PendingReplicaDeletion => {
            KeyState::PendingDeletion
        }
        other => KeyState::Other(other.as_str().to_owned()),
    }
}

fn convert_grant(grant: &GrantListEntry) -> Result<Grant, Unreadable> {
    let operations = convert_operations(grant)?;
    let service = grant.grantee_service_principal();
    let grantee = present(GRANTEE, grant.grantee_principal().or(service))?;
    if !is_known_grantee(grantee) {
        return Err(Unreadable::unknown(GRANTEE, grantee));
    }
    let issuer = present(ISSUER, grant.issuing_account())?;
    if !is_arn_of_account(issuer) {
        return Err(Unreadable::unknown(ISSUER, issuer));
    }
    Ok(Grant {
        id: present("GrantId", grant.grant_id())?.to_owned(),
        name: grant.name().unwrap_or_default().to_owned(),
        grantee: grantee.to_owned(),
        for_service: service.is_some(),
        issuer: issuer.to_owned(),
        operations,
        constrained: grant.constraints().is_some(),
    })
}

/// What a grant allows: always something, and nothing that this version cannot judge.
fn convert_operations(grant: &GrantListEntry) -> Result<BTreeSet<String>, Unreadable> {
    const MEMBER: &str = "Operations";
    let mut operations = BTreeSet::new();
    for operation in grant.operations() {
        let name = operation.as_str();
        if !GrantOperation::values().contains(&name) {
            return Err(Unreadable::unknown(MEMBER, name));
        }
        operations.insert(name.to_owned());
    }
    if operations.is_empty() {
        return Err(Unreadable::missing(MEMBER));
    }
    Ok(operations)
}

/// Whether a grantee has a form that AWS uses: an ARN, the name of a service, or the unique ID of a
/// principal that was deleted, perhaps with the name of a session (R3.2.6).
fn is_known_grantee(grantee: &str) -> bool {
    let unique_id = grantee.split(':').next().unwrap_or_default();
    let is_unique_id = unique_id.len() >= 16
        && unique_id.starts_with('A')
        && unique_id
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let is_service = grantee.contains('.') && !grantee.contains([':', '/', ' ']);
    is_arn_of_account(grantee) || is_service || is_unique_id
}

fn is_arn_of_account(text: &str) -> bool {
    let mut parts = text.split(':');
    let is_account = |text: &str| text.parse::<AccountId>().is_ok();
    parts.next() == Some("arn") && parts.nth(3).is_some_and(is_account)
}

/// Whether an error says nothing of what became of the call.
fn is_lost(code: Code) -> bool {
    matches!(
        code,
        Code::EndpointUnreachable
            | Code::AwsUnavailable
            | Code::AwsUnexpected
            | Code::AwsUnreadable
    )
}
