//! The steps of a plan by what they are, each kind in the plan's order.

use super::{
    CopyImage, Deprecate, ForgetTemporaryAccess, Grants, KeyAccess, LaunchRole, Plan, Protect,
    Publish, ReclaimAccess, RemoveCopy, RemoveKeyAccess, RemovePermissions, RemoveRolePolicy,
    ServiceRole, SnapshotPermission, Step, TagShared,
};
use crate::id::{Region, SourceImage};

macro_rules! steps {
    ($($name:ident: $variant:ident($kind:ident),)+) => {
        impl Plan {
            $(pub(crate) fn $name(&self) -> impl Iterator<Item = &$kind> {
                self.steps.iter().filter_map(|step| match step {
                    Step::$variant(step) => Some(step),
                    _ => None,
                })
            })+
        }
    };
}

steps! {
    copies: Copy(CopyImage),
    key_accesses: KeyAccess(KeyAccess),
    grants: Grants(Grants),
    snapshot_permissions: SnapshotPermission(SnapshotPermission),
    deprecations: Deprecate(Deprecate),
    protections: Protect(Protect),
    publishes: Publish(Publish),
    tags_to_share: TagShared(TagShared),
    launch_roles: LaunchRole(LaunchRole),
    service_roles: ServiceRole(ServiceRole),
    reclaims: ReclaimAccess(ReclaimAccess),
    forgets: ForgetTemporaryAccess(ForgetTemporaryAccess),
    removed_permissions: RemovePermissions(RemovePermissions),
    removed_key_accesses: RemoveKeyAccess(RemoveKeyAccess),
    removed_copies: RemoveCopy(RemoveCopy),
    removed_role_policies: RemoveRolePolicy(RemoveRolePolicy),
}

impl Plan {
    /// The copy of a source image that the source account makes in a Region.
    pub(crate) fn copy_of(&self, source: &SourceImage, region: &Region) -> Option<&CopyImage> {
        self.copies()
            .find(|copy| &copy.source == source && &copy.region == region)
    }
}
