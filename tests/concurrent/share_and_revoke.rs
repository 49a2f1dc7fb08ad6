//! A share concurrent with a revoke for the same target: if both succeed, the target has all of its
//! access in the end or none of it.

use std::collections::BTreeSet;
use std::time::Duration;

use ami_share::request::KeyAccessMode;
use proptest::prelude::*;

use super::gate::Defect;
use super::pair::{Also, BY_GRANTS, BY_POLICY, KEY_ASIDE, Pair, WITH_ORGANIZATION, build_runtime};
use super::scenarios::support::delay_call;
use super::search::Search;

/// How often a run that changes a policy is held back at most while the other one waits for it to
/// settle. With two, as a nightly search may have it, everything takes about ten times as long.
fn max_holds() -> usize {
    option_env!("AMI_SHARE_HOLDS").map_or(1, |holds| holds.parse().unwrap())
}

const PAIRS: [Pair; 14] = [
    Pair::new(BY_POLICY, false, "image-1"),
    Pair::new(BY_POLICY, true, "image-1"),
    Pair::new(BY_GRANTS, false, "image-1"),
    Pair::new(BY_GRANTS, true, "image-1"),
    Pair::new(WITH_ORGANIZATION, false, "image-1"),
    Pair::new(WITH_ORGANIZATION, true, "image-1"),
    // The other image's key is the same, so its access must last.
    Pair::new(BY_POLICY, true, "image-2"),
    Pair::new(BY_GRANTS, true, "image-2"),
    Pair::new(BY_POLICY, false, "image-2"),
    Pair::new(WITH_ORGANIZATION, true, "image-2"),
    Pair::with(Also::Snapshots, KEY_ASIDE, false),
    Pair::with(Also::Snapshots, KEY_ASIDE, true),
    Pair::of_two_targets(),
    // The copy exists, for the share to adopt and the revoke to remove.
    Pair::with(Also::Copies, BY_GRANTS, true),
];

/// Carries both out in every order that makes a difference; returns how each order ended.
fn search_orders(pair: Pair, mut search: Search) -> Vec<String> {
    let (mut paths, mut ends) = (0, Vec::new());
    loop {
        paths += 1;
        let followed = pair.follow(&mut search);
        ends.extend(followed.unwrap_or_else(|problem| panic!("{problem}")));
        if paths % 500 == 0 {
            println!("{pair:?}: {paths} paths, {}", search.describe_progress());
        }
        if !search.advance() {
            let (orders, lost) = (ends.len(), search.lost);
            println!("{pair:?}: {orders} orders, {paths} paths, {lost} of them lost");
            return ends;
        }
    }
}

/// What the search says of a share that makes a mistake, and after how many paths.
fn find_defect(pair: Pair, defect: Defect) -> (Option<String>, usize) {
    let pair = Pair {
        defect: Some(defect),
        ..pair
    };
    // To find these, no run need be held back.
    let (mut search, mut paths) = (Search::new(0), 0);
    loop {
        paths += 1;
        let followed = pair.follow(&mut search);
        if followed.is_err() || !search.advance() {
            println!("{defect:?}: {paths} paths");
            return (followed.err(), paths);
        }
    }
}

#[test]
fn search_finds_share_that_never_looks_again() {
    let (problem, _) = find_defect(Pair::of_two_targets(), Defect::NeverLooks);
    let problem = problem.unwrap();
    assert!(problem.contains("statement false"), "{problem}");
}

#[test]
fn search_finds_launch_permission_before_key() {
    let pair = Pair::new(BY_POLICY, false, "image-1");
    let (problem, paths) = find_defect(pair, Defect::PutsLate);
    let problem = problem.unwrap();
    assert!(
        problem.starts_with("launch permission before the key"),
        "{problem}"
    );
    assert_eq!(paths, 1, "it is so in every order");
}

/// Searches the orders of several pairs at once.
fn check_orders(pairs: impl Fn(&Pair) -> bool, holds: usize) {
    std::thread::scope(|scope| {
        for pair in PAIRS.into_iter().filter(pairs) {
            scope.spawn(move || {
                let ends = search_orders(pair, Search::new(holds));
                let both_succeeded = ends.iter().any(|end| end.starts_with("true true"));
                assert!(ends.len() >= 10 && both_succeeded, "{pair:?}");
            });
        }
    });
}

#[test]
fn search_that_ends_at_known_states_reaches_the_same_ends() {
    for shared_before in [false, true] {
        let pair = Pair::with(Also::Snapshots, KEY_ASIDE, shared_before);
        let short = search_orders(pair, Search::new(1));
        let long = search_orders(pair, Search::new(1).with_repeated_states());
        let (fewer, more) = (short.len(), long.len());
        let short = BTreeSet::from_iter(short);
        assert_eq!(short, BTreeSet::from_iter(long), "{pair:?}");
        assert!(
            fewer < more && short.len() > 1,
            "{pair:?}: {fewer} of {more} orders"
        );
    }
}

