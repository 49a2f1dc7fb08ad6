//! Partitions.

use ami_share_sim::partition;
use ami_share_sim::{Options, Scenario};
use serde_json::json;

use super::support::*;

#[tokio::test]
async fn rule_7_24_names_follow_the_partition_of_the_region() {
    for partition in partition::all() {
        let (name, suffix) = (partition.name, partition.dns_suffix);
        for region in partition.regions {
            let mut scenario = Scenario::two_accounts();
            scenario.region = (*region).to_owned();
            let (a, _) = callers(scenario, Options::default());
            let a = a.in_region(region);

            let key = a.key("golden");
            let prefix = format!("arn:{name}:kms:{region}:{A}:key/");
            assert!(key.starts_with(&prefix), "{key}");
            let policy = a.kms_json("GetKeyPolicy", json!({ "KeyId": key })).await;
            let root = format!("arn:{name}:iam::{A}:root");
            assert!(policy.to_string().contains(&root), "{policy}");

            let identity = a.sts("GetCallerIdentity", &[]).await.unwrap();
            assert_eq!(
                identity.first("Arn"),
                format!("arn:{name}:iam::{A}:user/admin")
            );
            let regions = a.ec2("DescribeRegions", &[]).await.unwrap();
            let endpoint = format!("ec2.{region}.{suffix}");
            let endpoints = regions.all("regionEndpoint");
            assert!(endpoints.contains(&endpoint.as_str()), "{endpoints:?}");
            assert_eq!(endpoints.len(), partition.regions.len());
        }
    }
}
