//! What is done with an image once it is shared: deprecation, protection, an SSM parameter.

use std::time::Duration;

use ami_share::request::{DeprecateAt, ShareRequestBuilder};

use super::support::*;

fn released(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request
        .deprecate_at(DeprecateAt::AfterCreation(Duration::from_hours(
            24 * 365 * 9,
        )))
        .deregistration_protection(true)
        .publish_ssm_parameter("/images/{name}")
}

#[tokio::test(start_paused = true)]
async fn a_release_is_deprecated_protected_and_published_once() {
    let world = World::new();
    let request = || released(world.copying(&["plain"]));
    let report = world.share(request()).await;
    assert_eq!(report.published, ["/images/plain"]);
    let expected = [
        "ec2:EnableImageDeprecation",
        "ec2:EnableImageDeregistrationProtection",
        "ssm:PutParameter",
    ];
    assert!(
        expected.iter().all(|action| world.changes()[*action] == 1),
        "{:?}",
        world.changes()
    );
    let actions = world.actions(0);
    let place = |action: &str| actions.iter().rposition(|known| known == action).unwrap();
    // Whoever reads the parameter must be able to launch what it names.
    assert!(place("ec2:ModifyImageAttribute") < place("ssm:PutParameter"));
    assert!(
        place("kms:GetKeyPolicy") < place("ssm:PutParameter"),
        "only after the key was looked at once more"
    );
    let again = world.share(request()).await;
    assert!(!again.changed, "{:?}", world.changes());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_of_what_could_not_be_shared() {
    let fail = r#"{"operation":"ec2:ModifyImageAttribute","call":1,"effect":{"error":{"status":400,"code":"UnauthorizedOperation","message":"no"}}}"#;
    let world = World::new().with(fail);
    world
        .try_share(released(world.request(&["golden"])))
        .await
        .unwrap_err();
    assert!(!world.actions(0).contains(&"ssm:PutParameter".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn two_images_in_one_parameter_are_refused() {
    let world = World::new();
    let plan = world
        .plan(
            world
                .request(&["golden", "plain"])
                .publish_ssm_parameter("/images/latest"),
        )
        .await;
    assert_eq!(
        plan.refusals()
            .map(|finding| finding.code.as_str())
            .collect::<Vec<_>>(),
        ["parameter.ambiguous"]
    );
    assert!(world.changes().is_empty());
}
