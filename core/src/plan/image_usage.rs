//! Images that a run would take from those who use them, as AWS reports it to their owner (R7.12).

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use super::lifecycle::rfc3339;
use super::planner::Planner;
use super::step::{RemoveCopy, RemoveKeyAccess, RemovePermissions};
use crate::diagnostic::{Error, Finding, FindingCode};
use crate::id::{AccountId, AmiId, Principal, Region};
use crate::inventory::{Grant, ResourceCounts, UnknownUsage, UsageReport};
use crate::policy::key_policy::PolicyPrincipal;

/// Who uses an image, with how many resources of each type.
pub(crate) type Users = BTreeMap<AccountId, ResourceCounts>;

impl Plan {
    /// The images that somebody would lose by this plan, if it matters whether they are used.
    /// Each with whether it is removed, so that its owner loses it too.
    pub(crate) fn images_to_take(&self) -> BTreeMap<(Region, AmiId), bool> {
        let mut images = BTreeMap::new();
        let options = &self.request.options;
        // A retirement has looked at that already.
        let is_known = options.revoke_in_use || options.retire.is_some();
        if is_known || self.refusals().next().is_some() {
            return images;
        }
        let keys: Vec<&RemoveKeyAccess> = self.key_access_removals().collect();
        for remove in self.permission_removals() {
            let loses_key = !Losers::of_keys(remove, &keys).is_empty();
            if !remove.principals.is_empty() || loses_key {
                images.insert((remove.region.clone(), remove.image.clone()), false);
            }
        }
        for remove in self.copy_removals().filter(|remove| !remove.is_unfinished) {
            images.insert((remove.region.clone(), remove.image.clone()), true);
        }
        images
    }
}

impl Planner<'_> {
    /// Refuses the run if AWS reports that those who would lose an image use it. Where that is not
    /// known, it warns, and access is revoked all the same: an owner that may not ask for reports
    /// can still do that. But a copy whose use is not known stays: nobody can bring it back.
    pub(super) fn check_image_usage(
        &mut self,
        permissions: &[RemovePermissions],
        keys: &[RemoveKeyAccess],
        copies: &mut Vec<RemoveCopy>,
    ) {
        let keys: Vec<&RemoveKeyAccess> = keys.iter().collect();
        for remove in permissions {
            let image = (remove.region.clone(), remove.image.clone());
            let Some(usage) = self.inventory.image_usage.get(&image) else {
                continue;
            };
            let is_removed = copies.iter().any(|copy| copy.image == remove.image);
            let unknown = match usage {
                Err(unknown) => Some(unknown.clone()),
                Ok(usage) if is_removed => self.check_users(remove, usage, usage.counts.clone()),
                Ok(usage) => {
                    let users = self.users_who_lose(remove, &keys, usage);
                    self.check_users(remove, usage, users)
                }
            };
            let Some(unknown) = unknown else {
                continue;
            };
            // A dry run that asks AWS nothing says what the run would do to an unused image.
            let is_kept = is_removed && !unknown.will_be_asked;
            if is_kept {
                copies.retain(|copy| copy.image != remove.image);
            }
            self.add(image_use_unknown(&remove.image, &unknown.error, is_kept));
        }
    }

    /// Refuses the run if the image has users who lose it; returns why it is not known whether it
    /// has any.
    fn check_users(
        &mut self,
        remove: &RemovePermissions,
        usage: &UsageReport,
        users: Users,
    ) -> Option<UnknownUsage> {
        let mut own = Users::new();
        if let Some(Ok(counts)) = &usage.own
            && !counts.is_empty()
        {
            own.insert(self.inventory.account.clone(), counts.clone());
        }
        if !users.is_empty() || !own.is_empty() {
            let message = describe_use(usage, &users, &own);
            self.refuse_run(FindingCode::ImageInUse, &remove.image, message);
            return None;
        }
        if let Some(Err(error)) = &usage.own {
            return Some(UnknownUsage::of(error.clone()));
        }
        if usage.is_full() {
            self.add(full_report(&remove.image, usage));
        }
        None
    }

    /// The accounts that use an image and may launch it no more afterwards.
    fn users_who_lose(
        &self,
        remove: &RemovePermissions,
        keys: &[&RemoveKeyAccess],
        usage: &UsageReport,
    ) -> Users {
        let region = self.inventory.regions.get(&remove.region);
        let granted = region.and_then(|region| region.launch_permissions.get(&remove.image));
        let granted = granted.into_iter().flatten();
        let granted: BTreeSet<_> = granted.filter_map(Principal::account).cloned().collect();
        let with_key = self.accounts_with_keys(remove);
        let (image, keys) = (
            Losers::of_image(&remove.principals),
            Losers::of_keys(remove, keys),
        );
        let mut users = usage.counts.clone();
        users.retain(|account, _| {
            image.include(account, &granted) || keys.include(account, &with_key)
        });
        users
    }

    /// The accounts that have access to keys of an image by themselves.
    fn accounts_with_keys(&self, remove: &RemovePermissions) -> BTreeSet<AccountId> {
        let mut accounts = BTreeSet::new();
        for key in &remove.keys {
            let Some(key) = self.inventory.key(key) else {
                continue;
            };
            accounts.extend(key.known_grants().iter().filter_map(Grant::grantee_account));
            for principal in key.granted_principals() {
                if let PolicyPrincipal::Account(account) = principal {
                    accounts.insert(account);
                }
            }
        }
        accounts
    }
}

