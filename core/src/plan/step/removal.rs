//! The steps that revoke access.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::PolicyChange;
use crate::diagnostic::names::first_names;
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region, SnapshotId, SourceImage};
use crate::inventory::{Grant, Key};
use crate::plan::names::ImageGrantName;
use crate::plan::own_grant::OwnGrant;
use crate::policy::key_policy::PolicyPrincipal;
use crate::request::{KeyAccessMode, Options};

/// The principals that lose access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Removal {
    /// Everybody.
    Everybody,
    /// These principals.
    These(BTreeSet<Principal>),
    /// Everybody but these principals.
    AllBut(BTreeSet<Principal>),
}

impl Removal {
    /// Whether a principal loses access.
    pub(crate) fn includes(&self, principal: &Principal) -> bool {
        match self {
            Self::Everybody => true,
            Self::These(principals) => principals.contains(principal),
            Self::AllBut(principals) => !principals.contains(principal),
        }
    }

    /// Whether a principal of a key policy is one that the request lists to lose access.
    pub(crate) fn names(&self, principal: &PolicyPrincipal) -> bool {
        matches!(self, Self::These(principals) if lists(principals, principal))
    }

    /// Whether a principal that a key policy names loses access.
    pub(crate) fn includes_policy_principal(&self, principal: &PolicyPrincipal) -> bool {
        match self {
            Self::Everybody => true,
            Self::These(principals) => lists(principals, principal),
            Self::AllBut(principals) => !lists(principals, principal),
        }
    }
}

fn lists(principals: &BTreeSet<Principal>, searched: &PolicyPrincipal) -> bool {
    if let PolicyPrincipal::Account(account) = searched {
        return principals.contains(&Principal::Account(account.clone()));
    }
    let mut listed = principals.iter().filter_map(PolicyPrincipal::of);
    listed.any(|principal| &principal == searched)
}

/// Principals can no longer launch an image or use its snapshots (`ec2:ModifyImageAttribute`,
/// `ec2:ModifySnapshotAttribute`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RemovePermissions {
    /// The image that the request names.
    pub source: SourceImage,
    /// The Region of the shared image.
    pub region: Region,
    /// The shared image: the source itself, or a copy that this tool made of it.
    pub image: AmiId,
    /// The keys of its snapshots.
    pub keys: BTreeSet<KeyArn>,
    /// The principals that lose the permissions.
    pub removal: Removal,
    /// Those of them that have launch permission now.
    pub principals: BTreeSet<Principal>,
    /// Those of them that have create-volume permission now, by snapshot.
    pub snapshots: BTreeMap<SnapshotId, BTreeSet<Principal>>,
    /// The organizations and units that keep launch permission, or everybody.
    #[serde(skip)]
    pub(crate) remaining: BTreeSet<Principal>,
    /// The image's name.
    #[serde(skip)]
    pub(crate) name: String,
    /// All that have launch permission now; `None` if that was not read.
    #[serde(skip)]
    pub(crate) launchers: Option<BTreeSet<Principal>>,
}

/// Principals can no longer use a key (`kms:PutKeyPolicy`, `kms:RevokeGrant`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RemoveKeyAccess {
    /// The key.
    pub key: KeyArn,
    /// The principals that lose access.
    pub removal: Removal,
    /// Those of them that keep it because another shared image or snapshot needs it.
    pub kept: BTreeSet<PolicyPrincipal>,
    /// Those of them that keep it because instances, volumes or snapshots of theirs use the key.
    /// The run fails for these.
    pub in_use: BTreeMap<PolicyPrincipal, KeyUsage>,
    /// Those of them that lose access which they have now by statements of this tool.
    pub principals: BTreeSet<PolicyPrincipal>,
    /// The grants that are revoked: the grantee of each, by the grant's ID.
    pub grants: BTreeMap<String, String>,
    /// The policy before and after the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyChange>,
    /// The shared images under the key.
    #[serde(skip)]
    pub(crate) images: BTreeSet<(Region, AmiId)>,
    /// Accounts that statements of others let make grants: theirs are not by access that is lost.
    #[serde(skip)]
    pub(crate) own_access: BTreeSet<AccountId>,
    /// Whether principals lose access even if something still needs it.
    #[serde(skip)]
    pub(crate) forced: bool,
    /// Those who keep it because they can still launch an image under the key: AWS refused to
    /// change their permission.
    #[serde(skip)]
    pub(crate) launchers: BTreeSet<PolicyPrincipal>,
    /// What of the key was read.
    #[serde(skip)]
    pub(crate) reads: KeyReads,
    /// Whether those who lose access should have some by a statement of this tool: a look that
    /// shows none may be out of date.
    #[serde(skip)]
    pub(crate) expected: bool,
    /// All that have access now by statements or grants of this tool, as far as these were read.
    #[serde(skip)]
    pub(crate) holders: BTreeSet<PolicyPrincipal>,
    /// Whether only those lose access who had it when the plan was made: it was approved for these.
    #[serde(skip)]
    pub(crate) only_known: bool,
    /// Those who had access then, by whatever this removes.
    #[serde(skip)]
    pub(crate) known: BTreeSet<PolicyPrincipal>,
}

/// What the run reads of a key, and so can change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyReads {
    pub(crate) policy: bool,
    pub(crate) grants: bool,
}

