//! Roles and managed policies in targets, by name or by an ARN with `{account}` for the target's
//! ID.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::id::{AccountId, InvalidId, Partition, RoleArn, deserialize_by_parsing};

deserialize_by_parsing! { TargetRole ManagedPolicy }

const ACCOUNT: &str = "{account}";

/// The role to assume in each target: its name, or its ARN with `{account}` for the target's ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetRole(String);

impl TargetRole {
    /// The role in an account; `None` if the ARN is one of another account.
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

    /// Whether each account has one of its own.
    pub(crate) fn is_of_every_account(&self) -> bool {
        !self.is_arn() || self.0.split(':').nth(4) == Some(ACCOUNT)
    }

    /// Whether it is an ARN, not a name.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
                    if *account == ACCOUNT
                        || *account == "aws"
                        || account.parse::<AccountId>().is_ok());
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
pub(super) fn is_iam_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&b);
    (1..=512).contains(&name.len()) && !name.ends_with('/') && name.bytes().all(allowed)
}

/// What STS takes as an external ID (R5.2).
pub(super) fn is_external_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    (2..=1224).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_is_named_in_each_account_by_name_or_by_arn() {
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
    fn managed_policy_belongs_to_the_target_or_to_aws() {
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
}
