//! EC2: reads the volumes of an account that a key of another account matters to.

use aws_sdk_ec2::types::Volume;

use super::convert::KMS_KEY_ID;
use super::{Ec2, filter};
use crate::aws::pages::Pages;
use crate::aws::unreadable::{Unreadable, present, read};
use crate::diagnostic::Error;
use crate::id::KeyArn;
use crate::limits::VOLUME_PAGE_SIZE;

impl Ec2 {
    /// The IDs of all encrypted volumes of the account, each with its key
    /// (`ec2:DescribeVolumes`).
    pub(crate) async fn own_encrypted_volumes(&self) -> Result<Vec<(KeyArn, String)>, Error> {
        const ACTION: &str = "ec2:DescribeVolumes";
        let mut volumes = Vec::new();
        let call = || {
            self.client
                .get()
                .describe_volumes()
                .filters(filter("encrypted", ["true"]))
                .max_results(VOLUME_PAGE_SIZE)
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.volumes().len(), page.next_token())
        });
        while let Some(page) = pages.next().await? {
            for volume in page.volumes() {
                let volume = key_and_id(volume);
                volumes.push(volume.map_err(|error| self.unreadable(ACTION, &error))?);
            }
        }
        Ok(volumes)
    }
}

fn key_and_id(volume: &Volume) -> Result<(KeyArn, String), Unreadable> {
    let id = present("VolumeId", volume.volume_id())?;
    let key = read(KMS_KEY_ID, volume.kms_key_id()).map_err(|unreadable| unreadable.of(id))?;
    Ok((key, id.to_owned()))
}
