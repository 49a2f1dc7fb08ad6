//! EC2: the volumes of an account, as far as somebody else's key matters to them.

use aws_sdk_ec2::types::Filter;

use super::Ec2;
use crate::diagnostic::Error;
use crate::id::KeyArn;
use crate::limits::VOLUME_PAGE_SIZE;

impl Ec2 {
    /// All own volumes that are encrypted, by their IDs, each with its key (`ec2:DescribeVolumes`).
    pub(crate) async fn own_encrypted_volumes(&self) -> Result<Vec<(KeyArn, String)>, Error> {
        let encrypted = Filter::builder().name("encrypted").values("true").build();
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let call = self
                .client
                .describe_volumes()
                .filters(encrypted.clone())
                .max_results(VOLUME_PAGE_SIZE);
            let answer = self
                .caller
                .send(
                    "ec2:DescribeVolumes",
                    None,
                    call.set_next_token(token).send(),
                )
                .await?;
            let of = |volume: &aws_sdk_ec2::types::Volume| {
                Some((
                    volume.kms_key_id()?.parse().ok()?,
                    volume.volume_id()?.to_owned(),
                ))
            };
            found.extend(answer.volumes().iter().filter_map(of));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}
