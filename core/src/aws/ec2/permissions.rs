//! EC2: the permissions to launch an image, and to make volumes of a snapshot.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    CreateVolumePermission, CreateVolumePermissionModifications, ImageAttributeName,
    LaunchPermission, LaunchPermissionModifications, PermissionGroup, SnapshotAttributeName,
};

use super::Ec2;
use crate::aws::accept_codes;
use crate::aws::unreadable::{Unreadable, present, read};
use crate::diagnostic::Error;
use crate::id::{AmiId, Principal, SnapshotId};
use crate::limits::PRINCIPALS_PER_CALL;

/// Which way a permission changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Remove,
}

impl Ec2 {
    /// The principals that may launch the image (`ec2:DescribeImageAttribute`).
    pub(crate) async fn launch_permissions(
        &self,
        id: &AmiId,
    ) -> Result<BTreeSet<Principal>, Error> {
        const ACTION: &str = "ec2:DescribeImageAttribute";
        let attribute = ImageAttributeName::LaunchPermission;
        let call = || {
            self.client
                .get()
                .describe_image_attribute()
                .image_id(id.as_ref())
                .attribute(attribute)
                .send()
        };
        let answer = self.caller.send(ACTION, Some(id.as_ref()), call).await?;
        self.check_answered(ACTION, id.as_ref(), answer.image_id())?;
        let permissions = answer.launch_permissions().iter();
        let principals: Result<_, _> = permissions.map(from_sdk_launch_permission).collect();
        principals.map_err(|unreadable| self.unreadable(ACTION, &unreadable.of(id.as_ref())))
    }

    /// Adds or removes launch permissions (`ec2:ModifyImageAttribute`).
    pub(crate) async fn change_launch_permissions(
        &self,
        id: &AmiId,
        change: Change,
        principals: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let principals: Vec<&Principal> = principals.iter().collect();
        for batch in principals.chunks(PRINCIPALS_PER_CALL) {
            let items = Some(
                batch
                    .iter()
                    .copied()
                    .map(to_sdk_launch_permission)
                    .collect(),
            );
            let modifications = LaunchPermissionModifications::builder();
            let modifications = match change {
                Change::Add => modifications.set_add(items),
                Change::Remove => modifications.set_remove(items),
            };
            let call = || {
                self.client
                    .get()
                    .modify_image_attribute()
                    .image_id(id.as_ref())
                    .launch_permission(modifications.build())
                    .send()
            };
            self.caller
                .send("ec2:ModifyImageAttribute", Some(id.as_ref()), call)
                .await?;
        }
        Ok(())
    }

    /// Tests with a dry run whether the caller may add launch permissions
    /// (`ec2:ModifyImageAttribute`). Only the first batch of principals is tested.
    pub(crate) async fn dry_run_share(
        &self,
        id: &AmiId,
        principals: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let first_batch = principals.iter().take(PRINCIPALS_PER_CALL);
        let add = LaunchPermissionModifications::builder()
            .set_add(Some(first_batch.map(to_sdk_launch_permission).collect()))
            .build();
        let call = || {
            self.client
                .get()
                .modify_image_attribute()
                .image_id(id.as_ref())
                .launch_permission(add)
                .dry_run(true)
                .send()
        };
        let answer = self
            .caller
            .send("ec2:ModifyImageAttribute", Some(id.as_ref()), call)
            .await;
        accept_codes(answer, &["DryRunOperation"])
    }

    /// The principals that may make volumes of the snapshot (`ec2:DescribeSnapshotAttribute`).
    pub(crate) async fn snapshot_permissions(
        &self,
        id: &SnapshotId,
    ) -> Result<BTreeSet<Principal>, Error> {
        const ACTION: &str = "ec2:DescribeSnapshotAttribute";
        let attribute = SnapshotAttributeName::CreateVolumePermission;
        let call = || {
            self.client
                .get()
                .describe_snapshot_attribute()
                .snapshot_id(id.as_ref())
                .attribute(attribute)
                .send()
        };
        let answer = self.caller.send(ACTION, Some(id.as_ref()), call).await?;
        self.check_answered(ACTION, id.as_ref(), answer.snapshot_id())?;
        let permissions = answer.create_volume_permissions().iter();
        let principals: Result<_, _> = permissions.map(from_sdk_create_volume_permission).collect();
        principals.map_err(|unreadable| self.unreadable(ACTION, &unreadable.of(id.as_ref())))
    }

