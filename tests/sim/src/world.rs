//! The state of the simulated AWS: accounts, images, snapshots, keys, instances. Time passes in
//! it only at a call: see [`World::advance`].

mod account;
mod advance;
mod allowed_images;
mod aws_policies;
mod grant;
mod id_token;
mod ids;
mod image;
mod instance;
mod instance_state;
mod key;
mod launch_template;
mod launching;
mod organization;
mod scaling;
mod service_role;
mod shared;
mod snapshot;
mod trail;
mod usage;
mod user;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use crate::partition::{self, Partition};

pub(crate) use account::stored_name;
pub use account::{
    Account, Credential, InstanceProfile, Parameter, Policy, Principal, Role, Settings,
};
pub use allowed_images::{
    AllowedImages, ImageCriterion, ScanCondition, ScanResults, Severity, Watermark, WatermarkFilter,
};
pub use grant::{Constraint, Grant, Grantee};
pub use id_token::{IdTokens, read_id_token};
pub use ids::hex;
pub(crate) use ids::uuid;
pub use image::{Fate, Hardware, Image, ImageState, Mapping, Protection};
pub use instance::{Ingress, Instance, KeyPair, LooseVolume, SecurityGroup, Volume};
pub use instance_state::NextState;
pub use key::{Key, KeyState};
pub use launch_template::{LaunchTemplate, TemplateVersion};
pub(crate) use launching::ZONES;
pub use launching::{Launching, Subnet};
pub use organization::{Membership, Organization, ResourceControl};
pub use scaling::{ActivityEnd, ScalingActivity, ScalingGroup, ScalingOrder, TemplateReference};
pub use shared::Shared;
pub use snapshot::{Snapshot, SnapshotLock};
pub use trail::TrailEvent;
pub use usage::{INSTANCES, LAUNCH_TEMPLATES, MOST_ACCOUNTS, UsageReport};
pub use user::{Group, PolicySet, User};

/// The whole state.
#[derive(Debug, Default, Serialize)]
pub struct World {
    /// Accounts by ID.
    pub accounts: BTreeMap<String, Account>,
    /// AMIs by ID, deregistered ones too.
    pub images: BTreeMap<String, Image>,
    /// EBS snapshots by ID.
    pub snapshots: BTreeMap<String, Snapshot>,
    /// KMS keys by ARN.
    pub keys: BTreeMap<String, Key>,
    /// Aliases: account, Region and alias to key ARN.
    #[serde(skip)]
    pub aliases: BTreeMap<(String, String, String), String>,
    /// Instances by ID.
    pub instances: BTreeMap<String, Instance>,
    /// Volumes without an instance, by ID.
    pub volumes: BTreeMap<String, LooseVolume>,
    /// Security groups by ID.
    pub security_groups: BTreeMap<String, SecurityGroup>,
    /// Zones, and the instance types that they do not offer.
    #[serde(skip)]
    pub not_offered: BTreeSet<(String, String)>,
    /// Key pairs by ID.
    pub key_pairs: BTreeMap<String, KeyPair>,
    /// Reports on the usage of images, by ID.
    pub usage_reports: BTreeMap<String, UsageReport>,
    /// Launch templates by ID.
    pub launch_templates: BTreeMap<String, LaunchTemplate>,
    /// Auto Scaling groups by ARN.
    pub scaling_groups: BTreeMap<String, ScalingGroup>,
    /// What Auto Scaling groups did, the oldest first.
    pub scaling_activities: Vec<ScalingActivity>,
    /// What Auto Scaling is about to do.
    #[serde(skip)]
    pub scaling_orders: VecDeque<ScalingOrder>,
    /// The organization, if the accounts are in one.
    pub organization: Option<Organization>,
    /// The calls of EC2 to KMS.
    pub trail: Vec<TrailEvent>,
    /// Account, source key and destination key of copies. A later copy between the same keys uses
    /// their data key again (recorded of CopySnapshot).
    #[serde(skip)]
    pub copied: BTreeSet<(String, String, String)>,
    /// Credentials by access key ID.
    #[serde(skip)]
    pub credentials: BTreeMap<String, Credential>,
    /// Client tokens: account, Region and token to the parameters and the ID of what was made.
    #[serde(skip)]
    pub tokens: BTreeMap<(String, String, String), (String, String)>,
    /// Accounts that KMS does not accept as principals.
    pub nonexistent_accounts: BTreeSet<String>,
    /// Whether CopyImage asks KMS for what was recorded of copies (R1.4.5), not for what AWS
    /// publishes (R1.4.2).
    pub copies_as_recorded: bool,
    /// Where a job on GitHub gets its ID tokens, if one runs there.
    #[serde(skip)]
    pub id_tokens: Option<IdTokens>,
    /// Whether AWS has raised the limits of key policies and grants for everybody.
    pub raised_kms_limits: bool,
    /// The partition that everything is in.
    #[serde(skip)]
    pub partition: &'static Partition,
    /// The Regions. Without any, those of the partition.
    pub regions: Vec<Region>,
    /// The ARNs of keys in a state that passes by itself.
    #[serde(skip)]
    pub settling: Vec<String>,
    #[serde(skip)]
    issued: u64,
    #[serde(skip)]
    pending: Option<advance::Pending>,
}

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// A Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// Such as `eu-west-1`.
    pub name: String,
    /// Whether each account has to enable it.
    pub opt_in: bool,
}

