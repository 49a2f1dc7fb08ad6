//! Groups in any order are one plan with one end.

use std::time::Duration;

use ami_share::request::{
    DeprecateAt, KeyAccessMode, KeyScope, ShareRequestBuilder, TagsToShare, Unlisted,
};
use ami_share::{RequestGroup, Sharer};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::*;

const ACCOUNTS: [&str; 4] = [B, C, "300000000001", "300000000002"];
const STRANGER: &str = "300000000003";
/// In seconds since 1970: each world has a clock of its own, so that an age is another moment.
const DEPRECATED: i64 = 1_924_992_000;

/// What one group has of its own.
#[derive(Clone, Debug)]
struct Group {
    /// The number of its key; `None` if it shares the image itself.
    key: Option<usize>,
    mode: KeyAccessMode,
    scope: KeyScope,
    /// Whether it copies to another Region too.
    regions: bool,
}

/// Groups that do not contradict each other.
#[derive(Clone, Debug)]
struct Case {
    groups: Vec<Group>,
    /// The group of each account.
    members: Vec<usize>,
    unlisted: Unlisted,
    /// Whether what belongs to images and copies is set, the same in each group.
    is_released: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let group = (
        prop::option::of(2..=3_usize),
        prop::sample::select(vec![KeyAccessMode::Policy, KeyAccessMode::Grants]),
        prop::sample::select(vec![KeyScope::ViaEc2, KeyScope::Direct]),
        any::<bool>(),
    );
    let group = group.prop_map(|(key, mode, scope, regions)| Group {
        key,
        mode,
        // Grants keep no other.
        scope: if mode == KeyAccessMode::Grants {
            KeyScope::Direct
        } else {
            scope
        },
        regions: regions && key.is_some(),
    });
    let unlisted = prop::sample::select(vec![Unlisted::Keep, Unlisted::Revoke]);
    let groups = prop::collection::vec(group, 2..=ACCOUNTS.len());
    let members = prop::collection::vec(any::<prop::sample::Index>(), ACCOUNTS.len());
    (groups, members, unlisted, any::<bool>()).prop_map(
        |(groups, places, unlisted, is_released)| {
            // Each group has an account of its own; the others are anywhere.
            let mut members: Vec<usize> = (0..groups.len()).collect();
            for place in &places[groups.len()..] {
                members.push(place.index(groups.len()));
            }
            Case {
                groups,
                members,
                unlisted,
                is_released,
            }
        },
    )
}

impl Case {
    fn build_world() -> World {
        let mut scenario = generate_scenario(6, 2, 3, 1);
        scenario.images[0].shared_with = vec![STRANGER.to_owned()];
        World::from_scenario(scenario)
    }

    fn build_groups(&self, world: &World) -> Vec<RequestGroup> {
        let names = ["one", "two", "three", "four"];
        let requests = self.groups.iter().enumerate();
        into_groups(
            requests
                .map(|(number, group)| (names[number], self.build_request(world, number, group)))
                .collect(),
        )
    }

    fn build_request(&self, world: &World, number: usize, group: &Group) -> ShareRequestBuilder {
        let members = self.members.iter().zip(ACCOUNTS);
        let own = members.filter(|(member, _)| **member == number);
        let accounts: Vec<&str> = own.map(|(_, account)| account).collect();
        let mut request = world
            .build_request_for(&["image-1"], &accounts)
            .key_access(group.mode)
            .key_scope(group.scope)
            .unlisted(self.unlisted)
            .revoke_in_use(self.unlisted == Unlisted::Revoke);
        let key = |name: &str| world.key_arn(name).parse().unwrap();
        if let Some(number) = group.key {
            // AWS gives one name once, so that copies under two keys have two.
            request = request
                .copy_name(format!("{{name}}-{number}"))
                .kms_key_in("us-east-1".parse().unwrap(), key(&format!("key-{number}")));
        }
        if group.regions {
            request = request
                .copy_to_regions(["eu-west-1".parse().unwrap()])
                .kms_key_in("eu-west-1".parse().unwrap(), key("key-eu-west-1"));
        }
        if self.is_released {
            request = request
                .tag("x", "one")
                .copy_description("described")
                .copy_completion(Duration::from_mins(30))
                .share_tags(TagsToShare::All)
                .watermark("approved")
                .deregistration_protection(true)
                .deprecate_at(DeprecateAt::Time(DEPRECATED));
        }
        request
    }
}

/// The world after a run, whose IDs are made anew in each: images by their names, with all that is
/// set on them, and who may use which keys.
fn end_of(world: &World) -> Value {
    let mut images = Vec::new();
    world.sim.edit(|state| {
        for image in state.images.values() {
            let launchers: Vec<&str> = image.launch_permissions.iter().collect();
            let marks: Vec<&str> = image.watermarks.iter().map(|it| it.key.as_str()).collect();
            images.push(json!([
                image.region,
                image.name,
                image.description,
                launchers,
                image.tags,
                image.deprecation_time.is_some(),
                image.protection,
                marks,
            ]));
        }
    });
    let mut access = world.list_access();
    let mut statements = Vec::new();
    for policy in access["policies"].take().as_array_mut().unwrap() {
        let mut of_policy: Vec<String> = Vec::new();
        for statement in policy["Statement"].as_array().unwrap() {
            of_policy.push(statement.to_string());
        }
        of_policy.sort();
        statements.push(of_policy);
    }
    let copies = world.list_copies();
    let mut grants: Vec<String> = Vec::new();
    for name in access["grants"].as_array().unwrap() {
        let mut name = name.to_string();
        for id in copies.keys() {
            let copy = world.sim.edit(|state| state.images[id].name.clone());
            name = name.replace(id, &copy);
        }
        grants.push(name);
    }
    grants.sort();
    images.sort_by_key(Value::to_string);
    json!({ "images": images, "statements": statements, "grants": grants })
}

async fn check_order(case: Case) {
    let mut first = None;
    for turns in 0..case.groups.len() {
        for is_turned in [false, true] {
            let world = Case::build_world();
            let mut groups = case.build_groups(&world);
            groups.rotate_left(turns);
            if is_turned {
                groups.reverse();
            }
            let sharer = Sharer::new(&world.config(A));
            let (digest, end) = match &first {
                None => (None, None),
                Some((digest, end)) => (Some(digest), Some(end)),
            };
            let plan = sharer.plan_groups(&groups, digest).await.unwrap();
            let refusals: Vec<_> = plan.refusals().collect();
            assert!(refusals.is_empty(), "{case:?}: {refusals:?}");
            sharer.apply(&plan).await.unwrap();
            let ended = end_of(&world);
            if let Some(end) = end {
                assert_eq!(&ended, end, "{case:?} from {turns}, {is_turned}");
            } else {
                first = Some((plan.digest(), ended));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn groups_in_any_order_have_one_digest_and_one_end(case in cases()) {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build();
        runtime.unwrap().block_on(check_order(case));
    }
}
