//! Reaches target accounts by the role there.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use futures::stream;

use crate::accounts::Account;
use crate::id::{AccountId, Region};
use crate::request::InTargets;
use crate::roles::{Role, Roles};
use crate::run::Targets;

/// How many roles are assumed at once.
const AT_ONCE: usize = 16;

/// Assumes the role in each account, side by side; one that cannot be reached hides none of the
/// others.
pub(crate) async fn reach(
    roles: &Roles,
    source: &Account,
    home: Option<&Region>,
    wanted: &InTargets,
    accounts: BTreeSet<&AccountId>,
) -> Targets {
    let (Some(role), Some(region)) = (&wanted.role, home) else {
        return Targets::new();
    };
    let reached = accounts.into_iter().filter_map(|account| {
        let arn = role.in_account(region.partition(), account)?;
        let (session, external_id) = (wanted.session(), wanted.external_id.clone());
        let role = Role {
            arn,
            region: region.clone(),
            session,
            external_id,
        };
        Some(async move { (account.clone(), roles.reach(source, &role).await) })
    });
    stream::iter(reached)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}
