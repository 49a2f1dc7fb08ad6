//! Situations that people reported, as scenarios of the corpus, each to its right end.

mod causes;

use std::path::Path;

use ami_share::report::{CheckName, Conclusion, Verdict};
use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, TargetOptions, Verify};
use ami_share::{ShareRequest, Sharer};
use ami_share_sim::{Options, Scenario};

use super::support::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";
const ROLES: [&str; 2] = [
    "AWSServiceRoleForAutoScaling",
    "AWSServiceRoleForAutoScaling_Blue",
];

fn read_world(name: &str, options: Options) -> World {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/field");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    World::with_options(Scenario::parse(&text).unwrap(), options)
}

fn with_auto_scaling() -> TargetOptions {
    TargetOptions::default()
        .role("consumer".parse().unwrap())
        .service_linked_roles([AUTO_SCALING.to_owned()])
}

async fn add_second_service_role(world: &World) {
    let iam = aws_sdk_iam::Client::new(&world.config(B));
    let call = iam
        .create_service_linked_role()
        .aws_service_name(AUTO_SCALING);
    call.custom_suffix("Blue").send().await.unwrap();
}

async fn check_both_roles_launch(world: &World) {
    let request = world.build_request(&["golden"]);
    let report = world
        .share(request.target_options(with_auto_scaling()))
        .await;
    assert_eq!(report.errors, []);
    let checks = &report.verifications[0].checks;
    let mut of_roles = checks
        .iter()
        .filter(|check| check.name == CheckName::ServiceRoles);
    assert!(
        of_roles.all(|check| check.verdict == Verdict::Yes),
        "{checks:?}"
    );
    for role in ROLES {
        let image_id = world.image_id("golden");
        let launched = world.launch_as_service_role(B, role, &image_id).await;
        assert_eq!(launched, "running", "{role}");
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_01_image_of_another_partition_is_shared_with_its_key() {
    let world = read_world("01-eusc", Options::default());
    let request = world.build_request(&["golden"]);
    let region = "eusc-de-east-1".parse().unwrap();
    world.share(request.region(region)).await;
    let policy = world.edit_key(&world.key_arn("golden"), |key| key.policy().to_owned());
    let root = format!("arn:aws-eusc:iam::{B}:root");
    assert!(policy.contains(&root), "{policy}");
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_02_each_of_two_service_roles_launches() {
    let world = read_world("02-two-service-roles", Options::default());
    add_second_service_role(&world).await;
    check_both_roles_launch(&world).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_03_service_role_can_use_default_key() {
    let world = read_world("03-default-key-without-service-role", Options::default());
    let options = with_auto_scaling().launch_roles(["launcher".to_owned()]);
    let request = world.build_request(&["golden"]).target_options(options);
    world.share(request).await;
    let image_id = world.image_id("golden");
    let launched = world.launch_as_service_role(B, ROLES[0], &image_id).await;
    assert_eq!(launched, "running");
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_08_aws_managed_key_of_target_needs_no_grant() {
    let world = read_world("08-target-aws-managed-key", Options::default());
    let options = with_auto_scaling().kms_key("alias/aws/ebs".parse().unwrap());
    let request = world.build_request(&["golden"]).target_options(options);
    let report = world.share(request).await;
    assert_eq!(report.errors, []);
    let conclusion = report.verifications[0].conclusion;
    assert_eq!(conclusion, Conclusion::NoObstacleFound);
}

fn by_grants(world: &World) -> ShareRequestBuilder {
    world
        .build_request(&["golden"])
        .key_access(KeyAccessMode::Grants)
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_23_deny_refuses_grants_as_it_refuses_statements() {
    let world = read_world("23-grants-and-deny", Options::default());
    for request in [by_grants(&world), world.build_request(&["golden"])] {
        let plan = world.plan(request).await;
        let mut refusals = plan.refusals();
        assert!(refusals.any(|finding| finding.code.as_str() == "key.policy-denies"));
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_26_service_roles_behind_empty_page_are_found() {
    let options = Options {
        short_pages: true,
        ..Options::default()
    };
    let world = read_world("02-two-service-roles", options);
    add_second_service_role(&world).await;
    check_both_roles_launch(&world).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_10b_image_that_is_gone_does_not_keep_another_shared() {
    let world = read_world("10-deregistered", Options::default());
    let both = || world.build_request(&["nightly-1", "nightly-2"]);
    world.share(both()).await;
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let call = ec2.deregister_image();
    let call = call.image_id(world.image_id("nightly-1"));
    call.send().await.unwrap();

    let request = both().revoke(Revoke::default()).build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    let plan = sharer.plan(&request).await.unwrap();
    let report = Box::pin(sharer.apply(&plan)).await.unwrap();
    assert_eq!(report.errors, []);
    let launched = world.launch_as_b(&world.image_id("nightly-2")).await;
    assert_ne!(launched, "running");
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_04a_target_without_default_vpc_could_not_be_tested() {
    let world = read_world("04-verify-launch", Options::default());
    world.sim.edit(|state| {
        let account = state.accounts.get_mut(B).unwrap();
        for launching in account.launching.values_mut() {
            launching.default_vpc = false;
        }
    });
    let options = TargetOptions::default()
        .role("consumer".parse().unwrap())
        .verify(Verify::Launch);
    let request = world.build_request(&["golden"]).target_options(options);
    let report = world.share(request).await;
    assert_eq!(report.errors, []);
    let verification = &report.verifications[0];
    assert_eq!(verification.conclusion, Conclusion::NoObstacleFound);
    let mut checks = verification.checks.iter();
    let launch = checks
        .find(|check| check.name == CheckName::Launch)
        .unwrap();
    assert_eq!(launch.verdict, Verdict::Unknown);
    let detail = &launch.detail;
    assert!(detail.contains("could not be tested"), "{detail}");
    assert!(detail.contains("verify-subnet-id"), "{detail}");
    let left = world.sim.edit(|state| state.security_groups.len());
    assert_eq!(left, 0);
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_05_copy_of_marketplace_image_is_refused_before_any_change() {
    let world = read_world("05-product-code", Options::default());
    let options = TargetOptions::default()
        .role("consumer".parse().unwrap())
        .kms_key("alias/own".parse().unwrap());
    let request = world.build_request(&["golden"]).target_options(options);
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(list_codes(&report), ["image.product-code", "plan.refused"]);
    assert!(world.count_changes().is_empty());
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn case_20_dead_image_of_manifest_does_not_stop_the_other() {
    let world = read_world("20-manifest-with-a-dead-ami", Options::default());
    let (build, last) = (world.image_id("build"), world.image_id("final"));
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let call = ec2.deregister_image().image_id(&build);
    call.send().await.unwrap();

    let request = ShareRequest::builder()
        .image_in("us-east-1".parse().unwrap(), build.parse().unwrap())
        .image_in("us-west-2".parse().unwrap(), last.parse().unwrap())
        .target_account(B.parse().unwrap());
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(list_codes(&report), ["image.not-found"]);
    assert_eq!(report.errors[0].resource, Some(build));
    assert_eq!(world.launch_in(B, "us-west-2", &last).await, "running");
}
