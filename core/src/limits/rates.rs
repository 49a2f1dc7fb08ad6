//! How often AWS lets an account call an operation in a Region (R6.1, R6.3).

/// A token bucket of AWS's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// How many calls it lets through at once.
    pub(crate) burst: f64,
    /// How many more it lets through each second.
    pub(crate) per_second: f64,
}

const fn rate(burst: f64, per_second: f64) -> Rate {
    Rate { burst, per_second }
}

/// The rate of an operation such as `ec2:CopyImage`; `None` if AWS documents none.
pub(crate) fn rate_of(action: &str) -> Option<Rate> {
    match action.split_once(':')? {
        ("ec2", operation) => Some(ec2(operation)),
        ("kms", operation) => kms(operation),
        _ => None,
    }
}

fn ec2(operation: &str) -> Rate {
    match operation {
        "CopyImage" => rate(100.0, 1.0),
        "ModifyImageAttribute"
        | "ModifySnapshotAttribute"
        | "DeregisterImage"
        | "DeleteSnapshot" => rate(100.0, 5.0),
        "CreateTags" => rate(100.0, 10.0),
        "RunInstances" => rate(5.0, 2.0),
        // Asked for by ID it has the smaller bucket of searches without a filter.
        "DescribeSnapshots" => rate(50.0, 10.0),
        _ if operation.starts_with("Describe") || operation.starts_with("Get") => rate(100.0, 20.0),
        _ => rate(50.0, 5.0),
    }
}

fn kms(operation: &str) -> Option<Rate> {
    let a_second = match operation {
        "PutKeyPolicy" => 15.0,
        "CreateGrant" | "RevokeGrant" => 50.0,
        "ListGrants" => 100.0,
        "GetKeyPolicy" => 1_000.0,
        "DescribeKey" => 2_000.0,
        _ => return None,
    };
    Some(rate(a_second, a_second))
}
