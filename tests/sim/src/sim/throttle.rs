//! Token buckets of each account and Region, one for each operation (R6.1, R6.3).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::wire::{Call, Fail, Params, Service};

/// How many tokens a bucket holds, and how many it gets a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    size: f64,
    refill: f64,
}

const fn bucket(size: f64, refill: f64) -> Bucket {
    Bucket { size, refill }
}

/// The buckets that calls have drawn from.
#[derive(Debug, Default)]
pub(super) struct Buckets(BTreeMap<(String, String, String), (f64, Duration)>);

impl Buckets {
    /// Takes a token for a call. Returns whether there was one.
    pub(super) fn take(&mut self, account: &str, call: &Call, now: Duration) -> bool {
        let Some(bucket) = bucket_of(call) else {
            return true;
        };
        let key = (
            account.to_owned(),
            call.region.clone(),
            call.operation.clone(),
        );
        let (tokens, updated) = self.0.entry(key).or_insert((bucket.size, now));
        let elapsed = now.saturating_sub(*updated).as_secs_f64();
        *tokens = (*tokens + elapsed * bucket.refill).min(bucket.size);
        *updated = now;
        if *tokens < 1.0 {
            return false;
        }
        *tokens -= 1.0;
        true
    }
}

/// How each service refuses a call that finds no token (R6.2, R6.4).
pub(super) fn refusal(service: Service) -> Fail {
    match service {
        Service::Ec2 => Fail::new(503, "RequestLimitExceeded", "Request limit exceeded."),
        Service::AutoScaling | Service::Iam | Service::Sts => {
            Fail::bad("Throttling", "Rate exceeded")
        }
        Service::Organizations => Fail::bad(
            "TooManyRequestsException",
            "AWS Organizations can't complete your request because another request is already in \
             progress. Try again later.",
        ),
        Service::Ssm => Fail::bad("ThrottlingException", "Rate exceeded"),
        Service::Kms => Fail::bad(
            "ThrottlingException",
            "You have exceeded the rate at which you may call KMS. Reduce the frequency of your \
             calls.",
        ),
    }
}

fn bucket_of(call: &Call) -> Option<Bucket> {
    match call.service {
        Service::Ec2 => Some(ec2(call)),
        Service::Kms => Some(kms(&call.operation)),
        // The rule book does not have their rates.
        Service::AutoScaling
        | Service::Iam
        | Service::Organizations
        | Service::Ssm
        | Service::Sts => None,
    }
}

fn ec2(call: &Call) -> Bucket {
    let unfiltered = match &call.params {
        Params::Query(query) => !query.has("Filter") && !query.has("MaxResults"),
        Params::Json(_) => true,
    };
    match call.operation.as_str() {
        "CopyImage" => bucket(100.0, 1.0),
        "ModifyImageAttribute"
        | "ModifySnapshotAttribute"
        | "DeregisterImage"
        | "CreateSnapshot"
        | "DeleteSnapshot" => bucket(100.0, 5.0),
        "CreateTags" => bucket(100.0, 10.0),
        "RunInstances" => bucket(5.0, 2.0),
        name if name.ends_with("BlockPublicAccess") && !name.starts_with("Get") => bucket(1.0, 0.1),
        "DescribeSnapshots" if unfiltered => bucket(50.0, 10.0),
        name if is_read(name) => bucket(100.0, 20.0),
        _ => bucket(50.0, 5.0),
    }
}

fn is_read(operation: &str) -> bool {
    let verbs = ["Describe", "Get", "List"];
    verbs.iter().any(|verb| operation.starts_with(verb))
}

/// KMS counts requests a second.
fn kms(operation: &str) -> Bucket {
    let a_second = match operation {
        "PutKeyPolicy" => 15.0,
        "CreateGrant" | "RetireGrant" | "RevokeGrant" => 50.0,
        "ListGrants" => 100.0,
        "ListAliases" => 500.0,
        "GetKeyPolicy" => 1_000.0,
        "DescribeKey" => 2_000.0,
        "Decrypt"
        | "Encrypt"
        | "ReEncrypt"
        | "GenerateDataKey"
        | "GenerateDataKeyWithoutPlaintext" => 10_000.0,
        // Not in the rule book: few, which is the stricter reading.
        _ => 5.0,
    };
    bucket(a_second, a_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Query;

    fn call(operation: &str, parameters: &[(&str, &str)]) -> Call {
        Call {
            service: Service::Ec2,
            operation: operation.to_owned(),
            params: Params::Query(Query::of(parameters)),
            access_key_id: String::new(),
            session_token: None,
            region: "us-east-1".to_owned(),
        }
    }

    #[test]
    fn rule_6_1_a_bucket_empties_and_fills() {
        let mut buckets = Buckets::default();
        let copy = call("CopyImage", &[]);
        let taken = (0..200)
            .take_while(|_| buckets.take("1", &copy, Duration::ZERO))
            .count();
        assert_eq!(taken, 100);
        assert!(!buckets.take("1", &copy, Duration::from_millis(900)));
        assert!(buckets.take("1", &copy, Duration::from_millis(1100)));
        // Another account, and another operation, have buckets of their own.
        assert!(buckets.take("2", &copy, Duration::ZERO));
        assert!(buckets.take("1", &call("DescribeImages", &[]), Duration::ZERO));
    }

    #[test]
    fn rule_6_1_a_search_without_filters_has_a_smaller_bucket() {
        let sizes = |parameters: &[(&str, &str)]| ec2(&call("DescribeSnapshots", parameters)).size;
        assert!(sizes(&[]) < sizes(&[("Filter.1.Name", "status")]));
        assert!(sizes(&[]) < sizes(&[("MaxResults", "100")]));
    }
}
