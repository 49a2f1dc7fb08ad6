//! EC2: what it says of images, snapshots and Regions.

mod change;
mod convert;
mod instances;
mod permissions;
mod volumes;

use std::collections::BTreeSet;

use aws_sdk_ec2::types::Filter;

use self::convert::{image, snapshot};
use super::Caller;
use crate::diagnostic::Error;
use crate::id::{AmiId, Region, SnapshotId};
use crate::inventory::{Image, Snapshot};
use crate::limits::{FILTER_VALUES, PAGE_SIZE};

pub(crate) use change::NewCopy;
pub(crate) use instances::{Instance, NewInstance};
pub(crate) use permissions::Change;

/// EC2 in one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Ec2 {
    pub(crate) client: aws_sdk_ec2::Client,
    pub(crate) caller: Caller,
}

impl Ec2 {
    /// The images with these IDs; one that AWS does not know, or does not show, is no error but
    /// absent (`ec2:DescribeImages`).
    pub(crate) async fn images<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a AmiId>,
    ) -> Result<Vec<Image>, Error> {
        self.images_by("image-id", texts(ids), false).await
    }

    /// Own images with one of these values of a tag, disabled ones too (`ec2:DescribeImages`).
    pub(crate) async fn own_images_tagged(
        &self,
        key: &str,
        values: Vec<String>,
    ) -> Result<Vec<Image>, Error> {
        self.images_by(&format!("tag:{key}"), values, true).await
    }

    /// One image by its ID: `None` for one that once existed, and an error for one that AWS does
    /// not know (yet) (R1.6).
    pub(crate) async fn image(&self, id: &AmiId) -> Result<Option<Image>, Error> {
        let call = self
            .client
            .describe_images()
            .image_ids(id.as_ref())
            .include_disabled(true)
            .send();
        let answer = self
            .caller
            .send("ec2:DescribeImages", Some(id.as_ref()), call)
            .await?;
        answer
            .images()
            .first()
            .map(|found| image(found).ok_or_else(|| self.unexpected(id, "an image")))
            .transpose()
    }

    /// One image that is known to be there (`ec2:DescribeImages`).
    pub(crate) async fn known_image(&self, id: &AmiId) -> Result<Image, Error> {
        let found = self.images([id]).await?.into_iter().next();
        found.ok_or_else(|| self.unexpected(id, "no image"))
    }

    /// All own images with encrypted volumes, disabled ones too (`ec2:DescribeImages`).
    pub(crate) async fn own_encrypted_images(&self) -> Result<Vec<Image>, Error> {
        self.images_by(
            "block-device-mapping.encrypted",
            vec!["true".to_owned()],
            true,
        )
        .await
    }

    async fn images_by(
        &self,
        filter: &str,
        values: Vec<String>,
        own: bool,
    ) -> Result<Vec<Image>, Error> {
        const ACTION: &str = "ec2:DescribeImages";
        let mut images = Vec::new();
        for values in values.chunks(FILTER_VALUES) {
            let mut token = None;
            loop {
                let call = self
                    .client
                    .describe_images()
                    .filters(
                        Filter::builder()
                            .name(filter)
                            .set_values(Some(values.to_vec()))
                            .build(),
                    )
                    .set_owners(own.then(|| vec!["self".to_owned()]))
                    .include_disabled(true)
                    .include_deprecated(true)
                    .max_results(PAGE_SIZE)
                    .set_next_token(token);
                let answer = self.caller.send(ACTION, None, call.send()).await?;
                for found in answer.images() {
                    images.push(
                        image(found)
                            .ok_or_else(|| self.unexpected(values.join(", "), "an image"))?,
                    );
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
        self.snapshots_by("snapshot-id", texts(ids), false).await
    }

    /// Own snapshots with one of these values of a tag (`ec2:DescribeSnapshots`).
    pub(crate) async fn own_snapshots_tagged(
        &self,
        key: &str,
        values: Vec<String>,
    ) -> Result<Vec<Snapshot>, Error> {
        self.snapshots_by(&format!("tag:{key}"), values, true).await
    }

    /// All own snapshots that are encrypted (`ec2:DescribeSnapshots`).
    pub(crate) async fn own_encrypted_snapshots(&self) -> Result<Vec<Snapshot>, Error> {
        self.snapshots_by("encrypted", vec!["true".to_owned()], true)
            .await
    }

    /// Those of the Regions that the account has not turned on (`ec2:DescribeRegions`).
    pub(crate) async fn regions_off(
        &self,
        regions: &BTreeSet<Region>,
    ) -> Result<BTreeSet<Region>, Error> {
        let call = self.client.describe_regions().all_regions(true).filters(
            Filter::builder()
                .name("region-name")
                .set_values(Some(texts(regions)))
                .build(),
        );
        let answer = self
            .caller
            .send("ec2:DescribeRegions", None, call.send())
            .await?;
        let on = |region: &&Region| {
            let shown = answer
                .regions()
                .iter()
                .find(|shown| shown.region_name() == Some((*region).as_ref()));
            shown.is_some_and(|shown| shown.opt_in_status() != Some("not-opted-in"))
        };
        Ok(regions
            .iter()
            .filter(|region| !on(region))
            .cloned()
            .collect())
    }

    /// Whether Allowed AMIs hide images of others: `enabled`, `audit-mode` or `disabled`
    /// (`ec2:GetAllowedImagesSettings`, R7.3).
    pub(crate) async fn allowed_images(&self) -> Result<String, Error> {
        let call = self.client.get_allowed_images_settings().send();
        let answer = self
            .caller
            .send("ec2:GetAllowedImagesSettings", None, call)
            .await?;
        Ok(answer.state().unwrap_or("disabled").to_owned())
    }

    /// Whether new volumes are encrypted though nothing asks for it
    /// (`ec2:GetEbsEncryptionByDefault`).
    pub(crate) async fn encrypts_by_default(&self) -> Result<bool, Error> {
        let call = self.client.get_ebs_encryption_by_default().send();
        let answer = self
            .caller
            .send("ec2:GetEbsEncryptionByDefault", None, call)
            .await?;
        Ok(answer.ebs_encryption_by_default() == Some(true))
    }

    /// The name of the key of new volumes (`ec2:GetEbsDefaultKmsKeyId`, R1.3.5).
    pub(crate) async fn default_key(&self) -> Result<Option<String>, Error> {
        let call = self.client.get_ebs_default_kms_key_id().send();
        Ok(self
            .caller
            .send("ec2:GetEbsDefaultKmsKeyId", None, call)
            .await?
            .kms_key_id)
    }

    async fn snapshots_by(
        &self,
        filter: &str,
        values: Vec<String>,
        own: bool,
    ) -> Result<Vec<Snapshot>, Error> {
        const ACTION: &str = "ec2:DescribeSnapshots";
        let mut snapshots = Vec::new();
        for values in values.chunks(FILTER_VALUES) {
            let mut token = None;
            loop {
                let call = self
                    .client
                    .describe_snapshots()
                    .filters(
                        Filter::builder()
                            .name(filter)
                            .set_values(Some(values.to_vec()))
                            .build(),
                    )
                    .set_owner_ids(own.then(|| vec!["self".to_owned()]))
                    .max_results(PAGE_SIZE)
                    .set_next_token(token);
                let answer = self.caller.send(ACTION, None, call.send()).await?;
                for found in answer.snapshots() {
                    snapshots.push(
                        snapshot(found)
                            .ok_or_else(|| self.unexpected(values.join(", "), "a snapshot"))?,
                    );
                }
                token = answer.next_token.filter(|token| !token.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(snapshots)
    }

    fn unexpected(&self, resource: impl ToString, what: &str) -> Error {
        let message = format!("EC2 answered with {what} that this version cannot read");
        self.caller.unexpected(resource, message)
    }
}

fn texts<T: ToString>(of: impl IntoIterator<Item = T>) -> Vec<String> {
    of.into_iter().map(|one| one.to_string()).collect()
}
