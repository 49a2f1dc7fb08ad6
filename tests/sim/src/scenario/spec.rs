//! The form of a scenario file. Its JSON Schema is made of this.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::ImageCriterion;

pub use super::spec_launching::{EmptyVolumeSpec, LaunchingSpec, MachineSpec, SubnetSpec};

/// A world to begin with, as a scenario file has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// The Region of everything that names none.
    pub region: String,
    /// The Regions. Without any, those that AWS enables for every account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<RegionSpec>,
    /// The accounts. Each gets a user with every permission, and the role `administrator`.
    pub accounts: Vec<AccountSpec>,
    /// The organization that accounts are in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationSpec>,
    /// Customer managed keys.
    #[serde(default)]
    pub keys: Vec<KeySpec>,
    /// AMIs.
    #[serde(default)]
    pub images: Vec<ImageSpec>,
    /// Account IDs that KMS does not take as principals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nonexistent_accounts: Vec<String>,
    /// Availability Zones, and the instance types that they do not offer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_offered: BTreeMap<String, Vec<String>>,
    /// The job on GitHub that gets ID tokens, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github_job: Option<GitHubJobSpec>,
    /// Whether CopyImage asks KMS only for what was recorded of real copies, not for all that AWS
    /// publishes.
    #[serde(default)]
    pub copies_as_recorded: bool,
}

/// A job on GitHub with `id-token: write`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GitHubJobSpec {
    /// What its ID tokens say of it, such as `sub`.
    pub claims: BTreeMap<String, String>,
}

/// A Region.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegionSpec {
    /// Such as `eu-west-1`.
    pub name: String,
    /// Whether each account has to enable it.
    #[serde(default)]
    pub opt_in: bool,
}

/// An account.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountSpec {
    /// Twelve digits.
    pub id: String,
    /// Roles in addition to `administrator`.
    #[serde(default)]
    pub roles: Vec<RoleSpec>,
    /// Policies that can be attached to roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicySpec>,
    /// Providers of identities (OIDC) by host, each with the audiences that it takes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identity_providers: BTreeMap<String, Vec<String>>,
    /// Services whose service-linked role exists, such as `autoscaling.amazonaws.com`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_linked_roles: Vec<String>,
    /// The default EBS key, by the name of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_ebs_key: Option<String>,
    /// Whether new volumes and copies are encrypted without being asked.
    #[serde(default)]
    pub encryption_by_default: bool,
    /// Whether images cannot be made public.
    #[serde(default)]
    pub block_public_images: bool,
    /// Allowed AMIs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_images: Option<AllowedImagesSpec>,
    /// The opt-in Regions that are enabled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opted_in: Vec<String>,
    /// What it can launch in the Region of the file, and where.
    #[serde(default, skip_serializing_if = "LaunchingSpec::is_usual")]
    pub launching: LaunchingSpec,
    /// The tag policy: tag keys, each with the values that resources may be made with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tag_policy: BTreeMap<String, Vec<String>>,
}

/// Which images of other accounts an account allows itself to use.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AllowedImagesSpec {
    /// Whether other images are hidden, or only marked.
    pub state: AllowedImagesState,
    /// A criterion of account IDs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// Criteria of any kind. An image is allowed if it meets one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<ImageCriterion>,
}

/// The states of Allowed AMIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedImagesState {
    /// Other images are hidden.
    Enabled,
    /// Images show whether they would be hidden.
    AuditMode,
}

/// A policy that can be attached.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PolicySpec {
    /// The name.
    pub name: String,
    /// What it says.
    pub document: Value,
}

/// An IAM role.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RoleSpec {
    /// The name.
    pub name: String,
    /// The path, such as `/ops/`; without one, `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The trust policy.
    pub trust: Value,
    /// The identity policy; without one, the role may do nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
    /// The permissions boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Value>,
}

/// An organization.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrganizationSpec {
    /// Such as `o-example123`.
    pub id: String,
    /// The management account.
    pub management: String,
    /// Such as `r-ab12`.
    pub root: String,
    /// Organizational units.
    #[serde(default)]
    pub units: Vec<UnitSpec>,
    /// Accounts: the ID of the unit or root that each is in.
    pub accounts: BTreeMap<String, String>,
    /// Member accounts that may list its accounts and units, as the management account may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegated_administrators: Vec<String>,
    /// The states of accounts that are not `ACTIVE`, such as `SUSPENDED`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub account_states: BTreeMap<String, String>,
    /// Service control policies, by the ID of the root, unit or account that they are attached to.
    /// Without one, everything is allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_control_policies: BTreeMap<String, Vec<Value>>,
    /// Resource control policies, in the same way. They deny what anybody does to keys and roles.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resource_control_policies: BTreeMap<String, Vec<Value>>,
}

/// An organizational unit.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UnitSpec {
    /// Such as `ou-ab12-11111111`.
    pub id: String,
    /// The unit or root that it is in.
    pub parent: String,
}

/// A customer managed key.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeySpec {
    /// The name in this file, and the alias.
    pub name: String,
    /// The account that owns it.
    pub account: String,
    /// The Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The key policy. Without one, the account's IAM decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
    /// The policy by which AWS RAM shares the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ram_policy: Option<Value>,
    /// The state.
    #[serde(default)]
    pub state: KeyStateSpec,
    /// Whether it is the primary key of several Regions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multi_region: bool,
    /// Such as `RSA_2048`; without one, symmetric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
}

/// The states of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum KeyStateSpec {
    /// It can be used.
    #[default]
    Enabled,
    /// It cannot be used.
    Disabled,
    /// It will be deleted.
    PendingDeletion,
    /// It has no key material yet.
    PendingImport,
    /// Its key store cannot be reached.
    Unavailable,
    /// A replica that is being made. It stays so.
    Creating,
    /// A key whose primary Region changes. It stays so.
    Updating,
}

/// An AMI.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImageSpec {
    /// The name.
    pub name: String,
    /// The account that owns it.
    pub account: String,
    /// The Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// For each EBS volume the key it is encrypted under: the name of a key, `aws/ebs`, or null.
    #[serde(default)]
    pub volumes: Vec<Option<String>>,
    /// GiB of each volume; without it, 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// How many ephemeral devices it has.
    #[serde(default)]
    pub ephemeral: usize,
    /// Whether it is still being made when the simulation begins.
    #[serde(default)]
    pub building: bool,
    /// The owner's tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Product codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product_codes: Vec<String>,
    /// The state, of one that is not being made.
    #[serde(default)]
    pub state: ImageStateSpec,
    /// Who may launch it: account IDs, `all`, ARNs of organizations and units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_with: Vec<String>,
    /// Who may copy its snapshots: account IDs, or `all`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub snapshots_shared_with: Vec<String>,
    /// Whether it is protected from deregistration.
    #[serde(default)]
    pub protected: bool,
    /// Watermarks, `account:name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watermarks: Vec<String>,
    /// Whether its snapshots are archived.
    #[serde(default)]
    pub archived: bool,
    /// Volumes that begin empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty_volumes: Vec<EmptyVolumeSpec>,
    /// What it needs of the machine.
    #[serde(default, skip_serializing_if = "MachineSpec::is_usual")]
    pub machine: MachineSpec,
}

/// The states of an image that is not being made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImageStateSpec {
    /// It can be used.
    #[default]
    Available,
    /// It could not be made.
    Failed,
    /// Only its owner sees it, and nobody can launch it.
    Disabled,
}
