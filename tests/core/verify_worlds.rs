//! Worlds in which something may be wrong: what is said of each, held against what a launch does.

use std::cell::Cell;

use ami_share::report::{CheckName, Conclusion, Verdict};
use ami_share::request::{TargetOptions, Verify};
use ami_share_sim::world::Shared;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::support::*;
use super::verify::{Kind, LAUNCHER, detail, of_kind, to_b, verdict, verified};

/// One thing that may be wrong in a world, or look like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twist {
    NoLaunchPermission,
    KeyDisabled,
    KeyPolicyWithout(usize),
    KeyPolicyDenies(usize),
    KeyPolicyNamesRole,
    KeyPolicyForS3,
    GrantInstead,
    LauncherWithout(usize),
    LauncherDenied(usize),
    LauncherThroughEc2Only,
    DefaultKey,
    DefaultKeyWithoutIam,
    DefaultKeyDisabled,
    AllowedImages,
    OrganizationInstead,
    ControlDenies,
    UnclearCondition,
    EncryptsByDefault,
    OwnKeyDisabled,
    OwnKeyDenies(usize),
    OwnKeyNamesRole,
    GrantToRole,
    SecondKeyDisabled,
}

const ACTIONS: [&str; 5] = [
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKeyWithoutPlaintext",
];

fn twist() -> impl Strategy<Value = Twist> {
    use Twist::*;
    (0..ACTIONS.len(), 0_usize..23).prop_map(|(n, kind)| match kind {
        0 => NoLaunchPermission,
        1 => KeyDisabled,
        2 => KeyPolicyWithout(n),
        3 => KeyPolicyDenies(n),
        4 => KeyPolicyNamesRole,
        5 => KeyPolicyForS3,
        6 => GrantInstead,
        7 => LauncherWithout(n),
        8 => LauncherDenied(n),
        9 => LauncherThroughEc2Only,
        10 => DefaultKey,
        11 => DefaultKeyWithoutIam,
        12 => DefaultKeyDisabled,
        13 => AllowedImages,
        14 => OrganizationInstead,
        15 => ControlDenies,
        16 => UnclearCondition,
        17 => EncryptsByDefault,
        18 => OwnKeyDisabled,
        19 => OwnKeyDenies(n),
        20 => OwnKeyNamesRole,
        21 => GrantToRole,
        _ => SecondKeyDisabled,
    })
}

const OWN_KEY: &str = "own-222222222222";

fn edit_policy(world: &World, change: impl FnOnce(&mut Vec<serde_json::Value>)) {
    edit_policy_of(world, "key-1", change);
}

fn edit_policy_of(world: &World, key: &str, change: impl FnOnce(&mut Vec<serde_json::Value>)) {
    let key = world.key(key);
    world.sim.edit(|state| {
        let text = &mut state
            .keys
            .get_mut(&key)
            .unwrap()
            .policies
            .last_mut()
            .unwrap()
            .1;
        let mut document: serde_json::Value = serde_json::from_str(text).unwrap();
        change(document["Statement"].as_array_mut().unwrap());
        *text = document.to_string();
    });
}

fn launcher_policy(
    more: serde_json::Value,
    without: Option<usize>,
    condition: bool,
) -> serde_json::Value {
    let actions: Vec<&str> = ACTIONS
        .iter()
        .enumerate()
        .filter(|(n, _)| Some(*n) != without)
        .map(|(_, a)| *a)
        .collect();
    let mut keys = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    if condition {
        keys["Condition"] = json!({ "StringLike": { "kms:ViaService": "ec2.*.amazonaws.com" } });
    }
    json!({ "Version": "2012-10-17", "Statement": [keys, { "Effect": "Allow", "Action": "ec2:*", "Resource": "*" }, more] })
}

async fn set_launcher(world: &World, document: &serde_json::Value) {
    world.sim.edit(|state| {
        state
            .accounts
            .get_mut(B)
            .unwrap()
            .roles
            .get_mut(LAUNCHER)
            .unwrap()
            .inline
            .clear()
    });
    world.put_role_policy(B, LAUNCHER, "launch", document).await;
}

