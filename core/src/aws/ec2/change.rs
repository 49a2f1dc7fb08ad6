//! EC2: creates, changes and removes images and snapshots.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{ResourceType, Tag};
use aws_smithy_types::DateTime;

use super::{Ec2, tagged, tags};
use crate::aws::{accept_codes, unreadable};
use crate::diagnostic::Error;
use crate::id::{AmiId, KeyArn, SnapshotId, SourceImage};

/// What EC2 answers to the removal of an image that is gone.
const GONE: &[&str] = &["InvalidAMIID.Unavailable", "InvalidAMIID.NotFound"];

/// What `CopyImage` is asked for.
pub(crate) struct NewCopy<'a> {
    pub(crate) source: &'a SourceImage,
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) key: &'a KeyArn,
    /// In minutes.
    pub(crate) completion: Option<u32>,
    pub(crate) client_token: &'a str,
    pub(crate) tags: &'a BTreeMap<String, String>,
}

impl Ec2 {
    /// Starts a copy into this Region, encrypted and tagged by the call itself, and returns its ID
    /// (`ec2:CopyImage`).
    pub(crate) async fn copy_image(&self, copy: &NewCopy<'_>) -> Result<AmiId, Error> {
        let tags = tags(copy.tags);
        let call = || {
            self.client
                .get()
                .copy_image()
                .source_image_id(copy.source.ami.as_ref())
                .source_region(copy.source.region.as_ref())
                .name(copy.name)
                .set_description(
                    (!copy.description.is_empty()).then(|| copy.description.to_owned()),
                )
                .encrypted(true)
                .kms_key_id(copy.key.as_ref())
                .client_token(copy.client_token)
                .set_snapshot_copy_completion_duration_minutes(copy.completion.map(i64::from))
                .tag_specifications(tagged(ResourceType::Image, &tags))
                .tag_specifications(tagged(ResourceType::Snapshot, &tags))
                .send()
        };
        let answer = self
            .caller
            .send("ec2:CopyImage", Some(copy.source.ami.as_ref()), call)
            .await?;
        unreadable::read("ImageId", answer.image_id()).map_err(|unreadable| {
            let unreadable = unreadable.of(copy.source.ami.as_ref());
            self.unreadable("ec2:CopyImage", &unreadable)
        })
    }

    /// Deregisters an image and, in the same call, deletes those of its snapshots that no other
    /// image uses. Returns the snapshots that AWS left, and why (`ec2:DeregisterImage`). One that
    /// is gone is no error: the answer to a first attempt may have been lost.
    pub(crate) async fn deregister_image(
        &self,
        id: &AmiId,
    ) -> Result<Vec<(String, String)>, Error> {
        let call = || {
            self.client
                .get()
                .deregister_image()
                .image_id(id.as_ref())
                .delete_associated_snapshots(true)
                .send()
        };
        let answer = match self
            .caller
            .send("ec2:DeregisterImage", Some(id.as_ref()), call)
            .await
        {
            Err(error) if error.is_aws(GONE) => return Ok(Vec::new()),
            answer => answer?,
        };
        let mut left = Vec::new();
        for result in answer.delete_snapshot_results() {
            let code = result.return_code();
            let why = code.map_or("no reason given", |code| code.as_str());
            if why != "success" {
                let snapshot = result.snapshot_id().unwrap_or("a snapshot without an ID");
                left.push((snapshot.to_owned(), why.to_owned()));
            }
        }
        Ok(left)
    }

    /// Deletes a snapshot; one that is gone is no error (`ec2:DeleteSnapshot`).
    pub(crate) async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), Error> {
        let call = || {
            self.client
                .get()
                .delete_snapshot()
                .snapshot_id(id.as_ref())
                .send()
        };
        let answer = self
            .caller
            .send("ec2:DeleteSnapshot", Some(id.as_ref()), call)
            .await;
        accept_codes(answer, &["InvalidSnapshot.NotFound"])
    }

    /// Deprecates an image from a moment on, in seconds since 1970 (`ec2:EnableImageDeprecation`).
    pub(crate) async fn deprecate_image(&self, id: &AmiId, at: i64) -> Result<(), Error> {
        let call = || {
            self.client
                .get()
                .enable_image_deprecation()
                .image_id(id.as_ref())
                .deprecate_at(DateTime::from_secs(at))
                .send()
        };
        self.caller
            .send("ec2:EnableImageDeprecation", Some(id.as_ref()), call)
            .await
            .map(drop)
    }

    /// Disables an image, which takes it from everybody (`ec2:DisableImage`, R2.16).
    pub(crate) async fn disable_image(&self, id: &AmiId) -> Result<(), Error> {
        let call = || {
            self.client
                .get()
                .disable_image()
                .image_id(id.as_ref())
                .send()
        };
        self.caller
            .send("ec2:DisableImage", Some(id.as_ref()), call)
            .await
            .map(drop)
    }

    /// Attaches the watermark of a name to an image, which will show it as `key`
    /// (`ec2:AttachImageWatermark`).
    pub(crate) async fn attach_watermark(
        &self,
        id: &AmiId,
        name: &str,
        key: &str,
    ) -> Result<(), Error> {
        const ACTION: &str = "ec2:AttachImageWatermark";
        let call = || {
            self.client
                .get()
                .attach_image_watermark()
                .image_id(id.as_ref())
                .watermark_name(name)
                .send()
        };
        let sent = self.caller.send(ACTION, Some(id.as_ref()), call);
        match sent.await?.watermark_key {
            Some(attached) if attached == key => Ok(()),
            Some(other) => Err(self.unexpected(id, &format!("another watermark, `{other}`,"))),
            None => Err(self.unexpected(id, "no watermark")),
        }
    }

    /// Protects an image from deregistration (`ec2:EnableImageDeregistrationProtection`).
    pub(crate) async fn protect_image(&self, id: &AmiId) -> Result<(), Error> {
        const ACTION: &str = "ec2:EnableImageDeregistrationProtection";
        let call = || {
            self.client
                .get()
                .enable_image_deregistration_protection()
                .image_id(id.as_ref())
                .send()
        };
        self.caller
            .send(ACTION, Some(id.as_ref()), call)
            .await
            .map(drop)
    }

    /// Tags an image. Each account has its own tags on a shared image (`ec2:CreateTags`, R1.6).
    pub(crate) async fn tag_image(
        &self,
        id: &AmiId,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let call = || {
            self.client
                .get()
                .create_tags()
                .resources(id.as_ref())
                .set_tags(Some(self::tags(tags)))
                .send()
        };
        self.caller
            .send("ec2:CreateTags", Some(id.as_ref()), call)
            .await
            .map(drop)
    }

    /// Removes tags from an image, whatever their values (`ec2:DeleteTags`).
    pub(crate) async fn untag_image(
        &self,
        id: &AmiId,
        keys: impl IntoIterator<Item = &String>,
    ) -> Result<(), Error> {
        // A tag without a value stands for every value.
        let keys = keys.into_iter().map(|key| Tag::builder().key(key).build());
        let keys: Vec<Tag> = keys.collect();
        let call = || {
            self.client
                .get()
                .delete_tags()
                .resources(id.as_ref())
                .set_tags(Some(keys))
                .send()
        };
        self.caller
            .send("ec2:DeleteTags", Some(id.as_ref()), call)
            .await
            .map(drop)
    }
}
