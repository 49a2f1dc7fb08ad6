//! How an instance starts and ends, and what of it stays.

use std::time::Duration;

use ami_share_sim::{EmptyVolumeSpec, Options, Scenario};

use super::launching::launching;
use super::support::*;

#[tokio::test(start_paused = true)]
async fn rule_7_28_an_empty_volume_stays_if_its_mapping_says_so() {
    let (a, _) = scenario(|scenario| {
        let plain = scenario
            .images
            .iter_mut()
            .find(|image| image.name == "plain");
        plain.unwrap().empty_volumes = vec![
            EmptyVolumeSpec {
                size: 3,
                stays: true,
                encrypted: true,
            },
            EmptyVolumeSpec {
                size: 4,
                ..EmptyVolumeSpec::default()
            },
        ];
    });
    let plain = a.image("plain");
    let shown = a
        .ec2("DescribeImages", &[("ImageId.1", &plain)])
        .await
        .unwrap();
    assert_eq!(shown.all("deleteOnTermination"), ["true", "false", "true"]);
    let count = || a.sim.edit(|state| state.volumes.len());
    let deleted = [
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvdp"),
        ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
    ];
    let without = [
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvdp"),
        ("BlockDeviceMapping.1.NoDevice", ""),
    ];
    for (parameters, volumes, left) in [(&[][..], 3, 1), (&deleted, 3, 1), (&without, 2, 1)] {
        let launched = a.run_instance(&plain, parameters).await.unwrap();
        let id = launched.first("instanceId");
        let own = [
            ("Filter.1.Name", "attachment.instance-id"),
            ("Filter.1.Value.1", id),
        ];
        let shown = a.ec2("DescribeVolumes", &own).await.unwrap();
        // Each attachment repeats the ID.
        assert_eq!(shown.all("size").len(), volumes);
        a.terminate(id).await.unwrap();
        assert_eq!(count(), left);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_7_28_an_instance_starts_and_ends_in_time() {
    let a = launching(|launching| {
        (launching.start_seconds, launching.shutdown_seconds) = (20, 40);
    });
    let group = [("GroupName", "g"), ("GroupDescription", "g")];
    let made = a.ec2("CreateSecurityGroup", &group).await.unwrap();
    let group = ("GroupId", made.first("groupId"));
    let in_group = [("SecurityGroupId.1", group.1), ("ClientToken", "t")];
    let launched = a.run_instance(&a.image("golden"), &in_group).await.unwrap();
    let id = launched.first("instanceId");
    let by_token = [("Filter.1.Name", "client-token"), ("Filter.1.Value.1", "t")];
    let state = async || {
        let shown = a.ec2("DescribeInstances", &by_token).await.unwrap();
        assert_eq!(
            (shown.first("instanceId"), shown.first("clientToken")),
            (id, "t")
        );
        shown.first("name").to_owned()
    };
    assert_eq!(state().await, "pending");
    seconds(20).await;
    assert_eq!(state().await, "running");
    a.terminate(id).await.unwrap();
    assert_eq!(state().await, "shutting-down");
    seconds(39).await;
    let refused = a.ec2("DeleteSecurityGroup", &[group]).await;
    assert_code(refused, "DependencyViolation");
    seconds(1).await;
    assert_eq!(state().await, "terminated");
    a.ec2("DeleteSecurityGroup", &[group]).await.unwrap();
}

#[tokio::test]
async fn rule_7_28_an_instance_may_end_for_other_reasons() {
    let reason = "Server.InternalError: Internal error on launch";
    let a = launching(|launching| launching.ends_with = Some(reason.to_owned()));
    let ended = a.launch(&a.image("golden"), &[]).await.unwrap();
    assert_eq!(ended, ("terminated".to_owned(), reason.to_owned()));
}

#[tokio::test]
async fn rule_4_5_the_end_of_an_instance_without_access_to_a_key_may_be_vague() {
    let mut two_accounts = Scenario::two_accounts();
    two_accounts.accounts[1].launching.vague_ends = true;
    let options = Options {
        latency: Duration::ZERO,
        ..Options::default()
    };
    let (a, b) = callers(two_accounts, options);
    let golden = a.image("golden");
    a.share(&golden, B).await.unwrap();
    let vague = "Client.InternalError: Client error on launch";
    let ended = b.launch(&golden, &[]).await.unwrap();
    assert_eq!(ended, ("terminated".to_owned(), vague.to_owned()));
}