/// Those who lose an image or a key. The members of an organization are not known, so any account
/// may be one.
#[derive(Default)]
struct Losers {
    accounts: BTreeSet<AccountId>,
    has_organizations: bool,
}

impl Losers {
    fn of_image(principals: &BTreeSet<Principal>) -> Self {
        let accounts = principals.iter().filter_map(Principal::account);
        Self {
            accounts: accounts.cloned().collect(),
            has_organizations: principals.iter().any(|one| one.account().is_none()),
        }
    }

    /// Those who lose a key of the image.
    fn of_keys(remove: &RemovePermissions, keys: &[&RemoveKeyAccess]) -> Self {
        let mut losers = Self::default();
        for key in keys.iter().filter(|key| remove.keys.contains(&key.key)) {
            for principal in &key.principals {
                match principal {
                    PolicyPrincipal::Account(account) => {
                        losers.accounts.insert(account.clone());
                    }
                    _ => losers.has_organizations = true,
                }
            }
            let grantees = key.grants.values();
            losers
                .accounts
                .extend(grantees.filter_map(|arn| account_of(arn)));
        }
        losers
    }

    fn is_empty(&self) -> bool {
        self.accounts.is_empty() && !self.has_organizations
    }

    /// Whether an account loses it, unless it is among those who have it by themselves.
    fn include(&self, account: &AccountId, by_themselves: &BTreeSet<AccountId>) -> bool {
        let may_be_member = self.has_organizations && !by_themselves.contains(account);
        self.accounts.contains(account) || may_be_member
    }
}

/// The users of an image who lose it with these principals, of those who can launch it now.
pub(crate) fn users_among(
    usage: &UsageReport,
    losing: &BTreeSet<Principal>,
    launchers: &BTreeSet<Principal>,
) -> Users {
    let keeping = launchers - losing;
    let keeping = keeping
        .iter()
        .filter_map(Principal::account)
        .cloned()
        .collect();
    let losers = Losers::of_image(losing);
    let mut users = usage.counts.clone();
    users.retain(|account, _| losers.include(account, &keeping));
    users
}

/// The finding of an image whose use is not known.
pub(crate) fn image_use_unknown(image: &AmiId, error: &Error, is_kept: bool) -> Finding {
    let kept = if is_kept {
        "; this copy is kept, because nobody can bring it back"
    } else {
        ""
    };
    let message = format!(
        "whether those who lose the image use it is not known{kept}: {}",
        error.without_remedy()
    );
    let mut finding = Finding::warn(FindingCode::ImageUsageUnknown, image, message);
    finding.remedy = format!(
        "{}; or set `revoke-in-use` if that does not matter",
        error.remedy
    );
    finding
}

/// The finding of a report in which more accounts may be missing.
pub(crate) fn full_report(image: &AmiId, usage: &UsageReport) -> Finding {
    let message = format!(
        "AWS's usage report covers {} accounts, as many as it can, and none of them loses the \
         image; whether others use it is not known",
        usage.counts.len()
    );
    Finding::warn(FindingCode::ImageUsageUnknown, image, message)
}

/// Who uses an image: other accounts as a report says, and the owner as of now.
pub(crate) fn describe_use(usage: &UsageReport, users: &Users, own: &Users) -> String {
    let mut parts = Vec::new();
    if !users.is_empty() {
        let more = if usage.is_full() {
            ", and maybe more, as it lists no more accounts"
        } else {
            ""
        };
        parts.push(format!(
            "accounts that may lose the image use it, as AWS's report of {} says: {}{more}. Such \
             a report lacks instances of the last day and launch templates of the last days",
            rfc3339(usage.created),
            list_users(users)
        ));
    }
    if !own.is_empty() {
        let owner = list_users(own);
        parts.push(format!("the owner itself uses the image now: {owner}"));
    }
    parts.join(". ")
}

fn list_users(users: &Users) -> String {
    let mut names = Vec::new();
    for (account, counts) in users {
        names.push(format!("{account} ({})", describe_counts(counts)));
    }
    names.join(", ")
}

/// The account of an ARN.
fn account_of(arn: &str) -> Option<AccountId> {
    arn.split(':').nth(4)?.parse().ok()
}

/// Such as `2 instances, 1 launch template`.
fn describe_counts(counts: &ResourceCounts) -> String {
    let mut parts = Vec::new();
    for (kind, count) in counts {
        let name = match kind.as_str() {
            "ec2:Instance" => "instance",
            "ec2:LaunchTemplate" => "launch template",
            other => other,
        };
        let plural = if *count == 1 { "" } else { "s" };
        parts.push(format!("{count} {name}{plural}"));
    }
    parts.join(", ")
}
