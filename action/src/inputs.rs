//! The inputs: their names and defaults, and how they come from the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::Deserialize;

/// Above this an input is a mistake: a file pasted in its place.
const LONGEST: usize = 256 * 1024;

/// One input, as `--help`, `action.yml` and the README have it.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// The name, in kebab-case.
    pub name: &'static str,
    /// The default, in words where it is not a value.
    pub default: &'static str,
    /// What it means, in one line.
    pub help: &'static str,
}

/// Declares each input once: its field in [`Raw`] and its line in [`INPUTS`].
macro_rules! inputs {
    ($($field:ident $name:literal $default:literal $help:literal)+) => {
        /// The inputs as text, blank ones absent. All parsing is ours, so that every problem is
        /// said at once.
        #[derive(Clone, Debug, Default, Deserialize)]
        pub(crate) struct Raw {
            $(pub(crate) $field: Option<String>,)+
            /// No input: what the CI system calls this run.
            #[serde(skip)]
            pub(crate) run_name: Option<String>,
        }

        /// Every input.
        pub const INPUTS: &[Input] = &[$(Input { name: $name, default: $default, help: $help },)+];
    };
}

inputs! {
    mode "mode" "share" "share; plan: say what share would do, and change nothing; verify: say \
                         whether targets can launch; revoke: take access back"
    ami_id "ami-id" "" "the AMIs: ami-… or region:ami-…, one or many; either this or \
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
                                region=key pairs; an image already wholly under it is not copied"
    copy_to_regions "copy-to-regions" "" "more Regions to share in, by copies; with mode revoke: where to take copies back too, for copies elsewhere are not looked for"
    copy_name "copy-name" "{name}" "name of copies; placeholders {name} {ami-id} {region} {account}"
    copy_completion_minutes "copy-completion-minutes" "" "have AWS complete copies in so many \
        minutes, for a fee: 15 to 2880, in steps of 15"
    copy_tags "copy-tags" "true" "put the AMI's tags on every copy"
    tags "tags" "" "more tags for copies: key=value lines"
    key_access "key-access" "policy" "policy: statements in the key policy; grants: a grant for \
                                      each image and account; none: print what somebody else must \
                                      add"
    key_scope "key-scope" "via-ec2" "via-ec2: targets can use the key only through EC2; direct: \
                                     also by calling KMS"
    key_role "key-role" "" "ARN of a role to assume for the policy and grants of a key that \
                            another account owns"
    share_snapshots "share-snapshots" "auto" "let target accounts copy too, by create-volume \
        permission: auto (when targets copy), true, false"
    target_role "target-role" "" "role to assume in each target account: a name, or an ARN with \
                                  {account}"
    target_external_id "target-external-id" "" "external ID for that role"
    target_kms_key_id "target-kms-key-id" "" "have each target copy the image under a key of its \
        own: alias, ID or ARN, or region=key pairs"
    keep_shared "keep-shared" "true" "false: once a target's copy is available, take back its \
                                      access to the source"
    target_launch_roles "target-launch-roles" "" "names of roles in each target that may launch \
        with the shared key"
    target_launch_policy "target-launch-policy" "" "managed policy in each target to attach to \
        those roles: a name, or an ARN with {account}; without it an inline policy is put"
    service_linked_roles "service-linked-roles" "" "services whose roles in the targets may \
        launch, such as autoscaling.amazonaws.com"
    verify "verify" "permissions" "prove that targets can launch: none, permissions (what they \
                                   say, with target-role), launch (a real instance in each target, \
                                   terminated right after)"
    verify_instance_type "verify-instance-type" "smallest that fits" "instance type for verify: \
        launch"
    verify_subnet_id "verify-subnet-id" "default VPC" "subnet for verify: launch"
    unlisted "unlisted" "keep" "what becomes of those who have access and are not listed: keep, or \
                                revoke"
    revoke_all "revoke-all" "false" "with mode revoke and no target: take access from everybody"
    remove_copies "remove-copies" "false" "with mode revoke: remove the copies too that this tool \
        made"
    force_key_revoke "force-key-revoke" "false" "with mode revoke: take key access back even where \
        another image, or an instance, a volume or a snapshot of the target, still needs it"
    publish_ssm_parameter "publish-ssm-parameter" "" "name of an SSM parameter to write each shared AMI into; placeholders of copy-name"
    deprecate_at "deprecate-at" "" "deprecate the shared AMIs at a date, or so long after they \
                                    were made: 2030-12-31 or 90d"
    deregistration_protection "deregistration-protection" "false" "protect the shared AMIs from \
        being deregistered"
    timeout "timeout" "2h" "the run's deadline"
    poll_interval "poll-interval" "5s..60s" "shortest and longest pause between two looks; one \
        value sets both"
    settle "settle" "10s" "how long a key policy is left alone after a change before it is looked \
                           at again; a warning under 8s"
    max_concurrency "max-concurrency" "32" "calls under way at once"
    report_path "report-path" "" "also write the report to this file"
    mask_account_ids "mask-account-ids" "false" "mask account IDs in the log"
}

/// What is wrong with an input: its name and a message that says its value and what is allowed.
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

/// What the environment holds of inputs.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Our inputs.
    pub(crate) raw: Raw,
    /// What is wrong with how they were given.
    pub(crate) problems: Vec<Problem>,
    /// Names that begin with `INPUT_` and are nobody's we know.
    pub(crate) unknown: Vec<String>,
}

