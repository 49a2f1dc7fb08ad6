//! Things that may be wrong in a world, or look as if they were.

use ami_share_sim::world::Shared;
use aws_sdk_ec2::types::AllowedImagesSettingsEnabledState;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The alias and the name of B's own key.
pub(super) const OWN_KEY: &str = "own-222222222222";

/// What a launch asks of a key, by the actions of policies.
pub(super) const KEY_ACTIONS: [&str; 5] = [
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKeyWithoutPlaintext",
];

/// One thing that may be wrong. A number is that of an action of [`KEY_ACTIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    NoLaunchPermission,
    KeyDisabled,
    KeyPolicyWithout(usize),
    KeyPolicyDenies(usize),
    KeyPolicyNamesRole,
    KeyPolicyForS3,
    /// A grant to the account instead of the statements of the key policy.
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
    /// A grant to the launcher instead of the statements of the key policy.
    GrantToRole,
    SecondKeyDisabled,
}

pub(super) fn obstacles() -> impl Strategy<Value = Obstacle> {
    use Obstacle::*;
    (0..KEY_ACTIONS.len(), 0_usize..23).prop_map(|(n, kind)| match kind {
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

impl Obstacle {
    pub(super) async fn apply(self, world: &World) {
        match self {
            Self::NoLaunchPermission | Self::OrganizationInstead => self.change_image(world),
            Self::KeyDisabled => disable_key(world, A, "key-1").await,
            Self::SecondKeyDisabled => disable_key(world, A, "key-2").await,
            Self::KeyPolicyWithout(_)
            | Self::KeyPolicyDenies(_)
            | Self::KeyPolicyNamesRole
            | Self::KeyPolicyForS3
            | Self::UnclearCondition => self.change_key_policy(world),
            Self::GrantInstead => {
                let root = world.iam_arn(B, "root");
                replace_statements_by_grant(world, root).await;
            }
            Self::GrantToRole => replace_statements_by_grant(world, launcher_arn(world)).await,
            Self::LauncherWithout(_) | Self::LauncherDenied(_) | Self::LauncherThroughEc2Only => {
                self.change_launcher(world).await;
            }
            Self::DefaultKey | Self::DefaultKeyWithoutIam | Self::DefaultKeyDisabled => {
                self.change_default_key(world).await;
            }
            Self::OwnKeyDisabled => disable_key(world, B, OWN_KEY).await,
            Self::OwnKeyDenies(_) | Self::OwnKeyNamesRole => self.change_own_key_policy(world),
            Self::AllowedImages => {
                let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
                let call = ec2.enable_allowed_images_settings();
                let enabled = AllowedImagesSettingsEnabledState::Enabled;
                let call = call.allowed_images_settings_state(enabled);
                call.send().await.unwrap();
            }
            Self::EncryptsByDefault => {
                let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
                ec2.enable_ebs_encryption_by_default().send().await.unwrap();
            }
            // The world is built with it.
            Self::ControlDenies => {}
        }
    }

    fn change_image(self, world: &World) {
        let organization = world.localize(&json!(ORGANIZATION));
        let organization = organization.as_str().unwrap().to_owned();
        world.edit_image(&world.image_id("image-1"), |image| {
            image.launch_permissions = Shared::default();
            if self == Self::OrganizationInstead {
                image.launch_permissions.insert(organization);
            }
        });
    }

    fn change_key_policy(self, world: &World) {
        let launcher = launcher_arn(world);
        world.edit_statements(&world.key_arn("key-1"), |statements| {
            if let Self::KeyPolicyDenies(n) = self {
                statements.push(build_deny(KEY_ACTIONS[n], &launcher));
            }
            for statement in statements.iter_mut().filter(|one| is_ours(one)) {
                match self {
                    Self::KeyPolicyWithout(n) => {
                        let actions = statement["Action"].as_array_mut().unwrap();
                        actions.retain(|action| action != KEY_ACTIONS[n]);
                    }
                    Self::KeyPolicyNamesRole => {
                        statement["Principal"] = json!({ "AWS": launcher });
                    }
                    Self::KeyPolicyForS3 => {
                        let via = json!({ "kms:ViaService": "s3.us-east-1.amazonaws.com" });
                        statement["Condition"] = json!({ "StringEquals": via });
                    }
                    Self::UnclearCondition => {
                        let endpoint = json!({ "aws:SourceVpce": "vpce-1" });
                        statement["Condition"] = json!({ "StringLikeIfExists": endpoint });
                    }
                    _ => {}
                }
            }
        });
    }

    async fn change_launcher(self, world: &World) {
        let harmless =
            json!({ "Effect": "Allow", "Action": "ec2:DescribeImages", "Resource": "*" });
        let policy = match self {
            Self::LauncherWithout(n) => build_launcher_policy(harmless, Some(n), false),
            Self::LauncherDenied(n) => {
                let key = world.key_arn("key-1");
                let deny = json!({ "Effect": "Deny", "Action": KEY_ACTIONS[n], "Resource": key });
                build_launcher_policy(deny, None, false)
            }
            _ => build_launcher_policy(harmless, None, true),
        };
        set_launcher_policy(world, &policy).await;
    }

    async fn change_default_key(self, world: &World) {
        let key = world.key_arn(OWN_KEY);
        let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
        let call = ec2.modify_ebs_default_kms_key_id();
        call.kms_key_id(&key).send().await.unwrap();
        if self == Self::DefaultKeyWithoutIam {
            let deny = json!({ "Effect": "Deny", "Action": "kms:CreateGrant", "Resource": key });
            set_launcher_policy(world, &build_launcher_policy(deny, None, false)).await;
        }
        if self == Self::DefaultKeyDisabled {
            disable_key(world, B, OWN_KEY).await;
        }
    }

    fn change_own_key_policy(self, world: &World) {
        let launcher = launcher_arn(world);
        let consumer = world.iam_arn(B, "role/consumer");
        let admin = world.iam_arn(B, "user/admin");
        // It delegates nothing to the policies of the account: only its own statements count.
        let own = json!({
            "Effect": "Allow",
            "Principal": { "AWS": [consumer, admin] },
            "Action": "kms:*",
            "Resource": "*",
        });
        world.edit_statements(&world.key_arn(OWN_KEY), |statements| {
            if let Self::OwnKeyDenies(n) = self {
                statements.push(build_deny(KEY_ACTIONS[n], &launcher));
            } else {
                *statements = vec![own];
            }
        });
    }
}

pub(super) fn launcher_arn(world: &World) -> String {
    world.edit_role(B, LAUNCHER, |role| role.arn.clone())
}

/// Whether a statement is one that a share added.
pub(super) fn is_ours(statement: &Value) -> bool {
    let sid = statement["Sid"].as_str();
    sid.is_some_and(|sid| sid.starts_with("AmiShare"))
}

/// A statement of a key policy that denies an action to the launcher.
fn build_deny(action: &str, launcher: &str) -> Value {
    json!({
        "Effect": "Deny",
        "Principal": { "AWS": launcher },
        "Action": action,
        "Resource": "*",
    })
}

fn build_launcher_policy(more: Value, without: Option<usize>, through_ec2_only: bool) -> Value {
    let mut actions = KEY_ACTIONS.to_vec();
    if let Some(n) = without {
        actions.remove(n);
    }
    let mut keys = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    if through_ec2_only {
        keys["Condition"] = json!({ "StringLike": { "kms:ViaService": "ec2.*.amazonaws.com" } });
    }
    let ec2 = json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    json!({ "Version": "2012-10-17", "Statement": [keys, ec2, more] })
}

async fn set_launcher_policy(world: &World, policy: &Value) {
    world.edit_role(B, LAUNCHER, |role| role.inline.clear());
    world.put_role_policy(B, LAUNCHER, "launch", policy).await;
}

async fn disable_key(world: &World, account: &str, key: &str) {
    let kms = aws_sdk_kms::Client::new(&world.config(account));
    let call = kms.disable_key().key_id(world.key_arn(key));
    call.send().await.unwrap();
}

async fn replace_statements_by_grant(world: &World, grantee: String) {
    let key = world.key_arn("key-1");
    world.edit_statements(&key, |statements| {
        statements.retain(|statement| !is_ours(statement));
    });
    let operations = [
        "DescribeKey",
        "CreateGrant",
        "Decrypt",
        "ReEncryptFrom",
        "ReEncryptTo",
    ];
    let kms = aws_sdk_kms::Client::new(&world.config(A));
    let call = kms.create_grant().key_id(key).grantee_principal(grantee);
    let call = call.set_operations(Some(operations.map(Into::into).to_vec()));
    // It fails if another obstacle disabled the key.
    let _ = call.send().await;
}
