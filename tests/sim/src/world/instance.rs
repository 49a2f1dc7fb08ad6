//! Instances with their volumes, security groups and key pairs.

use serde::Serialize;

/// An EC2 instance.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    /// The ID.
    pub id: String,
    /// The image it was launched from.
    pub image: String,
    /// The account that launched it.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// `running`, `stopped` or `terminated`.
    pub state: &'static str,
    /// `StateReason` code and message, if it was stopped or did not start.
    pub state_reason: Option<(String, String)>,
    /// `StateTransitionReason`.
    pub transition_reason: String,
    /// The type, such as `t3.micro`.
    pub kind: String,
    /// When it was launched.
    pub launched: std::time::Duration,
    /// Its volumes.
    pub volumes: Vec<Volume>,
    /// The IDs of the security groups that its launch named.
    pub security_groups: Vec<String>,
    /// The key pair that its launch named.
    pub key_name: Option<String>,
    /// Its tags.
    pub tags: std::collections::BTreeMap<String, String>,
}

/// An EBS volume of an instance.
#[derive(Clone, Debug, Serialize)]
pub struct Volume {
    /// The ID.
    pub id: String,
    /// Such as `/dev/xvda`.
    pub device: String,
    /// The snapshot it was made from.
    pub snapshot: String,
    /// The ARN of the key it is encrypted under.
    pub key: Option<String>,
    /// GiB.
    pub size: u32,
}

/// An EBS volume without an instance.
#[derive(Clone, Debug, Serialize)]
pub struct LooseVolume {
    /// The volume.
    pub volume: Volume,
    /// The account that owns it.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// The Availability Zone.
    pub zone: String,
    /// The type, such as `gp3`.
    pub kind: String,
    /// When it was made.
    #[serde(skip)]
    pub created: std::time::Duration,
    /// Its tags.
    pub tags: std::collections::BTreeMap<String, String>,
}

/// A security group. Networks are not simulated: each group is in its account's default VPC, and
/// opens nothing.
#[derive(Clone, Debug, Serialize)]
pub struct SecurityGroup {
    /// The ID.
    pub id: String,
    /// Unique in its VPC.
    pub name: String,
    /// The description.
    pub description: String,
    /// The account.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// The ID of the VPC.
    pub vpc: String,
    /// Which addresses it lets in.
    pub ingress: Vec<Ingress>,
    /// Whether it has the rule that lets everything out, as a new one has.
    pub lets_out: bool,
    /// Its tags.
    pub tags: std::collections::BTreeMap<String, String>,
}

/// An ingress rule of a security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ingress {
    /// Such as `tcp`; `-1` is any.
    pub protocol: String,
    /// The ports, if the protocol has some.
    pub ports: Option<(u16, u16)>,
    /// The addresses.
    pub cidr: String,
}

/// A key pair, of which AWS keeps the public key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyPair {
    /// The ID.
    pub id: String,
    /// Unique in its account and Region.
    pub name: String,
    /// The account.
    pub owner: String,
    /// The Region.
    pub region: String,
}
