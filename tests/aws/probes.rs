//! The open points of the rule book, section 9: the answers of real AWS, printed as they can be
//! written there.

use aws_sdk_ec2::types::{LaunchPermission, LaunchPermissionModifications};

use crate::lab::{Lab, describe_refusal};

/// Every probe that two accounts can answer.
///
/// The other points need something else, by hand: point 6 a sharer without `kms:DescribeKey` on
/// `aws/ebs`, point 7 an operation that the SDK does not have yet, points 8 and 9 a trail in
/// CloudTrail, and point 11 an organization with Auto Scaling.
pub(crate) async fn run(lab: &Lab) {
    copy_unshared_image(lab).await;
    copy_under_taken_name(lab).await;
    copy_without_key_access(lab).await;
    copy_with_absent_key(lab).await;
    share_with_unknown_account(lab).await;
    deregister_protected_image(lab).await;
    dry_run_with_invalid_name(lab).await;
}

fn print_answer(point: u32, question: &str, answer: &str) {
    println!("R9.{point} | {question} | {answer}");
}

async fn copy_unshared_image(lab: &Lab) {
    let copied = lab.copy(&lab.b, &lab.image_id, "alias/aws/ebs", "unshared");
    let answer = match copied.await {
        Ok(id) => format!("accepted: {id}"),
        Err(refusal) => refusal,
    };
    print_answer(1, "CopyImage of an image that is not shared", &answer);
}

async fn copy_under_taken_name(lab: &Lab) {
    let copy = async || lab.copy(&lab.a, &lab.image_id, &lab.key, "twice").await;
    let first = copy().await.unwrap();
    let answer = match copy().await {
        Ok(second) if second == first => "the same image".to_owned(),
        Ok(_) => "a second image".to_owned(),
        Err(refusal) => refusal,
    };
    print_answer(2, "CopyImage under a name that is taken", &answer);
}

/// B may launch the image and copy its snapshots, but may not use the key.
async fn copy_without_key_access(lab: &Lab) {
    share_image(lab, &lab.b.account).await.unwrap();
    let call = lab.a.ec2.describe_images().image_ids(&lab.image_id);
    let shown = call.send().await.unwrap();
    for mapping in shown.images()[0].block_device_mappings() {
        let Some(snapshot) = mapping.ebs().and_then(|ebs| ebs.snapshot_id()) else {
            continue;
        };
        let call = lab.a.ec2.modify_snapshot_attribute();
        let call = call.snapshot_id(snapshot).user_ids(&lab.b.account);
        let call = call.attribute("createVolumePermission".into());
        call.operation_type("add".into()).send().await.unwrap();
    }
    let copied = lab.copy(&lab.b, &lab.image_id, "alias/aws/ebs", "refused");
    let answer = match copied.await {
        Ok(copy) => lab.b.wait_until_settled(&copy).await.to_string(),
        Err(refusal) => refusal,
    };
    print_answer(3, "StateReason.Code of a copy that KMS refused", &answer);
}

async fn copy_with_absent_key(lab: &Lab) {
    let (head, _) = lab.key.rsplit_once('/').unwrap();
    let absent = format!("{head}/00000000-0000-0000-0000-000000000000");
    let copied = lab.copy(&lab.a, &lab.image_id, &absent, "absent-key");
    let answer = match copied.await {
        Ok(copy) => format!("an ID, then {}", lab.a.wait_until_settled(&copy).await),
        Err(refusal) => refusal,
    };
    print_answer(4, "CopyImage with a key that does not exist", &answer);
}

async fn share_with_unknown_account(lab: &Lab) {
    let answer = match share_image(lab, "000000000001").await {
        Ok(()) => "accepted".to_owned(),
        Err(refusal) => refusal,
    };
    let question = "launch permission for an account that does not exist";
    print_answer(5, question, &answer);
}

async fn share_image(lab: &Lab, account: &str) -> Result<(), String> {
    let add = LaunchPermission::builder().user_id(account).build();
    let change = LaunchPermissionModifications::builder().add(add).build();
    let call = lab.a.ec2.modify_image_attribute().image_id(&lab.image_id);
    match call.launch_permission(change).send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(describe_refusal(error.into_service_error().meta())),
    }
}

async fn deregister_protected_image(lab: &Lab) {
    let copied = lab.copy(&lab.a, &lab.image_id, &lab.key, "protected");
    let copy = copied.await.unwrap();
    lab.a.wait_until_settled(&copy).await;
    let protect = lab.a.ec2.enable_image_deregistration_protection();
    protect.image_id(&copy).send().await.unwrap();
    let deregister = lab.a.ec2.deregister_image().image_id(&copy);
    let answer = match deregister.send().await {
        Ok(_) => "accepted".to_owned(),
        Err(error) => describe_refusal(error.into_service_error().meta()),
    };
    print_answer(10, "DeregisterImage of a protected image", &answer);
    let unprotect = lab.a.ec2.disable_image_deregistration_protection();
    unprotect.image_id(&copy).send().await.unwrap();
}

async fn dry_run_with_invalid_name(lab: &Lab) {
    let call = lab.a.ec2.copy_image().dry_run(true).name("x");
    let call = call.source_region(&lab.region);
    let answer = match call.source_image_id(&lab.image_id).send().await {
        Ok(_) => "accepted".to_owned(),
        Err(error) => describe_refusal(error.into_service_error().meta()),
    };
    let question = "a dry run of CopyImage with a name that is too short";
    print_answer(12, question, &answer);
}
