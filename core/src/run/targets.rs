//! Reaches the target accounts, by a role in each.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::stream;

use crate::aws::clients::Account;
use crate::aws::roles::{Role, Roles, TARGET_ROLE};
use crate::diagnostic::Error;
use crate::id::AccountId;
use crate::request::ShareRequest;

/// The target accounts, by the role there: each reached, or why not.
pub(crate) type ReachedTargets = BTreeMap<AccountId, Result<Account, Error>>;

/// How many roles are assumed at once.
const CONCURRENT_ROLES: usize = 16;

/// Assumes the role in each account concurrently; one that cannot be reached hides none of the
/// others. Each is asked for where the source's credentials are known to work, or else in any other
/// Region of the request: an account may have some of them turned off.
pub(crate) async fn reach(
    roles: &Roles,
    source: &Account,
    request: &ShareRequest,
) -> ReachedTargets {
    let options = &request.options.in_targets;
    let Some(role) = &options.role else {
        return ReachedTargets::new();
    };
    let regions = &request.regions();
    let first = source.identity.accepted_in.as_ref();
    let first = first.unwrap_or(request.home());
    let mut reaching = Vec::new();
    for account in request.accounts_to_reach() {
        let Some(arn) = role.in_account(first.partition(), account) else {
            continue;
        };
        let role = Role {
            arn,
            region: first.clone(),
            session: options.session(),
            external_id: options.external_id.clone(),
            input: TARGET_ROLE,
        };
        reaching.push(async move {
            let reached = roles.reach(source, &role, regions).await;
            (account.clone(), reached)
        });
    }
    stream::iter(reaching)
        .buffer_unordered(CONCURRENT_ROLES)
        .collect()
        .await
}
