//! Keys, and who has access to them.

use std::collections::BTreeSet;

use crate::diagnostic::Error;
use crate::id::{AccountId, KeyArn, Partition};
use crate::policy::evaluate::{CalledBy, Caller, Decision, KeyCall, evaluate};
use crate::policy::key_policy::{KeyPolicy, PolicyPrincipal};
use crate::policy::launch_call::launch_context;
use crate::policy::launch_operations::{DISCLOSING_ACTIONS, operation_of};

/// A KMS key as `DescribeKey` and `GetKeyPolicy` answer it.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) arn: KeyArn,
    pub(crate) aws_managed: bool,
    pub(crate) state: KeyState,
    /// Symmetric and for encryption: all that EBS takes (R1.3.6).
    pub(crate) symmetric: bool,
    pub(crate) description: String,
    /// The policy, or why it cannot be read as one. `None` if the plan does not need it.
    pub(crate) policy: Option<Result<KeyPolicy, String>>,
    /// The policy by which AWS RAM shares the key.
    pub(crate) ram_policy: RamPolicy,
    /// Every grant of the key. `None` if the plan does not need them.
    pub(crate) grants: Option<Vec<Grant>>,
}

impl Key {
    /// A key of another account that shows nothing of it.
    pub(crate) fn unseen(arn: &KeyArn) -> Self {
        Self {
            arn: arn.clone(),
            aws_managed: false,
            state: KeyState::Unseen,
            symmetric: true,
            description: String::new(),
            policy: None,
            ram_policy: RamPolicy::NotRead,
            grants: None,
        }
    }

    /// The policy, if it was read and is one.
    pub(crate) fn readable_policy(&self) -> Option<&KeyPolicy> {
        self.policy.as_ref()?.as_ref().ok()
    }

    /// The grants that were read.
    pub(crate) fn known_grants(&self) -> &[Grant] {
        self.grants.as_deref().unwrap_or_default()
    }

    /// The principals that have access by statements of this tool.
    pub(crate) fn granted_principals(&self) -> BTreeSet<PolicyPrincipal> {
        let policy = self.readable_policy();
        let granted = policy.map(|policy| policy.granted_principals(&self.arn));
        granted.unwrap_or_default().into_owned()
    }

    /// The Sid or number of a statement that this tool did not write and by which a principal may
    /// use the key.
    pub(crate) fn foreign_statement(&self, principal: &PolicyPrincipal) -> Option<String> {
        self.foreign_statement_of(self.readable_policy()?, principal)
    }

    /// The same in one of the key's policies.
    pub(crate) fn foreign_statement_of(
        &self,
        policy: &KeyPolicy,
        principal: &PolicyPrincipal,
    ) -> Option<String> {
        match self.any_of(principal) {
            Some(caller) => policy.other_way_of(&self.arn, CalledBy::Caller(&caller)),
            None => policy.other_way_of(&self.arn, CalledBy::Member(principal)),
        }
    }

    /// Whether statements that this tool did not write surely let an account attach volumes.
    pub(crate) fn others_let_attach(&self, account: &AccountId) -> bool {
        let Some(policy) = self.readable_policy() else {
            return false;
        };
        let caller = self.any_of(&PolicyPrincipal::Account(account.clone()));
        caller.is_some_and(|caller| policy.others_let_attach(&self.arn, &caller))
    }

    /// Whether the policy surely allows a caller these actions for a launch, whatever the policies
    /// of the caller's account say.
    pub(crate) fn policy_suffices(&self, caller: &Caller, actions: &[&str]) -> bool {
        let Some(policy) = self.readable_policy() else {
            return false;
        };
        let (by, statements) = (CalledBy::Caller(caller), policy.statements());
        actions.iter().all(|action| {
            let call = KeyCall {
                by,
                key: &self.arn,
                action,
                context: &launch_context(by, &self.arn, action),
            };
            evaluate(statements, &call) == Decision::Direct
        })
    }

    /// Any principal of an account; an organization has no account that is known.
    pub(crate) fn any_of(&self, principal: &PolicyPrincipal) -> Option<Caller> {
        Self::any_principal(&self.arn, principal)
    }

    /// The same of a key of which nothing is known but its ARN.
    pub(crate) fn any_principal(arn: &KeyArn, principal: &PolicyPrincipal) -> Option<Caller> {
        let PolicyPrincipal::Account(account) = principal else {
            return None;
        };
        Some(Caller {
            account: account.clone(),
            arn: arn.region().partition().account_root(account),
        })
    }

