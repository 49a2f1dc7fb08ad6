//! Each pitfall is found before anything is changed.

use ami_share::{Severity, ShareRequestBuilder};
use ami_share_sim::world::{Image, ImageState, Key, KeyState, World as State};
use serde_json::json;

use super::support::*;

/// Changes the world, asks for a plan, and expects exactly one finding of this code.
async fn finds(
    code: &str,
    severity: Severity,
    names: &[&str],
    change: impl FnOnce(&mut State, &str),
    ask: impl FnOnce(ShareRequestBuilder) -> ShareRequestBuilder,
) {
    let world = World::new();
    let golden = world.key("golden");
    world.sim.edit(|state| change(state, &golden));
    let plan = world.plan(ask(world.request(names))).await;
    let found: Vec<_> = plan.findings.iter().map(|finding| (finding.code.as_str(), finding.severity)).collect();
    assert_eq!(found, [(code, severity)], "{:?}", plan.findings);
    assert!(plan.findings[0].message.len() > 20 && plan.findings[0].remedy.len() > 20);
    assert!(world.changes().is_empty());
    if severity == Severity::Refuse {
        let report = ami_share::Sharer::new(&world.config(A)).apply(&plan).await.unwrap_err().report;
        assert_eq!(report.errors[0].code.as_str(), "plan.refused");
        assert!(world.changes().is_empty());
    }
}

fn keep(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request
}

fn golden(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.kms_key("alias/golden".parse().unwrap())
}

fn key<'a>(state: &'a mut State, arn: &str) -> &'a mut Key {
    state.keys.get_mut(arn).unwrap()
}

fn image<'a>(state: &'a mut State, name: &str) -> &'a mut Image {
    state.images.values_mut().find(|image| image.name == name).unwrap()
}

/// Adds a statement to the policy of a key.
fn add(state: &mut State, arn: &str, statement: &serde_json::Value) {
    let policies = &mut key(state, arn).policies;
    let mut policy: serde_json::Value = serde_json::from_str(&policies[0].1).unwrap();
    policy["Statement"].as_array_mut().unwrap().push(statement.clone());
    policies[0].1 = policy.to_string();
}

