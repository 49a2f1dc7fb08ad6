//! The inputs: their names, defaults and meaning, each declared once.

mod environment;
mod renamed;

use serde::Deserialize;

pub(crate) use environment::{read, region_of_profile, variable};

/// One input, as `--help`, `action.yml` and the README show it.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// The name, in kebab-case.
    pub name: &'static str,
    /// The default; in words if it is not a value.
    pub default: &'static str,
    /// What it means, in one line.
    pub help: &'static str,
}

/// The value of one input, with the name that problems call it by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InputValue<'a> {
    /// The name of the input.
    pub(crate) name: &'static str,
    /// The text that was given; `None` if it is blank or missing.
    pub(crate) text: Option<&'a str>,
}

/// Declares each input once: its field and accessor in [`Raw`], and its line in [`INPUTS`].
macro_rules! inputs {
    ($($field:ident $name:literal $default:literal $help:literal)+) => {
        /// The inputs as text; blank ones are absent. They are parsed later, in one place, so that
        /// every problem is reported at once.
        #[derive(Clone, Debug, Default, Deserialize)]
        pub(crate) struct Raw {
            $(pub(crate) $field: Option<String>,)+
            /// Not an input: what the CI system calls this run.
            #[serde(skip)]
            pub(crate) run_name: Option<String>,
        }

        impl Raw {
            $(pub(crate) fn $field(&self) -> InputValue<'_> {
                InputValue { name: $name, text: self.$field.as_deref() }
            })+
        }

        /// Every input.
        pub const INPUTS: &[Input] = &[$(Input { name: $name, default: $default, help: $help },)+];
    };
}