#[test]
fn grants_are_whole_or_gone_in_every_order() {
    let by_grants = |pair: &Pair| pair.way == BY_GRANTS && pair.also == Also::Nothing;
    check_orders(by_grants, usize::MAX);
}

#[test]
fn snapshots_are_whole_or_gone_in_every_order() {
    check_orders(|pair| pair.also == Also::Snapshots, usize::MAX);
}

#[test]
fn copies_are_whole_or_gone_in_every_order() {
    check_orders(|pair| pair.also == Also::Copies, usize::MAX);
}

#[test]
fn first_policy_share_is_whole_or_gone_in_every_order() {
    let first = |pair: &Pair| pair.way.0 == KeyAccessMode::Policy && !pair.shared_before;
    check_orders(first, max_holds());
}

#[test]
#[ignore = "takes minutes; .ci/run runs it"]
fn repeated_policy_share_is_whole_or_gone_in_every_order() {
    let repeated = |pair: &Pair| pair.way.0 == KeyAccessMode::Policy && pair.shared_before;
    check_orders(repeated, max_holds());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn access_is_whole_or_gone_in_random_orders(
        pair in prop::sample::select(PAIRS.to_vec()),
        path in prop::collection::vec(0_usize..4, 60),
    ) {
        let followed = pair.follow(&mut Search::single_path(path));
        prop_assert!(followed.is_ok(), "{}", followed.unwrap_err());
    }
}

#[test]
fn share_of_second_image_keeps_key_while_first_is_revoked() {
    // The whole share, between the revoke's plan and its put: it finds the key in order, and puts
    // nothing.
    let path = [vec![1; 5], vec![0; 60]].concat();
    let pair = Pair::new(BY_POLICY, true, "image-2");
    let end = pair.follow(&mut Search::single_path(path));
    assert!(end.unwrap().is_some());
}

/// Any share concurrent with any revoke. Snapshots cannot be shared with an organization (R2.15).
fn pairs() -> impl Strategy<Value = Pair> {
    let ways = prop::sample::select(vec![BY_POLICY, BY_GRANTS, WITH_ORGANIZATION]);
    let also = prop::sample::select(vec![Also::Nothing, Also::Snapshots, Also::Copies]);
    let pairs = (ways, also, any::<bool>(), any::<bool>());
    pairs.prop_map(|(way, mut also, shared_before, other)| {
        if way == WITH_ORGANIZATION && also == Also::Snapshots {
            also = Also::Nothing;
        }
        let shares_other = other && also != Also::Copies;
        let shares = if shares_other { "image-2" } else { "image-1" };
        Pair {
            also,
            ..Pair::new(way, shared_before, shares)
        }
    })
}

/// Calls that are slow: an operation, which call of it, and by how many tenths of a second.
fn slow_calls() -> impl Strategy<Value = Vec<(&'static str, usize, u32)>> {
    let operation = prop::sample::select(vec![
        "kms:GetKeyPolicy",
        "kms:PutKeyPolicy",
        "kms:CreateGrant",
        "kms:RevokeGrant",
        "kms:ListGrants",
        "ec2:ModifyImageAttribute",
        "ec2:DescribeImageAttribute",
        "ec2:ModifySnapshotAttribute",
        "ec2:DeregisterImage",
    ]);
    prop::collection::vec((operation, 1_usize..8, 0_u32..45), 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn access_is_whole_or_gone_with_slow_calls(
        slow_calls in slow_calls(),
        pair in pairs(),
        head_start in 0_u64..60_000,
        share_first in any::<bool>(),
    ) {
        build_runtime().block_on(async {
            let mut world = pair.build_world().await;
            for (operation, call, tenths) in &slow_calls {
                let delay = delay_call(operation, *call, f64::from(*tenths) / 10.0);
                world = world.with_fault(delay);
            }
            let late = |first: bool| Duration::from_millis(if first { 0 } else { head_start });
            let sharing = async {
                tokio::time::sleep(late(share_first)).await;
                world.try_share(pair.build_share(&world)).await
            };
            let revoking = async {
                tokio::time::sleep(late(!share_first)).await;
                world.try_share(pair.build_revoke(&world)).await
            };
            let (shared, revoked) = futures::future::join(sharing, revoking).await;
            if shared.is_ok() && revoked.is_ok() {
                let context = format!("{pair:?} {slow_calls:?} {head_start}");
                assert_eq!(pair.check(&world), Ok(()), "{context}");
            }
        });
    }
}
