//! What accounts can launch, and what images need, as a scenario file has it.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::world::{Launching, Subnet};

/// What an account can launch, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct LaunchingSpec {
    /// Whether the default VPC was deleted.
    pub no_default_vpc: bool,
    /// The subnets of other VPCs.
    pub subnets: Vec<SubnetSpec>,
    /// How many vCPUs may run at once; without it, as many as one likes.
    pub vcpus: Option<u32>,
    /// Whether the account is on the free plan.
    pub free_plan: bool,
    /// Availability Zones, and the instance types of which they have none left.
    pub without_capacity: BTreeMap<String, Vec<String>>,
    /// How many seconds an instance is pending.
    pub start_seconds: u32,
    /// How many seconds an instance takes to be terminated.
    pub shutdown_seconds: u32,
    /// The reason with which every instance ends by itself, such as
    /// `Server.InternalError: Internal error on launch`.
    pub ends_with: Option<String>,
    /// Whether the end of an instance that KMS refused says `Client.InternalError`.
    pub vague_ends: bool,
}

/// A subnet of a VPC that is not the default one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SubnetSpec {
    /// Such as `subnet-1a2b3c4d`.
    pub id: String,
    /// Such as `vpc-1a2b3c4d`.
    pub vpc: String,
    /// Such as `us-east-1b`.
    pub zone: String,
}

/// A volume that begins empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EmptyVolumeSpec {
    /// GiB.
    pub size: u32,
    /// Whether it stays when its instance is terminated.
    #[serde(default)]
    pub stays: bool,
    /// Whether it is encrypted, under the launcher's default key.
    #[serde(default)]
    pub encrypted: bool,
}

/// What an image needs of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct MachineSpec {
    /// Such as `arm64`; without it, `x86_64`.
    pub architecture: Option<String>,
    /// Whether it has no driver for the Elastic Network Adapter.
    pub without_ena: bool,
    /// `legacy-bios`, `uefi` or `uefi-preferred`.
    pub boot_mode: Option<String>,
    /// `hvm` or `paravirtual`; without it, `hvm`.
    pub virtualization: Option<String>,
    /// Whether it needs a TPM.
    pub tpm: bool,
    /// Patterns of the instance types that it supports.
    pub supported_types: Vec<String>,
    /// Patterns of the instance types that it does not support.
    pub unsupported_types: Vec<String>,
}

impl MachineSpec {
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl LaunchingSpec {
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn build(&self) -> Launching {
        let mut launching = Launching {
            default_vpc: !self.no_default_vpc,
            vcpus: self.vcpus,
            free_plan: self.free_plan,
            start_time: Duration::from_secs(self.start_seconds.into()),
            shutdown_time: Duration::from_secs(self.shutdown_seconds.into()),
            ends_with: self.ends_with.clone(),
            vague_ends: self.vague_ends,
            ..Launching::default()
        };
        for (zone, types) in &self.without_capacity {
            let missing = types.iter().map(|name| (zone.clone(), name.clone()));
            launching.without_capacity.extend(missing);
        }
        for subnet in &self.subnets {
            launching.subnets.push(Subnet {
                id: subnet.id.clone(),
                vpc: subnet.vpc.clone(),
                zone: subnet.zone.clone(),
            });
        }
        launching
    }
}