async fn apply(world: &World, twist: Twist) {
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let harmless = json!({ "Effect": "Allow", "Action": "ec2:DescribeImages", "Resource": "*" });
    let theirs = |statement: &serde_json::Value| {
        statement["Sid"]
            .as_str()
            .is_some_and(|sid| sid.starts_with("AmiShare"))
    };
    match twist {
        Twist::NoLaunchPermission => {
            let image = world.image("image-1");
            world.sim.edit(|state| {
                state.images.get_mut(&image).unwrap().launch_permissions = Shared::default()
            });
        }
        Twist::KeyDisabled => {
            let kms = aws_sdk_kms::Client::new(&world.config(A));
            kms.disable_key()
                .key_id(world.key("key-1"))
                .send()
                .await
                .unwrap();
        }
        Twist::KeyPolicyWithout(n) => edit_policy(world, |statements| {
            for statement in statements.iter_mut().filter(|statement| theirs(statement)) {
                statement["Action"]
                    .as_array_mut()
                    .unwrap()
                    .retain(|action| action != ACTIONS[n]);
            }
        }),
        Twist::KeyPolicyDenies(n) => edit_policy(world, |statements| {
            let who = json!({ "AWS": format!("arn:aws:iam::{B}:role/{LAUNCHER}") });
            statements.push(json!({ "Effect": "Deny", "Principal": who, "Action": ACTIONS[n], "Resource": "*" }));
        }),
        Twist::KeyPolicyNamesRole => edit_policy(world, |statements| {
            for statement in statements.iter_mut().filter(|statement| theirs(statement)) {
                statement["Principal"] =
                    json!({ "AWS": format!("arn:aws:iam::{B}:role/{LAUNCHER}") });
            }
        }),
        Twist::KeyPolicyForS3 => edit_policy(world, |statements| {
            for statement in statements.iter_mut().filter(|statement| theirs(statement)) {
                statement["Condition"] =
                    json!({ "StringEquals": { "kms:ViaService": "s3.us-east-1.amazonaws.com" } });
            }
        }),
        Twist::GrantInstead => {
            edit_policy(world, |statements| {
                statements.retain(|statement| !theirs(statement))
            });
            let kms = aws_sdk_kms::Client::new(&world.config(A));
            let operations = [
                "DescribeKey",
                "CreateGrant",
                "Decrypt",
                "ReEncryptFrom",
                "ReEncryptTo",
            ];
            let call = kms.create_grant().key_id(world.key("key-1"));
            let call = call.grantee_principal(format!("arn:aws:iam::{B}:root"));
            // A key that is disabled by now takes none.
            drop(
                call.set_operations(Some(operations.map(Into::into).to_vec()))
                    .send()
                    .await,
            );
        }
        Twist::LauncherWithout(n) => {
            set_launcher(world, &launcher_policy(harmless, Some(n), false)).await
        }
        Twist::LauncherDenied(n) => {
            let deny =
                json!({ "Effect": "Deny", "Action": ACTIONS[n], "Resource": world.key("key-1") });
            set_launcher(world, &launcher_policy(deny, None, false)).await;
        }
        Twist::LauncherThroughEc2Only => {
            set_launcher(world, &launcher_policy(harmless, None, true)).await
        }
        Twist::DefaultKey | Twist::DefaultKeyWithoutIam | Twist::DefaultKeyDisabled => {
            let own = world.key("own-222222222222");
            ec2.modify_ebs_default_kms_key_id()
                .kms_key_id(&own)
                .send()
                .await
                .unwrap();
            if twist == Twist::DefaultKeyWithoutIam {
                let deny =
                    json!({ "Effect": "Deny", "Action": "kms:CreateGrant", "Resource": own });
                set_launcher(world, &launcher_policy(deny, None, false)).await;
            }
            if twist == Twist::DefaultKeyDisabled {
                aws_sdk_kms::Client::new(&world.config(B))
                    .disable_key()
                    .key_id(&own)
                    .send()
                    .await
                    .unwrap();
            }
        }
        Twist::AllowedImages => {
            let state = aws_sdk_ec2::types::AllowedImagesSettingsEnabledState::Enabled;
            ec2.enable_allowed_images_settings()
                .allowed_images_settings_state(state)
                .send()
                .await
                .unwrap();
        }
        Twist::OrganizationInstead => {
            let organization = "arn:aws:organizations::111111111111:organization/o-example123";
            let image = world.image("image-1");
            world.sim.edit(|state| {
                let permissions = &mut state.images.get_mut(&image).unwrap().launch_permissions;
                *permissions = Shared::default();
                permissions.add(organization.to_owned(), std::time::Duration::ZERO);
            });
        }
        // Made with the world.
        Twist::ControlDenies => {}
        Twist::EncryptsByDefault => {
            ec2.enable_ebs_encryption_by_default().send().await.unwrap();
        }
        Twist::OwnKeyDisabled | Twist::OwnKeyDenies(_) | Twist::OwnKeyNamesRole => {
            to_own_key(world, twist).await
        }
        Twist::GrantToRole => {
            edit_policy(world, |statements| {
                statements.retain(|statement| !theirs(statement))
            });
            let kms = aws_sdk_kms::Client::new(&world.config(A));
            let operations = [
                "DescribeKey",
                "CreateGrant",
                "Decrypt",
                "ReEncryptFrom",
                "ReEncryptTo",
            ];
            let call = kms.create_grant().key_id(world.key("key-1"));
            let call = call.grantee_principal(format!("arn:aws:iam::{B}:role/{LAUNCHER}"));
            // A key that is disabled by now takes none.
            drop(
                call.set_operations(Some(operations.map(Into::into).to_vec()))
                    .send()
                    .await,
            );
        }
        Twist::SecondKeyDisabled => {
            let kms = aws_sdk_kms::Client::new(&world.config(A));
            kms.disable_key()
                .key_id(world.key("key-2"))
                .send()
                .await
                .unwrap();
        }
        Twist::UnclearCondition => edit_policy(world, |statements| {
            for statement in statements.iter_mut().filter(|statement| theirs(statement)) {
                statement["Condition"] =
                    json!({ "StringLikeIfExists": { "aws:SourceVpce": "vpce-1" } });
            }
        }),
    }
}

