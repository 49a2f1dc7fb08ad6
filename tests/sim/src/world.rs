//! The state of the simulated AWS: accounts, images, snapshots, keys, instances. Copies and
//! building images come to their end when somebody looks: see [`World::advance`].

mod account;
mod advance;
mod grant;
mod ids;
mod image;
mod instance;
mod key;
mod organization;
mod service_role;
mod shared;
mod snapshot;
mod trail;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use account::{
    Account, AllowedImages, Credential, Parameter, Policy, Principal, Role, Settings,
};
pub use grant::{Constraint, Grant, Grantee};
pub use ids::hex;
pub(crate) use ids::uuid;
pub use image::{Fate, Image, ImageState, Mapping, Protection};
pub use instance::{Ingress, Instance, KeyPair, SecurityGroup, Volume};
pub use key::{Key, KeyState};
pub use organization::{Membership, Organization};
pub use shared::Shared;
pub use snapshot::Snapshot;
pub use trail::TrailEvent;

/// Everything there is.
#[derive(Debug, Default, Serialize)]
pub struct World {
    /// Accounts by ID.
    pub accounts: BTreeMap<String, Account>,
    /// AMIs by ID, dead ones too.
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
    /// Security groups by ID.
    pub security_groups: BTreeMap<String, SecurityGroup>,
    /// Key pairs by ID.
    pub key_pairs: BTreeMap<String, KeyPair>,
    /// The organization, where the accounts are in one.
    pub organization: Option<Organization>,
    /// What EC2 asked KMS for.
    pub trail: Vec<TrailEvent>,
    /// Source and destination keys whose data key a later copy uses again (recorded of
    /// CopySnapshot).
    #[serde(skip)]
    pub copied: BTreeSet<(String, String, String)>,
    /// Who is behind an access key.
    #[serde(skip)]
    pub credentials: BTreeMap<String, Credential>,
    /// Client tokens: account, Region and token to parameters and result. Dead results are
    /// remembered too.
    #[serde(skip)]
    pub tokens: BTreeMap<(String, String, String), (String, String)>,
    /// Accounts that KMS does not take as principals.
    pub nonexistent_accounts: BTreeSet<String>,
    /// Whether CopyImage asks KMS for what was recorded of copies (R1.4.5), not for what AWS
    /// publishes (R1.4.2).
    pub copies_as_recorded: bool,
    /// Whether `ModifyImageAttribute` tells IAM nothing of whom it names: AWS lists such condition
    /// keys for snapshots only.
    pub hides_recipients_of_images: bool,
    /// The Regions; where there are none, AWS's.
    pub regions: Vec<Region>,
    #[serde(skip)]
    issued: u64,
    #[serde(skip)]
    pending: Option<advance::Pending>,
}

/// A Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// Such as `eu-west-1`.
    pub name: String,
    /// Whether each account has to turn it on.
    pub opt_in: bool,
}

impl World {
    /// Finds a key as KMS does: IDs and aliases in the caller's account and Region, ARNs anywhere
    /// (R3.1.4).
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
        let arn = format!("arn:aws:kms:{region}:{account}:key/{named}");
        self.keys.contains_key(&arn).then_some(arn)
    }

    fn find_alias(&mut self, alias: &str, account: &str, region: &str) -> Option<String> {
        let place = (account.to_owned(), region.to_owned(), alias.to_owned());
        if alias == "alias/aws/ebs"
            && !self.aliases.contains_key(&place)
            && self.accounts.contains_key(account)
        {
            // AWS makes its own key when it is first needed (R3.1.6).
            let key = Key::aws_ebs(account, region);
            self.aliases.insert(place.clone(), key.arn.clone());
            self.keys.insert(key.arn.clone(), key);
        }
        self.aliases.get(&place).cloned()
    }

    /// The key that EBS uses where none is named (R1.3.5).
    pub fn default_ebs_key(&mut self, account: &str, region: &str) -> Option<String> {
        let set = self
            .accounts
            .get(account)
            .and_then(|account| account.default_ebs_keys.get(region))
            .cloned();
        set.or_else(|| self.find_alias("alias/aws/ebs", account, region))
    }

    /// The images that use the snapshot and are not dead, the newest first (recorded of one
    /// answer).
    pub fn images_using(&self, snapshot: &str) -> Vec<String> {
        let uses = |image: &&Image| {
            image.state != ImageState::Deregistered
                && image
                    .mappings
                    .iter()
                    .any(|mapping| mapping.snapshot.as_deref() == Some(snapshot))
        };
        let mut users: Vec<&Image> = self.images.values().filter(uses).collect();
        users.sort_by_key(|image| std::cmp::Reverse(image.created));
        users.into_iter().map(|image| image.id.clone()).collect()
    }
}
