//! The current state in AWS, as plain data. `observe` fills it, `plan` reads it.

mod allowed_images;
mod image;
mod image_usage;
mod key;
mod launch_template;
mod parameter;
mod part;
mod retirement;
mod target;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Error;
use crate::id::{
    AccountId, AccountRegion, AmiId, KeyArn, Principal, Region, SnapshotId, SourceImage,
};
use crate::policy::key_policy::PolicyPrincipal;

pub(crate) use allowed_images::{
    AllowedImages, AllowedImagesState, ImageAllowed, ImageCriterion, ScanCondition, ScanResults,
    Watermark, WatermarkFilter,
};
pub(crate) use image::{
    BootMode, EmptyVolume, Hardware, Image, ImageState, Mapping, Snapshot, seconds,
};
pub(crate) use image_usage::{ResourceCounts, UnknownUsage, UsageReport};
pub(crate) use key::{Grant, Key, KeyState, RamPolicy};
pub(crate) use launch_template::{LaunchTemplate, TemplateChange, TemplateVersion, is_template_id};
pub(crate) use parameter::{Parameter, ParameterForm};
pub(crate) use part::{Failure, Part};
pub(crate) use retirement::{Hold, Retirement};
pub(crate) use target::{OtherLaunches, RolePolicies, Target, TargetKeyUsage, VolumeKey};

/// Everything that a plan is made from.
#[derive(Clone, Debug)]
pub(crate) struct Inventory {
    /// The source account.
    pub(crate) account: AccountId,
    /// The time of reading, in seconds since 1970.
    pub(crate) now: i64,
    pub(crate) regions: BTreeMap<Region, RegionInventory>,
    /// Regions of the request that are not enabled for the account. Nothing of them was read.
    pub(crate) disabled_regions: BTreeSet<Region>,
    /// Whether the credentials are temporary, cannot be renewed, and do not say when they expire.
    pub(crate) fixed_session: bool,
    /// The target accounts in which the request names a role. Each has what that role read, or the
    /// error.
    pub(crate) targets: BTreeMap<AccountId, Result<Target, Error>>,
    /// The volumes and snapshots encrypted with keys that a target will lose access to, by target.
    pub(crate) key_usage: BTreeMap<AccountId, TargetKeyUsage>,
    /// What else launches with the policy of launch roles that a revoke would detach, by target.
    pub(crate) other_launches: BTreeMap<AccountId, OtherLaunches>,
    /// Who uses the images that somebody would lose. Read once a plan says which those are.
    pub(crate) image_usage: BTreeMap<(Region, AmiId), Result<UsageReport, UnknownUsage>>,
    /// The images that the run may retire; none if it does something else.
    pub(crate) retirement: Retirement,
    /// The parts of the request of which something could not be read in the source account.
    pub(crate) failures: Vec<Failure>,
}

impl Inventory {
    /// An account of which nothing is known yet, at a time in seconds since 1970.
    pub(crate) fn new(account: &AccountId, now: i64) -> Self {
        Self {
            account: account.clone(),
            now,
            regions: BTreeMap::new(),
            disabled_regions: BTreeSet::new(),
            fixed_session: false,
            targets: BTreeMap::new(),
            key_usage: BTreeMap::new(),
            other_launches: BTreeMap::new(),
            image_usage: BTreeMap::new(),
            retirement: Retirement::default(),
            failures: Vec::new(),
        }
    }

    /// An image that the request names.
    pub(crate) fn source(&self, image: &SourceImage) -> Option<&Image> {
        self.regions.get(&image.region)?.images.get(&image.ami)
    }

    /// A key of the source account's images or of their copies.
    pub(crate) fn key(&self, arn: &KeyArn) -> Option<&Key> {
        self.regions.get(arn.region())?.keys.get(arn)
    }

