//! The inputs of what is done in target accounts.

use ami_share::request::{LaunchWith, TargetOptions, Verify};

use super::parser::{Parser, words};
use crate::inputs::Raw;

/// Parses them; what they need of each other is checked with the whole request.
pub(super) fn parse(parser: &mut Parser, raw: &Raw) -> TargetOptions {
    let mut wanted = TargetOptions::default()
        .keep_shared(parser.flag("keep-shared", raw.keep_shared.as_deref(), true))
        .launch_roles(words(raw.target_launch_roles.as_deref()).map(str::to_owned))
        .service_linked_roles(words(raw.service_linked_roles.as_deref()).map(str::to_owned));
    let ways = [
        ("permissions", Verify::Permissions),
        ("none", Verify::None),
        ("launch", Verify::Launch),
    ];
    wanted = wanted.verify(
        parser
            .choice("verify", raw.verify.as_deref(), &ways)
            .unwrap_or_default(),
    );
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

#[cfg(test)]
mod tests {
    use super::super::tests::{Spoil, each_is_one_problem};

    #[test]
    fn each_wrong_input_of_the_target_side_is_one_problem_that_names_it() {
        let table: &[(&str, Spoil)] = &[
            ("target-role", |raw| raw.target_role = Some("a b".into())),
            ("target-role", |raw| {
                raw.target_role = Some("arn:aws:iam::{id}:role/x".into())
            }),
            // A role of an account that is no target: a problem for each target, and here there is
            // one.
            ("target-role", |raw| {
                raw.target_accounts = Some("222222222222".into());
                raw.target_role = Some("arn:aws:iam::555555555555:role/x".into());
            }),
            ("target-role", |raw| {
                raw.target_role = Some("arn:aws-cn:iam::{account}:role/x".into())
            }),
            ("target-role", |raw| {
                raw.target_role = Some("x".into());
                raw.target_organizations =
                    Some("arn:aws:organizations::111111111111:organization/o-abcdefghij".into());
            }),
            ("target-external-id", |raw| {
                raw.target_external_id = Some("example".into())
            }),
            ("target-external-id", |raw| {
                raw.target_role = Some("x".into());
                raw.target_external_id = Some("no blanks".into());
            }),
            ("target-external-id", |raw| {
                raw.target_role = Some("x".into());
                raw.target_external_id = Some("1".into());
            }),
            ("target-kms-key-id", |raw| {
                raw.target_kms_key_id = Some("alias/own".into())
            }),
            ("target-kms-key-id", |raw| {
                raw.target_role = Some("x".into());
                raw.target_kms_key_id = Some("own".into());
            }),
            ("target-kms-key-id", |raw| {
                raw.target_role = Some("x".into());
                raw.target_kms_key_id = Some("eu-west-1=alias/own us-east-1=alias/own".into());
            }),
            ("target-kms-key-id", |raw| {
                raw.target_accounts = Some("222222222222".into());
                raw.target_role = Some("x".into());
                raw.target_kms_key_id = Some(
                    "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                        .into(),
                );
            }),
            ("target-kms-key-id", |raw| {
                raw.target_accounts = Some("222222222222".into());
                raw.target_role = Some("x".into());
                raw.target_kms_key_id = Some(
                    "arn:aws:kms:us-east-1:555555555555:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                        .into(),
                );
            }),
            ("keep-shared", |raw| raw.keep_shared = Some("false".into())),
            ("keep-shared", |raw| raw.keep_shared = Some("no".into())),
            ("target-launch-roles", |raw| {
                raw.target_launch_roles = Some("launcher".into())
            }),
            ("target-launch-roles", |raw| {
                raw.target_role = Some("x".into());
                raw.target_launch_roles = Some("arn:aws:iam::222222222222:role/launcher".into());
            }),
            ("target-launch-policy", |raw| {
                raw.target_role = Some("x".into());
                raw.target_launch_policy = Some("launch".into());
            }),
            ("target-launch-policy", |raw| {
                raw.target_role = Some("x".into());
                raw.target_launch_roles = Some("launcher".into());
                raw.target_launch_policy = Some("arn:aws:iam::x:policy/y".into());
            }),
            ("service-linked-roles", |raw| {
                raw.service_linked_roles = Some("autoscaling.amazonaws.com".into())
            }),
            ("service-linked-roles", |raw| {
                raw.target_role = Some("x".into());
                raw.service_linked_roles = Some("autoscaling.amazonaws.co".into());
            }),
            ("verify", |raw| raw.verify = Some("all".into())),
            ("verify", |raw| raw.verify = Some("launch".into())),
            ("verify-instance-type", |raw| {
                raw.verify_instance_type = Some("t3.nano".into())
            }),
            ("verify-subnet-id", |raw| {
                raw.target_role = Some("x".into());
                raw.verify_subnet_id = Some("subnet-1a2b3c4d".into());
            }),
        ];
        each_is_one_problem(table);
    }
}
