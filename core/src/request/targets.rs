//! What is done in each target account, by a role there.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::Keys;
use crate::id::{AccountId, InvalidId, KeyRef, Partition, Region, RoleArn};

/// What a run does in each target account. Everything but [`verify`](Self::verify) needs the
/// [`role`](Self::role).
#[derive(Clone, Debug)]
pub struct TargetOptions {
    pub(crate) role: Option<TargetRole>,
    pub(crate) external_id: Option<String>,
    pub(crate) run_name: Option<String>,
    pub(crate) keys: Keys,
    pub(crate) unshare_after_copy: bool,
    pub(crate) launch_roles: BTreeSet<String>,
    pub(crate) launch_policy: Option<ManagedPolicy>,
    pub(crate) services: BTreeSet<String>,
    pub(crate) verify: Verify,
    pub(crate) launch: LaunchWith,
}

/// How far a run proves that targets can launch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Not at all.
    None,
    /// By what permissions and states say.
    #[default]
    Permissions,
    /// By a real instance in each target, terminated right after (`ec2:RunInstances`).
    Launch,
}

/// With what [`Verify::Launch`] launches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaunchWith {
    /// The instance type; by default the smallest of a few that fits the image's architecture.
    pub instance_type: Option<String>,
    /// The subnet, `subnet-…`; by default one of the default VPC.
    pub subnet: Option<String>,
}

impl Default for TargetOptions {
    fn default() -> Self {
        Self {
            role: None,
            external_id: None,
            run_name: None,
            keys: Keys::default(),
            unshare_after_copy: false,
            launch_roles: BTreeSet::new(),
            launch_policy: None,
            services: BTreeSet::new(),
            verify: Verify::default(),
            launch: LaunchWith::default(),
        }
    }
}

impl TargetOptions {
    /// The role to assume in each target (`sts:AssumeRole`).
    #[must_use]
    pub fn role(mut self, role: TargetRole) -> Self {
        self.role = Some(role);
        self
    }

    /// The external ID that the role's trust policy asks for.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// What the session in the target is called after, so that its trail says which run it was.
    #[must_use]
    pub fn run_name(mut self, name: impl Into<String>) -> Self {
        self.run_name = Some(name.into());
        self
    }

    /// Copy each shared image in each target, re-encrypted with this key of the target's
    /// (`ec2:CopyImage`).
    #[must_use]
    pub fn kms_key(mut self, key: KeyRef) -> Self {
        self.keys.all = Some(key);
        self
    }

    /// The same with a key for one Region.
    #[must_use]
    pub fn kms_key_in(mut self, region: Region, key: KeyRef) -> Self {
        self.keys.of_region.insert(region, key);
        self
    }

    /// Whether a target loses access to the source once its own copy is available.
    #[must_use]
    pub fn unshare_after_copy(mut self, unshare: bool) -> Self {
        self.unshare_after_copy = unshare;
        self
    }

    /// Roles in each target, by name, that may launch with the keys.
    #[must_use]
    pub fn launch_roles(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.launch_roles.extend(names);
        self
    }

    /// The managed policy in each target that lets them; without one, an inline policy is put.
    #[must_use]
    pub fn launch_policy(mut self, policy: ManagedPolicy) -> Self {
        self.launch_policy = Some(policy);
        self
    }

    /// Services whose service-linked roles may launch with the keys, such as
    /// `autoscaling.amazonaws.com` (R4.11).
    #[must_use]
    pub fn service_linked_roles(mut self, services: impl IntoIterator<Item = String>) -> Self {
        self.services.extend(services);
        self
    }

    /// How far the run proves that targets can launch.
    #[must_use]
    pub fn verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// With what [`Verify::Launch`] launches.
    #[must_use]
    pub fn launch_with(mut self, launch: LaunchWith) -> Self {
        self.launch = launch;
        self
    }

    /// Whether targets make copies of their own.
    pub(crate) fn copies(&self) -> bool {
        self.keys.each().next().is_some()
    }

    /// The name of a session in a target: what STS takes of it (R5.2).
    pub(crate) fn session(&self) -> String {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(*c);
        let name: String = self
            .run_name
            .iter()
            .flat_map(|name| name.chars())
            .filter(allowed)
            .take(50)
            .collect();
        if name.is_empty() {
            "ami-share".to_owned()
        } else {
            format!("ami-share-{name}")
        }
    }
}

const ACCOUNT: &str = "{account}";

/// The role to assume in each target: its name, or its ARN with `{account}` for the target's ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRole(String);

impl TargetRole {
    /// The role in an account; nothing where the ARN is one of another account.
    pub(crate) fn in_account(&self, partition: Partition, account: &AccountId) -> Option<RoleArn> {
        let text = if self.0.starts_with("arn:") {
            self.0.replace(ACCOUNT, account.as_ref())
        } else {
            format!("arn:{partition}:iam::{account}:role/{}", self.0)
        };
        text.parse()
            .ok()
            .filter(|role: &RoleArn| role.account().as_ref() == Some(account))
    }

