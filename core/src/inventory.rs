//! What AWS says now, as plain data: `observe` fills it, `plan` reads it.

mod target;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Error;
use crate::id::{
    AccountId, AccountRegion, AmiId, KeyArn, Principal, Region, SnapshotId, SourceImage,
};
use crate::policy::key_policy::{KeyPolicy, PolicyPrincipal};
use crate::request::name::NameParts;

pub(crate) use target::{RolePolicies, Target, TargetKeyUsage};

/// Everything that a plan is made from.
#[derive(Clone, Debug)]
pub(crate) struct Inventory {
    /// The source account.
    pub(crate) account: AccountId,
    /// The time of reading, in seconds since 1970.
    pub(crate) now: i64,
    pub(crate) regions: BTreeMap<Region, RegionInventory>,
    /// Regions of the request that are not enabled for the account. If there are any, nothing else
    /// was read.
    pub(crate) disabled_regions: BTreeSet<Region>,
    /// Whether the credentials are temporary, cannot be renewed, and do not say when they expire.
    pub(crate) fixed_session: bool,
    /// The target accounts in which the request names a role: what the role sees there, or why that
    /// could not be read.
    pub(crate) targets: BTreeMap<AccountId, Result<Target, Error>>,
    /// What targets that are to lose keys have under these keys.
    pub(crate) key_usage: BTreeMap<AccountId, TargetKeyUsage>,
}

impl Inventory {
    /// An image that the request names.
    pub(crate) fn source(&self, image: &SourceImage) -> Option<&Image> {
        self.regions.get(&image.region)?.images.get(&image.ami)
    }

    /// A key that images of the source account are encrypted under, or are copied to.
    pub(crate) fn key(&self, arn: &KeyArn) -> Option<&Key> {
        self.regions.get(arn.region())?.keys.get(arn)
    }

    /// What else the source account shares under a key.
    pub(crate) fn shared_under(&self, key: &KeyArn) -> impl Iterator<Item = &SharedResource> {
        let region = self.regions.get(key.region());
        let resources = region
            .into_iter()
            .flat_map(|region| &region.shared_resources);
        resources.filter(move |resource| resource.keys.contains(key))
    }

    /// The targets that could be read.
    pub(crate) fn reached_targets(&self) -> impl Iterator<Item = (&AccountId, &Target)> {
        self.targets
            .iter()
            .filter_map(|(account, target)| Some((account, target.as_ref().ok()?)))
    }
}

/// One Region of the source account, or of a target.
#[derive(Clone, Debug)]
pub(crate) struct RegionInventory {
    pub(crate) location: AccountRegion,
    /// The images of the request in this Region. In a target: those shared with it.
    pub(crate) images: BTreeMap<AmiId, Image>,
    /// Own images, in any state, that a tag calls copies of an image of the request.
    pub(crate) copies: Vec<Image>,
    pub(crate) snapshots: BTreeMap<SnapshotId, Snapshot>,
    pub(crate) keys: BTreeMap<KeyArn, Key>,
    /// The key that copies are made under here, if the request names one.
    pub(crate) destination_key: Option<KeyArn>,
    /// Of the images and copies that are available.
    pub(crate) launch_permissions: BTreeMap<AmiId, BTreeSet<Principal>>,
    /// Of the snapshots of the images and copies, if the plan needs them.
    pub(crate) snapshot_permissions: BTreeMap<SnapshotId, BTreeSet<Principal>>,
    /// What else the account shares under the keys, if access is revoked.
    pub(crate) shared_resources: Vec<SharedResource>,
    /// The values of the SSM parameters that the request names.
    pub(crate) parameters: BTreeMap<String, String>,
}

impl RegionInventory {
    /// An account and Region of which nothing is known yet.
    pub(crate) fn new(location: AccountRegion) -> Self {
        Self {
            location,
            images: BTreeMap::new(),
            copies: Vec::new(),
            snapshots: BTreeMap::new(),
            keys: BTreeMap::new(),
            destination_key: None,
            launch_permissions: BTreeMap::new(),
            snapshot_permissions: BTreeMap::new(),
            shared_resources: Vec::new(),
            parameters: BTreeMap::new(),
        }
    }

    /// An image of the request, or a copy of one.
    pub(crate) fn image(&self, id: &AmiId) -> Option<&Image> {
        self.images
            .get(id)
            .or_else(|| self.copies.iter().find(|copy| &copy.id == id))
    }

    /// The keys that the snapshots of an image are encrypted under.
    pub(crate) fn keys_of(&self, image: &Image) -> BTreeSet<KeyArn> {
        image
            .snapshots()
            .filter_map(|id| self.snapshots.get(id)?.key.clone())
            .collect()
    }

