//! AWS identifiers. Parsing checks the format, so code that has one of these types need not check
//! again.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize as _, Deserializer, Serialize};

/// The error for a text that is not a valid identifier of the expected type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {what}: {allowed}")]
pub struct InvalidId {
    what: &'static str,
    value: String,
    allowed: &'static str,
}

impl InvalidId {
    pub(crate) fn new(what: &'static str, value: &str, allowed: &'static str) -> Self {
        // A pasted file must not flood the log that shows the message.
        let mut shown: String = value.chars().take(100).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self {
            what,
            value: shown,
            allowed,
        }
    }

    /// The format that is allowed.
    pub fn allowed(&self) -> &'static str {
        self.allowed
    }
}

/// Reads an identifier where its text is part of a larger value, such as a request in JSON.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = InvalidId>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// Implements `Deserialize` by `FromStr`.
macro_rules! deserialize_by_parsing {
    ($($name:ident)+) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
                $crate::id::deserialize(text)
            }
        }
    )+};
}
pub(crate) use deserialize_by_parsing;

/// Defines a newtype over a text that passed `$check`.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId::new($what, text, $allowed))
                }
            }
        }

        deserialize_by_parsing! { $name }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

mod image;
mod key;
mod partition;
mod plan_digest;
mod principal;

pub use image::{AmiRef, ImageParameter, SourceImage};
pub use key::{KeyArn, KeyRef};
pub use partition::Partition;
pub use plan_digest::{InvalidPlanDigest, PlanDigest};
pub use principal::{OrganizationArn, OuArn, Principal, RoleArn};
pub(crate) use principal::{is_organization, is_service_principal, is_unit_path};

id! {
    /// An AWS account, by its twelve digits.
    ///
    /// ```
    /// # use ami_share::AccountId;
    /// assert!("111122223333".parse::<AccountId>().is_ok());
    /// assert!("1111-2222-3333".parse::<AccountId>().is_err());
    /// ```
    AccountId, "an account ID", "12 digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

id! {
    /// An Amazon Machine Image.
    AmiId, "an AMI ID", "`ami-` and 8 or 17 hexadecimal digits in lower case",
    |text| is_resource_id(text, "ami-")
}

id! {
    /// An EBS snapshot.
    SnapshotId, "a snapshot ID", "`snap-` and 8 or 17 hexadecimal digits in lower case",
    |text| is_resource_id(text, "snap-")
}

id! {
    /// An AWS Region, by its code.
    Region, "a Region",
    "a Region code such as `us-east-1`, in a partition that this version knows: aws, aws-cn, \
     aws-us-gov, aws-eusc, aws-iso, aws-iso-b, aws-iso-e or aws-iso-f",
    |text| is_region(text) && Partition::of_region(text).is_some()
}

fn is_resource_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        matches!(rest.len(), 8 | 17) && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return false;
    };
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    text.len() <= 32
        && first.len() <= 4
        && word(first)
        && !middle.is_empty()
        && middle.iter().all(word)
        && !last.is_empty()
        && last.bytes().all(|b| b.is_ascii_digit())
}

/// An account in one Region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AccountRegion {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_accepts_valid_ids_and_rejects_similar_text() {
        fn both<T: FromStr>(good: &[&str], bad: &[&str]) {
            for text in good {
                assert!(text.parse::<T>().is_ok(), "{text}");
            }
            for text in bad {
                assert!(text.parse::<T>().is_err(), "{text}");
            }
        }
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{id}");
        let alias = "arn:aws-cn:kms:cn-north-1:111122223333:alias/golden";
        both::<AccountId>(
            &["111122223333"],
            &[
                "",
                "11112222333",
                "1111222233334",
                "11112222333x",
                "１１１１２２２２３３３３",
            ],
        );
        both::<AmiId>(
            &["ami-1a2b3c4d", "ami-0123456789abcdef0"],
            &["ami-", "ami-xyz", "ami-0123456789ABCDEF0", "snap-1a2b3c4d"],
        );
        both::<Region>(
            &[
                "us-east-1",
                "us-gov-west-1",
                "ap-southeast-15",
                "eusc-de-east-1",
            ],
            &[
                "",
                "us-east",
                "us--1",
                "US-EAST-1",
                "1",
                "nz-north-1",
                "eusc-fr-west-1",
            ],
        );
        both::<KeyArn>(
            &[&arn],
            &[
                alias,
                id,
                "arn:aws-cn:kms:us-east-1:111122223333:key/x",
                "arn:aws:kms",
            ],
        );
        both::<KeyRef>(
            &[
                &arn,
                alias,
                id,
                "alias/golden",
                "alias/aws/ebs",
                "mrk-1234567890abcdef1234567890abcdef",
            ],
            &[
                "",
                "golden",
                "alias/",
                "alias/a b",
                "arn:aws:kms:us-east-1:111122223333:grant/x",
            ],
        );
        both::<AmiRef>(
            &["ami-1a2b3c4d", "eu-west-1:ami-1a2b3c4d"],
            &["eu-west-1:", ":ami-1a2b3c4d", "x:ami-1a2b3c4d"],
        );
    }

    #[test]
    fn a_long_wrong_value_is_shortened_in_its_message() {
        let error = "9"
            .repeat(1_000_000)
            .parse::<AccountId>()
            .unwrap_err()
            .to_string();
        assert!(error.len() < 300 && error.contains("12 digits"), "{error}");
    }
}