impl World {
    /// The ARN of a key, found as KMS does: IDs and aliases in the caller's account and Region, and
    /// ARNs everywhere (R3.1.4).
    pub fn find_key(&mut self, named: &str, account: &str, region: &str) -> Option<String> {
        if named.starts_with("arn:") {
            if self.keys.contains_key(named) {
                return Some(named.to_owned());
            }
            let parts: Vec<&str> = named.splitn(6, ':').collect();
            let [_, _, "kms", region, account, alias] = parts[..] else {
                return None;
            };
            return alias
                .starts_with("alias/")
                .then(|| self.find_alias(alias, account, region))
                .flatten();
        }
        if named.starts_with("alias/") {
            return self.find_alias(named, account, region);
        }
        let partition = partition::of_region(region).name;
        let arn = format!("arn:{partition}:kms:{region}:{account}:key/{named}");
        self.keys.contains_key(&arn).then_some(arn)
    }

    fn find_alias(&mut self, alias: &str, account: &str, region: &str) -> Option<String> {
        let place = (account.to_owned(), region.to_owned(), alias.to_owned());
        if alias == "alias/aws/ebs"
            && !self.aliases.contains_key(&place)
            && self.accounts.contains_key(account)
        {
            // AWS makes its own key at its first use (R3.1.6).
            let key = Key::aws_ebs(account, region);
            self.aliases.insert(place.clone(), key.arn.clone());
            self.keys.insert(key.arn.clone(), key);
        }
        self.aliases.get(&place).cloned()
    }

    /// The resource control policies over the resources of an account.
    pub fn resource_controls(&self, account: &str) -> Vec<ResourceControl> {
        let organization = self.organization.as_ref();
        organization.map_or_else(Vec::new, |of| of.resource_controls_of(account))
    }

    /// The key that EBS uses if none is named (R1.3.5).
    pub fn default_ebs_key(&mut self, account: &str, region: &str) -> Option<String> {
        let set = self
            .accounts
            .get(account)
            .and_then(|account| account.default_ebs_keys.get(region))
            .cloned();
        set.or_else(|| self.find_alias("alias/aws/ebs", account, region))
    }

    /// The IDs of the images that use a snapshot and are not deregistered, the newest first (one
    /// answer was recorded).
    pub fn images_using(&self, snapshot: &str) -> Vec<String> {
        let mut users = Vec::new();
        for image in self.images.values() {
            let is_dead = image.state == ImageState::Deregistered;
            if !is_dead && image.snapshot_ids().any(|id| id == snapshot) {
                users.push(image);
            }
        }
        users.sort_by_key(|image| std::cmp::Reverse(image.created));
        users.into_iter().map(|image| image.id.clone()).collect()
    }

    /// The ARNs of the keys that the snapshots of an image are under.
    pub fn keys_of(&self, image: &Image) -> Vec<&str> {
        let mut keys = Vec::new();
        for id in image.snapshot_ids() {
            let snapshot = self.snapshots.get(id);
            keys.extend(snapshot.and_then(|snapshot| snapshot.key.as_deref()));
        }
        keys
    }
}
