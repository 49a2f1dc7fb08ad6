//! Principals that no longer exist, which KMS does not take back (R3.2.6).

use super::*;

const GONE: &str = "AROAEXAMPLEEXAMPLE01";

/// A world in which B has access, and statements of others name a principal that is gone.
async fn share_with_stale_principals() -> World {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    world.edit_statements(&world.key_arn("golden"), |statements| {
        let both = json!([GONE, "arn:aws:iam::111111111111:role/publisher"]);
        for (sid, names) in [("Partly", both), ("Wholly", json!(GONE))] {
            statements.push(json!({
                "Sid": sid,
                "Effect": "Allow",
                "Principal": { "AWS": names },
                "Action": "kms:Encrypt",
                "Resource": "*",
            }));
        }
    });
    world
}

#[tokio::test(start_paused = true)]
async fn revoke_stops_before_it_changes_anything_if_kms_would_refuse_its_policy() {
    let world = share_with_stale_principals().await;
    let before = world.list_access();
    let revoke = || into_revoke(world.build_request(&["golden"]));
    let plan = world.plan(revoke()).await;
    let [finding] = find(&plan.findings, "key.stale-principal")[..] else {
        panic!("{:?}", plan.findings);
    };
    assert_eq!(finding.severity, Severity::Refuse);
    for word in ["Partly", "Wholly", GONE] {
        assert!(finding.message.contains(word), "{}", finding.message);
    }
    assert!(finding.remedy.contains("drop-stale-principals"));
    assert_eq!(world.list_access(), before);

    let report = world.share(revoke().drop_stale_principals(true)).await;
    assert_eq!(report.errors, []);
    let policy: Value = serde_json::from_str(&world.read_golden_policy()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let sids: Vec<&Value> = statements
        .iter()
        .map(|statement| &statement["Sid"])
        .collect();
    assert_eq!(sids.last().unwrap().as_str(), Some("Partly"), "{sids:?}");
    let left = &statements.last().unwrap()["Principal"]["AWS"];
    assert_eq!(left, &json!(["arn:aws:iam::111111111111:role/publisher"]));
    assert!(!policy.to_string().contains("AmiShare"));
}

#[tokio::test(start_paused = true)]
async fn share_drops_stale_principals_only_where_it_writes() {
    let world = share_with_stale_principals().await;
    let request = |targets: &[&str]| {
        let request = world.build_request_for(&["golden"], targets);
        request.drop_stale_principals(true)
    };
    assert!(!world.share(request(&[B])).await.changed);
    assert!(world.read_golden_policy().contains(GONE));
    world.share(request(&[B, C])).await;
    assert!(!world.read_golden_policy().contains(GONE));
}

/// A deny that spares only a principal that is gone denies everybody: no run changes that.
#[tokio::test(start_paused = true)]
async fn stale_principal_that_alone_is_spared_is_not_dropped() {
    let world = World::new();
    world.edit_statements(&world.key_arn("golden"), |statements| {
        let mut statement = deny(json!({ "NotPrincipal": { "AWS": GONE } }));
        statement["Action"] = "kms:Encrypt".into();
        statements.push(statement);
    });
    let request = world.build_request(&["golden"]).drop_stale_principals(true);
    let plan = world.plan(request).await;
    let found = find(&plan.findings, "key.stale-principal");
    assert_eq!(found[0].severity, Severity::Refuse, "{found:?}");
    assert!(found[0].message.contains("by hand"), "{found:?}");
}

/// Access that an earlier run gave to B until B has copied: the end of it writes the policy.
async fn with_temporary_access() -> World {
    let world = World::generate(2, 1, 1, 1).with_fault(json!({
        "operation": "ec2:CopyImage",
        "account": B,
        "call": 1,
        "effect": { "fail-copy": { "message": "Internal error" } },
    }));
    world.try_share(copy_and_unshare(&world)).await.unwrap_err();
    assert!(world.read_key_policy("key-1").contains(B));
    add_stale_statement(&world);
    world
}

fn add_stale_statement(world: &World) {
    world.edit_statements(&world.key_arn("key-1"), |statements| {
        statements.push(json!({
            "Sid": "Wholly",
            "Effect": "Allow",
            "Principal": { "AWS": GONE },
            "Action": "kms:Encrypt",
            "Resource": "*",
        }));
    });
}

fn copy_and_unshare(world: &World) -> ShareRequestBuilder {
    let key = world.key_arn("own-222222222222").parse().unwrap();
    let options = with_target_role().kms_key(key).unshare_after_copy(true);
    world.build_request(&["image-1"]).target_options(options)
}

#[tokio::test(start_paused = true)]
async fn end_of_temporary_access_is_refused_before_anything_changes() {
    let world = with_temporary_access().await;
    let plan = world.plan(copy_and_unshare(&world)).await;
    let found = find(&plan.findings, "key.stale-principal");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].severity, Severity::Refuse);

    let report = world
        .share(copy_and_unshare(&world).drop_stale_principals(true))
        .await;
    assert_eq!(report.errors, []);
    let policy = world.read_key_policy("key-1");
    assert!(!policy.contains(B) && !policy.contains(GONE), "{policy}");
}

/// Where the end of temporary access changes no policy, the principals are only named.
#[tokio::test(start_paused = true)]
async fn policy_that_is_not_written_may_name_stale_principals() {
    let world = with_temporary_access().await;
    let by_grants = || copy_and_unshare(&world).key_access(KeyAccessMode::Grants);
    world.edit_statements(&world.key_arn("key-1"), |statements| {
        statements.retain(|statement| !statement.to_string().contains(B));
    });
    let plan = world.plan(by_grants()).await;
    assert_eq!(plan.refusals().count(), 0, "{:?}", plan.findings);
    let report = world.share(by_grants()).await;
    assert_eq!(report.errors, []);
}

/// A share that also revokes names each key once, and refuses for either reason.
#[tokio::test(start_paused = true)]
async fn stale_principals_of_key_are_told_once() {
    const OTHER: &str = "300000000000";
    for (before, targets) in [
        (vec![B, OTHER], vec![B]),
        (vec![OTHER], vec![B]),
        (vec![], vec![B]),
    ] {
        let world = World::generate(3, 1, 1, 1);
        if !before.is_empty() {
            let request = world.build_request_for(&["image-1"], &before);
            world.share(request).await;
        }
        add_stale_statement(&world);
        let request = world.build_request_for(&["image-1"], &targets);
        let plan = world.plan(request.unlisted(Unlisted::Revoke)).await;
        let found = find(&plan.findings, "key.stale-principal");
        assert_eq!(found.len(), 1, "{before:?}: {found:?}");
        assert_eq!(found[0].severity, Severity::Refuse, "{before:?}");
    }
}
