//! The open points of the rule book, section 9: what real AWS answers, printed so that it can stand
//! there as it is.

use aws_sdk_ec2::types::{LaunchPermission, LaunchPermissionModifications};

use crate::lab::{Lab, said};

/// Every probe that a pair of accounts can answer. Points 6, 9 and 11 need other set-ups: see the
/// end of this file.
pub(crate) async fn all(lab: &Lab) {
    unshared_image(lab).await;
    duplicate_name(lab).await;
    refused_by_kms(lab).await;
    unusable_keys(lab).await;
    unknown_account(lab).await;
    protected(lab).await;
    dry_run_first(lab).await;
}

fn answer(point: &str, question: &str, answer: &str) {
    println!("R9.{point} | {question} | {answer}");
}

async fn unshared_image(lab: &Lab) {
    let refused = lab
        .copy(&lab.b, &lab.image, "alias/aws/ebs", "unshared")
        .await;
    answer(
        "1",
        "CopyImage of an image that is not shared",
        &refused.map_or_else(|error| error, |id| format!("taken: {id}")),
    );
}

async fn duplicate_name(lab: &Lab) {
    let first = lab
        .copy(&lab.a, &lab.image, &lab.key, "twice")
        .await
        .unwrap();
    let second = lab.copy(&lab.a, &lab.image, &lab.key, "twice").await;
    let said = second.map_or_else(
        |error| error,
        |second| {
            if second == first {
                "the same image".to_owned()
            } else {
                "a second image".to_owned()
            }
        },
    );
    answer("2", "CopyImage under a name that is taken", &said);
}

async fn refused_by_kms(lab: &Lab) {
    // B gets the image and its snapshots, and no use of the key.
    share(lab, &lab.b.account).await.unwrap();
    let image = lab
        .a
        .ec2
        .describe_images()
        .image_ids(&lab.image)
        .send()
        .await
        .unwrap();
    let mappings = image.images()[0].block_device_mappings();
    for snapshot in mappings
        .iter()
        .filter_map(|mapping| mapping.ebs()?.snapshot_id())
    {
        let call = lab
            .a
            .ec2
            .modify_snapshot_attribute()
            .snapshot_id(snapshot)
            .attribute("createVolumePermission".into());
        call.operation_type("add".into())
            .user_ids(&lab.b.account)
            .send()
            .await
            .unwrap();
    }
    match lab
        .copy(&lab.b, &lab.image, "alias/aws/ebs", "refused")
        .await
    {
        Ok(copy) => {
            let (state, code, message) = lab.b.settled(&copy).await;
            let code = format!(
                "{state}: {} ({})",
                code.unwrap_or_default(),
                message.unwrap_or_default()
            );
            answer("3", "StateReason.Code of a copy that KMS refused", &code);
        }
        Err(error) => answer("3", "a copy that KMS will refuse", &error),
    }
}

async fn unusable_keys(lab: &Lab) {
    let (head, _) = lab.key.rsplit_once('/').unwrap();
    let absent = format!("{head}/00000000-0000-0000-0000-000000000000");
    match lab.copy(&lab.a, &lab.image, &absent, "absent-key").await {
        Ok(copy) => answer(
            "4",
            "CopyImage under a key that is not there",
            &format!("an ID, then {:?}", lab.a.settled(&copy).await),
        ),
        Err(error) => answer("4", "CopyImage under a key that is not there", &error),
    }
}

async fn unknown_account(lab: &Lab) {
    let said = share(lab, "000000000001")
        .await
        .map_or_else(|error| error, |()| "taken".to_owned());
    answer(
        "5",
        "launch permission for an account that does not exist",
        &said,
    );
}

async fn share(lab: &Lab, account: &str) -> Result<(), String> {
    let add = LaunchPermission::builder().user_id(account).build();
    let change = LaunchPermissionModifications::builder().add(add).build();
    let call = lab
        .a
        .ec2
        .modify_image_attribute()
        .image_id(&lab.image)
        .launch_permission(change);
    call.send()
        .await
        .map(|_| ())
        .map_err(|error| said(error.into_service_error().meta()))
}

async fn protected(lab: &Lab) {
    let copy = lab
        .copy(&lab.a, &lab.image, &lab.key, "protected")
        .await
        .unwrap();
    lab.a.settled(&copy).await;
    lab.a
        .ec2
        .enable_image_deregistration_protection()
        .image_id(&copy)
        .send()
        .await
        .unwrap();
    let refused = lab.a.ec2.deregister_image().image_id(&copy).send().await;
    let text = refused.map_or_else(
        |error| said(error.into_service_error().meta()),
        |_| "taken".to_owned(),
    );
    answer("10", "DeregisterImage of a protected image", &text);
    lab.a
        .ec2
        .disable_image_deregistration_protection()
        .image_id(&copy)
        .send()
        .await
        .unwrap();
}

async fn dry_run_first(lab: &Lab) {
    let call = lab
        .a
        .ec2
        .copy_image()
        .source_region(&lab.region)
        .source_image_id(&lab.image)
        .name("x")
        .dry_run(true);
    let said = call.send().await.map_or_else(
        |error| said(error.into_service_error().meta()),
        |_| "taken".to_owned(),
    );
    answer(
        "12",
        "a dry run of CopyImage with a name that is too short",
        &said,
    );
}

// Point 6 needs a sharer without kms:DescribeKey on aws/ebs, point 7 an operation that the SDK does
// not have yet, point 8 a trail in CloudTrail, as does point 9, and point 11 an organization with
// Auto Scaling: by hand, with what is here as a start.
