//! Reaches target accounts by the role there.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use futures::stream;

use crate::accounts::Account;
use crate::id::{AccountId, Region};
use crate::request::InTargets;
use crate::run::Targets;

/// How many roles are assumed at once.
const AT_ONCE: usize = 16;

/// Assumes the role in each account, side by side; one that cannot be reached hides none of the others.
pub(crate) async fn reach(
    source: &Account,
    home: Option<&Region>,
    wanted: &InTargets,
    accounts: BTreeSet<&AccountId>,
) -> Targets {
    let (Some(role), Some(region)) = (&wanted.role, home) else { return Targets::new() };
    let (session, external_id) = (&wanted.session(), wanted.external_id.as_deref());
    let reached = accounts.into_iter().filter_map(|account| {
        let role = role.in_account(region.partition(), account)?;
        Some(async move { (account.clone(), source.reach(&role, region, session, external_id).await) })
    });
    stream::iter(reached).buffer_unordered(AT_ONCE).collect().await
}
