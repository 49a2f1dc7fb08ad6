//! The form of a scenario file. Its JSON Schema is made of this.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A world to begin with, as a scenario file has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// The Region of whatever names none.
    pub region: String,
    /// The Regions that there are; without any, those that AWS has on for every account.
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
    /// Whether CopyImage asks KMS for the recorded set (R1.4.5), not for the published one
    /// (R1.4.2).
    #[serde(default)]
    pub copies_as_recorded: bool,
}

/// A Region.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegionSpec {
    /// Such as `eu-west-1`.
    pub name: String,
    /// Whether each account has to turn it on.
    #[serde(default)]
    pub opt_in: bool,
}

/// An account.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountSpec {
    /// Twelve digits.
    pub id: String,
    /// Roles beside `administrator`.
    #[serde(default)]
    pub roles: Vec<RoleSpec>,
    /// Policies that can be attached to roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicySpec>,
    /// Services whose service-linked role is there, such as `autoscaling.amazonaws.com`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_linked_roles: Vec<String>,
    /// The default EBS key, by the name of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_ebs_key: Option<String>,
    /// Whether new volumes and copies are encrypted without being asked.
    #[serde(default)]
    pub encryption_by_default: bool,
    /// Whether images cannot be made public (R2.13).
    #[serde(default)]
    pub block_public_images: bool,
    /// Allowed AMIs (R7.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_images: Option<AllowedImagesSpec>,
    /// The opt-in Regions that are on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opted_in: Vec<String>,
}

/// Which foreign images an account lets itself see.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AllowedImagesSpec {
    /// Whether it keeps others out of sight, or only tells.
    pub state: AllowedImagesState,
    /// Account IDs.
    pub providers: Vec<String>,
}

/// The states of Allowed AMIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedImagesState {
    /// Others are out of sight.
    Enabled,
    /// Images tell whether they would be.
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
    /// Service control policies, by the ID of the root, unit or account that they are attached to.
    /// Where there is none, everything is allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_control_policies: BTreeMap<String, Vec<Value>>,
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
    /// The key policy; without one, everything is left to the account's IAM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
    /// The state.
    #[serde(default)]
    pub state: KeyStateSpec,
    /// Such as `RSA_2048`; without one, symmetric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
}

/// The states of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum KeyStateSpec {
    /// Works.
    #[default]
    Enabled,
    /// Does not.
    Disabled,
    /// Will be gone.
    PendingDeletion,
    /// Has no key material yet.
    PendingImport,
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
    /// For each EBS volume the key it is encrypted under: the name of a key, `aws/ebs`, or nothing.
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
}

/// The states of an image that is not being made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImageStateSpec {
    /// Ready.
    #[default]
    Available,
    /// Never ready.
    Failed,
    /// Shown to its owner only, and of no use.
    Disabled,
}