    /// Whether an answer is about what was asked.
    fn check_answered(
        &self,
        action: &'static str,
        asked: &str,
        answered: Option<&str>,
    ) -> Result<(), Error> {
        match answered {
            Some(answered) if answered == asked => Ok(()),
            _ => {
                let named = answered.unwrap_or("nothing");
                let message = format!("the answer to {action} for {asked} is about {named}");
                Err(self.caller.unexpected(asked, message))
            }
        }
    }

    /// Adds or removes create-volume permissions. Only accounts and the public can have them;
    /// others are left out (`ec2:ModifySnapshotAttribute`, R2.15).
    pub(crate) async fn change_snapshot_permissions(
        &self,
        id: &SnapshotId,
        change: Change,
        principals: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let items: Vec<CreateVolumePermission> = principals
            .iter()
            .filter_map(to_sdk_create_volume_permission)
            .collect();
        for batch in items.chunks(PRINCIPALS_PER_CALL) {
            let modifications = CreateVolumePermissionModifications::builder();
            let modifications = match change {
                Change::Add => modifications.set_add(Some(batch.to_vec())),
                Change::Remove => modifications.set_remove(Some(batch.to_vec())),
            };
            let call = || {
                self.client
                    .get()
                    .modify_snapshot_attribute()
                    .snapshot_id(id.as_ref())
                    .create_volume_permission(modifications.build())
                    .send()
            };
            self.caller
                .send("ec2:ModifySnapshotAttribute", Some(id.as_ref()), call)
                .await?;
        }
        Ok(())
    }
}

fn from_sdk_launch_permission(permission: &LaunchPermission) -> Result<Principal, Unreadable> {
    let named = permission
        .user_id()
        .or(permission.organization_arn())
        .or(permission.organizational_unit_arn());
    match named {
        Some(_) => read("LaunchPermission", named),
        None => from_sdk_group("LaunchPermission", permission.group()),
    }
}

/// The only group that AWS documents is everybody.
fn from_sdk_group(
    member: &'static str,
    group: Option<&PermissionGroup>,
) -> Result<Principal, Unreadable> {
    match present(member, group)? {
        PermissionGroup::All => Ok(Principal::Public),
        other => Err(Unreadable::unknown(member, other.as_str())),
    }
}

fn to_sdk_launch_permission(principal: &Principal) -> LaunchPermission {
    let permission = LaunchPermission::builder();
    match principal {
        Principal::Account(account) => permission.user_id(account.as_ref()),
        Principal::Organization(arn) => permission.organization_arn(arn.as_ref()),
        Principal::OrganizationalUnit(arn) => permission.organizational_unit_arn(arn.as_ref()),
        Principal::Public => permission.group(PermissionGroup::All),
    }
    .build()
}

fn from_sdk_create_volume_permission(
    permission: &CreateVolumePermission,
) -> Result<Principal, Unreadable> {
    const MEMBER: &str = "CreateVolumePermission";
    match permission.user_id() {
        Some(_) => read(MEMBER, permission.user_id()).map(Principal::Account),
        None => from_sdk_group(MEMBER, permission.group()),
    }
}

fn to_sdk_create_volume_permission(principal: &Principal) -> Option<CreateVolumePermission> {
    let permission = CreateVolumePermission::builder();
    match principal {
        Principal::Account(account) => Some(permission.user_id(account.as_ref()).build()),
        Principal::Public => Some(permission.group(PermissionGroup::All).build()),
        Principal::Organization(_) | Principal::OrganizationalUnit(_) => None,
    }
}
