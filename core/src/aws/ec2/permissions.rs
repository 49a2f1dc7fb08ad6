//! EC2: who may launch an image, and who may make volumes of a snapshot.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    CreateVolumePermission, CreateVolumePermissionModifications, ImageAttributeName,
    LaunchPermission, LaunchPermissionModifications, PermissionGroup, SnapshotAttributeName,
};

use super::Ec2;
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
    /// Who may launch the image (`ec2:DescribeImageAttribute`).
    pub(crate) async fn launch_permissions(
        &self,
        id: &AmiId,
    ) -> Result<BTreeSet<Principal>, Error> {
        let attribute = ImageAttributeName::LaunchPermission;
        let call = self
            .client
            .describe_image_attribute()
            .image_id(id.as_ref())
            .attribute(attribute)
            .send();
        let answer = self
            .caller
            .send("ec2:DescribeImageAttribute", Some(id.as_ref()), call)
            .await?;
        Ok(answer
            .launch_permissions()
            .iter()
            .filter_map(launcher)
            .collect())
    }

    /// Gives or takes launch permission (`ec2:ModifyImageAttribute`).
    pub(crate) async fn change_launch_permissions(
        &self,
        id: &AmiId,
        change: Change,
        principals: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let principals: Vec<&Principal> = principals.iter().collect();
        for batch in principals.chunks(PRINCIPALS_PER_CALL) {
            let items = Some(batch.iter().map(|principal| item(principal)).collect());
            let modifications = LaunchPermissionModifications::builder();
            let modifications = match change {
                Change::Add => modifications.set_add(items),
                Change::Remove => modifications.set_remove(items),
            };
            let call = self.client.modify_image_attribute().image_id(id.as_ref());
            let call = call.launch_permission(modifications.build()).send();
            self.caller
                .send("ec2:ModifyImageAttribute", Some(id.as_ref()), call)
                .await?;
        }
        Ok(())
    }

    /// Whether the caller may give these launch permission: asked by a dry run, which changes
    /// nothing (`ec2:ModifyImageAttribute`).
    pub(crate) async fn may_share(
        &self,
        id: &AmiId,
        principals: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let items = Some(
            principals
                .iter()
                .take(PRINCIPALS_PER_CALL)
                .map(item)
                .collect(),
        );
        let add = LaunchPermissionModifications::builder()
            .set_add(items)
            .build();
        let call = self
            .client
            .modify_image_attribute()
            .image_id(id.as_ref())
            .launch_permission(add)
            .dry_run(true);
        match self
            .caller
            .send("ec2:ModifyImageAttribute", Some(id.as_ref()), call.send())
            .await
        {
            Err(error) if !error.is_aws(&["DryRunOperation"]) => Err(error),
            _ => Ok(()),
        }
    }

    /// Who may make volumes of the snapshot (`ec2:DescribeSnapshotAttribute`).
    pub(crate) async fn snapshot_permissions(
        &self,
        id: &SnapshotId,
    ) -> Result<BTreeSet<Principal>, Error> {
        let attribute = SnapshotAttributeName::CreateVolumePermission;
        let call = self
            .client
            .describe_snapshot_attribute()
            .snapshot_id(id.as_ref())
            .attribute(attribute)
            .send();
        let answer = self
            .caller
            .send("ec2:DescribeSnapshotAttribute", Some(id.as_ref()), call)
            .await?;
        let who = |permission: &CreateVolumePermission| match permission.user_id() {
            Some(account) => account.parse().map(Principal::Account).ok(),
            None => permission.group().map(|_| Principal::Public),
        };
        Ok(answer
            .create_volume_permissions()
            .iter()
            .filter_map(who)
            .collect())
    }

    /// Gives or takes create-volume permission; it is for accounts only
    /// (`ec2:ModifySnapshotAttribute`, R2.15).
    pub(crate) async fn change_snapshot_permissions(
        &self,
        id: &SnapshotId,
        change: Change,
        principals: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let items = principals.iter().filter_map(|principal| {
            let item = CreateVolumePermission::builder();
            match principal {
                Principal::Account(account) => Some(item.user_id(account.as_ref()).build()),
                Principal::Public => Some(item.group(PermissionGroup::All).build()),
                Principal::Organization(_) | Principal::OrganizationalUnit(_) => None,
            }
        });
        let items: Vec<CreateVolumePermission> = items.collect();
        for batch in items.chunks(PRINCIPALS_PER_CALL) {
            let modifications = CreateVolumePermissionModifications::builder();
            let modifications = match change {
                Change::Add => modifications.set_add(Some(batch.to_vec())),
                Change::Remove => modifications.set_remove(Some(batch.to_vec())),
            };
            let call = self
                .client
                .modify_snapshot_attribute()
                .snapshot_id(id.as_ref());
            let call = call.create_volume_permission(modifications.build()).send();
            self.caller
                .send("ec2:ModifySnapshotAttribute", Some(id.as_ref()), call)
                .await?;
        }
        Ok(())
    }
}

fn launcher(permission: &LaunchPermission) -> Option<Principal> {
    let named = permission
        .user_id()
        .or(permission.organization_arn())
        .or(permission.organizational_unit_arn());
    match named {
        Some(named) => named.parse().ok(),
        None => permission.group().map(|_| Principal::Public),
    }
}

fn item(principal: &Principal) -> LaunchPermission {
    let item = LaunchPermission::builder();
    match principal {
        Principal::Account(account) => item.user_id(account.as_ref()),
        Principal::Organization(arn) => item.organization_arn(arn.as_ref()),
        Principal::OrganizationalUnit(arn) => item.organizational_unit_arn(arn.as_ref()),
        Principal::Public => item.group(PermissionGroup::All),
    }
    .build()
}
