//! EC2: the volumes of an account, as far as somebody else's key matters to them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::Filter;

use super::Ec2;
use crate::error::Error;
use crate::id::KeyArn;

/// How many volumes a page holds at most: AWS advises against asking without pages.
const PER_PAGE: i32 = 500;

impl Ec2 {
    /// Own volumes and snapshots under each of the keys, by their IDs (`ec2:DescribeVolumes`, `ec2:DescribeSnapshots`).
    pub(crate) async fn own_under(
        &self,
        keys: impl Fn(&KeyArn) -> bool,
    ) -> Result<BTreeMap<KeyArn, BTreeSet<String>>, Error> {
        let (volumes, snapshots) =
            Box::pin(futures::future::try_join(self.own_encrypted_volumes(), self.own_encrypted_snapshots())).await?;
        let snapshots =
            snapshots.into_iter().filter_map(|snapshot| Some((snapshot.key?, snapshot.id.as_ref().to_owned())));
        let mut under: BTreeMap<KeyArn, BTreeSet<String>> = BTreeMap::new();
        for (key, id) in volumes.into_iter().chain(snapshots).filter(|(key, _)| keys(key)) {
            under.entry(key).or_default().insert(id);
        }
        Ok(under)
    }

    async fn own_encrypted_volumes(&self) -> Result<Vec<(KeyArn, String)>, Error> {
        let encrypted = Filter::builder().name("encrypted").values("true").build();
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let call = self.client.describe_volumes().filters(encrypted.clone()).max_results(PER_PAGE);
            let answer = self.caller.send("ec2:DescribeVolumes", None, call.set_next_token(token).send()).await?;
            let of = |volume: &aws_sdk_ec2::types::Volume| {
                Some((volume.kms_key_id()?.parse().ok()?, volume.volume_id()?.to_owned()))
            };
            found.extend(answer.volumes().iter().filter_map(of));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}
