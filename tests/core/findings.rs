//! Each pitfall is found before anything is changed.

use std::collections::BTreeSet;
use std::time::Duration;

use Severity::{Refuse, Warn};
use ami_share::diagnostic::Severity;
use ami_share::request::{
    DeprecateAt, KeyAccessMode, KeyScope, ShareRequestBuilder, ShareSnapshots,
};
use ami_share_sim::world::{Image, ImageState, Key, KeyState, World as State};
use serde_json::json;

use super::support::*;

/// The codes that were found, each with its severity.
pub(crate) type Found = BTreeSet<(&'static str, Severity)>;

/// Every pitfall that a change of one thing in the world, or in the request, makes.
pub(crate) async fn pitfalls() -> Found {
    let mut found = Found::new();
    of_keys(&mut found).await;
    of_key_policies(&mut found).await;
    of_images(&mut found).await;
    of_copies(&mut found).await;
    of_the_request(&mut found).await;
    found
}

/// Changes the world, asks for a plan, and expects exactly one finding of this code.
async fn finds(
    all: &mut Found,
    (code, severity): (&'static str, Severity),
    names: &[&str],
    change: impl FnOnce(&mut State, &str),
    ask: impl FnOnce(ShareRequestBuilder) -> ShareRequestBuilder,
) {
    let world = World::new();
    let golden = world.key("golden");
    world.sim.edit(|state| change(state, &golden));
    let plan = world.plan(ask(world.request(names))).await;
    let found: Vec<_> = plan
        .findings
        .iter()
        .map(|finding| (finding.code.as_str(), finding.severity))
        .collect();
    assert_eq!(found, [(code, severity)], "{:?}", plan.findings);
    assert!(plan.findings[0].message.len() > 20 && plan.findings[0].remedy.len() > 20);
    assert!(world.changes().is_empty());
    if severity == Severity::Refuse {
        let report = ami_share::Sharer::new(&world.config(A))
            .apply(&plan)
            .await
            .unwrap_err()
            .report;
        assert_eq!(report.errors[0].code.as_str(), "plan.refused");
        assert!(world.changes().is_empty());
    }
    all.insert((code, severity));
}

fn nothing(_: &mut State, _: &str) {}

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
    state
        .images
        .values_mut()
        .find(|image| image.name == name)
        .unwrap()
}

/// Adds a statement to the policy of a key.
pub(crate) fn add(state: &mut State, arn: &str, statement: &serde_json::Value) {
    let policies = &mut key(state, arn).policies;
    let mut policy: serde_json::Value = serde_json::from_str(&policies[0].1).unwrap();
    policy["Statement"]
        .as_array_mut()
        .unwrap()
        .push(statement.clone());
    policies[0].1 = policy.to_string();
}

async fn of_keys(all: &mut Found) {
    finds(
        all,
        ("key.aws-managed", Refuse),
        &["managed"],
        nothing,
        keep,
    )
    .await;
    let ebs = |request: ShareRequestBuilder| request.kms_key("alias/aws/ebs".parse().unwrap());
    finds(all, ("key.aws-managed", Refuse), &["plain"], nothing, ebs).await;
    for names in [["golden"], ["plain"]] {
        let ask = if names == ["plain"] { golden } else { keep };
        for (code, bad) in [
            ("key.disabled", KeyState::Disabled),
            ("key.pending-deletion", KeyState::PendingDeletion),
            ("key.unusable", KeyState::PendingImport),
        ] {
            finds(
                all,
                (code, Refuse),
                &names,
                |state, arn| key(state, arn).state = bad,
                ask,
            )
            .await;
        }
    }
    let asymmetric =
        |state: &mut State, arn: &str| "RSA_2048".clone_into(&mut key(state, arn).spec);
    finds(
        all,
        ("key.unusable", Refuse),
        &["plain"],
        asymmetric,
        golden,
    )
    .await;
    let foreign = |state: &mut State, arn: &str| {
        let mut theirs = Key::new(B, "us-east-1", "theirs", &Key::default_policy(B));
        theirs.grants.clear();
        let id = theirs.arn.clone();
        state.keys.insert(id.clone(), theirs);
        for snapshot in state
            .snapshots
            .values_mut()
            .filter(|snapshot| snapshot.key.as_deref() == Some(arn))
        {
            snapshot.key = Some(id.clone());
        }
    };
    finds(all, ("key.foreign", Refuse), &["golden"], foreign, keep).await;
    let none = |request: ShareRequestBuilder| request.key_access(KeyAccessMode::None);
    finds(
        all,
        ("key.access-unmanaged", Warn),
        &["golden"],
        nothing,
        none,
    )
    .await;
    let grants = |request: ShareRequestBuilder| request.key_access(KeyAccessMode::Grants);
    finds(
        all,
        ("grants.redelegable", Warn),
        &["golden"],
        nothing,
        grants,
    )
    .await;
}

async fn of_key_policies(all: &mut Found) {
    let statement = |sid: &str, effect: &str, account: &str| {
        let root = format!("arn:aws:iam::{account}:root");
        json!({ "Sid": sid, "Effect": effect, "Principal": { "AWS": root }, "Action": "kms:*", "Resource": "*" })
    };
    let stale = json!({ "Effect": "Allow", "Principal": { "AWS": "AROAEXAMPLEEXAMPLE01" }, "Action": "kms:*", "Resource": "*" });
    let mut outsiders = statement("OnlyOurs", "Deny", "");
    outsiders["Principal"] = "*".into();
    outsiders["Condition"] = json!({ "StringNotEquals": { "kms:CallerAccount": A } });
    for (code, severity, more) in [
        (
            "key.sid-taken",
            Refuse,
            statement("AmiShareUse", "Allow", B),
        ),
        ("key.stale-principal", Refuse, stale.clone()),
        (
            "key.policy-too-large",
            Refuse,
            statement(&"x".repeat(32_350), "Allow", A),
        ),
        ("key.policy-denies", Refuse, statement("NotB", "Deny", B)),
        ("key.policy-denies", Warn, outsiders),
        (
            "key.policy-managed",
            Warn,
            statement("KeptByTerraform", "Allow", A),
        ),
    ] {
        finds(
            all,
            (code, severity),
            &["golden"],
            |state, arn| add(state, arn, &more),
            keep,
        )
        .await;
    }
    // Where nothing has to be written, what KMS would not take back is only worth a word.
    let world = World::new();
    let plan = world.plan(world.to(&["golden"], &[B])).await;
    let ours = plan.key_policy_statements();
    let both = |state: &mut State, arn: &str| {
        add(state, arn, &stale);
        add(state, arn, &ours[0]);
    };
    finds(all, ("key.stale-principal", Warn), &["golden"], both, keep).await;
    let twice = |state: &mut State, arn: &str| {
        key(state, arn).policies[0]
            .1
            .insert_str(1, r#""Statement":[],"#)
    };
    finds(
        all,
        ("key.policy-unreadable", Refuse),
        &["golden"],
        twice,
        keep,
    )
    .await;
    let theirs = statement("Theirs", "Allow", "333333333333");
    let direct = |request: ShareRequestBuilder| request.key_scope(KeyScope::Direct);
    finds(
        all,
        ("key.used-by-many", Warn),
        &["golden"],
        |state, arn| add(state, arn, &theirs),
        direct,
    )
    .await;
}

async fn of_images(all: &mut Found) {
    let owned = |state: &mut State, _: &str| {
        let image = image(state, "golden");
        B.clone_into(&mut image.owner);
        image.launch_permissions.insert(A.to_owned());
    };
    finds(all, ("image.not-owned", Refuse), &["golden"], owned, keep).await;
    let fail = |state: &mut State, _: &str| {
        let image = image(state, "golden");
        image.state = ImageState::Failed;
        image.state_reason = Some("Copy image failed with an internal error".to_owned());
    };
    finds(all, ("image.failed", Refuse), &["golden"], fail, keep).await;
    let disable = |state: &mut State, _: &str| image(state, "golden").state = ImageState::Disabled;
    finds(all, ("image.disabled", Refuse), &["golden"], disable, keep).await;
    let sell =
        |state: &mut State, _: &str| image(state, "golden").product_codes.push("abc".to_owned());
    finds(all, ("image.product-code", Warn), &["golden"], sell, keep).await;
    let deprecate = |state: &mut State, _: &str| {
        image(state, "golden").deprecation_time = Some("2021-01-01T00:00:00.000Z".to_owned());
    };
    finds(
        all,
        ("image.deprecated", Warn),
        &["golden"],
        deprecate,
        keep,
    )
    .await;
    let instance_store = |state: &mut State, _: &str| {
        let image = image(state, "plain");
        image.mappings.clear();
        "instance-store".clone_into(&mut image.root_device_type);
    };
    finds(
        all,
        ("image.instance-store", Warn),
        &["plain"],
        instance_store,
        keep,
    )
    .await;
    finds(
        all,
        ("image.instance-store", Refuse),
        &["plain"],
        instance_store,
        golden,
    )
    .await;
    let tagged = |request: ShareRequestBuilder| request.require_image_tag("release", "yes");
    finds(
        all,
        ("image.tag-missing", Refuse),
        &["golden"],
        nothing,
        tagged,
    )
    .await;
    let lose = |state: &mut State, _: &str| {
        let id = image(state, "golden").mappings[0].snapshot.clone().unwrap();
        state.snapshots.remove(&id);
    };
    finds(
        all,
        ("image.snapshot-missing", Refuse),
        &["golden"],
        lose,
        keep,
    )
    .await;
    let many = |request: ShareRequestBuilder| {
        request.target_accounts(
            (0..1000_u64).map(|n| (300_000_000_000 + n).to_string().parse().unwrap()),
        )
    };
    finds(all, ("image.many-targets", Warn), &["plain"], nothing, many).await;
}

async fn of_copies(all: &mut Found) {
    let long = |request: ShareRequestBuilder| golden(request).copy_name("{name}".repeat(30));
    finds(
        all,
        ("copy.name-invalid", Refuse),
        &["plain"],
        nothing,
        long,
    )
    .await;
    let many = |request: ShareRequestBuilder| {
        (0..49).fold(golden(request), |request, n| {
            request.tag(format!("k{n}"), "v")
        })
    };
    finds(
        all,
        ("copy.too-many-tags", Refuse),
        &["plain"],
        nothing,
        many,
    )
    .await;
    let volumes = |state: &mut State, _: &str| {
        let mappings = &mut image(state, "plain").mappings;
        mappings.extend(std::iter::repeat_n(mappings[0].clone(), 20));
    };
    finds(all, ("copy.queued", Warn), &["plain"], volumes, golden).await;
}

async fn of_the_request(all: &mut Found) {
    let own = |request: ShareRequestBuilder| request.target_account(A.parse().unwrap());
    finds(all, ("target.is-source", Warn), &["golden"], nothing, own).await;
    let quick = ami_share::request::Timing {
        settle: Duration::from_secs(7),
        ..Default::default()
    };
    finds(
        all,
        ("timing.settle-short", Warn),
        &["golden"],
        nothing,
        |request| request.timing(quick),
    )
    .await;
    let elsewhere = |request: ShareRequestBuilder| request.allowed_accounts([B.parse().unwrap()]);
    finds(
        all,
        ("account.not-allowed", Refuse),
        &["golden"],
        nothing,
        elsewhere,
    )
    .await;
    let soon = |request: ShareRequestBuilder| {
        request.deprecate_at(DeprecateAt::AfterCreation(Duration::from_millis(1)))
    };
    finds(all, ("deprecation.past", Warn), &["golden"], nothing, soon).await;
    let one = |request: ShareRequestBuilder| request.publish_ssm_parameter("/images/latest");
    finds(
        all,
        ("parameter.ambiguous", Refuse),
        &["golden", "plain"],
        nothing,
        one,
    )
    .await;
    let rename =
        |state: &mut State, _: &str| "golden (1)".clone_into(&mut image(state, "golden").name);
    let named = |request: ShareRequestBuilder| request.publish_ssm_parameter("/images/{name}");
    finds(
        all,
        ("parameter.name-invalid", Refuse),
        &["golden"],
        rename,
        named,
    )
    .await;
    let organization = "arn:aws:organizations::111111111111:organization/o-example123";
    let copying = |request: ShareRequestBuilder| {
        request
            .targets([organization.parse().unwrap()])
            .share_snapshots(ShareSnapshots::Always)
    };
    finds(
        all,
        ("snapshot.organization", Warn),
        &["golden"],
        nothing,
        copying,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn under_a_wrong_account_nothing_but_its_name_is_asked_for() {
    let world = World::new();
    world
        .plan(
            world
                .request(&["golden"])
                .allowed_accounts([B.parse().unwrap()]),
        )
        .await;
    assert_eq!(world.actions(0), ["sts:GetCallerIdentity"]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_disabled_is_not_used() {
    let world = World::new();
    let first = world.share(world.copying(&["plain"])).await.images[0]
        .image
        .clone()
        .unwrap();
    world.sim.edit(|state| {
        state.images.get_mut(first.as_ref()).unwrap().state = ImageState::Disabled;
        state.tokens.clear();
    });
    let report = world.share(world.copying(&["plain"])).await;
    assert_eq!(codes(&report), ["copy.disabled"]);
    assert_ne!(report.images[0].image.as_ref(), Some(&first));
}
