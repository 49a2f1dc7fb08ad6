//! Reaches the target accounts, by a role in each.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use futures::stream;

use crate::aws::clients::Account;
use crate::aws::roles::{Role, Roles};
use crate::diagnostic::Error;
use crate::id::{AccountId, Region};
use crate::request::TargetOptions;

/// The target accounts, by the role there: each reached, or why not.
pub(crate) type ReachedTargets = BTreeMap<AccountId, Result<Account, Error>>;

/// How many roles are assumed at once.
const CONCURRENT_ROLES: usize = 16;

/// Assumes the role in each account concurrently; one that cannot be reached hides none of the
/// others.
pub(crate) async fn reach(
    roles: &Roles,
    source: &Account,
    home: &Region,
    options: &TargetOptions,
    accounts: BTreeSet<&AccountId>,
) -> ReachedTargets {
    let Some(role) = &options.role else {
        return ReachedTargets::new();
    };
    let mut reaching = Vec::new();
    for account in accounts {
        let Some(arn) = role.in_account(home.partition(), account) else {
            continue;
        };
        let role = Role {
            arn,
            region: home.clone(),
            session: options.session(),
            external_id: options.external_id.clone(),
        };
        reaching.push(async move { (account.clone(), roles.reach(source, &role).await) });
    }
    stream::iter(reaching)
        .buffer_unordered(CONCURRENT_ROLES)
        .collect()
        .await
}
