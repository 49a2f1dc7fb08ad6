//! KMS: keys, their policies and grants.

use std::time::Duration;

use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::types::{
    GrantOperation, KeyManagerType, KeySpec, KeyState as SdkKeyState, KeyUsageType,
};

use super::Caller;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, KeyArn};
use crate::inventory::{Grant, Key, KeyState};
use crate::limits::GRANT_PAGE_SIZE;
use crate::policy::key_policy::SERVICE_OPERATIONS;

/// How long a put may be under way: whoever read before it has put within 7 s of that read (design
/// section 6).
const PUT_TIMEOUT: Duration = Duration::from_secs(5);

const LAUNCH: [GrantOperation; 6] = [
    GrantOperation::DescribeKey,
    GrantOperation::Decrypt,
    GrantOperation::ReEncryptFrom,
    GrantOperation::ReEncryptTo,
    GrantOperation::GenerateDataKeyWithoutPlaintext,
    GrantOperation::CreateGrant,
];

/// KMS in one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Kms {
    pub(crate) client: aws_sdk_kms::Client,
    pub(crate) caller: Caller,
}

/// What became of a put.
#[derive(Clone, Debug)]
pub(crate) enum Put {
    Done,
    /// The answer was lost: it may have taken effect or not.
    Unknown,
}

impl Kms {
    /// The key behind an ID, an alias or an ARN, without its policy (`kms:DescribeKey`).
    pub(crate) async fn describe_key(&self, key: &str) -> Result<Key, Error> {
        const ACTION: &str = "kms:DescribeKey";
        let answer = self
            .caller
            .send(
                ACTION,
                Some(key),
                self.client.describe_key().key_id(key).send(),
            )
            .await?;
        let metadata = answer.key_metadata();
        let arn = metadata.and_then(|metadata| metadata.arn()?.parse::<KeyArn>().ok());
        let (Some(metadata), Some(arn)) = (metadata, arn) else {
            return Err(self.unexpected(key, "a key without an ARN"));
        };
        let state = match metadata.key_state() {
            Some(SdkKeyState::Enabled | SdkKeyState::Updating) => KeyState::Enabled,
            Some(SdkKeyState::Disabled) => KeyState::Disabled,
            Some(SdkKeyState::PendingDeletion | SdkKeyState::PendingReplicaDeletion) => {
                KeyState::PendingDeletion
            }
            other => KeyState::Other(other.map_or("unknown", SdkKeyState::as_str).to_owned()),
        };
        Ok(Key {
            arn,
            aws_managed: metadata.key_manager() == Some(&KeyManagerType::Aws),
            state,
            symmetric: metadata.key_usage() == Some(&KeyUsageType::EncryptDecrypt)
                && metadata
                    .key_spec()
                    .is_none_or(|spec| *spec == KeySpec::SymmetricDefault),
            description: metadata.description().unwrap_or_default().to_owned(),
            policy: None,
            grants: None,
        })
    }

    /// The text of the key's policy (`kms:GetKeyPolicy`).
    pub(crate) async fn key_policy(&self, key: &KeyArn) -> Result<String, Error> {
        const ACTION: &str = "kms:GetKeyPolicy";
        let call = self
            .client
            .get_key_policy()
            .key_id(key.as_ref())
            .policy_name("default")
            .send();
        let answer = self.caller.send(ACTION, Some(key.as_ref()), call).await?;
        answer
            .policy
            .ok_or_else(|| self.unexpected(key.as_ref(), "no policy"))
    }