    /// Other shared images and snapshots that are encrypted with the key.
    pub(crate) fn other_shared_resources(
        &self,
        key: &KeyArn,
    ) -> impl Iterator<Item = &SharedResource> {
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
    /// The alias of the account, if it has one and a name of the request depends on it.
    pub(crate) alias: Option<String>,
    /// The images of the request in this Region. In a target: those shared with it.
    pub(crate) images: BTreeMap<AmiId, Image>,
    /// Images that do not exist any more: those that the request names, and those that grants of
    /// this tool name. Read only when access is revoked.
    pub(crate) gone: BTreeSet<AmiId>,
    /// More keys that images which are gone may have been under.
    pub(crate) keys_of_gone: BTreeSet<KeyArn>,
    /// Images of this account, in any state, that are tagged as copies of an image of the request.
    pub(crate) copies: Vec<Image>,
    pub(crate) snapshots: BTreeMap<SnapshotId, Snapshot>,
    pub(crate) keys: BTreeMap<KeyArn, Key>,
    /// The key that copies are made under here, if the request names one.
    pub(crate) destination_key: Option<KeyArn>,
    /// The key that a request to revoke names here, if it exists: copies may have been under it.
    pub(crate) named_key: Option<KeyArn>,
    /// The key of new volumes of a target, or why it could not be read. `None` if the plan does not
    /// need it, or if everybody in the account can use it.
    pub(crate) volume_key: Option<Result<VolumeKey, Error>>,
    /// The launch permissions of available images and copies.
    pub(crate) launch_permissions: BTreeMap<AmiId, BTreeSet<Principal>>,
    /// The create volume permissions of the snapshots, if the plan needs them.
    pub(crate) snapshot_permissions: BTreeMap<SnapshotId, BTreeSet<Principal>>,
    /// Other shared images and snapshots that are encrypted with the keys: one at least for each
    /// principal that may lose a key and that needs it for any. Read only when access is revoked.
    pub(crate) shared_resources: Vec<SharedResource>,
    /// The keys with so many images that these were not asked whether an organization may launch
    /// them.
    pub(crate) keys_with_unasked_images: BTreeSet<KeyArn>,
    /// The SSM parameters that the request names, and that exist.
    pub(crate) parameters: BTreeMap<String, Parameter>,
    /// The launch templates of a target that the request names, by what it names them; `None` for
    /// one that does not exist.
    pub(crate) launch_templates: BTreeMap<String, Option<LaunchTemplate>>,
    /// Allowed AMIs of a target, if they could be read.
    pub(crate) allowed_images: Option<AllowedImages>,
    /// The parts of the request of which something could not be read here.
    pub(crate) failures: Vec<Failure>,
}

impl RegionInventory {
    /// An account and Region of which nothing is known yet.
    pub(crate) fn new(location: AccountRegion) -> Self {
        Self {
            location,
            alias: None,
            images: BTreeMap::new(),
            gone: BTreeSet::new(),
            keys_of_gone: BTreeSet::new(),
            copies: Vec::new(),
            snapshots: BTreeMap::new(),
            keys: BTreeMap::new(),
            destination_key: None,
            named_key: None,
            volume_key: None,
            launch_permissions: BTreeMap::new(),
            snapshot_permissions: BTreeMap::new(),
            shared_resources: Vec::new(),
            keys_with_unasked_images: BTreeSet::new(),
            parameters: BTreeMap::new(),
            launch_templates: BTreeMap::new(),
            allowed_images: None,
            failures: Vec::new(),
        }
    }

    /// An image of the request, or a copy of one.
    pub(crate) fn image(&self, id: &AmiId) -> Option<&Image> {
        self.images
            .get(id)
            .or_else(|| self.copies.iter().find(|copy| &copy.id == id))
    }

    /// The key of new volumes of a target, if it is known.
    pub(crate) fn known_volume_key(&self) -> Option<&VolumeKey> {
        self.volume_key.as_ref()?.as_ref().ok()
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
    pub(crate) fn is_fully_encrypted_with(&self, image: &Image, key: &KeyArn) -> bool {
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
    /// Whether this was read. What could not be read counts as shared with everybody.
    pub(crate) is_known: bool,
}

impl SharedResource {
    /// Whether a principal may use the resource, and so need its keys. The members of an
    /// organization are not read, so every account counts as a possible member.
    pub(crate) fn may_be_used_by(&self, principal: &PolicyPrincipal) -> bool {
        self.shared_with.iter().any(|with| match principal {
            PolicyPrincipal::Account(account) => with.account().is_none_or(|with| with == account),
            PolicyPrincipal::Organization(id) | PolicyPrincipal::Unit(id) => with
                .organization()
                .is_some_and(|organization| id.split('/').next() == Some(organization)),
        })
    }
}
