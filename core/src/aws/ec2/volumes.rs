//! EC2: reads the volumes of an account that a key of another account matters to.

use aws_sdk_ec2::types::Volume;

use super::{Ec2, filter};
use crate::diagnostic::Error;
use crate::id::KeyArn;
use crate::limits::VOLUME_PAGE_SIZE;

impl Ec2 {
    /// The IDs of all encrypted volumes of the account, each with its key
    /// (`ec2:DescribeVolumes`).
    pub(crate) async fn own_encrypted_volumes(&self) -> Result<Vec<(KeyArn, String)>, Error> {
        const ACTION: &str = "ec2:DescribeVolumes";
        let mut volumes = Vec::new();
        let call = self
            .client
            .describe_volumes()
            .filters(filter("encrypted", ["true"]))
            .max_results(VOLUME_PAGE_SIZE);
        let mut pages = call.into_paginator().send();
        while let Some(page) = self.caller.send(ACTION, None, pages.try_next()).await? {
            volumes.extend(page.volumes().iter().filter_map(key_and_id));
        }
        Ok(volumes)
    }
}

fn key_and_id(volume: &Volume) -> Option<(KeyArn, String)> {
    let key = volume.kms_key_id()?.parse().ok()?;
    Some((key, volume.volume_id()?.to_owned()))
}