    /// Whether it is an ARN, and no name.
    pub(crate) fn is_arn(&self) -> bool {
        self.0.starts_with("arn:")
    }

    /// The partition that an ARN names.
    pub(crate) fn partition(&self) -> Option<Partition> {
        let example = self.0.replace(ACCOUNT, "000000000000");
        example.parse().ok().map(|role: RoleArn| role.partition())
    }
}

impl FromStr for TargetRole {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let as_arn = if text.starts_with("arn:") {
            text.replace(ACCOUNT, "000000000000")
        } else {
            format!("arn:aws:iam::000000000000:role/{text}")
        };
        match as_arn.parse::<RoleArn>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(InvalidId::new(
                "a role to assume in targets",
                text,
                "the name of a role, or an ARN with `{account}` for the target's ID",
            )),
        }
    }
}

impl fmt::Display for TargetRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A managed policy in each target: its name, or its ARN with `{account}` for the target's ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPolicy(String);

impl ManagedPolicy {
    /// The ARN of the policy in an account.
    pub(crate) fn in_account(&self, partition: Partition, account: &AccountId) -> String {
        if self.0.starts_with("arn:") {
            self.0.replace(ACCOUNT, account.as_ref())
        } else {
            format!("arn:{partition}:iam::{account}:policy/{}", self.0)
        }
    }
}

impl FromStr for ManagedPolicy {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let name = match text.strip_prefix("arn:") {
            None => Some(text),
            Some(rest) => {
                let parts: Vec<&str> = rest.splitn(5, ':').collect();
                let place = matches!(parts.as_slice(), [_, "iam", "", account, _]
                    if *account == ACCOUNT || *account == "aws" || account.parse::<AccountId>().is_ok());
                parts
                    .last()
                    .filter(|_| place)
                    .and_then(|name| name.strip_prefix("policy/"))
            }
        };
        if name.is_some_and(is_iam_name) {
            Ok(Self(text.to_owned()))
        } else {
            let allowed = "the name of a policy, or an ARN with `{account}` for the target's ID";
            Err(InvalidId::new("a managed policy", text, allowed))
        }
    }
}

/// What IAM takes as the name of a role or policy, with its path.
pub(crate) fn is_iam_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&b);
    (1..=512).contains(&name.len()) && !name.ends_with('/') && name.bytes().all(allowed)
}

/// What STS takes as an external ID (R5.2).
pub(crate) fn is_external_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    (2..=1224).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_found_in_each_account_by_name_or_by_arn() {
        let account: AccountId = "222222222222".parse().unwrap();
        let table = [
            ("consumer", Some("arn:aws:iam::222222222222:role/consumer")),
            (
                "path/consumer",
                Some("arn:aws:iam::222222222222:role/path/consumer"),
            ),
            (
                "arn:aws:iam::{account}:role/x",
                Some("arn:aws:iam::222222222222:role/x"),
            ),
            (
                "arn:aws:iam::222222222222:role/x",
                Some("arn:aws:iam::222222222222:role/x"),
            ),
            ("arn:aws:iam::333333333333:role/x", None),
        ];
        for (text, role) in table {
            let found = text
                .parse::<TargetRole>()
                .unwrap()
                .in_account(Partition::Aws, &account);
            assert_eq!(
                found.map(|role| role.to_string()).as_deref(),
                role,
                "{text}"
            );
        }
        for text in [
            "",
            "a b",
            "arn:aws:iam::{account}:user/x",
            "arn:aws:iam::{id}:role/x",
            "x/",
        ] {
            assert!(text.parse::<TargetRole>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_managed_policy_is_one_of_the_target_or_of_aws() {
        let account: AccountId = "222222222222".parse().unwrap();
        let of = |text: &str| {
            text.parse::<ManagedPolicy>()
                .unwrap()
                .in_account(Partition::Aws, &account)
        };
        assert_eq!(of("launch"), "arn:aws:iam::222222222222:policy/launch");
        assert_eq!(
            of("arn:aws:iam::{account}:policy/launch"),
            "arn:aws:iam::222222222222:policy/launch"
        );
        for text in [
            "",
            "a b",
            "arn:aws:iam::x:policy/y",
            "arn:aws:iam::{account}:role/y",
        ] {
            assert!(text.parse::<ManagedPolicy>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_session_is_named_after_its_run_in_what_sts_takes() {
        let name = |run: &str| TargetOptions::default().run_name(run).session();
        assert_eq!(name("octo/repo 42"), "ami-share-octorepo42");
        assert_eq!(name(""), "ami-share");
        assert!(name(&"n".repeat(100)).len() <= 64);
    }
}