/// Reads `INPUT_*`: `INPUT_AMI-ID` as GitHub passes it, `INPUT_AMI_ID` where hyphens cannot be set.
pub(crate) fn read(env: &[(OsString, OsString)]) -> Environment {
    let mut read = Environment::default();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in env {
        let name = name.to_string_lossy();
        let Some(spelled) = name.strip_prefix("INPUT_") else {
            continue;
        };
        let input = spelled.to_lowercase().replace('_', "-");
        if !INPUTS.iter().any(|known| known.name == input) {
            match close_to(&input) {
                Some(ours) => {
                    read.problems.push(Problem::new(
                        input,
                        format!("there is no such input; did you mean `{ours}`?"),
                    ));
                }
                None => read.unknown.push(name.into_owned()),
            }
            continue;
        }
        let Some(value) = value.to_str() else {
            read.problems
                .push(Problem::new(input, "the value is not UTF-8 text"));
            continue;
        };
        if value.len() > LONGEST {
            let message = format!(
                "the value has {} bytes, at most {LONGEST} are allowed",
                value.len()
            );
            read.problems.push(Problem::new(input, message));
            continue;
        }
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        if let Some(other) = values.insert(input.clone(), value.to_owned())
            && other != value
        {
            let message = format!(
                "given in two spellings with different values, `{}` and `{}`",
                shown(&other),
                shown(value)
            );
            read.problems.push(Problem::new(input, message));
        }
    }
    match envy::from_iter(
        values
            .into_iter()
            .map(|(name, value)| (name.replace('-', "_"), value)),
    ) {
        Ok(raw) => read.raw = raw,
        Err(error) => read
            .problems
            .push(Problem::new("inputs", error.to_string())),
    }
    if read.raw.aws_region.is_none() {
        let of = |variable: &str| {
            env.iter()
                .find(|(name, _)| name == variable)
                .and_then(|(_, value)| value.to_str())
        };
        let region = of("AWS_REGION")
            .or_else(|| of("AWS_DEFAULT_REGION"))
            .map(str::trim);
        read.raw.aws_region = region
            .filter(|region| !region.is_empty())
            .map(str::to_owned);
    }
    read.raw.run_name = run_name(env);
    read
}

/// What sessions in targets are named after: the run, as the CI system numbers it.
fn run_name(env: &[(OsString, OsString)]) -> Option<String> {
    let of = |variable: &&str| {
        env.iter()
            .find(|(name, _)| name == variable)
            .and_then(|(_, value)| value.to_str())
    };
    [
        "GITHUB_RUN_ID",
        "CI_PIPELINE_ID",
        "CODEBUILD_BUILD_ID",
        "BUILD_TAG",
    ]
    .iter()
    .find_map(of)
    .map(str::to_owned)
}

/// The input that a misspelled name most likely means.
fn close_to(name: &str) -> Option<&'static str> {
    let distance = |ours: &str| strsim::osa_distance(name, ours);
    let (near, ours) = INPUTS
        .iter()
        .map(|input| (distance(input.name), input.name))
        .min()?;
    // Of a short name, one other letter makes already another word.
    let allowed = if ours.len() <= 6 { 1 } else { 2 };
    let same_letters = name.replace('-', "") == ours.replace('-', "");
    (near <= allowed || same_letters).then_some(ours)
}

/// A value short enough for a message.
pub(crate) fn shown(value: &str) -> String {
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

    fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn both_spellings_are_one_input() {
        for name in ["INPUT_AMI-ID", "INPUT_AMI_ID"] {
            assert_eq!(
                read(&env(&[(name, " ami-1 \n")])).raw.ami_id.as_deref(),
                Some("ami-1")
            );
        }
        let same = read(&env(&[
            ("INPUT_AMI-ID", "ami-1"),
            ("INPUT_AMI_ID", "ami-1"),
        ]));
        assert!(same.problems.is_empty());
        let different = read(&env(&[
            ("INPUT_AMI-ID", "ami-1"),
            ("INPUT_AMI_ID", "ami-2"),
        ]));
        assert_eq!(different.problems[0].input, "ami-id");
    }

    #[test]
    fn blank_is_unset_and_the_region_falls_back() {
        let read = read(&env(&[
            ("INPUT_AWS-REGION", " "),
            ("AWS_REGION", "eu-west-1"),
            ("INPUT_MODE", ""),
        ]));
        assert_eq!(read.raw.aws_region.as_deref(), Some("eu-west-1"));
        assert_eq!(read.raw.mode, None);
    }

    #[test]
    fn a_name_close_to_ours_is_a_problem_and_any_other_is_not() {
        let close = [
            "INPUT_AMI-IDS",
            "INPUT_TARGET_ACCOUNT",
            "INPUT_TAG",
            "INPUT_KMSKEYID",
            "INPUT_TIME-OUT",
            "INPUT_KEY-SCOPES",
        ];
        for name in close {
            let read = read(&env(&[(name, "x")]));
            assert_eq!((read.problems.len(), read.unknown.len()), (1, 0), "{name}");
        }
        for name in ["INPUT_WHO-TO-GREET", "INPUT_TOKEN", "INPUT_NODE-VERSION"] {
            let read = read(&env(&[(name, "x")]));
            assert_eq!((read.problems.len(), read.unknown.len()), (0, 1), "{name}");
        }
    }
}
