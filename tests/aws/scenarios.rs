//! The scenarios of `tests/core` on real AWS: the same requests, and the same must hold.

use ami_share::report::Conclusion;
use ami_share::request::{Revoke, ShareRequestBuilder, TargetOptions, Verify};
use ami_share::{Event, Report, ShareRequest, Sharer};

use crate::lab::{EXTERNAL_ID, Lab, TAG};

pub(crate) async fn run(lab: &Lab) {
    check_share_and_revoke(lab).await;
    check_target_copy(lab).await;
}

fn build_request(lab: &Lab, options: TargetOptions) -> ShareRequestBuilder {
    let options = options.role(lab.name.parse().unwrap());
    ShareRequest::builder()
        .region(lab.region.parse().unwrap())
        .image(lab.image_id.parse().unwrap())
        .target_account(lab.b.account.parse().unwrap())
        .tag(TAG, &lab.name)
        .target_options(options.external_id(EXTERNAL_ID).run_name(&lab.name))
}

async fn carry_out(lab: &Lab, request: ShareRequestBuilder) -> Report {
    let sharer = Sharer::new(&lab.a.config).with_events(|event: &Event| {
        println!("{}", serde_json::to_string(event).unwrap());
    });
    let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
    sharer.apply(&plan).await.unwrap()
}

/// P1, P2, P9: a shared image is launched by a real instance, and a second run changes nothing.
async fn check_share_and_revoke(lab: &Lab) {
    let launching = TargetOptions::default().verify(Verify::Launch);
    let report = carry_out(lab, build_request(lab, launching)).await;
    let verification = &report.verifications[0];
    let conclusion = verification.conclusion;
    assert_eq!(conclusion, Conclusion::Launched, "{verification:?}");

    let request = || build_request(lab, TargetOptions::default());
    let again = carry_out(lab, request()).await;
    assert!(!again.changed, "a second run changes nothing");
    carry_out(lab, request().revoke(Revoke::default())).await;
    let call = lab.a.kms.get_key_policy().key_id(&lab.key);
    let policy = call.send().await.unwrap();
    let text = policy.policy().unwrap();
    assert!(!text.contains("AmiShare"), "the added statements are gone");
}

/// R4.13: the target's own copy no longer needs the source.
async fn check_target_copy(lab: &Lab) {
    let copying = TargetOptions::default()
        .kms_key("alias/aws/ebs".parse().unwrap())
        .unshare_after_copy(true)
        .verify(Verify::Launch);
    let report = carry_out(lab, build_request(lab, copying)).await;
    let verification = &report.verifications[0];
    let conclusion = verification.conclusion;
    assert_eq!(conclusion, Conclusion::Launched, "{verification:?}");

    let call = lab.a.ec2.describe_image_attribute();
    let call = call.image_id(&lab.image_id);
    let call = call.attribute("launchPermission".into());
    let shown = call.send().await.unwrap();
    let account = Some(lab.b.account.as_str());
    let mut permissions = shown.launch_permissions().iter();
    let is_shared = permissions.any(|permission| permission.user_id() == account);
    assert!(!is_shared, "the launch permission is revoked");
}
