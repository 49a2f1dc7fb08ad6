//! How a statement names the service-linked roles of an account (R4.11).

use std::collections::BTreeSet;

use super::PolicyPrincipal;
use crate::id::Partition;

/// The pattern of the roles of one service in an account.
pub(super) fn role_pattern(partition: Partition, account: &str, service: &str) -> String {
    format!("arn:{partition}:iam::{account}:role/aws-service-role/{service}/*")
}

/// The patterns of the roles of these services in each of the accounts.
pub(super) fn role_patterns(
    partition: Partition,
    services: &BTreeSet<String>,
    principals: &BTreeSet<PolicyPrincipal>,
) -> Vec<String> {
    let mut roles = Vec::new();
    for principal in principals {
        for service in services {
            roles.push(role_pattern(partition, &principal.to_string(), service));
        }
    }
    roles
}
