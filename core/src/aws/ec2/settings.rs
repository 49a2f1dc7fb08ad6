//! EC2: reads the settings of an account.

use std::collections::BTreeSet;

use super::{Ec2, filter};
use crate::diagnostic::Error;
use crate::id::Region;

impl Ec2 {
    /// Those of the Regions that are not enabled for the account (`ec2:DescribeRegions`).
    pub(crate) async fn regions_off(
        &self,
        regions: &BTreeSet<Region>,
    ) -> Result<BTreeSet<Region>, Error> {
        let call = self
            .client
            .describe_regions()
            .all_regions(true)
            .filters(filter("region-name", regions))
            .send();
        let answer = self.caller.send("ec2:DescribeRegions", None, call).await?;
        let mut off = regions.clone();
        for region in answer.regions() {
            if region.opt_in_status() != Some("not-opted-in") {
                off.retain(|off| region.region_name() != Some(off.as_ref()));
            }
        }
        Ok(off)
    }

    /// Whether new volumes are encrypted even if nothing asks for it
    /// (`ec2:GetEbsEncryptionByDefault`).
    pub(crate) async fn encrypts_by_default(&self) -> Result<bool, Error> {
        let call = self.client.get_ebs_encryption_by_default().send();
        let answer = self
            .caller
            .send("ec2:GetEbsEncryptionByDefault", None, call)
            .await?;
        Ok(answer.ebs_encryption_by_default() == Some(true))
    }

    /// The ARN or alias of the key of new volumes (`ec2:GetEbsDefaultKmsKeyId`, R1.3.5).
    pub(crate) async fn default_key(&self) -> Result<Option<String>, Error> {
        let call = self.client.get_ebs_default_kms_key_id().send();
        let answer = self
            .caller
            .send("ec2:GetEbsDefaultKmsKeyId", None, call)
            .await?;
        Ok(answer.kms_key_id)
    }
}
