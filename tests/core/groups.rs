//! Groups of targets with settings of their own in one run: what they must agree on, and that their
//! order means nothing.

mod order;
mod remains;

use std::collections::BTreeSet;
use std::time::Duration;

use ami_share::request::{
    DeprecateAt, KeyAccessMode, ShareRequestBuilder, ShareSnapshots, TagsToShare, contradictions,
};
use ami_share::{KeyRef, Plan, RequestGroup, Sharer};

use super::support::*;

const C: &str = "300000000000";

/// Groups of these requests, each of which knows the targets of the others.
pub(crate) fn into_groups(requests: Vec<(&str, ShareRequestBuilder)>) -> Vec<RequestGroup> {
    let build = |request: &ShareRequestBuilder| request.clone().build().unwrap();
    let mut groups = Vec::new();
    for (name, request) in &requests {
        let own = build(request);
        let all = requests.iter().map(|(_, other)| build(other));
        let all: Vec<_> = all.flat_map(|other| other.targets().clone()).collect();
        let others = all.into_iter().filter(|it| !own.targets().contains(it));
        groups.push(RequestGroup {
            name: (*name).to_owned(),
            request: request.clone().listed_elsewhere(others).build().unwrap(),
        });
    }
    groups
}

pub(crate) async fn plan(world: &World, groups: &[RequestGroup]) -> Plan {
    let sharer = Sharer::new(&world.config(A));
    let plan = sharer.plan_groups(groups, None).await.unwrap();
    let steps = plan.steps.iter().map(|step| format!("{step:?}"));
    let distinct: BTreeSet<String> = steps.collect();
    assert_eq!(distinct.len(), plan.steps.len(), "{:?}", plan.steps);
    plan
}

type Adapt = fn(ShareRequestBuilder) -> ShareRequestBuilder;

/// Settings that only one of two groups has, each with what both must share to be refused: `image`,
/// `copy`, or `target` if a target is in both.
const TABLE: &[(&str, &str, Adapt)] = &[
    ("share-tags", "image", |it| it.share_tags(TagsToShare::All)),
    ("watermark", "image", |it| it.watermark("approved")),
    ("deprecate-at", "image", |it| {
        it.deprecate_at(DeprecateAt::AfterCreation(Duration::from_hours(24 * 60)))
    }),
    ("deregistration-protection", "image", |it| {
        it.deregistration_protection(true)
    }),
    ("drop-stale-principals", "image", |it| {
        it.drop_stale_principals(true)
    }),
    ("tags", "copy", |it| it.tag("x", "one")),
    ("copy-image-tags", "copy", |it| it.copy_image_tags(false)),
    ("copy-description", "copy", |it| it.copy_description("one")),
    ("copy-completion", "copy", |it| {
        it.copy_completion(Duration::from_mins(15))
    }),
    ("share-snapshots", "target", |it| {
        it.share_snapshots(ShareSnapshots::Always)
    }),
    ("key-access", "target", |it| {
        it.key_access(KeyAccessMode::Grants)
    }),
];

/// The action sees most of this in the file. That two names mean one key, only a plan shows.
#[tokio::test(start_paused = true)]
async fn groups_that_contradict_each_other_refuse_the_run() {
    for (input, about, adapt) in TABLE {
        for (has_copies, targets) in [(false, [B, C]), (true, [B, C]), (true, [B, B])] {
            let world = World::generate(4, 1, 2, 1);
            let key = world.key_arn("key-2");
            let id = key.rsplit('/').next().unwrap();
            let names: [KeyRef; 2] = [key.parse().unwrap(), id.parse().unwrap()];
            let request = |number: usize| {
                let request = world.build_request_for(&["image-1"], &[targets[number]]);
                if has_copies {
                    request.kms_key(names[number].clone())
                } else {
                    request
                }
            };
            let is_refused = match *about {
                "image" => true,
                "copy" => has_copies,
                _ => targets[0] == targets[1],
            };
            for differing in [0, 1] {
                let mut requests = [request(0), request(1)];
                requests[differing] = adapt(requests[differing].clone());
                let [one, two] = requests;
                let groups = into_groups(vec![("one", one), ("two", two)]);
                let plan = plan(&world, &groups).await;
                let what = format!("{input} {has_copies} {targets:?}: {:?}", plan.findings);
                let refusals: Vec<_> = plan.refusals().collect();
                assert_eq!(!refusals.is_empty(), is_refused, "{what}");
                if is_refused {
                    assert_eq!(refusals[0].code.as_str(), "groups.contradict", "{what}");
                    let why = match (*about, *input) {
                        ("target", _) => "is in group `one` too",
                        (_, "drop-stale-principals") => "writes the policy of the same key",
                        _ => "shares the same image",
                    };
                    assert!(refusals[0].message.contains(why), "{what}");
                    assert!(
                        refusals[0].message.contains(&format!("`{input}`")),
                        "{what}"
                    );
                    let applied = Sharer::new(&world.config(A)).apply(&plan).await;
                    let report = applied.unwrap_err().report;
                    assert_eq!(report.errors[0].code.as_str(), "plan.refused");
                    assert!(world.count_changes().is_empty(), "{what}");
                }
            }
        }
    }
}

