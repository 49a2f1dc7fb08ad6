//! What an account can launch in a Region, and where: networks, quotas, capacity (R7.28).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::World;

/// Every Region has these Availability Zones.
pub(crate) const ZONES: [&str; 3] = ["a", "b", "c"];

/// What an account can launch in a Region, and where.
#[derive(Clone, Debug, Serialize)]
pub struct Launching {
    /// Whether there is a default VPC, with one subnet in the first zone.
    pub default_vpc: bool,
    /// The subnets of other VPCs.
    pub subnets: Vec<Subnet>,
    /// How many vCPUs may run at once; `None` is as many as one likes.
    pub vcpus: Option<u32>,
    /// Whether the account is on the free plan.
    pub free_plan: bool,
    /// Zones and the types of which they have none left.
    pub without_capacity: BTreeSet<(String, String)>,
    /// How long an instance is pending.
    pub start_time: Duration,
    /// How long an instance takes to be terminated.
    pub shutdown_time: Duration,
    /// `StateReason` with which every instance ends by itself, code and words.
    pub ends_with: Option<String>,
    /// Whether the end of an instance that KMS refused says so only vaguely (R4.5).
    pub vague_ends: bool,
}

impl Default for Launching {
    fn default() -> Self {
        Self {
            default_vpc: true,
            subnets: Vec::new(),
            vcpus: None,
            free_plan: false,
            without_capacity: BTreeSet::new(),
            start_time: Duration::ZERO,
            shutdown_time: Duration::ZERO,
            ends_with: None,
            vague_ends: false,
        }
    }
}

/// A subnet of a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Subnet {
    /// The ID.
    pub id: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// Such as `us-east-1b`.
    pub zone: String,
}

impl World {
    /// What an account can launch in a Region.
    pub fn launching(&self, account: &str, region: &str) -> Launching {
        let account = self.accounts.get(account);
        let launching = account.and_then(|account| account.launching.get(region));
        launching.cloned().unwrap_or_default()
    }

    /// Whether a zone offers an instance type.
    pub fn offers(&self, zone: &str, instance_type: &str) -> bool {
        let missing = (zone.to_owned(), instance_type.to_owned());
        !self.not_offered.contains(&missing)
    }

    /// Whether a Region offers an instance type in any of its zones.
    pub fn offers_in_region(&self, region: &str, instance_type: &str) -> bool {
        let zones = ZONES.map(|zone| format!("{region}{zone}"));
        zones.iter().any(|zone| self.offers(zone, instance_type))
    }
}
