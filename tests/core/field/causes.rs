//! Causes that an error's code alone does not tell.

use super::*;

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_13_region_that_one_target_has_off_is_named_and_the_rest_is_served() {
    const C: &str = "333333333333";
    let world = read_world("13-target-region-off", Options::default());
    let role = TargetOptions::default().role("consumer".parse().unwrap());
    let request = world
        .build_request_for(&["golden"], &[B, C])
        .copy_to_regions(["eu-south-1".parse().unwrap()])
        .kms_key_in(
            "us-east-1".parse().unwrap(),
            "alias/golden".parse().unwrap(),
        )
        .kms_key_in(
            "eu-south-1".parse().unwrap(),
            "alias/south".parse().unwrap(),
        )
        .tag("team", "a")
        .target_options(role.verify(Verify::None));
    let report = world.try_share(request).await.unwrap_err();
    assert!(!report.errors.is_empty());
    for error in &report.errors {
        assert_eq!(error.code.as_str(), "region.not-enabled", "{error}");
        assert_eq!(error.account.as_ref().unwrap().as_ref(), B);
        assert_eq!(error.region.as_ref().unwrap().as_ref(), "eu-south-1");
    }
    for image in &report.images {
        assert_eq!(image.principals.len(), 2, "{image:?}");
    }
    let tagged = |account: &str| {
        let mut targets = report.targets.iter();
        let target = targets.find(|target| target.account.as_ref() == account);
        target.map_or(0, |target| target.tagged.len())
    };
    assert_eq!((tagged(B), tagged(C)), (1, 2), "{:?}", report.targets);
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_17_closed_account_of_another_statement_is_suspected() {
    let world = read_world("17-closed-account-in-key-policy", Options::default());
    let request = world.build_request(&["golden"]);
    let report = world.try_share(request).await.unwrap_err();
    let error = report
        .errors
        .iter()
        .find(|error| error.code.as_str() == "key.invalid-principals");
    let error = error.unwrap();
    for suspect in ["999999999999", "333333333333", "Partners"] {
        assert!(error.message.contains(suspect), "{error}");
    }
    assert!(
        !error.message.contains("calls these accounts invalid"),
        "{error}"
    );
    assert_eq!(
        error.aws.as_ref().unwrap().code,
        "MalformedPolicyDocumentException"
    );
}
