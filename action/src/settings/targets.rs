//! The inputs of what is done in target accounts.

use ami_share::request::{LaunchWith, TargetOptions, Verify};

use super::parser::Parser;
use crate::inputs::Raw;

/// Parses them; what they need of each other is checked with the whole request.
pub(super) fn parse(parser: &mut Parser, raw: &Raw, verify: Verify) -> TargetOptions {
    let (subnet, subnets) = parser.subnets(raw.verify_subnet_id());
    let launch_with = LaunchWith {
        instance_type: raw.verify_instance_type().text.map(str::to_owned),
        subnet,
        subnets,
    };
    let services = parser.words(raw.target_service_linked_roles());
    let launch_templates = parser.words(raw.target_launch_templates());
    let launch_roles = parser.words(raw.target_launch_roles());
    let mut options = TargetOptions::default()
        .unshare_after_copy(parser.flag(raw.unshare_after_copy(), false))
        .launch_roles(launch_roles)
        .service_linked_roles(services)
        .launch_templates(launch_templates)
        .set_default_version(parser.flag(raw.set_default_version(), false))
        .verify(verify)
        .launch_with(launch_with);
    if let Some(role) = parser.one(raw.target_role()) {
        options = options.role(role);
    }
    if let Some(id) = raw.target_external_id().text {
        options = options.external_id(id);
    }
    if let Some(policy) = parser.one(raw.target_launch_policy()) {
        options = options.launch_policy(policy);
    }
    for (region, key) in parser.keys(raw.target_kms_key_id()) {
        options = match region {
            Some(region) => options.kms_key_in(region, key),
            None => options.kms_key(key),
        };
    }
    if let Some(name) = &raw.run_name {
        options = options.run_name(name.as_str());
    }
    options
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Spoil, each_is_one_problem};
    use super::*;

    /// Everything that a launch in the target needs.
    fn launch(raw: &mut Raw) {
        raw.target_accounts = Some("222222222222".into());
        raw.target_role = Some("x".into());
        raw.verify = Some("launch".into());
    }

    #[test]
    fn wrong_target_input_is_one_problem_that_names_it() {
        let table: &[(&str, Spoil)] = &[
            ("target-role", |raw| raw.target_role = Some("a b".into())),
            ("target-role", |raw| {
                raw.target_role = Some("arn:aws:iam::{id}:role/x".into());
            }),
            // A role of an account that is no target: a problem for each target, and here there is
            // one.
            ("target-role", |raw| {
                raw.target_accounts = Some("222222222222".into());
                raw.target_role = Some("arn:aws:iam::555555555555:role/x".into());
            }),
            ("target-role", |raw| {
                raw.target_role = Some("arn:aws-cn:iam::{account}:role/x".into());
            }),
            ("target-role", |raw| {
                raw.target_role = Some("x".into());
                raw.target_organizations =
                    Some("arn:aws:organizations::111111111111:organization/o-abcdefghij".into());
            }),
            ("target-external-id", |raw| {
                raw.target_external_id = Some("example".into());
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
                raw.target_kms_key_id = Some("alias/own".into());
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
            ("unshare-after-copy", |raw| {
                raw.unshare_after_copy = Some("true".into());
            }),
            ("unshare-after-copy", |raw| {
                raw.unshare_after_copy = Some("no".into());
            }),
            ("target-launch-roles", |raw| {
                raw.target_launch_roles = Some("launcher".into());
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
            ("target-service-linked-roles", |raw| {
                raw.target_service_linked_roles = Some("autoscaling.amazonaws.com".into());
            }),
            ("target-service-linked-roles", |raw| {
                raw.target_role = Some("x".into());
                raw.target_service_linked_roles = Some("autoscaling.amazonaws.co".into());
            }),
        ];
        each_is_one_problem(table);
    }

    #[test]
    fn wrong_input_of_launch_templates_is_one_problem_that_names_it() {
        let table: &[(&str, Spoil)] = &[
            ("target-launch-templates", |raw| {
                raw.target_launch_templates = Some("web".into());
            }),
            ("target-launch-templates", |raw| {
                raw.target_role = Some("x".into());
                raw.target_launch_templates = Some("w".into());
            }),
            ("target-launch-templates", |raw| {
                raw.target_role = Some("x".into());
                raw.target_launch_templates = Some("web:3".into());
            }),
            ("target-launch-templates", |raw| {
                raw.target_role = Some("x".into());
                raw.target_launch_templates = Some("web-{arch}".into());
            }),
            ("set-default-version", |raw| {
                raw.target_role = Some("x".into());
                raw.set_default_version = Some("true".into());
            }),
        ];
        each_is_one_problem(table);
    }

    #[test]
    fn wrong_input_of_verification_is_one_problem_that_names_it() {
        let table: &[(&str, Spoil)] = &[
            ("verify", |raw| raw.verify = Some("all".into())),
            ("verify", |raw| raw.verify = Some("launch".into())),
            ("verify-instance-type", |raw| {
                raw.verify_instance_type = Some("t3.nano".into());
            }),
            ("verify-subnet-id", |raw| {
                raw.target_role = Some("x".into());
                raw.verify_subnet_id = Some("subnet-1a2b3c4d".into());
            }),
            ("verify-subnet-id", |raw| {
                launch(raw);
                raw.verify_subnet_id = Some("subnet-1a2b3c4d subnet-1a2b3c4e".into());
            }),
            ("verify-subnet-id", |raw| {
                launch(raw);
                raw.verify_subnet_id = Some("333333333333=subnet-1a2b3c4d".into());
            }),
            ("verify-subnet-id", |raw| {
                launch(raw);
                raw.verify_subnet_id = Some("us-east-1=vpc-1a2b3c4d".into());
            }),
        ];
        each_is_one_problem(table);
    }
}