    /// Replaces the key's policy (`kms:PutKeyPolicy`). Sent once: a retry by the SDK could land
    /// long after the read that it was made from, and undo what others wrote in between. Sent at
    /// once: waiting for other calls would age the read.
    pub(crate) async fn put_key_policy(&self, key: &KeyArn, policy: &str) -> Result<Put, Error> {
        const ACTION: &str = "kms:PutKeyPolicy";
        let once = aws_sdk_kms::config::Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_timeout(PUT_TIMEOUT)
                    .operation_attempt_timeout(PUT_TIMEOUT)
                    .build(),
            );
        let call = self
            .client
            .put_key_policy()
            .key_id(key.as_ref())
            .policy_name("default")
            .policy(policy)
            .customize()
            .config_override(once)
            .send();
        match self
            .caller
            .send_at_once(ACTION, Some(key.as_ref()), call)
            .await
        {
            Ok(_) => Ok(Put::Done),
            Err(error)
                if error.code == Code::EndpointUnreachable
                    || error.is_aws(&["KMSInternalException", "DependencyTimeoutException"]) =>
            {
                Ok(Put::Unknown)
            }
            Err(error) => Err(error),
        }
    }

    /// Every grant of the key (`kms:ListGrants`).
    pub(crate) async fn grants(&self, key: &KeyArn) -> Result<Vec<Grant>, Error> {
        let (mut grants, mut marker) = (Vec::new(), None);
        loop {
            let call = self
                .client
                .list_grants()
                .key_id(key.as_ref())
                .limit(GRANT_PAGE_SIZE)
                .set_marker(marker)
                .send();
            let answer = self
                .caller
                .send("kms:ListGrants", Some(key.as_ref()), call)
                .await?;
            grants.extend(answer.grants().iter().filter_map(|grant| {
                Some(Grant {
                    id: grant.grant_id()?.to_owned(),
                    name: grant.name().unwrap_or_default().to_owned(),
                    grantee: grant.grantee_principal().unwrap_or_default().to_owned(),
                    issuer: grant.issuing_account().unwrap_or_default().to_owned(),
                    operations: grant
                        .operations()
                        .iter()
                        .map(|operation| operation.as_str().to_owned())
                        .collect(),
                    constrained: grant.constraints().is_some(),
                })
            }));
            marker = answer.next_marker.filter(|_| answer.truncated);
            if marker.is_none() {
                return Ok(grants);
            }
        }
    }

    /// Lets an account do exactly what AWS publishes for launches and copies (R1.4.2, R4.1). A
    /// repeat with the same name is the same grant (`kms:CreateGrant`, R3.3.4).
    pub(crate) async fn create_grant(
        &self,
        key: &KeyArn,
        account: &AccountId,
        name: &str,
    ) -> Result<(), Error> {
        let grantee = self.caller.region.partition().account_root(account);
        self.grant(key, &grantee, name, &LAUNCH).await
    }

    /// Lets somebody do what AWS publishes for service-linked roles that launch instances (R4.11),
    /// or an account hand that on to its own (R3.3.9).
    pub(crate) async fn create_service_grant(
        &self,
        key: &KeyArn,
        grantee: &str,
        name: &str,
    ) -> Result<(), Error> {
        let operations: Vec<GrantOperation> = SERVICE_OPERATIONS
            .iter()
            .map(|name| GrantOperation::from(*name))
            .collect();
        self.grant(key, grantee, name, &operations).await
    }

    async fn grant(
        &self,
        key: &KeyArn,
        grantee: &str,
        name: &str,
        operations: &[GrantOperation],
    ) -> Result<(), Error> {
        let call = self
            .client
            .create_grant()
            .key_id(key.as_ref())
            .grantee_principal(grantee)
            .name(name);
        let call = call.set_operations(Some(operations.to_vec())).send();
        self.caller
            .send("kms:CreateGrant", Some(key.as_ref()), call)
            .await
            .map(|_| ())
    }

    /// Ends a grant; one that is gone is no error (`kms:RevokeGrant`).
    pub(crate) async fn revoke_grant(&self, key: &KeyArn, id: &str) -> Result<(), Error> {
        let call = self
            .client
            .revoke_grant()
            .key_id(key.as_ref())
            .grant_id(id)
            .send();
        match self
            .caller
            .send("kms:RevokeGrant", Some(key.as_ref()), call)
            .await
        {
            Err(error) if !error.is_aws(&["NotFoundException", "InvalidGrantIdException"]) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    fn unexpected(&self, key: &str, what: &str) -> Error {
        self.caller
            .unexpected(key, format!("KMS answered with {what}"))
    }
}
