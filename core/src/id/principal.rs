//! With whom images are shared, and roles.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::{AccountId, InvalidId, Partition};

deserialize_by_parsing! { Principal }

id! {
    /// An AWS organization, by its full ARN.
    OrganizationArn, "the ARN of an organization",
    "`arn:aws:organizations::<management account>:organization/o-…`, which `aws organizations \
     describe-organization` shows",
    |text| has_name(text, "organizations", "organization/", is_organization)
}

id! {
    /// An organizational unit, by its full ARN.
    OuArn, "the ARN of an organizational unit",
    "`arn:aws:organizations::<management account>:ou/o-…/ou-…`, which `aws organizations \
     describe-organizational-unit` shows",
    |text| has_name(text, "organizations", "ou/", is_unit)
}

id! {
    /// An IAM role, by its full ARN.
    RoleArn, "the ARN of a role",
    "`arn:aws:iam::<account>:role/<name>`, or the same in another partition that this version \
     knows",
    |text| has_name(text, "iam", "role/", is_role)
}

/// The partition, the account and the resource of an ARN of a service without Regions.
fn parts<'a>(arn: &'a str, service: &str) -> Option<(Partition, &'a str, &'a str)> {
    let mut parts = arn.splitn(6, ':');
    let ("arn", partition) = (parts.next()?, Partition::parse(parts.next()?)?) else {
        return None;
    };
    let (of_service, "", account, name) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?)
    else {
        return None;
    };
    (of_service == service && account.parse::<AccountId>().is_ok())
        .then_some((partition, account, name))
}

/// Whether a text is the ARN of a resource of this service, with a valid name after the prefix.
fn has_name(text: &str, service: &str, prefix: &str, is_valid: fn(&str) -> bool) -> bool {
    let name = parts(text, service).and_then(|(_, _, resource)| resource.strip_prefix(prefix));
    name.is_some_and(is_valid)
}

fn is_word(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Whether a text has the form of a service's name in IAM, such as `autoscaling.amazonaws.com`.
pub(crate) fn is_service_principal(text: &str) -> bool {
    const SUFFIXES: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"];
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(allowed);
    let mut names = SUFFIXES
        .iter()
        .filter_map(|suffix| text.strip_suffix(suffix));
    text.len() <= 128 && names.any(|name| name.split('.').all(is_label))
}

/// Whether a text is the ID of an organization, `o-…`.
pub(crate) fn is_organization(text: &str) -> bool {
    text.strip_prefix("o-")
        .is_some_and(|rest| is_word(rest, 10..=32))
}

fn is_unit(text: &str) -> bool {
    let Some((organization, unit)) = text.split_once('/') else {
        return false;
    };
    let unit = unit
        .strip_prefix("ou-")
        .and_then(|rest| rest.split_once('-'));
    is_organization(organization)
        && unit.is_some_and(|(root, own)| is_word(root, 4..=32) && is_word(own, 8..=32))
}

/// Whether a text is what [`OuArn::path`] makes of some unit.
pub(crate) fn is_unit_path(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let [organization, root, unit, "*"] = parts[..] else {
        return false;
    };
    let (root, unit) = (root.strip_prefix("r-"), unit.strip_prefix('*'));
    let (Some(root), Some(unit)) = (root, unit) else {
        return false;
    };
    is_unit(&format!("{organization}/{unit}")) && unit.split('-').nth(1) == Some(root)
}

fn is_role(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&b);
    (1..=600).contains(&text.len()) && !text.ends_with('/') && text.bytes().all(allowed)
}

impl OrganizationArn {
    /// The organization's ID, `o-…`.
    pub fn id(&self) -> &str {
        self.as_ref().rsplit('/').next().unwrap_or_default()
    }

    /// The partition that it belongs to.
    pub fn partition(&self) -> Partition {
        partition(self.as_ref())
    }
}

impl OuArn {
    /// The unit's own ID, `ou-…`.
    pub fn id(&self) -> &str {
        self.as_ref().rsplit('/').next().unwrap_or_default()
    }

    /// The ID of its organization, `o-…`.
    pub fn organization(&self) -> &str {
        self.as_ref().split('/').nth(1).unwrap_or_default()
    }

    /// Its organization, of the same management account.
    pub(crate) fn organization_arn(&self) -> Option<OrganizationArn> {
        let (prefix, _) = self.as_ref().split_once(":ou/")?;
        let id = self.organization();
        format!("{prefix}:organization/{id}").parse().ok()
    }

    /// The partition that it belongs to.
    pub fn partition(&self) -> Partition {
        partition(self.as_ref())
    }

