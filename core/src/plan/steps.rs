//! The steps of a plan, by their kind: nothing outside of this room searches `Plan::steps`.

use super::Plan;
use super::step::{
    CopyImage, Deprecate, DeprecateNow, DeregisterImage, DisableImage, ForgetDisabled,
    ForgetTemporaryAccess, Grants, KeyAccess, LaunchPermission, LaunchRole, NoteDisabled, Protect,
    Publish, ReclaimAccess, RemoveCopy, RemoveKeyAccess, RemovePermissions, RemoveRolePolicy,
    ServiceRole, ShareTags, SharedImage, SnapshotPermission, Step, TagShared, TargetCopy,
    UpdateLaunchTemplate, Watermark,
};
use crate::id::{AccountId, Region, SourceImage};

/// What is done in the source account to share.
impl Plan {
    /// The copies that the source account makes of its images.
    pub fn copies(&self) -> impl Iterator<Item = &CopyImage> {
        self.steps.iter().filter_map(|step| match step {
            Step::Copy(copy) => Some(copy),
            _ => None,
        })
    }

    /// The copy of an image to a Region; `None` if the image itself is shared there.
    pub fn copy_of(&self, source: &SourceImage, region: &Region) -> Option<&CopyImage> {
        self.copies()
            .find(|copy| (&copy.source, &copy.region) == (source, region))
    }

    /// Access to keys by their policies.
    pub fn key_accesses(&self) -> impl Iterator<Item = &KeyAccess> {
        self.steps.iter().filter_map(|step| match step {
            Step::KeyAccess(access) => Some(access),
            _ => None,
        })
    }

    /// Access to keys by grants, of one key and one image each.
    pub fn grants(&self) -> impl Iterator<Item = &Grants> {
        self.steps.iter().filter_map(|step| match step {
            Step::Grants(grants) => Some(grants),
            _ => None,
        })
    }

    /// Create-volume permissions of snapshots, of one image each.
    pub fn snapshot_permissions(&self) -> impl Iterator<Item = &SnapshotPermission> {
        self.steps.iter().filter_map(|step| match step {
            Step::SnapshotPermission(permission) => Some(permission),
            _ => None,
        })
    }

    /// Launch permissions, of one image each.
    pub fn launch_permissions(&self) -> impl Iterator<Item = &LaunchPermission> {
        self.steps.iter().filter_map(|step| match step {
            Step::LaunchPermission(permission) => Some(permission),
            _ => None,
        })
    }

    /// The images that are deprecated.
    pub fn deprecations(&self) -> impl Iterator<Item = &Deprecate> {
        self.steps.iter().filter_map(|step| match step {
            Step::Deprecate(deprecate) => Some(deprecate),
            _ => None,
        })
    }

    /// The tags of a shared image that recipients are to see.
    pub fn tags_to_share(&self, shared: &SharedImage) -> Option<&ShareTags> {
        self.steps.iter().find_map(|step| match step {
            Step::ShareTags(share) if &share.shared == shared => Some(share),
            _ => None,
        })
    }

    /// The watermark that a shared image is to have.
    pub fn watermark(&self, shared: &SharedImage) -> Option<&Watermark> {
        self.steps.iter().find_map(|step| match step {
            Step::Watermark(watermark) if &watermark.shared == shared => Some(watermark),
            _ => None,
        })
    }

    /// The images that are protected from being deregistered.
    pub fn protections(&self) -> impl Iterator<Item = &Protect> {
        self.steps.iter().filter_map(|step| match step {
            Step::Protect(protect) => Some(protect),
            _ => None,
        })
    }

    /// The SSM parameters, in the source account and in targets.
    pub fn publications(&self) -> impl Iterator<Item = &Publish> {
        self.steps.iter().filter_map(|step| match step {
            Step::Publish(publish) => Some(publish),
            _ => None,
        })
    }
}

/// What is done in targets to share.
impl Plan {
    /// The copies that targets make.
    pub fn target_copies(&self) -> impl Iterator<Item = &TargetCopy> {
        self.steps.iter().filter_map(|step| match step {
            Step::TargetCopy(copy) => Some(copy),
            _ => None,
        })
    }

    /// The copy that a target makes of a shared image; `None` if it launches the image itself.
    pub fn target_copy_of(&self, account: &AccountId, shared: &SharedImage) -> Option<&TargetCopy> {
        self.target_copies()
            .find(|copy| (&copy.account, &copy.shared) == (account, shared))
    }

