//! The partitions of AWS, from one table.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::{AccountId, Region};

/// A partition of AWS: accounts, keys and images never cross from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Partition {
    /// The commercial Regions.
    Aws,
    /// The Regions in China.
    AwsCn,
    /// AWS GovCloud (US).
    AwsUsGov,
    /// The AWS European Sovereign Cloud.
    AwsEusc,
    /// AWS Top Secret.
    AwsIso,
    /// AWS Secret.
    AwsIsoB,
    /// An isolated partition in Europe.
    AwsIsoE,
    /// Another isolated partition in the US.
    AwsIsoF,
}

/// What is known of a partition.
struct Facts {
    partition: Partition,
    /// As it is written in ARNs.
    name: &'static str,
    /// Of the names of its endpoints and services.
    dns_suffix: &'static str,
    /// What its Regions begin with: all but the last two words of a name.
    region_prefixes: &'static [&'static str],
    /// The values of `kms:ViaService` that match EC2 in every Region. AWS does not document with
    /// which suffix KMS writes it where that is not `amazonaws.com`, so there both are allowed.
    via_ec2: &'static [&'static str],
}

const VIA_EC2: &str = "ec2.*.amazonaws.com";

/// As in botocore 1.44.8 (`partitions.json`).
const PARTITIONS: [Facts; 8] = [
    Facts {
        partition: Partition::Aws,
        name: "aws",
        dns_suffix: "amazonaws.com",
        region_prefixes: &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
        via_ec2: &[VIA_EC2],
    },
    Facts {
        partition: Partition::AwsCn,
        name: "aws-cn",
        dns_suffix: "amazonaws.com.cn",
        region_prefixes: &["cn"],
        via_ec2: &[VIA_EC2, "ec2.*.amazonaws.com.cn"],
    },
    Facts {
        partition: Partition::AwsUsGov,
        name: "aws-us-gov",
        dns_suffix: "amazonaws.com",
        region_prefixes: &["us-gov"],
        via_ec2: &[VIA_EC2],
    },
    Facts {
        partition: Partition::AwsEusc,
        name: "aws-eusc",
        dns_suffix: "amazonaws.eu",
        region_prefixes: &["eusc-de"],
        via_ec2: &[VIA_EC2, "ec2.*.amazonaws.eu"],
    },
    Facts {
        partition: Partition::AwsIso,
        name: "aws-iso",
        dns_suffix: "c2s.ic.gov",
        region_prefixes: &["us-iso"],
        via_ec2: &[VIA_EC2, "ec2.*.c2s.ic.gov"],
    },
    Facts {
        partition: Partition::AwsIsoB,
        name: "aws-iso-b",
        dns_suffix: "sc2s.sgov.gov",
        region_prefixes: &["us-isob"],
        via_ec2: &[VIA_EC2, "ec2.*.sc2s.sgov.gov"],
    },
    Facts {
        partition: Partition::AwsIsoE,
        name: "aws-iso-e",
        dns_suffix: "cloud.adc-e.uk",
        region_prefixes: &["eu-isoe"],
        via_ec2: &[VIA_EC2, "ec2.*.cloud.adc-e.uk"],
    },
    Facts {
        partition: Partition::AwsIsoF,
        name: "aws-iso-f",
        dns_suffix: "csp.hci.ic.gov",
        region_prefixes: &["us-isof"],
        via_ec2: &[VIA_EC2, "ec2.*.csp.hci.ic.gov"],
    },
];

impl Partition {
    /// The partition as it is written in ARNs.
    pub fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// The values of `kms:ViaService` that match EC2 in every Region.
    pub(crate) fn via_ec2(self) -> &'static [&'static str] {
        self.facts().via_ec2
    }

    /// The ARN of the account principal, which ends in `:root`.
    pub(crate) fn account_root(self, account: &AccountId) -> String {
        format!("arn:{self}:iam::{account}:root")
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let known = PARTITIONS.iter().find(|facts| facts.name == text);
        known.map(|facts| facts.partition)
    }

    /// Whether a principal is a service of AWS, in any partition: `ec2.us-east-1.amazonaws.com`.
    pub(crate) fn is_service(principal: &str) -> bool {
        !principal.starts_with("arn:")
            && PARTITIONS.iter().any(|facts| {
                let name = principal.strip_suffix(facts.dns_suffix);
                name.is_some_and(|name| name.ends_with('.'))
            })
    }

    /// The partition of a Region by its name.
    pub(super) fn of_region(name: &str) -> Option<Self> {
        let prefix = name.rsplitn(3, '-').nth(2)?;
        let known = PARTITIONS
            .iter()
            .find(|facts| facts.region_prefixes.contains(&prefix));
        known.map(|facts| facts.partition)
    }

    fn facts(self) -> &'static Facts {
        let [aws, others @ ..] = &PARTITIONS;
        let known = others.iter().find(|facts| facts.partition == self);
        known.unwrap_or(aws)
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
        // A Region of an unknown partition is none.
        Partition::of_region(&self.0).unwrap_or(Partition::Aws)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_tells_partition_and_unknown_prefix_is_none() {
        let table = [
            ("us-east-1", "aws"),
            ("mx-central-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ];
        for (region, partition) in table {
            let region: Region = region.parse().unwrap();
            assert_eq!(region.partition().to_string(), partition, "{region}");
            assert_eq!(Partition::parse(partition), Some(region.partition()));
        }
        let error = "nz-north-1".parse::<Region>().unwrap_err().to_string();
        assert!(
            error.contains("a partition that this version knows"),
            "{error}"
        );
    }

    #[test]
    fn service_of_each_partition_is_one() {
        for facts in &PARTITIONS {
            assert!(Partition::is_service(&format!("ec2.{}", facts.dns_suffix)));
        }
        for text in [
            "amazonaws.com",
            "ec2.example.com",
            "arn:aws:iam::1:role/x.amazonaws.com",
        ] {
            assert!(!Partition::is_service(text), "{text}");
        }
    }
}
