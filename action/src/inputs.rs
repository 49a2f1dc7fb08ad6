//! The inputs: their names, defaults and meaning, each declared once.

mod environment;
mod id_tokens;
mod renamed;

use serde::Deserialize;

pub(crate) use environment::{input_of, is_ci, read, region_of_profile, variable};
pub(crate) use id_tokens::IdTokens;
pub(crate) use renamed::describe as describe_renamed;

/// What inputs are about; `--help`, `action.yml` and the README have them in these groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Which images.
    Images,
    /// Whom they are shared with.
    Targets,
    /// The key that they are encrypted with.
    Key,
    /// Copies in the source account.
    Copies,
    /// What is done in the target accounts.
    InTheTargets,
    /// What loses access.
    Revoking,
    /// Which images are retired, and how far.
    Retiring,
    /// What happens to images that are shared.
    Release,
    /// How the run goes.
    Run,
}

impl Group {
    /// The heading of the group.
    pub fn title(self) -> &'static str {
        match self {
            Self::Images => "Images",
            Self::Targets => "Targets",
            Self::Key => "Key",
            Self::Copies => "Copies",
            Self::InTheTargets => "In the targets",
            Self::Revoking => "Revoking",
            Self::Retiring => "Retiring",
            Self::Release => "Release",
            Self::Run => "Run",
        }
    }
}

/// What the value of an input is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `true` or `false`.
    Boolean,
    /// Any number of words or lines.
    List,
    /// One value.
    Value,
}

/// One input, as `--help`, `action.yml` and the README show it.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// The name, in kebab-case.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// What its value is like.
    pub form: Form,
    /// The default; in words if it is not a value.
    pub default: &'static str,
    /// A value, where its form is not obvious.
    pub example: &'static str,
    /// What it means, in one sentence.
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

/// Declares each input once, under its group: its field and accessor in [`Raw`], and its entry in
/// [`INPUTS`], which is its name, form, default, example and help.
macro_rules! inputs {
    ($($group:ident {
        $($field:ident $name:literal $form:ident $default:literal $example:literal $help:literal)+
    })+) => {
        /// The inputs as text; blank ones are absent. They are parsed later, in one place, so that
        /// every problem is reported at once.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        pub(crate) struct Raw {
            $($(pub(crate) $field: Option<String>,)+)+
            /// Not an input: whether the Region is not given, but that of the environment.
            #[serde(skip)]
            pub(crate) has_default_region: bool,
            /// Nor this: what the CI system calls this run.
            #[serde(skip)]
            pub(crate) run_name: Option<String>,
            /// Nor this: where a job on GitHub gets ID tokens.
            #[serde(skip)]
            pub(crate) id_tokens: Option<IdTokens>,
        }

        impl Raw {
            $($(pub(crate) fn $field(&self) -> InputValue<'_> {
                InputValue { name: $name, text: self.$field.as_deref() }
            })+)+

            /// The text of an input; `None` if it is missing.
            pub(crate) fn get(&self, name: &str) -> Option<&str> {
                match name {
                    $($($name => self.$field.as_deref(),)+)+
                    _ => None,
                }
            }

            /// Gives an input its text.
            pub(crate) fn set(&mut self, name: &str, text: String) {
                match name {
                    $($($name => self.$field = Some(text),)+)+
                    _ => {}
                }
            }

            /// Whether somebody gave the input: the environment's Region is only a default.
            pub(crate) fn is_given(&self, name: &str) -> bool {
                let is_default = name == "aws-region" && self.has_default_region;
                !is_default && self.get(name).is_some()
            }
        }

        /// Every input, group by group.
        pub const INPUTS: &[Input] = &[$($(Input {
            name: $name,
            group: Group::$group,
            form: Form::$form,
            default: $default,
            example: $example,
            help: $help,
        },)+)+];
    };
}