#[tokio::test(start_paused = true)]
async fn of_keys() {
    use Severity::{Refuse, Warn};
    finds("key.aws-managed", Refuse, &["managed"], |_, _| {}, keep).await;
    finds(
        "key.aws-managed",
        Refuse,
        &["plain"],
        |_, _| {},
        |request| request.kms_key("alias/aws/ebs".parse().unwrap()),
    )
    .await;
    for names in [["golden"], ["plain"]] {
        let ask = if names == ["plain"] { golden } else { keep };
        finds("key.disabled", Refuse, &names, |state, arn| key(state, arn).state = KeyState::Disabled, ask).await;
        finds(
            "key.pending-deletion",
            Refuse,
            &names,
            |state, arn| key(state, arn).state = KeyState::PendingDeletion,
            ask,
        )
        .await;
        finds("key.unusable", Refuse, &names, |state, arn| key(state, arn).state = KeyState::PendingImport, ask).await;
    }
    finds("key.unusable", Refuse, &["plain"], |state, arn| key(state, arn).spec = "RSA_2048".to_owned(), golden).await;
    let taken = json!({ "Sid": "AmiShareUse", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{B}:root") }, "Action": "kms:*", "Resource": "*" });
    finds("key.sid-taken", Refuse, &["golden"], |state, arn| add(state, arn, &taken), keep).await;
    let stale = json!({ "Effect": "Allow", "Principal": { "AWS": "AROAEXAMPLEEXAMPLE01" }, "Action": "kms:*", "Resource": "*" });
    finds("key.stale-principal", Refuse, &["golden"], |state, arn| add(state, arn, &stale), keep).await;
    let long = json!({ "Sid": "x".repeat(32_350), "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{A}:root") }, "Action": "kms:*", "Resource": "*" });
    finds("key.policy-too-large", Refuse, &["golden"], |state, arn| add(state, arn, &long), keep).await;
    // Where nothing has to be written, what KMS would not take back is only worth a word.
    let holders = [ami_share::key_policy::Holder::Account(B.parse().unwrap())].into();
    let arn = World::new().key("golden").parse().unwrap();
    let ours = ami_share::key_policy::statements(&arn, ami_share::KeyScope::ViaEc2, &holders);
    let both = |state: &mut State, arn: &str| {
        add(state, arn, &stale);
        add(state, arn, &ours[0]);
    };
    finds("key.stale-principal", Warn, &["golden"], both, keep).await;
    let twice = |state: &mut State, arn: &str| {
        key(state, arn).policies[0].1.insert_str(1, r#""Statement":[],"#);
    };
    finds("key.policy-unreadable", Refuse, &["golden"], twice, keep).await;
}

#[tokio::test(start_paused = true)]
async fn of_a_key_of_another_account() {
    let foreign = |state: &mut State, arn: &str| {
        let mut theirs = Key::new(B, "us-east-1", "theirs", &Key::default_policy(B));
        theirs.grants.clear();
        let id = theirs.arn.clone();
        state.keys.insert(id.clone(), theirs);
        for snapshot in state.snapshots.values_mut().filter(|snapshot| snapshot.key.as_deref() == Some(arn)) {
            snapshot.key = Some(id.clone());
        }
    };
    finds("key.foreign", Severity::Refuse, &["golden"], foreign, keep).await;
}

#[tokio::test(start_paused = true)]
async fn of_images() {
    use Severity::{Refuse, Warn};
    finds(
        "image.not-owned",
        Refuse,
        &["golden"],
        |state, _| {
            let image = image(state, "golden");
            image.owner = B.to_owned();
            image.launch_permissions.insert(A.to_owned());
        },
        keep,
    )
    .await;
    let fail = |state: &mut State, _: &str| {
        let image = image(state, "golden");
        image.state = ImageState::Failed;
        image.state_reason = Some("Copy image failed with an internal error".to_owned());
    };
    finds("image.failed", Refuse, &["golden"], fail, keep).await;
    finds("image.disabled", Refuse, &["golden"], |state, _| image(state, "golden").state = ImageState::Disabled, keep)
        .await;
    finds(
        "image.product-code",
        Warn,
        &["golden"],
        |state, _| image(state, "golden").product_codes.push("abc".to_owned()),
        keep,
    )
    .await;
    let instance_store = |state: &mut State, _: &str| {
        let image = image(state, "plain");
        image.mappings.clear();
        image.root_device_type = "instance-store".to_owned();
    };
    finds("image.instance-store", Warn, &["plain"], instance_store, keep).await;
    finds("image.instance-store", Refuse, &["plain"], instance_store, golden).await;
    finds("image.tag-missing", Refuse, &["golden"], |_, _| {}, |request| request.require_image_tag("release", "yes"))
        .await;
    let lose = |state: &mut State, _: &str| {
        let id = image(state, "golden").mappings[0].snapshot.clone().unwrap();
        state.snapshots.remove(&id);
    };
    finds("image.snapshot-missing", Refuse, &["golden"], lose, keep).await;
}

#[tokio::test(start_paused = true)]
async fn of_copies_and_of_the_request() {
    use Severity::{Refuse, Warn};
    finds("copy.name-invalid", Refuse, &["plain"], |_, _| {}, |request| golden(request).copy_name("{name}".repeat(30)))
        .await;
    let many =
        |request: ShareRequestBuilder| (0..49).fold(golden(request), |request, n| request.tag(format!("k{n}"), "v"));
    finds("copy.too-many-tags", Refuse, &["plain"], |_, _| {}, many).await;
    finds("target.is-source", Warn, &["golden"], |_, _| {}, |request| request.target_account(A.parse().unwrap())).await;
    let quick = ami_share::Timing { settle: std::time::Duration::from_secs(7), ..Default::default() };
    finds("timing.settle-short", Warn, &["golden"], |_, _| {}, |request| request.timing(quick)).await;
    finds(
        "account.not-allowed",
        Refuse,
        &["golden"],
        |_, _| {},
        |request| request.allowed_accounts([B.parse().unwrap()]),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn under_a_wrong_account_nothing_but_its_name_is_asked_for() {
    let world = World::new();
    world.plan(world.request(&["golden"]).allowed_accounts([B.parse().unwrap()])).await;
    assert_eq!(world.actions(0), ["sts:GetCallerIdentity"]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_disabled_is_not_used() {
    let world = World::new();
    let first = world.share(world.copying(&["plain"])).await.images[0].image.clone().unwrap();
    world.sim.edit(|state| {
        state.images.get_mut(first.as_ref()).unwrap().state = ImageState::Disabled;
        state.tokens.clear();
    });
    let report = world.share(world.copying(&["plain"])).await;
    assert_eq!(codes(&report), ["copy.disabled"]);
    assert_ne!(report.images[0].image.as_ref(), Some(&first));
}