    /// What matches `aws:PrincipalOrgPaths` of every account in the unit or in units below it,
    /// at any level of the organization. The unit's ID contains the ID of the root.
    pub(crate) fn path(&self) -> String {
        let root = self.id().split('-').nth(1).unwrap_or_default();
        format!("{}/r-{root}/*{}/*", self.organization(), self.id())
    }
}

impl RoleArn {
    /// The account of the role.
    pub fn account(&self) -> Option<AccountId> {
        parts(self.as_ref(), "iam").and_then(|(_, account, _)| account.parse().ok())
    }

    /// The partition that it belongs to.
    pub fn partition(&self) -> Partition {
        partition(self.as_ref())
    }
}

fn partition(arn: &str) -> Partition {
    arn.split(':')
        .nth(1)
        .and_then(Partition::parse)
        .unwrap_or(Partition::Aws)
}

/// Somebody who may launch an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Principal {
    /// An account.
    Account(AccountId),
    /// Every account of an organization.
    Organization(OrganizationArn),
    /// Every account of an organizational unit, and of the units below it.
    OrganizationalUnit(OuArn),
    /// The public (group `all`). A request cannot name it. AWS may return it, and it can be
    /// revoked.
    Public,
}

impl Principal {
    /// The account, where it is one.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Account(account) => Some(account),
            _ => None,
        }
    }

    /// The ID of the organization that it is, or is a part of.
    pub(crate) fn organization(&self) -> Option<&str> {
        match self {
            Self::Organization(arn) => Some(arn.id()),
            Self::OrganizationalUnit(arn) => Some(arn.organization()),
            Self::Account(_) | Self::Public => None,
        }
    }

    /// The organization that it is, or is a part of, with its management account.
    pub(crate) fn organization_arn(&self) -> Option<OrganizationArn> {
        match self {
            Self::Organization(arn) => Some(arn.clone()),
            Self::OrganizationalUnit(arn) => arn.organization_arn(),
            Self::Account(_) | Self::Public => None,
        }
    }

    /// The partition of an organization or organizational unit.
    pub(crate) fn partition(&self) -> Option<Partition> {
        match self {
            Self::Organization(arn) => Some(arn.partition()),
            Self::OrganizationalUnit(arn) => Some(arn.partition()),
            Self::Account(_) | Self::Public => None,
        }
    }
}

impl From<AccountId> for Principal {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

impl FromStr for Principal {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parsed = text.parse().map(Self::Account).ok();
        let parsed = parsed.or_else(|| text.parse().map(Self::Organization).ok());
        parsed
            .or_else(|| text.parse().map(Self::OrganizationalUnit).ok())
            .ok_or_else(|| {
                let allowed = "12 digits, or the ARN of an organization or organizational unit";
                InvalidId::new(
                    "an account, organization or organizational unit",
                    text,
                    allowed,
                )
            })
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Organization(arn) => arn.fmt(f),
            Self::OrganizationalUnit(arn) => arn.fmt(f),
            Self::Public => f.write_str("all"),
        }
    }
}

impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Principal {
    fn schema_name() -> Cow<'static, str> {
        "Principal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let description =
            "An account ID, the ARN of an organization or organizational unit, or `all`.";
        json_schema!({ "type": "string", "description": description })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_told_apart_and_others_refused() {
        let organization = "arn:aws:organizations::111122223333:organization/o-abcdefghij";
        let unit = "arn:aws:organizations::111122223333:ou/o-abcdefghij/ou-ab12-cdefghij";
        for text in ["111122223333", organization, unit] {
            assert_eq!(text.parse::<Principal>().unwrap().to_string(), text);
        }
        let bad = [
            "all",
            "o-abcdefghij",
            "arn:aws:organizations::111122223333:organization/o-abc",
            "arn:aws:organizations::111122223333:ou/o-abcdefghij",
            "arn:aws:organizations::111122223333:root/o-abcdefghij/r-ab12",
            "arn:nowhere:organizations::111122223333:organization/o-abcdefghij",
        ];
        for text in bad {
            assert!(text.parse::<Principal>().is_err(), "{text}");
        }
        assert_eq!(
            unit.parse::<OuArn>().unwrap().path(),
            "o-abcdefghij/r-ab12/*ou-ab12-cdefghij/*"
        );
    }

    #[test]
    fn roles_are_known_by_their_arn() {
        let role: RoleArn = "arn:aws:iam::111122223333:role/path/name".parse().unwrap();
        assert_eq!(role.account().unwrap().as_ref(), "111122223333");
        for text in [
            "name",
            "arn:aws:iam::111122223333:user/name",
            "arn:aws:iam::1:role/name",
            "arn:aws:iam::111122223333:role/",
        ] {
            assert!(text.parse::<RoleArn>().is_err(), "{text}");
        }
    }
}
