//! What a target is lent only until its own copy stands: noted in tags of the shared image before
//! it is lent, so that no more is taken back than was given, even by another run than the one that
//! gave it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::id::AccountId;

/// What is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TemporaryAccess {
    /// Launch permission.
    Launch,
    /// Create-volume permission of the snapshots.
    Snapshots,
    /// Use of the keys.
    Keys,
}

impl TemporaryAccess {
    const ALL: [Self; 3] = [Self::Launch, Self::Snapshots, Self::Keys];

    fn prefix(self) -> &'static str {
        match self {
            Self::Launch => "ami-share:temporary-launch:",
            Self::Snapshots => "ami-share:temporary-snapshots:",
            Self::Keys => "ami-share:temporary-keys:",
        }
    }
}

/// Who is lent what.
pub(crate) type TemporaryAccounts = BTreeMap<TemporaryAccess, BTreeSet<AccountId>>;

/// How many account IDs fit the value of a tag, which has 256 characters, with a blank between
/// them.
const PER_TAG: usize = 19;

/// The tags that say so. Their keys depend on whom they name, so that runs beside each other write
/// different ones.
pub(crate) fn tags(loans: &TemporaryAccounts) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for (loan, accounts) in loans {
        let accounts: Vec<&str> = accounts.iter().map(AsRef::as_ref).collect();
        for few in accounts.chunks(PER_TAG) {
            let value = few.join(" ");
            let digest: String = Sha256::digest(&value)
                .iter()
                .take(4)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            tags.insert(format!("{}{digest}", loan.prefix()), value);
        }
    }
    tags
}

/// What the tags of an image say.
pub(crate) fn loans(tags: &BTreeMap<String, String>) -> TemporaryAccounts {
    let mut loans = TemporaryAccounts::new();
    for (key, value) in tags {
        let Some(loan) = TemporaryAccess::ALL
            .into_iter()
            .find(|loan| key.starts_with(loan.prefix()))
        else {
            continue;
        };
        loans
            .entry(loan)
            .or_default()
            .extend(value.split(' ').filter_map(|account| account.parse().ok()));
    }
    loans
}

/// What is left of loans once these were given back, and the keys of the tags that say otherwise.
pub(crate) fn without(
    tags: &BTreeMap<String, String>,
    gave_back: &TemporaryAccounts,
) -> (TemporaryAccounts, Vec<String>) {
    let (mut left, mut outdated) = (TemporaryAccounts::new(), Vec::new());
    for (key, value) in tags {
        for (loan, accounts) in loans(&BTreeMap::from([(key.clone(), value.clone())])) {
            let back = gave_back.get(&loan).cloned().unwrap_or_default();
            if !accounts.is_disjoint(&back) {
                outdated.push(key.clone());
                left.entry(loan).or_default().extend(&accounts - &back);
            }
        }
    }
    (left, outdated)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accounts(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<AccountId> {
        numbers
            .into_iter()
            .map(|number| format!("{number:012}").parse().unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn tags_say_what_is_lent_and_what_is_left(
            launch in prop::collection::btree_set(0_u64..200, 0..60),
            keys in prop::collection::btree_set(0_u64..200, 0..60),
            back in prop::collection::btree_set(0_u64..200, 0..60),
        ) {
            let mut lent = TemporaryAccounts::from([(TemporaryAccess::Launch, accounts(launch)), (TemporaryAccess::Keys, accounts(keys))]);
            lent.retain(|_, accounts| !accounts.is_empty());
            let mut written = tags(&lent);
            prop_assert!(written.iter().all(|(key, value)| key.len() <= 128 && value.len() <= 256));
            prop_assert_eq!(&loans(&written), &lent);
            let back = accounts(back);
            let gave_back = TemporaryAccounts::from([(TemporaryAccess::Launch, back.clone()), (TemporaryAccess::Keys, back.clone())]);
            let (left, outdated) = without(&written, &gave_back);
            written.retain(|key, _| !outdated.contains(key));
            written.extend(tags(&left));
            for accounts in lent.values_mut() {
                accounts.retain(|account| !back.contains(account));
            }
            lent.retain(|_, accounts| !accounts.is_empty());
            prop_assert_eq!(loans(&written), lent);
        }
    }
}
