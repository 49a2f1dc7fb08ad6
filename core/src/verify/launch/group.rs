//! The security group of a test launch: one of its own, without rules.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{Test, clean_up, mark, verdict};
use crate::aws::ec2::SecurityGroup;
use crate::diagnostic::Error;
use crate::run::test_launches::{Made, TestLaunch};

/// How often a group is looked at that is not closed yet.
const LOOKS: usize = 5;

impl Test<'_> {
    /// Makes the group in the VPC of the launch, and sees that it has no rule. `None` if it has
    /// rules all the same, as a tool of the account may add them to every group.
    pub(super) async fn make_closed_group(
        &self,
        launch: &mut TestLaunch,
        vpc: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<Option<String>, Error> {
        let ec2 = &self.clients.ec2;
        let name = mark::group_name(self.clients, &launch.mark);
        launch.group = Made::Perhaps;
        if let Err(error) = ec2.create_security_group(&name, vpc, tags).await {
            if verdict::is_final(&error) {
                launch.group = Made::No;
            }
            return Err(error);
        }
        for _ in 0..LOOKS {
            let group = self.await_group(&name, vpc).await?;
            launch.group = Made::Yes(group.id.clone());
            if group.is_closed() {
                return Ok(Some(group.id));
            }
            if group.lets_out() {
                // A new group lets everything out.
                ec2.close_security_group(&group).await?;
            }
        }
        Ok(None)
    }

    /// The group, once AWS shows it.
    async fn await_group(&self, name: &str, vpc: &str) -> Result<SecurityGroup, Error> {
        let progress = &self.run.progress;
        let mut backoff = progress.poll_backoff(clean_up::POLL);
        let since = Instant::now();
        loop {
            let groups = self
                .clients
                .ec2
                .security_groups_named(name, Some(vpc))
                .await?;
            let mut ours = groups.into_iter();
            if let Some(group) = ours.find(|group| mark::is_our_group(self.clients, group)) {
                return Ok(group);
            }
            progress
                .wait(name, "to be created", since, backoff.next())
                .await;
        }
    }
}
