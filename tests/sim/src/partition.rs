//! The partitions of AWS (R7.24). Accounts, keys and images never cross from one to another, so the
//! world of a scenario is in one of them.

/// A partition.
#[derive(Debug)]
pub struct Partition {
    /// As it is written in ARNs.
    pub name: &'static str,
    /// Of the names of its endpoints and services.
    pub dns_suffix: &'static str,
    /// What its Regions begin with: all but the last two words of a name.
    prefixes: &'static [&'static str],
    /// The Regions of a world that lists none: those that AWS enables for every account.
    pub regions: &'static [&'static str],
}

impl Partition {
    const fn new(
        name: &'static str,
        dns_suffix: &'static str,
        prefixes: &'static [&'static str],
        regions: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            dns_suffix,
            prefixes,
            regions,
        }
    }
}

const AWS_REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

static PARTITIONS: [Partition; 8] = [
    Partition::new(
        "aws",
        "amazonaws.com",
        &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
        &AWS_REGIONS,
    ),
    Partition::new(
        "aws-cn",
        "amazonaws.com.cn",
        &["cn"],
        &["cn-north-1", "cn-northwest-1"],
    ),
    Partition::new(
        "aws-us-gov",
        "amazonaws.com",
        &["us-gov"],
        &["us-gov-east-1", "us-gov-west-1"],
    ),
    Partition::new(
        "aws-eusc",
        "amazonaws.eu",
        &["eusc-de"],
        &["eusc-de-east-1"],
    ),
    Partition::new(
        "aws-iso",
        "c2s.ic.gov",
        &["us-iso"],
        &["us-iso-east-1", "us-iso-west-1"],
    ),
    Partition::new(
        "aws-iso-b",
        "sc2s.sgov.gov",
        &["us-isob"],
        &["us-isob-east-1", "us-isob-west-1"],
    ),
    Partition::new(
        "aws-iso-e",
        "cloud.adc-e.uk",
        &["eu-isoe"],
        &["eu-isoe-west-1"],
    ),
    Partition::new(
        "aws-iso-f",
        "csp.hci.ic.gov",
        &["us-isof"],
        &["us-isof-east-1", "us-isof-south-1"],
    ),
];

impl Default for &'static Partition {
    fn default() -> Self {
        let [aws, ..] = &PARTITIONS;
        aws
    }
}

/// Every partition.
pub fn all() -> &'static [Partition] {
    &PARTITIONS
}

/// The partition of a Region; of one with an unknown prefix, `aws`.
pub(crate) fn of_region(region: &str) -> &'static Partition {
    let [aws, others @ ..] = &PARTITIONS;
    let mut words = region.rsplitn(3, '-');
    let prefix = words.nth(2).unwrap_or_default();
    let known = others.iter().find(|known| known.prefixes.contains(&prefix));
    known.unwrap_or(aws)
}

/// The name of the partition of an ARN.
pub(crate) fn of_arn(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or("aws")
}

/// The ARN of an account's root, in a partition by its name.
pub(crate) fn account_root(partition: &str, account: &str) -> String {
    format!("arn:{partition}:iam::{account}:root")
}
