//! The inputs of what is done in target accounts.

use ami_share::{InTargets, LaunchWith, Verify};

use super::parser::{Parser, words};
use crate::input::Raw;

/// Parses them; what they need of each other is checked with the whole request.
pub(super) fn parse(parser: &mut Parser, raw: &Raw) -> InTargets {
    let mut wanted = InTargets::default()
        .keep_shared(parser.flag("keep-shared", raw.keep_shared.as_deref(), true))
        .launch_roles(words(raw.target_launch_roles.as_deref()).map(str::to_owned))
        .service_linked_roles(words(raw.service_linked_roles.as_deref()).map(str::to_owned));
    let ways = [("permissions", Verify::Permissions), ("none", Verify::None), ("launch", Verify::Launch)];
    wanted = wanted.verify(parser.choice("verify", raw.verify.as_deref(), &ways).unwrap_or_default());
    wanted = wanted.launch_with(LaunchWith {
        instance_type: raw.verify_instance_type.clone(),
        subnet: raw.verify_subnet_id.clone(),
    });
    if let Some(role) = parser.one("target-role", raw.target_role.as_deref()) {
        wanted = wanted.role(role);
    }
    if let Some(id) = &raw.target_external_id {
        wanted = wanted.external_id(id.as_str());
    }
    if let Some(policy) = parser.one("target-launch-policy", raw.target_launch_policy.as_deref()) {
        wanted = wanted.launch_policy(policy);
    }
    for (region, key) in parser.keys("target-kms-key-id", raw.target_kms_key_id.as_deref()) {
        wanted = match region {
            Some(region) => wanted.kms_key_in(region, key),
            None => wanted.kms_key(key),
        };
    }
    if let Some(name) = &raw.run_name {
        wanted = wanted.run_name(name.as_str());
    }
    wanted
}