    /// The tags that targets give to shared images.
    pub fn shared_image_tags(&self) -> impl Iterator<Item = &TagShared> {
        self.steps.iter().filter_map(|step| match step {
            Step::TagShared(tag) => Some(tag),
            _ => None,
        })
    }

    /// The launch templates of targets.
    pub fn launch_templates(&self) -> impl Iterator<Item = &UpdateLaunchTemplate> {
        self.steps.iter().filter_map(|step| match step {
            Step::UpdateLaunchTemplate(update) => Some(update),
            _ => None,
        })
    }

    /// The policies by which roles in targets can launch.
    pub fn launch_roles(&self) -> impl Iterator<Item = &LaunchRole> {
        self.steps.iter().filter_map(|step| match step {
            Step::LaunchRole(role) => Some(role),
            _ => None,
        })
    }

    /// The grants for service-linked roles in targets.
    pub fn service_roles(&self) -> impl Iterator<Item = &ServiceRole> {
        self.steps.iter().filter_map(|step| match step {
            Step::ServiceRole(role) => Some(role),
            _ => None,
        })
    }

    /// The temporary access that is reclaimed, of one image each.
    pub fn reclaims(&self) -> impl Iterator<Item = &ReclaimAccess> {
        self.steps.iter().filter_map(|step| match step {
            Step::ReclaimAccess(reclaim) => Some(reclaim),
            _ => None,
        })
    }

    /// The temporary access that is reclaimed of a shared image.
    pub fn reclaim_of(&self, shared: &SharedImage) -> Option<&ReclaimAccess> {
        self.reclaims().find(|reclaim| &reclaim.shared == shared)
    }

    /// The records of temporary access that are removed, of one image each.
    pub fn forgets(&self) -> impl Iterator<Item = &ForgetTemporaryAccess> {
        self.steps.iter().filter_map(|step| match step {
            Step::ForgetTemporaryAccess(forget) => Some(forget),
            _ => None,
        })
    }
}

/// What is revoked.
impl Plan {
    /// Launch and create-volume permissions, of one image each.
    pub fn permission_removals(&self) -> impl Iterator<Item = &RemovePermissions> {
        self.steps.iter().filter_map(|step| match step {
            Step::RemovePermissions(remove) => Some(remove),
            _ => None,
        })
    }

    /// Access to keys.
    pub fn key_access_removals(&self) -> impl Iterator<Item = &RemoveKeyAccess> {
        self.steps.iter().filter_map(|step| match step {
            Step::RemoveKeyAccess(remove) => Some(remove),
            _ => None,
        })
    }

    /// The policies of roles in targets.
    pub fn role_policy_removals(&self) -> impl Iterator<Item = &RemoveRolePolicy> {
        self.steps.iter().filter_map(|step| match step {
            Step::RemoveRolePolicy(remove) => Some(remove),
            _ => None,
        })
    }

    /// The copies that are deregistered.
    pub fn copy_removals(&self) -> impl Iterator<Item = &RemoveCopy> {
        self.steps.iter().filter_map(|step| match step {
            Step::RemoveCopy(remove) => Some(remove),
            _ => None,
        })
    }
}

/// What is retired.
impl Plan {
    /// The images that are deprecated from now on.
    pub fn deprecations_now(&self) -> impl Iterator<Item = &DeprecateNow> {
        self.steps.iter().filter_map(|step| match step {
            Step::DeprecateNow(deprecate) => Some(deprecate),
            _ => None,
        })
    }

    /// The images that are disabled.
    pub fn disabled_images(&self) -> impl Iterator<Item = &DisableImage> {
        self.steps.iter().filter_map(|step| match step {
            Step::DisableImage(disable) => Some(disable),
            _ => None,
        })
    }

    /// The disabled images whose moment is noted.
    pub fn notes_of_disabled(&self) -> impl Iterator<Item = &NoteDisabled> {
        self.steps.iter().filter_map(|step| match step {
            Step::NoteDisabled(note) => Some(note),
            _ => None,
        })
    }

    /// The available images that lose the note of their moment.
    pub fn forgotten_notes(&self) -> impl Iterator<Item = &ForgetDisabled> {
        self.steps.iter().filter_map(|step| match step {
            Step::ForgetDisabled(forget) => Some(forget),
            _ => None,
        })
    }

    /// The images that are deregistered.
    pub fn deregistered_images(&self) -> impl Iterator<Item = &DeregisterImage> {
        self.steps.iter().filter_map(|step| match step {
            Step::DeregisterImage(deregister) => Some(deregister),
            _ => None,
        })
    }
}
