//! Plan, share, plan, revoke, of random requests in random worlds: the plan says what is done, a
//! second run does nothing, and what was shared and taken back is as it was.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::plan::Step;
use ami_share::request::{KeyAccessMode, KeyScope, Revoke, ShareRequestBuilder, ShareSnapshots};
use ami_share::{Plan, Principal, Region, Report, ShareRequest};
use ami_share_sim::world::{Grant, Grantee};
use ami_share_sim::{Scenario, Size};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::support::*;

const ACCOUNT: &str = "300000000000";
const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";
const UNIT: &str = "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111";
/// Somebody with access of their own, in no request.
const STRANGER: &str = "300000000002";

/// A world and a request in it.
#[derive(Clone, Debug)]
struct Case {
    /// The keys of each image's volumes, by number.
    images: Vec<Vec<usize>>,
    /// Which of the foreign statements and grants the keys have.
    statements: Vec<bool>,
    grants: Vec<bool>,
    /// Whether a stranger can launch each image, and copy it.
    stranger: bool,
    /// How many of the images are asked for.
    asked: usize,
    targets: BTreeSet<&'static str>,
    mode: KeyAccessMode,
    scope: KeyScope,
    snapshots: ShareSnapshots,
    /// Re-encrypted under the second key, and copied to another Region.
    copies: bool,
    regions: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let images = prop::collection::vec(prop::collection::vec(1..=2_usize, 1..=2), 1..=3);
    let world = (
        images,
        prop::collection::vec(any::<bool>(), 5),
        prop::collection::vec(any::<bool>(), 4),
        any::<bool>(),
    );
    let targets = prop::collection::btree_set(
        prop::sample::select(vec![B, ACCOUNT, ORGANIZATION, UNIT]),
        1..=4,
    );
    let mode = prop::sample::select(vec![KeyAccessMode::Policy, KeyAccessMode::Grants]);
    let scope = prop::sample::select(vec![KeyScope::ViaEc2, KeyScope::Direct]);
    let snapshots = prop::sample::select(vec![ShareSnapshots::Auto, ShareSnapshots::Always]);
    let request = (
        1..=3_usize,
        targets,
        mode,
        scope,
        snapshots,
        any::<bool>(),
        any::<bool>(),
    );
    (world, request).prop_map(|(world, request)| {
        let (images, statements, grants, stranger) = world;
        let (asked, mut targets, mode, scope, snapshots, copies, regions) = request;
        if mode == KeyAccessMode::Grants {
            // A grant takes no organization (R3.3.1).
            targets.retain(|target| !target.starts_with("arn:"));
            targets.extend(targets.is_empty().then_some(B));
        }
        let asked = asked.min(images.len());
        Case {
            images,
            statements,
            grants,
            stranger,
            asked,
            targets,
            mode,
            scope,
            snapshots,
            copies,
            regions,
        }
    })
}

