//! Instances with their volumes, security groups and key pairs.

use serde::Serialize;

use super::{NextState, Tags};

/// An EC2 instance.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Instance {
    /// The ID.
    pub id: String,
    /// The image it was launched from.
    pub image: String,
    /// The account that launched it.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// `pending`, `running`, `stopped`, `shutting-down` or `terminated`.
    pub state: &'static str,
    /// The state that it is going to.
    #[serde(skip)]
    pub next: Option<NextState>,
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
    /// The Availability Zone.
    pub zone: String,
    /// The VPC.
    pub vpc: String,
    /// The client token of its launch.
    pub client_token: Option<String>,
    /// The key pair that its launch named.
    pub key_name: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// The tags that its launch gave to its volumes.
    pub volume_tags: Tags,
    /// The tags that its launch gave to its network interface.
    pub interface_tags: Tags,
}

/// An EBS volume of an instance.
#[derive(Clone, Debug, Serialize)]
pub struct Volume {
    /// The ID.
    pub id: String,
    /// Such as `/dev/xvda`.
    pub device: String,
    /// The snapshot it was made from; an empty volume has none.
    pub snapshot: String,
    /// The ARN of the key it is encrypted under.
    pub key: Option<String>,
    /// GiB.
    pub size: u32,
    /// Whether it ends with its instance.
    pub delete_on_termination: bool,
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
    pub tags: Tags,
}

/// A security group. Traffic is not simulated: it opens nothing.
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
    pub tags: Tags,
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