    /// Whether every volume of the image is encrypted under `key`, so that a copy under that key
    /// would be the same. An image without volumes counts too: nothing of it can be encrypted.
    pub(crate) fn is_wholly_under(&self, image: &Image, key: &KeyArn) -> bool {
        let key_of = |id| self.snapshots.get(id)?.key.as_ref();
        image.snapshots().all(|id| key_of(id) == Some(key))
    }
}

/// An image or snapshot that the account shares and that the request does not concern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedResource {
    /// The ID of the image or snapshot.
    pub(crate) id: String,
    /// The keys that it is encrypted under.
    pub(crate) keys: BTreeSet<KeyArn>,
    pub(crate) shared_with: BTreeSet<Principal>,
}

impl SharedResource {
    /// Whether a principal may use the resource, and so need its keys. AWS does not say which
    /// accounts belong to an organization, so each account may belong to each organization.
    pub(crate) fn may_be_used_by(&self, principal: &PolicyPrincipal) -> bool {
        self.shared_with.iter().any(|with| match principal {
            PolicyPrincipal::Account(account) => with.account().is_none_or(|with| with == account),
            PolicyPrincipal::Organization(id) | PolicyPrincipal::Unit(id) => with
                .organization()
                .is_some_and(|organization| id.split('/').next() == Some(organization)),
        })
    }
}

/// An AMI as `DescribeImages` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) id: AmiId,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) state: ImageState,
    pub(crate) state_reason: Option<String>,
    pub(crate) root_device_type: String,
    pub(crate) creation_date: String,
    pub(crate) deprecation_time: Option<String>,
    pub(crate) deregistration_protected: bool,
    pub(crate) architecture: String,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) product_codes: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// The ID and Region of the image that it was copied from.
    pub(crate) source: Option<(String, String)>,
    /// The instance that it was made from.
    pub(crate) source_instance: Option<String>,
}

impl Image {
    /// The values of placeholders in a name, for something that is made of the image in an account
    /// and Region.
    pub(crate) fn name_parts<'a>(&'a self, location: &'a AccountRegion) -> NameParts<'a> {
        NameParts {
            name: &self.name,
            ami: &self.id,
            region: &location.region,
            account: &location.account,
        }
    }

    /// The snapshots behind the image; ephemeral mappings have none (R1.2.4).
    pub(crate) fn snapshots(&self) -> impl Iterator<Item = &SnapshotId> {
        self.mappings
            .iter()
            .filter_map(|mapping| mapping.snapshot.as_ref())
    }
}

/// One block device of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) device: Option<String>,
    pub(crate) snapshot: Option<SnapshotId>,
}

/// The states of an image that this tool distinguishes (R1.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImageState {
    Pending,
    Available,
    Disabled,
    /// `failed`, `error`, `invalid`: it will never be available.
    Failed(String),
    Deregistered,
}

/// A snapshot as `DescribeSnapshots` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) id: SnapshotId,
    pub(crate) state: String,
    pub(crate) state_message: Option<String>,
    /// Percent.
    pub(crate) progress: Option<u8>,
    pub(crate) key: Option<KeyArn>,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
}

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
    /// Every grant of the key. `None` if the plan does not need them.
    pub(crate) grants: Option<Vec<Grant>>,
}

impl Key {
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
        self.readable_policy()
            .map(|policy| policy.granted_principals(&self.arn))
            .unwrap_or_default()
    }

    /// The Sid or number of a statement that allows an account, or a principal in it, something and
    /// that this tool did not write.
    pub(crate) fn foreign_statement(&self, account: &AccountId) -> Option<String> {
        for (sid, principals) in self.readable_policy()?.foreign(&self.arn) {
            let mut accounts = principals.iter().map(|name| account_of(name));
            if accounts.any(|named| named == Some(account.as_ref())) {
                return Some(sid);
            }
        }
        None
    }

    /// Whether an account has access that a revoke can remove: by a statement of this tool, or by a
    /// grant.
    pub(crate) fn grants_access_to(&self, account: &AccountId) -> bool {
        let mut grants = self.known_grants().iter();
        self.granted_principals()
            .contains(&PolicyPrincipal::Account(account.clone()))
            || grants.any(|grant| grant.grantee_account().as_ref() == Some(account))
    }

    /// Whether instances of an account use the key: EC2 holds grants on it that were made for the
    /// account.
    pub(crate) fn has_instances_of(&self, account: &AccountId) -> bool {
        let mut grants = self.known_grants().iter();
        grants.any(|grant| grant.is_issued_by(account) && grant.is_held_by_service())
    }
}

/// The account of a principal in a policy, which is an account ID or an ARN.
fn account_of(principal: &str) -> Option<&str> {
    if principal.starts_with("arn:") {
        principal.split(':').nth(4)
    } else {
        Some(principal)
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

/// A grant as `ListGrants` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) grantee: String,
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
        let service = self.grantee.contains(".amazonaws.com") && !self.grantee.starts_with("arn:");
        service || self.grantee.contains(":assumed-role/aws:")
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
