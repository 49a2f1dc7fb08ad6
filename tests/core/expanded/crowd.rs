//! An organization of 1,200 accounts: what it takes to share with all of them by grants, and to
//! have 50 of them copy.

use std::collections::BTreeMap;

use super::*;

const ACCOUNTS: usize = 1_200;
const COPYING: usize = 50;
/// Entries on a page of Organizations, and grants on a page of KMS.
const PAGE: usize = 20;
const GRANT_PAGE: usize = 100;

/// A and 1,200 other accounts, of which 50 are in the unit and the others in its sibling.
fn build_world() -> World {
    let world = World::generate(ACCOUNTS + 1, 1, 1, 1);
    world.alias_own_keys();
    world.sim.edit(|world| {
        let organization = world.organization.as_mut().unwrap();
        let outside = organization.accounts[SIBLING].clone();
        let inside = organization.accounts[B].clone();
        let others = organization.accounts.iter_mut();
        let others = others.filter(|(account, _)| *account != A);
        for (index, (_, unit)) in others.enumerate() {
            let place = if index < COPYING { &inside } else { &outside };
            unit.clone_from(place);
        }
    });
    world
}

/// The calls since a position.
fn count_calls_from(world: &World, from: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for action in world.list_actions(from) {
        *counts.entry(action).or_default() += 1;
    }
    counts
}

fn check(calls: &BTreeMap<String, usize>, expected: &[(&str, usize)]) {
    let expected = expected.iter().filter(|(_, count)| *count > 0);
    let expected = expected.map(|(action, count)| ((*action).to_owned(), *count));
    assert_eq!(*calls, expected.collect());
}

#[tokio::test(start_paused = true)]
async fn organization_of_1200_accounts_is_shared_by_grants_and_copied_to_50() {
    let world = build_world();
    let report = world.share(build_request(&world, ORGANIZATION)).await;
    assert_eq!(report.plan.organizations[0].accounts.len(), ACCOUNTS);
    assert_eq!(list_granted(&world).len(), ACCOUNTS);
    let calls = world.count_calls();
    println!("shared: {calls:?}");
    check(
        &calls,
        &[
            ("sts:GetCallerIdentity", 1),
            // The organization, and a page for each 20 of its accounts and A itself.
            ("organizations:DescribeOrganization", 1),
            ("organizations:ListAccounts", (ACCOUNTS + 1).div_ceil(PAGE)),
            // The image, its snapshot, its key with its policy; again before the change.
            ("ec2:DescribeImages", 1),
            ("ec2:DescribeSnapshots", 1),
            ("kms:DescribeKey", 2),
            ("kms:GetKeyPolicy", 1),
            ("ec2:DescribeImageAttribute", 2),
            // None to begin with; in the end a page for each hundred.
            ("kms:ListGrants", 1 + ACCOUNTS / GRANT_PAGE),
            // A grant for each account, and one launch permission for all of them.
            ("kms:CreateGrant", ACCOUNTS),
            ("ec2:ModifyImageAttribute", 1),
        ],
    );

    let from = world.list_actions(0).len();
    let options = with_target_role().kms_key("alias/own".parse().unwrap());
    let request = || build_request(&world, UNIT).target_options(options.clone());
    let report = world.share(request()).await;
    assert_eq!(report.targets.len(), COPYING);
    assert!(
        report
            .targets
            .iter()
            .all(|target| target.copies[0].available)
    );
    let calls = count_calls_from(&world, from);
    println!("copied: {calls:?}");
    assert_eq!(calls["ec2:CopyImage"], COPYING);
    assert_eq!(calls.get("kms:CreateGrant"), None, "they have their grants");
    assert_eq!(calls["ec2:ModifySnapshotAttribute"], 1);
    assert_eq!(calls["ec2:ModifyImageAttribute"], 1, "for the unit");
    assert_eq!(calls["sts:AssumeRole"], COPYING);
    // The unit, and the units below it, which have nothing.
    assert_eq!(calls["organizations:ListAccountsForParent"], 5);
    let total: usize = calls.values().sum();
    assert!(total < 30 * COPYING, "{total} calls");

    let from = world.list_actions(0).len();
    assert!(!world.share(request()).await.changed);
    let again = count_calls_from(&world, from);
    assert!(again.values().sum::<usize>() < total);
}
