//! Lists come in pages, and a page with nothing on it may say that more follow: every list is read
//! to its end (R7.30).

use std::collections::BTreeMap;

use ami_share::report::Conclusion;
use ami_share::request::{KeyAccessMode, ShareRequestBuilder, Verify};
use ami_share_sim::Options;

use super::support::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";

/// Every list that AWS answers in pages, with a run that reads it.
const LISTS: [(&str, &str); 10] = [
    ("ec2:DescribeImages", "share"),
    ("ec2:DescribeInstances", "share"),
    ("ec2:DescribeSecurityGroups", "share"),
    ("ec2:DescribeSnapshots", "share"),
    ("ec2:DescribeVolumes", "revoke"),
    ("iam:ListAccountAliases", "share"),
    ("iam:ListAttachedRolePolicies", "attach"),
    ("iam:ListRolePolicies", "share"),
    ("iam:ListRoles", "share"),
    ("kms:ListGrants", "share"),
];

/// A world in which B has something on every list, such as the security group of a test launch that
/// was killed.
async fn build_world(short_pages: bool) -> World {
    let options = Options {
        short_pages,
        ..Options::default()
    };
    let world = World::with_options(generate_scenario(2, 1, 2, 2), options);
    world
        .allow_actions(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
        .await;
    world.create_service_linked_role(B, AUTO_SCALING).await;
    world.set_alias(A, "own-images");
    world.set_alias(B, "web-staging");
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let call = ec2.create_security_group().group_name("ami-share-verify");
    call.description("left").send().await.unwrap();
    let iam = aws_sdk_iam::Client::new(&world.config(B));
    let call = iam.create_policy().policy_name("launch");
    let document = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let made = call.policy_document(document).send().await.unwrap();
    let call = iam.attach_role_policy().role_name("launcher");
    let call = call.policy_arn(made.policy().unwrap().arn().unwrap());
    call.send().await.unwrap();
    world
}

/// What a run tells of itself, how often it called each action, and how often it changed something.
struct Told {
    codes: Vec<&'static str>,
    conclusions: Vec<Conclusion>,
    calls: BTreeMap<String, usize>,
    changes: BTreeMap<String, usize>,
}

async fn tell(world: &World, request: ShareRequestBuilder) -> Told {
    let (calls, changes) = (world.count_calls(), world.count_changes());
    let report = match world.try_share(request).await {
        Ok(report) | Err(report) => report,
    };
    let conclusions = report.verifications.iter().map(|of| of.conclusion);
    Told {
        codes: list_codes(&report),
        conclusions: conclusions.collect(),
        calls: subtract(world.count_calls(), &calls),
        changes: subtract(world.count_changes(), &changes),
    }
}

fn subtract(
    mut counts: BTreeMap<String, usize>,
    earlier: &BTreeMap<String, usize>,
) -> BTreeMap<String, usize> {
    for (action, count) in earlier {
        counts
            .entry(action.clone())
            .and_modify(|total| *total -= count);
    }
    counts
}

/// Runs that read every list, by name.
async fn run_all(short_pages: bool) -> BTreeMap<&'static str, Told> {
    let world = build_world(short_pages).await;
    let roles = || with_target_role().launch_roles(["launcher".to_owned()]);
    let services = || roles().service_linked_roles([AUTO_SCALING.to_owned()]);
    let policy = format!("arn:aws:iam::{B}:policy/launch").parse().unwrap();
    let runs = [
        ("share", services().verify(Verify::Launch)),
        ("again", services()),
        ("attach", roles().launch_policy(policy)),
        ("revoke", with_target_role()),
    ];
    let mut told = BTreeMap::new();
    for (name, options) in runs {
        let request = world.build_request(&["image-1"]).target_options(options);
        let request = request.copy_name("{name}-{account-alias}");
        let mut request = request.key_access(KeyAccessMode::Grants);
        if name == "revoke" {
            // Now B has a volume.
            world.launch_as_b(&world.image_id("image-1")).await;
            request = into_revoke(request);
        }
        told.insert(name, tell(&world, request).await);
    }
    told
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_to_their_end() {
    let (whole, short) = (run_all(false).await, run_all(true).await);
    for (name, told) in &whole {
        let of_short = &short[name];
        assert_eq!(told.codes, of_short.codes, "{name}");
        assert_eq!(told.conclusions, of_short.conclusions, "{name}");
        assert_eq!(told.changes, of_short.changes, "{name}");
    }
    for (list, run) in LISTS {
        let (lists, pages) = (whole[run].calls[list], short[run].calls[list]);
        assert!(pages > lists, "{list}: {pages} pages of {lists} lists");
    }
}

/// The first page of the roles is empty and says that more follow.
#[tokio::test(start_paused = true)]
async fn service_role_on_second_page_is_found() {
    let world = build_world(true).await;
    let options = with_target_role().service_linked_roles([AUTO_SCALING.to_owned()]);
    let request = world.build_request(&["image-1"]).target_options(options);
    let report = world.share(request).await;
    assert_eq!(report.errors, []);
    assert_eq!(
        world.count_calls()["iam:CreateServiceLinkedRole"],
        1,
        "by the test itself"
    );
    let image_id = world.image_id("image-1");
    let launched = world.launch_as_service(B, AUTO_SCALING, &image_id).await;
    assert_eq!(launched, "running");
}
