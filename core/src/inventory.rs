//! What AWS says now, as plain data. Filled by `observe`, read by `plan`.

mod target;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Error;
use crate::id::{
    AccountId, AccountRegion, AmiId, KeyArn, Principal, Region, SnapshotId, SourceImage,
};
use crate::policy::key_policy::{KeyPolicy, PolicyPrincipal};
use crate::request::name::NameParts;

pub(crate) use target::{RolePolicies, Target, TargetKeyUsage};

/// Everything a plan is made from.
#[derive(Clone, Debug)]
pub(crate) struct Inventory {
    pub(crate) account: AccountId,
    /// When this was read, in seconds since 1970.
    pub(crate) now: i64,
    pub(crate) regions: BTreeMap<Region, RegionInventory>,
    /// Regions of the request that the account has not turned on. Then nothing else was read.
    pub(crate) off: BTreeSet<Region>,
    /// The credentials are temporary, cannot be renewed, and do not say when they end.
    pub(crate) fixed_session: bool,
    /// The target accounts, where a role is to be assumed there: what there is, or why it could not
    /// be seen.
    pub(crate) targets: BTreeMap<AccountId, Result<Target, Error>>,
    /// Of those that lose a key and were reached, what they have under it.
    pub(crate) uses: BTreeMap<AccountId, TargetKeyUsage>,
}

impl Inventory {
    /// An image that the request names.
    pub(crate) fn source(&self, image: &SourceImage) -> Option<&Image> {
        self.regions.get(&image.region)?.images.get(&image.ami)
    }
}

/// What there is in one Region.
#[derive(Clone, Debug)]
pub(crate) struct RegionInventory {
    pub(crate) location: AccountRegion,
    /// The images of the request that are in this Region.
    pub(crate) images: BTreeMap<AmiId, Image>,
    /// Images that carry our tag of an image of the request, in any state.
    pub(crate) copies: Vec<Image>,
    pub(crate) snapshots: BTreeMap<SnapshotId, Snapshot>,
    pub(crate) keys: BTreeMap<KeyArn, Key>,
    /// What the request's `kms-key-id` resolved to.
    pub(crate) destination: Option<KeyArn>,
    /// Of the images and copies that can be shared.
    pub(crate) launch_permissions: BTreeMap<AmiId, BTreeSet<Principal>>,
    /// Of the snapshots of those, where they matter.
    pub(crate) snapshot_permissions: BTreeMap<SnapshotId, BTreeSet<Principal>>,
    /// What else the account shares under the keys, where access is taken back.
    pub(crate) others: Vec<SharedResource>,
    /// The values of SSM parameters that the request names.
    pub(crate) parameters: BTreeMap<String, String>,
}

impl RegionInventory {
    /// An image of the request, or a copy of one.
    pub(crate) fn image(&self, id: &AmiId) -> Option<&Image> {
        self.images
            .get(id)
            .or_else(|| self.copies.iter().find(|copy| &copy.id == id))
    }

    pub(crate) fn new(location: AccountRegion) -> Self {
        Self {
            location,
            images: BTreeMap::new(),
            copies: Vec::new(),
            snapshots: BTreeMap::new(),
            keys: BTreeMap::new(),
            destination: None,
            launch_permissions: BTreeMap::new(),
            snapshot_permissions: BTreeMap::new(),
            others: Vec::new(),
            parameters: BTreeMap::new(),
        }
    }

    /// The keys that the snapshots of an image are encrypted under.
    pub(crate) fn keys_of(&self, image: &Image) -> BTreeSet<KeyArn> {
        image
            .snapshots()
            .filter_map(|id| self.snapshots.get(id)?.key.clone())
            .collect()
    }

    /// Whether every volume of the image is encrypted under `key`: then a copy would change
    /// nothing.
    pub(crate) fn is_wholly_under(&self, image: &Image, key: &KeyArn) -> bool {
        let mut volumes = image.snapshots().peekable();
        volumes.peek().is_some()
            && volumes.all(|id| {
                self.snapshots
                    .get(id)
                    .is_some_and(|snapshot| snapshot.key.as_ref() == Some(key))
            })
    }
}

/// An image or snapshot of the account that is shared and is none of the request's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedResource {
    pub(crate) id: String,
    pub(crate) keys: BTreeSet<KeyArn>,
    pub(crate) shared_with: BTreeSet<Principal>,
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
    pub(crate) source: Option<(String, String)>,
    pub(crate) source_instance: Option<String>,
}

impl Image {
    /// What the placeholders of a name stand for, of something that is made of the image in an
    /// account and Region.
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

/// One EBS volume of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) device: Option<String>,
    pub(crate) snapshot: Option<SnapshotId>,
}

/// The states of an image, as far as they differ for us (R1.1.1).
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
    /// Read where the plan may change it.
    pub(crate) policy: Option<Result<KeyPolicy, String>>,
    /// Read where the plan may make or revoke some.
    pub(crate) grants: Option<Vec<Grant>>,
}

impl Key {
    /// Its policy, where that was read and could be.
    pub(crate) fn readable_policy(&self) -> Option<&KeyPolicy> {
        self.policy.as_ref()?.as_ref().ok()
    }

    /// Who has access by statements of ours.
    pub(crate) fn granted_principals(&self) -> BTreeSet<PolicyPrincipal> {
        self.readable_policy()
            .map(|policy| policy.granted_principals(&self.arn))
            .unwrap_or_default()
    }

    /// The statement that is not ours and names an account, by its Sid.
    pub(crate) fn foreign_statement(&self, account: &AccountId) -> Option<String> {
        let names = |principals: &[String]| {
            let of_account = |name: &str| {
                name == account.as_ref() || name.split(':').nth(4) == Some(account.as_ref())
            };
            principals.iter().any(|name| of_account(name))
        };
        let foreign = self.readable_policy()?.foreign_statements(&self.arn);
        foreign
            .into_iter()
            .find(|(_, principals)| names(principals))
            .map(|(sid, _)| sid)
    }

    /// Whether an account itself has access by what may be taken from it: a statement of ours, or a
    /// grant.
    pub(crate) fn grants_access_to(&self, account: &AccountId) -> bool {
        let mut grants = self.grants.iter().flatten();
        self.granted_principals()
            .contains(&PolicyPrincipal::Account(account.clone()))
            || grants.any(|grant| grant.account().as_ref() == Some(account))
    }
}

/// The states of a key, as far as they differ for us (R3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion,
    Other(String),
    /// The key belongs to another account that does not let us look.
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
    /// What it allows.
    pub(crate) operations: BTreeSet<String>,
    /// Whether it is bound to an encryption context or a source.
    pub(crate) constrained: bool,
}

impl Grant {
    /// Whether an AWS service holds it: by name, or as the identity that EC2 gives an instance
    /// (R4.3).
    pub(crate) fn is_held_by_a_service(&self) -> bool {
        let service = self.grantee.contains(".amazonaws.com") && !self.grantee.starts_with("arn:");
        service || self.grantee.contains(":assumed-role/aws:")
    }

    /// The account that holds it as a whole, as ours are held.
    pub(crate) fn account(&self) -> Option<AccountId> {
        self.grantee
            .strip_suffix(":root")?
            .rsplit(':')
            .next()?
            .parse()
            .ok()
    }

    /// Whether volumes can be attached by it: EC2 makes a grant of its own from it, to decrypt
    /// (R4.1).
    pub(crate) fn is_enough(&self) -> bool {
        !self.constrained
            && ["CreateGrant", "Decrypt"]
                .iter()
                .all(|operation| self.operations.contains(*operation))
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
