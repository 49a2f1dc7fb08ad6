//! The life of images and snapshots: states, names, protection, deprecation.

use ami_share_sim::{Effect, FailedState, Fault};
use serde_json::json;

use super::support::*;

async fn attribute(a: &Caller, image: &str, name: &str) -> String {
    let parameters = [("ImageId", image), ("Attribute", name)];
    a.ec2("DescribeImageAttribute", &parameters)
        .await
        .unwrap()
        .first("value")
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn rule_1_1_1_images_have_states_and_reasons() {
    for (state, shown) in [
        (FailedState::Failed, "failed"),
        (FailedState::Invalid, "invalid"),
        (FailedState::Error, "error"),
    ] {
        let (a, _) = two_accounts();
        let effect = Effect::FailCopy {
            message: "Copy image failed with an internal error".to_owned(),
            state,
        };
        a.sim.fault(Fault {
            operation: "ec2:CopyImage".to_owned(),
            call: None,
            account: None,
            region: None,
            naming: None,
            effect,
        });
        let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
        assert_eq!(a.state(&copy).await, "pending");
        seconds(4).await;
        let reason = "Copy image failed with an internal error";
        for (name, value) in [
            ("state", shown),
            ("state-reason-message", reason),
            ("state-reason-code", "Client.*"),
        ] {
            let failed = [("Filter.1.Name", name), ("Filter.1.Value.1", value)];
            let failed_images = a.ec2("DescribeImages", &failed).await.unwrap();
            assert_eq!(
                (failed_images.all("imageId"), failed_images.first("message")),
                (vec![copy.as_str()], reason),
                "{name}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_1_2_snapshots_are_pending_completed_or_in_error() {
    let (a, _) = two_accounts();
    let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
    let snapshot = a.snapshots(&copy).await.remove(0);
    let shown = || async {
        let answer = a.describe_snapshot(&snapshot).await;
        (
            answer.first("status").to_owned(),
            answer.first("progress").to_owned(),
        )
    };
    seconds(1).await;
    assert_eq!(shown().await, ("pending".to_owned(), "33%".to_owned()));
    seconds(3).await;
    assert_eq!(shown().await, ("completed".to_owned(), "100%".to_owned()));
}

#[tokio::test]
async fn rule_1_1_4_an_image_is_disabled_enabled_and_deregistered() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    a.share(&plain, B).await.unwrap();
    a.ec2("DisableImage", &[("ImageId", &plain)]).await.unwrap();
    assert_eq!(a.state(&plain).await, "");
    let shown = [("ImageId.1", plain.as_str()), ("IncludeDisabled", "true")];
    assert_eq!(
        a.ec2("DescribeImages", &shown)
            .await
            .unwrap()
            .first("imageState"),
        "disabled"
    );
    assert_eq!(
        b.ec2("DescribeImages", &shown)
            .await
            .unwrap()
            .first("imageState"),
        ""
    );
    assert_code(
        b.ec2("DisableImage", &[("ImageId", &plain)]).await,
        "AuthFailure",
    );
    a.ec2("EnableImage", &[("ImageId", &plain)]).await.unwrap();
    assert_eq!(a.state(&plain).await, "available");
    a.deregister(&plain).await.unwrap();
    assert_code(
        a.ec2("EnableImage", &[("ImageId", &plain)]).await,
        "InvalidAMIID.Unavailable",
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_7_a_copy_has_neither_protection_nor_deprecation() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    a.ec2(
        "EnableImageDeregistrationProtection",
        &[("ImageId", &plain)],
    )
    .await
    .unwrap();
    a.ec2(
        "EnableImageDeprecation",
        &[("ImageId", &plain), ("DeprecateAt", "2035-01-01T00:00:00Z")],
    )
    .await
    .unwrap();
    let copy = a.copy(&plain, &[]).await.unwrap();
    seconds(4).await;
    assert_eq!(
        attribute(&a, &plain, "deregistrationProtection").await,
        "enabled-without-cooldown"
    );
    assert_eq!(
        attribute(&a, &copy, "deregistrationProtection").await,
        "disabled"
    );
    let shown = a.describe_image(&copy).await;
    assert!(shown.all("deprecationTime").is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_8_only_copies_can_have_a_name_twice() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let first = a.copy(&plain, &[("ClientToken", "1")]).await.unwrap();
    assert_ne!(
        first,
        a.copy(&plain, &[("ClientToken", "2")]).await.unwrap()
    );
    let snapshot = a.snapshots(&plain).await.remove(0);
    let parameters = [
        ("Name", "plain"),
        ("RootDeviceName", "/dev/sda1"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
        ("BlockDeviceMapping.1.Ebs.SnapshotId", snapshot.as_str()),
    ];
    let message = format!("AMI name plain is already in use by AMI {plain}");
    fails(
        a.ec2("RegisterImage", &parameters).await,
        400,
        "InvalidAMIName.Duplicate",
        &message,
    );
}

#[tokio::test]
async fn rule_2_16_disabling_removes_permissions_for_good() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    a.share(&plain, B).await.unwrap();
    a.ec2("DisableImage", &[("ImageId", &plain)]).await.unwrap();
    assert_code(a.share(&plain, B).await, "InvalidAMIID.Unavailable");
    a.ec2("EnableImage", &[("ImageId", &plain)]).await.unwrap();
    assert!(b.describe_image(&plain).await.all("imageId").is_empty());
    assert!(b.launch(&plain, &[]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn rule_7_1_a_protected_image_is_not_deregistered() {
    let (a, _) = two_accounts();
    let (plain, golden) = (a.image("plain"), a.image("golden"));
    let protect = |image: &str, cooldown: &'static str| {
        vec![
            ("ImageId".to_owned(), image.to_owned()),
            ("WithCooldown".to_owned(), cooldown.to_owned()),
        ]
    };
    for (image, cooldown) in [(&plain, "false"), (&golden, "true")] {
        let parameters = protect(image, cooldown);
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        a.ec2("EnableImageDeregistrationProtection", &parameters)
            .await
            .unwrap();
        assert_code(a.deregister(image).await, "OperationNotPermitted");
        a.ec2(
            "DisableImageDeregistrationProtection",
            &[("ImageId", image)],
        )
        .await
        .unwrap();
    }
    a.deregister(&plain).await.unwrap();
    // With a cooldown the protection continues for a day.
    assert!(a.deregister(&golden).await.is_err());
    seconds(24 * 3600).await;
    a.deregister(&golden).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rule_1_6_a_deprecated_image_is_hidden_from_others() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    a.share(&plain, B).await.unwrap();
    let soon = a.sim.clock().text(std::time::Duration::from_hours(1));
    a.ec2(
        "EnableImageDeprecation",
        &[("ImageId", &plain), ("DeprecateAt", &soon)],
    )
    .await
    .unwrap();
    let search = || async {
        b.ec2("DescribeImages", &[("Owner.1", A)])
            .await
            .unwrap()
            .all("imageId")
            .len()
    };
    assert_eq!(search().await, 1);
    seconds(2 * 3600).await;
    assert_eq!(search().await, 0);
    let parameters = [("Owner.1", A), ("IncludeDeprecated", "true")];
    assert_eq!(
        b.ec2("DescribeImages", &parameters)
            .await
            .unwrap()
            .all("imageId")
            .len(),
        1
    );
    assert_eq!(a.state(&plain).await, "available");
    // It can still be launched.
    assert_eq!(b.launch(&plain, &[]).await.unwrap().0, "running");
    let past = [
        ("ImageId", plain.as_str()),
        ("DeprecateAt", "2020-01-01T00:00:00Z"),
    ];
    assert_code(
        a.ec2("EnableImageDeprecation", &past).await,
        "InvalidParameterValue",
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_10_snapshots_that_aws_makes_have_descriptions() {
    let (a, _) = two_accounts();
    let instance = a.run_instance(&a.image("plain"), &[]).await.unwrap();
    let instance = instance.first("instanceId");
    let made = a
        .ec2("CreateImage", &[("InstanceId", instance), ("Name", "made")])
        .await
        .unwrap();
    let made = made.first("imageId").to_owned();
    let shown = a.describe_image(&made).await;
    assert_eq!(
        (
            shown.first("sourceInstanceId"),
            shown.first("sourceImageId")
        ),
        (instance, a.image("plain").as_str())
    );
    let described = a.describe_snapshot(shown.first("snapshotId")).await;
    assert_eq!(
        described.first("description"),
        format!("Created by CreateImage({instance}) for {made}")
    );
    assert_eq!(a.state(&made).await, "pending");
    seconds(4).await;
    assert_eq!(a.state(&made).await, "available");
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_7_a_snapshot_of_a_volume_has_its_context_and_needs_no_key_permission() {
    let (a, _) = two_accounts();
    let instance = a.run_instance(&a.image("golden"), &[]).await.unwrap();
    let instance = instance.first("instanceId");
    let without_kms = a.without(A, &["kms:*"]).await;
    let made = without_kms
        .ec2("CreateImage", &[("InstanceId", instance), ("Name", "made")])
        .await
        .unwrap();
    let volumes = a.ec2("DescribeVolumes", &[]).await.unwrap();
    let by_hand = without_kms
        .ec2("CreateSnapshot", &[("VolumeId", volumes.first("volumeId"))])
        .await
        .unwrap();
    assert_eq!(by_hand.first("kmsKeyId"), a.key("golden"));
    seconds(4).await;
    assert_eq!(a.state(made.first("imageId")).await, "available");
    // The grant of a copy on the source's key is bound to the volume, even if that is gone.
    let before = a.sim.state()["trail"].as_array().unwrap().len();
    a.copy(made.first("imageId"), &[]).await.unwrap();
    let trail = a.sim.state()["trail"].as_array().unwrap()[before..].to_vec();
    let context = |of: &serde_json::Value| {
        of["parameters"]["constraints"]["EncryptionContextEquals"]["aws:ebs:id"].clone()
    };
    let contexts: Vec<_> = trail
        .iter()
        .filter(|of| of["action"] == "kms:CreateGrant")
        .map(context)
        .collect();
    assert!(
        contexts.contains(&json!(volumes.first("volumeId"))),
        "{contexts:?}"
    );
}
