//! KMS keys: by their ARN, and as people name them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::{AccountId, InvalidId, Partition, Region};

deserialize_by_parsing! { KeyArn KeyRef }

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
            .map(|(region, account)| Self {
                text: text.to_owned(),
                region,
                account,
            })
            .ok_or_else(|| {
                InvalidId::new(
                    "a KMS key ARN",
                    text,
                    "`arn:aws:kms:<region>:<account>:key/<key ID>`, or the same in another \
                     partition that this version knows",
                )
            })
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

impl JsonSchema for KeyArn {
    fn schema_name() -> Cow<'static, str> {
        "KeyArn".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "The full ARN of a KMS key." })
    }
}

/// A KMS key as people name one: key ID, alias, key ARN or alias ARN. `DescribeKey` resolves it to
/// a [`KeyArn`]; an ID or an alias means a key of the caller's account and Region.
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

    /// The account that an ARN names.
    pub fn account(&self) -> Option<&AccountId> {
        self.place.as_ref().map(|(_, account)| account)
    }

    /// The alias, if it is one, such as `alias/golden`.
    pub(crate) fn alias(&self) -> Option<&str> {
        let name = self.text.rsplit(':').next()?;
        name.starts_with("alias/").then_some(name)
    }

    /// What names the key in `region`: an ARN of another Region does where it is a multi-Region
    /// key's, whose replicas share its ID; an alias may exist in every Region, an ID of one Region
    /// only means nothing in others.
    pub(crate) fn in_region(&self, region: &Region) -> Option<Self> {
        let Some((home, account)) = &self.place else {
            return Some(self.clone());
        };
        if home == region {
            return Some(self.clone());
        }
        let (_, name) = self.text.rsplit_once(':')?;
        let text = format!("arn:{}:kms:{region}:{account}:{name}", region.partition());
        name.starts_with("key/mrk-").then(|| Self {
            text,
            place: Some((region.clone(), account.clone())),
        })
    }

    /// Whether it can name keys in several Regions.
    pub(crate) fn spans_regions(&self) -> bool {
        let name = self.text.rsplit(':').next().unwrap_or_default();
        let name = name.strip_prefix("key/").unwrap_or(name);
        name.starts_with("mrk-") || (self.place.is_none() && name.starts_with("alias/"))
    }
}

impl FromStr for KeyRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || {
            let allowed = if is_alias_name(text) {
                "a key ID, an alias, or the ARN of a key or of an alias; if it is the name of an \
                 alias, write `alias/` before it"
            } else {
                "a key ID, an alias (`alias/…`), or the ARN of a key or of an alias"
            };
            InvalidId::new("a KMS key", text, allowed)
        };
        let place = if text.starts_with("arn:") {
            let key = parse_kms_arn(text, "key/", is_key_id);
            Some(
                key.or_else(|| parse_kms_arn(text, "alias/", is_alias_name))
                    .ok_or_else(invalid)?,
            )
        } else if text
            .strip_prefix("alias/")
            .map_or_else(|| is_key_id(text), is_alias_name)
        {
            None
        } else {
            return Err(invalid());
        };
        Ok(Self {
            text: text.to_owned(),
            place,
        })
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
    (Partition::parse(partition)? == region.partition() && is_name(name))
        .then_some((region, account))
}

/// A UUID, or a multi-Region key's `mrk-` and 32 hex digits.
fn is_key_id(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit())
    };
    if let Some(rest) = text.strip_prefix("mrk-") {
        return hex(rest, 32);
    }
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == 5
        && parts
            .iter()
            .zip([8, 4, 4, 4, 12])
            .all(|(part, length)| hex(part, length))
}

fn is_alias_name(text: &str) -> bool {
    (1..=250).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-'))
}