inputs! {
    mode "mode" "share" "share: give access; revoke: remove access; verify: check whether targets \
                         can launch, \
        and change nothing"
    dry_run "dry-run" "false" "say what share or revoke would do, and change nothing"
    ami_id "ami-id" "" "the AMIs: ami-… or region:ami-…, one or many; give either this or \
        packer-manifest"
    packer_manifest "packer-manifest" "" "a Packer manifest file: the AMIs of its last run, in \
        every Region"
    aws_region "aws-region" "AWS_REGION" "Region of AMIs that are given without one"
    target_accounts "target-accounts" "" "accounts to share with: 12 digits each"
    target_organizations "target-organizations" "" "organizations to share with: ARNs"
    target_organizational_units "target-organizational-units" "" "organizational units to share \
        with: ARNs"
    allowed_account_ids "allowed-account-ids" "" "refuse to start under any other source account"
    require_image_tags "require-image-tags" "" "tags that every source image must carry: key=value \
        lines"
    kms_key_id "kms-key-id" "" "re-encrypt with this key before sharing: ID, alias or ARN, or \
        region=key pairs; an image that is already fully encrypted with it is not copied"
    copy_to_regions "copy-to-regions" "" "Regions to copy the image to and share it in; \
        with mode revoke: the Regions whose copies are revoked too (no others are searched)"
    copy_name "copy-name" "{name}" "name of copies; placeholders {name} {ami-id} {region} {account}"
    copy_description "copy-description" "that of the image" "description of copies"
    share_source "share-source" "true" "false: share only copies, not an image that needs no copy \
        in its own Region; that Region needs no key then, and without one gets no copy"
    copy_completion "copy-completion" "" "have AWS complete copies in this time, for a fee: 15m to \
        48h, in steps of 15 minutes"
    copy_image_tags "copy-image-tags" "true" "put the AMI's tags on every copy and, with \
        target-role, on the shared AMI in each target"
    tags "tags" "" "more tags for copies: key=value lines"
    key_access "key-access" "policy" "policy: statements in the key policy; grants: a grant for \
        each image and account; none: change no key, only output the statements to add"
    key_scope "key-scope" "via-ec2" "via-ec2: targets can use the key only through EC2; direct: \
        also by calling KMS; grants cannot keep via-ec2"
    key_role "key-role" "" "ARN of a role to assume for the policy and grants of a key that \
        another account owns"
    share_snapshots "share-snapshots" "auto" "share the snapshots too, which a target account \
        needs to copy the image: auto (if targets copy), true, false"
    target_role "target-role" "" "role to assume in each target account: a name, or an ARN with \
        {account}"
    target_external_id "target-external-id" "" "external ID for that role"
    target_kms_key_id "target-kms-key-id" "" "have each target copy the image under a key of its \
        own: alias, ID or ARN, or region=key pairs"
    unshare_after_copy "unshare-after-copy" "false" "once a target's copy is available, revoke its \
        access to the source"
    target_launch_roles "target-launch-roles" "" "names of roles in each target that may launch \
        with the shared key"
    target_launch_policy "target-launch-policy" "" "managed policy in each target to attach to \
        those roles: a name, or an ARN with {account}; without it they get an inline policy"
    target_service_linked_roles "target-service-linked-roles" "" "services whose roles in the \
        targets may launch, such as autoscaling.amazonaws.com: each role gets a grant of the \
        image's key and, unless its policy suffices, of the target's default EBS key"
    verify "verify" "permissions" "check that targets can launch: none, permissions (read the \
        permissions; with target-role, also in the targets), launch (start a real \
        instance in each target, and terminate it)"
    verify_instance_type "verify-instance-type" "one that fits" "instance type for verify: launch; \
        by default a small one that fits the image and that the Region offers"
    verify_subnet_id "verify-subnet-id" "default VPC" "subnet for verify: launch; or \
        place=subnet pairs, where a place is an account, a Region, or 222222222222/eu-west-1"
    unlisted "unlisted" "keep" "principals that have access but are not listed: keep, or revoke"
    revoke_all "revoke-all" "false" "with mode revoke and no target: remove everybody's access"
    revoke_copies "revoke-copies" "false" "with mode revoke: also remove copies that this tool made"
    revoke_keys_in_use "revoke-keys-in-use" "false" "with mode revoke: revoke key access even if \
        another image, or an instance, a volume or a snapshot of the target, still needs it"
    drop_stale_principals "drop-stale-principals" "false" "where a key policy must be written, \
        remove principals from it that no longer exist: KMS refuses it with them, and they give \
        access to nobody"
    publish_ssm_parameter "publish-ssm-parameter" "" "name of an SSM parameter to write each \
        shared AMI into; same placeholders as copy-name"
    overwrite_ssm_parameter "overwrite-ssm-parameter" "false" "write that parameter even if it \
        holds something other than an AMI ID"
    deprecate_at "deprecate-at" "" "deprecate the shared AMIs, and targets' own copies, at a date \
        or at an age: 2030-12-31 or 90d"
    deregistration_protection "deregistration-protection" "false" "protect the shared AMIs, and \
        targets' own copies, from deregistration"
    timeout "timeout" "2h" "the run's deadline"
    poll_interval "poll-interval" "5s..60s" "shortest and longest pause between two polls; one \
        value sets both"
    settle "settle" "10s" "how long to wait after a change of a key policy before reading it \
        again; below 8s the plan has a warning"
    max_concurrency "max-concurrency" "32" "how many calls may run at once"
    report_path "report-path" "" "also write the report to this file"
    mask_account_ids "mask-account-ids" "false" "hide account IDs in log and summary, but \
        for four digits"
}

/// What is wrong with an input: its name, and a message that says its value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The input's name.
    pub(crate) input: String,
    /// What is wrong.
    pub(crate) message: String,
}

impl Problem {
    /// A problem of `input`.
    pub(crate) fn new(input: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            input: input.into(),
            message: message.into(),
        }
    }
}

/// A value short enough for a message.
pub(crate) fn shorten(value: &str) -> String {
    let short: String = value.chars().take(100).collect();
    if short.len() < value.len() {
        format!("{short}…")
    } else {
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_value_is_shortened() {
        let long = "ä".repeat(101);
        assert_eq!(shorten(&long), format!("{}…", "ä".repeat(100)));
        assert_eq!(shorten(&long[2..]), &long[2..]);
        assert_eq!(shorten(""), "");
    }
}
