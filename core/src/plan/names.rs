//! The names of what this tool makes, by which later runs find it.

use std::fmt::{self, Write as _};

use crate::id::{AccountId, AmiId, KeyArn, Region};

/// What precedes the number of a grant whose name was taken. No other part of a name contains it.
const NUMBER: char = '/';

/// The name of the grant that lets an account use a key for one image. KMS makes one grant of two
/// calls that are the same (R3.3.4), so the number in the name is raised whenever grants allow
/// something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageGrantName {
    /// The account of the image: several may share under one key. Former names did not contain it.
    pub(crate) source: Option<AccountId>,
    pub(crate) region: Region,
    pub(crate) image: AmiId,
    pub(crate) account: AccountId,
}

impl ImageGrantName {
    /// What a name says, in this form or the former one.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = without_number(name);
        let (source, rest) = if let Some(rest) = name.strip_prefix("ami-share-2-") {
            let (source, rest) = rest.split_once('-')?;
            (Some(source.parse().ok()?), rest)
        } else {
            (None, name.strip_prefix("ami-share-1-")?)
        };
        let (rest, account) = rest.rsplit_once('-')?;
        let (region, image) = rest.split_at(rest.find("-ami-")?);
        Some(Self {
            source,
            region: region.parse().ok()?,
            image: image.strip_prefix('-')?.parse().ok()?,
            account: account.parse().ok()?,
        })
    }

    /// Whether both name the grant of the same image to the same account. An image ID exists once.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.region, &self.image, &self.account) == (&other.region, &other.image, &other.account)
    }
}

impl fmt::Display for ImageGrantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "ami-share-2-{source}")?,
            None => f.write_str("ami-share-1")?,
        }
        write!(f, "-{}-{}-{}", self.region, self.image, self.account)
    }
}

/// The name of the grant for a service-linked role in a target. A service's role has a suffix of
/// its own if the service has several (R7.29); `None` stands for one that does not exist yet.
pub(crate) fn service_grant_name(account: &AccountId, service: &str, role: Option<&str>) -> String {
    let service = service.strip_suffix(".amazonaws.com").unwrap_or(service);
    let role = role.and_then(|arn| arn.rsplit('/').next());
    let suffix = role.and_then(|name| name.split_once('_'));
    let mut name = format!("ami-share-1-{account}-{}", escape(service));
    if let Some((_, suffix)) = suffix {
        name.push('_');
        name.push_str(&escape(suffix));
    }
    name
}

/// The name of the grant by which a target can make grants for its service-linked roles.
pub(crate) fn parent_grant_name(account: &AccountId) -> String {
    format!("ami-share-1-{account}-roles")
}

/// A name of a grant after a few others were taken. The first has no number.
pub(crate) fn numbered(name: &str, number: usize) -> String {
    if number < 2 {
        name.to_owned()
    } else {
        format!("{name}{NUMBER}{number}")
    }
}

/// The name of a grant without the number that it has if others were taken.
pub(crate) fn without_number(name: &str) -> &str {
    match name.rsplit_once(NUMBER) {
        Some((name, number)) if number.parse::<usize>().is_ok() => name,
        _ => name,
    }
}

/// A text with only characters that names of grants can have. Different texts stay different.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
            escaped.push(c);
        } else {
            let _ = write!(escaped, ":{:02x}", u32::from(c));
        }
    }
    escaped
}

/// The name of the inline policy for a key. A role has one for each key, so that each key can be
/// revoked alone.
pub(crate) fn inline_policy_name(key: &KeyArn) -> String {
    format!(
        "ami-share-{}-{}",
        key.region(),
        key.as_ref().rsplit('/').next().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_image_grant_is_read_as_it_is_written() {
        let mut name = ImageGrantName {
            source: Some("111111111111".parse().unwrap()),
            region: "ap-southeast-2".parse().unwrap(),
            image: "ami-0123456789abcdef0".parse().unwrap(),
            account: "222222222222".parse().unwrap(),
        };
        let current = "ami-share-2-111111111111-ap-southeast-2-ami-0123456789abcdef0-222222222222";
        assert_eq!(name.to_string(), current);
        for number in [1, 2, 17] {
            let read = ImageGrantName::parse(&numbered(current, number));
            assert_eq!(read.as_ref(), Some(&name));
        }
        name.source = None;
        let former = "ami-share-1-ap-southeast-2-ami-0123456789abcdef0-222222222222";
        assert_eq!(name.to_string(), former);
        assert_eq!(ImageGrantName::parse(former).as_ref(), Some(&name));
        for other in [
            "",
            "by-hand",
            "ami-share-1-222222222222-roles",
            "ami-share-1-222222222222-autoscaling",
            "ami-share-2-ap-southeast-2-ami-0123456789abcdef0-222222222222",
            "ami-share-1-ap-southeast-2-ami-0123456789abcdef0-222222222222/x",
        ] {
            assert_eq!(ImageGrantName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn each_role_of_each_service_has_a_grant_name_of_its_own() {
        let account: AccountId = "222222222222".parse().unwrap();
        let table = [
            ("autoscaling", "AWSServiceRoleForAutoScaling", "autoscaling"),
            (
                "autoscaling",
                "AWSServiceRoleForAutoScaling_Blue",
                "autoscaling_Blue",
            ),
            (
                "autoscaling",
                "AWSServiceRoleForAutoScaling_Blue_2",
                "autoscaling_Blue_2",
            ),
            (
                "autoscaling",
                "AWSServiceRoleForAutoScaling_a.b@c",
                "autoscaling_a:2eb:40c",
            ),
            ("ops.apigateway", "AWSServiceRoleForX", "ops:2eapigateway"),
        ];
        for (service, role, end) in table {
            let service = format!("{service}.amazonaws.com");
            let arn = format!("arn:aws:iam::{account}:role/aws-service-role/{service}/{role}");
            let name = service_grant_name(&account, &service, Some(&arn));
            assert_eq!(name, format!("ami-share-1-{account}-{end}"));
            assert_eq!(without_number(&numbered(&name, 3)), name);
        }
        let name = service_grant_name(&account, "autoscaling.amazonaws.com", None);
        assert_eq!(name, "ami-share-1-222222222222-autoscaling");
    }
}
