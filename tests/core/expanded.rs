//! Organizations as accounts: what only accounts can have, each active one of them gets, and
//! nothing is done for an organization that is not known as a whole.

mod crowd;
mod incomplete;
mod left_out;

use std::collections::BTreeSet;

use ami_share::request::{
    ExpandOrganizations, KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots, Unlisted,
};
use ami_share::{AccountId, Principal, RequestGroup, Sharer};

use super::support::*;

const DEEPER: [&str; 2] = ["300000000000", "300000000001"];
const SIBLING: &str = "300000000002";

/// A change of the world.
type Change = fn(&World);

fn accounts<'a>(ids: impl IntoIterator<Item = &'a str>) -> BTreeSet<AccountId> {
    ids.into_iter().map(|id| id.parse().unwrap()).collect()
}

fn build_request(world: &World, target: &str) -> ShareRequestBuilder {
    build_request_without(world, target, &[])
}

fn build_request_without(world: &World, target: &str, excluded: &[&str]) -> ShareRequestBuilder {
    let expand = ExpandOrganizations {
        role: None,
        exclude: accounts(excluded.iter().copied()),
    };
    let request = world.build_request_for(&["image-1"], &[target]);
    let request = request.key_access(KeyAccessMode::Grants);
    request.expand_organizations(expand)
}

fn set_state(world: &World, account: &str, state: &str) {
    world.sim.edit(|world| {
        let states = &mut world.organization.as_mut().unwrap().account_states;
        states.insert(account.to_owned(), state.to_owned());
    });
}

/// The accounts with a grant on the key of the image.
fn list_granted(world: &World) -> BTreeSet<AccountId> {
    let key = world.key_arn("key-1");
    world.edit_key(&key, |key| {
        let grantees = key.grants.iter().map(|grant| &grant.grantee.arn);
        let ids = grantees.map(|arn| arn.split(':').nth(4).unwrap().parse().unwrap());
        ids.collect()
    })
}