/// Statements as other people and tools write them: in words and lists, with and without a Sid, for
/// and against, for A's own roles, for a stranger, and for a role of a target.
fn statements(which: &[bool]) -> Value {
    let all = [
        json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111111111111:role/publisher" }, "Action": "kms:Describe*", "Resource": "*" }),
        json!({ "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{STRANGER}:root") }, "Action": ["kms:Decrypt", "kms:CreateGrant"], "Resource": "*" }),
        json!({ "Sid": "Not unencrypted", "Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": "false" } } }),
        json!({ "Sid": "Launcher", "Effect": "Allow", "Principal": { "AWS": [format!("arn:aws:iam::{B}:role/launcher")] }, "Action": "kms:Encrypt", "Resource": "*" }),
        json!({ "Sid": "Whole organization", "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "kms:DescribeKey", "Resource": "*", "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-example123" } } }),
    ];
    let own = json!({ "Sid": "Own", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{A}:root") }, "Action": "kms:*", "Resource": "*" });
    let chosen = all
        .into_iter()
        .zip(which)
        .filter_map(|(statement, chosen)| chosen.then_some(statement));
    let statements: Vec<Value> = [own].into_iter().chain(chosen).collect();
    json!({ "Version": "2012-10-17", "Id": "mixed", "Statement": statements })
}

/// Grants that others made: of A for its own role, for a target by hand, without a name; and of a
/// stranger.
fn grants(which: &[bool]) -> Vec<Grant> {
    let grant = |n: usize, name: Option<&str>, issuer: &str, grantee: &str| Grant {
        id: format!("foreign-{n}"),
        name: name.map(str::to_owned),
        issuing_account: issuer.to_owned(),
        grantee: Grantee {
            arn: grantee.to_owned(),
            unique_id: None,
        },
        operations: vec!["Decrypt".to_owned()],
        ..Grant::default()
    };
    let all = [
        grant(
            0,
            Some("backups"),
            A,
            "arn:aws:iam::111111111111:role/publisher",
        ),
        grant(1, Some("by-hand"), A, &format!("arn:aws:iam::{B}:root")),
        grant(2, None, A, &format!("arn:aws:iam::{ACCOUNT}:root")),
        grant(
            3,
            Some("handed-on"),
            STRANGER,
            &format!("arn:aws:iam::{STRANGER}:role/launcher"),
        ),
    ];
    all.into_iter()
        .zip(which)
        .filter_map(|(grant, chosen)| chosen.then_some(grant))
        .collect()
}

impl Case {
    fn world(&self) -> World {
        let size = Size {
            accounts: 5,
            regions: 2,
            images: self.images.len().max(2),
            snapshots: 1,
        };
        let mut scenario = Scenario::generate(size).unwrap();
        for (image, keys) in scenario.images.iter_mut().zip(&self.images) {
            image.volumes = keys.iter().map(|key| Some(format!("key-{key}"))).collect();
            if self.stranger {
                image.shared_with = vec![STRANGER.to_owned()];
                image.snapshots_shared_with = vec![STRANGER.to_owned()];
            }
        }
        scenario.images.truncate(self.images.len());
        for key in scenario.keys.iter_mut().filter(|key| key.account == A) {
            key.policy = Some(statements(&self.statements));
        }
        let world = World::of(scenario);
        let keys = [world.key("key-1"), world.key("key-2")];
        world.sim.edit(|state| {
            for key in &keys {
                state.keys.get_mut(key).unwrap().grants = grants(&self.grants);
            }
        });
        world
    }

    fn to(&self, world: &World, images: impl IntoIterator<Item = usize>) -> ShareRequestBuilder {
        let mut request = ShareRequest::builder()
            .region("us-east-1".parse().unwrap())
            .images(
                images
                    .into_iter()
                    .map(|n| world.image(&format!("image-{n}")).parse().unwrap()),
            )
            .targets(
                self.targets
                    .iter()
                    .map(|text| text.parse::<Principal>().unwrap()),
            )
            .key_access(self.mode)
            .key_scope(self.scope)
            .share_snapshots(self.snapshots);
        if self.copies || self.regions {
            request = request.kms_key_in(
                "us-east-1".parse().unwrap(),
                world.key("key-2").parse().unwrap(),
            );
        }
        if self.regions {
            let there: Region = "eu-west-1".parse().unwrap();
            let key = world.key("key-eu-west-1").parse().unwrap();
            request = request
                .copy_to_regions([there.clone()])
                .kms_key_in(there, key);
        }
        request
    }

    fn request(&self, world: &World) -> ShareRequestBuilder {
        self.to(world, 1..=self.asked)
    }
}

/// How many snapshots an image has.
fn volumes(world: &World, image: &str) -> usize {
    world.sim.edit(|state| {
        state.images[image]
            .mappings
            .iter()
            .filter(|mapping| mapping.snapshot.is_some())
            .count()
    })
}

/// How often each changing call is made where a plan is carried out.
fn foretold(world: &World, plan: &Plan) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for step in &plan.steps {
        let (action, count) = match step {
            Step::Copy(copy) => ("ec2:CopyImage", usize::from(copy.adopt.is_none())),
            Step::KeyAccess(access) => {
                ("kms:PutKeyPolicy", usize::from(!access.missing.is_empty()))
            }
            Step::Grants(grants) => ("kms:CreateGrant", grants.missing.len()),
            Step::SnapshotPermission(share) => {
                let snapshots = match share.shared.image {
                    Some(_) => share.missing.len(),
                    // A copy has as many as its source.
                    None => volumes(world, share.shared.source.ami.as_ref()),
                };
                (
                    "ec2:ModifySnapshotAttribute",
                    if share.accounts.is_empty() {
                        0
                    } else {
                        snapshots
                    },
                )
            }
            Step::LaunchPermission(launch) => (
                "ec2:ModifyImageAttribute",
                usize::from(!launch.missing.is_empty()),
            ),
            Step::RemovePermissions(remove) => {
                let snapshots = remove
                    .snapshots
                    .values()
                    .filter(|who| !who.is_empty())
                    .count();
                *calls
                    .entry("ec2:ModifySnapshotAttribute".to_owned())
                    .or_default() += snapshots;
                (
                    "ec2:ModifyImageAttribute",
                    usize::from(!remove.principals.is_empty()),
                )
            }
            Step::RemoveKeyAccess(remove) => {
                *calls.entry("kms:RevokeGrant".to_owned()).or_default() += remove.grants.len();
                (
                    "kms:PutKeyPolicy",
                    usize::from(!remove.principals.is_empty()),
                )
            }
            other => unreachable!("nothing of the kind was asked for: {other:?}"),
        };
        *calls.entry(action.to_owned()).or_default() += count;
    }
    calls.retain(|_, count| *count > 0);
    calls
}

/// The changing calls since a moment.
fn since(world: &World, before: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let now = world.changes().into_iter();
    let new = now.map(|(action, count)| {
        (
            action.clone(),
            count - before.get(&action).copied().unwrap_or_default(),
        )
    });
    new.filter(|(_, count)| *count > 0).collect()
}

/// Whether the report names exactly those whom the plan named.
fn as_planned(plan: &Plan, report: &Report) {
    for launch in plan.launch_permissions() {
        let image = report.images.iter().find(|image| {
            image.source == launch.shared.source && image.region == launch.shared.region
        });
        assert_eq!(image.unwrap().added, launch.missing);
    }
    for key in &report.keys {
        let mut missing = BTreeSet::new();
        for step in &plan.steps {
            match step {
                Step::KeyAccess(access) if access.key == key.key => {
                    missing.extend(access.missing.iter().map(ToString::to_string));
                }
                Step::Grants(grants) if grants.key == key.key => {
                    missing.extend(grants.missing.iter().map(ToString::to_string));
                }
                _ => {}
            }
        }
        assert_eq!(key.added, missing);
    }
}

/// The policies are what the plan showed.
fn policies_as_planned(world: &World, plan: &Plan) {
    let document = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for step in &plan.steps {
        let (key, change) = match step {
            Step::KeyAccess(access) => (&access.key, &access.policy),
            Step::RemoveKeyAccess(remove) => (&remove.key, &remove.policy),
            _ => continue,
        };
        if let Some(change) = change {
            let now = world
                .sim
                .edit(|state| state.keys[&key.to_string()].policy().to_owned());
            assert_eq!(document(&now), document(&change.after));
        }
    }
}

/// Carries a request out, and holds it to its plan.
async fn done(world: &World, request: impl Fn() -> ShareRequestBuilder) -> Report {
    let (before, access) = (world.changes(), world.access());
    let plan = world.plan(request()).await;
    assert_eq!(world.changes(), before, "a plan changes nothing");
    assert_eq!(world.access(), access, "a plan changes nothing");
    assert!(plan.refusals().next().is_none(), "{:?}", plan.findings);
    let report = world.share(request()).await;
    assert_eq!(
        since(world, &before),
        foretold(world, &plan),
        "the plan lists exactly what is done"
    );
    assert_eq!(report.changed, plan.changes());
    as_planned(&plan, &report);
    policies_as_planned(world, &plan);
    let before = world.changes();
    let again = world.plan(request()).await;
    assert!(
        !again.changes(),
        "the second plan is empty: {:?}",
        again.steps
    );
    assert!(!world.share(request()).await.changed);
    assert_eq!(
        world.changes(),
        before,
        "the second run makes no changing call (P2)"
    );
    report
}

/// What was there before, as it is now; and that nobody has anything of the copies that came since.
fn of_before(world: &World, before: &Value) -> Value {
    let mut now = world.access();
    for kind in ["images", "snapshots"] {
        now[kind].as_object_mut().unwrap().retain(|id, shared| {
            let old = before[kind].get(id).is_some();
            assert!(
                old || shared == &json!([[]]) || shared == &json!([{}]),
                "{id} is shared: {shared}"
            );
            old
        });
    }
    now
}

fn run(future: impl Future<Output = ()>) {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn what_is_shared_and_taken_back_is_as_it_was(case in cases()) {
        run(async {
            let world = case.world();
            let before = world.access();
            let report = done(&world, || case.request(&world)).await;
            assert!(report.images.iter().all(|image| image.principals.len() == case.targets.len()));
            assert_ne!(world.access(), before);
            done(&world, || case.request(&world).revoke(Revoke::default())).await;
            assert_eq!(of_before(&world, &before), before);
        });
    }

    #[test]
    fn with_two_images_on_a_key_access_lasts_until_the_second_is_taken_back(case in cases()) {
        run(async {
            let case = Case { images: vec![vec![1], vec![1, 1]], copies: false, regions: false, stranger: false, ..case };
            let world = case.world();
            let before = world.access();
            world.share(case.to(&world, [1, 2])).await;
            let both = world.access();
            let report = done(&world, || case.to(&world, [1]).revoke(Revoke::default())).await;
            let second = world.access();
            let kept = codes(&report).contains(&"key.still-used");
            assert_eq!(kept, case.mode == KeyAccessMode::Policy, "grants are for one image each");
            assert_eq!(second["policies"], both["policies"]);
            let (one, other) = (world.image("image-1"), world.image("image-2"));
            assert_eq!(second["images"][&one], before["images"][&one]);
            assert_eq!(second["images"][&other], both["images"][&other]);
            let of_image = |access: &Value, image: &str| access["grants"].as_array().unwrap().iter().filter(|name| name.to_string().contains(image)).count();
            assert_eq!((of_image(&second, &one), of_image(&second, &other)), (0, of_image(&both, &other)));
            if case.targets.contains(B) {
                assert_eq!(world.launch(&other).await, "running");
                // The instance is terminated, and the grants that it has are gone with it.
                world.sim.edit(|state| state.keys.values_mut().for_each(|key| key.grants.retain(|grant| grant.instance.is_none())));
            }
            done(&world, || case.to(&world, [2]).revoke(Revoke::default())).await;
            assert_eq!(of_before(&world, &before), before);
        });
    }
}