/// Of thirty groups there are 435 pairs, and one thing to mend.
#[tokio::test(start_paused = true)]
async fn contradiction_of_many_groups_is_one_finding() {
    let world = World::generate(4, 1, 2, 1);
    let names: Vec<String> = (0..30).map(|number| format!("g{number}")).collect();
    for (has_target, input) in [(true, "tags"), (false, "deprecate-at")] {
        let request = |number: u64| {
            let target = format!("{}", 300_000_000_000 + number);
            let target = if has_target { B } else { target.as_str() };
            let request = world.build_request_for(&["image-1"], &[target]);
            if has_target {
                let key = world.key_arn("key-2").parse().unwrap();
                request.kms_key(key).tag("x", number.to_string())
            } else {
                let days = Duration::from_hours(24 * (60 + number));
                request.deprecate_at(DeprecateAt::AfterCreation(days))
            }
        };
        let groups = (0..)
            .zip(&names)
            .map(|(number, name)| (name.as_str(), request(number)));
        let groups = into_groups(groups.collect());
        let plan = plan(&world, &groups).await;
        let refusals: Vec<_> = plan.refusals().collect();
        assert_eq!(refusals.len(), 1, "{input}: {refusals:?}");
        for words in [&format!("`{input}`"), "`g0`", "28 more groups"] {
            assert!(refusals[0].message.contains(words), "{refusals:?}");
        }
        assert_eq!(refusals[0].resource, "g1");
        let requests: Vec<_> = groups.iter().map(|group| &group.request).collect();
        assert!(contradictions(&requests).len() < 30, "{input}");
    }
}

/// An image that is under the key already is not copied, one without a key has no policy, and who
/// only asks about usage writes nothing.
#[tokio::test(start_paused = true)]
async fn groups_may_differ_in_what_does_not_happen() {
    for (input, about, adapt) in TABLE {
        let cases: [(bool, Adapt); 3] = [
            (*about == "copy", |it| it),
            (*input == "drop-stale-principals", |it| it),
            (true, ShareRequestBuilder::usage_only),
        ];
        for (number, (is_case, mode)) in cases.into_iter().enumerate() {
            let world = World::generate(4, 1, 2, 1);
            if number == 1 {
                world.sim.edit(|state| {
                    for snapshot in state.snapshots.values_mut() {
                        snapshot.key = None;
                    }
                });
            }
            let request = |account: &str| {
                let request = world.build_request_for(&["image-1"], &[account]);
                mode(match number {
                    0 => request.kms_key(world.key_arn("key-1").parse().unwrap()),
                    _ => request,
                })
            };
            let groups = into_groups(vec![("one", adapt(request(B))), ("two", request(C))]);
            let requests: Vec<_> = groups.iter().map(|group| &group.request).collect();
            let what = format!("{input} {number}");
            assert!(!is_case || contradictions(&requests).is_empty(), "{what}");
            let plan = plan(&world, &groups).await;
            let refusals: Vec<_> = plan.refusals().collect();
            assert!(!is_case || refusals.is_empty(), "{what}: {refusals:?}");
        }
    }
}

/// Each is its own thing: other keys, other names.
#[tokio::test(start_paused = true)]
async fn groups_with_copies_of_their_own_may_differ() {
    for (input, _, adapt) in TABLE
        .iter()
        .filter(|(input, ..)| *input != "drop-stale-principals")
    {
        let world = World::generate(4, 1, 3, 1);
        let request = |account: &str, key: &str, name: &str| {
            let request = world.build_request_for(&["image-1"], &[account]);
            let key = world.key_arn(key).parse().unwrap();
            request.kms_key(key).copy_name(name)
        };
        for (key, name) in [("key-2", "{name}-two"), ("key-3", "{name}-one")] {
            let one = adapt(request(B, "key-2", "{name}-one"));
            let groups = into_groups(vec![("one", one), ("two", request(C, key, name))]);
            let plan = plan(&world, &groups).await;
            let refusals: Vec<_> = plan.refusals().collect();
            assert!(refusals.is_empty(), "{input}: {refusals:?}");
        }
    }
}
