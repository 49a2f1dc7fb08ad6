//! One gate before the first change, whatever the mode: what forbids to share an image forbids to
//! revoke it, to remove its copies and to launch it, and again after an hour's copy.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, Unlisted, Verify};
use ami_share::{Sharer, aws_config};
use ami_share_sim::world::{Image, ImageState, Key, KeyState};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use serde_json::{Value, json};

use super::findings::targets::with_admin_role;
use super::support::*;

type Adapt = fn(ShareRequestBuilder) -> ShareRequestBuilder;

fn revoke_all(request: ShareRequestBuilder, copies: bool) -> ShareRequestBuilder {
    request.revoke(Revoke {
        all: true,
        copies,
        ..Revoke::default()
    })
}

/// Every mode that changes something; those without targets revoke from everybody.
const MODES: [(&str, &[&str], Adapt); 6] = [
    ("share", &["300000000000", B], |request| request),
    ("unlisted", &["300000000000"], |request| {
        request.unlisted(Unlisted::Revoke)
    }),
    ("revoke", &[B], into_revoke),
    ("revoke-all", &[], |request| revoke_all(request, false)),
    ("revoke-copies", &[], |request| revoke_all(request, true)),
    ("verify: launch", &[B], |request| {
        request.target_options(with_target_role().verify(Verify::Launch))
    }),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Guard {
    Tag,
    TagOfGone,
    Owner,
    Account,
}

const GUARDS: [(Guard, &str); 4] = [
    (Guard::Tag, "image.tag-missing"),
    (Guard::TagOfGone, "image.tag-missing"),
    (Guard::Owner, "image.not-owned"),
    (Guard::Account, "account.not-allowed"),
];

#[tokio::test(start_paused = true)]
async fn guard_holds_in_every_mode() {
    let mut problems = Vec::new();
    for (mode, targets, adapt) in MODES {
        for (guard, code) in GUARDS {
            // Only a revoke takes an image that is gone.
            if guard == Guard::TagOfGone && !mode.starts_with("revoke") {
                continue;
            }
            let world = with_admin_role(|_| ());
            Box::pin(world.share(world.build_copy_request(&["plain"]))).await;
            let request = set_guard(&world, guard, world.build_request_for(&["plain"], targets));
            let request = adapt(request.kms_key("alias/golden".parse().unwrap()));
            let before = world.count_changes();
            let codes = Box::pin(run(&world, mode, request)).await;
            if !codes.contains(&code) {
                problems.push(format!("{mode}, {guard:?}: {codes:?}"));
            }
            if world.count_changes() != before || world.has_called("ec2:RunInstances") {
                problems.push(format!("{mode}, {guard:?}: something was done"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

fn set_guard(world: &World, guard: Guard, request: ShareRequestBuilder) -> ShareRequestBuilder {
    let image = world.image_id("plain");
    match guard {
        Guard::Tag => request.require_image_tag("approved", "yes"),
        Guard::TagOfGone => {
            world.sim.edit(|state| state.images.remove(&image));
            request.require_image_tag("approved", "yes")
        }
        Guard::Owner => {
            world.edit_image(&image, |image| {
                "333333333333".clone_into(&mut image.owner);
                image.launch_permissions.insert(A.to_owned());
            });
            request
        }
        Guard::Account => request.allowed_accounts([B.parse().unwrap()]),
    }
}

async fn run(world: &World, mode: &str, request: ShareRequestBuilder) -> Vec<&'static str> {
    let sharer = Sharer::new(&world.config(A));
    let request = request.build().unwrap();
    if mode.starts_with("verify") {
        return list_codes(&sharer.verify(&request).await.unwrap());
    }
    let plan = sharer.plan(&request).await.unwrap();
    let codes = plan.findings.iter().map(|finding| finding.code.as_str());
    let codes = codes.collect();
    // A program that applies a refused plan all the same changes nothing either.
    let _ = sharer.apply(&plan).await;
    codes
}

fn tag(image: &mut Image, key: &str, value: &str) {
    let tags = image.tags.entry(A.to_owned()).or_default();
    tags.insert(key.to_owned(), value.to_owned());
}

#[tokio::test(start_paused = true)]
async fn source_is_looked_at_again_after_a_long_copy() {
    type Edit = fn(&mut Image);
    let table: [(&str, Edit, bool); 4] = [
        ("unchanged", |_| (), true),
        ("another tag", |image| tag(image, "x", "y"), true),
        ("no tag", |image| image.tags.clear(), false),
        (
            "disabled",
            |image| image.state = ImageState::Disabled,
            false,
        ),
    ];
    for (change, edit, is_shared) in table {
        let world = World::with_slow_copies();
        let image = world.image_id("plain");
        world.edit_image(&image, |image| {
            tag(image, "approved", "yes");
        });
        let request = world.build_copy_request(&["plain"]);
        let request = request.require_image_tag("approved", "yes");
        let changing = async {
            tokio::time::sleep(Duration::from_mins(30)).await;
            world.edit_image(&image, edit);
        };
        let (report, ()) = tokio::join!(world.try_share(request), changing);
        assert_eq!(report.is_ok(), is_shared, "{change}");
        let shares = world.has_called("ec2:ModifyImageAttribute");
        assert_eq!(shares, is_shared, "{change}");
        if let Err(report) = report {
            assert_eq!(report.errors[0].code.as_str(), "plan.refused", "{change}");
        }
    }
}

/// What its owner does to the key of a copy.
type KeyEdit = fn(&mut Key);

fn deny(key: &mut Key, account: &str) {
    let text = &mut key.policies.last_mut().unwrap().1;
    let mut document: Value = serde_json::from_str(text).unwrap();
    let statements = document["Statement"].as_array_mut().unwrap();
    statements.push(json!({
        "Sid": "NotThem",
        "Effect": "Deny",
        "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
        "Action": "kms:Decrypt",
        "Resource": "*",
    }));
    *text = document.to_string();
}

const KEY_EDITS: [(&str, KeyEdit, Option<&str>); 5] = [
    ("unchanged", |_| (), None),
    (
        "denies another account",
        |key| deny(key, "333333333333"),
        None,
    ),
    (
        "denies the target",
        |key| deny(key, B),
        Some("plan.refused"),
    ),
    (
        "disabled",
        |key| key.state = KeyState::Disabled,
        Some("key.disabled-meanwhile"),
    ),
    (
        "pending deletion",
        |key| key.state = KeyState::PendingDeletion,
        Some("key.disabled-meanwhile"),
    ),
];

/// P1: nobody is shown an image whose key they cannot use, also not if that is new.
#[tokio::test(start_paused = true)]
async fn keys_are_looked_at_again_after_a_long_copy() {
    for (change, edit, code) in KEY_EDITS {
        for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
            let what = format!("{change}, {mode:?}");
            let world = World::with_slow_copies();
            let request = world.build_copy_request(&["plain"]).key_access(mode);
            let changing = async {
                tokio::time::sleep(Duration::from_mins(30)).await;
                world.edit_key(&world.key_arn("golden"), edit);
            };
            let (report, ()) = tokio::join!(world.try_share(request), changing);
            assert_eq!(report.is_ok(), code.is_none(), "{what}: {report:?}");
            let shares = world.has_called("ec2:ModifyImageAttribute");
            assert_eq!(shares, code.is_none(), "{what}");
            if let (Err(report), Some(code)) = (report, code) {
                assert_eq!(report.errors[0].code.as_str(), code, "{what}");
            }
        }
    }
}

/// A deny that comes while the policy is watched: what is there is not called shared.
#[tokio::test(start_paused = true)]
async fn deny_that_comes_right_after_the_put_is_told() {
    let world = World::new();
    let denying = async {
        while !world.has_called("kms:PutKeyPolicy") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.edit_key(&world.key_arn("golden"), |key| deny(key, B));
    };
    let (report, ()) = tokio::join!(world.try_share(world.build_request(&["golden"])), denying);
    let errors = report.unwrap_err().errors;
    let message = &errors[0].message;
    assert!(
        message.contains("NotThem") && message.contains(B),
        "{message}"
    );
}

/// Credentials of the first account, and from the first renewal on those of the second.
#[derive(Debug)]
struct Renewing {
    keys: Mutex<Vec<Credentials>>,
}

impl ProvideCredentials for Renewing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let mut keys = self.keys.lock().unwrap();
        let next = if keys.len() > 1 {
            keys.remove(0)
        } else {
            keys[0].clone()
        };
        future::ProvideCredentials::ready(Ok(next))
    }
}

/// A configuration whose credentials end after half an hour, and are then those of `renewed`.
fn renew_as(world: &World, renewed: &str) -> aws_config::SdkConfig {
    let config = world.config(A);
    let now = config.time_source().unwrap().now();
    let mut keys = Vec::new();
    for (account, ends) in [(A, 1800), (renewed, 86_400)] {
        let facts = &world.sim.facts().accounts[account];
        let ends: SystemTime = now + Duration::from_secs(ends);
        let (id, secret) = (&facts.access_key_id, &facts.secret_access_key);
        keys.push(Credentials::new(id, secret, None, Some(ends), "test"));
    }
    let provider = Renewing {
        keys: Mutex::new(keys),
    };
    config
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build()
}

#[tokio::test(start_paused = true)]
async fn credentials_renew_as_the_same_account_only() {
    for (renewed, is_shared) in [(A, true), (B, false)] {
        for allowed in [None, Some(A.parse().unwrap())] {
            let world = World::with_slow_copies();
            let sharer = Sharer::new(&renew_as(&world, renewed));
            let mut request = world.build_copy_request(&["plain"]);
            if let Some(account) = allowed {
                request = request.allowed_accounts([account]);
            }
            let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
            let applied = sharer.apply(&plan).await;
            assert_eq!(applied.is_ok(), is_shared, "{renewed}");
            if let Err(incomplete) = applied {
                let error = &incomplete.report.errors[0];
                assert_eq!(error.code.as_str(), "credentials.invalid", "{error}");
                assert!(error.message.contains(renewed), "{error}");
            }
            for call in world.sim.journal() {
                let is_of_renewed = call.account == renewed;
                let asks_only = call.action == "sts:GetCallerIdentity";
                assert!(
                    call.account == A || (is_of_renewed && asks_only),
                    "{call:?}"
                );
            }
        }
    }
}

/// Answers of an AWS that speaks of another account than the one that was meant.
#[tokio::test(start_paused = true)]
async fn account_of_an_answer_is_the_one_that_is_meant() {
    let other_key = "arn:aws:kms:us-east-1:999999999999:key/11111111-2222-3333-4444-555555555555";
    let other_region =
        format!("arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555");
    let role = |request: ShareRequestBuilder| request.target_options(with_target_role());
    let table: [(&str, Value, Adapt); 4] = [
        (
            "a key of another account",
            json!({ "operation": "kms:DescribeKey",
                "effect": { "answer": { "path": "KeyMetadata/Arn", "value": other_key } } }),
            |request| request.kms_key("alias/golden".parse().unwrap()),
        ),
        (
            "a key of another Region",
            json!({ "operation": "kms:DescribeKey",
                "effect": { "answer": { "path": "KeyMetadata/Arn", "value": other_region } } }),
            |request| request.kms_key("alias/golden".parse().unwrap()),
        ),
        (
            "another key than the ARN says",
            json!({ "operation": "kms:DescribeKey",
                "effect": { "answer": { "path": "KeyMetadata/Arn", "value": other_key } } }),
            |request| request,
        ),
        (
            "a role of another account",
            json!({ "operation": "sts:GetCallerIdentity", "call": 2,
                "effect": { "answer": { "path": "Account", "value": "999999999999" } } }),
            role,
        ),
    ];
    for (what, fault, adapt) in table {
        let world = with_admin_role(|_| ()).with_fault(fault);
        let images = if what.starts_with("another key") {
            ["golden"]
        } else {
            ["plain"]
        };
        let request = adapt(world.build_request(&images)).build().unwrap();
        let sharer = Sharer::new(&world.config(A));
        let codes: Vec<&str> = match sharer.plan(&request).await {
            Ok(plan) => plan
                .errors
                .iter()
                .map(|error| error.code.as_str())
                .collect(),
            Err(errors) => errors.iter().map(|error| error.code.as_str()).collect(),
        };
        assert!(codes.contains(&"aws.unexpected"), "{what}: {codes:?}");
    }
}
