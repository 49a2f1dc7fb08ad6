//! Temporary access: what a target has only until its own copy is available. Tags of the shared
//! image record it before it is given, so that any later run reclaims exactly that. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::hex_sha256;
use crate::id::AccountId;

/// A kind of temporary access.
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

    /// What the tags' keys begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Launch => "ami-share:temporary-launch:",
            Self::Snapshots => "ami-share:temporary-snapshots:",
            Self::Keys => "ami-share:temporary-keys:",
        }
    }

    /// The kind that a tag records; `None` for any other tag.
    fn of_tag(key: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|access| key.starts_with(access.prefix()))
    }
}

/// The accounts that have temporary access, by its kind.
pub(crate) type TemporaryAccounts = BTreeMap<TemporaryAccess, BTreeSet<AccountId>>;

/// The account IDs that fit into the value of one tag, with a space between them: 256 characters.
const ACCOUNTS_PER_TAG: usize = 19;

/// The tags that record temporary access. Their keys contain a digest of the accounts, so that
/// concurrent runs do not overwrite each other's tags.
pub(crate) fn to_tags(temporary: &TemporaryAccounts) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for (access, accounts) in temporary {
        let accounts: Vec<&str> = accounts.iter().map(AsRef::as_ref).collect();
        for few in accounts.chunks(ACCOUNTS_PER_TAG) {
            let value = few.join(" ");
            tags.insert(key_of(*access, &value), value);
        }
    }
    tags
}

/// The key of the tag that records this value.
fn key_of(access: TemporaryAccess, value: &str) -> String {
    format!("{}{}", access.prefix(), &hex_sha256(value)[..8])
}

/// The temporary access that the tags of an image record.
pub(crate) fn from_tags(tags: &BTreeMap<String, String>) -> TemporaryAccounts {
    let mut temporary = TemporaryAccounts::new();
    for (key, value) in tags {
        if let Some((access, accounts)) = read_record(key, value) {
            temporary.entry(access).or_default().extend(accounts);
        }
    }
    temporary
}

/// The keys of tags that look like records of temporary access, and are none that this tool wrote.
pub(crate) fn unknown_records(tags: &BTreeMap<String, String>) -> Vec<&str> {
    let mut unknown = Vec::new();
    for (key, value) in tags {
        if TemporaryAccess::of_tag(key).is_some() && read_record(key, value).is_none() {
            unknown.push(key.as_str());
        }
    }
    unknown
}

/// How tags change when access is reclaimed: what the tags that name one of these accounts still
/// record without them, and the keys of these tags, which are outdated.
pub(crate) fn without(
    tags: &BTreeMap<String, String>,
    reclaimed: &TemporaryAccounts,
) -> (TemporaryAccounts, Vec<String>) {
    let (mut left, mut outdated) = (TemporaryAccounts::new(), Vec::new());
    for (key, value) in tags {
        if let Some((access, accounts)) = read_record(key, value)
            && let Some(gone) = reclaimed.get(&access)
            && !accounts.is_disjoint(gone)
        {
            outdated.push(key.clone());
            left.entry(access).or_default().extend(&accounts - gone);
        }
    }
    (left, outdated)
}

/// What a tag records; `None` for any tag that this tool did not write so: anybody may edit tags.
fn read_record(key: &str, value: &str) -> Option<(TemporaryAccess, BTreeSet<AccountId>)> {
    let access = TemporaryAccess::of_tag(key)?;
    if key != key_of(access, value) {
        return None;
    }
    let accounts: Result<_, _> = value.split(' ').map(str::parse).collect();
    Some((access, accounts.ok()?))
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
        fn tags_record_temporary_access_and_what_is_left_of_it(
            launch in prop::collection::btree_set(0_u64..200, 0..60),
            keys in prop::collection::btree_set(0_u64..200, 0..60),
            gone in prop::collection::btree_set(0_u64..200, 0..60),
        ) {
            let mut temporary = TemporaryAccounts::from([
                (TemporaryAccess::Launch, accounts(launch)),
                (TemporaryAccess::Keys, accounts(keys)),
            ]);
            temporary.retain(|_, accounts| !accounts.is_empty());
            let mut tags = to_tags(&temporary);
            prop_assert!(tags.iter().all(|(key, value)| key.len() <= 128 && value.len() <= 256));
            prop_assert_eq!(&from_tags(&tags), &temporary);
            let gone = accounts(gone);
            let reclaimed = TemporaryAccounts::from([
                (TemporaryAccess::Launch, gone.clone()),
                (TemporaryAccess::Keys, gone.clone()),
            ]);
            let (left, outdated) = without(&tags, &reclaimed);
            tags.retain(|key, _| !outdated.contains(key));
            tags.extend(to_tags(&left));
            for accounts in temporary.values_mut() {
                accounts.retain(|account| !gone.contains(account));
            }
            temporary.retain(|_, accounts| !accounts.is_empty());
            prop_assert_eq!(from_tags(&tags), temporary);
        }
    }
}
