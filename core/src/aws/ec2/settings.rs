//! EC2: reads the settings of an account.

use std::collections::BTreeSet;

use super::convert::KMS_KEY_ID;
use super::{Ec2, filter};
use crate::aws::unreadable::{Unreadable, present};
use crate::diagnostic::Error;
use crate::id::Region;

impl Ec2 {
    /// Those of the Regions that are not enabled for the account (`ec2:DescribeRegions`).
    pub(crate) async fn regions_off(
        &self,
        regions: &BTreeSet<Region>,
    ) -> Result<BTreeSet<Region>, Error> {
        const ACTION: &str = "ec2:DescribeRegions";
        let call = || {
            self.client
                .get()
                .describe_regions()
                .all_regions(true)
                .filters(filter("region-name", regions))
                .send()
        };
        let answer = self.caller.send(ACTION, None, call).await?;
        let mut off = regions.clone();
        for region in answer.regions() {
            let (name, is_on) =
                name_and_state(region).map_err(|error| self.unreadable(ACTION, &error))?;
            if is_on {
                off.retain(|off| off.as_ref() != name);
            }
        }
        Ok(off)
    }

    /// Whether new volumes are encrypted even if nothing asks for it
    /// (`ec2:GetEbsEncryptionByDefault`).
    pub(crate) async fn encrypts_by_default(&self) -> Result<bool, Error> {
        const ACTION: &str = "ec2:GetEbsEncryptionByDefault";
        let call = || self.client.get().get_ebs_encryption_by_default().send();
        let answer = self.caller.send(ACTION, None, call).await?;
        present("EbsEncryptionByDefault", answer.ebs_encryption_by_default())
            .map_err(|unreadable| self.unreadable(ACTION, &unreadable))
    }

    /// The ARN or alias of the key of new volumes (`ec2:GetEbsDefaultKmsKeyId`, R1.3.5).
    pub(crate) async fn default_key(&self) -> Result<String, Error> {
        const ACTION: &str = "ec2:GetEbsDefaultKmsKeyId";
        let call = || self.client.get().get_ebs_default_kms_key_id().send();
        let answer = self.caller.send(ACTION, None, call).await?;
        present(KMS_KEY_ID, answer.kms_key_id)
            .map_err(|unreadable| self.unreadable(ACTION, &unreadable))
    }
}

/// A Region, and whether it is enabled for the account.
fn name_and_state(region: &aws_sdk_ec2::types::Region) -> Result<(&str, bool), Unreadable> {
    let name = present("RegionName", region.region_name())?;
    let status = present("OptInStatus", region.opt_in_status());
    match status.map_err(|unreadable| unreadable.of(name))? {
        "opted-in" | "opt-in-not-required" => Ok((name, true)),
        "not-opted-in" => Ok((name, false)),
        other => Err(Unreadable::unknown("OptInStatus", other).of(name)),
    }
}