fn list_launchers(world: &World) -> BTreeSet<String> {
    let image = world.image_id("image-1");
    let access = world.list_access_of(A);
    let launchers = access["images"][&image].as_array().unwrap();
    launchers.iter().map(|it| it.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn organization_keeps_one_permission_and_its_accounts_get_grants() {
    for (target, members) in [
        (ORGANIZATION, accounts([B, DEEPER[0], DEEPER[1], SIBLING])),
        (UNIT, accounts([B, DEEPER[0], DEEPER[1]])),
    ] {
        let world = World::generate(5, 1, 1, 1);
        let report = world.share(build_request(&world, target)).await;
        assert_eq!(report.images[0].principals.len(), 1, "{target}");
        assert_eq!(list_granted(&world), members, "{target}");
        let listed = &report.plan.organizations[0];
        assert_eq!(listed.organization, target.parse::<Principal>().unwrap());
        assert_eq!(listed.accounts, members);
        assert!(listed.left_out.is_empty() && !listed.by_account);
        for account in &members {
            let image = world.image_id("image-1");
            let launched = world.launch_in(account.as_ref(), "us-east-1", &image).await;
            assert_eq!(launched, "running", "{account}");
        }
        assert!(!world.share(build_request(&world, target)).await.changed);
    }
}

#[tokio::test(start_paused = true)]
async fn account_listed_beside_its_organization_gets_a_grant_too() {
    let world = World::generate(5, 1, 1, 1);
    let request = || build_request(&world, UNIT).target_account(B.parse().unwrap());
    world.share(request()).await;
    let members = accounts([B, DEEPER[0], DEEPER[1]]);
    assert_eq!(list_granted(&world), members);
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn accounts_that_are_not_active_are_left_out() {
    for state in [
        "SUSPENDED",
        "PENDING_CLOSURE",
        "CLOSED",
        "PENDING_ACTIVATION",
    ] {
        let world = World::generate(5, 1, 1, 1);
        set_state(&world, DEEPER[0], state);
        let report = world.share(build_request(&world, UNIT)).await;
        assert_eq!(list_granted(&world), accounts([B, DEEPER[1]]), "{state}");
        let listed = &report.plan.organizations[0];
        assert_eq!(listed.left_out, accounts([DEEPER[0]]), "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn excluded_account_gets_nothing_by_its_organization_either() {
    let world = World::generate(5, 1, 1, 1);
    let request = || build_request_without(&world, UNIT, &[DEEPER[0]]);
    let report = world.share(request()).await;
    assert!(report.plan.organizations[0].by_account);
    assert_eq!(list_granted(&world), accounts([B, DEEPER[1]]));
    let image = world.image_id("image-1");
    for (account, expected) in [
        (B, "running"),
        (DEEPER[0], "AuthFailure"),
        (DEEPER[1], "running"),
        (SIBLING, "AuthFailure"),
    ] {
        let launched = world.launch_in(account, "us-east-1", &image).await;
        assert_eq!(launched, expected, "{account}");
    }
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn accounts_get_snapshots_copies_and_parameters() {
    let world = World::generate(5, 1, 1, 1);
    world.alias_own_keys();
    for account in [B, DEEPER[0], DEEPER[1]] {
        let actions = ["ec2:*", "kms:*", "ssm:*"];
        world.allow_actions(account, "consumer", &actions).await;
    }
    let options = with_target_role().kms_key("alias/own".parse().unwrap());
    let request = || {
        let request = build_request(&world, UNIT).key_access(KeyAccessMode::Policy);
        let request = request.publish_ssm_parameter("/golden/{account}");
        request.target_options(options.clone())
    };
    let report = world.share(request()).await;
    let owners: BTreeSet<AccountId> = report.targets.iter().map(|of| of.account.clone()).collect();
    assert_eq!(owners, accounts([B, DEEPER[0], DEEPER[1]]));
    assert!(
        report
            .targets
            .iter()
            .all(|target| target.copies[0].available)
    );
    assert_eq!(
        report.parameters.len(),
        4,
        "its own, and one in each account"
    );
    let policy = world.read_key_policy("key-1");
    assert!(!policy.contains(B), "the unit has a statement: {policy}");
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn temporary_access_is_given_and_reclaimed_account_by_account() {
    let world = World::generate(5, 1, 1, 1);
    world.alias_own_keys();
    let options = with_target_role().kms_key("alias/own".parse().unwrap());
    let options = options.unshare_after_copy(true);
    let request = || {
        let request = build_request(&world, UNIT).key_access(KeyAccessMode::Policy);
        request.target_options(options.clone())
    };
    let before = list_launchers(&world);
    let report = world.share(request()).await;
    assert_eq!(report.targets.len(), 3);
    assert_eq!(list_launchers(&world), before);
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn revoke_takes_what_organization_and_accounts_have() {
    let world = World::generate(5, 1, 1, 1);
    let before = world.list_access();
    let request = || build_request(&world, UNIT).share_snapshots(ShareSnapshots::Always);
    world.share(request()).await;
    world.share(build_request_without(&world, UNIT, &[B])).await;
    world.share(request().revoke(Revoke::default())).await;
    assert_eq!(world.list_access(), before);
}

#[tokio::test(start_paused = true)]
async fn account_that_left_is_unlisted() {
    let world = World::generate(5, 1, 1, 1);
    let request = || build_request(&world, UNIT).unlisted(Unlisted::Revoke);
    world.share(request()).await;
    world.sim.edit(|world| {
        let organization = world.organization.as_mut().unwrap();
        organization.accounts.remove(DEEPER[1]).unwrap();
    });
    world.share(request()).await;
    assert_eq!(list_granted(&world), accounts([B, DEEPER[0]]));
}

/// A plan is for the accounts that it was approved with.
#[tokio::test(start_paused = true)]
async fn plan_is_another_once_an_account_joins_or_leaves() {
    let changes: [(&str, Change); 4] = [
        ("nothing", |_| ()),
        ("leaves", |world| set_state(world, B, "SUSPENDED")),
        ("moves out", |world| {
            world.sim.edit(|world| {
                let organization = world.organization.as_mut().unwrap();
                let root = organization.root.clone();
                organization.accounts.insert(B.to_owned(), root);
            });
        }),
        ("joins", |world| {
            world.sim.edit(|world| {
                let organization = world.organization.as_mut().unwrap();
                let unit = organization.accounts[B].clone();
                organization.accounts.insert(SIBLING.to_owned(), unit);
            });
        }),
    ];
    // With policies no step names the accounts.
    for mode in [KeyAccessMode::Grants, KeyAccessMode::Policy] {
        for (change, apply) in changes {
            let world = World::generate(5, 1, 1, 1);
            let request = || build_request(&world, UNIT).key_access(mode);
            let digest = world.plan(request()).await.digest();
            apply(&world);
            let plan = world.plan(request().expect_plan(digest)).await;
            let refusal = plan.refusals().next();
            assert_eq!(refusal.is_some(), change != "nothing", "{change}, {mode:?}");
            if let Some(refusal) = refusal.filter(|_| mode == KeyAccessMode::Policy) {
                let says = "the accounts of its organizations are others";
                assert!(refusal.message.contains(says), "{}", refusal.message);
            }
        }
    }
}

/// With `unlisted: revoke` a group would take access from the accounts of another.
#[tokio::test(start_paused = true)]
async fn groups_with_organizations_as_accounts_are_refused_by_the_library_too() {
    let world = World::generate(5, 1, 1, 1);
    let before = world.count_changes();
    let group = |name: &str, request: ShareRequestBuilder| RequestGroup {
        name: name.to_owned(),
        request: request.unlisted(Unlisted::Revoke).build().unwrap(),
    };
    let organization = group("unit", build_request(&world, UNIT));
    let accounts = world.build_request_for(&["image-1"], &[SIBLING]);
    let other = group("accounts", accounts.key_access(KeyAccessMode::Grants));
    let sharer = Sharer::new(&world.config(A));
    let alone = [organization.clone()];
    let plan = sharer.plan_groups(&alone, None).await.unwrap();
    assert!(plan.refusals().next().is_none());
    let groups = [organization, other];
    for plan in [
        sharer.plan_groups(&groups, None).await.unwrap(),
        sharer.preview_groups(&groups, None).await.unwrap(),
    ] {
        let codes = plan.refusals().map(|finding| finding.code.as_str());
        assert_eq!(codes.collect::<Vec<_>>(), ["organization.in-groups"]);
        let incomplete = sharer.apply(&plan).await.unwrap_err();
        assert_eq!(incomplete.report.errors[0].code.as_str(), "plan.refused");
    }
    assert_eq!(world.count_changes(), before);
}

#[tokio::test(start_paused = true)]
async fn role_of_delegated_administrator_lists_accounts() {
    let world = World::generate(5, 1, 1, 1);
    let manager = "300000000002";
    world.sim.edit(|world| {
        let organization = world.organization.as_mut().unwrap();
        manager.clone_into(&mut organization.management);
        organization
            .delegated_administrators
            .insert(SIBLING.to_owned());
    });
    let unit = UNIT.replace(A, manager);
    let request = |role: Option<&str>| {
        let expand = ExpandOrganizations {
            role: role.map(|role| role.parse().unwrap()),
            ..ExpandOrganizations::default()
        };
        build_request(&world, &unit).expand_organizations(expand)
    };
    let sharer = Sharer::new(&world.config(A));
    let refused = sharer.plan(&request(None).build().unwrap()).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("organizations-role"), "{refused}");

    let role = format!("arn:aws:iam::{SIBLING}:role/lister");
    let missing = sharer.plan(&request(Some(&role)).build().unwrap()).await;
    let errors = missing.unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!(error.code.as_str(), "role.not-assumable");
    let remedy = &error.remedy;
    assert!(remedy.contains("`organizations-role`"), "{remedy}");
    assert!(!remedy.contains("target-"), "{remedy}");
    create_lister(&world).await;
    world.share(request(Some(&role))).await;
    assert_eq!(list_granted(&world), accounts([B, DEEPER[0], DEEPER[1]]));
}

/// A role that A may assume without an external ID.
async fn create_lister(world: &World) {
    let iam = aws_sdk_iam::Client::new(&world.config(SIBLING));
    let trust = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{A}"}},"Action":"sts:AssumeRole"}}}}"#
    );
    let call = iam.create_role().role_name("lister");
    call.assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    world
        .allow_actions(SIBLING, "lister", &["organizations:*"])
        .await;
}