/// What may be wrong with the target's own key.
async fn to_own_key(world: &World, twist: Twist) {
    match twist {
        Twist::OwnKeyDisabled => {
            let kms = aws_sdk_kms::Client::new(&world.config(B));
            kms.disable_key()
                .key_id(world.key(OWN_KEY))
                .send()
                .await
                .unwrap();
        }
        Twist::OwnKeyDenies(n) => edit_policy_of(world, OWN_KEY, |statements| {
            let who = json!({ "AWS": format!("arn:aws:iam::{B}:role/{LAUNCHER}") });
            statements.push(json!({ "Effect": "Deny", "Principal": who, "Action": ACTIONS[n], "Resource": "*" }));
        }),
        // It leaves nothing to the policies of the account: only what it says itself holds.
        Twist::OwnKeyNamesRole => edit_policy_of(world, OWN_KEY, |statements| {
            let who = json!({ "AWS": [format!("arn:aws:iam::{B}:role/consumer"), format!("arn:aws:iam::{B}:user/admin")] });
            *statements = vec![
                json!({ "Effect": "Allow", "Principal": who, "Action": "kms:*", "Resource": "*" }),
            ];
        }),
        _ => {}
    }
}

/// The property of promise P9: where nothing is unknown, the sum is what a launch does; a no always
/// is one.
#[test]
fn what_is_said_is_what_a_launch_does() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (worlds, unsure, blocked) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 192,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let kinds = prop::sample::select(vec![
        Kind::Shared,
        Kind::TwoKeys,
        Kind::Plain,
        Kind::CopyReport,
    ]);
    let checked = runner.run(
        &(kinds, prop::collection::vec(twist(), 0..4)),
        |(kind, twists)| {
            let (found, launched) = runtime.block_on(async {
                let world = of_kind(kind, twists.contains(&Twist::ControlDenies)).await;
                let wanted = || match kind {
                    Kind::CopyReport => {
                        by_role().kms_key(format!("alias/{OWN_KEY}").parse().unwrap())
                    }
                    _ => by_role(),
                };
                world
                    .share(to_b(&world, wanted().verify(Verify::None)))
                    .await;
                for twist in &twists {
                    apply(&world, *twist).await;
                }
                let found = verified(&world, wanted().launch_roles([LAUNCHER.to_owned()])).await;
                let image = world.image_of(B).unwrap_or_else(|| world.image("image-1"));
                (
                    found,
                    world.launch_by(B, LAUNCHER, &image).await == "running",
                )
            });
            let unknown = found
                .checks
                .iter()
                .any(|check| check.verdict == Verdict::Unknown);
            let is_blocked = found.conclusion == Conclusion::Blocked;
            worlds.set(worlds.get() + 1);
            unsure.set(unsure.get() + usize::from(unknown && !is_blocked));
            blocked.set(blocked.get() + usize::from(is_blocked));
            prop_assert!(!(is_blocked && launched), "{:?}", found);
            prop_assert!(is_blocked || unknown || launched, "{:?}", found);
            Ok(())
        },
    );
    println!(
        "{} worlds: {} blocked, {} with no obstacle found and something unknown",
        worlds.get(),
        blocked.get(),
        unsure.get()
    );
    checked.unwrap();
    assert!(unsure.get() * 2 < worlds.get(), "most is known");
}

