//! Instances and their volumes.

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
    /// Where it is.
    pub region: String,
    /// `pending`, `running` or `terminated`.
    pub state: &'static str,
    /// `StateReason` code and message, of one that did not come up.
    pub state_reason: Option<(String, String)>,
    /// `StateTransitionReason`.
    pub transition_reason: String,
    /// The type, such as `t3.micro`.
    pub kind: String,
    /// Its volumes.
    pub volumes: Vec<Volume>,
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
    /// The snapshot it was made of.
    pub snapshot: String,
    /// The ARN of the key it is encrypted under.
    pub key: Option<String>,
    /// GiB.
    pub size: u32,
}
