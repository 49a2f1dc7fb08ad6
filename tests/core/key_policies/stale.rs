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
