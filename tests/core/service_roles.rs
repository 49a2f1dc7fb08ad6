//! Services' roles in targets: created if they are missing, each given a grant for each key that
//! its launch meets, and recognized by the next run (R4.11, R7.29).

mod groups;
mod own_policies;
mod volume_keys;

use std::time::Duration;

use ami_share::report::{CheckName, Verdict};
use ami_share::request::{KeyAccessMode, ShareRequestBuilder, TargetOptions, Unlisted, Verify};
use ami_share::{Report, Sharer};

use super::support::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";
const ROLE: &str = "AWSServiceRoleForAutoScaling";
const OWN_KEY: &str = "own-222222222222";

fn with_auto_scaling() -> TargetOptions {
    with_target_role().service_linked_roles([AUTO_SCALING.to_owned()])
}

fn build_request(world: &World, images: &[&str], options: TargetOptions) -> ShareRequestBuilder {
    world.build_request(images).target_options(options)
}

async fn build_world(images: usize) -> World {
    let world = World::generate(2, 2, images, 1);
    world
        .allow_actions(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
        .await;
    world
}

/// The verdict about service-linked roles, in a report of one image.
fn find_verdict(report: &Report) -> (Verdict, &str) {
    let mut checks = report.verifications[0].checks.iter();
    let check = checks.find(|check| check.name == CheckName::ServiceRoles);
    let check = check.unwrap();
    (check.verdict, &check.detail)
}

async fn verify(world: &World, request: ShareRequestBuilder) -> Report {
    let sharer = Sharer::new(&world.config(A));
    sharer.verify(&request.build().unwrap()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn missing_service_role_is_created_once_for_several_keys() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = build_world(2).await;
        let request = || {
            let images = ["image-1", "image-2"];
            build_request(&world, &images, with_auto_scaling()).key_access(mode)
        };
        let report = world.share(request()).await;
        assert_eq!(report.errors, [], "{mode:?}");
        for image in ["image-1", "image-2"] {
            let image_id = world.image_id(image);
            let launched = world.launch_as_service(B, AUTO_SCALING, &image_id).await;
            assert_eq!(launched, "running", "{mode:?}: {image}");
        }
        let before = world.count_changes();
        assert!(!world.share(request()).await.changed, "{mode:?}");
        assert_eq!(world.count_changes(), before, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn service_role_gets_grant_on_key_of_target_copy() {
    let world = build_world(1).await;
    let request = || {
        let key = format!("alias/{OWN_KEY}").parse().unwrap();
        let options = with_auto_scaling().kms_key(key).unshare_after_copy(true);
        build_request(&world, &["image-1"], options)
    };
    // The key's policy delegates to its account's policies; a service's role has none for keys.
    let report = world.share(request()).await;
    let copy = report.targets[0].copies[0].image.to_string();
    let launched = world.launch_as_service(B, AUTO_SCALING, &copy).await;
    assert_eq!(launched, "running");
    let before = world.count_changes();
    let again = world.share(request()).await;
    assert_eq!(world.count_changes(), before);
    assert!(!again.changed, "the grant is recognized");
}

/// The roles of several services of B, some with suffixes.
async fn create_roles(world: &World) -> Vec<String> {
    let iam = aws_sdk_iam::Client::new(&world.config(B));
    let mut names = Vec::new();
    for (service, suffix) in [
        (AUTO_SCALING, None),
        (AUTO_SCALING, Some("Blue")),
        (AUTO_SCALING, Some("a.b@c")),
        ("ec2fleet.amazonaws.com", None),
    ] {
        let call = iam.create_service_linked_role().aws_service_name(service);
        let created = call.set_custom_suffix(suffix.map(str::to_owned));
        let created = created.send().await.unwrap();
        names.push(created.role.unwrap().role_name);
    }
    names
}

fn with_services() -> TargetOptions {
    let services = [AUTO_SCALING, "ec2fleet.amazonaws.com"];
    with_target_role().service_linked_roles(services.map(str::to_owned))
}

/// Shares an image, or has B copy it, and expects each role to launch; then takes each grant of a
/// role away, and expects the check to name the role.
#[tokio::test(start_paused = true)]
async fn each_service_role_gets_grant_on_each_key_that_its_launch_meets() {
    for (mode, own_key, copies) in [
        (KeyAccessMode::Policy, false, false),
        (KeyAccessMode::Policy, true, false),
        (KeyAccessMode::Grants, false, false),
        (KeyAccessMode::Grants, true, false),
        (KeyAccessMode::Policy, true, true),
    ] {
        let case = format!("{mode:?}, own key: {own_key}, copies: {copies}");
        let world = build_world(1).await;
        let roles = create_roles(&world).await;
        if own_key {
            world.set_default_key(B, "us-east-1", OWN_KEY);
        }
        let request = || {
            let mut options = with_services();
            if copies {
                options = options.kms_key(format!("alias/{OWN_KEY}").parse().unwrap());
            }
            build_request(&world, &["image-1"], options).key_access(mode)
        };
        let report = world.share(request()).await;
        assert_eq!(find_verdict(&report).0, Verdict::Yes, "{case}");
        let image_id = world.find_image_of(B).unwrap_or(world.image_id("image-1"));
        for role in &roles {
            let launched = world.launch_as_service_role(B, role, &image_id).await;
            assert_eq!(launched, "running", "{case}: {role}");
        }
        let before = world.count_changes();
        assert!(!world.share(request()).await.changed, "{case}");
        assert_eq!(world.count_changes(), before, "{case}");

        let keys: &[&str] = match (own_key, copies) {
            (_, true) => &[OWN_KEY],
            (true, false) => &["key-1", OWN_KEY],
            (false, false) => &["key-1"],
        };
        world.terminate_instances_of(B).await;
        for key in keys {
            let key = world.key_arn(key);
            for role in &roles {
                let all = world.edit_key(&key, |key| key.grants.clone());
                let end = format!("/{role}");
                world.edit_key(&key, |key| {
                    key.grants
                        .retain(|grant| !grant.grantee.arn.ends_with(&end));
                    assert_eq!(key.grants.len() + 1, all.len(), "one grant a role");
                });
                let report = verify(&world, request()).await;
                let (verdict, detail) = find_verdict(&report);
                assert_eq!(verdict, Verdict::No, "{case}: {role}");
                assert!(detail.contains(role) && detail.contains(&key), "{detail}");
                let launched = world.launch_as_service_role(B, role, &image_id).await;
                assert_ne!(launched, "running", "{case}: {role}");
                world.edit_key(&key, |key| key.grants = all);
            }
        }
    }
}

/// AWS's own key of EBS takes no grants, and each service of its account may use it.
#[tokio::test(start_paused = true)]
async fn aws_managed_key_of_target_needs_no_grant() {
    let world = build_world(1).await;
    create_roles(&world).await;
    let options = with_services().kms_key("alias/aws/ebs".parse().unwrap());
    let report = world
        .share(build_request(&world, &["image-1"], options))
        .await;
    assert_eq!(find_verdict(&report).0, Verdict::Yes);
    assert_eq!(world.count_changes().get("kms:CreateGrant"), None);
    let copy = report.targets[0].copies[0].image.to_string();
    let launched = world.launch_as_service_role(B, ROLE, &copy).await;
    assert_eq!(launched, "running");
}

/// A service makes its role by itself: where no key needs a grant, an absent role blocks nothing.
#[tokio::test(start_paused = true)]
async fn absent_service_role_is_no_obstacle_where_no_key_needs_a_grant() {
    for (image, expected) in [("plain", Verdict::Yes), ("golden", Verdict::No)] {
        let world = World::new();
        let actions = ["ec2:*", "kms:*", "iam:List*", "iam:Get*"];
        world.allow_actions(B, "consumer", &actions).await;
        let request = build_request(&world, &[image], with_auto_scaling());
        let report = verify(&world, request).await;
        let (verdict, detail) = find_verdict(&report);
        assert_eq!(verdict, expected, "{image}: {detail}");
    }
}

/// AWS has more services than any list: an unknown one is a warning, and its roles get their
/// grants.
#[tokio::test(start_paused = true)]
async fn unknown_service_is_a_warning() {
    const SERVICE: &str = "rockets.example.amazonaws.com";
    let world = build_world(1).await;
    world.sim.edit(|state| {
        let role = state.service_linked_role(B, SERVICE, "RocketRole", Duration::ZERO);
        let account = state.accounts.get_mut(B).unwrap();
        account.roles.insert("RocketRole".to_owned(), role);
    });
    let options = with_target_role().service_linked_roles([SERVICE.to_owned()]);
    let report = world
        .share(build_request(&world, &["image-1"], options))
        .await;
    assert_eq!(list_codes(&report), ["service.unknown"]);
    let image_id = world.image_id("image-1");
    let launched = world
        .launch_as_service_role(B, "RocketRole", &image_id)
        .await;
    assert_eq!(launched, "running");
}

/// Grants are read for service-linked roles, and a run that leaves keys alone takes none of them.
#[tokio::test(start_paused = true)]
async fn run_without_key_access_revokes_no_grant() {
    const C: &str = "300000000000";
    let world = World::generate(3, 1, 1, 1);
    world
        .allow_actions(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
        .await;
    world.create_service_linked_role(B, AUTO_SCALING).await;
    let request = |targets: &[&str]| {
        let request = world.build_request_for(&["image-1"], targets);
        request.key_access(KeyAccessMode::Grants)
    };
    world.share(request(&[B, C])).await;
    let list_grants = || world.edit_key(&world.key_arn("key-1"), |key| key.grants.clone());
    let before = list_grants().len();
    assert_eq!(before, 2);
    let unmanaged = || {
        let request = request(&[B]).key_access(KeyAccessMode::None);
        let options = with_auto_scaling().verify(Verify::None);
        request.target_options(options)
    };
    // The grant of the account does not let it make those of the role.
    let ended = world
        .try_share(unmanaged().unlisted(Unlisted::Revoke))
        .await;
    let report = ended.unwrap_err();
    assert!(report.images[0].removed.contains(&C.parse().unwrap()));
    assert!(world.has_called("kms:ListGrants"));
    world.share(into_revoke(unmanaged())).await;
    assert_eq!(list_grants().len(), before);
}