impl KeyReads {
    pub(crate) fn of(key: &Key, options: &Options) -> Self {
        // A policy may have been read only to know whether it denies.
        let changes_policy = options.can_change_key_policy(true);
        Self {
            policy: key.policy.is_some() && changes_policy,
            // Grants may have been read only for service-linked roles.
            grants: key.grants.is_some() && options.key_access != KeyAccessMode::None,
        }
    }
}

impl RemoveKeyAccess {
    /// The removal of access to a key under which nothing is known yet but these shared images.
    pub(crate) fn new(
        key: KeyArn,
        removal: Removal,
        images: BTreeSet<(Region, AmiId)>,
        reads: KeyReads,
    ) -> Self {
        Self {
            key,
            removal,
            kept: BTreeSet::new(),
            in_use: BTreeMap::new(),
            principals: BTreeSet::new(),
            grants: BTreeMap::new(),
            policy: None,
            images,
            own_access: BTreeSet::new(),
            forced: false,
            launchers: BTreeSet::new(),
            reads,
            expected: false,
            holders: BTreeSet::new(),
            only_known: false,
            known: BTreeSet::new(),
        }
    }

    /// Whether a principal loses access.
    pub(crate) fn revokes_from(&self, principal: &PolicyPrincipal) -> bool {
        self.may_lose(principal) && !self.kept.contains(principal)
    }

    /// Whether a principal loses what it has for the images alone.
    fn may_lose(&self, principal: &PolicyPrincipal) -> bool {
        self.removal.includes_policy_principal(principal)
            && !self.in_use.contains_key(principal)
            && !self.launchers.contains(principal)
            && !self.is_newcomer(principal)
    }

    /// Whether a principal keeps access because it had none when the plan was made.
    fn is_newcomer(&self, principal: &PolicyPrincipal) -> bool {
        self.only_known && !self.removal.names(principal) && !self.known.contains(principal)
    }

    /// Those of them who keep access for that reason alone.
    pub(crate) fn newcomers_among(
        &self,
        principals: impl IntoIterator<Item = PolicyPrincipal>,
    ) -> BTreeSet<PolicyPrincipal> {
        let mut newcomers: BTreeSet<_> = principals.into_iter().collect();
        newcomers.retain(|principal| {
            self.is_newcomer(principal)
                && self.removal.includes_policy_principal(principal)
                && !self.launchers.contains(principal)
        });
        newcomers
    }

    /// The grants that are revoked, by ID, with the grantee of each: those of this tool for the
    /// images, and those that accounts made by access which they lose, unless an AWS service holds
    /// them.
    pub(crate) fn grants_to_revoke(&self, grants: &[Grant]) -> BTreeMap<String, String> {
        let mut revoked = BTreeMap::new();
        for grant in grants {
            let delegated = self.is_issued_by_loser(grant) && !grant.is_held_by_service();
            if delegated || self.is_own_grant(grant) {
                revoked.insert(grant.id.clone(), grant.grantee.clone());
            }
        }
        revoked
    }

    /// Whether an account made the grant by access that it loses. The key's own account never does.
    fn is_issued_by_loser(&self, grant: &Grant) -> bool {
        grant.issuer_account().is_some_and(|issuer| {
            &issuer != self.key.account()
                && (!self.own_access.contains(&issuer) || OwnGrant::is_for_service_role(grant))
                && self.revokes_from(&PolicyPrincipal::Account(issuer))
        })
    }

    /// Whether this tool made the grant, for one of the images or for service-linked roles, and
    /// its account loses access. Images that stay shared have grants of their own.
    pub(crate) fn is_own_grant(&self, grant: &Grant) -> bool {
        let Some(account) = grant.grantee_account() else {
            return false;
        };
        let principal = PolicyPrincipal::Account(account.clone());
        // Service-linked roles need this grant until the account loses the key altogether.
        if OwnGrant::parent(&self.key, &account).is(grant) {
            return self.revokes_from(&principal);
        }
        self.may_lose(&principal) && self.is_for_image(grant)
    }

    /// The accounts of grants of this tool for the images.
    pub(crate) fn accounts_with_grants(&self, grants: &[Grant]) -> BTreeSet<PolicyPrincipal> {
        let own = grants.iter().filter(|grant| self.is_for_image(grant));
        let accounts = own.filter_map(Grant::grantee_account);
        accounts.map(PolicyPrincipal::Account).collect()
    }

    /// Whether this tool made the grant for one of the images.
    fn is_for_image(&self, grant: &Grant) -> bool {
        let Some(name) = ImageGrantName::parse(&grant.name) else {
            return false;
        };
        let image = (name.region.clone(), name.image.clone());
        self.images.contains(&image) && OwnGrant::for_image(&self.key, name).is(grant)
    }
}

/// What a principal uses a key of another account for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct KeyUsage {
    /// Whether instances use it: EC2 holds grants on the key that were made for the account.
    pub instances: bool,
    /// The IDs of the account's volumes and snapshots under the key, if a role there could list
    /// them.
    pub volumes: BTreeSet<String>,
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.volumes.is_empty() {
            return f.write_str("instances run on it");
        }
        write!(f, "{} are under it", first_names(&self.volumes))
    }
}

/// A copy that this tool made is deregistered, and its snapshots are deleted
/// (`ec2:DeregisterImage`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RemoveCopy {
    /// The image that it is a copy of.
    pub source: SourceImage,
    /// The Region of the copy.
    pub region: Region,
    /// The copy.
    pub image: AmiId,
    /// Whether it was never available, so that nobody can have used it.
    #[serde(skip)]
    pub(crate) is_unfinished: bool,
}