#[tokio::test(start_paused = true)]
async fn a_no_names_what_put_right_makes_it_a_yes() {
    use Twist::*;
    // What is wrong, the check that says so, and what its words name.
    let table: [(Twist, CheckName, &[&str]); 12] = [
        (
            NoLaunchPermission,
            CheckName::LaunchPermission,
            &["launch permission", B],
        ),
        (KeyDisabled, CheckName::KeyState, &["enable it", ":key/"]),
        (
            KeyPolicyWithout(1),
            CheckName::KeyAccess,
            &["kms:CreateGrant", ":key/", "policy"],
        ),
        (
            KeyPolicyDenies(2),
            CheckName::KeyAccess,
            &["kms:Decrypt", "denies", "exempt"],
        ),
        (KeyPolicyForS3, CheckName::KeyAccess, &["through EC2"]),
        (
            LauncherWithout(0),
            CheckName::LauncherIam,
            &["kms:DescribeKey", "role/launcher", ":key/"],
        ),
        (
            LauncherDenied(1),
            CheckName::LauncherIam,
            &["kms:CreateGrant", "role/launcher", ":key/"],
        ),
        (
            DefaultKeyWithoutIam,
            CheckName::LauncherIam,
            &["kms:CreateGrant", "role/launcher", ":key/"],
        ),
        (
            DefaultKeyDisabled,
            CheckName::DefaultKey,
            &["default EBS key", "enable it"],
        ),
        (
            AllowedImages,
            CheckName::AllowedImages,
            &["Allowed AMIs", A],
        ),
        (ControlDenies, CheckName::LauncherIam, &["ec2:RunInstances"]),
        (GrantInstead, CheckName::KeyAccess, &[]),
    ];
    for (twist, name, words) in table {
        let world = of_kind(Kind::Shared, twist == ControlDenies).await;
        world.share(to_b(&world, TargetOptions::default())).await;
        apply(&world, twist).await;
        let found = verified(&world, by_role().launch_roles([LAUNCHER.to_owned()])).await;
        let expected = if twist == GrantInstead {
            Verdict::Yes
        } else {
            Verdict::No
        };
        assert_eq!(
            verdict(&found, name),
            Some(expected),
            "{twist:?}: {found:?}"
        );
        for word in words {
            assert!(
                detail(&found, name).contains(word),
                "{twist:?}: {} does not name {word}",
                detail(&found, name)
            );
        }
    }
}
