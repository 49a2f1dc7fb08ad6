//! Accounts that are to be left out, and those that have left.

use ami_share::Finding;

use super::*;

/// A new account of the organization, in the unit of another.
fn join(world: &World, account: &str, unit_of: &str) {
    world.sim.edit(|world| {
        let organization = world.organization.as_mut().unwrap();
        let unit = organization.accounts[unit_of].clone();
        organization.accounts.insert(account.to_owned(), unit);
    });
}

fn leave(world: &World, account: &str) {
    world.sim.edit(|world| {
        let organization = world.organization.as_mut().unwrap();
        organization.accounts.remove(account).unwrap();
    });
}

/// An account that moves gets nothing by an organization or unit that it was not in.
#[tokio::test(start_paused = true)]
async fn with_excluded_accounts_no_organization_or_unit_is_shared_with_as_a_whole() {
    let world = World::generate(5, 1, 1, 1);
    let other_unit = world.sim.edit(|world| {
        let organization = world.organization.as_ref().unwrap();
        organization.accounts[SIBLING].clone()
    });
    assert_ne!(other_unit, "");
    let both = [UNIT.to_owned(), UNIT.replace(&own_id(UNIT), &other_unit)];
    let request = || {
        let exclude = accounts([SIBLING]);
        let expand = ExpandOrganizations {
            role: None,
            exclude,
        };
        let targets: Vec<&str> = both.iter().map(String::as_str).collect();
        let request = world.build_request_for(&["image-1"], &targets);
        request.expand_organizations(expand)
    };
    let report = world.share(request()).await;
    let listed = &report.plan.organizations;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|listed| listed.by_account), "{listed:?}");
    join(&world, SIBLING, B);
    let image = world.image_id("image-1");
    let launched = world.launch_in(SIBLING, "us-east-1", &image).await;
    assert_eq!(launched, "AuthFailure");
    assert!(!world.share(request()).await.changed);
}

/// The findings of a code.
fn find<'a>(findings: &'a [Finding], code: &str) -> Vec<&'a Finding> {
    let findings = findings.iter();
    findings
        .filter(|finding| finding.code.as_str() == code)
        .collect()
}

fn own_id(unit: &str) -> String {
    unit.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn excluded_account_of_no_list_is_refused() {
    for mode in [None, Some(Revoke::default())] {
        for (excluded, is_refused) in [
            ("999999999999", true),
            (SIBLING, true),
            (DEEPER[0], false),
            (A, false),
        ] {
            let world = World::generate(5, 1, 1, 1);
            join(&world, A, B);
            let request = build_request_without(&world, UNIT, &[excluded]);
            let request = match &mode {
                Some(revoke) => request.revoke(*revoke),
                None => request,
            };
            let plan = world.plan(request).await;
            let codes: Vec<_> = plan
                .refusals()
                .map(|finding| finding.code.as_str())
                .collect();
            let expected: &[&str] = if is_refused {
                &["organization.not-a-member"]
            } else {
                &[]
            };
            assert_eq!(codes, expected, "{excluded}, {mode:?}");
            assert!(world.count_changes().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn organization_of_another_management_account_is_another() {
    for target in [ORGANIZATION, UNIT] {
        let world = World::generate(5, 1, 1, 1);
        let target = target.replace(A, "999999999999");
        let plan = world.plan(build_request(&world, &target)).await;
        let codes: Vec<_> = plan
            .refusals()
            .map(|finding| finding.code.as_str())
            .collect();
        assert_eq!(codes, ["organization.other"], "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn share_before_accounts_were_excluded_is_told_or_ended() {
    for (unlisted, is_told, launched) in [
        (Unlisted::Keep, true, "running"),
        (Unlisted::Revoke, false, "AuthFailure"),
    ] {
        let world = World::generate(5, 1, 1, 1);
        world.share(build_request(&world, UNIT)).await;
        let request = build_request_without(&world, UNIT, &[DEEPER[0]]).unlisted(unlisted);
        let report = world.share(request).await;
        let told = find(&report.plan.findings, "organization.shared-before");
        assert_eq!(!told.is_empty(), is_told, "{unlisted:?}");
        let image = world.image_id("image-1");
        let launches = world.launch_in(DEEPER[0], "us-east-1", &image).await;
        assert_eq!(launches, launched, "{unlisted:?}");
    }
}

/// What a share gave, a revoke with the same inputs takes from accounts that AWS has suspended
/// since.
#[tokio::test(start_paused = true)]
async fn revoke_takes_from_accounts_that_are_not_active_any_more() {
    for mode in [KeyAccessMode::Grants, KeyAccessMode::Policy] {
        for excluded in [&[][..], &[DEEPER[0]]] {
            let world = World::generate(5, 1, 1, 1);
            let before = world.list_access();
            let request = || {
                let request = build_request_without(&world, UNIT, excluded).key_access(mode);
                request.share_snapshots(ShareSnapshots::Always)
            };
            world.share(request()).await;
            set_state(&world, DEEPER[1], "SUSPENDED");
            world.share(request().revoke(Revoke::default())).await;
            assert_eq!(world.list_access(), before, "{mode:?}, {excluded:?}");
        }
    }
}

/// No role can be assumed in a suspended account, which keeps nothing from being revoked.
#[tokio::test(start_paused = true)]
async fn revoke_does_not_enter_accounts_that_are_not_active() {
    let world = World::generate(5, 1, 1, 1);
    let before = world.list_access();
    for account in [B, DEEPER[0]] {
        world.allow_actions(account, "consumer", &["ec2:*"]).await;
    }
    world.share(build_request(&world, UNIT)).await;
    set_state(&world, DEEPER[1], "SUSPENDED");
    let request = build_request(&world, UNIT).target_options(with_target_role());
    world.share(request.revoke(Revoke::default())).await;
    assert_eq!(world.list_access(), before);
}

/// Whether an account that no list has got its access as a member is not known: it is named.
#[tokio::test(start_paused = true)]
async fn revoke_names_accounts_that_left_and_keep_access() {
    for (mode, excluded, ways) in [
        (
            KeyAccessMode::Grants,
            &[][..],
            &["permission for its snapshots", "grants of this tool"][..],
        ),
        (
            KeyAccessMode::Policy,
            &[DEEPER[0]],
            &["launch permission", "permission for its snapshots"],
        ),
    ] {
        let world = World::generate(5, 1, 1, 1);
        let request = || {
            let request = build_request_without(&world, UNIT, excluded).key_access(mode);
            request.share_snapshots(ShareSnapshots::Always)
        };
        world.share(request()).await;
        leave(&world, DEEPER[1]);
        let report = world.share(request().revoke(Revoke::default())).await;
        let told = find(&report.plan.findings, "revoke.not-listed");
        let [finding] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(finding.resource, world.image_id("image-1"));
        for way in ways {
            let named = format!("{way}: {}", DEEPER[1]);
            assert!(finding.message.contains(&named), "{}", finding.message);
        }
        assert!(!finding.message.contains(DEEPER[0]), "{}", finding.message);
    }
}