inputs! {
    Images {
        ami_id "ami-id" List "" "eu-west-1:ami-0123456789abcdef0"
            "the AMIs, one or many, each with or without its Region, or resolve:ssm:NAME for the \
            one that an SSM parameter holds; give either this or packer-manifest"
        packer_manifest "packer-manifest" Value "" "packer-manifest.json"
            "a Packer manifest file: the AMIs of its last run, in every Region"
        aws_region "aws-region" Value "AWS_REGION" ""
            "Region of AMIs that are given without one"
        allowed_account_ids "allowed-account-ids" List "" ""
            "refuse to start under any other source account"
        require_image_tags "require-image-tags" List "" "stage=released"
            "tags that every source image must carry: key=value lines"
    }
    Targets {
        target_accounts "target-accounts" List "" "222222222222 333333333333"
            "accounts to share with"
        target_organizations "target-organizations" List ""
            "arn:aws:organizations::111111111111:organization/o-example123"
            "organizations to share with: ARNs"
        target_organizational_units "target-organizational-units" List ""
            "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111"
            "organizational units to share with: ARNs"
        expand_organizations "expand-organizations" Boolean "false" ""
            "take organizations and organizational units for each of their active accounts too: \
            for grants, snapshots, and what is done and checked in targets"
        organizations_role "organizations-role" Value ""
            "arn:aws:iam::999999999999:role/organization-reader"
            "role to assume to list those accounts, in the management account or in that of a \
            delegated administrator; without it, the source account is one of these"
        exclude_accounts "exclude-accounts" List "" ""
            "accounts of those organizations that are left out; the other accounts are then shared \
            with one by one"
        share_snapshots "share-snapshots" Value "auto" ""
            "share the snapshots too, which a target account needs to copy the image: auto (if \
            targets copy), true, false"
        share_tags "share-tags" List "" "[\"Team\", \"Cost Center\"]"
            "keys of the AMI's tags, or all, that every recipient sees; needs no role in the \
            targets, which then tag nothing themselves"
    }
    Key {
        kms_key_id "kms-key-id" List "" "us-east-1=alias/golden eu-west-1=alias/golden"
            "re-encrypt with this key before sharing: ID, alias or ARN, or region=key pairs; an \
            image that is already fully encrypted with it is not copied"
        key_access "key-access" Value "policy" ""
            "policy: statements in the key policy; grants: a grant for each image and account; \
            none: change no key, only output the statements to add"
        key_scope "key-scope" Value "via-ec2" ""
            "via-ec2: targets can use the key only through EC2; direct: also by calling KMS; \
            grants cannot keep via-ec2"
        key_role "key-role" Value "" "arn:aws:iam::444444444444:role/keys"
            "role to assume for the policy and grants of a key that another account owns"
        drop_stale_principals "drop-stale-principals" Boolean "false" ""
            "where a key policy must be written, remove the IDs that KMS shows of deleted roles \
            and users (AROA…, AIDA…): KMS refuses it with them; closed accounts go by hand"
    }
    Copies {
        copy_to_regions "copy-to-regions" List "" "eu-west-1 us-west-2"
            "Regions to copy the image to and share it in; with mode revoke: the Regions whose \
            copies are revoked too (no others are searched)"
        copy_name "copy-name" Value "{name}" "{name}-{region}"
            "name of copies; placeholders {name} {ami-id} {region} {account} {account-alias} \
            {architecture} {tag:KEY}"
        copy_description "copy-description" Value "that of the image" ""
            "description of copies"
        share_source "share-source" Boolean "true" ""
            "false: share only copies, not an image that needs no copy in its own Region; that \
            Region needs no key then, and without one gets no copy"
        copy_completion "copy-completion" Value "" "45m"
            "have AWS complete copies in this time, for a fee: 15m to 48h, in steps of 15 minutes"
        copy_image_tags "copy-image-tags" Boolean "true" ""
            "put the AMI's tags on every copy and, with target-role, on the shared AMI in each \
            target"
        tags "tags" List "" "team=platform"
            "more tags for copies: key=value lines"
    }
    InTheTargets {
        target_role "target-role" Value "" "arn:aws:iam::{account}:role/consumer"
            "role to assume in each target account: a name, or an ARN with {account}"
        target_external_id "target-external-id" Value "" ""
            "external ID for that role"
        target_kms_key_id "target-kms-key-id" List "" "alias/own"
            "have each target copy the image under a key of its own: alias, ID or ARN, or \
            region=key pairs"
        unshare_after_copy "unshare-after-copy" Boolean "false" ""
            "once a target's copy is available, revoke its access to the source"
        target_launch_roles "target-launch-roles" List "" "launcher deployer"
            "names of roles in each target that may launch with the shared key"
        target_launch_policy "target-launch-policy" Value "" ""
            "managed policy in each target to attach to those roles: a name, or an ARN with \
            {account}; without it they get an inline policy"
        target_service_linked_roles "target-service-linked-roles" List ""
            "autoscaling.amazonaws.com"
            "services whose roles in the targets may launch: each role gets a grant of the \
            image's key and, unless its policy suffices, of the target's default EBS key"
        target_launch_templates "target-launch-templates" List "" "web web-{architecture}"
            "launch templates in each target, by name (same placeholders as copy-name) or ID, \
            that get a new version with the AMI, made from the default version; no instance is \
            refreshed"
        set_default_version "set-default-version" Boolean "false" ""
            "make that version the default one of the launch template"
        verify "verify" Value "permissions" ""
            "after a share with target-role, and in mode verify, check that targets can launch: \
            none, permissions (read them), launch (start a real instance in each target, and \
            terminate it)"
        verify_instance_type "verify-instance-type" Value "one that fits" "t3.micro"
            "instance type for verify: launch; by default a small one that fits the image and \
            that the Region offers"
        verify_subnet_id "verify-subnet-id" List "default VPC"
            "222222222222/eu-west-1=subnet-0123456789abcdef0"
            "subnet for verify: launch; or place=subnet pairs, where a place is an account, a \
            Region, or both"
    }
    Revoking {
        unlisted "unlisted" Value "keep" ""
            "principals that have access but are not listed: keep, or revoke"
        revoke_all "revoke-all" Boolean "false" ""
            "with mode revoke and no target: remove everybody's access"
        revoke_copies "revoke-copies" Boolean "false" ""
            "with mode revoke: also remove copies that this tool made"
        revoke_keys_in_use "revoke-keys-in-use" Boolean "false" ""
            "with mode revoke: revoke key access even if another image, or an instance, a volume \
            or a snapshot of the target, still needs it"
        revoke_in_use "revoke-in-use" Boolean "false" ""
            "with mode revoke or unlisted revoke: revoke images even if AWS's usage reports show \
            that those who lose them use them; else that stops the run"
    }
    Retiring {
        retire_tags "retire-tags" List "" "Product=web Channel"
            "with mode retire: KEY=VALUE is a tag that an image must have to be retired; the \
            values of a bare KEY make groups"
        keep_last "keep-last" Value "" "5"
            "with mode retire: how many of the newest images of each group stay; give this, \
            keep-younger or both"
        keep_younger "keep-younger" Value "" "90d"
            "with mode retire: images younger than this stay"
        grace "grace" Value "14d" ""
            "with mode retire: how long an image is deprecated before it is disabled, and \
            disabled before it is deregistered: 1d to 365d, with retire-deregister at most 29d"
        retire_deregister "retire-deregister" Boolean "false" ""
            "with mode retire: also deregister images, with their snapshots, after that time"
    }
    Release {
        publish_ssm_parameter "publish-ssm-parameter" Value "" "/golden/{name}"
            "name of an SSM parameter to write each shared AMI into; same placeholders as \
            copy-name, whose values must hold no /"
        overwrite_ssm_parameter "overwrite-ssm-parameter" Boolean "false" ""
            "write that parameter even if it holds something other than an AMI ID"
        watermark "watermark" Value "" "approved"
            "name of a watermark for the shared AMIs, by which targets can allow them (Allowed \
            AMIs); every recipient sees it, and copies keep it"
        deprecate_at "deprecate-at" Value "" "90d"
            "deprecate the shared AMIs, and targets' own copies, at a date such as 2030-12-31 or \
            at an age"
        deregistration_protection "deregistration-protection" Boolean "false" ""
            "protect the shared AMIs, and targets' own copies, from deregistration"
    }
    Run {
        config_file "config-file" Value "" "ami-share.yml"
            "a YAML file with settings by the names of these inputs, and groups of targets with \
            settings of their own; a setting stands in the file or is an input, never both"
        mode "mode" Value "share" ""
            "share: give access; revoke: remove access; verify: check whether targets can \
            launch, and change nothing; usage: show who uses the images, by reports of AWS, with \
            no target; retire: deprecate, disable and deregister old images"
        dry_run "dry-run" Boolean "false" ""
            "say what share, revoke or retire would do, and change nothing"
        expect_plan "expect-plan" Value "" ""
            "the plan-digest of an approved dry run: carry out exactly that plan, or refuse"
        role_to_assume "role-to-assume" Value "" "arn:aws:iam::111111111111:role/publisher"
            "on GitHub with id-token: write, the role to run as: assumed with the job's ID token, \
            and again whenever a session ends; without it, the AWS credentials of the job"
        timeout "timeout" Value "2h" ""
            "the run's deadline"
        poll_interval "poll-interval" Value "5s..60s" ""
            "shortest and longest pause between two polls; one value sets both"
        settle "settle" Value "5s" ""
            "how long after a change of a key policy to read it again, in case another run has \
            overwritten it; below 4s the plan has a warning"
        max_concurrency "max-concurrency" Value "32" ""
            "how many calls may run at once"
        report_path "report-path" Value "" "report.json"
            "also write the report to this file"
        mask_account_ids "mask-account-ids" Boolean "false" ""
            "hide account IDs in log and summary, but for four digits"
    }
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
