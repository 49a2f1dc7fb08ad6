//! The scenarios of `tests/core`, on real AWS: the same requests, and the same things must hold.

use ami_share::report::Conclusion;
use ami_share::request::{Revoke, ShareRequestBuilder, TargetOptions, Verify};
use ami_share::{Report, ShareRequest, Sharer};

use crate::lab::{EXTERNAL_ID, Lab};

pub(crate) async fn all(lab: &Lab) {
    shared_and_launched(lab).await;
    own_copy_after_everything_was_taken_back(lab).await;
}

fn request(lab: &Lab, wanted: TargetOptions) -> ShareRequestBuilder {
    let role = lab.name.parse().unwrap();
    ShareRequest::builder()
        .region(lab.region.parse().unwrap())
        .image(lab.image.parse().unwrap())
        .target_account(lab.b.account.parse().unwrap())
        .tag(crate::lab::TAG, &lab.name)
        .target_options(
            wanted
                .role(role)
                .external_id(EXTERNAL_ID)
                .run_name(&lab.name),
        )
}

async fn run(lab: &Lab, request: ShareRequestBuilder) -> Report {
    let sharer = Sharer::new(&lab.a.config).with_events(|event: &ami_share::Event| {
        println!("{}", serde_json::to_string(event).unwrap())
    });
    let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
    sharer.apply(&plan).await.unwrap()
}

/// P1, P2, P9: shared, launched by a real instance, and a second run changes nothing.
async fn shared_and_launched(lab: &Lab) {
    let launching = || request(lab, TargetOptions::default().verify(Verify::Launch));
    let report = run(lab, launching()).await;
    assert_eq!(
        report.verifications[0].conclusion,
        Conclusion::Launched,
        "{:?}",
        report.verifications
    );
    assert!(
        !run(lab, request(lab, TargetOptions::default()))
            .await
            .changed,
        "a second run changes nothing"
    );
    run(
        lab,
        request(lab, TargetOptions::default()).revoke(Revoke::default()),
    )
    .await;
    let policy = lab
        .a
        .kms
        .get_key_policy()
        .key_id(&lab.key)
        .send()
        .await
        .unwrap();
    assert!(
        !policy.policy().unwrap().contains("AmiShare"),
        "what was added is gone"
    );
}

/// R4.13: the target's own copy needs the source no more.
async fn own_copy_after_everything_was_taken_back(lab: &Lab) {
    let copying = TargetOptions::default()
        .kms_key("alias/aws/ebs".parse().unwrap())
        .keep_shared(false)
        .verify(Verify::Launch);
    let report = run(lab, request(lab, copying)).await;
    assert_eq!(
        report.verifications[0].conclusion,
        Conclusion::Launched,
        "{:?}",
        report.verifications
    );
    let permissions = lab.a.ec2.describe_image_attribute().image_id(&lab.image);
    let permissions = permissions
        .attribute("launchPermission".into())
        .send()
        .await
        .unwrap();
    let left = permissions
        .launch_permissions()
        .iter()
        .any(|of| of.user_id() == Some(&lab.b.account));
    assert!(!left, "nothing of the sharing is left");
}
