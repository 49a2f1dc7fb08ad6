//! EC2: reads images.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::describe_images::builders::DescribeImagesFluentBuilder;
use aws_sdk_ec2::operation::describe_images::{DescribeImagesError, DescribeImagesOutput};
use aws_sdk_ec2::types as sdk;

use super::convert::convert_image;
use super::{Ec2, filter, owners};
use crate::aws::pages::Pages;
use crate::aws::unreadable;
use crate::diagnostic::Error;
use crate::id::{AmiId, SnapshotId};
use crate::inventory::Image;
use crate::limits::{FILTER_VALUES, PAGE_SIZE};

const ACTION: &str = "ec2:DescribeImages";

/// Images that AWS lists page by page, so that who has seen enough reads no more of them.
pub(crate) struct ImagePages<'a> {
    ec2: &'a Ec2,
    pages: Pages<'a, DescribeImagesOutput, DescribeImagesError>,
}

impl ImagePages<'_> {
    /// The images of the next page; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Image>>, Error> {
        let Some(page) = self.pages.next().await? else {
            return Ok(None);
        };
        let images = page.images().iter();
        let images: Result<_, _> = images.map(|image| self.ec2.convert(image)).collect();
        images.map(Some)
    }
}

impl Ec2 {
    /// The images with these IDs. One that AWS does not know, or does not show to the account, is
    /// absent (`ec2:DescribeImages`).
    pub(crate) async fn images<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a AmiId>,
    ) -> Result<Vec<Image>, Error> {
        let ids = ids.into_iter().map(ToString::to_string).collect();
        self.images_by("image-id", ids, false).await
    }

    /// The account's images with one of these values of a tag, with disabled ones
    /// (`ec2:DescribeImages`).
    pub(crate) async fn own_images_tagged(
        &self,
        key: &str,
        values: Vec<String>,
    ) -> Result<Vec<Image>, Error> {
        self.images_by(&format!("tag:{key}"), values, true).await
    }

    /// The account's images that have a tag of this key, with disabled ones (`ec2:DescribeImages`).
    pub(crate) async fn own_images_with_tag(&self, key: &str) -> Result<Vec<Image>, Error> {
        self.images_by("tag-key", vec![key.to_owned()], true).await
    }

    /// All images of the account with encrypted volumes, with disabled ones
    /// (`ec2:DescribeImages`).
    pub(crate) async fn own_encrypted_images(&self) -> Result<Vec<Image>, Error> {
        let values = vec!["true".to_owned()];
        self.images_by("block-device-mapping.encrypted", values, true)
            .await
    }

    /// The account's available images that name one of these users as recipients: account IDs,
    /// `all`, or `self` for the account's own organization and units (`ec2:DescribeImages`, R2.25).
    pub(crate) fn own_images_shared_with(&self, users: Vec<String>) -> ImagePages<'_> {
        let call = || {
            self.client
                .get()
                .describe_images()
                .set_owners(owners(true))
                .set_executable_users(Some(users))
                .filters(filter("state", ["available"]))
                .include_deprecated(true)
                .max_results(PAGE_SIZE)
        };
        ImagePages {
            ec2: self,
            pages: self.pages_of_images(call),
        }
    }

    /// The account's images with one of these snapshots behind them (`ec2:DescribeImages`).
    pub(crate) async fn own_images_of<'a>(
        &self,
        snapshots: impl IntoIterator<Item = &'a SnapshotId>,
    ) -> Result<Vec<Image>, Error> {
        let ids = snapshots.into_iter().map(ToString::to_string).collect();
        self.images_by("block-device-mapping.snapshot-id", ids, true)
            .await
    }

    /// One image by its ID: `None` if it existed once (`ec2:DescribeImages`).
    ///
    /// # Errors
    /// If AWS does not know the image, or does not know it yet (R1.6).
    pub(crate) async fn image(&self, id: &AmiId) -> Result<Option<Image>, Error> {
        let call = || {
            self.client
                .get()
                .describe_images()
                .image_ids(id.as_ref())
                .include_disabled(true)
                .send()
        };
        let answer = self.caller.send(ACTION, Some(id.as_ref()), call).await?;
        match answer.images().first() {
            Some(image) => self.convert(image).map(Some),
            None => Ok(None),
        }
    }

    /// The images with these IDs, each read or not; one that AWS does not show to the account is
    /// absent (`ec2:DescribeImages`).
    pub(crate) async fn each_image<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a AmiId>,
    ) -> Result<BTreeMap<AmiId, Result<Image, Error>>, Error> {
        let ids = ids.into_iter().map(ToString::to_string).collect();
        let mut images = BTreeMap::new();
        for image in self.describe("image-id", ids, false).await? {
            let id = unreadable::read("ImageId", image.image_id());
            let id = id.map_err(|unreadable| self.unreadable(ACTION, &unreadable))?;
            images.insert(id, self.convert(&image));
        }
        Ok(images)
    }

    async fn images_by(
        &self,
        name: &str,
        values: Vec<String>,
        own: bool,
    ) -> Result<Vec<Image>, Error> {
        let images = self.describe(name, values, own).await?;
        images.iter().map(|image| self.convert(image)).collect()
    }

    fn convert(&self, image: &sdk::Image) -> Result<Image, Error> {
        convert_image(image).map_err(|unreadable| self.unreadable(ACTION, &unreadable))
    }

    fn pages_of_images<'a>(
        &'a self,
        call: impl FnOnce() -> DescribeImagesFluentBuilder + Send + 'a,
    ) -> Pages<'a, DescribeImagesOutput, DescribeImagesError> {
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.images().len(), page.next_token())
        })
    }

    async fn describe(
        &self,
        name: &str,
        values: Vec<String>,
        own: bool,
    ) -> Result<Vec<sdk::Image>, Error> {
        let mut images = Vec::new();
        for values in values.chunks(FILTER_VALUES) {
            let call = || {
                self.client
                    .get()
                    .describe_images()
                    .filters(filter(name, values))
                    .set_owners(owners(own))
                    .include_disabled(true)
                    .include_deprecated(true)
                    .max_results(PAGE_SIZE)
            };
            let mut pages = self.pages_of_images(call);
            while let Some(page) = pages.next().await? {
                images.extend(page.images.unwrap_or_default());
            }
        }
        Ok(images)
    }
}
