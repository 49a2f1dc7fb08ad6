//! Images that a run would take from those who use them, as AWS reports it to their owner (R7.12).

use std::collections::BTreeMap;

use super::Plan;
use super::lifecycle::rfc3339;
use super::planner::Planner;
use super::step::{RemoveCopy, RemovePermissions};
use crate::diagnostic::{Error, Finding, FindingCode};
use crate::id::{AccountId, AmiId, Principal, Region};
use crate::inventory::UsageReport;

impl Plan {
    /// The images that somebody would lose by this plan, if it matters whether they are used.
    /// Each with whether it is removed, so that its owner loses it too.
    pub(crate) fn images_to_take(&self) -> BTreeMap<(Region, AmiId), bool> {
        let mut images = BTreeMap::new();
        if self.request.options.revoke_in_use || self.refusals().next().is_some() {
            return images;
        }
        for remove in self.permission_removals() {
            if !remove.principals.is_empty() {
                images.insert((remove.region.clone(), remove.image.clone()), false);
            }
        }
        for remove in self.copy_removals() {
            images.insert((remove.region.clone(), remove.image.clone()), true);
        }
        images
    }
}

impl Planner<'_> {
    /// Refuses the run if AWS reports that those who would lose an image use it. Where that is not
    /// known, it warns: an owner that may not ask for reports can still revoke access.
    pub(super) fn check_image_usage(
        &mut self,
        permissions: &[RemovePermissions],
        copies: &[RemoveCopy],
    ) {
        for remove in permissions {
            let image = (remove.region.clone(), remove.image.clone());
            let usage = match self.inventory.image_usage.get(&image) {
                None => continue,
                Some(Err(error)) => {
                    self.warn_of_unknown_image_usage(&remove.image, error);
                    continue;
                }
                Some(Ok(usage)) => usage,
            };
            let is_removed = copies.iter().any(|copy| copy.image == remove.image);
            let mut users = usage.counts.clone();
            users.retain(|account, _| is_removed || self.loses(account, remove));
            if let Some(Ok(own)) = &usage.own
                && !own.is_empty()
            {
                users.insert(self.inventory.account.clone(), own.clone());
            }
            if !users.is_empty() {
                self.refuse_in_use(&remove.image, &users, usage);
            } else if let Some(Err(error)) = &usage.own {
                self.warn_of_unknown_image_usage(&remove.image, error);
            } else if usage.is_full() {
                let message = format!(
                    "AWS's usage report covers {} accounts, as many as it can, and none of them \
                     loses the image; whether others use it is not known",
                    usage.counts.len()
                );
                self.warn(FindingCode::ImageUsageUnknown, &remove.image, message);
            }
        }
    }

    /// Whether an account can launch an image no more afterwards. The members of an organization
    /// are not known, so any account may be one, unless the image is shared with it by itself.
    fn loses(&self, account: &AccountId, remove: &RemovePermissions) -> bool {
        let by_itself = Principal::Account(account.clone());
        if remove.principals.contains(&by_itself) {
            return true;
        }
        let region = self.inventory.regions.get(&remove.region);
        let granted = region.and_then(|region| region.launch_permissions.get(&remove.image));
        let keeps = granted.is_some_and(|granted| granted.contains(&by_itself));
        let mut losing = remove.principals.iter();
        !keeps && losing.any(|principal| principal.account().is_none())
    }

    fn refuse_in_use(
        &mut self,
        image: &AmiId,
        users: &BTreeMap<AccountId, BTreeMap<String, u64>>,
        usage: &UsageReport,
    ) {
        let mut names = Vec::new();
        for (account, counts) in users {
            names.push(format!("{account} ({})", describe_counts(counts)));
        }
        let message = format!(
            "accounts that may lose the image use it, as AWS's report of {} says: {}. Such a \
             report lacks instances of the last day and launch templates of the last days",
            rfc3339(usage.created),
            names.join(", ")
        );
        self.refuse_run(FindingCode::ImageInUse, image, message);
    }

    fn warn_of_unknown_image_usage(&mut self, image: &AmiId, error: &Error) {
        let message = format!(
            "whether those who lose the image use it is not known: {}",
            error.without_remedy()
        );
        let mut finding = Finding::warn(FindingCode::ImageUsageUnknown, image, message);
        finding.remedy = format!(
            "{}; or set `revoke-in-use` if that does not matter",
            error.remedy
        );
        self.add(finding);
    }
}

/// Such as `2 instances, 1 launch template`.
fn describe_counts(counts: &BTreeMap<String, u64>) -> String {
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
