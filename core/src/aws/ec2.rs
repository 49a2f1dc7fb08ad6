//! EC2: images, snapshots and launch permissions.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    Filter, ImageAttributeName, LaunchPermission, LaunchPermissionModifications, ResourceType, Tag, TagSpecification,
};

use super::Caller;
use super::ec2_convert::{image, launch_permissions, snapshot};
use crate::error::{Code, Error};
use crate::id::{AccountId, AmiId, KeyArn, SnapshotId};
use crate::inventory::{Image, LaunchPermissions, Snapshot};

/// How many values a filter may have.
const FILTER_VALUES: usize = 200;
/// How many accounts go into one call: far below the 10,000 that AWS takes (R1.7), so that the answer comes in time.
const ACCOUNTS_PER_CALL: usize = 500;

/// EC2 in one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Ec2 {
    pub(crate) client: aws_sdk_ec2::Client,
    pub(crate) caller: Caller,
}

/// What `CopyImage` is asked for.
pub(crate) struct NewCopy<'a> {
    pub(crate) source: &'a AmiId,
    pub(crate) name: &'a str,
    pub(crate) key: &'a KeyArn,
    pub(crate) client_token: &'a str,
    pub(crate) tags: &'a BTreeMap<String, String>,
}

impl Ec2 {
    /// The images with these IDs; one that AWS does not know, or does not show, is no error but absent
    /// (`ec2:DescribeImages`).
    pub(crate) async fn images<'a>(&self, ids: impl IntoIterator<Item = &'a AmiId>) -> Result<Vec<Image>, Error> {
        self.images_by("image-id", ids.into_iter().map(ToString::to_string).collect(), false).await
    }

    /// Own images with one of these values of a tag, disabled ones too (`ec2:DescribeImages`).
    pub(crate) async fn own_images_tagged(&self, key: &str, values: Vec<String>) -> Result<Vec<Image>, Error> {
        self.images_by(&format!("tag:{key}"), values, true).await
    }

    /// One image by its ID: `None` for one that once existed, and an error for one that AWS does not know (yet)
    /// (R1.6).
    pub(crate) async fn image(&self, id: &AmiId) -> Result<Option<Image>, Error> {
        let call = self.client.describe_images().image_ids(id.as_ref()).include_disabled(true).send();
        let answer = self.caller.send("ec2:DescribeImages", Some(id.as_ref()), call).await?;
        answer.images().first().map(|found| image(found).ok_or_else(|| self.unexpected(id, "an image"))).transpose()
    }

    async fn images_by(&self, filter: &str, values: Vec<String>, own: bool) -> Result<Vec<Image>, Error> {
        const ACTION: &str = "ec2:DescribeImages";
        let mut images = Vec::new();
        for values in values.chunks(FILTER_VALUES) {
            let mut token = None;
            loop {
                let call = self
                    .client
                    .describe_images()
                    .filters(Filter::builder().name(filter).set_values(Some(values.to_vec())).build())
                    .set_owners(own.then(|| vec!["self".to_owned()]))
                    .include_disabled(true)
                    .include_deprecated(true)
                    .max_results(1000)
                    .set_next_token(token);
                let answer = self.caller.send(ACTION, None, call.send()).await?;
                for found in answer.images() {
                    images.push(image(found).ok_or_else(|| self.unexpected(values.join(", "), "an image"))?);
                }
                token = answer.next_token.filter(|token| !token.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(images)
    }

    /// The snapshots with these IDs that AWS shows us (`ec2:DescribeSnapshots`).
    pub(crate) async fn snapshots<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a SnapshotId>,
    ) -> Result<Vec<Snapshot>, Error> {
        self.snapshots_by("snapshot-id", ids.into_iter().map(ToString::to_string).collect(), false).await
    }

    /// Own snapshots with one of these values of a tag (`ec2:DescribeSnapshots`).
    pub(crate) async fn own_snapshots_tagged(&self, key: &str, values: Vec<String>) -> Result<Vec<Snapshot>, Error> {
        self.snapshots_by(&format!("tag:{key}"), values, true).await
    }

    async fn snapshots_by(&self, filter: &str, values: Vec<String>, own: bool) -> Result<Vec<Snapshot>, Error> {
        const ACTION: &str = "ec2:DescribeSnapshots";
        let mut snapshots = Vec::new();
        for values in values.chunks(FILTER_VALUES) {
            let mut token = None;
            loop {
                let call = self
                    .client
                    .describe_snapshots()
                    .filters(Filter::builder().name(filter).set_values(Some(values.to_vec())).build())
                    .set_owner_ids(own.then(|| vec!["self".to_owned()]))
                    .max_results(1000)
                    .set_next_token(token);
                let answer = self.caller.send(ACTION, None, call.send()).await?;
                for found in answer.snapshots() {
                    snapshots.push(snapshot(found).ok_or_else(|| self.unexpected(values.join(", "), "a snapshot"))?);
                }
                token = answer.next_token.filter(|token| !token.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(snapshots)
    }

    /// Who may launch the image (`ec2:DescribeImageAttribute`).
    pub(crate) async fn launch_permissions(&self, id: &AmiId) -> Result<LaunchPermissions, Error> {
        let attribute = ImageAttributeName::LaunchPermission;
        let call = self.client.describe_image_attribute().image_id(id.as_ref()).attribute(attribute).send();
        let answer = self.caller.send("ec2:DescribeImageAttribute", Some(id.as_ref()), call).await?;
        Ok(launch_permissions(answer.launch_permissions()))
    }

    /// Lets accounts launch the image (`ec2:ModifyImageAttribute`).
    pub(crate) async fn add_launch_permissions(&self, id: &AmiId, accounts: &BTreeSet<AccountId>) -> Result<(), Error> {
        let accounts: Vec<&AccountId> = accounts.iter().collect();
        for batch in accounts.chunks(ACCOUNTS_PER_CALL) {
            let add = batch.iter().map(|account| LaunchPermission::builder().user_id(account.as_ref()).build());
            let change = LaunchPermissionModifications::builder().set_add(Some(add.collect())).build();
            let call = self.client.modify_image_attribute().image_id(id.as_ref()).launch_permission(change).send();
            self.caller.send("ec2:ModifyImageAttribute", Some(id.as_ref()), call).await?;
        }
        Ok(())
    }

    /// Starts a copy within the Region, encrypted and tagged in the call itself (`ec2:CopyImage`).
    pub(crate) async fn copy_image(&self, copy: &NewCopy<'_>) -> Result<AmiId, Error> {
        let tags: Vec<Tag> =
            copy.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let tagged = |kind| TagSpecification::builder().resource_type(kind).set_tags(Some(tags.clone())).build();
        let call = self
            .client
            .copy_image()
            .source_image_id(copy.source.as_ref())
            .source_region(self.caller.region.as_ref())
            .name(copy.name)
            .encrypted(true)
            .kms_key_id(copy.key.as_ref())
            .client_token(copy.client_token)
            .tag_specifications(tagged(ResourceType::Image))
            .tag_specifications(tagged(ResourceType::Snapshot))
            .send();
        let answer = self.caller.send("ec2:CopyImage", Some(copy.source.as_ref()), call).await?;
        answer.image_id().and_then(|id| id.parse().ok()).ok_or_else(|| self.unexpected(copy.source, "a copy"))
    }

    /// Removes an image and, in the same call, those of its snapshots that no other image uses
    /// (`ec2:DeregisterImage`). Returns the snapshots that AWS left.
    pub(crate) async fn deregister_image(&self, id: &AmiId) -> Result<Vec<String>, Error> {
        let call = self.client.deregister_image().image_id(id.as_ref()).delete_associated_snapshots(true).send();
        let answer = self.caller.send("ec2:DeregisterImage", Some(id.as_ref()), call).await?;
        let left = answer
            .delete_snapshot_results()
            .iter()
            .filter(|result| result.return_code().is_none_or(|code| code.as_str() != "success"));
        Ok(left.filter_map(|result| result.snapshot_id().map(str::to_owned)).collect())
    }

    /// Removes a snapshot (`ec2:DeleteSnapshot`).
    pub(crate) async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), Error> {
        let call = self.client.delete_snapshot().snapshot_id(id.as_ref()).send();
        self.caller.send("ec2:DeleteSnapshot", Some(id.as_ref()), call).await.map(|_| ())
    }

    fn unexpected(&self, resource: impl std::fmt::Display, what: &str) -> Error {
        let mut error = Error::new(
            Code::AwsUnexpected,
            format!("EC2 answered with {what} that this version cannot read"),
            "run again; if it stays so, look for a newer version",
        )
        .on(resource);
        error.region = Some(self.caller.region.clone());
        error.account = self.caller.identity.as_ref().map(|identity| identity.account.clone());
        error
    }
}