    /// The accounts that have access which a revoke can remove: by a statement of this tool, or by
    /// a grant.
    pub(crate) fn accounts_with_access(&self) -> BTreeSet<AccountId> {
        let mut accounts = BTreeSet::new();
        for principal in self.granted_principals() {
            if let PolicyPrincipal::Account(account) = principal {
                accounts.insert(account);
            }
        }
        let grants = self.known_grants().iter();
        accounts.extend(grants.filter_map(Grant::grantee_account));
        accounts
    }

    /// The accounts whose instances use the key: EC2 holds grants on it that were made for them.
    pub(crate) fn accounts_with_instances(&self) -> BTreeSet<AccountId> {
        let grants = self.known_grants().iter();
        let of_services = grants.filter(|grant| grant.is_held_by_service());
        of_services.filter_map(Grant::issuer_account).collect()
    }
}

/// The policy by which AWS RAM shares a key: only RAM changes it (R3.2.8).
#[derive(Clone, Debug)]
pub(crate) enum RamPolicy {
    /// The plan does not need it.
    NotRead,
    /// RAM does not share the key.
    None,
    /// Whom RAM lets use the key.
    Some(KeyPolicy),
    /// It could not be read: why.
    Unknown(String),
}

impl RamPolicy {
    /// What AWS answered.
    pub(crate) fn of(answer: Result<Option<String>, Error>) -> Self {
        match answer {
            Ok(None) => Self::None,
            Ok(Some(text)) => match KeyPolicy::parse(&text) {
                Ok(policy) => Self::Some(policy),
                Err(error) => Self::Unknown(error.to_string()),
            },
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}

/// The states of a key that this tool distinguishes (R3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion,
    Other(String),
    /// Unknown, because the key belongs to another account that does not let this one read it.
    Unseen,
}

impl KeyState {
    /// What is wrong with a key in this state, to follow its name; `None` if nothing is known to
    /// be.
    pub(crate) fn problem(&self) -> Option<String> {
        match self {
            Self::Enabled | Self::Unseen => None,
            Self::Disabled => Some("is disabled".to_owned()),
            Self::PendingDeletion => Some("is pending deletion".to_owned()),
            Self::Other(state) => Some(format!("is in state `{state}`")),
        }
    }
}

/// A grant as `ListGrants` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) grantee: String,
    /// Whether the grantee is a service that the grant was made for by name (R3.3.11).
    pub(crate) for_service: bool,
    /// The account or principal that made it.
    pub(crate) issuer: String,
    /// The operations of KMS that it allows.
    pub(crate) operations: BTreeSet<String>,
    /// Whether it is limited to an encryption context or a source.
    pub(crate) constrained: bool,
}

impl Grant {
    /// Whether the grantee is an AWS service, or the identity that EC2 gives to an instance (R4.3).
    pub(crate) fn is_held_by_service(&self) -> bool {
        let service = Partition::is_service(&self.grantee);
        self.for_service || service || self.grantee.contains(":assumed-role/aws:")
    }

    /// The grantee if it is an account, as in the grants that this tool makes.
    pub(crate) fn grantee_account(&self) -> Option<AccountId> {
        self.grantee
            .strip_suffix(":root")?
            .rsplit(':')
            .next()?
            .parse()
            .ok()
    }

    /// The account that the grantee is, or belongs to.
    pub(crate) fn account_of_grantee(&self) -> Option<AccountId> {
        self.grantee.split(':').nth(4)?.parse().ok()
    }

    /// Whether the grantee can read by it what is under the key.
    pub(crate) fn discloses_data(&self) -> bool {
        let mut actions = DISCLOSING_ACTIONS.iter();
        actions.any(|action| self.operations.contains(operation_of(action)))
    }

    /// Whether the grantee can attach volumes by it: EC2 makes a grant of its own from it, to
    /// decrypt (R4.1).
    pub(crate) fn allows_attaching(&self) -> bool {
        !self.constrained
            && self.operations.contains("CreateGrant")
            && self.operations.contains("Decrypt")
    }

    /// The account that made it.
    pub(crate) fn issuer_account(&self) -> Option<AccountId> {
        self.issuer.split(':').nth(4)?.parse().ok()
    }

    /// Whether this account made it.
    pub(crate) fn is_issued_by(&self, account: &AccountId) -> bool {
        self.issuer_account().as_ref() == Some(account)
    }
}
