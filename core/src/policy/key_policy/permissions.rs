//! What the statements of this tool give: how a key may be used, and by which services.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How targets may use the key of a shared image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyScope {
    /// Only through EC2, as AWS's own policy of `aws/ebs` has it.
    #[default]
    ViaEc2,
    /// Also by calling KMS directly.
    Direct,
}

/// What the statements of this tool in a key policy give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeyPermissions {
    /// How the principals may use the key.
    pub scope: KeyScope,
    /// The services whose service-linked roles accounts may give grants to.
    pub services: BTreeSet<String>,
}
