//! The identifiers of AWS, checked once where they enter: past this file nothing handles a raw string.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A text that is not the identifier it was given for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {what}: {allowed}")]
pub struct InvalidId {
    what: &'static str,
    value: String,
    allowed: &'static str,
}

impl InvalidId {
    fn new(what: &'static str, value: &str, allowed: &'static str) -> Self {
        // A pasted file must not flood the log that shows the message.
        let mut shown: String = value.chars().take(100).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self { what, value: shown, allowed }
    }

    /// What is allowed in its place.
    pub fn allowed(&self) -> &'static str {
        self.allowed
    }
}

/// Defines a newtype over a text that passed `$check`.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId::new($what, text, $allowed)) }
            }
        }

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

id! {
    /// An AWS account, by its twelve digits.
    ///
    /// ```
    /// # use ami_share::AccountId;
    /// assert!("111122223333".parse::<AccountId>().is_ok());
    /// assert!("1111-2222-3333".parse::<AccountId>().is_err());
    /// ```
    AccountId, "an account ID", "12 digits", |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

id! {
    /// An Amazon Machine Image.
    AmiId, "an AMI ID", "`ami-` and 8 or 17 of 0-9a-f", |text| is_resource_id(text, "ami-")
}

id! {
    /// An EBS snapshot.
    SnapshotId, "a snapshot ID", "`snap-` and 8 or 17 of 0-9a-f", |text| is_resource_id(text, "snap-")
}

id! {
    /// An AWS Region, by its code.
    Region, "a Region", "a Region code such as `us-east-1`", is_region
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

/// A partition of AWS: accounts, keys and images never cross from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partition {
    /// The commercial Regions.
    Aws,
    /// The Regions in China.
    AwsCn,
    /// AWS GovCloud (US).
    AwsUsGov,
}

impl Partition {
    /// The partition as it stands in ARNs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Aws, Self::AwsCn, Self::AwsUsGov].into_iter().find(|partition| partition.as_str() == text)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Region {
    /// The partition that this Region belongs to.
    pub fn partition(&self) -> Partition {
        if self.0.starts_with("cn-") {
            Partition::AwsCn
        } else if self.0.starts_with("us-gov-") {
            Partition::AwsUsGov
        } else {
            Partition::Aws
        }
    }
}

/// An AMI, with its Region where the text named one: `ami-…` or `region:ami-…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AmiRef {
    /// The Region before the colon.
    pub region: Option<Region>,
    /// The image.
    pub ami: AmiId,
}

impl FromStr for AmiRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parsed = match text.split_once(':') {
            None => text.parse().ok().map(|ami| Self { region: None, ami }),
            Some((region, ami)) => match (region.parse(), ami.parse()) {
                (Ok(region), Ok(ami)) => Some(Self { region: Some(region), ami }),
                _ => None,
            },
        };
        parsed.ok_or_else(|| {
            InvalidId::new("an AMI", text, "`ami-` and 8 or 17 of 0-9a-f, or the same after a Region and a colon")
        })
    }
}

/// The full ARN of a KMS key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyArn {
    text: String,
    region: Region,
    account: AccountId,
}

impl KeyArn {
    /// The Region of the key.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The account that owns the key.
    pub fn account(&self) -> &AccountId {
        &self.account
    }
}

impl FromStr for KeyArn {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse_kms_arn(text, "key/", is_key_id)
            .map(|(region, account)| Self { text: text.to_owned(), region, account })
            .ok_or_else(|| InvalidId::new("a KMS key ARN", text, "`arn:aws:kms:<region>:<account>:key/<key ID>`"))
    }
}

impl AsRef<str> for KeyArn {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for KeyArn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A KMS key as people name one: key ID, alias, key ARN or alias ARN. `DescribeKey` resolves it to a [`KeyArn`];
/// an ID or an alias means a key of the caller's account and Region (R3.1.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef {
    text: String,
    place: Option<(Region, AccountId)>,
}

impl KeyRef {
    /// The Region that an ARN names.
    pub fn region(&self) -> Option<&Region> {
        self.place.as_ref().map(|(region, _)| region)
    }
}

impl FromStr for KeyRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid =
            || InvalidId::new("a KMS key", text, "a key ID, an alias (`alias/…`), or the ARN of a key or of an alias");
        let place = if text.starts_with("arn:") {
            let key = parse_kms_arn(text, "key/", is_key_id);
            Some(key.or_else(|| parse_kms_arn(text, "alias/", is_alias_name)).ok_or_else(invalid)?)
        } else if text.strip_prefix("alias/").map_or_else(|| is_key_id(text), is_alias_name) {
            None
        } else {
            return Err(invalid());
        };
        Ok(Self { text: text.to_owned(), place })
    }
}

impl AsRef<str> for KeyRef {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for KeyRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

fn parse_kms_arn(text: &str, kind: &str, is_name: fn(&str) -> bool) -> Option<(Region, AccountId)> {
    let mut parts = text.splitn(6, ':');
    let ("arn", partition, "kms") = (parts.next()?, parts.next()?, parts.next()?) else {
        return None;
    };
    let region: Region = parts.next()?.parse().ok()?;
    let account = parts.next()?.parse().ok()?;
    let name = parts.next()?.strip_prefix(kind)?;
    (Partition::parse(partition)? == region.partition() && is_name(name)).then_some((region, account))
}

/// A UUID, or a multi-Region key's `mrk-` and 32 hex digits.
fn is_key_id(text: &str) -> bool {
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(rest) = text.strip_prefix("mrk-") {
        return hex(rest, 32);
    }
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, length)| hex(part, length))
}

fn is_alias_name(text: &str) -> bool {
    (1..=250).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_takes_what_aws_issues_and_nothing_near_it() {
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
            &["", "11112222333", "1111222233334", "11112222333x", "１１１１２２２２３３３３"],
        );
        both::<AmiId>(
            &["ami-1a2b3c4d", "ami-0123456789abcdef0"],
            &["ami-", "ami-xyz", "ami-0123456789ABCDEF0", "snap-1a2b3c4d"],
        );
        both::<Region>(&["us-east-1", "us-gov-west-1", "ap-southeast-15"], &["", "us-east", "us--1", "US-EAST-1", "1"]);
        both::<KeyArn>(&[&arn], &[alias, id, "arn:aws-cn:kms:us-east-1:111122223333:key/x", "arn:aws:kms"]);
        both::<KeyRef>(
            &[&arn, alias, id, "alias/golden", "alias/aws/ebs", "mrk-1234567890abcdef1234567890abcdef"],
            &["", "golden", "alias/", "alias/a b", "arn:aws:kms:us-east-1:111122223333:grant/x"],
        );
        both::<AmiRef>(&["ami-1a2b3c4d", "eu-west-1:ami-1a2b3c4d"], &["eu-west-1:", ":ami-1a2b3c4d", "x:ami-1a2b3c4d"]);
    }

    #[test]
    fn a_long_wrong_value_is_shortened_in_its_message() {
        let error = "9".repeat(1_000_000).parse::<AccountId>().unwrap_err().to_string();
        assert!(error.len() < 300 && error.contains("12 digits"), "{error}");
    }
}
